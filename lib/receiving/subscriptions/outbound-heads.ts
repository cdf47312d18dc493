/** The heads of an actor's outbound subscriptions: listing, making, ending. */
import { compact } from "../../system/compact.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { LEASE_ATTRIBUTES } from "../../dynamodb/lease.ts";
import type { PeerRef, StreamRef } from "../../domain/terms/refs.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { all, any, atMost, equals, itemMissing, missing, TransactionRefused } from "../../dynamodb/table.ts";
import type { Change, Key, Table, Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import type { Clock } from "../../system/ports.ts";
import { dueAttributes, PROBLEM_ATTRIBUTES, readHead } from "../stream/head.ts";
import type { Granularity, Head } from "../stream/head.ts";
import { countSetChange, headsOf, recomputeOwnership, setIsChanging } from "./ownership.ts";
import type { OwnershipDeps } from "./ownership.ts";

/**
 * An ended head stays this long, ms: longer than any function runs and any lease lives, so that work that is still under
 * way finds it ended, and late writes of that work are deleted with it.
 */
export const PURGE_DELAY_MS = 5 * 60_000;

/** Attempts at making a head; each conflict means that the set has just changed. */
const MAKE_ATTEMPTS = 5;

export interface NewSubscription extends StreamRef {
  readonly scope: Scope;
  readonly granularity: Granularity;
  readonly auth: string;
  readonly reconcileMs: number;
  /** The check that the trust is approved, made in the same transaction. */
  readonly trusted: Write;
}

/** The heads of our subscriptions as a set, kept consistent with trust and with each other. */
export class OutboundHeads {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly #ownership: OwnershipDeps;

  constructor(deps: OwnershipDeps) {
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#ownership = deps;
  }

  /** The live heads of an actor, or of one of its peers, in order of creation. 1 query a page of about 1 000. */
  async live(actorId: string, peerId?: string): Promise<readonly Head[]> {
    const heads = (await headsOf(this.#table, actorId, peerId)).filter((head) => head.live);
    return heads.sort((one, other) => one.createdAt - other.createdAt || (one.key.sk < other.key.sk ? -1 : 1));
  }

  /** One live head; undefined when there is none. 1 read. */
  async get(stream: StreamRef): Promise<Head | undefined> {
    const item = await this.#table.get(outboundHeadKey(stream));
    const head = item === undefined ? undefined : readHead(item);
    return head?.live === true ? head : undefined;
  }

  /**
   * Makes a head, or gives the live one a new granularity; the head then requests its baseline. One transaction with the
   * trust's check.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved, peer.refused when the id is an inbound one's, or
   *   that of a live one with another scope
   */
  async make(made: NewSubscription): Promise<Head> {
    const key = outboundHeadKey(made);
    const head = await retryOnConflict(undefined, MAKE_ATTEMPTS, async () => {
      const others = await headsOf(this.#table, made.actorId, made.peerId);
      const old = others.find(({ subscriptionId }) => subscriptionId === made.subscriptionId);
      if (old?.live === true && !sameScope(old.scope, made.scope)) {
        throw new ServiceError("peer.refused", "The peer gave the id of another subscription of ours.");
      }
      const refused = await this.#addToSet(made, [this.#headWrite(key, made, old, others)]);
      if (refused?.[1]?.code === "condition") {
        throw new ServiceError("peer.refused", "The peer gave the id of a subscription it has with us.");
      }
      const item = refused === undefined ? await this.#table.get(key) : undefined;
      return item === undefined ? { found: undefined } : { done: readHead(item) };
    });
    if (head === undefined) throw setIsChanging();
    return head;
  }

  /**
   * Makes a subscription part of its peer's set with `writes`, in one transaction, and recomputes the ownership.
   *
   * @returns the reasons of a refusal: 1 is the check that the id is no inbound one's, from 3 on those of `writes`
   * @throws ServiceError auth.forbidden when the trust is not approved
   */
  async #addToSet(made: NewSubscription, writes: readonly Write[]): ReturnType<typeof refusedReasons> {
    const refused = await refusedReasons(this.#table, [
      made.trusted,
      { check: inboundHeadKey({ ...made, id: made.subscriptionId }), condition: itemMissing },
      countSetChange(this.#clock, made),
      ...writes,
    ]);
    if (refused?.[0]?.code === "condition") {
      throw new ServiceError("auth.forbidden", "The trust with this peer is not approved any more.");
    }
    if (refused === undefined) await recomputeOwnership(this.#ownership, made);
    return refused;
  }

  #headWrite(key: Key, made: NewSubscription, old: Head | undefined, others: readonly Head[]): Write {
    const now = this.#clock.now();
    if (old?.live === true) {
      const set = {
        granularity: made.granularity,
        auth: made.auth,
        recoveryRequested: "resync",
        ...dueAttributes(key, now),
      };
      const setIfMissing = made.reconcileMs === 0 ? {} : { reconcileAt: now + made.reconcileMs };
      const change = { set, setIfMissing, add: { version: 1, recoveryRevision: 1 } };
      // The life of the head that was read, not one that began meanwhile under the same id.
      return { update: key, change, condition: all(equals("state", "live"), equals("createdAt", old.createdAt)) };
    }
    const item = newHead(key, made, { now, others, epoch: (old?.epoch ?? 0) + 1 });
    return { put: item, condition: old === undefined ? itemMissing : equals("version", old.version) };
  }

  /**
   * The publisher has made a subscription again under a new id: the new head replaces the old one, which is ended, in one
   * transaction. The replica stays until the new head's baseline replaces it.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved, peer.refused when the id is in use
   */
  async replaceHead(old: Head, made: NewSubscription): Promise<Head | undefined> {
    const key = outboundHeadKey(made);
    const others = await headsOf(this.#table, made.actorId, made.peerId);
    const now = this.#clock.now();
    const item = {
      ...newHead(key, made, { now, others, epoch: 1 }),
      createdAt: old.createdAt,
      excludedScopes: old.excludedScopes.map((place) => [...place]),
      ownershipRevision: old.ownershipRevision,
      resubscribedAt: now,
    };
    const found = others.find((head) => head.subscriptionId === made.subscriptionId);
    const refused = await this.#addToSet(made, [
      {
        put: item,
        condition: found === undefined ? itemMissing : all(equals("state", "ended"), equals("version", found.version)),
      },
      // The new head owns the data of the old one.
      { update: old.key, change: this.#ending(old, true), condition: equals("state", "live") },
    ]);
    if (refused?.[1]?.code === "condition" || refused?.[3]?.code === "condition") {
      throw new ServiceError("peer.refused", "The peer gave the id of another subscription.");
    }
    return refused === undefined ? readHead(item) : undefined;
  }

  /** The publisher has made a subscription again under the same id: its numbering begins again. 1 write. */
  async beginAgain(head: Head): Promise<Head | undefined> {
    const now = this.#clock.now();
    const change: Change = {
      set: {
        lastSeq: 0,
        starts: 0,
        recoveryRequested: "resync",
        resubscribedAt: now,
        digests: "",
        ...dueAttributes(head.key, now),
      },
      remove: [...WORK_ATTRIBUTES, ...PROBLEM_ATTRIBUTES, "lastTimestamp", "timestampOf", "coveredTo"],
      add: { version: 1, epoch: 1, recoveryRevision: 1 },
    };
    const begun = await updateIf(this.#table, head.key, change, equals("state", "live"));
    return begun.written ? readHead(begun.item) : undefined;
  }

  /**
   * Ends a subscription: from this write on its peer's callbacks are refused, and its buffer and leases are void. What it
   * owned goes to the next broader subscription, which is asked to read it. The head stays for `PURGE_DELAY_MS`.
   *
   * @returns undefined when there is no live one
   */
  async end(head: Head, keepData: boolean): Promise<Head | undefined> {
    const refused = await refusedReasons(this.#table, [
      { update: head.key, change: this.#ending(head, keepData), condition: equals("state", "live") },
      countSetChange(this.#clock, head),
    ]);
    if (refused?.[0]?.code === "condition") return undefined;
    // Another write was under way: the subscription is still live, and the caller may try again.
    if (refused !== undefined) throw new TransactionRefused(refused);
    await recomputeOwnership(this.#ownership, head);
    return head;
  }

  #ending(head: Head, keepData: boolean): Change {
    const due = dueAttributes(head.key, this.#clock.now() + PURGE_DELAY_MS);
    return {
      set: { state: "ended", ...due, ...(keepData ? { keepData } : {}) },
      remove: ["auth", "recoveryRequested", ...WORK_ATTRIBUTES],
      add: { version: 1, epoch: 1 },
    };
  }

  /** Opens a peer's heads to a bearer (its digest), or closes them, unless a newer revision of the trust was applied. */
  async authorize({ actorId, peerId }: PeerRef, auth: string | undefined, revision: number): Promise<void> {
    const older = any(missing("authRevision"), atMost("authRevision", revision));
    for (const head of await this.live(actorId, peerId)) {
      const set = compact({ authRevision: revision, auth });
      const remove = auth === undefined ? ["auth"] : [];
      await updateIf(this.#table, head.key, { set, remove, add: { version: 1 } }, all(equals("state", "live"), older));
    }
  }
}

/** The attributes that work on a stream leaves on its head. */
const WORK_ATTRIBUTES = [
  ...["buffered", "gapSince", ...LEASE_ATTRIBUTES],
  ...["replacing", "replacedFrom", "recovery", "contradicted", "begun"],
];

/** A head that requests its baseline. */
function newHead(
  key: Key,
  { scope, granularity, auth, reconcileMs }: NewSubscription,
  { now, others, epoch }: { readonly now: number; readonly others: readonly Head[]; readonly epoch: number },
) {
  const { target, subtarget, resource } = scope;
  return {
    ...key,
    ...compact({ target, subtarget, resource, granularity }),
    createdAt: now,
    state: "live",
    auth,
    epoch,
    stateVersion: Math.max(now, ...others.map((head) => head.stateVersion + 1)),
    lastSeq: 0,
    starts: 0,
    activeAt: now,
    version: 1,
    recoveryRequested: "resync",
    ...dueAttributes(key, now),
    ...(reconcileMs === 0 ? {} : { reconcileAt: now + reconcileMs }),
  };
}

const sameScope = (one: Scope, other: Scope): boolean =>
  one.target === other.target && one.subtarget === other.subtarget && one.resource === other.resource;
