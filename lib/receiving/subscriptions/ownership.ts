/** Which subscription of a peer owns which place, kept in step with the set of the peer's subscriptions. */
import { covers, placeOf, samePlace, type Place } from "../../domain/terms/scope.ts";
import type { PeerRef } from "../../domain/terms/refs.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { outboundPrefix, ownershipKey } from "../../dynamodb/keys/streams.ts";
import { deleteIf, updateIf } from "../../dynamodb/outcomes.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import { all, always, equals, exists, type Table, type Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock } from "../../system/ports.ts";
import { readHead, type Head } from "../stream/head.ts";
import { excludeScopes, writeOf, type StreamChange } from "../stream/stream-changes.ts";

/** The sweep recomputes a set whose change was not followed by that for this long, ms; longer than any request lives. */
const TAKEOVER_MS = 60_000;

export interface OwnershipDeps {
  readonly table: Table;
  readonly clock: Clock;
  /** Asks a live head for a resync, and changes it in the same write; undefined when the condition does not hold. */
  readonly askResync: (head: Head, also?: StreamChange) => Promise<Head | undefined>;
}

/** The heads of an actor's outbound subscriptions, or of those to one peer, live or ended. 1 query a page. */
export async function headsOf(table: Table, actorId: string, peerId?: string): Promise<Head[]> {
  return (await queryAll(table, { pk: actorPartition(actorId), prefix: outboundPrefix(peerId) })).map(readHead);
}

/** Counts a change of a peer's set: part of the transaction that makes it. From then on the recomputation is due. */
export function countSetChange(clock: Clock, { actorId, peerId }: PeerRef): Write {
  const key = ownershipKey(actorId, peerId);
  const set = { dueAt: clock.now() + TAKEOVER_MS };
  return { update: key, change: { set, add: { changes: 1 } }, condition: always };
}

/**
 * Recomputes which places each subscription of a peer leaves to narrower ones. A subscription that gets a place back is
 * asked for a resync in the same write. The recomputation after the newest change of the set wins; an older one changes
 * nothing.
 */
export async function recomputeOwnership(deps: OwnershipDeps, peer: PeerRef): Promise<void> {
  const { changes } = await recompute(deps, peer);
  await markRecomputed(deps.table, peer, changes);
}

/**
 * For the sweep, when an ownership key is due: the set changed, and the request that changed it went no further. Then
 * it is unknown under which ownership writes were made meanwhile, so all owners are asked for a resync.
 */
export async function resumeOwnership(deps: OwnershipDeps, peer: PeerRef): Promise<void> {
  const { table, clock, askResync } = deps;
  const counter = await table.get(ownershipKey(peer.actorId, peer.peerId));
  const dueAt = counter?.["dueAt"];
  if (typeof dueAt !== "number" || dueAt > clock.now()) return;
  const { changes, heads } = await recompute(deps, peer);
  for (const head of heads.filter(owns)) await askResync(head);
  await markRecomputed(table, peer, changes);
}

/** Deletes the count of a set's changes when no head is left, live or ended, that could need it. */
export async function forgetOwnership(table: Table, { actorId, peerId }: PeerRef): Promise<void> {
  const key = ownershipKey(actorId, peerId);
  const counter = await table.get(key);
  if (counter === undefined || (await headsOf(table, actorId, peerId)).length > 0) return;
  await deleteIf(table, key, equals("changes", counter["changes"] ?? 0));
}

async function recompute(
  deps: OwnershipDeps,
  { actorId, peerId }: PeerRef,
): Promise<{ readonly changes: number; readonly heads: readonly Head[] }> {
  const counter = await deps.table.get(ownershipKey(actorId, peerId));
  const changes = (counter?.["changes"] as number | undefined) ?? 0;
  const heads = (await headsOf(deps.table, actorId, peerId)).filter((head) => head.live);
  for (const head of heads) {
    const excludedScopes = excludedScopesOf(head, heads);
    if (samePlaces(excludedScopes, head.excludedScopes) && head.ownershipRevision >= changes) continue;
    await setExcludedScopes(deps, head, excludedScopes, changes);
  }
  return { changes, heads };
}

async function markRecomputed(table: Table, { actorId, peerId }: PeerRef, changes: number): Promise<void> {
  const change = { remove: ["dueAt"] };
  await updateIf(table, ownershipKey(actorId, peerId), change, all(exists("dueAt"), equals("changes", changes)));
}

async function setExcludedScopes(
  { table, askResync }: OwnershipDeps,
  head: Head,
  excludedScopes: readonly Place[],
  at: number,
): Promise<void> {
  const made = excludeScopes(excludedScopes, at);
  if (!owns(head) || !getsBack(head.excludedScopes, excludedScopes)) {
    const { change, condition } = writeOf(head.key, made);
    await updateIf(table, head.key, change, condition);
    return;
  }
  if ((await askResync(head, made)) !== undefined) return;
  const item = await table.get(head.key);
  const now = item === undefined ? undefined : readHead(item);
  if (now?.live === true && now.ownershipRevision < at) throw setIsChanging();
}

/** The error of a request that met other changes of the same peer's subscriptions, and may be repeated. */
export const setIsChanging = (): ServiceError =>
  new ServiceError("service.unavailable", "The subscriptions of this peer are changing; try again.", {
    headers: { "Retry-After": "1" },
  });

/** True when the subscription owns stored data at all. */
export const owns = (head: Head): boolean => head.scope.target === "properties" && head.granularity !== "none";

/** The places inside a subscription's scope that belong to narrower ones, or, at the same place, to an older one. */
export function excludedScopesOf(head: Head, heads: readonly Head[]): readonly Place[] {
  if (!owns(head)) return [];
  const mine = placeOf(head.scope);
  const inside = heads.filter((other) => {
    if (other === head || !owns(other)) return false;
    const place = placeOf(other.scope);
    return covers(mine, place) && (!samePlace(mine, place) || isOlder(other, head));
  });
  const places = inside.map((other) => placeOf(other.scope));
  return places.filter((place, index) => places.findIndex((other) => covers(other, place)) === index);
}

/** True when a place that a narrower subscription owned is no longer owned by any. */
const getsBack = (before: readonly Place[], after: readonly Place[]): boolean =>
  before.some((place) => !after.some((other) => covers(other, place)));

/** The next broader live owner of the same peer, which takes over what `head` covers; undefined when there is none. */
export function broaderThan(head: Head, heads: readonly Head[]): Head | undefined {
  if (head.scope.target !== "properties") return undefined;
  const mine = placeOf(head.scope);
  const broader = heads.filter(
    (other) => other.subscriptionId !== head.subscriptionId && owns(other) && covers(placeOf(other.scope), mine),
  );
  return broader.sort((one, other) => placeOf(other.scope).length - placeOf(one.scope).length)[0];
}

const isOlder = (one: Head, other: Head): boolean =>
  one.createdAt < other.createdAt || (one.createdAt === other.createdAt && one.key.sk < other.key.sk);

const samePlaces = (some: readonly Place[], others: readonly Place[]): boolean =>
  some.length === others.length && some.every((place) => others.some((other) => samePlace(place, other)));
