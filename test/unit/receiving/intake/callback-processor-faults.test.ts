import { describe, expect, it } from "vitest";
import { standaloneStreamKey, bufferPartition } from "../../../../lib/dynamodb/keys/streams.ts";
import { ProcessResult, type CallbackHandler } from "../../../../lib/receiving/intake/callback-processor.ts";
import { FaultyTable, type Effect } from "../../../support/faulty-table.ts";
import { MemoryTable } from "../../../support/memory-table.ts";
import { make, PEER, randomOf, shuffled, SUB, upTo } from "./processor-instance.ts";

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
        // As a sender would: a callback that was not recorded is sent again.
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
  it("runs every handler, in order, whatever the table answers", async () => {
    const MOST = 20;
    for (let seed = 1; seed <= 100; seed += 1) {
      const random = randomOf(seed * 7_919);
      const effects: readonly Effect[] = ["throttle", "lost_answer", "repeat", "condition"];
      let faulty = true;
      const decide = (): Effect => (faulty && random() < 0.15 ? (effects[Math.floor(random() * 4)] ?? "ok") : "ok");
      const table = new FaultyTable(new MemoryTable(), decide);
      const instances = [make({}, table), make({}, table)];
      const seen: number[] = [];
      const note: CallbackHandler = ({ sequence }) => void seen.push(sequence);
      let left = shuffled(upTo(MOST), seed);
      while (left.length > 0) {
        const settled = await Promise.allSettled(left.map(async (n) => await instances[n % 2]?.send(n, {}, note)));
        left = left.filter((_, index) => settled[index]?.status === "rejected");
        // Leases whose release was lost run out before what failed is sent again.
        for (const { state } of instances) state.now += 40_000;
      }
      faulty = false;
      await instances[0]?.send(MOST + 1, {}, note);
      expect([...new Set(seen)], `seed ${seed}`).toEqual(upTo(MOST + 1));
      // What one lease applied and could not write, at most the number at hand and the next, is applied again.
      const steps = seen.map((n, index) => n - (seen[index - 1] ?? 0));
      expect(Math.min(...steps), `seed ${seed}`).toBeGreaterThanOrEqual(-1);
    }
  });

  it("has a resync that meets a live lease sent again", async () => {
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

  it("keeps a buffered number whose handler throws for the next call, and runs none of the others twice", async () => {
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

  it("continues after an instance died with the stream's lease", async () => {
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

  it("continues in another process where the first left off", async () => {
    const first = make();
    await first.send(1);
    await first.send(3);
    const second = make({}, first.table);
    expect(await second.send(2)).toBe(ProcessResult.PROCESSED);
    expect(second.numbers()).toEqual([2, 3]);
  });

  it("asks for the state when buffered callbacks are lost", async () => {
    const { send, table, processor } = make();
    await send(2);
    const { items } = await table.query({
      pk: bufferPartition(standaloneStreamKey({ actorId: "me", peerId: PEER, subscriptionId: SUB })),
      prefix: "",
    });
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
