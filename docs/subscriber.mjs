// A WebSub subscriber on 127.0.0.1: it confirms every request, and prints what it is sent: node subscriber.mjs <port>
import { createServer } from "node:http";

const [port] = process.argv.slice(2);
createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  if (request.method === "POST") console.log(body.toString());
  response.end(new URL(request.url, "http://127.0.0.1").searchParams.get("hub.challenge"));
}).listen(Number(port), "127.0.0.1");
