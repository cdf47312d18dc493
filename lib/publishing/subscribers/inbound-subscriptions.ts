/** Peers' subscriptions to us: made, ended and cleared, each change of their set one commit of the change log. */
import type { InboundRef, PeerRef } from "../../domain/terms/refs.ts";
import { compact } from "../../system/compact.ts";
import type { SubscriptionLifecycle } from "../../actors/application.ts";
import type { Granularity, NamedScope } from "../../domain/diff/change-record.ts";
import { idInBucket, placesFor } from "../../domain/log/buckets.ts";
import { NOTHING_DELIVERED } from "../../domain/log/delivery-state.ts";
import { printJson } from "../../domain/json/json-text.ts";
import type { PropertyPermissions } from "../../domain/policy/permissions.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import { startState, type SubscriptionContext } from "../../domain/log/subscription-log.ts";
import type { Table, Write } from "../../dynamodb/table.ts";
import { ServiceError, isServiceError } from "../../system/errors.ts";
import type { Clock, Ids, Log } from "../../system/ports.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { scopeOf, type InboundHead } from "./inbound-head.ts";
import {
  changingWrites,
  countHeads,
  endingPlan,
  keysOf,
  makingWrites,
  markPeer,
  type InboundHeads,
  type ScopedRef,
} from "./inbound-heads.ts";
import type { Commits, LogPlan, LogRead } from "../../change-log/log-commits.ts";
import type { CursorStore } from "./cursor-store.ts";
import type { UnnotifiedEnds } from "./unnotified-ends.ts";

/** Most subscriptions that one commit makes or ends: two writes each, in a transaction of at most 100. */
const AT_ONCE = 40;
/** Most characters of JSON that name all subscriptions of one peer: every broader one notes the narrower. */
const MAX_SCOPES_TEXT = 60_000;

/** Stands in a new head until its commit knows the record at which it starts. */
const NO_STATE = {
  cursor: 0,
  sequence: 0,
  cleared: 0,
  granularity: "none",
  ended: false,
  contexts: [],
  runs: [],
} as const;

/** A subscription as a peer asks for it. */
export interface InboundRequest extends Scope {
  readonly granularity: Granularity;
  readonly acceptEncoding?: string;
}

/** A subscription that was made or was there. */
export interface InboundCreated {
  readonly id: string;
  readonly granularity: Granularity;
  readonly sequence: number;
}

/** Who asks, by the trust's bearer. */
export interface Asker {
  readonly peerId: string;
  /** The check that the trust is approved and still opens with that bearer, for a transaction. */
  readonly trusted: Write;
}

export interface InboundDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly heads: InboundHeads;
  readonly commits: Commits;
  readonly changeLog: Pick<ChangeLog, "tidySoon">;
  readonly cursors: CursorStore;
  /** The permissions of a peer on the properties now; undefined without a trust. */
  readonly permissions: (actorId: string, peerId: string) => Promise<PropertyPermissions | undefined>;
  /** Notifies the peer that its subscription has ended; false when that failed; does not reject. */
  readonly notifyEnded: (ref: InboundRef) => Promise<boolean>;
  readonly unnotifiedEnds: UnnotifiedEnds;
  /** Called once after a peer got new subscriptions; must not reject. */
  readonly subscribed: (actorId: string, peerId: string) => Promise<void>;
  /** Called when a peer asks again for a subscription that it refuses. */
  readonly renewed: (head: InboundHead) => Promise<void>;
  readonly lifecycle: SubscriptionLifecycle;
}

/** Makes, ends and clears inbound subscriptions. Its only state is the table. */
export class InboundSubscriptions {
  readonly #deps: InboundDeps;

  constructor(deps: InboundDeps) {
    this.#deps = deps;
  }

  /**
   * Makes subscriptions, at most 40 in one commit; one that the peer has for the same place keeps its id and takes the
   * new granularity. The results are in the order asked for.
   *
   * @throws ServiceError auth.forbidden when the trust is not approved any more, resource.conflict when the peer has too
   *   many; whatever `Commits` throws
   */
  async create(actorId: string, asker: Asker, requests: readonly InboundRequest[]): Promise<readonly InboundCreated[]> {
    if (requests.length > AT_ONCE) throw new RangeError("too many subscriptions for one commit");
    const peer = { actorId, peerId: asker.peerId };
    let made: readonly InboundHead[] = [];
    let fresh: readonly InboundHead[] = [];
    await this.#deps.commits.commit(actorId, [], async ({ head }) => {
      // After the log's head was read: a change of either moves the log, and the commit plans again.
      const [known, permissions] = await Promise.all([
        this.#deps.heads.ofPeer(actorId, asker.peerId),
        this.#deps.permissions(actorId, asker.peerId),
      ]);
      if (permissions === undefined) throw notTrusted();
      const { places } = placesFor(head.buckets, requests.length);
      const ids = places.map((bucket) => idInBucket(bucket, this.#deps.ids.id()));
      const planned = this.#planned(peer, requests, { known, ids });
      const now: SubscriptionContext = {
        permissions,
        suspensions: head.suspended,
        subscriptions: planned.all.map(named),
      };
      fresh = planned.fresh.map((each) => ({ ...each, state: startState(each, head.newest + 1, now) }));
      made = planned.made.map((each) => fresh.find(({ id }) => id === each.id) ?? each);
      const writes = [...fresh.flatMap(makingWrites), ...planned.changed.flatMap(changingWrites)];
      if (writes.length === 0) return undefined;
      const record = { kind: "subscriptions", peerId: asker.peerId, subscriptions: planned.all.map(named) } as const;
      if (printJson(record).length > MAX_SCOPES_TEXT) throw tooMany();
      return {
        records: [record],
        writes: [asker.trusted, markPeer(peer, record.subscriptions), ...writes],
        head: fresh.length === 0 ? {} : countHeads(fresh.length, placesFor(head.buckets, fresh.length).buckets),
        refused: (index) => (index === 0 ? notTrusted() : undefined),
      };
    });
    if (fresh.length > 0) await this.#deps.subscribed(actorId, asker.peerId);
    for (const head of made) if (head.refused !== undefined) await this.#deps.renewed(head);
    for (const head of fresh) await this.#lifecycle("subscription_created", head);
    const results: InboundCreated[] = [];
    for (const head of made) {
      const isFresh = fresh.some(({ id }) => id === head.id);
      // The cursor of one that was there may be behind the log.
      const now = isFresh ? head : (await this.#deps.cursors.toEnd(head))?.head;
      results.push({ id: head.id, granularity: head.granularity, sequence: (now ?? head).state.sequence });
    }
    return results;
  }

  /** The existing subscriptions, the new ones, with the first of `ids`, and those that get another granularity or encoding. */
  #planned(
    peer: PeerRef,
    requests: readonly InboundRequest[],
    { known, ids }: { readonly known: readonly InboundHead[]; readonly ids: readonly string[] },
  ) {
    const all = new Map(known.map((head) => [placeName(head), head]));
    const before = new Map(all);
    // Times of creation ascend, so that the order of creation is the order of the requests.
    let createdAt = Math.max(this.#deps.clock.now() - 1, ...known.map((head) => head.createdAt));
    for (const { granularity, acceptEncoding, ...scope } of requests) {
      const old = all.get(placeName(scope));
      if (old === undefined) createdAt += 1;
      const head = old ?? blank({ ...peer, id: ids[all.size - before.size] ?? "" }, scope, createdAt);
      all.set(placeName(scope), { ...head, granularity, ...compact({ acceptEncoding }) });
    }
    const heads = [...all.values()];
    return {
      all: heads,
      fresh: heads.filter((head) => !before.has(placeName(head))),
      changed: heads.filter((head) => {
        const { granularity, acceptEncoding } = before.get(placeName(head)) ?? head;
        return granularity !== head.granularity || acceptEncoding !== head.acceptEncoding;
      }),
      made: requests.flatMap((requested) => all.get(placeName(requested)) ?? []),
    };
  }

  /**
   * Ends one subscription; with `notifyPeer` notifies the peer, best effort, for at most 5 s. Until that has succeeded,
   * `wasEnded` is true. False when there is no such subscription.
   */
  async end({ actorId, peerId, id }: InboundRef, options: { readonly notifyPeer: boolean }): Promise<boolean> {
    const { unnotifiedEnds, notifyEnded } = this.#deps;
    let ended: ScopedRef | undefined;
    const plan = async ({ head }: LogRead): Promise<LogPlan | undefined> => {
      const known = await this.#deps.heads.scopesOf(actorId, peerId);
      const ending = known.filter((each) => each.id === id);
      const [found] = ending;
      ended = found === undefined ? undefined : { actorId, peerId, ...found };
      if (ended === undefined) return undefined;
      const subscriptions = known.filter((each) => each.id !== id);
      const { writes, ...counted } = endingPlan({ actorId, peerId }, { ending, left: subscriptions }, head.buckets);
      const noted = options.notifyPeer ? [unnotifiedEnds.noting(ended)] : [];
      return { records: [{ kind: "subscriptions", peerId, subscriptions }], writes: [...writes, ...noted], ...counted };
    };
    await this.#deps.commits.commit(actorId, [], plan);
    if (ended === undefined) return false;
    if (options.notifyPeer && (await notifyEnded(ended))) await unnotifiedEnds.notified(ended);
    await this.#lifecycle("subscription_deleted", ended);
    return true;
  }

  /** Whether the owner has ended a subscription of that id and its peer is not notified. One read. */
  async wasEnded(ref: InboundRef): Promise<boolean> {
    return await this.#deps.unnotifiedEnds.has(ref);
  }

  /** Ends every subscription of a peer whose trust has ended. May be called again for what an earlier call left. */
  async endAll(actorId: string, peerId: string): Promise<void> {
    await this.#deps.unnotifiedEnds.forget(actorId, peerId);
    for (;;) {
      const all = await this.#deps.heads.scopesOf(actorId, peerId);
      if (all.length === 0) return;
      const some = all.slice(0, AT_ONCE).map((each) => ({ actorId, peerId, ...each }));
      await this.#endSome({ actorId, peerId }, some, all.slice(AT_ONCE));
      for (const each of some) await this.#lifecycle("subscription_deleted", each);
    }
  }

  async #endSome(peer: PeerRef, some: readonly (ScopedRef & NamedScope)[], rest: readonly NamedScope[]): Promise<void> {
    const { actorId, peerId } = peer;
    const plan = async ({ head }: LogRead): Promise<LogPlan | undefined> => {
      const known = await this.#deps.heads.scopesOf(actorId, peerId);
      const ending = known.filter(({ id }) => some.some((each) => each.id === id));
      if (ending.length === 0) return undefined;
      const left = known.filter((each) => !ending.includes(each));
      // The record ends those that are left too, so that none of them makes a number meanwhile.
      const records = [{ kind: "subscriptions", peerId, subscriptions: [] } as const];
      return { records, ...endingPlan(peer, { ending, left }, head.buckets) };
    };
    try {
      await this.#deps.commits.commit(actorId, [], plan, { quiet: true });
    } catch (error) {
      // The actor goes with its log.
      if (!isServiceError(error) || error.code !== "resource.not_found") throw error;
      await this.#deps.table.deleteMany(some.flatMap(keysOf));
      // Afterwards, so that what breaks off before is found again.
      await this.#deps.table.transact([markPeer(peer, rest)]);
    }
  }

  /**
   * Clears the diffs up to a number, because the peer says that it has them. A lower number than before changes nothing.
   * @throws ServiceError resource.not_found, request.invalid beyond the newest number
   */
  async clear(stored: InboundHead, upTo: number): Promise<void> {
    const { cursors, changeLog } = this.#deps;
    const behind = upTo > stored.state.sequence;
    const head = behind ? (await cursors.toEnd(stored))?.head : stored;
    if (head === undefined) throw noSuch();
    if (upTo > head.state.sequence) {
      throw new ServiceError("request.invalid", 'The field "sequence" is beyond the newest diff.', {
        field: "sequence",
      });
    }
    const cleared = await cursors.clear(head, upTo);
    if (cleared === undefined) throw noSuch();
    if (cleared.state.runs.length === 0 && head.state.runs.length > 0) await changeLog.tidySoon(head.actorId);
  }

  async #lifecycle(name: Parameters<SubscriptionLifecycle>[0], ref: ScopedRef): Promise<void> {
    const { actorId, peerId, id } = ref;
    await this.#deps.lifecycle(name, { actorId, peerId, subscriptionId: id, ...scopeOf(ref) });
  }
}

/** @returns the error for a subscription that the owner has ended, for its peer that does not know yet */
export const endedByOwner = (): ServiceError =>
  new ServiceError("resource.gone", "The owner of this actor has ended the subscription.");

/** @returns the error for a subscription that is not there */
export const noSuch = (): ServiceError => new ServiceError("resource.not_found", "There is no such subscription.");

const notTrusted = (): ServiceError =>
  new ServiceError("auth.forbidden", "The trust with this peer is not approved any more.");

const tooMany = (): ServiceError =>
  new ServiceError("resource.conflict", "This peer has as many subscriptions as it can have; end some first.");

const named = (head: InboundHead): NamedScope => ({ id: head.id, ...scopeOf(head), granularity: head.granularity });

/** A new head without its state. */
const blank = (ref: InboundRef, scope: Scope, createdAt: number): InboundHead => ({
  ...ref,
  ...scopeOf(scope),
  createdAt,
  granularity: "none",
  state: NO_STATE,
  version: 1,
  delivery: NOTHING_DELIVERED,
});

const placeName = ({ target, subtarget, resource }: Scope): string => JSON.stringify([target, subtarget, resource]);
