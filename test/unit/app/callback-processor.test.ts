import { describe, expect, it } from "vitest";
import { CallbackProcessor, ProcessResult } from "../../../lib/receiving/callback-processor.ts";
import type { CallbackHandler, ProcessedCallback } from "../../../lib/receiving/callback-processor.ts";
import { ConfigError } from "../../../lib/config.ts";
import { removeBareStreams } from "../../../lib/receiving/bare-streams.ts";
import { bareStreamKey, dueShards, pendingPartition } from "../../../lib/dynamodb/keys.ts";
import { randomIds } from "../../../lib/ids.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import type { Fate } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const [PEER, SUB] = ["peer", "sub"];

function make<T extends Table = MemoryTable>(
  options: { gapTimeoutSeconds?: number; maxPending?: number } = {},
  table: T = new MemoryTable() as unknown as T,
) {
  const state = { now: 1_000_000, warnings: [] as string[] };
  const log = { info: () => undefined, warn: (text: string) => void state.warnings.push(text), error: () => undefined };
  const processing = { gapTimeoutSeconds: 5, maxPending: 100, claimFence: "aws" };
  const actor = { id: "me", table, clock: { now: () => state.now }, ids: randomIds, log, processing };
  const seen: ProcessedCallback[] = [];
  const note: CallbackHandler = (callback) => void seen.push(callback);
  const processor = new CallbackProcessor({ actor, ...options });
  const send = (sequence: number, more: Partial<ProcessedCallback> = {}, handler: CallbackHandler = note) =>
    processor.processCallback({ peerId: PEER, subscriptionId: SUB, sequence, data: { n: sequence }, ...more }, handler);
  const numbers = () => seen.map((callback) => callback.sequence);
  return { processor, send, seen, numbers, state, table, actor };
}

/** Plain random numbers, 0 to 1, so that a failure can be seen again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

function shuffled(numbers: readonly number[], seed: number): number[] {
  const random = randomOf(seed);
  return numbers
    .map((n) => ({ n, at: random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ n }) => n);
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

describe("CallbackProcessor in order", () => {
  it("hands each number on as it comes", async () => {
    const { send, seen } = make();
    expect(await send(1, { data: ["a", { b: null }] })).toBe(ProcessResult.PROCESSED);
    expect(await send(2, { data: "text" })).toBe(ProcessResult.PROCESSED);
    expect(seen).toEqual([
      { peerId: PEER, subscriptionId: SUB, sequence: 1, data: ["a", { b: null }], callbackType: "diff" },
      { peerId: PEER, subscriptionId: SUB, sequence: 2, data: "text", callbackType: "diff" },
    ]);
  });

  it("drops what it has processed", async () => {
    const { send, numbers } = make();
    await send(1);
    expect(await send(1)).toBe(ProcessResult.DUPLICATE);
    expect(numbers()).toEqual([1]);
  });

  it("only counts without a handler", async () => {
    const { processor } = make();
    const callback = { peerId: PEER, subscriptionId: SUB, sequence: 1, data: null };
    expect(await processor.processCallback(callback)).toBe(ProcessResult.PROCESSED);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 1, pendingCount: 0 });
  });

  it("takes each stream for itself", async () => {
    const { send, processor } = make();
    await send(1);
    await send(1, { subscriptionId: "other" });
    expect(await send(3, { peerId: "another" })).toBe(ProcessResult.PENDING);
    expect(await processor.getStateInfo("another", SUB)).toMatchObject({ lastSeq: 0, pendingSequences: [3] });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 1, pendingSequences: [] });
  });
});

describe("CallbackProcessor out of order", () => {
  it("keeps what is early, and hands it on in order when the gap is filled", async () => {
    const { send, processor, numbers, seen } = make();
    expect(await send(3, { data: "three", callbackType: "permission" })).toBe(ProcessResult.PENDING);
    expect(await send(2)).toBe(ProcessResult.PENDING);
    expect(await send(2)).toBe(ProcessResult.PENDING);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ pendingCount: 2, pendingSequences: [2, 3] });
    expect(await send(1)).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1, 2, 3]);
    expect(seen[2]).toMatchObject({ data: "three", callbackType: "permission", peerId: PEER, subscriptionId: SUB });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  });

  it("keeps the first content of a number", async () => {
    const { send, seen } = make();
    await send(2, { data: "first" });
    await send(2, { data: "second" });
    await send(1);
    expect(seen[1]?.data).toBe("first");
  });

  it("keeps big data, and refuses what no item can hold", async () => {
    const { send, seen } = make();
    const big = { text: "x".repeat(900_000) };
    await send(2, { data: big });
    await send(1);
    expect(seen[1]?.data).toEqual(big);
    const noise = Array.from({ length: 30_000 }, () => randomIds.id());
    await expect(send(4, { data: noise })).rejects.toMatchObject({ code: "request.too_large" });
  });

  it("tells its caller when a gap has stood too long", async () => {
    const { send, processor, state } = make({ gapTimeoutSeconds: 2 });
    await send(2);
    state.now += 1_999;
    expect(await send(3)).toBe(ProcessResult.PENDING);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ resyncPending: false });
    state.now += 1;
    expect(await send(4)).toBe(ProcessResult.RESYNC_REQUIRED);
    expect(await send(3)).toBe(ProcessResult.RESYNC_REQUIRED);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ resyncPending: true, pendingSequences: [2, 3, 4] });
    expect(await send(1)).toBe(ProcessResult.PROCESSED);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ resyncPending: false, lastSeq: 4 });
  });

  it("pushes back when too many wait, and goes on once there is room", async () => {
    const { send, numbers, processor } = make({ maxPending: 2 });
    await send(2);
    await send(3);
    expect(await send(4)).toBe(ProcessResult.BACK_PRESSURE);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ pendingSequences: [2, 3] });
    await send(1);
    expect(await send(4)).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1, 2, 3, 4]);
  });

  it("leaves no work to the clockwork", async () => {
    const { send, table, state } = make();
    await send(2);
    await send(4);
    await send(1);
    const due = await Promise.all(dueShards.map((shard) => table.queryDue(shard, state.now + 1e9, 10)));
    expect(due.flat()).toEqual([]);
  });
});

describe("CallbackProcessor with a resync", () => {
  it("processes it at once, drops what it contains and goes on with what follows", async () => {
    const { send, numbers, seen, processor, table } = make();
    for (const n of [1, 3, 4, 6, 8]) await send(n);
    expect(await send(5, { callbackType: "resync", data: { all: true } })).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1, 5, 6]);
    expect(seen[1]).toMatchObject({ callbackType: "resync", data: { all: true } });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 6, pendingSequences: [8] });
    const kept = await table.query({ pk: pendingPartition(bareStreamKey("me", PEER, SUB)), prefix: "" });
    expect(kept.items.length).toBe(1);
  });

  it("is a duplicate when it is not newer", async () => {
    const { send, numbers } = make();
    await send(1);
    expect(await send(1, { callbackType: "resync" })).toBe(ProcessResult.DUPLICATE);
    expect(numbers()).toEqual([1]);
  });

  it("begins a stream", async () => {
    const { send, processor } = make();
    expect(await send(41, { callbackType: "resync" })).toBe(ProcessResult.PROCESSED);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 41 });
  });

  it("counts as never arrived when its handler throws", async () => {
    const { send, processor } = make();
    const fail = (): never => {
      throw new Error("no");
    };
    await expect(send(7, { callbackType: "resync" }, fail)).rejects.toThrow("no");
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 0 });
    expect(await send(7, { callbackType: "resync" })).toBe(ProcessResult.PROCESSED);
  });
});

describe("CallbackProcessor under load", () => {
  it.each([1, 2, 3, 4, 5])(
    "handles each of 50 in flight once and in order, sent twice and shuffled (%i)",
    async (seed) => {
      const table = new MemoryTable();
      const instances = [make({}, table), make({}, table), make({}, table)];
      const seen: number[] = [];
      const slow: CallbackHandler = async ({ sequence }) => {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(sequence);
      };
      const all = shuffled([...upTo(50), ...upTo(50)], seed);
      const deliver = async (sequence: number, index: number): Promise<void> => {
        const { send } = instances[index % instances.length]!;
        // As a sender would: what was not settled is sent again.
        for (;;) {
          try {
            await send(sequence, {}, slow);
            return;
          } catch (error) {
            expect(error).toMatchObject({ code: "callback.busy" });
          }
        }
      };
      await Promise.all(all.map(deliver));
      expect(seen).toEqual(upTo(50));
      const { processor } = instances[0]!;
      expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({
        lastSeq: 50,
        pendingCount: 0,
        resyncPending: false,
      });
    },
  );
});

describe("CallbackProcessor and failures", () => {
  it("runs handlers in order and leaves none out whatever the table's answers come to", async () => {
    const MOST = 20;
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = randomOf(seed * 7_919);
      const fates: readonly Fate[] = ["throttle", "lost_answer", "repeat", "condition"];
      let faulty = true;
      const decide = (): Fate => (faulty && random() < 0.15 ? (fates[Math.floor(random() * 4)] ?? "ok") : "ok");
      const table = new FaultyTable(new MemoryTable(), decide);
      const instances = [make({}, table), make({}, table)];
      const seen: number[] = [];
      const note: CallbackHandler = ({ sequence }) => void seen.push(sequence);
      let left = shuffled(upTo(MOST), seed);
      while (left.length > 0) {
        const settled = await Promise.allSettled(left.map(async (n) => await instances[n % 2]?.send(n, {}, note)));
        left = left.filter((_, index) => settled[index]?.status === "rejected");
        // Claims whose release was lost run out before what failed is sent again.
        for (const { state } of instances) state.now += 40_000;
      }
      faulty = false;
      await instances[0]?.send(MOST + 1, {}, note);
      expect([...new Set(seen)], `seed ${seed}`).toEqual(upTo(MOST + 1));
      expect(seen, `seed ${seed}`).toEqual([...seen].sort((one, other) => one - other));
    }
  });

  it("settles a resync that meets another at work by having it sent again", async () => {
    const { send, numbers } = make();
    await send(1, {}, async () => {
      await expect(send(9, { callbackType: "resync" })).rejects.toMatchObject({ code: "callback.busy" });
    });
    expect(await send(9, { callbackType: "resync" })).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([9]);
  });

  it("rejects with what the handler threw, and takes the same number again", async () => {
    const { send, numbers } = make();
    const fail = (): Promise<never> => Promise.reject(new Error("not now"));
    await expect(send(1, {}, fail)).rejects.toThrow("not now");
    expect(await send(1)).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1]);
  });

  it("keeps a kept number whose handler throws for the next call, and runs none of the others twice", async () => {
    const { send, numbers, processor, state } = make();
    for (const n of upTo(40).slice(1)) await send(n);
    let broken = true;
    const fragile: CallbackHandler = ({ sequence }) => {
      if (sequence === 31 && broken) throw new Error("broken");
      run.push(sequence);
    };
    const run: number[] = [];
    expect(await send(1, {}, fragile)).toBe(ProcessResult.PROCESSED);
    expect(run).toEqual(upTo(30));
    expect(state.warnings.length).toBeGreaterThan(0);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 30, pendingCount: 10 });
    broken = false;
    expect(await send(41, {}, fragile)).toBe(ProcessResult.PROCESSED);
    expect(run).toEqual(upTo(41));
    expect(numbers()).toEqual([]);
  });

  it("goes on after an instance died with the stream in its hands", async () => {
    const { send, numbers, state, processor } = make();
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    // This call never ends: its instance is gone.
    void send(1, {}, () => {
      begun();
      return new Promise<void>(() => undefined);
    });
    await started;
    expect(await send(1)).toBe(ProcessResult.PENDING);
    expect(await send(2)).toBe(ProcessResult.PENDING);
    expect(numbers()).toEqual([]);
    state.now += 40_000;
    expect(await send(3)).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1, 2, 3]);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  });

  it("goes on in another process where the first left off", async () => {
    const first = make();
    await first.send(1);
    await first.send(3);
    const second = make({}, first.table);
    expect(await second.send(2)).toBe(ProcessResult.PROCESSED);
    expect(second.numbers()).toEqual([2, 3]);
  });

  it("asks for the state when what was kept is lost", async () => {
    const { send, table, processor } = make();
    await send(2);
    const { items } = await table.query({ pk: pendingPartition(bareStreamKey("me", PEER, SUB)), prefix: "" });
    await table.deleteMany(items);
    await send(1);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 1, resyncPending: true });
    expect(await send(2, { callbackType: "resync" })).toBe(ProcessResult.PROCESSED);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({
      lastSeq: 2,
      resyncPending: false,
      pendingCount: 0,
    });
  });
});

describe("CallbackProcessor's state", () => {
  it("is empty before the first callback", async () => {
    const { processor } = make();
    expect(await processor.getStateInfo(PEER, SUB)).toEqual({
      ...{ lastSeq: 0, pendingCount: 0, pendingSequences: [] },
      ...{ resyncPending: false, version: 0 },
    });
    await processor.clearState(PEER, SUB);
  });

  it("grows its version with every change", async () => {
    const { processor, send } = make();
    await send(1);
    const { version } = await processor.getStateInfo(PEER, SUB);
    await send(3);
    expect((await processor.getStateInfo(PEER, SUB)).version).toBeGreaterThan(version);
  });

  it("begins anew when cleared, without anything that was kept", async () => {
    const { processor, send, numbers, seen } = make();
    await send(1);
    await send(3, { data: "old" });
    await processor.clearState(PEER, SUB);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 0, pendingCount: 0 });
    await send(3, { data: "new" });
    await send(2);
    await send(1);
    expect(numbers()).toEqual([1, 1, 2, 3]);
    expect(seen[3]?.data).toBe("new");
  });

  it("cannot be cleared while a handler runs", async () => {
    const { processor, send } = make();
    await send(1, {}, async () => {
      await expect(processor.clearState(PEER, SUB)).rejects.toMatchObject({ code: "callback.busy" });
    });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 1 });
  });

  it("goes with the peer's trust", async () => {
    const { processor, send, table } = make();
    await send(2);
    await send(2, { peerId: "other" });
    await removeBareStreams(table, "me", PEER);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ version: 0 });
    expect(await processor.getStateInfo("other", SUB)).toMatchObject({ pendingCount: 1 });
    const kept = await table.query({ pk: pendingPartition(bareStreamKey("me", PEER, SUB)), prefix: "" });
    expect(kept.items).toEqual([]);
  });
});

describe("CallbackProcessor's input", () => {
  it("puts what its constructor was given before what the service was configured with", async () => {
    const { actor } = make();
    const strict = new CallbackProcessor({
      actor: { ...actor, processing: { ...actor.processing, maxPending: 7 } },
      maxPending: 1,
    });
    const callback = { peerId: PEER, subscriptionId: SUB, data: null };
    await strict.processCallback({ ...callback, sequence: 2 });
    expect(await strict.processCallback({ ...callback, sequence: 3 })).toBe(ProcessResult.BACK_PRESSURE);
  });

  it.each([{ gapTimeoutSeconds: 0 }, { gapTimeoutSeconds: Number.NaN }, { maxPending: 1.5 }, { maxPending: 1001 }])(
    "refuses %j where it is given",
    (options) => {
      expect(() => make(options)).toThrow(ConfigError);
    },
  );

  it.each<[string, Record<string, unknown>]>([
    ["sequence", { sequence: 0 }],
    ["sequence", { sequence: 1.5 }],
    ["sequence", { sequence: 2 ** 53 }],
    ["peerId", { peerId: "a#b" }],
    ["subscriptionId", { subscriptionId: "" }],
    ["callbackType", { callbackType: "constructor" }],
    ["data", { data: undefined }],
  ])("refuses a bad %s", async (field, wrong) => {
    const { send, processor } = make();
    const sequence = (wrong["sequence"] as number | undefined) ?? 1;
    await expect(send(sequence, wrong)).rejects.toMatchObject({ code: "request.invalid", field });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ version: 0 });
  });
});
