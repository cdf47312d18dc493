import { describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../../lib/dynamodb/keys/streams.ts";
import { itemMissing } from "../../../../lib/dynamodb/table.ts";
import { StreamStore } from "../../../../lib/receiving/stream/stream-store.ts";
import type { RecoveryKind } from "../../../../lib/receiving/stream/head.ts";
import { FaultyTable, type Effect } from "../../../support/faulty-table.ts";
import { MemoryTable } from "../../../support/memory-table.ts";

const GAP_MS = 5000;
const LEASE_MS = 30_000;
const NOW = 1_000_000;
const KEY = outboundHeadKey({ actorId: "actor", peerId: "peer", subscriptionId: "sub" });

async function stream(gapTimeoutMs = GAP_MS) {
  let effect: Effect = "ok";
  const table = new FaultyTable(new MemoryTable(), () => effect);
  let ids = 0;
  const streams = new StreamStore({
    table,
    clock: { now: () => NOW },
    ids: { id: () => String(++ids).padStart(32, "0"), secret: () => "s".repeat(40) },
    settings: { incarnation: "1", maxPending: 100, gapTimeoutMs },
  });
  await table.put({ ...KEY, state: "live", epoch: 1, lastSeq: 0, target: "properties" }, itemMissing);
  const acquired = await streams.acquireLease(KEY, { leaseMs: LEASE_MS, at: 0 });
  if (!acquired.won) throw new Error("no other acquires it");
  const repeatWrites = (): void => {
    effect = "repeat";
  };
  return { streams, seen: acquired.head, repeatWrites };
}

describe("keeping a number beyond a gap", () => {
  it("waits for the holder of a lease that is still there", async () => {
    const { streams, seen } = await stream();
    const { buffered, head } = await streams.bufferEvent(seen, 3, {});
    expect(buffered).toBe(true);
    expect(head?.dueAt).toBeGreaterThanOrEqual(NOW + LEASE_MS);
  });

  it("does not wait for a lease that was given back since the head was read", async () => {
    const { streams, seen } = await stream();
    await streams.advance(seen, { to: 1, keepLease: false });
    let outcome = await streams.bufferEvent(seen, 3, {});
    if (!outcome.buffered) outcome = await streams.bufferEvent(outcome.head!, 3, {});
    expect(outcome.buffered).toBe(true);
    expect(outcome.head).toMatchObject({ gapSince: NOW, dueAt: NOW + GAP_MS });
  });
});

describe("a number that is next", () => {
  const HOUR_MS = 3_600_000;

  it("waits for the holder of the lease, and is due when the lease ends", async () => {
    const { streams, seen } = await stream(HOUR_MS);
    const { buffered, head } = await streams.bufferEvent(seen, 1, {});
    expect(buffered).toBe(true);
    expect(head?.dueAt).toBe(seen.lease?.until);
  });

  it("brings forward the stream that is due only for a gap", async () => {
    const { streams, seen } = await stream(HOUR_MS);
    await streams.release(seen);
    const gap = await streams.bufferEvent((await streams.read(KEY))!, 3, {});
    expect(gap.head).toMatchObject({ dueAt: NOW + HOUR_MS });
    const acquired = await streams.acquireLease(KEY, { leaseMs: LEASE_MS, at: 0 });
    const { buffered, head } = await streams.bufferEvent(acquired.head!, 1, {});
    expect(buffered).toBe(true);
    expect(head).toMatchObject({ dueAt: acquired.head?.lease?.until, gapSince: NOW });
  });

  it("is decided upon again when the holder has come up to it since", async () => {
    const { streams, seen } = await stream(HOUR_MS);
    await streams.release(seen);
    const { head: gap } = await streams.bufferEvent((await streams.read(KEY))!, 3, {});
    const acquired = await streams.acquireLease(KEY, { leaseMs: LEASE_MS, at: 0 });
    // A sender that saw the gap before the lease was acquired counts on the time of the gap.
    expect(await streams.bufferEvent(gap!, 1, {})).toMatchObject({ buffered: false, head: acquired.head });
    await streams.advance(acquired.head!, { to: 1, keepLease: true });
    expect(await streams.bufferEvent(acquired.head!, 2, {})).toMatchObject({
      buffered: true,
      head: { dueAt: acquired.head?.lease?.until },
    });
  });

  it("is not put off with the lease that is given back for something else", async () => {
    const { streams, seen } = await stream(HOUR_MS);
    await streams.bufferEvent(seen, 1, {});
    const released = await streams.release(seen, { fields: { dueAt: NOW + HOUR_MS } });
    expect(released).toMatchObject({ dueAt: NOW });
  });

  it("is due at once when the lease is given back with nothing applied", async () => {
    const { streams, seen } = await stream(HOUR_MS);
    await streams.bufferEvent(seen, 1, {});
    expect(await streams.release(seen)).toMatchObject({ dueAt: NOW });
  });
});

describe("a request of a recovery", () => {
  it.each<[RecoveryKind, RecoveryKind, RecoveryKind]>([
    ["catch_up", "catch_up", "catch_up"],
    ["catch_up", "refresh", "refresh"],
    ["catch_up", "resync", "resync"],
    ["refresh", "catch_up", "refresh"],
    ["refresh", "resync", "resync"],
    ["resync", "catch_up", "resync"],
    ["resync", "refresh", "refresh"],
  ])("replaces none that is stronger, and is replaced by one: %s, then %s", async (first, then, requested) => {
    const { streams } = await stream();
    await streams.requestRecovery({ key: KEY }, first, NOW);
    await streams.requestRecovery({ key: KEY }, then, NOW + 1);
    expect(await streams.read(KEY)).toMatchObject({ recoveryRequested: requested, recoveryRevision: 2, dueAt: NOW });
  });
});

describe("an advance", () => {
  it.each([true, false])(
    "moves the stream once when its answer is lost and the client sends it again (lease kept: %s)",
    async (keepLease) => {
      const { streams, seen, repeatWrites } = await stream();
      repeatWrites();
      const moved = await streams.advance(seen, { to: 1, keepLease });
      expect(moved).toMatchObject({ lastSeq: 1, starts: keepLease ? 1 : 0 });
      expect(await streams.read(KEY)).toEqual(moved);
    },
  );
});
