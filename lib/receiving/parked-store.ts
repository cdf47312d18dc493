/** Hook events that did not go through: kept with each attempt's error until a retry, or a person, settles them. */
import { gunzipSync, gzipSync } from "node:zlib";
import { dueShardOf, parkedIdKey, parkedKey, parkedPrefix, actorPartition } from "../dynamodb/keys.ts";
import {
  all,
  always,
  atMost,
  ConditionFailed,
  equals,
  itemExists,
  itemMissing,
  TransactionRefused,
} from "../dynamodb/table.ts";
import type { Attribute, Item, Key, Table } from "../dynamodb/table.ts";
import type { HookEvent } from "./hook-event.ts";

/**
 * `retry`: the sweep runs it when due. `parked`: attempts are used up, or the hook said so; for replay by hand.
 * `stopped`: as parked, and later events of its stream wait behind it. `held`: waits behind a stopped one, never begun.
 */
export type ParkedStatus = "retry" | "parked" | "stopped" | "held";

export interface Attempt {
  /** ms since 1970. */
  readonly at: number;
  readonly error: string;
}

export interface Parked {
  readonly key: Key;
  readonly event: HookEvent;
  readonly status: ParkedStatus;
  /** How often the hook was begun, also when its process ended before it did. */
  readonly starts: number;
  readonly attempts: readonly Attempt[];
  readonly dueAt?: number;
}

/** One part of an event's gzipped body; an item stays well under DynamoDB's 400 KB. */
const PART_BYTES = 300_000;
/** Attempts whose errors are kept; the newest. */
const ATTEMPTS_KEPT = 20;
/** Characters of an error kept. */
const ERROR_LENGTH = 500;

export class ParkedStore {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** Parks an event; quiet when it is parked already. Two items in one transaction, besides the parts of a large body. */
  async park(event: HookEvent, parked: Omit<Parked, "key" | "event">): Promise<void> {
    const key = keyOf(event);
    // A resync's state is read again from the store when it is replayed: it may be far larger than an item.
    const body = gzipSync(JSON.stringify(event.callbackType === "resync" ? { ...event, data: null } : event));
    const parts = Math.ceil(body.length / PART_BYTES);
    for (let part = 1; part < parts; part += 1) {
      await this.#table.put({ ...partKey(event, part), body: slice(body, part) }, always);
    }
    const item: Item = { ...key, eventId: event.id, body: slice(body, 0), parts, ...attributesOf(key, parked) };
    try {
      await this.#table.transact([
        { put: item, condition: itemMissing },
        { put: { ...parkedIdKey(event.actorId, event.id), at: key.sk }, condition: always },
      ]);
    } catch (error) {
      if (!(error instanceof TransactionRefused) || error.reasons[0]?.code !== "condition") throw error;
    }
  }

  /** One page of an actor's parked events, in the order of their streams; of one status when given. */
  async page(
    actorId: string,
    options: { peerId?: string; subscriptionId?: string; after?: string; limit: number; status?: ParkedStatus },
  ): Promise<{ parked: readonly Parked[]; next?: string }> {
    const { status } = options;
    let after = options.after;
    for (;;) {
      const page = await this.#table.query({
        pk: actorPartition(actorId),
        prefix: parkedPrefix(options.peerId, options.subscriptionId),
        limit: options.limit,
        ...(after === undefined ? {} : { after }),
      });
      const whole = page.items.filter((item) => (status === undefined ? "status" in item : item["status"] === status));
      after = page.next;
      if (whole.length === 0 && after !== undefined) continue;
      const parked = await Promise.all(whole.map(async (item) => await this.#read(item)));
      return { parked, ...(after === undefined ? {} : { next: after }) };
    }
  }

  /** The parked event of that id; undefined when there is none. 2 reads. */
  async find(actorId: string, eventId: string): Promise<Parked | undefined> {
    const pointer = await this.#table.get(parkedIdKey(actorId, eventId));
    const sk = pointer?.["at"];
    return typeof sk === "string" ? await this.at({ pk: actorPartition(actorId), sk }) : undefined;
  }

  /** The parked event at a key, as the due index names it. */
  async at(key: Key): Promise<Parked | undefined> {
    const item = await this.#table.get(key);
    return item === undefined ? undefined : await this.#read(item);
  }

  /**
   * Counts one more start and puts the next look `until` (ms) away, so that no one else begins it meanwhile.
   * False when another did, or it is gone.
   */
  async begin(parked: Parked, now: number, until: number): Promise<boolean> {
    const due = { dueShard: dueShardOf(parked.key), dueAt: until };
    const mine = all(equals("starts", parked.starts), equals("status", parked.status));
    const free = parked.dueAt === undefined ? mine : all(mine, atMost("dueAt", Math.max(now, parked.dueAt)));
    try {
      await this.#table.update(parked.key, { add: { starts: 1 }, set: { status: "retry", ...due } }, free);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  /** Notes a failed attempt and what is to become of the event. */
  async failed(parked: Parked, attempt: Attempt, next: { status: ParkedStatus; dueAt?: number }): Promise<void> {
    const after = { status: next.status, attempts: [...parked.attempts, attempt] };
    const { starts: _, ...set } = attributesOf(parked.key, { ...after, starts: 0, ...due(next.dueAt) });
    const remove = next.dueAt === undefined ? ["dueShard", "dueAt"] : [];
    try {
      await this.#table.update(parked.key, { set, remove }, itemExists);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  /** The event is settled: nothing of it stays. */
  async settle(parked: Parked): Promise<void> {
    const { event } = parked;
    await this.#table.transact([
      { delete: parked.key, condition: always },
      { delete: parkedIdKey(event.actorId, event.id), condition: always },
    ]);
    const parts = Math.ceil(gzipSync(JSON.stringify(event)).length / PART_BYTES);
    if (parts > 1) {
      await this.#table.deleteMany(Array.from({ length: parts - 1 }, (_, part) => partKey(event, part + 1)));
    }
  }

  async #read(item: Item): Promise<Parked> {
    const pieces = [item["body"] as Uint8Array];
    for (let part = 1; part < (item["parts"] as number); part += 1) {
      const piece = await this.#table.get({ pk: item.pk, sk: `${item.sk}#${String(part)}` });
      if (piece !== undefined) pieces.push(piece["body"] as Uint8Array);
    }
    return {
      key: { pk: item.pk, sk: item.sk },
      event: JSON.parse(gunzipSync(Buffer.concat(pieces)).toString("utf8")) as HookEvent,
      status: item["status"] as ParkedStatus,
      starts: item["starts"] as number,
      attempts: JSON.parse(item["attempts"] as string) as readonly Attempt[],
      ...due(item["dueAt"] as number | undefined),
    };
  }
}

const keyOf = (event: HookEvent): Key => parkedKey(event.actorId, event.peerId, event.subscriptionId, event);

const partKey = (event: HookEvent, part: number): Key => {
  const { pk, sk } = keyOf(event);
  return { pk, sk: `${sk}#${String(part)}` };
};

const slice = (body: Uint8Array, part: number): Uint8Array => body.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);

const due = (dueAt: number | undefined): { readonly dueAt?: number } => (dueAt === undefined ? {} : { dueAt });

function attributesOf(key: Key, parked: Omit<Parked, "key" | "event">): Readonly<Record<string, Attribute>> {
  const attempts = parked.attempts
    .slice(-ATTEMPTS_KEPT)
    .map((attempt) => ({ at: attempt.at, error: attempt.error.slice(0, ERROR_LENGTH) }));
  return {
    status: parked.status,
    starts: parked.starts,
    attempts: JSON.stringify(attempts),
    ...(parked.dueAt === undefined ? {} : { dueShard: dueShardOf(key), dueAt: parked.dueAt }),
  };
}
