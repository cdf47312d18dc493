import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../lib/system/config.ts";
import { standaloneStreamKey, bufferPartition } from "../../../../lib/dynamodb/keys/streams.ts";
import { dueShards } from "../../../../lib/dynamodb/keys/due.ts";
import { randomIds } from "../../../../lib/system/ids.ts";
import { removeStandaloneStreams } from "../../../../lib/receiving/intake/standalone-streams.ts";
import { CallbackProcessor, ProcessResult } from "../../../../lib/receiving/intake/callback-processor.ts";
import { make, PEER, SUB } from "./processor-instance.ts";

describe("CallbackProcessor in order", () => {
  it("handles each number as it comes", async () => {
    const { send, seen } = make();
    expect(await send(1, { data: ["a", { b: null }] })).toBe(ProcessResult.PROCESSED);
    expect(await send(2, { data: "text" })).toBe(ProcessResult.PROCESSED);
    expect(seen).toEqual([
      { peerId: PEER, subscriptionId: SUB, sequence: 1, data: ["a", { b: null }], callbackType: "diff" },
      { peerId: PEER, subscriptionId: SUB, sequence: 2, data: "text", callbackType: "diff" },
    ]);
  });

  it("drops a number that it has processed", async () => {
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

  it("handles each stream apart", async () => {
    const { send, processor } = make();
    await send(1);
    await send(1, { subscriptionId: "other" });
    expect(await send(3, { peerId: "another" })).toBe(ProcessResult.PENDING);
    expect(await processor.getStateInfo("another", SUB)).toMatchObject({ lastSeq: 0, pendingSequences: [3] });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 1, pendingSequences: [] });
  });
});

describe("CallbackProcessor out of order", () => {
  it("buffers early numbers, and handles them in order when the gap is filled", async () => {
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

  it("asks its caller for a resync when a gap has lasted too long", async () => {
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

  it("pushes back when too many wait, and continues once there is room", async () => {
    const { send, numbers, processor } = make({ maxPending: 2 });
    await send(2);
    await send(3);
    expect(await send(4)).toBe(ProcessResult.BACK_PRESSURE);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ pendingSequences: [2, 3] });
    await send(1);
    expect(await send(4)).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1, 2, 3, 4]);
  });

  it("leaves no work to the scheduler", async () => {
    const { send, table, state } = make();
    await send(2);
    await send(4);
    await send(1);
    const due = await Promise.all(dueShards(1).map((shard) => table.queryDue(shard, state.now + 1e9, 10)));
    expect(due.flat()).toEqual([]);
  });
});

describe("CallbackProcessor with a resync", () => {
  it("processes it at once, drops buffered numbers that it contains and continues with those after it", async () => {
    const { send, numbers, seen, processor, table } = make();
    for (const n of [1, 3, 4, 6, 8]) await send(n);
    expect(await send(5, { callbackType: "resync", data: { all: true } })).toBe(ProcessResult.PROCESSED);
    expect(numbers()).toEqual([1, 5, 6]);
    expect(seen[1]).toMatchObject({ callbackType: "resync", data: { all: true } });
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ lastSeq: 6, pendingSequences: [8] });
    const kept = await table.query({
      pk: bufferPartition(standaloneStreamKey({ actorId: "me", peerId: PEER, subscriptionId: SUB })),
      prefix: "",
    });
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

  it("begins at 0 with an empty buffer when cleared", async () => {
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

  it("is deleted with the peer's trust", async () => {
    const { processor, send, table } = make();
    await send(2);
    await send(2, { peerId: "other" });
    await removeStandaloneStreams(table, "me", PEER);
    expect(await processor.getStateInfo(PEER, SUB)).toMatchObject({ version: 0 });
    expect(await processor.getStateInfo("other", SUB)).toMatchObject({ pendingCount: 1 });
    const kept = await table.query({
      pk: bufferPartition(standaloneStreamKey({ actorId: "me", peerId: PEER, subscriptionId: SUB })),
      prefix: "",
    });
    expect(kept.items).toEqual([]);
  });
});

describe("CallbackProcessor's input", () => {
  it("prefers the options of its constructor to the configuration of the service", async () => {
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
