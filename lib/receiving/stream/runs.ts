/** The work under a lease: one event, or a run of buffered ones, applied and the head moved over them. */
import { compact } from "../../system/compact.ts";
import { bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import { consecutiveRun } from "../../domain/log/sequencing.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import type { Head } from "./head.ts";
import { withFields } from "./stream-changes.ts";
import { idsOf } from "./event-applier.ts";
import type { Applied, EventApplier } from "./event-applier.ts";
import type { WakeUps } from "./wake-ups.ts";
import type { Copies, StreamSettings, StreamStore } from "./stream-store.ts";

/** Buffered bodies fetched and applied under one look at the head; each may be 256 KB. */
const MOST_PER_RUN = 100;
/** From this many on, the head moves every few events instead of each one, which saves a write for each of the others. */
const LONG_RUN = 25;
const LONG_RUN_STEP = 4;

/** What sequencing is made from. */
export interface SequencerDeps<E extends { readonly sequence: number }, P> {
  readonly table: Table;
  readonly clock: Clock;
  readonly streams: StreamStore;
  readonly wakeUps: WakeUps;
  readonly settings: StreamSettings;
  readonly applier: EventApplier<E, P>;
  readonly log: Log;
  /** Time one more event may take (ms): with less left, the rest is left to the scheduler. */
  readonly reserveMs: number;
}

/** Applies events under a lease that its caller has taken, and gives the lease back. */
export class Runs<E extends { readonly sequence: number }, P> {
  readonly #deps: SequencerDeps<E, P>;

  constructor(deps: SequencerDeps<E, P>) {
    this.#deps = deps;
  }

  /** Applies one event, moves the head over it and gives the lease back. */
  async one(head: Head, event: E, prepared: P, deadline: Deadline): Promise<Head | undefined> {
    const applied = await this.#deps.applier.apply(event, { head, starts: head.starts, prepared, deadline });
    const { sequence } = event;
    const moved = await this.#deps.streams.advance(
      head,
      {
        ...{ to: sequence, keepLease: false, unseen: [sequence] },
        contradicts: this.#deps.applier.begunOtherwise(event, head),
        ...compact({ fields: applied.fields }),
      },
      this.#copies(withApplied(head, sequence, applied), [sequence]),
    );
    if (moved !== undefined) await this.#afterwards(moved, applied);
    return moved;
  }

  /** Buffered copies of numbers that were applied from elsewhere: compared before they go. */
  #copies(applied: Head, unseen: readonly number[]): Copies | undefined {
    const { table, applier } = this.#deps;
    if (unseen.length === 0) return undefined;
    return {
      among: (seen) => unseen.filter((n) => seen.buffered.has(n)),
      differ: async (numbers) => {
        const items = await table.getMany(numbers.map((n) => bufferedKey(applied.key, applied.epoch, n)));
        return items.some((item) => {
          const buffered = applier.fromBuffer(item, applied);
          return buffered !== undefined && applier.contradicts(buffered, applied);
        });
      },
    };
  }

  async #afterwards(head: Head, applied: Applied): Promise<void> {
    try {
      await applied.afterwards?.();
    } catch (error) {
      this.#deps.log.warn("work after an event failed", { ...idsOf(head), error: String(error) });
    }
  }

  /**
   * One run under a lease that is already held: the event at hand, if any, then the buffered ones that follow it. Gives the
   * lease back. Returns the head as it was last written, also when a later event failed.
   */
  async run(head: Head, deadline: Deadline, atHand?: { readonly event: E; readonly prepared: P }): Promise<Head> {
    const before = head.lastSeq + (atHand === undefined ? 0 : 1);
    const numbers = consecutiveRun(before, head.buffered, MOST_PER_RUN);
    const keys = numbers.map((n) => bufferedKey(head.key, head.epoch, n));
    let written = head;
    /** The head as it will be once what was applied is written. */
    let current = head;
    let unwritten: Applied = {};
    /** What was applied and is not written, from elsewhere than the buffer. */
    let unseen = atHand === undefined ? [] : [atHand.event.sequence];
    /** The first number was begun before, with another content. */
    let contradicts = false;
    const apply = async (event: E, prepared: P): Promise<void> => {
      contradicts ||= this.#deps.applier.begunOtherwise(event, head);
      const applied = await this.#deps.applier.apply(event, {
        head: current,
        starts: current.starts,
        prepared,
        deadline,
      });
      unwritten = merge(unwritten, applied);
      current = withApplied(current, event.sequence, applied);
    };
    const write = async (keepLease: boolean): Promise<boolean> => {
      const moved = await this.#deps.streams.advance(
        current,
        compact({
          to: current.lastSeq,
          from: written.lastSeq,
          keepLease,
          unseen,
          contradicts,
          fields: unwritten.fields,
        }),
        this.#copies(current, unseen),
      );
      if (moved === undefined) return false;
      const done = unwritten;
      [written, current, unwritten, unseen, contradicts] = [moved, moved, {}, [], false];
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
        return await this.#requestMissing(written);
      }
      const prepared = await this.#deps.applier.prepare(events, atHand?.prepared);
      for (const [index, event] of events.entries()) {
        await apply(event, prepared);
        const last = index === events.length - 1 || this.#isShort(deadline);
        const spared = events.length > LONG_RUN && (index + 1) % LONG_RUN_STEP !== 0;
        if (!last && spared && written.starts <= 1) continue;
        if (!(await write(!last)) || last) break;
      }
    } catch (error) {
      // What was applied counts, whatever became of what follows it.
      if (current === written || !(await this.#succeeds(write(false)))) await this.giveBack(written);
      if (written === head) throw error;
      this.#deps.log.warn("a run of buffered events stopped", { ...idsOf(head), error: String(error) });
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
    return deadline.remaining() <= this.#deps.reserveMs;
  }

  /** The events of a run, up to the first whose body is not there. */
  async #fetch(head: Head, numbers: readonly number[], keys: readonly Key[]): Promise<readonly E[]> {
    const items = new Map((await this.#deps.table.getMany(keys)).map((item) => [item.sk, item]));
    const events: E[] = [];
    for (const [index, n] of numbers.entries()) {
      const item = items.get(keys[index]?.sk ?? "");
      const event = item === undefined ? undefined : this.#deps.applier.fromBuffer(item, head);
      if (event === undefined) {
        this.#deps.log.warn("a buffered callback has no content", { ...idsOf(head), sequence: n });
        break;
      }
      events.push(event);
    }
    return events;
  }

  /** A kept number cannot be applied from what was kept: the publisher is asked for it. */
  async #requestMissing(head: Head): Promise<Head> {
    await this.#deps.streams.release(head);
    const asked = await this.#deps.streams.requestRecovery(head, "catch_up", this.#deps.clock.now());
    if (asked !== undefined) await this.#deps.wakeUps.schedule(asked);
    return asked ?? head;
  }

  async giveBack(head: Head): Promise<void> {
    try {
      await this.#deps.streams.release(head, { countsAsStart: this.#deps.applier.begun(head.lastSeq + 1) });
    } catch (error) {
      this.#deps.log.warn("a lease was not given back, it will run out", { ...idsOf(head), error: String(error) });
    }
  }

  async #discard(keys: readonly Key[], head: Head): Promise<void> {
    try {
      await this.#deps.table.deleteMany(keys);
    } catch (error) {
      // They are not buffered any more; their time to live removes them.
      this.#deps.log.warn("buffered bodies were not deleted", { ...idsOf(head), error: String(error) });
    }
  }
}

function merge(one: Applied, two: Applied): Applied {
  const after = [one.afterwards, two.afterwards].filter((each) => each !== undefined);
  return {
    fields: { ...one.fields, ...two.fields },
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
const withApplied = (head: Head, lastSeq: number, applied: Applied): Head =>
  withFields(head, { lastSeq, ...applied.fields, starts: 1 });
