/** The heads of an actor's outbound subscriptions as a set: listing, making, ending, and who owns which place. */
import { covers, placeOf, samePlace } from "../domain/scope.ts";
import type { Place, Scope } from "../domain/scope.ts";
import { actorPartition, inboundHeadKey, outboundHeadKey, outboundPrefix, ownershipKey } from "../dynamodb/keys.ts";
import {
  all,
  any,
  atMost,
  below,
  always,
  ConditionFailed,
  equals,
  itemMissing,
  missing,
  TransactionRefused,
} from "../dynamodb/table.ts";
import type { Attribute, Change, Condition, Key, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { dueAttributes, readHead } from "../receiving/head.ts";
import type { Granularity, Head } from "../receiving/head.ts";

/**
 * An ended head stays this long (ms): longer than any function runs and any claim lives, so that whoever still works on
 * it finds it ended, and what it wrote late is deleted with it.
 */
export const BURIED_AFTER_MS = 5 * 60_000;

export interface NewSubscription {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly scope: Scope;
  readonly granularity: Granularity;
  readonly auth: string;
  readonly reconcileMs: number;
  /** The check that the trust is approved, made in the same transaction. */
  readonly trusted: Write;
}

export class OutboundHeads {
  readonly #table: Table;
  readonly #clock: Clock;

  constructor(deps: { table: Table; clock: Clock }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
  }

  /** The live heads of an actor, or of one of its peers, in order of creation. 1 query a page of about 1 000. */
  async live(actorId: string, peerId?: string): Promise<readonly Head[]> {
    const heads = (await this.#all(actorId, peerId)).filter((head) => head.live);
    return heads.sort((one, other) => one.createdAt - other.createdAt || (one.key.sk < other.key.sk ? -1 : 1));
  }

  /** One live head; undefined when there is none. 1 read. */
  async get(actorId: string, peerId: string, subscriptionId: string): Promise<Head | undefined> {
    const item = await this.#table.get(outboundHeadKey(actorId, peerId, subscriptionId));
    const head = item === undefined ? undefined : readHead(item);
    return head?.live === true ? head : undefined;
  }

  async #all(actorId: string, peerId?: string): Promise<Head[]> {
    const heads: Head[] = [];
    let after: string | undefined;
    do {
      const range = { pk: actorPartition(actorId), prefix: outboundPrefix(peerId) };
      const page = await this.#table.query(after === undefined ? range : { ...range, after });
      heads.push(...page.items.map(readHead));
      after = page.next;
    } while (after !== undefined);
    return heads;
  }

  /**
   * Makes a head, owing its baseline, or gives the live one a new granularity. One transaction with the trust's check.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved, peer.refused when the id is an inbound one's
   */
  async make(made: NewSubscription): Promise<Head> {
    const key = outboundHeadKey(made.actorId, made.peerId, made.subscriptionId);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const others = await this.#all(made.actorId, made.peerId);
      const old = others.find((head) => head.subscriptionId === made.subscriptionId);
      const refused = await this.#transact([
        made.trusted,
        { check: inboundHeadKey(made.actorId, made.peerId, made.subscriptionId), condition: itemMissing },
        this.#raise(made.actorId, made.peerId),
        this.#headWrite(key, made, old, others),
      ]);
      if (refused === undefined) {
        await this.reown(made.actorId, made.peerId);
        const item = await this.#table.get(key);
        if (item !== undefined) return readHead(item);
      }
      if (refused?.[0]?.code === "condition") {
        throw new ServiceError("auth.forbidden", "The trust with this peer is not approved any more.");
      }
      if (refused?.[1]?.code === "condition") {
        throw new ServiceError("peer.refused", "The peer gave the id of a subscription it has with us.");
      }
    }
    throw new ServiceError("service.unavailable", "The subscriptions of this peer are changing; try again.", {
      headers: { "Retry-After": "1" },
    });
  }

  #headWrite(key: Key, made: NewSubscription, old: Head | undefined, others: readonly Head[]): Write {
    if (old?.live === true) {
      const change = { set: { granularity: made.granularity, auth: made.auth }, add: { version: 1 } };
      return { update: key, change, condition: equals("state", "live") };
    }
    const now = this.#clock.now();
    const item = {
      ...key,
      target: made.scope.target,
      ...(made.scope.subtarget === undefined ? {} : { subtarget: made.scope.subtarget }),
      ...(made.scope.resource === undefined ? {} : { resource: made.scope.resource }),
      granularity: made.granularity,
      createdAt: now,
      state: "live",
      auth: made.auth,
      epoch: (old?.epoch ?? 0) + 1,
      fence: Math.max(now, ...others.map((head) => head.fence + 1)),
      lastSeq: 0,
      starts: 0,
      activeAt: now,
      version: 1,
      wanted: "resync",
      ...dueAttributes(key, now),
      ...(made.reconcileMs === 0 ? {} : { reconcileAt: now + made.reconcileMs }),
    };
    return { put: item, condition: old === undefined ? itemMissing : equals("version", old.version) };
  }

  /**
   * Ends a subscription: closed for its peer from this write on, its slots and claims void. The head stays until
   * `BURIED_AFTER_MS`. Undefined when there is no live one.
   */
  async end(head: Head, keepData: boolean): Promise<Head | undefined> {
    const due = dueAttributes(head.key, this.#clock.now() + BURIED_AFTER_MS);
    const change: Change = {
      set: { state: "ended", ...due, ...(keepData ? { keepData } : {}) },
      remove: ["auth", "pending", "gapSince", "claimToken", "claimUntil", "claimFence", "wanted", "replacing"],
      add: { version: 1, epoch: 1 },
    };
    const refused = await this.#transact([
      { update: head.key, change, condition: equals("state", "live") },
      this.#raise(head.actorId, head.peerId),
    ]);
    if (refused !== undefined) return undefined;
    await this.reown(head.actorId, head.peerId);
    return head;
  }

  /** Opens a peer's heads to a bearer (its digest), or closes them, unless a newer revision of the trust has spoken. */
  async authorize(actorId: string, peerId: string, auth: string | undefined, revision: number): Promise<void> {
    const older = any(missing("authRevision"), atMost("authRevision", revision));
    for (const head of await this.live(actorId, peerId)) {
      const set = { authRevision: revision, ...(auth === undefined ? {} : { auth }) };
      const remove = auth === undefined ? ["auth"] : [];
      await this.#amend(head.key, { set, remove, add: { version: 1 } }, all(equals("state", "live"), older));
    }
  }

  /**
   * Works out anew which places each subscription of a peer leaves to narrower ones. Whoever does so after the newest
   * change of the set wins; an older working out changes nothing.
   */
  async reown(actorId: string, peerId: string): Promise<void> {
    const counter = await this.#table.get(ownershipKey(actorId, peerId));
    const at = (counter?.["changes"] as number | undefined) ?? 0;
    const heads = await this.live(actorId, peerId);
    for (const head of heads) {
      const carved = carvedFrom(head, heads);
      if (samePlaces(carved, head.carved) && head.carvedAt >= at) continue;
      const older = any(missing("carvedAt"), below("carvedAt", at));
      const set: Record<string, Attribute> = { carved: carved.map((place) => [...place]), carvedAt: at };
      await this.#amend(head.key, { set, add: { version: 1 } }, all(equals("state", "live"), older));
    }
  }

  #raise(actorId: string, peerId: string): Write {
    return { update: ownershipKey(actorId, peerId), change: { add: { changes: 1 } }, condition: always };
  }

  async #amend(key: Key, change: Change, condition: Condition): Promise<void> {
    try {
      await this.#table.update(key, change, condition);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  async #transact(writes: readonly Write[]): Promise<TransactionRefused["reasons"] | undefined> {
    try {
      await this.#table.transact(writes);
      return undefined;
    } catch (error) {
      if (error instanceof TransactionRefused) return error.reasons;
      throw error;
    }
  }
}

/** True when the subscription owns stored data at all. */
const owns = (head: Head): boolean => head.scope.target === "properties" && head.granularity !== "none";

/** The places inside a subscription's scope that belong to narrower ones, or, at the same place, to an older one. */
export function carvedFrom(head: Head, heads: readonly Head[]): readonly Place[] {
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

/** The next broader live subscription of the same peer, which takes over when `head` ends; undefined when there is none. */
export function broaderThan(head: Head, heads: readonly Head[]): Head | undefined {
  if (!owns(head)) return undefined;
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
