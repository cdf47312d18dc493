/** The heads of an actor's outbound subscriptions as a set: listing, making, ending. */
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { outboundHeadKey, outboundPrefix } from "../../dynamodb/keys/streams.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { all, itemMissing, TransactionRefused } from "../../dynamodb/table.ts";
import type { Key, Table, Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock } from "../../system/ports.ts";
import { readHead } from "../stream/head.ts";
import type { Head } from "../stream/head.ts";
import { authorize, headIs, writeOf } from "../stream/stream-changes.ts";
import type { StreamChange } from "../stream/stream-changes.ts";
import { beginAgain, endStream, newStream, subscribeAgain } from "../stream/stream-lives.ts";
import type { StreamTerms } from "../stream/stream-lives.ts";
import { Ownership, setIsChanging } from "./ownership.ts";
import type { AskResync } from "./ownership.ts";

export interface NewSubscription extends StreamRef, StreamTerms {
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
      return { update: key, ...writeOf(key, subscribeAgain(old, made, now)) };
    }
    const life = { now, stateVersion: newestVersion(others, now), epoch: (old?.epoch ?? 0) + 1 };
    const condition = old === undefined ? itemMissing : headIs.ofVersion(old.version);
    return { put: newStream(key, made, life), condition };
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
    const { createdAt, excludedScopes, ownershipRevision } = old;
    const life = { now, stateVersion: newestVersion(others, now), epoch: 1 };
    const more = { createdAt, excludedScopes, ownershipRevision, resubscribedAt: now };
    const item = newStream(key, made, life, more);
    const found = others.find((head) => head.subscriptionId === made.subscriptionId);
    const refused = await refusedReasons(this.#table, [
      made.trusted,
      { check: inboundHeadKey({ ...made, id: made.subscriptionId }), condition: itemMissing },
      this.ownership.raise(made.actorId, made.peerId),
      {
        put: item,
        condition: found === undefined ? itemMissing : all(headIs.ended, headIs.ofVersion(found.version)),
      },
      // Its data is the new one's by now.
      { update: old.key, ...writeOf(old.key, endStream(now, true)) },
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
    return await this.#amend(head.key, beginAgain(this.#clock.now()));
  }

  /**
   * Ends a subscription: closed for its peer from this write on, its buffer and leases void. What it owned goes to the
   * next broader one, which is asked to read it. The head stays until `PURGE_DELAY_MS`. Undefined when there is no
   * live one.
   */
  async end(head: Head, keepData: boolean): Promise<Head | undefined> {
    const refused = await refusedReasons(this.#table, [
      { update: head.key, ...writeOf(head.key, endStream(this.#clock.now(), keepData)) },
      this.ownership.raise(head.actorId, head.peerId),
    ]);
    if (refused?.[0]?.code === "condition") return undefined;
    // Another write was under way: the subscription is there, and the caller may try again.
    if (refused !== undefined) throw new TransactionRefused(refused);
    await this.ownership.recomputeOwnership(head.actorId, head.peerId);
    return head;
  }

  /** Opens a peer's heads to a bearer (its digest), or closes them, unless a newer revision of the trust has spoken. */
  async authorize(actorId: string, peerId: string, auth: string | undefined, revision: number): Promise<void> {
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
