/**
 * The head of a listener that reads records: the item that deliveries write. This file reads it and makes every write of
 * it. The settings that an owner states are in another item, so that changing them does not conflict with deliveries.
 */
import { compact } from "../system/compact.ts";
import type { KeeperState } from "../domain/events/keeper-state.ts";
import { keeperIn } from "../domain/events/present-epoch.ts";
import type { Selection } from "../domain/events/selection.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { LEASE_ATTRIBUTES, leaseAttributes, leaseOf, type Lease } from "../dynamodb/lease.ts";
import { listenerKey, listenerOfKey, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import {
  all,
  equals,
  itemExists,
  itemMissing,
  type Attribute,
  type Condition,
  type Item,
  type Write,
} from "../dynamodb/table.ts";
import type { JsonObject } from "../system/ports.ts";

/** How far a listener has heard the log, by lane. A webhook has one lane. */
export type Lanes = Readonly<Record<string, KeeperState<Selection>>>;

/** The id of the lane of a listener with a single lane. */
export const ONE_LANE = "";

export interface ListenerHead extends ListenerRef {
  /** Every write of a session is conditional on the version, and increments it. */
  readonly version: number;
  readonly lanes: Lanes;
  /** The lease; its time may be over. */
  readonly lease?: Lease;
  /** When an event may be sent, ms since 1970. Absent: no event waits, or a person has to resume the listener. */
  readonly dueAt?: number;
  /** The state of its rate limit, see `admitOne`. */
  readonly rate: number;
  /** No request waits for the listener before this time, ms since 1970, because it was too slow for one. */
  readonly slowUntil?: number;
  /** How many failed events of the listener are kept. */
  readonly failedEvents: number;
  /** `$sys` events that are not in the log yet. As long as there are some, the head is due. */
  readonly unsaid: readonly SysEvent[];
  /** Attributes that belong to its way out. */
  readonly own: Readonly<Record<string, Attribute>>;
}

/** A `$sys` event of the listener: its topic without `$sys.`, and its data. */
export interface SysEvent {
  readonly event: string;
  readonly data: JsonObject;
}

const OURS = new Set([
  ...["pk", "sk", "version", "lanes", "dueAt", "dueShard", "rate", "slowUntil", "failedEvents", "unsaid"],
]);

/** The `$sys` events in a head's item. */
export const unsaidOf = (item: Item | undefined): readonly SysEvent[] =>
  item?.["unsaid"] === undefined ? [] : (parseText(String(item["unsaid"])) as readonly SysEvent[]);

const lanesIn = (epoch: number, lanes: Lanes): Lanes =>
  Object.fromEntries(Object.entries(lanes).map(([id, state]) => [id, keeperIn(epoch, state)]));

/**
 * Reads the item of a head, and converts its positions to the present epoch (`LOG_EPOCH`).
 * @throws TypeError for another item
 */
export function readListenerHead(epoch: number, item: Item): ListenerHead {
  const ref = listenerOfKey(item);
  if (ref === undefined) throw new TypeError("This item is not the head of a listener.");
  const number = (name: string): number | undefined => (item[name] === undefined ? undefined : Number(item[name]));
  const leases: readonly string[] = LEASE_ATTRIBUTES;
  const own = Object.entries(item).filter(([name]) => !OURS.has(name) && !leases.includes(name));
  return compact({
    ...ref,
    version: Number(item["version"]),
    lanes: lanesIn(epoch, parseText(String(item["lanes"])) as Lanes),
    lease: leaseOf(item),
    dueAt: number("dueAt"),
    rate: number("rate") ?? 0,
    slowUntil: number("slowUntil"),
    failedEvents: number("failedEvents") ?? 0,
    unsaid: unsaidOf(item),
    own: Object.fromEntries(own),
  });
}

/** The write that makes a head, for the transaction that registers the listener. */
export const makeListenerHead = (
  ref: ListenerRef,
  lanes: Lanes,
  { dueAt, own = {} }: { readonly dueAt?: number; readonly own?: ListenerHead["own"] } = {},
): Write => ({
  put: { ...listenerKey(ref), version: 1, lanes: printJson(lanes), ...compact({ dueAt }), ...own },
  condition: itemMissing,
});

/** The head is as it was read. */
export const headUnchanged = ({ version }: Pick<ListenerHead, "version">): Condition => equals("version", version);

/** A change of a head. An absent field stays as it is; `null` removes it. */
export interface HeadChange {
  readonly lanes?: Lanes;
  readonly dueAt?: number | null;
  readonly rate?: number;
  readonly slowUntil?: number | null;
  /** How many more failed events are kept. */
  readonly moreFailed?: number;
  /** All `$sys` events that are not in the log yet, the earlier ones included. */
  readonly unsaid?: readonly SysEvent[];
  /** The lease to acquire; `null` releases it. */
  readonly lease?: Lease | null;
  readonly own?: Readonly<Record<string, Attribute>>;
}

/**
 * The write of a change, on the condition that the head is as it was read. It can be a request of its own, or part of a
 * transaction.
 *
 * @param when a further condition, such as `leaseIs.ownedBy` of the holder of the lease
 */
export function changeListenerHead(
  head: ListenerHead,
  change: HeadChange,
  when?: Condition,
): Extract<Write, { readonly update: unknown }> {
  const { lanes, dueAt, rate, slowUntil, moreFailed = 0, unsaid, lease, own } = change;
  const set = compact({
    lanes: lanes === undefined ? undefined : printJson(lanes),
    dueAt: dueAt ?? undefined,
    rate,
    slowUntil: slowUntil ?? undefined,
    unsaid: unsaid === undefined ? undefined : printJson(unsaid),
    ...(lease ? leaseAttributes(lease) : {}),
    ...own,
  });
  const remove = [
    ...(dueAt === null ? ["dueAt"] : []),
    ...(slowUntil === null ? ["slowUntil"] : []),
    ...(lease === null ? LEASE_ATTRIBUTES : []),
  ];
  const add = { version: 1, ...(moreFailed === 0 ? {} : { failedEvents: moreFailed }) };
  const condition = when === undefined ? headUnchanged(head) : all(headUnchanged(head), when);
  return { update: listenerKey(head), change: compact({ set, add, remove }), condition };
}

/**
 * One failed event of the listener is no longer kept. The version stays, so the write does not conflict with a delivery.
 */
export const failedEventEnded = (ref: ListenerRef): Write => ({
  update: listenerKey(ref),
  change: { add: { failedEvents: -1 } },
  condition: itemExists,
});
