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

async function stream() {
  let effect: Effect = "ok";
  const table = new FaultyTable(new MemoryTable(), () => effect);
  let ids = 0;
  const streams = new StreamStore({
    table,
    clock: { now: () => NOW },
    ids: { id: () => String(++ids).padStart(32, "0"), secret: () => "s".repeat(40) },
    settings: { incarnation: "1", maxPending: 100, gapTimeoutMs: GAP_MS },
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
