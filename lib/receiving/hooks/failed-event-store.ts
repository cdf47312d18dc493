/** Hook events that did not go through: kept with each attempt's error until a retry, or a person, settles them. */
import { compact } from "../../system/compact.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import {
  outboundHeadKey,
  failedEventIdKey,
  failedEventKey,
  failedEventPrefix,
  staleReadOf,
} from "../../dynamodb/keys/streams.ts";
import { refusedReasons } from "../../dynamodb/outcomes.ts";
import {
  all,
  always,
  any,
  atMost,
  ConditionFailed,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  TransactionRefused,
} from "../../dynamodb/table.ts";
import type { Change, Condition, Item, Key, Table, Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { dueAttributes, headIs } from "../stream/head.ts";
import { packed, partKey, partsOf, unpacked } from "./failed-event-body.ts";
import type { HookEvent } from "./hook-event.ts";
import {
  attemptsOf,
  due,
  nextStepAttributes,
  SUMMARY_ATTRIBUTES,
  summaryAttributes,
  summaryOf,
} from "./failed-event-item.ts";
import type { Attempt, NextStep, FailedEvent, FailedEventSummary, FailedEventStatus } from "./failed-event-item.ts";
import { STALE_ATTRIBUTES, stalePartOf } from "../stream/stale-parts.ts";
import type { StalePart } from "../stream/stale-parts.ts";

/** More than writers of one failed event can be: each failure means that another has just written. */
const MOST_CONFLICTS = 8;

/** The hook events that are not settled, as items that the sweep and a person find. */
export class FailedEventStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /**
   * Records an event after its first attempt, or behind a stopped one. When a crash made that attempt come twice it is recorded already: then what the newest attempt came to counts. Two items in one transaction, besides the parts of a
   * large body.
   *
   * @param stateStored the event's data is a state that the store holds: it is read again when it is replayed
   */
  async record(
    event: HookEvent,
    outcome: NextStep & { readonly starts: number; readonly attempts: readonly Attempt[] },
    stateStored = false,
  ): Promise<void> {
    const key = keyOf(event);
    const body = partsOf(packed(stateStored ? { ...event, data: null } : event));
    for (const [part, piece] of body.entries()) {
      if (part > 0) await this.#table.put({ ...partKey(key, part), body: piece }, always);
    }
    const item: Item = {
      ...key,
      eventId: event.id,
      ...summaryAttributes(event),
      body: body[0] ?? new Uint8Array(),
      parts: body.length,
      starts: outcome.starts,
      ...(stateStored ? { stateStored } : {}),
      ...nextStepAttributes(key, outcome, outcome.attempts),
    };
    for (let conflict = 0; conflict < MOST_CONFLICTS; conflict += 1) {
      const found = await this.#putNew(event, item);
      if (found === undefined || outcome.status === "waiting") return;
      if (await this.#overwrite(key, found, outcome)) return;
    }
    throw new ServiceError("callback.busy", "This event is being retried at the same time; send it again.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** The item that is there already, if one is. */
  async #putNew(event: HookEvent, item: Item): Promise<Item | undefined> {
    try {
      await this.#table.transact([
        { put: item, condition: itemMissing },
        { put: { ...failedEventIdKey(event.actorId, event.id), at: item.sk }, condition: always },
      ]);
      return undefined;
    } catch (error) {
      if (!(error instanceof TransactionRefused) || error.reasons[0]?.code !== "condition") throw error;
      return error.reasons[0].item ?? item;
    }
  }

  async #overwrite(key: Key, found: Item, outcome: Parameters<FailedEventStore["record"]>[1]): Promise<boolean> {
    const starts = found["starts"] as number;
    const set = {
      ...nextStepAttributes(key, outcome, [...attemptsOf(found), ...outcome.attempts]),
      starts: Math.max(starts, outcome.starts),
    };
    const remove = [...(outcome.dueAt === undefined ? DUE : []), ...(outcome.status === "stopped" ? [] : ["stops"])];
    return await this.#amend(key, { set, remove }, equals("starts", starts));
  }

  /** One page of an actor's failed events, in the order of their streams; of one status when given. */
  async page(
    actorId: string,
    options: { peerId?: string; subscriptionId?: string; after?: string; limit: number; status?: FailedEventStatus },
  ): Promise<{ events: readonly FailedEvent[]; next?: string }> {
    const { items, next } = await this.#items(actorId, options);
    const events = await Promise.all(items.map(async (item) => await this.#read(item)));
    return compact({ events: events.filter((each) => each !== undefined), next });
  }

  /**
   * The same without the events' data, and with the reads that are parked: one query, however large they are.
   */
  async summaries(
    actorId: string,
    options: { peerId?: string; after?: string; limit: number },
  ): Promise<{ summaries: readonly (FailedEventSummary | StalePart)[]; next?: string }> {
    const { items, next } = await this.#items(actorId, options, [...SUMMARY_ATTRIBUTES, ...STALE_ATTRIBUTES]);
    const summaries = items.map((item) => stalePartOf(item) ?? summaryOf(item));
    return compact({ summaries: summaries.filter(isShown), next });
  }

  async #items(
    actorId: string,
    options: { peerId?: string; subscriptionId?: string; after?: string; limit: number; status?: FailedEventStatus },
    only?: readonly string[],
  ): Promise<{ items: readonly Item[]; next?: string }> {
    const { status } = options;
    let after = options.after;
    for (;;) {
      const page = await this.#table.query(
        compact({
          pk: actorPartition(actorId),
          prefix: failedEventPrefix(options.peerId, options.subscriptionId),
          limit: options.limit,
          only,
          after,
        }),
      );
      // Parts of bodies lie between the events; they have no status.
      const events = only === undefined ? page.items.filter((item) => staleReadOf(item) === undefined) : page.items;
      const items = events.filter((item) => (status === undefined ? "status" in item : item["status"] === status));
      after = page.next;
      if (items.length > 0 || after === undefined) return compact({ items, next: after });
    }
  }

  /** True while an event of the stream that stopped it is not settled, being retried or not. */
  async isStopped(stream: {
    readonly actorId: string;
    readonly peerId: string;
    readonly subscriptionId: string;
  }): Promise<boolean> {
    const range = {
      pk: actorPartition(stream.actorId),
      prefix: failedEventPrefix(stream.peerId, stream.subscriptionId),
      only: ["stops"],
    };
    let after: string | undefined;
    do {
      const page = await this.#table.query(after === undefined ? range : { ...range, after });
      if (page.items.some((item) => item["stops"] === true)) return true;
      after = page.next;
    } while (after !== undefined);
    return false;
  }

  /** The failed event, or read, of that id; undefined when there is none. 2 reads. */
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

  /** The failed event that this event is; undefined when it did not fail. 1 read. */
  async of(event: HookEvent): Promise<FailedEvent | undefined> {
    return await this.at(keyOf(event));
  }

  /**
   * Counts one more start and keeps others from beginning it before `until` (ms); then it is due, in case this process
   * ends. One that is waiting is not: its stream is.
   *
   * @param run names this attempt, so that a repeated write is recognised
   * @returns false when another attempt is under way, or it is gone
   */
  async begin(failedEvent: FailedEvent, now: number, until: number, run: string): Promise<boolean> {
    const mine = all(equals("starts", failedEvent.starts), equals("status", failedEvent.status), idle(now));
    const due = { dueShard: dueShardOf(failedEvent.key), dueAt: until };
    const set = { run, busyUntil: until, ...(failedEvent.status === "waiting" ? {} : { status: "retrying", ...due }) };
    try {
      await this.#table.update(failedEvent.key, { add: { starts: 1 }, set }, mine);
      return true;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return error.item?.["run"] === run;
    }
  }

  /**
   * Notes a failed attempt and what is to become of the event, unless another attempt has begun or it is gone. One that
   * stops its stream does so in the same transaction.
   */
  async failed(failedEvent: FailedEvent, attempt: Attempt, next: NextStep): Promise<void> {
    const set = nextStepAttributes(failedEvent.key, next, [...failedEvent.attempts, attempt]);
    const change = { set, remove: ["busyUntil", ...(next.dueAt === undefined ? DUE : [])] };
    const mine = equals("starts", failedEvent.starts);
    const head = next.status === "stopped" ? await this.#liveHead(failedEvent.event) : undefined;
    if (head !== undefined) {
      const refused = await refusedReasons(this.#table, [
        { update: failedEvent.key, change, condition: mine },
        { update: head, change: { set: { hooksPaused: true }, add: { version: 1 } }, condition: headIs.live },
      ]);
      if (refused === undefined || refused[0]?.code === "condition") return;
      // Ended meanwhile: there are no hooks to pause. A conflict is the caller's to repeat.
      if (refused[1]?.code !== "condition") throw new TransactionRefused(refused);
    }
    await this.#amend(failedEvent.key, change, mine);
  }

  /**
   * The event is settled: nothing of it stays. When it had stopped its stream, the same transaction asks for the hooks to resume, due `now` (ms).
   *
   * @param mayRun false: only while no attempt is under way
   * @returns the stream whose hooks are to resume, if any; `busy` when an attempt is under way that may not be
   */
  async resolve(failedEvent: FailedEvent, now: number, mayRun = true): Promise<{ readonly release?: Key } | "busy"> {
    let { stops } = failedEvent;
    for (let conflict = 0; conflict < MOST_CONFLICTS; conflict += 1) {
      const head = stops ? await this.#liveHead(failedEvent.event) : undefined;
      const refused = await this.#resolveOnce(failedEvent, { stops, head, now, mayRun });
      if (refused === undefined) {
        const rest = Array.from({ length: failedEvent.parts - 1 }, (_, part) => partKey(failedEvent.key, part + 1));
        if (rest.length > 0) await this.#table.deleteMany(rest);
        return head === undefined ? {} : { release: head };
      }
      const found = refused[0]?.code === "condition" ? refused[0].item : undefined;
      stops = found === undefined ? stops : found["stops"] === true;
      if (!mayRun && found !== undefined && ((found["busyUntil"] as number | undefined) ?? 0) > now) return "busy";
    }
    throw new ServiceError("service.unavailable", "This event is being worked on; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  async #resolveOnce(
    { key, event }: FailedEvent,
    how: { stops: boolean; head: Key | undefined; now: number; mayRun: boolean },
  ): Promise<TransactionRefused["reasons"] | undefined> {
    // A crash may have made its first attempt come again, and stop the stream, since it was read.
    const same = any(itemMissing, how.stops ? exists("stops") : missing("stops"));
    const writes: Write[] = [
      { delete: key, condition: how.mayRun ? same : all(same, idle(how.now)) },
      { delete: failedEventIdKey(event.actorId, event.id), condition: always },
    ];
    if (how.head !== undefined) {
      const set = { hooksResuming: true, ...dueAttributes(how.head, how.now) };
      writes.push({
        update: how.head,
        change: { set, add: { version: 1, recoveryRevision: 1 } },
        condition: headIs.live,
      });
    }
    return await refusedReasons(this.#table, writes);
  }

  async #liveHead(event: HookEvent): Promise<Key | undefined> {
    const key = outboundHeadKey(event);
    return (await this.#table.get(key, { only: ["state"] }))?.["state"] === "live" ? key : undefined;
  }

  async #amend(key: Key, change: Change, condition: Condition): Promise<boolean> {
    try {
      await this.#table.update(key, change, all(itemExists, condition));
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  /** Undefined when it was settled while it was read. */
  async #read(item: Item): Promise<FailedEvent | undefined> {
    const parts = item["parts"] as number;
    const pieces = [item["body"] as Uint8Array];
    for (let part = 1; part < parts; part += 1) {
      const piece = await this.#table.get(partKey(item, part));
      if (piece === undefined) return undefined;
      pieces.push(piece["body"] as Uint8Array);
    }
    return {
      key: { pk: item.pk, sk: item.sk },
      event: unpacked(pieces),
      status: item["status"] as FailedEventStatus,
      starts: item["starts"] as number,
      attempts: attemptsOf(item),
      ...due(item["dueAt"] as number | undefined),
      stops: item["stops"] === true,
      busyUntil: (item["busyUntil"] as number | undefined) ?? 0,
      stateStored: item["stateStored"] === true,
      parts,
    };
  }
}

/** A read is parked only once it has been tried often enough. */
const isShown = (summary: FailedEventSummary | StalePart): boolean =>
  !("reason" in summary) || summary.status === "parked";

const DUE = ["dueShard", "dueAt"];

const idle = (now: number): Condition => any(missing("busyUntil"), atMost("busyUntil", now));

const keyOf = (event: HookEvent): Key => failedEventKey(event, event);
