import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sameJson, type Json } from "../support/publisher/json.ts";
import type { PublisherOptions } from "../support/publisher/publisher.ts";
import { change } from "../support/random-changes.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { openStream, type Stream } from "./stream.ts";

const CHANGES = sized(12, 80);
/** Of a publisher that cannot be asked: enough for a hole between numbers that are pending. */
const UNASKED = sized(8, 20);
const SHARE_LOST = 0.15;

let service: Service;
/** Recovers only on request. */
let patient: Service;
const streams: Stream[] = [];
beforeAll(async () => {
  [service, patient] = await Promise.all([
    startService({ GAP_TIMEOUT_SECONDS: "0.5", SWEEP_INTERVAL_SECONDS: "1", RECONCILE_INTERVAL_SECONDS: "2" }),
    startService({ GAP_TIMEOUT_SECONDS: "3600", RECONCILE_INTERVAL_SECONDS: "0" }),
  ]);
});
// A subscription that is left would be compared with its publisher's state every other second.
afterEach(async () => {
  for (const { actor, publisher } of streams.splice(0)) {
    await actor.expect("DELETE", "", 204);
    await publisher.close();
  }
});
afterAll(async () => {
  await Promise.all([service.dispose(), patient.dispose()]);
});

async function open(options: PublisherOptions = {}, at = service): Promise<Stream> {
  const stream = await openStream(at, options);
  streams.push(stream);
  return stream;
}

async function expectExact(stream: Stream): Promise<void> {
  const { publisher, subscription } = stream;
  await until("the last number", async () => (await stream.lastSeq()) === subscription.sequence);
  let replica: unknown;
  const exact = async (): Promise<boolean> => {
    replica = await stream.replica();
    return sameJson(replica as Json, publisher.state.snapshot());
  };
  // Parts that were ambiguous are read again a moment later.
  await until("an exact copy", exact).catch(() => undefined);
  expect(replica).toEqual(publisher.state.snapshot());
}

describe("a copy", () => {
  it.each([
    ["ours", 1, 0],
    ["ours", 2, 40],
    ["reference", 3, 0],
    ["reference", 4, 40],
  ] as const)(
    "is exact although the network loses, doubles, shuffles and holds up (%s, seed %i, up to %i ms)",
    async (style, seed, delayMs) => {
      const stream = await open({ style, seed });
      const { publisher } = stream;
      for (let n = 1; n <= CHANGES; n++) change(publisher, n);
      const answers = await publisher.deliver({ shuffle: true, times: 2, drop: SHARE_LOST, inFlight: 8, delayMs });
      expect(answers.filter(({ status }) => ![200, 201, 202, 503].includes(status))).toEqual([]);
      await expectExact(stream);
      const wrong = await stream.actor.failedEvents();
      expect(wrong).toEqual([]);
    },
  );

  it.each([
    ["answers 503", { kind: "status", status: 503 }],
    ["talks no HTTP", { kind: "garbage" }],
    ["sends half a document", { kind: "not-json" }],
    ["hangs up", { kind: "reset" }],
    ["points elsewhere", { kind: "redirect", to: "http://127.0.0.1:1/" }],
    ["sends 10 MB", { kind: "huge", bytes: 10_000_000 }],
  ] as const)("waits, unchanged, for a publisher that %s when it is asked", async (_name, fault) => {
    const stream = await open({}, patient);
    const { publisher, actor, subscription } = stream;
    for (let n = 1; n <= UNASKED; n++) change(publisher, n);
    await publisher.deliver({ drop: [2, 7, UNASKED] });
    const before = await stream.replica();
    const stop = publisher.faults.add({ method: "GET", path: /./, fault });
    const failed = await actor.fetch("POST", `/subscriptions/${publisher.id}/${subscription.id}/resync`);
    expect([408, 502], failed.text).toContain(failed.status);
    expect(await stream.replica()).toEqual(before);
    expect(await stream.lastSeq()).toBe(1);
    stop();
    expect(await actor.resync(subscription, publisher)).toMatchObject({ sequence: UNASKED });
    await expectExact(stream);
    expect(await actor.state(subscription, publisher)).toMatchObject({ lastSeq: UNASKED, pendingCount: 0 });
  });

  it("follows a low-granularity subscription of one property", async () => {
    const stream = await open({ seed: 6 });
    const { publisher, actor } = stream;
    const low = await actor.subscribe(publisher, { subtarget: "color", granularity: "low" });
    publisher.set({ color: { v: 1 } });
    publisher.set({ other: 1 });
    const [fetched] = await publisher.deliver({ subscription: low });
    expect(fetched).toMatchObject({ status: 201, body: { result: "processed", sequence: 1 } });
    await publisher.deliver({ subscription: stream.subscription });
    expect(await stream.replica()).toEqual({ color: { v: 1 }, other: 1 });
    expect(publisher.received("PUT", new RegExp(low.id)).at(-1)?.body).toEqual({ sequence: 1 });
  });

  it("does not acknowledge a diff that could not be fetched", async () => {
    const stream = await open({ seed: 7 });
    const { publisher, subscription } = stream;
    publisher.set({ color: "red" });
    publisher.faults.add({ method: "GET", path: /\/1$/, times: 1, fault: { kind: "status", status: 500 } });
    const refused = await publisher.send(1, { lowGranularity: true });
    expect(refused.status).toBe(503);
    expect(refused.headers).toHaveProperty("retry-after");
    expect(await stream.lastSeq()).toBe(0);
    expect((await publisher.send(1, { lowGranularity: true })).status).toBe(201);
    expect(await stream.replica()).toEqual({ color: "red" });
    expect(subscription.sequence).toBe(1);
  });

  it("is replaced by a resync callback", async () => {
    const stream = await open({ seed: 8 });
    const { publisher } = stream;
    publisher.set({ color: "red" });
    publisher.set({ size: 1 });
    publisher.list("memo", { operation: "extend", items: [1, 2, 3] });
    const resync = publisher.makeResync();
    // 202 while another holds the stream's lease; the resync follows.
    expect([201, 202]).toContain((await publisher.send(resync.sequence)).status);
    await until("the resync", async () => (await stream.lastSeq()) === resync.sequence);
    expect(await stream.replica()).toEqual(publisher.state.snapshot());
    expect((await publisher.send(1)).status).toBe(200);
  });

  it("is replaced when a callback shows that its publisher was reset", async () => {
    const stream = await open({ style: "reference", seed: 9 });
    const { publisher, subscription } = stream;
    for (let n = 1; n <= 5; n++) publisher.set({ color: `before ${n}`, [`p${n}`]: n });
    await publisher.deliver();
    publisher.resetSequence();
    publisher.set({ color: "after" });
    publisher.delete("p3");
    expect(await publisher.send(1)).toMatchObject({ status: 200, body: { result: "duplicate", sequence: 5 } });
    await expectExact(stream);
    expect(subscription.sequence).toBe(2);
  });
});
