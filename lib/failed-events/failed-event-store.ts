/** Stores failed events, with the error of each attempt, until a success or a person resolves them. */
import { compact } from "../system/compact.ts";
import { failedEventIdKey } from "../dynamodb/keys/failed-events.ts";
import { refusedReasons, updateIf } from "../dynamodb/outcomes.ts";
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
  type FailedAttempt,
  type NextStep,
  type FailedEvent,
} from "./failed-event.ts";

/** More than the writers that one failed event has at the same time: each lost conflict is another writer's success. */
const MOST_CONFLICTS = 8;

/** How the first run of an event ended. */
export interface RecordedRun extends NextStep {
  readonly starts: number;
  readonly attempts: readonly FailedAttempt[];
  /** The event expires at this time (ms since 1970). Absent: it is kept until it is resolved. */
  readonly keptUntil?: number;
}

/**
 * The writes at an event's source that belong to the transaction which records the event, stops the source, or resolves the
 * event.
 */
export interface SourceWrites<E extends FailingEvent> {
  /** For an event that is recorded. The condition of this write fails when the source may keep no more events. */
  readonly recorded?: (event: E) => Write;
  /** For an event that stops its source. Undefined when the source has ended, so that there is nothing to stop. */
  readonly stopped: (event: E) => Promise<Write | undefined>;
  /**
   * For an event that is resolved; `stops`: it had stopped its source. `due` is the key of the item that this write makes
   * due at `now` (ms since 1970). Undefined: nothing changes at the source.
   */
  readonly resolved: (
    event: E,
    how: { readonly stops: boolean; readonly now: number },
  ) => Promise<{ readonly write: Write; readonly due?: Key } | undefined>;
}

export interface FailedEventStoreDeps<E extends FailingEvent> extends FailedEventReadsDeps {
  readonly source: SourceWrites<E>;
}

/** The failed events of the kinds of source whose writes it is given (`E`). Every write is conditional on what was read. */
export class FailedEventStore<E extends FailingEvent = HookEvent> extends FailedEventReads<E> {
  readonly #table: Table;
  readonly #source: SourceWrites<E>;

  constructor(deps: FailedEventStoreDeps<E>) {
    super(deps);
    this.#table = deps.table;
    this.#source = deps.source;
  }

  /**
   * Records an event after its first run failed, or because it waits behind a stopped event. A crash can repeat the first
   * run after the event was recorded: then the newer run decides the status. One transaction of two items, after one
   * request for each further part of a large body.
   *
   * @param stateStored the event's data is a state that the replica has: the data is not recorded, and a retry reads it
   *   there
   * @returns false when the event's source may keep no more events, and nothing was recorded
   * @throws ServiceError callback.busy when other attempts kept changing the event
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
   * The two writes that record an event, for the caller's transaction. Its other conditions must keep a repetition from
   * recording an event that was resolved. Writes the parts of a large body at once.
   */
  async recordingWrites(event: E, run: RecordedRun): Promise<readonly Write[]> {
    const { item, pointer } = await this.#itemsOf(event, run, false);
    // An item at these keys is the same event, recorded earlier.
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
   * Counts one more start, and keeps other attempts from starting before `until` (ms since 1970). The event is due at
   * `until`, so that another attempt follows if this process dies. A waiting event is not made due, because its stream is.
   *
   * @param attempt.attemptId recognises this write when it is repeated after a lost answer
   * @returns false when another attempt runs, or the event was resolved
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
   * Records a failed attempt and the event's next status, unless another attempt has started or the event was resolved. The
   * same transaction stops the source where the status is `stopped`.
   */
  async failed(failedEvent: FailedEvent<E>, attempt: FailedAttempt, next: NextStep): Promise<void> {
    const set = nextStepAttributes(next, [...failedEvent.attempts, attempt]);
    const change = { set, remove: ["busyUntil", ...(next.dueAt === undefined ? ["dueAt"] : [])] };
    const mine = all(itemExists, equals("starts", failedEvent.starts));
    const stop = next.status === "stopped" ? await this.#source.stopped(failedEvent.event) : undefined;
    if (stop !== undefined) {
      const refused = await refusedReasons(this.#table, [{ update: failedEvent.key, change, condition: mine }, stop]);
      if (refused === undefined || refused[0]?.code === "condition") return;
      // The source has ended, so there is nothing to stop. After any other refusal the caller repeats.
      if (refused[1]?.code !== "condition") throw new TransactionRefused(refused);
    }
    await updateIf(this.#table, failedEvent.key, change, mine);
  }

  /**
   * Deletes a resolved event, and changes its source in the same transaction.
   *
   * @param how.unlessBusy deletes the event only while no attempt runs
   * @returns the item of the source that is due now, if one is; `busy` when an attempt runs and `unlessBusy` is set
   * @throws ServiceError service.unavailable when other writers kept changing the event
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
      // Another process has resolved the event, and changed its source.
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
  // After the event was read, a crash may have repeated its first run, and that may have stopped the source. An event of a
  // listener stops no source; its item must exist, so that its source counts the resolution once.
  const same = isListenerEvent(event) ? itemExists : any(itemMissing, how.stops ? exists("stops") : missing("stops"));
  const writes: Write[] = [
    { delete: key, condition: how.unlessBusy === true ? all(same, idle(how.now)) : same },
    { delete: failedEventIdKey(event.actorId, event.id), condition: always },
  ];
  if (how.end !== undefined) writes.push(how.end);
  return writes;
}

const idle = (now: number): Condition => any(missing("busyUntil"), atMost("busyUntil", now));
