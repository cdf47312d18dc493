/**
 * The head of a listener that reads records: how it is read, and every write of it. The settings that people make lie in
 * items of their own; the head is what deliveries write.
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

/** How far a listener has heard the log, by lane: a webhook has one, the hooks on events have one each. */
export type Lanes = Readonly<Record<string, KeeperState<Selection>>>;

/** Only lane of a listener that has one. */
export const ONE_LANE = "";

export interface ListenerHead extends ListenerRef {
  /** Every write of the head is conditional on it and raises it. */
  readonly version: number;
  readonly lanes: Lanes;
  /** As it was read; it may have run out. */
  readonly lease?: Lease;
  /** When something of what is left may be done, ms since 1970; absent: nothing is left, or only a person can go on. */
  readonly dueAt?: number;
  /** The state of its rate, see `admitOne`. */
  readonly rate: number;
  /** Until then (ms since 1970) no request waits for it: it did not answer in the time of one. */
  readonly slowUntil?: number;
  /** How many events it did not take are kept. */
  readonly failedEvents: number;
  /** `$sys` events that are not in the log yet; the head is due as long as there are some. */
  readonly unsaid: readonly SysEvent[];
  /** What its way out keeps here. */
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

/** Reads a head's item, its positions in the present epoch (`LOG_EPOCH`). @throws TypeError for an item that is none */
export function readListenerHead(epoch: number, item: Item): ListenerHead {
  const ref = listenerOfKey(item);
  if (ref === undefined) throw new TypeError("This item is no listener's head.");
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

/** What a write changes; an absent field stays as it is. `null` removes. */
export interface HeadChange {
  readonly lanes?: Lanes;
  readonly dueAt?: number | null;
  readonly rate?: number;
  readonly slowUntil?: number | null;
  /** So many more kept events. */
  readonly moreFailed?: number;
  /** The `$sys` events that are not in the log yet, with those that were there before. */
  readonly unsaid?: readonly SysEvent[];
  /** Acquires the lease, or releases it. */
  readonly lease?: Lease | null;
  readonly own?: Readonly<Record<string, Attribute>>;
}

/**
 * The write of a change on the head as it was read, for a request of its own or as part of a transaction.
 *
 * @param when what else must hold: of a holder, `leaseIs.ownedBy`
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

/** A kept event of the listener was resolved by a person. It meets no delivery: the head's version stays. */
export const failedEventEnded = (ref: ListenerRef): Write => ({
  update: listenerKey(ref),
  change: { add: { failedEvents: -1 } },
  condition: itemExists,
});
