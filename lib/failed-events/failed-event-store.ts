/** Failed events as items, kept with each attempt's error until a success, or a person, resolves them. */
import { compact } from "../system/compact.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import { failedEventIdKey, failedEventIdKeyOf, failedEventPrefix } from "../dynamodb/keys/failed-events.ts";
import { refusedReasons, updateIf } from "../dynamodb/outcomes.ts";
import { pagesOf } from "../dynamodb/paging.ts";
import {
  all,
  always,
  any,
  atMost,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  TransactionRefused,
  type Condition,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { retryOnConflict } from "../system/retry-on-conflict.ts";
import { deleteBody, writeBody } from "./body.ts";
import { isListenerEvent, type FailingEvent, type HookEvent } from "./hook-event.ts";
import { FailedEventReads, keyOf, type FailedEventReadsDeps } from "./failed-event-reads.ts";
import {
  attemptsOf,
  nextStepAttributes,
  summaryAttributes,
  type Attempt,
  type NextStep,
  type FailedEvent,
} from "./failed-event.ts";

/** More than the writers that one failed event can have at a time; each conflict means that another has just written. */
const MOST_CONFLICTS = 8;

/** The result of the first run of an event. */
export interface RecordedRun extends NextStep {
  readonly starts: number;
  readonly attempts: readonly Attempt[];
  /** The event expires then (ms since 1970); without it the event stays until it is resolved. */
  readonly keptUntil?: number;
}

/** What a failed event changes at its source, in the transaction that records, stops or resolves the event. */
export interface SourceWrites<E extends FailingEvent> {
  /** With the first record of an event. Its condition fails when the source may keep no more events. */
  readonly recorded?: (event: E) => Write;
  /** The event stops its source. Undefined when the source has ended: there is nothing to stop. */
  readonly stopped: (event: E) => Promise<Write | undefined>;
  /** The event is resolved; `stops`: it had stopped its source. `due` names what is due at `now` (ms) thereby. */
  readonly resolved: (
    event: E,
    how: { readonly stops: boolean; readonly now: number },
  ) => Promise<{ readonly write: Write; readonly due?: Key } | undefined>;
}

export interface FailedEventStoreDeps<E extends FailingEvent> extends FailedEventReadsDeps {
  readonly source: SourceWrites<E>;
}

/** The failed events, as items that the sweep and a person find. `E`: the events of the sources whose writes it is given. */
export class FailedEventStore<E extends FailingEvent = HookEvent> extends FailedEventReads<E> {
  readonly #table: Table;
  readonly #source: SourceWrites<E>;

  constructor(deps: FailedEventStoreDeps<E>) {
    super(deps);
    this.#table = deps.table;
    this.#source = deps.source;
  }

  /**
   * Records an event after its first run, or behind a stopped one. After a crash the first run comes twice and the event is
   * recorded already: then the newest run decides its status. Two items in one transaction, besides the parts of a large
   * body.
   *
   * @param stateStored the event's data is a state that the replica has: a retry reads it from there
   * @returns false when the event's source may keep no more events; then nothing is recorded
   * @throws ServiceError callback.busy when other attempts come first again and again
   */
  async record(event: E, run: RecordedRun, stateStored = false): Promise<boolean> {
    const { item, pointer } = await this.#itemsOf(event, run, stateStored);
    const key = keyOf(event);
    const counted = this.#source.recorded?.(event);
    const recorded = await retryOnConflict(undefined, MOST_CONFLICTS, async () => {
      const refused = await refusedReasons(this.#table, [
        { put: item, condition: itemMissing },
        { put: pointer, condition: always },
        ...(counted === undefined ? [] : [counted]),
      ]);
      if (refused === undefined) return { done: true };
      if (refused[0]?.code !== "condition") {
        if (refused[2]?.code === "condition") return { done: false };
        throw new TransactionRefused(refused);
      }
      if (run.status === "waiting") return { done: true };
      return (await this.#overwrite(key, refused[0].item ?? item, run)) ? { done: true } : { found: undefined };
    });
    if (recorded !== undefined) return recorded;
    throw new ServiceError("callback.busy", "This event is being retried at the same time; send it again.", {
      headers: { "Retry-After": "1" },
    });
  }

  /**
   * The writes that record an event, for a transaction of the caller's whose own conditions make a repetition harmless. They
   * put two items; the parts of a large body are written here, before.
   */
  async recordingWrites(event: E, run: RecordedRun): Promise<readonly Write[]> {
    const { item, pointer } = await this.#itemsOf(event, run, false);
    // What stands there is the same event, recorded at an earlier time.
    return [item, pointer].map((put) => ({ put, condition: always }));
  }

  async #itemsOf(
    event: E,
    run: RecordedRun,
    stateStored: boolean,
  ): Promise<{ readonly item: Item; readonly pointer: Item }> {
    const key = keyOf(event);
    const ttl = run.keptUntil === undefined ? undefined : Math.ceil(run.keptUntil / 1_000);
    const kept = stateStored && !isListenerEvent(event) ? { ...event, data: null } : event;
    const body = await writeBody(this.#table, key, kept, ttl);
    const item: Item = {
      ...key,
      eventId: event.id,
      ...summaryAttributes(event),
      ...body,
      starts: run.starts,
      ...(stateStored && { stateStored }),
      ...nextStepAttributes(run, run.attempts),
      ...compact({ ttl }),
    };
    const pointer = { ...failedEventIdKey(event.actorId, event.id), at: item.sk, ...compact({ ttl }) };
    return { item, pointer };
  }

  async #overwrite(key: Key, found: Item, run: RecordedRun): Promise<boolean> {
    const starts = found["starts"] as number;
    const set = {
      ...nextStepAttributes(run, [...attemptsOf(found), ...run.attempts]),
      starts: Math.max(starts, run.starts),
    };
    const remove = [...(run.dueAt === undefined ? ["dueAt"] : []), ...(run.status === "stopped" ? [] : ["stops"])];
    return (await updateIf(this.#table, key, { set, remove }, all(itemExists, equals("starts", starts)))).written;
  }

  /**
   * Counts one more start and keeps other attempts from beginning before `until` (ms). From `until` on the event is due,
   * in case this process ends; a waiting event is not, for its stream is due.
   *
   * @param attempt.attemptId recognises a write that is repeated after a lost answer
   * @returns false when another attempt is under way, or the event is gone
   */
  async begin(
    { key, starts, status }: FailedEvent<E>,
    attempt: { readonly now: number; readonly until: number; readonly attemptId: string },
  ): Promise<boolean> {
    const { now, until, attemptId: run } = attempt;
    const due = { status: "retrying", dueAt: until };
    const set = { run, busyUntil: until, ...(status === "waiting" ? {} : due) };
    const unchanged = all(equals("starts", starts), equals("status", status), idle(now));
    const begun = await updateIf(this.#table, key, { add: { starts: 1 }, set }, unchanged);
    return begun.written || begun.item?.["run"] === run;
  }

  /**
   * Records a failed attempt and the event's next status, unless another attempt has begun or the event is gone. An event
   * that stops its source does so in the same transaction.
   */
  async failed(failedEvent: FailedEvent<E>, attempt: Attempt, next: NextStep): Promise<void> {
    const set = nextStepAttributes(next, [...failedEvent.attempts, attempt]);
    const change = { set, remove: ["busyUntil", ...(next.dueAt === undefined ? ["dueAt"] : [])] };
    const mine = all(itemExists, equals("starts", failedEvent.starts));
    const stop = next.status === "stopped" ? await this.#source.stopped(failedEvent.event) : undefined;
    if (stop !== undefined) {
      const refused = await refusedReasons(this.#table, [{ update: failedEvent.key, change, condition: mine }, stop]);
      if (refused === undefined || refused[0]?.code === "condition") return;
      // The source has ended meanwhile: there is nothing to stop. The caller repeats after a conflict.
      if (refused[1]?.code !== "condition") throw new TransactionRefused(refused);
    }
    await updateIf(this.#table, failedEvent.key, change, mine);
  }

  /**
   * Deletes an event that is resolved, with what that changes at its source.
   *
   * @param how.unlessBusy deletes it only while no attempt is under way
   * @returns what of the source is due now, if anything; `busy` when an attempt is under way and `unlessBusy` is set
   * @throws ServiceError service.unavailable when other writes come first again and again
   */
  async resolve(
    failedEvent: FailedEvent<E>,
    how: { readonly now: number; readonly unlessBusy?: boolean },
  ): Promise<{ readonly due?: Key } | "busy"> {
    const { key, event, parts } = failedEvent;
    const resolved = await retryOnConflict(failedEvent.stops, MOST_CONFLICTS, async (stops) => {
      const end = await this.#source.resolved(event, { stops, now: how.now });
      const refused = await refusedReasons(
        this.#table,
        resolvingWrites(failedEvent, { ...how, stops, end: end?.write }),
      );
      if (refused === undefined) {
        await deleteBody(this.#table, key, parts);
        return { done: compact({ due: end?.due }) };
      }
      const isRefused = refused[0]?.code === "condition";
      const found = isRefused ? refused[0]?.item : undefined;
      // Another has resolved it, with what that changes at its source.
      if (isRefused && found === undefined && isListenerEvent(event)) return { done: {} };
      const isBusy = found !== undefined && ((found["busyUntil"] as number | undefined) ?? 0) > how.now;
      if (how.unlessBusy === true && isBusy) return { done: "busy" as const };
      return { found: found === undefined ? stops : found["stops"] === true };
    });
    if (resolved !== undefined) return resolved;
    throw new ServiceError("service.unavailable", "This event is being worked on; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }
}

function resolvingWrites(
  { key, event }: FailedEvent<FailingEvent>,
  how: { stops: boolean; end: Write | undefined; now: number; unlessBusy?: boolean },
): Write[] {
  // Since the event was read a crash may have repeated its first run, which then stopped the source. An event of a listener
  // stops none, and is resolved once: its source counts it.
  const same = isListenerEvent(event) ? itemExists : any(itemMissing, how.stops ? exists("stops") : missing("stops"));
  const writes: Write[] = [
    { delete: key, condition: how.unlessBusy === true ? all(same, idle(how.now)) : same },
    { delete: failedEventIdKey(event.actorId, event.id), condition: always },
  ];
  if (how.end !== undefined) writes.push(how.end);
  return writes;
}

/** Deletes all failed events of a source, or of a peer, and what lies beside them, with the items that find them by id. */
export async function deleteFailedEvents(
  table: Table,
  actorId: string,
  of: { readonly source: string } | { readonly peerId: string },
): Promise<void> {
  for await (const keys of keyPagesOf(table, actorId, of)) await table.deleteMany(keys);
}

/** Most keys of one transaction, besides the check. */
const MOST_KEYS = 99;

/**
 * The same for a source whose name another can have later: deletes only while the source is the one that is meant.
 *
 * @param source.is the item of the source, and what is true of the one that is meant
 * @returns false when another had come, or none was left, before everything was deleted
 */
export async function deleteFailedEventsOf(
  table: Table,
  actorId: string,
  { name, is }: { readonly name: string; readonly is: { readonly check: Key; readonly condition: Condition } },
): Promise<boolean> {
  for await (const keys of keyPagesOf(table, actorId, { source: name })) {
    for (let at = 0; at < keys.length; at += MOST_KEYS) {
      const gone = keys.slice(at, at + MOST_KEYS).map((key): Write => ({ delete: key, condition: always }));
      const refused = await refusedReasons(table, [is, ...gone]);
      if (refused?.[0]?.code === "condition") return false;
      if (refused !== undefined) throw new TransactionRefused(refused);
    }
  }
  return true;
}

/** The keys of failed events and of what lies beside them, each once in its page. */
async function* keyPagesOf(
  table: Table,
  actorId: string,
  of: { readonly source: string } | { readonly peerId: string },
): AsyncGenerator<readonly Key[]> {
  for await (const items of pagesOf(table, { pk: actorPartition(actorId), prefix: failedEventPrefix(of), only: [] })) {
    const keys = items.flatMap(({ pk, sk }) => [{ pk, sk }, failedEventIdKeyOf({ pk, sk })]);
    // The parts of a large event have the event's id, too.
    if (keys.length > 0) yield [...new Map(keys.map((key) => [key.sk, key])).values()];
  }
}

const idle = (now: number): Condition => any(missing("busyUntil"), atMost("busyUntil", now));
