/** Which subscription of a peer owns which place, kept true while the set changes. */
import { covers, placeOf, samePlace } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import { ownershipKey } from "../../dynamodb/keys/streams.ts";
import { all, always, ConditionFailed, equals, exists } from "../../dynamodb/table.ts";
import type { Change, Condition, Key, Table, Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock } from "../../system/ports.ts";
import { readHead } from "../stream/head.ts";
import type { Head } from "../stream/head.ts";
import { excludeScopes, writeOf } from "../stream/stream-changes.ts";
import type { StreamChange } from "../stream/stream-changes.ts";

/** So long after a change of the set the sweep takes over, unless the working out was done; longer than any request lives. */
const TAKEOVER_MS = 60_000;

/** Asks a live head for a resync, and changes it in the same write; undefined when the condition does not hold. */
export type AskResync = (head: Head, also?: StreamChange) => Promise<Head | undefined>;

/** Keeps which places each subscription of a peer owns in step with the set of them. */
export class Ownership {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly #heads: (actorId: string, peerId: string) => Promise<readonly Head[]>;
  readonly #askResync: AskResync;

  /** @param deps.heads every head of a peer, live or ended */
  constructor(deps: {
    table: Table;
    clock: Clock;
    heads: (actorId: string, peerId: string) => Promise<readonly Head[]>;
    askResync: AskResync;
  }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#heads = deps.heads;
    this.#askResync = deps.askResync;
  }

  /**
   * Recomputes which places each subscription of a peer leaves to narrower ones; whoever gets a place back is asked
   * for a resync in the same write. Whoever does so after the newest change of the set wins; an older recomputation changes nothing.
   */
  async recomputeOwnership(actorId: string, peerId: string): Promise<void> {
    const { at } = await this.#recompute(actorId, peerId);
    await this.#recomputed(actorId, peerId, at);
  }

  /**
   * For the sweep, when an ownership key is due: the set changed, and whoever changed it went no further. Nobody knows
   * then who has written what meanwhile, so that all owners are asked to read anew.
   */
  async resume(actorId: string, peerId: string): Promise<void> {
    const counter = await this.#table.get(ownershipKey(actorId, peerId));
    const dueAt = counter?.["dueAt"];
    if (typeof dueAt !== "number" || dueAt > this.#clock.now()) return;
    const { at, heads } = await this.#recompute(actorId, peerId);
    for (const head of heads.filter(owns)) await this.#askResync(head);
    await this.#recomputed(actorId, peerId, at);
  }

  /** Deletes the count of the set's changes when there is no head, live or ended, that could need it. */
  async forget(actorId: string, peerId: string): Promise<void> {
    const key = ownershipKey(actorId, peerId);
    const counter = await this.#table.get(key);
    if (counter === undefined || (await this.#heads(actorId, peerId)).length > 0) return;
    try {
      await this.#table.delete(key, equals("changes", counter["changes"] ?? 0));
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  async #recompute(actorId: string, peerId: string): Promise<{ at: number; heads: readonly Head[] }> {
    const counter = await this.#table.get(ownershipKey(actorId, peerId));
    const at = (counter?.["changes"] as number | undefined) ?? 0;
    const heads = (await this.#heads(actorId, peerId)).filter((head) => head.live);
    for (const head of heads) {
      const excludedScopes = excludedScopesOf(head, heads);
      if (samePlaces(excludedScopes, head.excludedScopes) && head.ownershipRevision >= at) continue;
      await this.#setExcludedScopes(head, excludedScopes, at);
    }
    return { at, heads };
  }

  async #setExcludedScopes(head: Head, excludedScopes: readonly Place[], at: number): Promise<void> {
    const change = excludeScopes(excludedScopes, at);
    if (!owns(head) || !getsBack(head.excludedScopes, excludedScopes)) {
      const write = writeOf(head.key, change);
      await this.#amend(head.key, write.change, write.condition);
      return;
    }
    if ((await this.#askResync(head, change)) !== undefined) return;
    const item = await this.#table.get(head.key);
    const now = item === undefined ? undefined : readHead(item);
    if (now?.live === true && now.ownershipRevision < at) throw setIsChanging();
  }

  async #recomputed(actorId: string, peerId: string, at: number): Promise<void> {
    await this.#amend(
      ownershipKey(actorId, peerId),
      { remove: ["dueShard", "dueAt"] },
      all(exists("dueAt"), equals("changes", at)),
    );
  }

  /** Counts a change of the set: part of the transaction that makes it. From then on the recomputation is due. */
  raise(actorId: string, peerId: string): Write {
    const key = ownershipKey(actorId, peerId);
    const set = { dueShard: dueShardOf(key), dueAt: this.#clock.now() + TAKEOVER_MS };
    return { update: key, change: { set, add: { changes: 1 } }, condition: always };
  }

  async #amend(key: Key, change: Change, condition: Condition): Promise<void> {
    try {
      await this.#table.update(key, change, condition);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
}

/** @returns the error for who should try again: others are changing the same peer's subscriptions */
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

/** True when a place that was left to a narrower one is left to none any more. */
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
