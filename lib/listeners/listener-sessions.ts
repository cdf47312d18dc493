/** The sessions of the listeners of one kind: what they are given, and what becomes of what they leave. */
import { readLogHead, type ChangeLog, type LogHead } from "../change-log/change-log.ts";
import { RecordCache } from "../change-log/record-cache.ts";
import { listenerKey, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { leaseIsLive } from "../dynamodb/lease.ts";
import type { Item, Key } from "../dynamodb/table.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { wakeUp } from "../system/wake-up.ts";
import { readListenerHead, type ListenerHead } from "./listener-head.ts";
import type { ListenerWay, OpenListener } from "./listener-way.ts";
import { loneUntil } from "./lone.ts";
import { ListenerSession, type SessionDeps, type SessionInput, type SessionResult } from "./session.ts";
import { itemIn } from "./session-listener.ts";
import { sayUnsaid, type SayDeps } from "./sys-events.ts";

/** Listeners that are worked on at the same time. */
const AT_ONCE = 16;
export interface ListenerSessionsDeps extends SessionDeps, SayDeps {
  readonly changeLog: ChangeLog;
  /** Days for which a record can be read (`DIFF_RETENTION_DAYS`). */
  readonly retentionDays: number;
}

const DAY_MS = 86_400_000;

/** How the sessions of one call go about it. */
export type How<Target, Answer> = Pick<SessionInput<Target, Answer>, "time" | "alone" | "mayWait"> & {
  readonly cache: RecordCache;
};

/** The result of one session. */
export interface Worked {
  readonly end: SessionResult;
  readonly outcomes: ReadonlyMap<string, string>;
  /** Others may have left something to the lease that the session has released. */
  readonly mayHaveMore: boolean;
}

/** Where the log ends, and whether somebody listens to `$sys`. */
export type LogEnd = Pick<LogHead, "newest" | "listeners">;

/** What was read of a listener. */
export interface FoundHead<Target> {
  readonly head: ListenerHead;
  /** Undefined: nothing may begin. */
  readonly open: OpenListener<Target> | undefined;
}

/** Runs sessions. Its only state is the table. */
export class ListenerSessions<Target, Answer> {
  readonly #deps: ListenerSessionsDeps;
  readonly #way: ListenerWay<Target, Answer>;

  constructor(deps: ListenerSessionsDeps, way: ListenerWay<Target, Answer>) {
    this.#deps = deps;
    this.#way = way;
  }

  /** One session, what is to be said after it, and the message for what it leaves. */
  async work(
    { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<Target> },
    how: How<Target, Answer>,
    log: LogEnd,
  ): Promise<Worked> {
    const session = new ListenerSession(this.#deps, this.#inputOf({ head, open }, how, log));
    const end = await session.run();
    await sayUnsaid(this.#deps, session.head);
    await this.#wake(session.head, end, head.dueAt);
    return { end, outcomes: session.outcomes, mayHaveMore: end === "done" && session.tookLease };
  }

  /**
   * Sessions until the log has nothing beyond `upTo`: a commit leaves a listener whose lease it finds taken to the lease's
   * holder, which therefore looks at the log once more after the lease is released.
   */
  async follow(
    ref: ListenerRef,
    how: Omit<How<Target, Answer>, "alone" | "cache">,
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
      const { end, mayHaveMore } = await this.work({ head, open }, { ...how, cache }, logHead);
      if (!mayHaveMore) return end;
      reached = newest;
    }
  }

  /** The same for many listeners: one read where the log has nothing more. */
  async followAll(
    refs: readonly ListenerRef[],
    how: Omit<How<Target, Answer>, "alone" | "cache">,
    upTo: number,
  ): Promise<readonly SessionResult[]> {
    const [first] = refs;
    if (first === undefined || (await this.#deps.changeLog.newest(first.actorId)) <= upTo) return [];
    return await mapConcurrent(refs, AT_ONCE, async (ref) => await this.follow(ref, how, upTo));
  }

  /**
   * A message for what is left: now, or when it is due. For a time that was due `before` there is one already, or the sweep
   * finds it: if each session sent one more, all of them would meet then, and each of those send its own again.
   */
  async #wake(head: ListenerHead, end: SessionResult, before: number | undefined): Promise<void> {
    const now = this.#deps.clock.now();
    const at = end === "done" ? head.dueAt : now;
    if (at === undefined || (at === before && at > now)) return;
    await wakeUp(this.#deps, listenerKey(head), at);
  }

  #inputOf(
    { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<Target> },
    { cache, ...how }: How<Target, Answer>,
    { newest, listeners }: LogEnd,
  ): SessionInput<Target, Answer> {
    const { epoch, retentionDays } = this.#deps;
    const stream = (after: number, upTo: number) => cache.stream(after, upTo);
    const log = { epoch, retentionMs: retentionDays * DAY_MS, stream };
    return { ...how, way: this.#way, head, open, newest, isWatched: listeners.sys > 0, log };
  }

  keysOf(ref: ListenerRef): readonly Key[] {
    return [listenerKey(ref), ...this.#way.also(ref)];
  }

  opened(item: Item | undefined, items: (key: Key) => Item | undefined): FoundHead<Target> | undefined {
    if (item === undefined) return undefined;
    const head = readListenerHead(this.#deps.epoch, item);
    return { head, open: this.#way.open(head, items) };
  }
}
