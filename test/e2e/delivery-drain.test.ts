import { afterAll, beforeAll, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";

let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  host = await new SubscriberHost().listen();
  service = await startService({ TRUST_AUTO_APPROVE: "friend" });
});
afterAll(async () => {
  await service.dispose();
  await host.close();
});

it("a change is answered before its callback is, and stopping waits for the callback", async () => {
  const actor = await service.createActor();
  const peer = host.add();
  await peer.trust({ id: actor.id, uri: actor.uri });
  const stream = await peer.subscribe();
  const answered = Promise.withResolvers<undefined>();
  peer.behaviour = { kind: "delayed", until: answered.promise };
  await actor.expect("PUT", "/properties/color", 204, { v: 1 });
  await until("the callback", () => peer.callbacks.length === 1);
  const stopped = service.stop();
  await until("no more requests are taken", async () => (await service.fetch("/healthz")).status === 0);
  answered.resolve(undefined);
  expect(await stopped).toBe(0);
  await service.start({ SWEEP_INTERVAL_SECONDS: "1" });
  peer.behaviour = undefined;
  await actor.expect("PUT", "/properties/color", 204, { v: 2 });
  await until("the next callback", () => peer.callbacks.length === 2);
  // The callback that was on its way was noted as delivered and is not sent again.
  expect(peer.taken(stream).map(({ sequence }) => sequence)).toEqual([1, 2]);
});
