/**
 * A subscription at the hub: of one callback to one topic.
 *
 *   new         asked for, never verified: `pending` without `active`
 *   verified    `active`: takes part in distribution until its lease ends
 *   renewing    `active`, and a request that waits for its verification: `pending`
 *   withdrawn   its topic is not public any more, and the subscriber is not notified yet
 *
 * A request makes `pending`, in place of an earlier one. A verification that passes makes it `active`, or ends the
 * subscription; one that fails drops it, and ends a new subscription. The end of the lease, 410 and a withdrawal end the
 * subscription too: its item is deleted.
 *
 * Invariants: every write names the `version` that was read. A new subscription counts as `pending` in the counts of the
 * hub, every one as a subscription there and at its callback's origin. `dueAt` is not later than anything that is due.
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
  /** Verifications that failed, but may be tried again. */
  readonly attempts: number;
  /** The next verification, ms since 1970. */
  readonly at: number;
}

/** What a verified subscription takes part with. */
export interface ActiveSubscription {
  /** ms since 1970. */
  readonly leaseEnds: number;
  /** The topic's URL as it was sent. */
  readonly topic: string;
  /** Signs what is distributed. */
  readonly secret?: string;
  /** The state that was taken last (`takenOf`). Absent: none was. */
  readonly taken?: string;
  /** The revision of the topic up to which its states were sent, or tried. */
  readonly revision: number;
  /** The newest revision that found a delivery under way. */
  readonly requested: number;
  /** Failed deliveries since the last that was taken. */
  readonly failures: number;
  /** The next try after a failure, ms since 1970. */
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
  /** The delivery that is under way. */
  readonly lease?: Lease;
}

/** Longer than a verification or a withdrawal, ms: the sweep repeats it when the worker that began it has died. */
const MOST_MS = 30_000;

/** When a subscription is due, ms since 1970. */
export function dueTime({
  pending,
  active,
  lease,
  withdrawnAt,
}: Pick<HubSubscription, "pending" | "active" | "lease" | "withdrawnAt">): number {
  // A message begins each verification.
  const verification = pending === undefined ? Infinity : pending.at + MOST_MS;
  const withdrawal = withdrawnAt === undefined ? Infinity : withdrawnAt + MOST_MS;
  // A delivery that is under way sees to the rest, unless it dies.
  const delivery = lease?.until ?? active?.retryAt ?? Infinity;
  return Math.min(verification, withdrawal, delivery, active?.leaseEnds ?? Infinity);
}

/** The item of a subscription as it stands after a change, without its key. */
export function subscriptionAttributes(subscription: HubSubscription): Readonly<Record<string, Attribute>> {
  const { path, callback, pending, active, withdrawnAt, lease, version } = subscription;
  return {
    version,
    path: path.join("/"),
    callback,
    ...compact({ pending: pending && { ...pending }, active: active && { ...active }, withdrawnAt }),
    ...(lease && leaseAttributes(lease)),
  };
}

/** Reads what `subscriptionAttributes` made. */
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

/** The change that makes a stored subscription this one, due as it says. */
export function subscriptionChange(subscription: HubSubscription): Change {
  const set = { ...subscriptionAttributes(subscription), dueAt: dueTime(subscription) };
  return { set, remove: OPTIONAL.filter((name) => !(name in set)) };
}

/** True when the subscription takes part in distribution at `now`. */
export const isActive = ({ active, withdrawnAt }: HubSubscription, now: number): boolean =>
  active !== undefined && withdrawnAt === undefined && active.leaseEnds > now;

/** True for a subscription that was never verified. */
export const isNew = ({ active }: Pick<HubSubscription, "active">): boolean => active === undefined;
