import type { Json } from "./json.ts";
import { Publisher } from "./publisher.ts";
import type { Incoming, Outgoing } from "./routes.ts";
import { parsed } from "./wire.ts";

/**
 * The small publisher of the README, `npm run peer`: an actor on 127.0.0.1 that approves every trust and sends its
 * changes to its subscribers. `PEER_PORT` [4000], `PEER_ID` [demo]. Without a bearer it is the owner who speaks:
 *
 *   PUT    /demo/properties/color     sets it (JSON, or else text); a longer path sets a place inside
 *   DELETE /demo/properties/color     deletes it
 *   POST   /demo/properties/memo      appends to the list `memo`
 *   GET    /demo/properties           shows everything
 *
 * The change is answered after its callbacks were: what the subscriber said comes back in `callbacks`.
 */
const port = process.env["PEER_PORT"] || "4000";
if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
  cannotStart(
    `PEER_PORT is ${JSON.stringify(port)}, which is no port. Give a whole number from 1 to 65535 (0 takes any free one).`,
  );
}

const peer = new Publisher({
  port: Number(port),
  actorId: process.env["PEER_ID"] ?? "demo",
  style: "ours",
  autoApprove: true,
  autoDeliver: true,
  seed: Date.now(),
  before: control,
});

async function control(request: Incoming): Promise<Outgoing | undefined> {
  const [head, name, ...rest] = request.parts;
  if (head !== "properties" || request.bearer !== undefined) return undefined;
  if (request.method === "GET" && name === undefined) return { status: 200, json: peer.state.snapshot() };
  if (name === undefined) return { status: 400, text: "Name a property: /properties/<name>\n" };
  const value = given(request.body);
  if (request.method === "PUT") peer.setAt([name, ...rest], value);
  else if (request.method === "DELETE") peer.delete(name, ...rest);
  else if (request.method === "POST") peer.list(name, { operation: "append", item: value });
  else return { status: 405, headers: { allow: "GET, PUT, POST, DELETE" } };
  const before = peer.delivered.length;
  await peer.settled();
  const callbacks = peer.delivered
    .slice(before)
    .map(({ sequence, status, body }) => ({ sequence, status, body: body ?? null }));
  return { status: 200, json: { callbacks } };
}

function given(body: Json | undefined): Json {
  return typeof body === "string" ? (parsed(body) ?? body) : (body ?? "");
}

async function stop(): Promise<void> {
  await peer.close();
  process.exit(0);
}

/** Says why it does not start, and ends it. */
function cannotStart(why: string): never {
  console.error(why);
  process.exit(1);
}

await peer.listen().catch((error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === "EADDRINUSE" ? "another program has it; stop that one" : message;
  cannotStart(`Cannot listen on port ${port} of 127.0.0.1: ${why}, or choose another PEER_PORT.`);
});
process.once("SIGTERM", () => void stop());
process.once("SIGINT", () => void stop());
console.log(`peer ready ${peer.baseUri}`);
