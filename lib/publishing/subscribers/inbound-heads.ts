/** Finds the inbound subscriptions of an actor: by id, by peer, by what a change touches. */
import type { InboundRef, PeerRef } from "../../domain/terms/refs.ts";
import type { NamedScope } from "../../domain/diff/change-record.ts";
import { BUCKET_SIZE, bucketOf, emptied, printBuckets, type Buckets } from "../../domain/log/buckets.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import {
  PEER_MARKER_PREFIX,
  bucketPartition,
  inboundHeadKey,
  logHeadKey,
  peerMarkerKey,
  peerOfMarker,
  scopeKey,
  scopePartition,
} from "../../dynamodb/keys/publishing.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import {
  always,
  itemExists,
  itemMissing,
  type Change as ItemChange,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../../dynamodb/table.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import type { LogPlan } from "../../change-log/log-commits.ts";
import { compact } from "../../system/compact.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import { endHead, makeHead, readInboundHead, resubscribe, type InboundHead } from "./inbound-head.ts";

/** A bucket is queried whole when more than one in this many of its heads is asked for, and at least so many are. */
const SHARE = 3;
const LEAST_FOR_A_QUERY = 5;
/** Buckets that are queried at the same time. */
const BUCKETS_AT_ONCE = 8;

/** Names a head. */
type HeadName = Pick<InboundRef, "peerId" | "id">;

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

  /** The heads of these names that exist, in no order. Requests as for `items`. */
  async getMany(actorId: string, names: readonly HeadName[]): Promise<readonly InboundHead[]> {
    const byKey = async (keys: readonly Key[]) => (keys.length === 0 ? [] : await this.#table.getMany(keys));
    const requested = new Set(names.map(({ peerId, id }) => inboundHeadKey({ actorId, peerId, id }).sk));
    const items = await this.items(actorId, names, [], byKey);
    return items.filter(({ sk }) => requested.has(sk)).map(readInboundHead);
  }

  /**
   * The items of these heads, and of others in their buckets: a bucket by one query where more than a third of it is
   * requested, the others by key.
   *
   * @param buckets how many heads the actor's buckets have; one that is missing counts as full
   * @param byKey reads the keys of the others, and what its caller adds; called once
   */
  async items(
    actorId: string,
    names: readonly HeadName[],
    buckets: Buckets,
    byKey: (keys: readonly Key[]) => Promise<readonly Item[]>,
  ): Promise<readonly Item[]> {
    const requested = Map.groupBy(names, ({ id }) => bucketOf(id));
    const isQueried = (bucket: number, { length }: readonly HeadName[]): boolean =>
      length >= LEAST_FOR_A_QUERY && length * SHARE > (buckets[bucket] ?? BUCKET_SIZE);
    const queried = [...requested].flatMap(([bucket, of]) => (isQueried(bucket, of) ? [bucket] : []));
    const single = [...requested].flatMap(([bucket, of]) => (queried.includes(bucket) ? [] : of));
    const [found, read] = await Promise.all([
      mapConcurrent(queried, BUCKETS_AT_ONCE, async (bucket) => await this.#bucket(actorId, bucket)),
      byKey(single.map(({ peerId, id }) => inboundHeadKey({ actorId, peerId, id }))),
    ]);
    return [...found.flat(), ...read];
  }

  /** All heads of one bucket. One query, more when they are over a MB together. */
  async inBucket(actorId: string, bucket: number): Promise<readonly InboundHead[]> {
    return (await this.#bucket(actorId, bucket)).map(readInboundHead);
  }

  /** All heads of one peer, in order of creation. One read when there are none, and as `getMany` for those that there are. */
  async ofPeer(actorId: string, peerId: string): Promise<readonly InboundHead[]> {
    return await this.ofScopes(actorId, peerId, await this.scopesOf(actorId, peerId));
  }

  /** The heads of these subscriptions of one peer, in order of creation. Requests as for `getMany`. */
  async ofScopes(actorId: string, peerId: string, scopes: readonly NamedScope[]): Promise<readonly InboundHead[]> {
    const names = scopes.map(({ id }) => ({ peerId, id }));
    return [...(await this.getMany(actorId, names))].sort(byCreation);
  }

  /** The subscriptions of one peer without their heads, in order of creation. One read. */
  async scopesOf(actorId: string, peerId: string): Promise<readonly NamedScope[]> {
    return scopesIn(await this.#table.get(peerMarkerKey(actorId, peerId)));
  }

  /** The same, and the number of the log's newest record, by one request. */
  async scopesAndNewest(
    actorId: string,
    peerId: string,
  ): Promise<{ readonly scopes: readonly NamedScope[]; readonly newest: number }> {
    const keys = [peerMarkerKey(actorId, peerId), logHeadKey(actorId)];
    const items = await this.#table.getMany(keys);
    const [marker, logHead] = keys.map((key) => items.find(({ pk }) => pk === key.pk));
    return { scopes: scopesIn(marker), newest: readLogHead(logHead).newest };
  }

  /** The ids of the peers that have subscriptions, ascending. One query for each MB of what they have. */
  async peers(actorId: string): Promise<readonly string[]> {
    const range = { pk: scopePartition(actorId), prefix: PEER_MARKER_PREFIX, only: [] };
    return (await queryAll(this.#table, range)).map(peerOfMarker);
  }

  /** All heads of an actor, in order of creation. One query for each bucket that the log's head counts. */
  async all(actorId: string, buckets: Buckets): Promise<readonly InboundHead[]> {
    const items = await mapConcurrent([...buckets.keys()], BUCKETS_AT_ONCE, async (bucket) => {
      return await this.#bucket(actorId, bucket);
    });
    return items.flat().map(readInboundHead).sort(byCreation);
  }

  async #bucket(actorId: string, bucket: number): Promise<readonly Item[]> {
    return await queryAll(this.#table, { pk: bucketPartition(actorId, bucket), prefix: "" });
  }
}

/** Makes a head and its scope marker, by which a change finds the subscription. */
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

/** A subscription as its keys need it. */
export type ScopedRef = InboundRef & Scope;

/** The keys of both. */
export const keysOf = (ref: ScopedRef): readonly Key[] => [inboundHeadKey(ref), scopeKey(ref)];

/**
 * Notes in a peer's marker what it has from here on. Right in a transaction that moves the log's head as it was before the
 * peer's subscriptions were read: no other writer has changed them.
 */
export function markPeer({ actorId, peerId }: PeerRef, subscriptions: readonly NamedScope[]): Write {
  const key = peerMarkerKey(actorId, peerId);
  if (subscriptions.length === 0) return { delete: key, condition: always };
  return { put: { ...key, subscriptions: printJson(subscriptions) }, condition: always };
}

/** Deletes the heads and scope markers of some of a peer's subscriptions; `left` are its others, `buckets` as they were. */
export function endingPlan(
  peer: PeerRef,
  { ending, left }: { readonly ending: readonly NamedScope[]; readonly left: readonly NamedScope[] },
  buckets: Buckets,
): Pick<LogPlan, "writes" | "head"> {
  const refs = ending.map((each): ScopedRef => ({ ...peer, ...each }));
  const ids = ending.map(({ id }) => id);
  return {
    writes: [
      ...refs.map(endHead),
      // A marker says no more than its head.
      ...refs.map((ref): Write => ({ delete: scopeKey(ref), condition: always })),
      markPeer(peer, left),
    ],
    head: countHeads(-ids.length, emptied(buckets, ids)),
  };
}

/** How the log's head counts heads that come, or go when `more` is negative; `buckets` is as they are afterwards. */
export function countHeads(more: number, buckets: Buckets): ItemChange {
  const add = { subscribers: more };
  return buckets.length === 0 ? { add, remove: ["buckets"] } : { add, set: { buckets: printBuckets(buckets) } };
}

const scopesIn = (marker: Item | undefined): readonly NamedScope[] =>
  marker === undefined ? [] : (parseText(String(marker["subscriptions"])) as readonly NamedScope[]);

const byCreation = (one: InboundHead, other: InboundHead): number =>
  one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
