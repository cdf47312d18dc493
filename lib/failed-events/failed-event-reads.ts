/** Reads failed events: by page, by id, by key, and their number. Expired events are left out. */
import { compact } from "../system/compact.ts";
import { actorPartition } from "../dynamodb/keys/partition.ts";
import {
  failedEventIdKey,
  failedEventKey,
  failedEventPrefix,
  hookSource,
  staleReadOf,
} from "../dynamodb/keys/failed-events.ts";
import { itemsOf } from "../dynamodb/paging.ts";
import type { Item, Key, Table } from "../dynamodb/table.ts";
import type { Clock } from "../system/ports.ts";
import { readBody } from "./body.ts";
import { eventIn, isListenerEvent, type FailingEvent, type HookEvent } from "./hook-event.ts";
import {
  failedEventOf,
  SUMMARY_ATTRIBUTES,
  summaryOf,
  type FailedEvent,
  type FailedEventStatus,
  type FailedEventSummary,
} from "./failed-event.ts";

/** Selects failed events of an actor: those of one source, those of all our subscriptions to one peer, or all. */
export interface FailedEventQuery {
  readonly source?: string;
  readonly peerId?: string;
  readonly status?: FailedEventStatus;
  readonly after?: string;
  readonly limit: number;
}

export interface FailedEventReadsDeps {
  readonly table: Table;
  readonly clock: Clock;
  /** The deployment's `LOG_EPOCH`: positions in events are returned as positions of this epoch. */
  readonly epoch: number;
}

/** The reads; `FailedEventStore` adds the writes. */
export class FailedEventReads<E extends FailingEvent = HookEvent> {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly #epoch: number;

  constructor({ table, clock, epoch }: FailedEventReadsDeps) {
    this.#table = table;
    this.#clock = clock;
    this.#epoch = epoch;
  }

  /** One page of an actor's failed events, in the order of their sources. */
  async page(actorId: string, query: FailedEventQuery): Promise<{ events: readonly FailedEvent<E>[]; next?: string }> {
    const { items, next } = await this.#items(actorId, query);
    const events = await Promise.all(items.map(async (item) => await this.read(item)));
    return compact({ events: events.filter((each) => each !== undefined), next });
  }

  /**
   * The same without the events' data, and with the other items of the range (places that could not be read). One query,
   * however large the events are.
   *
   * @param also reads one of the other items; `attributes` names what that needs
   */
  async summaries<T extends object>(
    actorId: string,
    query: FailedEventQuery,
    also: { readonly attributes: readonly string[]; readonly read: (item: Item) => T | undefined },
  ): Promise<{ summaries: readonly (FailedEventSummary | T)[]; next?: string }> {
    const { items, next } = await this.#items(actorId, query, [...SUMMARY_ATTRIBUTES, ...also.attributes]);
    return compact({ summaries: items.map((item) => also.read(item) ?? summaryOf(item, this.#epoch)), next });
  }

  async #items(
    actorId: string,
    { source, peerId, status, limit, after: from }: FailedEventQuery,
    only?: readonly string[],
  ): Promise<{ items: readonly Item[]; next?: string }> {
    const prefix = failedEventPrefix(compact({ source, peerId }));
    const range = { pk: actorPartition(actorId), prefix, limit };
    for (let after = from; ;) {
      const page = await this.#table.query(compact({ ...range, only, after }));
      // Parts of bodies sort between the events; they have no status.
      const events = only === undefined ? page.items.filter((item) => staleReadOf(item) === undefined) : page.items;
      const live = events.filter((item) => !this.#expired(item));
      const items = live.filter((item) => (status === undefined ? "status" in item : item["status"] === status));
      after = page.next;
      if (items.length > 0 || after === undefined) return compact({ items, next: after });
    }
  }

  /** The number of failed events of a source, of every status. One query for each MB of them. */
  async count(actorId: string, source: string): Promise<number> {
    const prefix = failedEventPrefix({ source });
    const range = { pk: actorPartition(actorId), prefix, only: ["status", "ttl"] };
    let count = 0;
    for await (const item of itemsOf(this.#table, range)) if ("status" in item && !this.#expired(item)) count += 1;
    return count;
  }

  /** True while an event that stopped the source is not resolved, even if it is being retried. */
  async isStopped(actorId: string, source: string): Promise<boolean> {
    const range = { pk: actorPartition(actorId), prefix: failedEventPrefix({ source }), only: ["stops"] };
    for await (const item of itemsOf(this.#table, range)) if (item["stops"] === true) return true;
    return false;
  }

  /** The item with this id: a failed event, or a place that could not be read. Undefined when there is none. 2 reads. */
  async find(actorId: string, eventId: string): Promise<Item | undefined> {
    const pointer = await this.#table.get(failedEventIdKey(actorId, eventId));
    const sk = pointer?.["at"];
    return typeof sk === "string" ? await this.#table.get({ pk: actorPartition(actorId), sk }) : undefined;
  }

  /** The failed event at a key; undefined when there is none, or the key is that of a place that could not be read. */
  async at(key: Key): Promise<FailedEvent<E> | undefined> {
    if (staleReadOf(key) !== undefined) return undefined;
    const item = await this.#table.get(key);
    return item === undefined ? undefined : await this.read(item);
  }

  /** The failed event that an event became; undefined when it did not fail. 1 read. */
  async of(event: E): Promise<FailedEvent<E> | undefined> {
    return await this.at(keyOf(event));
  }

  /** A failed event from its item; undefined when it expired, or was resolved while it was read. */
  async read(item: Item): Promise<FailedEvent<E> | undefined> {
    if (this.#expired(item)) return undefined;
    const event = await readBody(this.#table, item);
    return event === undefined ? undefined : failedEventOf(item, eventIn(this.#epoch, event) as E);
  }

  #expired(item: Item): boolean {
    return item["ttl"] !== undefined && Number(item["ttl"]) * 1_000 <= this.#clock.now();
  }
}

/** The key of a failed event. A listener never begins its numbers again, so its events all have the epoch 0. */
export function keyOf(event: FailingEvent): Key {
  if (isListenerEvent(event)) return failedEventKey(event.actorId, event.source, { ...event, epoch: 0 });
  return failedEventKey(event.actorId, hookSource(event), event);
}
