/** A run of numbers under one lease: an event at hand, then the buffered ones that follow it, and the head over them. */
import { compact } from "../../system/compact.ts";
import { bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import { consecutiveRun } from "../../domain/log/sequencing.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import type { Head } from "./head.ts";
import { withFields } from "./stream-changes.ts";
import { idsOf, type Applied, type EventApplier } from "./event-applier.ts";
import type { WakeStream } from "./wake-stream.ts";
import type { Copies, StreamSettings, StreamStore } from "./stream-store.ts";

/** Most buffered bodies that are fetched and applied for one state of the head; each may be 256 KB. */
const MOST_PER_RUN = 100;
/** From this many on, the head moves every few events instead of each one, which saves a write for each of the others. */
const LONG_RUN = 25;
const LONG_RUN_STEP = 4;

/** The dependencies of sequencing. */
export interface SequencerDeps<E extends { readonly sequence: number }, P> {
  readonly table: Table;
  readonly clock: Clock;
  readonly streams: StreamStore;
  readonly wake: WakeStream;
  readonly settings: StreamSettings;
  readonly applier: EventApplier<E, P>;
  readonly log: Log;
  /** Time one more event may take (ms): with less left, the rest is left to the scheduler. */
  readonly reserveMs: number;
}

/** What is applied and begun under one lease. */
export interface LeaseWork<E, P> {
  /** The event that the lease was acquired for, if any, with what was read for it. */
  readonly atHand?: { readonly event: E; readonly prepared: P };
  /** The numbers whose hook has begun: a start of them counts, also when the lease is given back without a commit. */
  readonly hooksBegun: Set<number>;
}

/**
 * Applies the event at hand, if any, then the buffered ones that follow it, and gives the lease back.
 *
 * @returns the head as it was last written, also when a later event failed
 * @throws what the first event threw, when nothing was written
 */
export async function applyRun<E extends { readonly sequence: number }, P>(
  deps: SequencerDeps<E, P>,
  head: Head,
  deadline: Deadline,
  { atHand, hooksBegun }: LeaseWork<E, P>,
): Promise<Head> {
  const { streams, applier, log, reserveMs } = deps;
  const numbers = consecutiveRun(head.lastSeq + (atHand === undefined ? 0 : 1), head.buffered, MOST_PER_RUN);
  const keys = numbers.map((n) => bufferedKey(head.key, head.epoch, n));
  let written = head;
  /** The head as it will be once what was applied is written. */
  let current = head;
  let unwritten: Applied = {};
  /** Applied numbers that are not written yet and did not come from the buffer. */
  let unseen = atHand === undefined ? [] : [atHand.event.sequence];
  /** The first number was begun before, with another content. */
  let contradicts = false;
  const isShort = (): boolean => deadline.remaining() <= reserveMs;
  const apply = async (event: E, prepared: P): Promise<void> => {
    contradicts ||= applier.begunOtherwise(event, head);
    const hookBegins = (): unknown => hooksBegun.add(event.sequence);
    const applied = await applier.apply(event, {
      head: current,
      starts: current.starts,
      prepared,
      deadline,
      hookBegins,
    });
    unwritten = merge(unwritten, applied);
    current = withApplied(current, event.sequence, applied);
  };
  const write = async (keepLease: boolean): Promise<boolean> => {
    const { fields } = unwritten;
    const moved = await streams.advance(
      current,
      compact({ to: current.lastSeq, from: written.lastSeq, keepLease, unseen, contradicts, fields }),
      copiesOf(deps, current, unseen),
    );
    if (moved === undefined) return false;
    const done = unwritten;
    [written, current, unwritten, unseen, contradicts] = [moved, moved, {}, [], false];
    await runAfterwards(deps, moved, done);
    return true;
  };
  try {
    if (atHand !== undefined) {
      await apply(atHand.event, atHand.prepared);
      const short = isShort();
      // Begun before: from here on the starts of each number count for it alone.
      if ((short || head.starts > 1) && (!(await write(!short)) || short)) return written;
    }
    const events = await readBuffered(deps, head, numbers, keys);
    if (events.length === 0) {
      if (current !== written && !(await write(true))) return written;
      return await requestMissing(deps, written);
    }
    const prepared = await applier.prepare(head.key, events, head, atHand?.prepared);
    for (const [index, event] of events.entries()) {
      await apply(event, prepared);
      const last = index === events.length - 1 || isShort();
      const spared = events.length > LONG_RUN && (index + 1) % LONG_RUN_STEP !== 0;
      if (!last && spared && written.starts <= 1) continue;
      if (!(await write(!last)) || last) break;
    }
  } catch (error) {
    // Applied numbers count, whatever happens to those after them.
    if (current === written || !(await write(false).catch(() => false))) await giveBack(deps, written, hooksBegun);
    if (written === head) throw error;
    log.warn("a run of buffered events stopped", { ...idsOf(head), error: String(error) });
  } finally {
    const { lastSeq } = written;
    await deleteBodies(
      deps,
      head,
      numbers.filter((n) => n <= lastSeq),
    );
  }
  return written;
}

/** Buffered copies of numbers that were applied from elsewhere: compared before they go. */
export function copiesOf<E extends { readonly sequence: number }, P>(
  { table, applier }: Pick<SequencerDeps<E, P>, "table" | "applier">,
  applied: Head,
  unseen: readonly number[],
): Copies | undefined {
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

/** Runs what an event leaves to do after the commit; its failure is logged only. */
export async function runAfterwards({ log }: { readonly log: Log }, head: Head, applied: Applied): Promise<void> {
  try {
    await applied.afterwards?.();
  } catch (error) {
    log.warn("work after an event failed", { ...idsOf(head), error: String(error) });
  }
}

/** Gives a lease back without a commit. Never rejects: the lease runs out. */
export async function giveBack(
  { streams, log }: { readonly streams: StreamStore; readonly log: Log },
  head: Head,
  hooksBegun: ReadonlySet<number>,
): Promise<void> {
  try {
    await streams.release(head, { countsAsStart: hooksBegun.has(head.lastSeq + 1) });
  } catch (error) {
    log.warn("a lease was not given back, it will run out", { ...idsOf(head), error: String(error) });
  }
}

/** The events of a run, up to the first whose body is not there. */
async function readBuffered<E extends { readonly sequence: number }, P>(
  { table, applier, log }: SequencerDeps<E, P>,
  head: Head,
  numbers: readonly number[],
  keys: readonly Key[],
): Promise<readonly E[]> {
  const items = new Map((await table.getMany(keys)).map((item) => [item.sk, item]));
  const events: E[] = [];
  for (const [index, { sk }] of keys.entries()) {
    const item = items.get(sk);
    const event = item === undefined ? undefined : applier.fromBuffer(item, head);
    if (event === undefined) {
      log.warn("a buffered callback has no content", { ...idsOf(head), sequence: numbers[index] });
      break;
    }
    events.push(event);
  }
  return events;
}

/** A buffered number cannot be applied from the buffer: the publisher is asked for it. */
async function requestMissing(
  { streams, clock, wake }: Pick<SequencerDeps<never, never>, "streams" | "clock" | "wake">,
  head: Head,
): Promise<Head> {
  await streams.release(head);
  const asked = await streams.requestRecovery(head, "catch_up", clock.now());
  if (asked !== undefined) await wake(asked);
  return asked ?? head;
}

/** Deletes the buffered bodies of numbers that the head has passed. Never rejects. One request for each 25 bodies. */
export async function deleteBodies(
  { table, log }: { readonly table: Table; readonly log: Log },
  head: Head,
  passed: readonly number[],
): Promise<void> {
  if (passed.length === 0) return;
  try {
    await table.deleteMany(passed.map((n) => bufferedKey(head.key, head.epoch, n)));
  } catch (error) {
    // They are not buffered any more; their time to live removes them.
    log.warn("buffered bodies were not deleted", { ...idsOf(head), error: String(error) });
  }
}

function merge(one: Applied, two: Applied): Applied {
  const after = [one.afterwards, two.afterwards].filter((each) => each !== undefined);
  const afterwards = async (): Promise<void> => {
    for (const each of after) await each();
  };
  return { fields: { ...one.fields, ...two.fields }, ...(after.length > 0 && { afterwards }) };
}

/** The head as it will be once what was applied is written; what the next event of a run builds on. */
export const withApplied = (head: Head, lastSeq: number, applied: Applied): Head =>
  withFields(head, { lastSeq, ...applied.fields, starts: 1 });
