/** Which records of a change log are still needed, which numbers have expired, and the deletion of the rest. */
import { effectiveCleared, isDelivered } from "../../domain/log/delivery-state.ts";
import { clear } from "../../domain/log/subscription-log.ts";
import { isExact, type Run } from "../../domain/log/subscription-backlog.ts";
import { compact } from "../../system/compact.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { ChangeLog, LogHead } from "../../change-log/change-log.ts";
import type { InboundHead } from "./inbound-head.ts";
import { advanceAll } from "./advance-all.ts";
import type { CursorStore } from "./cursor-store.ts";

const AT_ONCE = 8;

/** The first record that a head still needs: the next one for its cursor, or the oldest of its backlog. */
export function firstNeeded(head: InboundHead, now: number): number {
  const cleared = effectiveCleared(head.delivery, now, head.state.cleared);
  const { runs, cursor } = clear(head.state, Math.min(cleared, head.state.sequence));
  return Math.min(cursor + 1, ...runs.flatMap((run) => (run.resync === undefined ? [run.first] : [])));
}

/**
 * True when a number that the peer has not taken was made by a record older than `oldest`, the oldest that can be read:
 * it cannot be rendered any more.
 */
export function hasExpired(head: InboundHead, oldest: number, now: number): boolean {
  const cleared = effectiveCleared(head.delivery, now, head.state.cleared);
  return head.state.runs.some((run) => {
    for (let number = Math.max(run.sequence, cleared + 1); number <= lastExpired(run, oldest); number += 1) {
      if (!isDelivered(head.delivery, number)) return true;
    }
    return false;
  });
}

/** The newest number of a run that may have expired, as far as its anchors show. */
function lastExpired(run: Run, oldest: number): number {
  if (run.resync !== undefined || run.first >= oldest) return run.sequence - 1;
  const last = run.sequence + run.count - 1;
  if (isExact(run)) return Math.min(last, run.sequence + oldest - run.first - 1);
  return (run.anchors?.find(([, record]) => record >= oldest)?.[0] ?? last + 1) - 1;
}

/** What heads together need of their log. */
export interface Needs {
  /** The first record that one of them needs; infinite without heads. */
  readonly first: number;
  /** One of them has numbers that are kept. */
  readonly waiting: boolean;
}

/** What these heads need at `now`, beside what others do. */
export function needsOf(heads: readonly InboundHead[], now: number, others: Needs = NO_NEEDS): Needs {
  return {
    first: Math.min(others.first, ...heads.map((head) => firstNeeded(head, now))),
    waiting: others.waiting || heads.some(({ state }) => state.runs.length > 0 && !state.ended),
  };
}

/** The needs of no head. */
export const NO_NEEDS: Needs = { first: Infinity, waiting: false };

/** Heads that have been advanced along their log. */
export interface CaughtUp {
  /** Where they stand at `upTo`. Small steps are not stored; `version` is the stored one. */
  readonly heads: readonly InboundHead[];
  /** The last record that there was time for. */
  readonly upTo: number;
  /** The oldest record that could be read when the expired ones were looked for; absent without heads. */
  readonly readable?: number;
}

/** What of a log may be deleted, and what is left. */
export interface Unneeded {
  /** The last record to delete; all up to `LogHead.deletedUpTo` were chosen before. */
  readonly deletedUpTo: number;
  readonly oldest: { readonly number: number; readonly expiresAt: number } | undefined;
}

export interface RecordRetentionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly changeLog: Pick<ChangeLog, "oldest" | "stream">;
  readonly cursors: Pick<CursorStore, "advance" | "makeResync">;
  /** The events of all actors are read: no record is deleted before it expires. */
  readonly allEvents?: boolean;
}

/** Keeps logs and backlogs as small as they can be. Each step may be repeated, and a later run makes up for a missing one. */
export class RecordRetention {
  readonly #deps: RecordRetentionDeps;

  constructor(deps: RecordRetentionDeps) {
    this.#deps = deps;
  }

  /**
   * Advances all heads of an actor, as they are stored, to `newest` in one reading of the log, and stores those that made
   * numbers or whose stored cursor is far behind (`all`: every one). One resync number stands for numbers that expired before
   * the peer took them. A head that cannot be advanced is logged and left out, as is one that has ended.
   */
  async catchUp(
    actorId: string,
    heads: readonly InboundHead[],
    newest: number,
    options: { readonly all?: boolean; readonly mayGoOn?: () => boolean } = {},
  ): Promise<CaughtUp> {
    const { changeLog, clock, cursors, log } = this.#deps;
    if (heads.length === 0) return { heads, upTo: newest };
    const oldest = (await changeLog.oldest(actorId))?.number ?? newest + 1;
    const { mayGoOn = () => true } = options;
    const { advanced: ahead, upTo } = await advanceAll(changeLog, heads, newest, { mayGoOn });
    const found: InboundHead[] = [];
    await mapConcurrent(heads, AT_ONCE, async (head, index) => {
      try {
        const { state } = ahead[index] ?? head;
        const store = options.all === true || upTo < newest ? ("eager" as const) : undefined;
        const step = compact({ newest: upTo, store, ahead: state.cursor < upTo ? undefined : { state } });
        const advanced = (await cursors.advance(head, step))?.head;
        if (advanced === undefined) return;
        if (!hasExpired(advanced, oldest, clock.now())) found.push(advanced);
        else {
          const outcome = await cursors.makeResync(advanced);
          if (outcome.is !== "ended") found.push(outcome.head);
        }
      } catch (error) {
        const { peerId, id } = head;
        log.error("a subscription cannot be advanced along its log", { actorId, peerId, subscriptionId: id, error });
      }
    });
    return { heads: found, upTo, readable: oldest };
  }

  /**
   * The records that no head needs, unless a listener reads records. `needs` are those of all stored heads of the
   * actor, read after `logHead`: a subscription that is made in between needs only newer records.
   *
   * @returns the last one, which the head is to note before any is deleted; the oldest remaining one, and when it expires
   *   (ms since 1970), undefined when no backlog needs it, or it has expired
   */
  async unneeded(actorId: string, needs: Needs, logHead: LogHead): Promise<Unneeded> {
    const last = Math.min(logHead.newest + 1, needs.first) - 1;
    const oldest = needs.waiting ? await this.#deps.changeLog.oldest(actorId, needs.first) : undefined;
    // A listener that reads records may come back to any of them until it expires.
    const keepsAll = this.#deps.allEvents === true || logHead.listeners.reading > 0 || last <= logHead.deletedUpTo;
    return { deletedUpTo: keepsAll ? logHead.deletedUpTo : last, oldest };
  }
}
