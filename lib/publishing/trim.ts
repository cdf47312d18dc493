/** What of a change log is still needed, what of a backlog has expired, and the removal of the rest. */
import { effectiveCleared, isDelivered } from "../domain/delivery-state.ts";
import { clear } from "../domain/subscription-log.ts";
import { isExact } from "../domain/subscription-backlog.ts";
import type { Run } from "../domain/subscription-backlog.ts";
import { inParallel } from "../peer-data/in-parallel.ts";
import type { Clock } from "../ports.ts";
import type { ChangeLog, LogHead } from "./change-log.ts";
import type { InboundHead } from "./inbound-head.ts";
import { LAZY_RECORDS } from "./log-walk.ts";
import type { LogWalk, Move } from "./log-walk.ts";
import { RecordCache } from "./record-cache.ts";

const AT_ONCE = 8;

/** The first record that a head still needs: the next it looks at, or the oldest of its backlog. */
export function firstNeeded(head: InboundHead, now: number): number {
  const gone = effectiveCleared(head.delivery, now, head.state.cleared);
  const { runs, cursor } = clear(head.state, Math.min(gone, head.state.sequence));
  return Math.min(cursor + 1, ...runs.flatMap((run) => (run.resync === undefined ? [run.first] : [])));
}

/**
 * True when a number that its peer has not taken was made by a record older than `oldest`, the oldest that can be read:
 * nobody can tell it any more.
 */
export function hasExpired(head: InboundHead, oldest: number, now: number): boolean {
  const gone = effectiveCleared(head.delivery, now, head.state.cleared);
  return head.state.runs.some((run) => {
    for (let number = Math.max(run.sequence, gone + 1); number <= lastExpired(run, oldest); number += 1) {
      if (!isDelivered(head.delivery, number)) return true;
    }
    return false;
  });
}

/** The newest number of a run that may have expired; all of them where only the run's ends are known. */
function lastExpired(run: Run, oldest: number): number {
  if (run.resync !== undefined || run.first >= oldest) return run.sequence - 1;
  const last = run.sequence + run.count - 1;
  return isExact(run) ? Math.min(last, run.sequence + oldest - run.first - 1) : last;
}

export interface LogTrimDeps {
  readonly clock: Clock;
  readonly changeLog: Pick<ChangeLog, "oldest" | "stream" | "trim">;
  readonly walk: Pick<LogWalk, "move" | "makeResync">;
}

/** Keeps logs and backlogs as small as they can be. Each step may be repeated and left undone by anyone. */
export class LogTrim {
  readonly #deps: LogTrimDeps;

  constructor(deps: LogTrimDeps) {
    this.#deps = deps;
  }

  /**
   * Brings heads along that no change has moved for long (`all`: all of them), and has one resync number stand for what
   * expired before its peer took it. `heads` are all of the actor's as they are stored. Gives them as they are then; ended ones are left out.
   */
  async catchUp(
    actorId: string,
    heads: readonly InboundHead[],
    newest: number,
    options: { readonly all?: boolean } = {},
  ): Promise<readonly InboundHead[]> {
    const { changeLog, clock, walk } = this.#deps;
    if (heads.length === 0) return [];
    const oldest = (await changeLog.oldest(actorId))?.number ?? newest + 1;
    const move: Move = { newest, records: new RecordCache(changeLog, actorId), eager: options.all === true };
    const found: InboundHead[] = [];
    await inParallel(heads, AT_ONCE, async (head) => {
      const behind = newest - head.state.cursor;
      const isLate = behind >= (move.eager === true ? 1 : LAZY_RECORDS) || head.state.cursor + 1 < oldest;
      const moved = isLate ? (await walk.move(head, move))?.head : head;
      if (moved === undefined) return;
      const whole = hasExpired(moved, oldest, clock.now()) ? (await walk.makeResync(moved, move))?.head : moved;
      if (whole !== undefined) found.push(whole);
    });
    return found;
  }

  /**
   * Deletes the records that no head needs. `logHead` must have been read before `heads`, which are all of the actor's
   * as they are stored: a subscription made in between needs only newer records.
   *
   * @returns when the oldest record that is left expires (ms since 1970); undefined when nobody waits for it
   */
  async trim(actorId: string, heads: readonly InboundHead[], logHead: LogHead): Promise<number | undefined> {
    const { changeLog, clock } = this.#deps;
    const now = clock.now();
    const needed = Math.min(logHead.newest + 1, ...heads.map((head) => firstNeeded(head, now)));
    if (needed - 1 > logHead.trimmed) await changeLog.trim(actorId, needed - 1);
    const waiting = heads.some(({ state }) => state.runs.length > 0 && !state.ended);
    return waiting ? (await changeLog.oldest(actorId))?.expiresAt : undefined;
  }
}
