import { mapConcurrent } from "../system/map-concurrent.ts";
import type { StorageStats } from "../receiving/replica/peer-reader.ts";
import { readBreaker } from "../publishing/delivery/breaker-store.ts";
import { compact } from "../system/compact.ts";
import { breakerState, isPaused } from "../domain/policy/breaker.ts";
import type { Item } from "../dynamodb/table.ts";
import type { Clock, Deadline, JsonObject } from "../system/ports.ts";
import type { Head } from "../receiving/stream/head.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import { fittingPage } from "../http/paging.ts";

/** A trust as it was read. */
interface Known {
  readonly trust: TrustRecord;
  readonly item: Item;
}

interface PeerOverviewDeps {
  readonly trusts: {
    page(
      actorId: string,
      options: { readonly after?: string; readonly limit: number },
    ): Promise<{ readonly trusts: readonly Known[]; readonly next?: string }>;
  };
  readonly clock: Clock;
  readonly heads: { live(actorId: string, peerId: string): Promise<readonly Head[]> };
  readonly inboundHeads: { scopesOf(actorId: string, peerId: string): Promise<readonly unknown[]> };
  readonly reader: (actorId: string, peerId: string) => { stats(): Promise<StorageStats> };
}

/** Peers read together: what is stored of each is counted by reading its places. */
const AT_ONCE = 5;
/** With less time left than this (ms) the rest is left to the next page. */
const LEAST_MS = 10_000;

/**
 * One page of an actor's peers by peer id, with what is known and stored of each. One query for the trusts, then three or
 * more for each peer: its subscriptions in both directions, and one per megabyte stored of it. Ends early, with `next`, when
 * time runs out.
 */
export async function peersPage(
  deps: PeerOverviewDeps,
  actorId: string,
  options: { readonly after?: string; readonly limit: number },
  deadline: Deadline,
): Promise<{ readonly data: readonly JsonObject[]; readonly next?: string }> {
  const { trusts, next } = await deps.trusts.page(actorId, options);
  const peers: JsonObject[] = [];
  for (let from = 0; from < trusts.length; from += AT_ONCE) {
    const last = trusts[from - 1];
    if (last !== undefined && deadline.remaining() < LEAST_MS) return cut(peers, last.trust.peerId);
    const some = trusts.slice(from, from + AT_ONCE);
    peers.push(...(await mapConcurrent(some, AT_ONCE, async (known) => await peerOf(deps, known))));
  }
  return cut(peers, next);
}

async function peerOf(deps: PeerOverviewDeps, { trust, item }: Known): Promise<JsonObject> {
  const { actorId, peerId, capabilities } = trust;
  const [stored, outbound, inbound] = await Promise.all([
    deps.reader(actorId, peerId).stats(),
    deps.heads.live(actorId, peerId),
    deps.inboundHeads.scopesOf(actorId, peerId),
  ]);
  return {
    peerid: peerId,
    relationship: trust.relationship,
    approved: trust.approved,
    capabilities:
      capabilities === undefined
        ? null
        : { ...capabilities, fetchedAt: new Date(capabilities.fetchedAt).toISOString() },
    breaker: breakerOf(item, deps.clock.now()),
    stored: { scalarCount: stored.scalarCount, listCount: stored.listCount, bytes: stored.bytes },
    subscriptions: { inbound: inbound.length, outbound: outbound.length },
  };
}

function breakerOf(item: Item, now: number): JsonObject {
  const breaker = readBreaker(item);
  const { failures, openUntil, pausedUntil } = breaker;
  const state = breakerState(breaker, now);
  const at = (ms: number | undefined): string | undefined => (ms === undefined ? ms : new Date(ms).toISOString());
  const pause = isPaused(breaker, now) ? pausedUntil : undefined;
  return { state, failures, ...compact({ openUntil: at(openUntil), pausedUntil: at(pause) }) };
}

/** The peers that one answer can carry; `next` continues after the last of them. */
function cut(peers: readonly JsonObject[], next: string | undefined): { data: readonly JsonObject[]; next?: string } {
  const { page, last } = fittingPage(peers, (peer) => peer);
  return compact({ data: page, next: last === undefined ? next : String(last["peerid"]) });
}
