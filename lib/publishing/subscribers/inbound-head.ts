/**
 * The record of an inbound subscription, its head: how it is read, and every write of it. Nothing outside this module
 * spells an attribute of the item in a write. docs/delivery-state.md specifies the record.
 */
import { compact } from "../../system/compact.ts";
import type { Granularity } from "../../domain/diff/change-record.ts";
import { NOTHING_DELIVERED, type DeliveryState } from "../../domain/log/delivery-state.ts";
import type { Refusal } from "../../domain/policy/refusal.ts";
import { parseText } from "../../domain/json/json-text.ts";
import type { InboundRef } from "../../domain/terms/refs.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import type { Subscriber, SubscriptionState } from "../../domain/log/subscription-log.ts";
import { LEASE_ATTRIBUTES, leaseAttributes, leaseIs, leaseOf, type Lease } from "../../dynamodb/lease.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import {
  all,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  type Attribute,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../../dynamodb/table.ts";

/** One inbound subscription: its scope, its cursor on the log, and what of it was delivered. */
export interface InboundHead extends Subscriber {
  readonly actorId: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** As the peer last asked for; `state.granularity` follows when the cursor passes the record that says so. */
  readonly granularity: Granularity;
  /** The `accept_encoding` that the peer asked for. */
  readonly acceptEncoding?: string;
  readonly state: SubscriptionState;
  /** Every write of `state` and `delivery` is conditional on it and raises it. */
  readonly version: number;
  readonly delivery: DeliveryState;
  /** As it was read; it may have run out. */
  readonly lease?: Lease;
  /** The peer's last answer said that it does not know the subscription. */
  readonly refused?: Refusal;
  /** While the peer refuses the subscription: when the sweep runs its next try, ms since 1970. */
  readonly dueAt?: number;
  /** How often the peer asked for the subscription again while it refused it. */
  readonly renewed?: number;
  /** When the peer last said what it has (`PUT`), ms since 1970. */
  readonly acknowledgedAt?: number;
}

/** When a refused subscription may be tried again, ms since 1970; at any time once its peer has asked for it again. */
export function retryTime({ refused, renewed = 0 }: Pick<InboundHead, "refused" | "renewed">): number | undefined {
  if (refused === undefined) return undefined;
  return refused.asked === renewed ? refused.nextAt : 0;
}

/** True while the peer refuses the subscription and it is not time to try again. */
export const isWaiting = (head: Pick<InboundHead, "refused" | "renewed">, now: number): boolean =>
  (retryTime(head) ?? 0) > now;

/** The key of a head. */
export const headKey = (head: InboundRef): Key => inboundHeadKey(head);

/** Reads a head's item. */
export function readInboundHead(item: Item): InboundHead {
  const text = (name: string): string | undefined => (typeof item[name] === "string" ? item[name] : undefined);
  const number = (name: string): number | undefined => (typeof item[name] === "number" ? item[name] : undefined);
  const delivery = text("delivery");
  return compact({
    actorId: actorOfKey(item),
    peerId: String(item["peerId"]),
    id: String(item["subscriptionId"]),
    target: String(item["target"]),
    subtarget: text("subtarget"),
    resource: text("resource"),
    createdAt: Number(item["createdAt"]),
    granularity: String(item["granularity"]) as Granularity,
    acceptEncoding: text("acceptEncoding"),
    state: parseText(String(item["state"])) as SubscriptionState,
    version: Number(item["version"]),
    delivery: delivery === undefined ? NOTHING_DELIVERED : (parseText(delivery) as DeliveryState),
    lease: leaseOf(item),
    refused: refusalOf(item["refused"]),
    dueAt: number("dueAt"),
    renewed: number("renewed"),
    acknowledgedAt: number("acknowledgedAt"),
  });
}

function refusalOf(stored: Attribute | undefined): Refusal | undefined {
  if (typeof stored !== "object" || stored === null || !("tries" in stored)) return undefined;
  const { status, since, tries, nextAt, asked } = stored;
  return {
    status: Number(status),
    since: Number(since),
    tries: Number(tries),
    nextAt: Number(nextAt),
    asked: Number(asked),
  };
}

/** The scope of a subscription alone. */
export function scopeOf({ target, subtarget, resource }: Scope): Scope {
  return compact({ target, subtarget, resource });
}

/** A change of a head with the condition under which it is right. */
export interface HeadChange {
  readonly change: Change;
  readonly condition: Condition;
}

/** Changes a head. Refused: what was found instead; without an item there is no such head any more. */
export async function changeHead(
  table: Pick<Table, "update">,
  head: InboundRef,
  { change, condition }: HeadChange,
): ReturnType<typeof updateIf> {
  return await updateIf(table, headKey(head), change, condition);
}

/** Puts a new head. */
export function makeHead(head: InboundHead): Write {
  const { actorId, peerId, id, state, ...rest } = head;
  const { target, subtarget, resource, createdAt, granularity, acceptEncoding, version } = rest;
  const attributes = compact({ target, subtarget, resource, createdAt, granularity, acceptEncoding, version });
  const put = { ...headKey(head), ...attributes, peerId, subscriptionId: id, ...stateAttributes(state) };
  return { put, condition: itemMissing };
}

/** Deletes a head. */
export const endHead = (ref: InboundRef): Write => ({ delete: inboundHeadKey(ref), condition: itemExists });

/** Notes what the peer asks for now: granularity and encoding. */
export function resubscribe(head: InboundHead): Write {
  const { granularity, acceptEncoding } = head;
  return { update: headKey(head), change: { set: compact({ granularity, acceptEncoding }) }, condition: itemExists };
}

/**
 * Moves the cursor, unless another writer moved it since the head was read. With a lease the same write acquires it,
 * which demands that it is free at `now`.
 */
export function moveCursor(
  head: InboundHead,
  state: SubscriptionState,
  { lease, now, acknowledgedAt }: { lease: Lease | undefined; now: number; acknowledgedAt: number | undefined },
): HeadChange {
  const same = equals("version", head.version);
  return {
    change: {
      set: { ...stateAttributes(state), ...compact({ acknowledgedAt }), ...(lease && leaseAttributes(lease)) },
      add: { version: 1 },
    },
    condition: lease === undefined ? same : all(same, leaseIs.free(now, lease.incarnation)),
  };
}

/**
 * Moves the cursor to the record of a resync, in the transaction that commits the record: unless another moved it, or
 * another delivers it.
 *
 * @param token of the lease that the caller holds; undefined: the lease must be free
 */
export function moveToResync(
  head: InboundHead,
  state: SubscriptionState,
  { token, now, incarnation }: { token: string | undefined; now: number; incarnation: string },
): Write {
  const lease = token === undefined ? leaseIs.free(now, incarnation) : leaseIs.ownedBy({ token });
  const change = { set: stateAttributes(state), add: { version: 1 } };
  return { update: headKey(head), change, condition: all(equals("version", head.version), lease) };
}

/** Acquires a lease that is free at `now`. */
export const acquireLease = (lease: Lease, now: number): HeadChange => ({
  change: { set: leaseAttributes(lease) },
  condition: all(itemExists, leaseIs.free(now, lease.incarnation)),
});

/**
 * Notes what was delivered; the holder keeps the lease. As any write of the delivery state it demands that the head is as
 * it was read, so that it replaces no note that it does not contain.
 */
export const noteDelivery = (head: InboundHead, token: string): HeadChange => ({
  change: { set: deliveryAttributes(head), add: { version: 1 } },
  condition: all(leaseIs.ownedBy({ token }), equals("version", head.version)),
});

/** The refusal that a delivery leaves, absent when the peer knows the subscription; undefined: as it is stored. */
export type NotedRefusal = { readonly refused: Refusal | undefined } | undefined;

/** Releases the lease with what was delivered, and with what the peer answered about the subscription. */
export function releaseLease(head: InboundHead, token: string, noted: NotedRefusal): HeadChange {
  const { condition, change } = noteDelivery(head, token);
  const { set, remove } = refusalChange(noted);
  // An answer from before the peer asked for the subscription again does not count.
  const asked = head.renewed === undefined ? missing("renewed") : equals("renewed", head.renewed);
  return {
    change: { ...change, set: { ...change.set, ...set }, remove: [...LEASE_ATTRIBUTES, ...remove] },
    condition: noted?.refused === undefined ? condition : all(condition, asked),
  };
}

/**
 * Moves the cursor and notes what was delivered, for a delivery without a lease: while the head is as it was read, and no
 * other delivery is under way at `now`.
 *
 * @param state where the cursor stands now
 * @param delivery what was delivered, added to what the head says
 */
export function noteAlone(
  head: InboundHead,
  { state, delivery }: Pick<InboundHead, "state" | "delivery">,
  { noted, now, incarnation }: { noted: NotedRefusal; now: number; incarnation: string },
): HeadChange {
  const { set, remove } = refusalChange(noted);
  return {
    change: {
      set: { ...stateAttributes(state), ...deliveryAttributes({ delivery }), ...set },
      remove,
      add: { version: 1 },
    },
    condition: all(
      equals("version", head.version),
      equals("createdAt", head.createdAt),
      leaseIs.free(now, incarnation),
    ),
  };
}

function refusalChange(noted: NotedRefusal): Required<Pick<Change, "set" | "remove">> {
  if (noted === undefined) return { set: {}, remove: [] };
  const { refused } = noted;
  if (refused === undefined) return { set: {}, remove: REFUSAL_ATTRIBUTES };
  return { set: { refused: { ...refused }, dueAt: refused.nextAt }, remove: [] };
}

/** The peer has asked again for a subscription that it refuses: it is due now. */
export const renewHead = (now: number): HeadChange => ({
  change: { set: { dueAt: now }, add: { renewed: 1 } },
  condition: all(itemExists, exists("dueAt")),
});

/** Puts the next try of a refused subscription off, unless it was renewed or tried meanwhile. */
export const postponeHead = (head: InboundHead, dueAt: number): HeadChange => ({
  change: { set: { dueAt } },
  condition: isDueAsRead(head),
});

/** Forgets a refusal, unless the subscription was renewed or tried meanwhile. */
export const forgetRefusal = (head: InboundHead): HeadChange => ({
  change: { remove: REFUSAL_ATTRIBUTES },
  condition: isDueAsRead(head),
});

/** True when the item is of the head's life, not of a later one under the same id. */
export const isSameLife = (item: Item, head: InboundHead): boolean => item["createdAt"] === head.createdAt;

const REFUSAL_ATTRIBUTES = ["refused", "dueAt"] as const;

const isDueAsRead = ({ dueAt = 0 }: InboundHead): Condition => all(itemExists, equals("dueAt", dueAt));

const deliveryAttributes = ({ delivery }: Pick<InboundHead, "delivery">) => ({ delivery: JSON.stringify(delivery) });

const stateAttributes = (state: SubscriptionState) => ({ state: JSON.stringify(state) });
