/** What the worker does with the work that the sweep found. */
import { updateIf } from "../dynamodb/outcomes.ts";
import { all, equals, itemExists, type Table } from "../dynamodb/table.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import type { Clock, Deadline, DueItem, Log, WorkQueue } from "../system/ports.ts";
import { within } from "../system/request-context.ts";
import type { RunDue } from "./due-work.ts";

/** Pieces of work under way at the same time, so that one slow publisher delays no other. */
const AT_ONCE = 10;
/** Time slice, ms, in which one piece of due work may start calls to peers one after another; a message carries on with the rest. */
const SLICE_MS = 8_000;
/** With less time left than this (ms) no piece of work starts a call, so that the function's end cuts off no slow peer's answer. */
const LEAST_TO_START_MS = 13_000;
/** With less time left than this (ms) no piece of work begins: one recovery may need it. */
const LEAST_MS = 15_000;
/** Work that failed with an unhandled error is due again after this long (ms), so that it cannot crowd out the rest. */
const POSTPONE_MS = 60_000;

export interface FoundWorkDeps {
  readonly table: Table;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly runDue: RunDue;
}

export interface FoundWorkReport {
  /** Pieces of work that failed with an unhandled error. */
  readonly failed: number;
  /** Age of the oldest gap found, ms; 0 when there is none. */
  readonly oldestGapMs: number;
}

/**
 * Does what is still due as it was found, and drops what has moved on. What there is no time for goes back into the
 * queue; what fails with an unhandled error is postponed. One read for all items, of half a unit each.
 *
 * @throws Error when the items cannot be read
 */
export async function runFound(
  { table, queue, clock, log, runDue }: FoundWorkDeps,
  items: readonly DueItem[],
  deadline: Deadline,
): Promise<FoundWorkReport> {
  const report = { failed: 0, oldestGapMs: 0 };
  const rest: DueItem[] = [];
  await mapConcurrent(await within(deadline, async () => await stillDue(table, items)), AT_ONCE, async (item) => {
    if (deadline.remaining() <= LEAST_MS) {
      rest.push(item);
      return;
    }
    const slice = {
      remaining: () => deadline.remaining(),
      stopStartingBelowMs: Math.max(deadline.remaining() - SLICE_MS, LEAST_TO_START_MS),
    };
    try {
      const gapSince = await within(slice, async () => await runDue({ pk: item.pk, sk: item.sk }, slice));
      if (gapSince !== undefined) report.oldestGapMs = Math.max(report.oldestGapMs, clock.now() - gapSince);
    } catch (error) {
      report.failed += 1;
      log.error("due work failed", { sk: item.sk, error });
      await within(deadline, async () => await postpone({ table, clock, log }, item));
    }
  });
  // A message that is not sent is no loss: the sweep finds its items again.
  if (rest.length > 0) await queue.sendFound([{ work: { kind: "found", items: rest }, delaySeconds: 0 }]);
  return report;
}

/** The items whose due time is still the one found. A read that is behind lets a piece of work run twice, which does no harm. */
async function stillDue(table: Pick<Table, "getMany">, items: readonly DueItem[]): Promise<readonly DueItem[]> {
  const stored = await table.getMany(items, { consistent: false });
  const dueAt = new Map(stored.map((item) => [`${item.pk}\n${item.sk}`, item["dueAt"]]));
  return items.filter((item) => dueAt.get(`${item.pk}\n${item.sk}`) === item.dueAt);
}

async function postpone(
  { table, clock, log }: Pick<FoundWorkDeps, "table" | "clock" | "log">,
  { pk, sk, dueAt }: DueItem,
): Promise<void> {
  const change = { set: { dueAt: clock.now() + POSTPONE_MS } };
  try {
    await updateIf(table, { pk, sk }, change, all(itemExists, equals("dueAt", dueAt)));
  } catch (error) {
    log.warn("due work was not postponed", { sk, error });
  }
}
