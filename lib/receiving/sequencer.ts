/**
 * Sequencing of one stream: each number is applied once and in order, whatever arrives when and on how many instances.
 *
 *   in order       claim (lastSeq = n − 1, nobody working) → sink applies → advance (lastSeq = n, claim given back)
 *   out of order   keep (body, then slot); the answer says whether it has become next meanwhile, then it is drained
 *   drained        the claim's or the advance's answer names what is pending; what follows is applied under one claim
 *
 * What a number means is the sink's business: a subscription's sink stores and runs hooks, a bare stream's calls a handler.
 */
import { pendingKey } from "../dynamodb/keys.ts";
import type { Attribute, Condition, Item, Key, Table } from "../dynamodb/table.ts";
import { consecutiveRun, decide, gapOverdue } from "../domain/sequencing.ts";
import type { Clock, Deadline, Log } from "../ports.ts";
import { claimIsLive, defined, viewOf } from "./head.ts";
import type { Head } from "./head.ts";
import type { Timers } from "./timers.ts";
import type { StreamSettings, Turns } from "./turns.ts";

/** What the sink made of one event; becomes part of the head with the same write that moves it. */
export interface Applied {
  readonly set?: Readonly<Record<string, Attribute>>;
  readonly remove?: readonly string[];
  /** Runs after the head has moved; its failure is logged only. */
  readonly afterwards?: () => Promise<void>;
}

/** One event's turn: the head as claimed, how often this was begun, what was read ahead, and how long it may take. */
export interface Turn<P> {
  readonly head: Head;
  readonly starts: number;
  readonly prepared: P;
  readonly deadline: Deadline;
}

export interface Sink<E extends { readonly sequence: number }, P> {
  /**
   * Reads what applying these will need, beside what `known` holds already; may run before the claim is granted, so it
   * must not rely on it.
   */
  prepare(events: readonly E[], known?: P): Promise<P>;
  /** Makes one event's effect, exactly once even when it is called again for the same number. */
  apply(event: E, turn: Turn<P>): Promise<Applied>;
  /** The attributes that keep an event until it can be applied. */
  keep(event: E): Readonly<Record<string, Attribute>>;
  /** The event a kept item holds; undefined when it holds none that can be applied. */
  unkeep(item: Item, head: Head): E | undefined;
  /** True when `apply` threw because an event's content cannot be had any more. */
  isLost(error: unknown): boolean;
  /** @throws ServiceError when the event contradicts the stream it was sent for. */
  check(event: E, head: Head): void;
  /** What a head must be for `check` to pass: part of the claim, so that a contradiction changes nothing. */
  demands(event: E): readonly Condition[];
}

export type Delivered =
  | { readonly is: "processed"; readonly head: Head }
  | { readonly is: "duplicate"; readonly head: Head }
  | { readonly is: "pending"; readonly head: Head; readonly first: boolean }
  | { readonly is: "resync_required"; readonly head: Head }
  | { readonly is: "full"; readonly head: Head; readonly overdue: boolean }
  /** No stream is open to these credentials; the head, if any, tells more. */
  | { readonly is: "closed"; readonly head?: Head }
  /** Not settled after bounded retries; nothing was recorded. */
  | { readonly is: "unsettled" };

/** More than any number of writers that race for one number can need; then the sender may try again. */
const MOST_ATTEMPTS = 12;
/** Kept bodies fetched and applied under one look at the head; each may be 256 KB. */
const MOST_PER_RUN = 100;
/** From this many on, the head moves every few events instead of each one, which saves a write for each of the others. */
const LONG_RUN = 25;
const LONG_RUN_STEP = 4;

export class Sequencer<E extends { readonly sequence: number }, P> {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly #turns: Turns;
  readonly #timers: Timers;
  readonly #settings: StreamSettings;
  readonly #sink: Sink<E, P>;
  readonly #log: Log;
  readonly #reserveMs: number;

  /** @param deps.reserveMs time one more event may take (ms): with less left, the rest is left to the clockwork. */
  constructor(deps: {
    table: Table;
    clock: Clock;
    turns: Turns;
    timers: Timers;
    settings: StreamSettings;
    sink: Sink<E, P>;
    log: Log;
    reserveMs: number;
  }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#turns = deps.turns;
    this.#timers = deps.timers;
    this.#settings = deps.settings;
    this.#sink = deps.sink;
    this.#log = deps.log;
    this.#reserveMs = deps.reserveMs;
  }

  /**
   * Takes one numbered event in.
   *
   * @param auth digest of the sender's credentials, compared as a condition; undefined for a trusted caller
   * @throws ServiceError from the sink's `check`; whatever the sink or table threw, with the claim given back
   */
  async deliver(key: Key, event: E, auth: string | undefined, deadline: Deadline): Promise<Delivered> {
    const n = event.sequence;
    const preparing = this.#sink.prepare([event]);
    preparing.catch(() => undefined);
    let head: Head | undefined;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      if (head === undefined || this.#decide(head, n).is === "next") {
        const holdMs = deadline.remaining();
        const also = this.#sink.demands(event);
        const claimed = await this.#turns.claim(key, { holdMs, at: n - 1, also, ...defined("auth", auth) });
        if (claimed.won) return await this.#work(claimed.head, event, preparing, deadline);
        head = claimed.head;
        if (head === undefined || !head.live || (auth !== undefined && head.auth !== auth)) {
          return { is: "closed", ...(head === undefined ? {} : { head }) };
        }
        this.#sink.check(event, head);
      }
      const decision = this.#decide(head, n);
      if (decision.is === "duplicate") return { is: "duplicate", head };
      if (decision.is === "full") return { is: "full", head, overdue: decision.overdue };
      if (decision.is === "already_pending") {
        await this.#compare(head, event);
        return await this.#settle(head, n, deadline, {
          overdue: gapOverdue(viewOf(head, this.#now(), this.#settings.claimFence), this.#now(), this.#settings),
          first: false,
        });
      }
      if (decision.is === "keep") {
        const kept = await this.#turns.keep(head, n, this.#sink.keep(event));
        if (!kept.first) await this.#compare(head, event);
        if (kept.kept && kept.head !== undefined) {
          if (head.pending.size === 0) await this.#timers.wake(kept.head);
          return await this.#settle(kept.head, n, deadline, { overdue: decision.overdue, first: kept.first });
        }
        if (kept.head === undefined || !kept.head.live || kept.head.auth !== head.auth) {
          return { is: "closed", ...(kept.head === undefined ? {} : { head: kept.head }) };
        }
        head = kept.head;
      }
    }
    return { is: "unsettled" };
  }

  /** Applies what is pending and in order, if nobody else does. Returns the head as it is then. */
  async drain(head: Head, deadline: Deadline): Promise<Head> {
    let current = head;
    while (this.#drainable(current) && deadline.remaining() > this.#reserveMs) {
      const claimed = await this.#turns.claim(current.key, {
        holdMs: deadline.remaining(),
        at: current.lastSeq,
        epoch: current.epoch,
      });
      if (!claimed.won) return claimed.head ?? current;
      const next = await this.#run(claimed.head, deadline);
      const stuck = next.lastSeq === current.lastSeq;
      current = next;
      if (stuck) break;
    }
    if (current.pending.size > 0 && current.gapSince !== head.gapSince) await this.#timers.wake(current);
    return current;
  }

  #drainable(head: Head): boolean {
    return (
      head.live &&
      !head.replacing &&
      head.pending.has(head.lastSeq + 1) &&
      !claimIsLive(head, this.#now(), this.#settings.claimFence)
    );
  }

  #now(): number {
    return this.#clock.now();
  }

  #decide(head: Head, n: number): ReturnType<typeof decide> {
    const now = this.#now();
    return decide(viewOf(head, now, this.#settings.claimFence), n, now, this.#settings);
  }

  /** Its slot is taken; perhaps it has become next meanwhile, then it is drained here and now. */
  async #settle(
    head: Head,
    n: number,
    deadline: Deadline,
    how: { readonly overdue: boolean; readonly first: boolean },
  ): Promise<Delivered> {
    const after = await this.drained(head, deadline);
    if (after.lastSeq >= n) return { is: "processed", head: after };
    if (how.overdue) return { is: "resync_required", head: after };
    return { is: "pending", head: after, first: how.first };
  }

  /** The first content of a number stays; that another came is worth a line, for its sender contradicts itself. */
  async #compare(head: Head, event: E): Promise<void> {
    const kept = await this.#table.get(pendingKey(head.key, head.epoch, event.sequence));
    if (kept === undefined) return;
    const same = Object.entries(this.#sink.keep(event)).every(([name, value]) => sameAttribute(value, kept[name]));
    if (!same) this.#log.warn("other content under a pending number", { ...idsOf(head), sequence: event.sequence });
  }

  /**
   * Drains. A failure changes nothing for what was done before: what cannot be applied from its slot is asked for at the
   * publisher, anything else is left to the clockwork.
   */
  async drained(head: Head, deadline: Deadline): Promise<Head> {
    try {
      return await this.drain(head, deadline);
    } catch (error) {
      this.#log.warn("draining failed", { ...idsOf(head), error: String(error) });
      const now = (await this.#turns.read(head.key)) ?? head;
      if (!this.#sink.isLost(error)) return now;
      const asked = await this.#turns.want(now, "resync", this.#now());
      if (asked !== undefined) await this.#timers.wake(asked);
      return asked ?? now;
    }
  }

  /** The in-order event of the claim's holder, then all that now follows. */
  async #work(head: Head, event: E, preparing: Promise<P>, deadline: Deadline): Promise<Delivered> {
    let moved: Head | undefined;
    try {
      this.#sink.check(event, head);
      const prepared = await preparing;
      moved = head.pending.has(event.sequence + 1)
        ? await this.#run(head, deadline, { event, prepared })
        : await this.#step(head, event, prepared, deadline);
    } catch (error) {
      await this.#giveBack(head);
      throw error;
    }
    if (moved === undefined || moved.lastSeq < event.sequence) return { is: "unsettled" };
    if (moved.pending.size > 0 && moved.gapSince !== head.gapSince) await this.#timers.wake(moved);
    return { is: "processed", head: await this.drained(moved, deadline) };
  }

  /** Applies one event, moves the head over it and gives the claim back. */
  async #step(head: Head, event: E, prepared: P, deadline: Deadline): Promise<Head | undefined> {
    const applied = await this.#sink.apply(event, { head, starts: head.starts, prepared, deadline });
    const moved = await this.#turns.advance(head, { to: event.sequence, keepClaim: false, ...picked(applied) });
    if (moved !== undefined) await this.#afterwards(moved, applied);
    return moved;
  }

  async #afterwards(head: Head, applied: Applied): Promise<void> {
    try {
      await applied.afterwards?.();
    } catch (error) {
      this.#log.warn("work after an event failed", { ...idsOf(head), error: String(error) });
    }
  }

  /**
   * One run under a claim that is already held: the event at hand, if any, then the kept ones that follow it. Gives the
   * claim back. Returns the head as it was last written, also when a later event failed.
   */
  async #run(head: Head, deadline: Deadline, atHand?: { readonly event: E; readonly prepared: P }): Promise<Head> {
    const before = head.lastSeq + (atHand === undefined ? 0 : 1);
    const numbers = consecutiveRun(before, head.pending, MOST_PER_RUN);
    const keys = numbers.map((n) => pendingKey(head.key, head.epoch, n));
    let written = head;
    /** The head as it will be once what was applied is written. */
    let current = head;
    let unwritten: Applied = {};
    const apply = async (event: E, prepared: P): Promise<void> => {
      const applied = await this.#sink.apply(event, { head: current, starts: current.starts, prepared, deadline });
      unwritten = merge(unwritten, applied);
      current = withSet(current, event.sequence, applied);
    };
    const write = async (keepClaim: boolean): Promise<boolean> => {
      const moved = await this.#turns.advance(current, { to: current.lastSeq, keepClaim, ...picked(unwritten) });
      if (moved === undefined) return false;
      const done = unwritten;
      [written, current, unwritten] = [moved, moved, {}];
      await this.#afterwards(moved, done);
      return true;
    };
    try {
      if (atHand !== undefined) {
        await apply(atHand.event, atHand.prepared);
        const short = this.#isShort(deadline);
        // Begun before: from here on the starts of each number count for it alone.
        if ((short || head.starts > 1) && (!(await write(!short)) || short)) return written;
      }
      const events = await this.#fetch(head, numbers, keys);
      if (events.length === 0) {
        if (current !== written && !(await write(true))) return written;
        return await this.#hole(written);
      }
      const prepared = await this.#sink.prepare(events, atHand?.prepared);
      for (const [index, event] of events.entries()) {
        await apply(event, prepared);
        const last = index === events.length - 1 || this.#isShort(deadline);
        const spared = events.length > LONG_RUN && (index + 1) % LONG_RUN_STEP !== 0;
        if (!last && spared && written.starts <= 1) continue;
        if (!(await write(!last)) || last) break;
      }
    } catch (error) {
      // What was applied counts, whatever became of what follows it.
      if (current === written || !(await this.#succeeds(write(false)))) await this.#giveBack(written);
      if (written === head) throw error;
      this.#log.warn("a run of kept events stopped", { ...idsOf(head), error: String(error) });
    } finally {
      const done = keys.filter((_, index) => (numbers[index] ?? Infinity) <= written.lastSeq);
      if (done.length > 0) await this.#discard(done, head);
    }
    return written;
  }

  async #succeeds(writing: Promise<boolean>): Promise<boolean> {
    return await writing.catch(() => false);
  }

  #isShort(deadline: Deadline): boolean {
    return deadline.remaining() <= this.#reserveMs;
  }

  /** The events of a run, up to the first whose body is not there. */
  async #fetch(head: Head, numbers: readonly number[], keys: readonly Key[]): Promise<readonly E[]> {
    const items = new Map((await this.#table.getMany(keys)).map((item) => [item.sk, item]));
    const events: E[] = [];
    for (const [index, n] of numbers.entries()) {
      const item = items.get(keys[index]?.sk ?? "");
      const event = item === undefined ? undefined : this.#sink.unkeep(item, head);
      if (event === undefined) {
        this.#log.warn("a kept callback has no content", { ...idsOf(head), sequence: n });
        break;
      }
      events.push(event);
    }
    return events;
  }

  /** A kept number cannot be applied from what was kept: the publisher is asked for it. */
  async #hole(head: Head): Promise<Head> {
    await this.#turns.release(head);
    const asked = await this.#turns.want(head, "catch_up", this.#now());
    if (asked !== undefined) await this.#timers.wake(asked);
    return asked ?? head;
  }

  async #giveBack(head: Head): Promise<void> {
    try {
      await this.#turns.release(head);
    } catch (error) {
      this.#log.warn("a claim was not given back, it will run out", { ...idsOf(head), error: String(error) });
    }
  }

  async #discard(keys: readonly Key[], head: Head): Promise<void> {
    try {
      await this.#table.deleteMany(keys);
    } catch (error) {
      // They are in no slot any more; their time to live removes them.
      this.#log.warn("kept bodies were not deleted", { ...idsOf(head), error: String(error) });
    }
  }
}

const picked = (applied: Applied): Pick<Applied, "set" | "remove"> => ({
  ...(applied.set === undefined ? {} : { set: applied.set }),
  ...(applied.remove === undefined ? {} : { remove: applied.remove }),
});

function merge(one: Applied, two: Applied): Applied {
  const after = [one.afterwards, two.afterwards].filter((each) => each !== undefined);
  return {
    set: { ...one.set, ...two.set },
    remove: [...(one.remove ?? []), ...(two.remove ?? [])],
    ...(after.length === 0
      ? {}
      : {
          afterwards: async (): Promise<void> => {
            for (const each of after) await each();
          },
        }),
  };
}

/** The head as it will be once what was applied is written; what the next event of a run builds on. */
function withSet(head: Head, lastSeq: number, applied: Applied): Head {
  return { ...head, lastSeq, ...(applied.set as Partial<Head> | undefined), starts: 1 };
}

function sameAttribute(one: Attribute, other: Attribute | undefined): boolean {
  if (one instanceof Uint8Array) return other instanceof Uint8Array && Buffer.compare(one, other) === 0;
  return one === other;
}

/** The ids a log line about a stream names. */
export const idsOf = (head: Head): Record<string, unknown> => ({
  actorId: head.actorId,
  peerId: head.peerId,
  subscriptionId: head.subscriptionId,
});
