/** The heads of an actor's outbound subscriptions: listing, making, ending. */
import type { PeerRef, StreamRef } from "../../domain/terms/refs.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { all, itemMissing, TransactionRefused, type Key, type Table, type Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import type { Clock } from "../../system/ports.ts";
import { readHead, type Head } from "../stream/head.ts";
import { authorize, headIs, writeOf, type StreamChange } from "../stream/stream-changes.ts";
import { beginAgain, endStream, newStream, subscribeAgain, type StreamTerms } from "../stream/stream-lives.ts";
import { countSetChange, headsOf, recomputeOwnership, setIsChanging, type OwnershipDeps } from "./ownership.ts";

/** Attempts at making a head; each conflict means that the set has just changed. */
const MAKE_ATTEMPTS = 5;

export interface NewSubscription extends StreamRef, StreamTerms {
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
      return { update: key, ...writeOf(key, subscribeAgain(old, made, now)) };
    }
    const life = { now, stateVersion: newestVersion(others, now), epoch: (old?.epoch ?? 0) + 1 };
    const condition = old === undefined ? itemMissing : headIs.ofVersion(old.version);
    return { put: newStream(key, made, life), condition };
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
    const { createdAt, excludedScopes, ownershipRevision } = old;
    const life = { now, stateVersion: newestVersion(others, now), epoch: 1 };
    const more = { createdAt, excludedScopes, ownershipRevision, resubscribedAt: now };
    const item = newStream(key, made, life, more);
    const found = others.find((head) => head.subscriptionId === made.subscriptionId);
    const refused = await this.#addToSet(made, [
      {
        put: item,
        condition: found === undefined ? itemMissing : all(headIs.ended, headIs.ofVersion(found.version)),
      },
      // The new head owns the data of the old one.
      { update: old.key, ...writeOf(old.key, endStream(now, true)) },
    ]);
    if (refused?.[1]?.code === "condition" || refused?.[3]?.code === "condition") {
      throw new ServiceError("peer.refused", "The peer gave the id of another subscription.");
    }
    return refused === undefined ? readHead(item) : undefined;
  }

  /** The publisher has made a subscription again under the same id: its numbering begins again. 1 write. */
  async beginAgain(head: Head): Promise<Head | undefined> {
    return await this.#amend(head.key, beginAgain(this.#clock.now()));
  }

  /**
   * Ends a subscription: from this write on its peer's callbacks are refused, and its buffer and leases are void. The
   * places that it owned go to the next broader subscription, which is asked to read them. The head stays for
   * `PURGE_DELAY_MS`.
   *
   * @returns undefined when there is no live one
   */
  async end(head: Head, keepData: boolean): Promise<Head | undefined> {
    const refused = await refusedReasons(this.#table, [
      { update: head.key, ...writeOf(head.key, endStream(this.#clock.now(), keepData)) },
      countSetChange(this.#clock, head),
    ]);
    if (refused?.[0]?.code === "condition") return undefined;
    // Another write was under way: the subscription is still live, and the caller may try again.
    if (refused !== undefined) throw new TransactionRefused(refused);
    await recomputeOwnership(this.#ownership, head);
    return head;
  }

  /** Opens a peer's heads to a bearer (its digest), or closes them, unless a newer revision of the trust was applied. */
  async authorize({ actorId, peerId }: PeerRef, auth: string | undefined, revision: number): Promise<void> {
    for (const head of await this.live(actorId, peerId)) await this.#amend(head.key, authorize(auth, revision));
  }

  async #amend(key: Key, made: StreamChange): Promise<Head | undefined> {
    const { change, condition } = writeOf(key, made);
    const { written, item } = await updateIf(this.#table, key, change, condition);
    return written ? readHead(item) : undefined;
  }
}

/** Higher than every state version that a stream of the peer has written under. */
const newestVersion = (others: readonly Head[], now: number): number =>
  Math.max(now, ...others.map((head) => head.stateVersion + 1));

const sameScope = (one: Scope, other: Scope): boolean =>
  one.target === other.target && one.subtarget === other.subtarget && one.resource === other.resource;
