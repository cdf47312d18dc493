import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../../../support/publisher/publisher.ts";
import { change } from "../../../support/random-changes.ts";
import type { Behaviour } from "../../../support/subscriber-peer/behaviour.ts";
import { until } from "../../../support/service.ts";
import { SubscriberHost } from "../../../support/subscriber-peer/host.ts";
import type { SubscriberPeer } from "../../../support/subscriber-peer/peer.ts";
import type { Stream, StreamScope } from "../../../support/subscriber-peer/stream.ts";

let publisher: Publisher;
let host: SubscriberHost;
let peer: SubscriberPeer;
beforeEach(async () => {
  publisher = await startPublisher({ style: "ours", seed: 5, autoApprove: true });
  host = await new SubscriberHost().listen();
  peer = host.add();
  expect(await peer.trust({ id: publisher.id, uri: publisher.baseUri })).toBe(201);
});
afterEach(async () => {
  await host.close();
  await publisher.close();
});

const open = (scope: Partial<StreamScope> = {}): Promise<Stream> => peer.subscribe(scope);

describe("the independent subscriber", () => {
  it("is verified by the publisher it asks for trust", () => {
    expect(publisher.trusts.need(peer.id)).toMatchObject({ verified: true, approved: true });
  });

  it("has the publisher's state when every callback came, in any order and twice", async () => {
    const stream = await open();
    for (let n = 1; n <= 100; n++) change(publisher, n);
    await publisher.deliver({ shuffle: true, times: 2, inFlight: 8 });
    expect(stream.last).toBe(100);
    expect(stream.copy).toEqual(publisher.state.snapshot());
    expect(stream.faults).toEqual([]);
    expect(stream.gaps(100)).toEqual([]);
    expect(stream.arrivals).toHaveLength(200);
  });

  it("stops before a lost number until it has polled that number", async () => {
    const stream = await open();
    for (let n = 1; n <= 30; n++) change(publisher, n);
    await publisher.deliver({ drop: [4, 30] });
    expect(stream.last).toBe(3);
    expect(stream.gaps(30)).toEqual([4, 30]);
    expect(await stream.catchUp()).toBe(30);
    expect(stream.copy).toEqual(publisher.state.snapshot());
    expect(await stream.clear(29)).toBe(204);
    expect((await stream.poll()).entries.map(({ sequence }) => sequence)).toEqual([30]);
    expect(await stream.single(29)).toBeUndefined();
    expect(stream.faults).toEqual([]);
  });

  it("reads the state again where a resync stands for what was lost", async () => {
    const stream = await open();
    for (let n = 1; n <= 10; n++) publisher.set({ [`p${n}`]: n });
    const { sequence } = publisher.makeResync();
    publisher.set({ later: 1 });
    publisher.set({ later: 2 });
    await publisher.deliver({ drop: [1, 2, 10, 12] });
    await until("the state", () => stream.last === sequence + 2);
    expect(stream.copy).toEqual(publisher.state.snapshot());
    expect(stream.gaps()).toEqual([1, 2, 10, 12]);
    expect(stream.unexplainedGaps(), "only 10 is right before the resync").toEqual([1, 2, 12]);
    expect(stream.faults).toEqual([]);
  });

  it("keeps one property, and a place in it", async () => {
    const whole = await open({ subtarget: "p" });
    const part = await open({ subtarget: "p", resource: "a" });
    publisher.set({ p: { a: { x: 1 }, b: 1 } });
    publisher.setAt(["p", "a", "x"], 2);
    for (const stream of [whole, part]) await publisher.deliver({ subscription: publisher.subscription(stream.id) });
    expect(part.copy).toEqual({ x: 2 });
    expect(part.faults).toEqual([]);
  });

  it("fetches what a low callback points at", async () => {
    const stream = await open();
    publisher.set({ color: "red" });
    await publisher.send(1, { lowGranularity: true });
    expect(stream.copy).toEqual({ color: "red" });
  });

  it("notes contradictions", async () => {
    const stream = await open();
    publisher.set({ color: "red" });
    await publisher.deliver();
    await publisher.send(1, { lie: { data: { color: "blue" }, target: "other", timestamp: "yesterday" } });
    expect(stream.faults).toHaveLength(3);
  });

  it.each<[Behaviour, status: number]>([
    [{ kind: "refuse", status: 429, retryAfter: "7" }, 429],
    [{ kind: "status", status: 500 }, 500],
    [{ kind: "reset" }, 0],
    [{ kind: "garbage" }, 0],
    [{ kind: "hang" }, 0],
    [{ kind: "trickle", everyMs: 5 }, 0],
    [{ kind: "slow", ms: 50 }, 204],
  ])("answers callbacks as its behaviour says: %j", async (behaviour, status) => {
    const stream = await open();
    publisher.set({ color: "red" });
    peer.behaviour = behaviour;
    const [answer] = await publisher.deliver({ timeoutMs: 300 });
    expect(answer?.status).toBe(status);
    if (status === 429) expect(answer?.headers).toMatchObject({ "retry-after": "7" });
    expect(stream.last).toBe(behaviour.kind === "slow" ? 1 : 0);
    expect(peer.callbacks).toHaveLength(1);
  });
});
