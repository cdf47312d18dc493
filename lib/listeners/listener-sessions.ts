/** Runs the sessions of the listeners of one kind, and takes care of what a session leaves. */
import { readLogHead, type ChangeLog, type LogHead } from "../change-log/change-log.ts";
import { RecordCache } from "../change-log/record-cache.ts";
import { listenerKey, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { leaseIsLive } from "../dynamodb/lease.ts";
import { itemIn, type Item, type Key } from "../dynamodb/table.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { wakeUp } from "../system/wake-up.ts";
import { DAY_MS } from "../system/units.ts";
import { readListenerHead, type ListenerHead } from "./listener-head.ts";
import type { ListenerWay, OpenListener } from "./listener-way.ts";
import { loneUntil } from "./lone.ts";
import { ListenerSession, type SessionDeps, type SessionInput, type SessionResult } from "./session.ts";

import { sayUnsaid, type SayDeps } from "./sys-events.ts";

/** Listeners with a session at the same time. */
export const AT_ONCE = 16;

export interface ListenerSessionsDeps extends SessionDeps, SayDeps {
  readonly changeLog: ChangeLog;
  /** Days for which a record can be read (`DIFF_RETENTION_DAYS`). */
  readonly retentionDays: number;
}

/** What the sessions of one call have in common. */
export type SessionOptions<Target, Answer> = Pick<SessionInput<Target, Answer>, "time" | "alone" | "mayWait"> & {
  readonly cache: RecordCache;
};

/** How a session ended. */
export interface EndedSession {
  readonly end: SessionResult;
  /** The outcomes of events by their positions. */
  readonly outcomes: ReadonlyMap<string, string>;
  /** The session has released its lease. Commits that found the lease taken have left their events to it. */
  readonly mayHaveMore: boolean;
}

/** The newest record of the log, and how many listeners hear `$sys`. */
export type LogEnd = Pick<LogHead, "newest" | "listeners">;

/** A listener as it was read. */
export interface FoundHead<Target> {
  readonly head: ListenerHead;
  /** Undefined: nothing may be sent, because the listener is paused, or is being deleted. */
  readonly open: OpenListener<Target> | undefined;
}

/** Runs sessions. The only state is the table. */
export class ListenerSessions<Target, Answer> {
  readonly #deps: ListenerSessionsDeps;
  readonly #way: ListenerWay<Target, Answer>;

  constructor(deps: ListenerSessionsDeps, way: ListenerWay<Target, Answer>) {
    this.#deps = deps;
    this.#way = way;
  }

  /** Runs one session, moves its `$sys` events into the log, and sends the message for what it leaves. */
  async runOne(
    { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<Target> },
    how: SessionOptions<Target, Answer>,
    log: LogEnd,
  ): Promise<EndedSession> {
    const session = new ListenerSession(this.#deps, this.#inputOf({ head, open }, how, log));
    const end = await session.run();
    await sayUnsaid(this.#deps, session.head);
    await this.#wake(session.head, end, head.dueAt);
    return { end, outcomes: session.outcomes, mayHaveMore: end === "done" && session.tookLease };
  }

  /**
   * Runs sessions until the log has no record beyond `upTo`. A commit that finds the lease taken leaves its events to the
   * holder of the lease, so the holder has to read the log once more after it has released the lease.
   */
  async follow(
    ref: ListenerRef,
    how: Omit<SessionOptions<Target, Answer>, "alone" | "cache">,
    upTo: number,
  ): Promise<SessionResult> {
    const { changeLog, clock, incarnation, table } = this.#deps;
    const logKey = logHeadKey(ref.actorId);
    for (let reached = upTo; ;) {
      const items = itemIn(await table.getMany([logKey, ...this.keysOf(ref)]));
      const logHead = readLogHead(items(logKey));
      const { newest } = logHead;
      const { head, open } = this.opened(items(listenerKey(ref)), items) ?? {};
      if (newest <= reached || head === undefined || open === undefined) return "done";
      if (leaseIsLive(head.lease, clock.now(), incarnation)) return "done";
      const cache = new RecordCache(changeLog, ref.actorId);
      const until = how.time.mayStart()
        ? await loneUntil({ head, open }, { cache, upTo: newest, now: clock.now() })
        : clock.now();
      if (until !== undefined) {
        await wakeUp(this.#deps, listenerKey(ref), until);
        return "late";
      }
      const { end, mayHaveMore } = await this.runOne({ head, open }, { ...how, cache }, logHead);
      if (!mayHaveMore) return end;
      reached = newest;
    }
  }

  /** The same for many listeners of one actor. One read when the log has no record beyond `upTo`. */
  async followAll(
    refs: readonly ListenerRef[],
    how: Omit<SessionOptions<Target, Answer>, "alone" | "cache">,
    upTo: number,
  ): Promise<readonly SessionResult[]> {
    const [first] = refs;
    if (first === undefined || (await this.#deps.changeLog.newest(first.actorId)) <= upTo) return [];
    return await mapConcurrent(refs, AT_ONCE, async (ref) => await this.follow(ref, how, upTo));
  }

  /**
   * Sends the message for what a session leaves: now, or when it is due. When the head was due at the same time `before`, a
   * message is on its way, or the sweep finds the head. If each session sent another, they would all start sessions at that
   * time, and these would send as many again.
   */
  async #wake(head: ListenerHead, end: SessionResult, before: number | undefined): Promise<void> {
    const now = this.#deps.clock.now();
    const at = end === "done" ? head.dueAt : now;
    if (at === undefined || (at === before && at > now)) return;
    await wakeUp(this.#deps, listenerKey(head), at);
  }

  #inputOf(
    { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<Target> },
    { cache, ...how }: SessionOptions<Target, Answer>,
    { newest, listeners }: LogEnd,
  ): SessionInput<Target, Answer> {
    const { epoch, retentionDays } = this.#deps;
    const stream = (after: number, upTo: number) => cache.stream(after, upTo);
    const log = { epoch, retentionMs: retentionDays * DAY_MS, stream };
    return { ...how, way: this.#way, head, open, newest, isWatched: listeners.sys > 0, log };
  }

  /** The keys of all items of a listener that a session needs. */
  keysOf(ref: ListenerRef): readonly Key[] {
    return [listenerKey(ref), ...this.#way.also(ref)];
  }

  /** A listener from the item of its head and its other items; undefined when there is no head. */
  opened(item: Item | undefined, items: (key: Key) => Item | undefined): FoundHead<Target> | undefined {
    if (item === undefined) return undefined;
    const head = readListenerHead(this.#deps.epoch, item);
    return { head, open: this.#way.open(head, items) };
  }
}
