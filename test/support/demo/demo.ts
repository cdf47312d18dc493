/**
 * `npm run demo`: two services on this machine, a change, a lost callback, the gap, the recovery; then a webhook whose
 * receiver dies; then two workers of a group, one of which is killed. Every line says what happens, most with what one of the two answers. Ends with 0 when every step succeeded.
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MeddlingProxy } from "../meddling-proxy.ts";
import type { StreamState } from "../owned-actor.ts";
import { sameJson } from "../publisher/json.ts";
import { reservedPort } from "../ports.ts";
import { stateOf } from "../random-writers.ts";
import { Service, startService, until } from "../service.ts";
import { groupAct } from "./group-act.ts";
import { say, show, step } from "./lines.ts";
import { webhookAct } from "./webhook-act.ts";

const GAP_SECONDS = 2;

async function notify(a: Service, b: Service, network: MeddlingProxy): Promise<void> {
  const alice = await a.createActor("alice");
  const made = await b.createActor("bob");
  const bob = Object.assign(made, { uri: `${network.url}/${made.id}` });
  show("alice, who publishes", alice.uri);
  show("bob, who subscribes", bob.uri);

  step("Bob asks Alice for trust, and Alice approves.");
  await bob.expect("POST", "/trust", 201, { url: alice.uri, relationship: "friend" });
  await alice.expect("PUT", `/trust/friend/${bob.id}`, 204, { approved: true });
  const [trust] = (await bob.expect("GET", "/trust", 200)) as { approved: boolean; peer_approved: boolean }[];
  show("bob's trust", { approved: trust?.approved, peer_approved: trust?.peer_approved });

  step("Bob subscribes to all of Alice's properties.");
  const json = { peerid: alice.id, target: "properties", granularity: "high" };
  const subscribed = await bob.fetch("POST", "/subscriptions", { json });
  const id = subscribed.headers["location"]?.split("/").at(-1) ?? "";
  show("the subscription", subscribed.headers["location"]);

  const state = async (): Promise<StreamState> =>
    (await bob.expect("GET", `/subscriptions/${alice.id}/${id}/state`, 200)) as unknown as StreamState;
  const look = async (): Promise<void> => {
    const { lastSeq, pendingSequences } = await state();
    show("alice has", await stateOf(alice));
    show("bob's copy", await bob.replica(alice.id));
    show("bob is at number", lastSeq);
    if (pendingSequences.length > 0) show("waiting at bob", pendingSequences);
  };
  const reach = (what: string, reached: (now: StreamState) => boolean) =>
    until(what, async () => reached(await state()), 30_000);

  step("Alice sets a colour. The callback with number 1 goes to Bob at once.");
  await alice.expect("PUT", "/properties/color", 204, "red");
  await reach("number 1", ({ lastSeq }) => lastSeq === 1);
  await look();

  step(
    "Alice changes it, and the network loses the callback with number 2. The answer to Alice says that it has arrived.",
  );
  network.meddling = { swallowed: 1 };
  await alice.expect("PUT", "/properties/color", 204, "green");
  await until("the loss", () => network.done.get("swallowed") === 1);
  network.meddling = {};
  await look();

  step("Alice adds to a list: number 3 arrives. Bob sees the gap, keeps 3 and waits for 2.");
  await alice.expect("POST", "/properties", 201, { shopping: { _type: "list" } });
  await reach("the gap", ({ pendingCount }) => pendingCount > 0);
  await look();

  step(`Callback 2 is not repeated. After ${GAP_SECONDS} seconds Bob asks Alice for it, and applies 2 and 3 in order.`);
  const began = Date.now();
  await reach("the recovery", ({ lastSeq, pendingCount }) => lastSeq === 3 && pendingCount === 0);
  show("seconds it took", Math.round((Date.now() - began) / 100) / 10);
  await look();

  step("From here on everything is as before.");
  await alice.expect("POST", "/properties/shopping", 201, "milk");
  await reach("number 4", ({ lastSeq }) => lastSeq === 4);
  await look();
  const [there, here] = [await stateOf(alice), await bob.replica(alice.id)];
  if (!sameJson(there, here)) throw new Error("Bob's copy is not what Alice has.");
  say("\nBob's copy is what Alice has, change by change and each once.");
}

async function main(): Promise<void> {
  say("Two services on this machine, each with a database of its own, and a network between them:");
  const port = await reservedPort();
  const network = await new MeddlingProxy(port, 1).listen();
  const folder = await mkdtemp(join(tmpdir(), "actingweb-demo-"));
  const quick = { GAP_TIMEOUT_SECONDS: String(GAP_SECONDS) };
  const b = new Service(port, folder, { ...quick, BASE_URL: network.url });
  let a: Service | undefined;
  try {
    [a] = await Promise.all([startService(), b.start()]);
    await notify(a, b, network);
    await webhookAct(a);
    await groupAct(a);
  } finally {
    await Promise.all([a?.dispose(), b.dispose()]);
    await network.close();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`\nThe demonstration failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
