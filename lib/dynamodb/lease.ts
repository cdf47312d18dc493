/**
 * A lease: the exclusive right to work on one item, for a limited time. It lies in the item itself, as three attributes,
 * so that every write of its holder can be conditional on it.
 *
 *   free      no token, or the time is over, or another incarnation acquired it
 *   live      anything else; only its holder, who knows the token, may write what the lease protects
 *
 * A lease whose time is over still stands in the item until another holder acquires it: its holder may then still write,
 * because `leaseIs.ownedBy` compares the token alone.
 */
import { all, any, atLeast, atMost, differs, equals, exists, missing, type Condition, type Item } from "./table.ts";
import type { Clock, Ids } from "../system/ports.ts";

/** What one holder of a lease knows. */
export interface Lease {
  readonly token: string;
  /** ms since 1970; from then on another may acquire it. */
  readonly until: number;
  /** The incarnation of the service that acquired it; that of another incarnation belongs to a dead process. */
  readonly incarnation: string;
}

/** The attributes of a lease, which go when it is released. */
export const LEASE_ATTRIBUTES = ["leaseToken", "leaseUntil", "incarnation"] as const;

/** The largest difference between the clocks of two instances, ms. A lease outlives its holder's deadline by it. */
export const CLOCK_SKEW_MS = 2_000;

/** The dependencies of a new lease. */
export interface LeaseDeps {
  readonly ids: Ids;
  readonly clock: Clock;
  readonly incarnation: string;
}

/** A new lease for a holder that works for at most `ms` from now. */
export function newLease({ ids, clock, incarnation }: LeaseDeps, ms: number): Lease {
  return { token: ids.id().slice(0, 16), until: clock.now() + ms + CLOCK_SKEW_MS, incarnation };
}

/** A lease as the attributes of its item. */
export const leaseAttributes = ({ token, until, incarnation }: Lease) => ({
  leaseToken: token,
  leaseUntil: until,
  incarnation,
});

/** The lease that stands in an item, live or not. */
export function leaseOf(item: Item): Lease | undefined {
  const { leaseToken: token, leaseUntil: until, incarnation } = item;
  if (typeof token !== "string") return undefined;
  return { token, until: Number(until ?? 0), incarnation: String(incarnation ?? "") };
}

/** True when the lease keeps others away at `now`. */
export function leaseIsLive(lease: Lease | undefined, now: number, incarnation: string): boolean {
  return lease !== undefined && lease.until > now && lease.incarnation === incarnation;
}

/** Named conditions on the lease of an item. */
export const leaseIs = {
  /** A new one may be acquired. */
  free: (now: number, incarnation: string): Condition =>
    any(missing("leaseToken"), atMost("leaseUntil", now), differs("incarnation", incarnation)),
  /** The lease keeps others away. */
  live: (now: number, incarnation: string): Condition =>
    all(exists("leaseToken"), atLeast("leaseUntil", now + 1), equals("incarnation", incarnation)),
  /** The lease is this one, whether its time is over or not. */
  ownedBy: (lease: Pick<Lease, "token"> | undefined): Condition => equals("leaseToken", lease?.token ?? ""),
} as const;
