/** The heads of an actor's outbound subscriptions as a set: listing, making, ending. */
import { compact } from "../../system/compact.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { LEASE_ATTRIBUTES } from "../../dynamodb/lease.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { outboundHeadKey, outboundPrefix } from "../../dynamodb/keys/streams.ts";
import { refusedReasons } from "../../dynamodb/outcomes.ts";
import {
  all,
  any,
  atMost,
  ConditionFailed,
  equals,
  itemMissing,
  missing,
  TransactionRefused,
} from "../../dynamodb/table.ts";
import type { Change, Condition, Key, Table, Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock } from "../../system/ports.ts";
import { dueAttributes, PROBLEM_ATTRIBUTES, readHead } from "../stream/head.ts";
import type { Granularity, Head } from "../stream/head.ts";
import { Ownership, setIsChanging } from "./ownership.ts";
import type { AskResync } from "./ownership.ts";

/**
 * An ended head stays this long (ms): longer than any function runs and any lease lives, so that whoever still works on
 * it finds it ended, and what it wrote late is deleted with it.
 */
export const PURGE_DELAY_MS = 5 * 60_000;

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

/** The heads of our subscriptions as a set, kept consistent with trust and with each other. */
export class OutboundHeads {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly ownership: Ownership;

  constructor(deps: { table: Table; clock: Clock; askResync: AskResync }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
    const heads = async (actorId: string, peerId: string): Promise<readonly Head[]> => await this.#all(actorId, peerId);
    this.ownership = new Ownership({ ...deps, heads });
  }

  /** The live heads of an actor, or of one of its peers, in order of creation. 1 query a page of about 1 000. */
  async live(actorId: string, peerId?: string): Promise<readonly Head[]> {
    const heads = (await this.#all(actorId, peerId)).filter((head) => head.live);
    return heads.sort((one, other) => one.createdAt - other.createdAt || (one.key.sk < other.key.sk ? -1 : 1));
  }

  /** One live head; undefined when there is none. 1 read. */
  async get(actorId: string, peerId: string, subscriptionId: string): Promise<Head | undefined> {
    const item = await this.#table.get(outboundHeadKey({ actorId, peerId, subscriptionId }));
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
   * Makes a head, or gives the live one a new granularity; either requests its baseline then. One transaction with the
   * trust's check.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved, peer.refused when the id is an inbound one's, or
   *   that of a live one with another scope
   */
  async make(made: NewSubscription): Promise<Head> {
    const key = outboundHeadKey(made);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const others = await this.#all(made.actorId, made.peerId);
      const old = others.find((head) => head.subscriptionId === made.subscriptionId);
      if (old?.live === true && !sameScope(old.scope, made.scope)) {
        throw new ServiceError("peer.refused", "The peer gave the id of another subscription of ours.");
      }
      const refused = await refusedReasons(this.#table, [
        made.trusted,
        { check: inboundHeadKey({ ...made, id: made.subscriptionId }), condition: itemMissing },
        this.ownership.raise(made.actorId, made.peerId),
        this.#headWrite(key, made, old, others),
      ]);
      if (refused === undefined) {
        await this.ownership.recomputeOwnership(made.actorId, made.peerId);
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
    throw setIsChanging();
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
      // Its own life, not one that began meanwhile under the same id.
      return { update: key, change, condition: all(equals("state", "live"), equals("createdAt", old.createdAt)) };
    }
    const item = newHead(key, made, { now, others, epoch: (old?.epoch ?? 0) + 1 });
    return { put: item, condition: old === undefined ? itemMissing : equals("version", old.version) };
  }

  /**
   * The publisher has made a subscription again under a new id: the new head takes the place of the old one, which is
   * ended, in one transaction. The copy stays until the new one's baseline replaces it.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved, peer.refused when the id is in use
   */
  async replaceHead(old: Head, made: NewSubscription): Promise<Head | undefined> {
    const key = outboundHeadKey(made);
    const others = await this.#all(made.actorId, made.peerId);
    const now = this.#clock.now();
    const item = {
      ...newHead(key, made, { now, others, epoch: 1 }),
      createdAt: old.createdAt,
      excludedScopes: old.excludedScopes.map((place) => [...place]),
      ownershipRevision: old.ownershipRevision,
      resubscribedAt: now,
    };
    const found = others.find((head) => head.subscriptionId === made.subscriptionId);
    const refused = await refusedReasons(this.#table, [
      made.trusted,
      { check: inboundHeadKey({ ...made, id: made.subscriptionId }), condition: itemMissing },
      this.ownership.raise(made.actorId, made.peerId),
      {
        put: item,
        condition: found === undefined ? itemMissing : all(equals("state", "ended"), equals("version", found.version)),
      },
      // Its data is the new one's by now.
      { update: old.key, change: this.#ending(old, true), condition: equals("state", "live") },
    ]);
    if (refused?.[0]?.code === "condition") {
      throw new ServiceError("auth.forbidden", "The trust with this peer is not approved any more.");
    }
    if (refused?.[1]?.code === "condition" || refused?.[3]?.code === "condition") {
      throw new ServiceError("peer.refused", "The peer gave the id of another subscription.");
    }
    if (refused !== undefined) return undefined;
    await this.ownership.recomputeOwnership(made.actorId, made.peerId);
    return readHead(item);
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
    try {
      return readHead(await this.#table.update(head.key, change, equals("state", "live")));
    } catch (error) {
      if (error instanceof ConditionFailed) return undefined;
      throw error;
    }
  }

  /**
   * Ends a subscription: closed for its peer from this write on, its buffer and leases void. What it owned goes to the
   * next broader one, which is asked to read it. The head stays until `PURGE_DELAY_MS`. Undefined when there is no
   * live one.
   */
  async end(head: Head, keepData: boolean): Promise<Head | undefined> {
    const refused = await refusedReasons(this.#table, [
      { update: head.key, change: this.#ending(head, keepData), condition: equals("state", "live") },
      this.ownership.raise(head.actorId, head.peerId),
    ]);
    if (refused?.[0]?.code === "condition") return undefined;
    // Another write was under way: the subscription is there, and the caller may try again.
    if (refused !== undefined) throw new TransactionRefused(refused);
    await this.ownership.recomputeOwnership(head.actorId, head.peerId);
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

  /** Opens a peer's heads to a bearer (its digest), or closes them, unless a newer revision of the trust has spoken. */
  async authorize(actorId: string, peerId: string, auth: string | undefined, revision: number): Promise<void> {
    const older = any(missing("authRevision"), atMost("authRevision", revision));
    for (const head of await this.live(actorId, peerId)) {
      const set = compact({ authRevision: revision, auth });
      const remove = auth === undefined ? ["auth"] : [];
      await this.#amend(head.key, { set, remove, add: { version: 1 } }, all(equals("state", "live"), older));
    }
  }

  async #amend(key: Key, change: Change, condition: Condition): Promise<void> {
    try {
      await this.#table.update(key, change, condition);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
}

/** What work on a stream has left on its head. */
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
