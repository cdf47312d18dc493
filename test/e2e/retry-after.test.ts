/** A subscriber that names a time: what it refused comes then, by the queue alone. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { gather } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";

const SECONDS = 2;

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  // The sweep does not come by while the test runs.
  service = await startService({ TRUST_AUTO_APPROVE: "friend", SWEEP_INTERVAL_SECONDS: "3600", CALLBACK_MODE: "sync" });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

it("gets the refused number first when its time has come, then the others, and nothing before", async () => {
  const actor = await service.createActor();
  const [{ peer, stream } = expect.fail("no subscriber")] = await gather(host, actor, 1);
  peer.behaviour = { kind: "refuse", status: 429, retryAfter: String(SECONDS) };
  await actor.expect("PUT", "/properties/n", 204, { n: 1 });
  await until("the refusal", () => peer.callbacks.length === 1);
  peer.behaviour = undefined;
  for (let n = 2; n <= 5; n += 1) await actor.expect("PUT", "/properties/n", 204, { n });
  await until("all of them", () => stream.last === 5);
  const [refused, ...taken] = peer.callbacks;
  expect(taken.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5]);
  expect((taken[0]?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(SECONDS * 1_000);
  await until("a peer without failures", async () => {
    const peers = (await actor.expect("GET", "/peers", 200)) as { data: { breaker: object }[] };
    return JSON.stringify(peers.data[0]?.breaker) === '{"state":"closed","failures":0}';
  });
  expect(stream.faults).toEqual([]);
});
