/** Failed events as items, kept with each attempt's error until a success, or a person, resolves them. */
import { compact } from "../../system/compact.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import {
  outboundHeadKey,
  failedEventIdKey,
  failedEventKey,
  failedEventPrefix,
  staleReadOf,
} from "../../dynamodb/keys/streams.ts";
import type { StreamRef } from "../../domain/terms/refs.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { itemsOf } from "../../dynamodb/paging.ts";
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
} from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { pauseHooks, resumeHooks, writeOf } from "../stream/stream-changes.ts";
import { deleteBody, readBody, writeBody } from "./failed-event-body.ts";
import type { HookEvent } from "./hook-event.ts";
import {
  attemptsOf,
  failedEventOf,
  nextStepAttributes,
  SUMMARY_ATTRIBUTES,
  summaryAttributes,
  summaryOf,
  type Attempt,
  type NextStep,
  type FailedEvent,
  type FailedEventSummary,
  type FailedEventStatus,
} from "./failed-event-item.ts";
import { STALE_ATTRIBUTES, stalePartOf, type StalePart } from "../stream/stale-parts.ts";

/** More than the writers that one failed event can have at a time; each conflict means that another has just written. */
const MOST_CONFLICTS = 8;

/** The result of the first run of an event. */
export interface RecordedRun extends NextStep {
  readonly starts: number;
  readonly attempts: readonly Attempt[];
}

/** Which of an actor's failed events to list. */
export interface FailedEventQuery {
  readonly peerId?: string;
  readonly subscriptionId?: string;
  readonly status?: FailedEventStatus;
  readonly after?: string;
  readonly limit: number;
}

/** The failed events, as items that the sweep and a person find. */
export class FailedEventStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /**
   * Records an event after its first run, or behind a stopped one. After a crash the first run comes twice and the event is
   * recorded already: then the newest run decides its status. Two items in one transaction, besides the parts of a large
   * body.
   *
   * @param stateStored the event's data is a state that the replica has: a retry reads it from there
   * @throws ServiceError callback.busy when other attempts come first again and again
   */
  async record(event: HookEvent, run: RecordedRun, stateStored: boolean): Promise<void> {
    const key = keyOf(event);
    const body = await writeBody(this.#table, key, stateStored ? { ...event, data: null } : event);
    const item: Item = {
      ...key,
      eventId: event.id,
      ...summaryAttributes(event),
      ...body,
      starts: run.starts,
      ...(stateStored && { stateStored }),
      ...nextStepAttributes(run, run.attempts),
    };
    const recorded = await retryOnConflict(undefined, MOST_CONFLICTS, async () => {
      const refused = await refusedReasons(this.#table, [
        { put: item, condition: itemMissing },
        { put: { ...failedEventIdKey(event.actorId, event.id), at: item.sk }, condition: always },
      ]);
      if (refused !== undefined && refused[0]?.code !== "condition") throw new TransactionRefused(refused);
      if (refused === undefined || run.status === "waiting") return { done: true };
      return (await this.#overwrite(key, refused[0]?.item ?? item, run)) ? { done: true } : { found: undefined };
    });
    if (recorded !== undefined) return;
    throw new ServiceError("callback.busy", "This event is being retried at the same time; send it again.", {
      headers: { "Retry-After": "1" },
    });
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

  /** One page of an actor's failed events, in the order of their streams; of one status when given. */
  async page(actorId: string, query: FailedEventQuery): Promise<{ events: readonly FailedEvent[]; next?: string }> {
    const { items, next } = await this.#items(actorId, query);
    const events = await Promise.all(items.map(async (item) => await this.#read(item)));
    return compact({ events: events.filter((each) => each !== undefined), next });
  }

  /** The same without the events' data, and with the reads that are parked: one query, however large the events are. */
  async summaries(
    actorId: string,
    query: FailedEventQuery,
  ): Promise<{ summaries: readonly (FailedEventSummary | StalePart)[]; next?: string }> {
    const { items, next } = await this.#items(actorId, query, [...SUMMARY_ATTRIBUTES, ...STALE_ATTRIBUTES]);
    const summaries = items.map((item) => stalePartOf(item) ?? summaryOf(item));
    return compact({ summaries: summaries.filter(isShown), next });
  }

  async #items(
    actorId: string,
    { peerId, subscriptionId, status, limit, after: from }: FailedEventQuery,
    only?: readonly string[],
  ): Promise<{ items: readonly Item[]; next?: string }> {
    const range = { pk: actorPartition(actorId), prefix: failedEventPrefix(peerId, subscriptionId), limit };
    for (let after = from; ;) {
      const page = await this.#table.query(compact({ ...range, only, after }));
      // Parts of bodies lie between the events; they have no status.
      const events = only === undefined ? page.items.filter((item) => staleReadOf(item) === undefined) : page.items;
      const items = events.filter((item) => (status === undefined ? "status" in item : item["status"] === status));
      after = page.next;
      if (items.length > 0 || after === undefined) return compact({ items, next: after });
    }
  }

  /** True while an event that stopped the stream is not resolved, whatever its status. */
  async isStopped({ actorId, peerId, subscriptionId }: StreamRef): Promise<boolean> {
    const range = { pk: actorPartition(actorId), prefix: failedEventPrefix(peerId, subscriptionId), only: ["stops"] };
    for await (const item of itemsOf(this.#table, range)) if (item["stops"] === true) return true;
    return false;
  }

  /** The failed event, or stale part, of that id; undefined when there is none. 2 reads. */
  async find(actorId: string, eventId: string): Promise<FailedEvent | StalePart | undefined> {
    const pointer = await this.#table.get(failedEventIdKey(actorId, eventId));
    const sk = pointer?.["at"];
    if (typeof sk !== "string") return undefined;
    const item = await this.#table.get({ pk: actorPartition(actorId), sk });
    return item === undefined ? undefined : (stalePartOf(item) ?? (await this.#read(item)));
  }

  /** The failed event at a key, as the due index names it. */
  async at(key: Key): Promise<FailedEvent | undefined> {
    if (staleReadOf(key) !== undefined) return undefined;
    const item = await this.#table.get(key);
    return item === undefined ? undefined : await this.#read(item);
  }

  /** The failed event of a hook event; undefined when it did not fail. 1 read. */
  async of(event: HookEvent): Promise<FailedEvent | undefined> {
    return await this.at(keyOf(event));
  }

  /**
   * Counts one more start and keeps other attempts from beginning before `until` (ms). From `until` on the event is due,
   * in case this process ends; a waiting event is not, for its stream is due.
   *
   * @param attempt.attemptId recognises a write that is repeated after a lost answer
   * @returns false when another attempt is under way, or the event is gone
   */
  async begin(
    { key, starts, status }: FailedEvent,
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
   * that stops its stream pauses the stream's hooks in the same transaction.
   */
  async failed(failedEvent: FailedEvent, attempt: Attempt, next: NextStep): Promise<void> {
    const set = nextStepAttributes(next, [...failedEvent.attempts, attempt]);
    const change = { set, remove: ["busyUntil", ...(next.dueAt === undefined ? ["dueAt"] : [])] };
    const mine = all(itemExists, equals("starts", failedEvent.starts));
    const head = next.status === "stopped" ? await this.#liveHead(failedEvent.event) : undefined;
    if (head !== undefined) {
      const refused = await refusedReasons(this.#table, [
        { update: failedEvent.key, change, condition: mine },
        { update: head, ...writeOf(head, pauseHooks) },
      ]);
      if (refused === undefined || refused[0]?.code === "condition") return;
      // The stream has ended meanwhile: there are no hooks to pause. The caller repeats after a conflict.
      if (refused[1]?.code !== "condition") throw new TransactionRefused(refused);
    }
    await updateIf(this.#table, failedEvent.key, change, mine);
  }

  /**
   * Deletes an event that is resolved. When it had stopped its stream, the same transaction asks for the hooks to resume,
   * due `now` (ms).
   *
   * @param how.unlessBusy deletes it only while no attempt is under way
   * @returns the stream whose hooks are to resume, if any; `busy` when an attempt is under way and `unlessBusy` is set
   * @throws ServiceError service.unavailable when other writes come first again and again
   */
  async resolve(
    failedEvent: FailedEvent,
    how: { readonly now: number; readonly unlessBusy?: boolean },
  ): Promise<{ readonly release?: Key } | "busy"> {
    const { key, event, parts } = failedEvent;
    const resolved = await retryOnConflict(failedEvent.stops, MOST_CONFLICTS, async (stops) => {
      const head = stops ? await this.#liveHead(event) : undefined;
      const refused = await refusedReasons(this.#table, resolvingWrites(failedEvent, { ...how, stops, head }));
      if (refused === undefined) {
        await deleteBody(this.#table, key, parts);
        return { done: compact({ release: head }) };
      }
      const found = refused[0]?.code === "condition" ? refused[0].item : undefined;
      const isBusy = found !== undefined && ((found["busyUntil"] as number | undefined) ?? 0) > how.now;
      if (how.unlessBusy === true && isBusy) return { done: "busy" as const };
      return { found: found === undefined ? stops : found["stops"] === true };
    });
    if (resolved !== undefined) return resolved;
    throw new ServiceError("service.unavailable", "This event is being worked on; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  async #liveHead(event: HookEvent): Promise<Key | undefined> {
    const key = outboundHeadKey(event);
    return (await this.#table.get(key, { only: ["state"] }))?.["state"] === "live" ? key : undefined;
  }

  /** Undefined when the event was resolved while it was read. */
  async #read(item: Item): Promise<FailedEvent | undefined> {
    const event = await readBody(this.#table, item);
    return event === undefined ? undefined : failedEventOf(item, event);
  }
}

function resolvingWrites(
  { key, event }: FailedEvent,
  how: { stops: boolean; head: Key | undefined; now: number; unlessBusy?: boolean },
): Write[] {
  // Since the event was read a crash may have repeated its first run, which then stopped the stream.
  const same = any(itemMissing, how.stops ? exists("stops") : missing("stops"));
  const writes: Write[] = [
    { delete: key, condition: how.unlessBusy === true ? all(same, idle(how.now)) : same },
    { delete: failedEventIdKey(event.actorId, event.id), condition: always },
  ];
  if (how.head !== undefined) writes.push({ update: how.head, ...writeOf(how.head, resumeHooks(how.now)) });
  return writes;
}

/** A stale part counts as failed once it is parked. */
const isShown = (summary: FailedEventSummary | StalePart): boolean =>
  !("reason" in summary) || summary.status === "parked";

const idle = (now: number): Condition => any(missing("busyUntil"), atMost("busyUntil", now));

const keyOf = (event: HookEvent): Key => failedEventKey(event, event);
