import { expect, test } from "vitest";
import { sweep } from "../../../lib/scheduler/sweep.ts";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { dueShardOf } from "../../../lib/dynamodb/keys/due.ts";
import { outboundHeadKey, failedEventKey } from "../../../lib/dynamodb/keys/streams.ts";
import { always, TableBusy, type Key } from "../../../lib/dynamodb/table.ts";
import type { Deadline } from "../../../lib/system/ports.ts";
import { currentDeadline } from "../../../lib/system/request-context.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const MINUTE = 60_000;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A sweep whose due work is `look`, over these keys: the earlier in the list, the earlier due. */
async function sweepOver(
  keys: readonly Key[],
  look: (key: Key, deadline: Deadline, now: () => number) => unknown,
  table = new MemoryTable(),
) {
  for (const [at, { pk, sk }] of keys.entries()) {
    await table.put({ pk, sk, dueShard: dueShardOf({ pk, sk }), dueAt: at }, always);
  }
  let now = MINUTE;
  const waking: { readonly at: number; readonly wake: () => void }[] = [];
  const sleep = async (ms: number): Promise<void> => {
    await new Promise<void>((wake) => waking.push({ at: now + ms, wake }));
  };
  const runDue = async (key: Key, deadline: Deadline): Promise<undefined> => {
    const ms = look(key, deadline, () => now);
    if (typeof ms === "number") await sleep(ms);
  };
  const end = now + MINUTE;
  let over = false;
  const report = sweep(
    { table, clock: { now: () => now }, log: silent, runDue },
    { remaining: () => Math.max(0, end - now) },
  ).finally(() => (over = true));
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    const [next] = waking.sort((one, other) => one.at - other.at).splice(0, 1);
    if (next === undefined) continue;
    now = next.at;
    next.wake();
  }
  return await report;
}

const actors = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index)}`);

test("a gap and a failed hook get their time slice however many slow deliveries have been due for longer", async () => {
  const gap = outboundHeadKey({ actorId: "receiver", peerId: "peer", subscriptionId: "sub" });
  const failed = failedEventKey(
    { actorId: "receiver", peerId: "peer", subscriptionId: "sub" },
    { epoch: 1, sequence: 1, id: "e" },
  );
  const seenAt = new Map<string, number>();
  await sweepOver([...actors("slow", 600).map((id) => logHeadKey(id)), gap, failed], ({ sk }, _, now) => {
    if (!seenAt.has(sk)) seenAt.set(sk, now() - MINUTE);
    return sk === gap.sk || sk === failed.sk ? undefined : 10_000;
  });
  expect(seenAt.get(gap.sk)).toBe(0);
  expect(seenAt.get(failed.sk)).toBe(0);
});

test("an actor with much that is due gets its time slices between those of others", async () => {
  const many = actors("sub", 300).map((id) => outboundHeadKey({ actorId: "many", peerId: "peer", subscriptionId: id }));
  const others = actors("other", 5).map((id) =>
    outboundHeadKey({ actorId: id, peerId: "peer", subscriptionId: "sub" }),
  );
  const partitions: string[] = [];
  await sweepOver([...many, ...others], ({ pk }) => partitions.push(pk) && 5_000);
  expect(new Set(partitions.slice(0, 10))).toEqual(new Set(["A#many", ...others.map(({ pk }) => pk)]));
});

test("work that waits for peers starts no call after a few seconds, so that other work runs", async () => {
  let begun = 0;
  await sweepOver([logHeadKey("actor")], (_, deadline) => {
    begun = deadline.remaining() - (deadline.stopStartingBelowMs ?? 0);
  });
  expect(begun).toBeGreaterThan(0);
  expect(begun).toBeLessThanOrEqual(10_000);
});

test("reports for how long the oldest due work had been due when the sweep began, and how much failed", async () => {
  const report = await sweepOver([logHeadKey("first"), logHeadKey("second")], ({ pk }) => {
    if (pk === logHeadKey("second").pk) throw new Error("not foreseen");
    return 20_000;
  });
  expect(report).toEqual({ done: 2, failed: 1, oldestGapMs: 0, oldestDueMs: MINUTE });
  expect(await sweepOver([], () => undefined)).toEqual({ done: 0, failed: 0, oldestGapMs: 0, oldestDueMs: 0 });
});

test("a shard that cannot be read keeps back no work of the others, and is reported", async () => {
  const keys = actors("actor", 20).map((id) => logHeadKey(id));
  const throttled = dueShardOf(keys[0] as Key);
  const table = new (class extends MemoryTable {
    override async queryDue(...asked: Parameters<MemoryTable["queryDue"]>): ReturnType<MemoryTable["queryDue"]> {
      // As long as the table's adapter retries.
      if (asked[0] === throttled && (currentDeadline()?.remaining() ?? 0) <= 5_000) throw new TableBusy("busy");
      return await super.queryDue(...asked);
    }
  })();
  const done: string[] = [];
  const report = await sweepOver(keys, ({ pk }) => void done.push(pk), table);
  const others = keys.filter((key) => dueShardOf(key) !== throttled);
  expect(new Set(done)).toEqual(new Set(others.map(({ pk }) => pk)));
  expect(report).toMatchObject({ done: others.length, failed: 1 });
});
