/** The sweep over everything that is due, every minute: enough alone, whatever became of delayed messages. */
import { dueShards, dueShardOf } from "../dynamodb/keys/due.ts";
import { updateIf } from "../dynamodb/outcomes.ts";
import { all, equals, itemExists, type Key, type Table } from "../dynamodb/table.ts";
import type { Clock, Deadline, Log } from "../system/ports.ts";
import { within } from "../system/request-context.ts";
import type { RunDue } from "./due-work.ts";

/** Keys read from one shard at once: enough to find what waits behind many others. */
const PAGE = 500;
/** Pieces of work under way at the same time, so that one slow publisher delays no other. */
const AT_ONCE = 10;
/** Time slice, ms, in which one piece of due work may start calls to peers one after another; a message carries on with the rest. */
const SLICE_MS = 8_000;
/** With less time left than this (ms) no piece of work starts a call, so that the sweep's end cuts off no slow peer's answer. */
const LEAST_TO_START_MS = 13_000;
/** With less time left than this (ms) no piece of work begins: one recovery may need it. */
const LEAST_MS = 15_000;
/** How long one reading of the shards may take, ms, so that a throttled shard does not keep back the work of the others. */
const FIND_MS = 5_000;
/** Work that failed with an unhandled error is due again after this long (ms), so that it cannot crowd out the rest. */
const POSTPONE_MS = 60_000;

/** The dependencies of the sweep. */
export interface SweepServices {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly runDue: RunDue;
}

export interface SweepReport {
  /** Pieces of work that were begun. */
  readonly done: number;
  readonly failed: number;
  /** Age of the oldest gap found, ms; 0 when there is none. */
  readonly oldestGapMs: number;
  /** For how long the longest due work had been due when the sweep began, ms; 0 when nothing was due. */
  readonly oldestDueMs: number;
}

/** Does everything that is due now, as far as time allows; the rest stays due. One request a shard when nothing is due. */
export async function sweep({ table, clock, log, runDue }: SweepServices, deadline: Deadline): Promise<SweepReport> {
  const now = clock.now();
  const report = { done: 0, failed: 0, oldestGapMs: 0, oldestDueMs: 0 };
  const postpone = async ({ pk, sk, dueAt }: Due): Promise<void> => {
    const key = { pk, sk };
    const change = { set: { dueShard: dueShardOf(key), dueAt: clock.now() + POSTPONE_MS } };
    try {
      await updateIf(table, key, change, all(itemExists, equals("dueAt", dueAt)));
    } catch (error) {
      log.warn("due work was not postponed", { sk, error });
    }
  };
  const find = async (shard: string): Promise<readonly Due[]> => {
    const end = deadline.remaining() - FIND_MS;
    const reading = { remaining: () => Math.max(0, deadline.remaining() - end) };
    try {
      return await within(reading, async () => await table.queryDue(shard, now, PAGE));
    } catch (error) {
      report.failed += 1;
      log.error("a shard of the due index was not read; the next sweep reads it", { shard, error });
      return [];
    }
  };
  const runAll = async (keys: readonly Due[]): Promise<void> => {
    const waiting = [...keys];
    const work = async (): Promise<void> => {
      for (let due = waiting.shift(); due !== undefined; due = waiting.shift()) {
        if (deadline.remaining() <= LEAST_MS) return;
        report.done += 1;
        try {
          const slice = {
            remaining: () => deadline.remaining(),
            stopStartingBelowMs: Math.max(deadline.remaining() - SLICE_MS, LEAST_TO_START_MS),
          };
          const gapSince = await within(slice, async () => await runDue({ pk: due.pk, sk: due.sk }, slice));
          if (gapSince !== undefined) report.oldestGapMs = Math.max(report.oldestGapMs, now - gapSince);
        } catch (error) {
          report.failed += 1;
          log.error("due work failed", { sk: due.sk, error });
          await postpone(due);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };

  const seen = new Set<string>();
  let full = [...dueShards];
  while (full.length > 0 && deadline.remaining() > LEAST_MS) {
    const pages = await Promise.all(full.map(find));
    const fresh = pages.flat().filter(({ pk, sk }) => !seen.has(`${pk}\n${sk}`));
    for (const { pk, sk, dueAt } of fresh) {
      seen.add(`${pk}\n${sk}`);
      report.oldestDueMs = Math.max(report.oldestDueMs, now - dueAt);
    }
    full = full.filter((_, index) => pages[index]?.length === PAGE);
    await runAll(roundRobin(fresh));
    if (fresh.length === 0) break;
  }
  return report;
}

type Due = Key & { readonly dueAt: number };

/** Alternates between the kinds of work, within a kind between the actors, and puts an actor's longest due first. */
function roundRobin(keys: readonly Due[]): readonly Due[] {
  const kindOf = ({ pk, sk }: Key): string => `${pk.slice(0, 1)} ${sk.split("#", 1)[0] ?? ""}`;
  const byDue = keys.toSorted((one, other) => one.dueAt - other.dueAt);
  const byActor = dealt(byDue, (key) => `${kindOf(key)} ${key.pk.split("#", 2)[1] ?? ""}`);
  return dealt(byActor, kindOf);
}

/** The first of each group, then the second of each, and so on. */
function dealt(keys: readonly Due[], groupOf: (key: Due) => string): readonly Due[] {
  const rounds: Due[][] = [];
  const counts = new Map<string, number>();
  for (const key of keys) {
    const round = counts.get(groupOf(key)) ?? 0;
    counts.set(groupOf(key), round + 1);
    (rounds[round] ??= []).push(key);
  }
  return rounds.flat();
}
