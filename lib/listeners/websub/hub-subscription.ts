/**
 * A subscription at the hub: of one callback to one topic.
 *
 *   new         requested and never verified: `pending` without `active`
 *   verified    `active`: gets the topic's states until its lease ends
 *   renewing    `active`, and `pending`: another request waits for its verification
 *   withdrawn   `withdrawnAt`: its topic is no longer public, and the subscriber has to be notified
 *
 * A request sets `pending`, in place of an earlier one. A verification that passes turns it into `active`, or ends the
 * subscription if it asks for that; one that fails removes `pending`, which ends a new subscription. The end of the lease,
 * the answer 410 and a withdrawal end the subscription too. Ending deletes its item.
 *
 * Invariants: every write is conditional on the `version` that was read. The counts of the hub contain each new
 * subscription as `pending`, and each subscription, also at its callback's origin. `dueAt` is not later than anything that
 * is due.
 */
import type { Place } from "../../domain/terms/scope.ts";
import { LEASE_ATTRIBUTES, leaseAttributes, leaseOf, type Lease } from "../../dynamodb/lease.ts";
import type { Attribute, Change, Item, Key } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";

/** A request that is not verified yet. */
export interface PendingRequest {
  readonly id: string;
  readonly mode: "subscribe" | "unsubscribe";
  /** The topic's URL as it was sent. */
  readonly topic: string;
  readonly secret?: string;
  readonly leaseSeconds: number;
  /** How many verifications have failed so that another may follow. */
  readonly attempts: number;
  /** When the next verification is due, ms since 1970. */
  readonly at: number;
}

/** The part of a subscription that is verified. */
export interface ActiveSubscription {
  /** When the subscription ends unless it is renewed, ms since 1970. */
  readonly leaseEnds: number;
  /** The topic's URL as it was sent. */
  readonly topic: string;
  /** Signs the states that are sent. */
  readonly secret?: string;
  /** Identifies the state that the callback took last (`takenOf`). Absent: it took none. */
  readonly taken?: string;
  /** The topic's revision at the last delivery, also when that failed. */
  readonly revision: number;
  /** The newest revision for which a delivery was wanted while another one ran. */
  readonly requested: number;
  /** How many deliveries have failed since the last success. */
  readonly failures: number;
  /** When the next attempt after a failure is due, ms since 1970. */
  readonly retryAt?: number;
}

export interface HubSubscription {
  readonly key: Key;
  readonly version: number;
  readonly path: Place;
  readonly callback: string;
  readonly pending?: PendingRequest;
  readonly active?: ActiveSubscription;
  /** When its withdrawal began, ms since 1970. Absent: it is not withdrawn. */
  readonly withdrawnAt?: number;
  /** The lease of the delivery that runs. */
  readonly lease?: Lease;
}

/**
 * Longer than a verification or a withdrawal takes, ms. After this time the sweep repeats it, because its worker has died.
 */
const MOST_MS = 30_000;

/** When a subscription is due, ms since 1970. */
function dueTime({
  pending,
  active,
  lease,
  withdrawnAt,
}: Pick<HubSubscription, "pending" | "active" | "lease" | "withdrawnAt">): number {
  // A message begins each verification; the sweep finds those whose message was lost.
  const verification = pending === undefined ? Infinity : pending.at + MOST_MS;
  const withdrawal = withdrawnAt === undefined ? Infinity : withdrawnAt + MOST_MS;
  // A delivery that runs does the rest itself, unless its process dies.
  const delivery = lease?.until ?? active?.retryAt ?? Infinity;
  return Math.min(verification, withdrawal, delivery, active?.leaseEnds ?? Infinity);
}

/** The attributes of a subscription's item, without its key and its due time. */
function subscriptionAttributes(subscription: HubSubscription): Readonly<Record<string, Attribute>> {
  const { path, callback, pending, active, withdrawnAt, lease, version } = subscription;
  return {
    version,
    path: path.join("/"),
    callback,
    ...compact({ pending: pending && { ...pending }, active: active && { ...active }, withdrawnAt }),
    ...(lease && leaseAttributes(lease)),
  };
}

/** Reads the item of a subscription. */
export function readSubscription(item: Item): HubSubscription {
  const { pk, sk, version, path, callback, pending, active, withdrawnAt } = item;
  return {
    key: { pk, sk },
    version: Number(version),
    path: String(path).split("/"),
    callback: String(callback),
    ...compact({
      pending: pending as PendingRequest | undefined,
      active: active as ActiveSubscription | undefined,
      lease: leaseOf(item),
      withdrawnAt: withdrawnAt === undefined ? undefined : Number(withdrawnAt),
    }),
  };
}

/** The optional attributes of an item, which go when they are not set. */
const OPTIONAL = ["pending", "active", "withdrawnAt", ...LEASE_ATTRIBUTES];

/** The change of a stored subscription to this one, and to its due time. */
export function subscriptionChange(subscription: HubSubscription): Change {
  const set = { ...subscriptionAttributes(subscription), dueAt: dueTime(subscription) };
  return { set, remove: OPTIONAL.filter((name) => !(name in set)) };
}

/** True when the subscription gets states at `now`, ms since 1970. */
export const isActive = ({ active, withdrawnAt }: HubSubscription, now: number): boolean =>
  active !== undefined && withdrawnAt === undefined && active.leaseEnds > now;
