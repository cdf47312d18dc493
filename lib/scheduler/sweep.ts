/** The every-minute look at what is due: enough on its own, whatever became of delayed messages. */
import { dueShards, dueShardOf } from "../dynamodb/keys/due.ts";
import { all, ConditionFailed, equals, itemExists } from "../dynamodb/table.ts";
import type { Key, Table } from "../dynamodb/table.ts";
import type { Clock, Deadline, Log } from "../system/ports.ts";
import type { DueWork } from "./due-work.ts";

/** Keys asked for at once from one shard: enough to see what waits behind a crowd. */
const PAGE = 500;
/** Pieces of work under way at the same time, so that one slow publisher holds up no other. */
const AT_ONCE = 10;
/** Time slice, ms, in which one piece of due work may start calls to peers one after another; a message carries on with the rest. */
const SLICE_MS = 8_000;
/** Nor does it begin with less time than this, ms, so that the sweep's end cuts off no slow peer's answer. */
const LEAST_TO_START_MS = 13_000;
/** With less time left nothing new is begun: one recovery may need this long, ms. */
const LEAST_MS = 15_000;
/** Work that failed with an unhandled error is looked at again after this long, ms, so that it cannot crowd out the rest. */
const POSTPONE_MS = 60_000;

export interface SweepReport {
  /** Pieces of work looked at. */
  readonly done: number;
  readonly failed: number;
  /** Age of the oldest gap seen, ms; 0 when there is none. */
  readonly oldestGapMs: number;
  /** How long what had been due for longest had been due when the sweep began, ms; 0 when nothing was. */
  readonly oldestDueMs: number;
}

/** The every-minute look at everything that is due. */
export class Sweep {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #dueWork: Pick<DueWork, "runDue">;

  constructor(deps: { table: Table; clock: Clock; log: Log; dueWork: Pick<DueWork, "runDue"> }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#dueWork = deps.dueWork;
  }

  /** Looks at everything due now, as far as time allows; the rest stays due. One request a shard when nothing is. */
  async run(deadline: Deadline): Promise<SweepReport> {
    const now = this.#clock.now();
    const report = { done: 0, failed: 0, oldestGapMs: 0, oldestDueMs: 0 };
    const seen = new Set<string>();
    let full = [...dueShards];
    while (full.length > 0 && deadline.remaining() > LEAST_MS) {
      const pages = await Promise.all(full.map(async (shard) => await this.#table.queryDue(shard, now, PAGE)));
      const fresh = pages.flat().filter(({ pk, sk }) => !seen.has(`${pk}\n${sk}`));
      for (const { pk, sk, dueAt } of fresh) {
        seen.add(`${pk}\n${sk}`);
        report.oldestDueMs = Math.max(report.oldestDueMs, now - dueAt);
      }
      full = full.filter((_, index) => pages[index]?.length === PAGE);
      await this.#workThrough(roundRobin(fresh), deadline, now, report);
      if (fresh.length === 0) break;
    }
    return report;
  }

  async #workThrough(
    keys: readonly Due[],
    deadline: Deadline,
    now: number,
    report: { done: number; failed: number; oldestGapMs: number },
  ): Promise<void> {
    const waiting = [...keys];
    const work = async (): Promise<void> => {
      for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) {
        if (deadline.remaining() <= LEAST_MS) return;
        report.done += 1;
        try {
          const slice = {
            remaining: () => deadline.remaining(),
            stopStartingBelowMs: Math.max(deadline.remaining() - SLICE_MS, LEAST_TO_START_MS),
          };
          const gapSince = await this.#dueWork.runDue({ pk: key.pk, sk: key.sk }, slice);
          if (gapSince !== undefined) report.oldestGapMs = Math.max(report.oldestGapMs, now - gapSince);
        } catch (error) {
          report.failed += 1;
          this.#log.error("due work failed", { sk: key.sk, error });
          await this.#postpone(key);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #postpone(key: Due): Promise<void> {
    const change = { set: { dueShard: dueShardOf(key), dueAt: this.#clock.now() + POSTPONE_MS } };
    try {
      await this.#table.update({ pk: key.pk, sk: key.sk }, change, all(itemExists, equals("dueAt", key.dueAt)));
    } catch (error) {
      if (!(error instanceof ConditionFailed)) this.#log.warn("due work was not put off", { sk: key.sk, error });
    }
  }
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
