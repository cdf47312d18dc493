// Takes the events of a webhook on 127.0.0.1, and prints those whose signature is right: node receiver.mjs <secret> <port>
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const [secret, port] = process.argv.slice(2);
createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": given = "" } = request.headers;
  const hmac = createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64"));
  const right = Buffer.from(`v1,${hmac.update(`${id}.${at}.`).update(body).digest("base64")}`);
  const isRight = (each) => each.length === right.length && timingSafeEqual(Buffer.from(each), right);
  const isTaken = given.split(" ").some(isRight) && Math.abs(Date.now() / 1_000 - at) < 300;
  if (isTaken) console.log(body.toString());
  response.writeHead(isTaken ? 204 : 401).end();
}).listen(Number(port), "127.0.0.1");
