/**
 * The record of an inbound subscription, its head: how it is read, and every write of it. Nothing outside this module
 * spells an attribute of the item in a write. docs/delivery-state.md specifies the record.
 */
import { compact } from "../../system/compact.ts";
import type { Granularity } from "../../domain/diff/change-record.ts";
import { NOTHING_DELIVERED, type DeliveryState } from "../../domain/log/delivery-state.ts";
import type { Refusal } from "../../domain/policy/refusal.ts";
import { parseText } from "../../domain/json/json-text.ts";
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
  /** Every write of `state` is conditional on it and raises it. */
  readonly version: number;
  /** Written by the holder of the lease only, on its token. */
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
export const headKey = (head: Pick<InboundHead, "actorId" | "peerId" | "id">): Key => inboundHeadKey(head);

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
  head: Pick<InboundHead, "actorId" | "peerId" | "id">,
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
export const endHead = (head: InboundHead): Write => ({ delete: headKey(head), condition: itemExists });

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

/** Acquires a lease that is free at `now`. */
export const acquireLease = (lease: Lease, now: number): HeadChange => ({
  change: { set: leaseAttributes(lease) },
  condition: all(itemExists, leaseIs.free(now, lease.incarnation)),
});

/** Notes what was delivered; the holder keeps the lease. */
export const noteDelivery = (token: string, delivery: DeliveryState): HeadChange => ({
  change: { set: { delivery: JSON.stringify(delivery) } },
  condition: all(leaseIs.ownedBy({ token }), itemExists),
});

/** What the holder of a lease writes when it releases it. */
export interface Release {
  readonly token: string;
  readonly delivery: DeliveryState;
  /** The refusal, absent when the peer knows the subscription; undefined: as it is stored. */
  readonly noted: { readonly refused: Refusal | undefined } | undefined;
  /** Releases only while this is the newest number; undefined: in any case. */
  readonly newest: number | undefined;
}

/** Releases the lease with what was delivered, and with what the peer answered about the subscription. */
export function releaseLease(head: InboundHead, { token, delivery, noted, newest }: Release): HeadChange {
  const owned = leaseIs.ownedBy({ token });
  const condition = all(owned, newest === undefined ? itemExists : equals("sequence", newest));
  const set = { delivery: JSON.stringify(delivery) };
  if (noted === undefined) return { change: { set, remove: LEASE_ATTRIBUTES }, condition };
  const { refused } = noted;
  if (refused === undefined)
    return { change: { set, remove: [...LEASE_ATTRIBUTES, ...REFUSAL_ATTRIBUTES] }, condition };
  return {
    change: {
      set: { ...set, refused: { ...refused }, dueAt: refused.nextAt },
      remove: LEASE_ATTRIBUTES,
    },
    // An answer from before the peer asked for the subscription again does not count.
    condition: all(condition, head.renewed === undefined ? missing("renewed") : equals("renewed", head.renewed)),
  };
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

const stateAttributes = (state: SubscriptionState) => ({ state: JSON.stringify(state), sequence: state.sequence });
