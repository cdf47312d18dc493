/** Finds the inbound subscriptions of an actor: by id, by peer, by what a change touches. */
import type { InboundRef } from "../../domain/terms/refs.ts";
import type { Change, Granularity, LogRecord } from "../../domain/diff/change-record.ts";
import { PROPERTIES } from "../../domain/diff/shape-diff.ts";
import {
  inboundHeadKey,
  inboundPrefix,
  scopeKey,
  scopePartition,
  scopePrefix,
} from "../../dynamodb/keys/publishing.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import { always, itemExists, itemMissing, type Item, type Key, type Table, type Write } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import { endHead, headKey, makeHead, readInboundHead, resubscribe, type InboundHead } from "./inbound-head.ts";

/** Up to this many names of one target are queried one by one; for more the whole target is queried. */
const MOST_NAMES = 3;

/** Which subscription of an actor, and whether it gets callbacks. */
export interface SubscriberName {
  readonly peerId: string;
  readonly id: string;
  readonly granularity: Granularity;
}

/** Finds the heads of inbound subscriptions. All reads are consistent. */
export class InboundHeads {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** One head; undefined when there is none. One read. */
  async get(ref: InboundRef): Promise<InboundHead | undefined> {
    const item = await this.#table.get(inboundHeadKey(ref));
    return item === undefined ? undefined : readInboundHead(item);
  }

  /** The heads of these names that exist, in no order. One request for each 100. */
  async getMany(
    actorId: string,
    names: readonly { readonly peerId: string; readonly id: string }[],
  ): Promise<readonly InboundHead[]> {
    if (names.length === 0) return [];
    const items = await this.#table.getMany(names.map(({ peerId, id }) => inboundHeadKey({ actorId, peerId, id })));
    return items.map(readInboundHead);
  }

  /** All heads of one peer, in order of creation. One query for each MB. */
  async ofPeer(actorId: string, peerId: string): Promise<readonly InboundHead[]> {
    return await this.#heads(actorId, inboundPrefix(peerId));
  }

  /** All heads of an actor, in order of creation. One query for each MB. */
  async all(actorId: string): Promise<readonly InboundHead[]> {
    return await this.#heads(actorId, inboundPrefix());
  }

  async #heads(actorId: string, prefix: string): Promise<readonly InboundHead[]> {
    const items = await queryAll(this.#table, { pk: actorPartition(actorId), prefix });
    return items.map(readInboundHead).sort(byCreation);
  }

  /**
   * The subscriptions that one of the records may make numbers for, each once. All queries at the same time: for each
   * target one for the subscriptions to the whole of it and one for each of up to three names, or one for the target when
   * there are more; and one for each peer that a record of subscriptions names.
   */
  async touched(actorId: string, records: readonly LogRecord[]): Promise<readonly SubscriberName[]> {
    const pk = scopePartition(actorId);
    const query = async (prefix: string): Promise<readonly Item[]> => await queryAll(this.#table, { pk, prefix });
    const peers = new Set(records.flatMap((record) => (record.kind === "subscriptions" ? [record.peerId] : [])));
    const places = records.flatMap((record): Touched[] => {
      if (record.kind === "change") return record.changes.map(placed);
      return record.kind === "resume" ? [{ target: record.target, name: record.subtarget }] : [];
    });
    const pages = [...new Set(places.map(({ target }) => target))].flatMap((target) => {
      const names = new Set(places.flatMap((place) => (place.target === target ? [place.name] : [])));
      if (!names.has(undefined) && names.size <= MOST_NAMES) {
        return ["", ...names].map(async (name) => await query(scopePrefix(target, name)));
      }
      const all = query(scopePrefix(target));
      return [names.has(undefined) ? all : all.then((items) => items.filter((item) => isAmong(item, names)))];
    });
    const [marked, heads] = await Promise.all([
      Promise.all(pages),
      Promise.all([...peers].map(async (peerId) => await this.ofPeer(actorId, peerId))),
    ]);
    const named = [
      ...marked.flat().map((item) => ({
        peerId: String(item["peerId"]),
        id: String(item["subscriptionId"]),
        granularity: String(item["granularity"]) as Granularity,
      })),
      ...heads.flat().map(({ peerId, id, granularity }) => ({ peerId, id, granularity })),
    ];
    return [...new Map(named.map((name) => [`${name.peerId}#${name.id}`, name])).values()];
  }
}

/** Makes a head and its marker, by which a change finds the subscription. */
export function makingWrites(head: InboundHead): readonly Write[] {
  const { peerId, id: subscriptionId, subtarget, granularity } = head;
  const marker = { ...scopeKey(head), ...compact({ peerId, subscriptionId, subtarget, granularity }) };
  return [makeHead(head), { put: marker, condition: itemMissing }];
}

/** Notes in both what the peer asks for now. */
export function changingWrites(head: InboundHead): readonly Write[] {
  const { granularity } = head;
  return [resubscribe(head), { update: scopeKey(head), change: { set: { granularity } }, condition: itemExists }];
}

/** Deletes both. The marker says no more than the head. */
export const endingWrites = (head: InboundHead): readonly Write[] => [
  endHead(head),
  { delete: scopeKey(head), condition: always },
];

/** The keys of both. */
export const keysOf = (head: InboundHead): readonly Key[] => [headKey(head), scopeKey(head)];

/** A part of a target that a change touches; without a name all of it. */
interface Touched {
  readonly target: string;
  readonly name: string | undefined;
}

function placed(change: Change): Touched {
  if (change.do === "notify") return { target: change.target, name: change.subtarget };
  return { target: PROPERTIES, name: change.do === "list" ? change.name : change.path[0] };
}

const isAmong = (item: Item, names: ReadonlySet<string | undefined>): boolean =>
  item["subtarget"] === undefined || names.has(String(item["subtarget"]));

const byCreation = (one: InboundHead, other: InboundHead): number =>
  one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
