/** Brings back a peer whose breaker is open: one try, and then what it has missed, in order. */
import { mayProbe } from "../domain/breaker.ts";
import { settled, undelivered } from "../domain/delivery-state.ts";
import { trustKey } from "../dynamodb/keys-actors.ts";
import { breakerKey } from "../dynamodb/keys-publishing.ts";
import type { Item } from "../dynamodb/table.ts";
import type { Clock, Deadline, Ids } from "../ports.ts";
import type { ChangeLog } from "../publishing/change-log.ts";
import type { InboundHead } from "../publishing/inbound-head.ts";
import type { InboundHeads } from "../publishing/inbound-heads.ts";
import type { LogWalk } from "../publishing/log-walk.ts";
import { readTrust } from "../trust/trust-record.ts";
import type { TrustRecord } from "../trust/trust-record.ts";
import { readBreaker } from "./breaker-store.ts";
import type { BreakerStore } from "./breaker-store.ts";
import type { DeliveryPool } from "./delivery-pool.ts";
import { Hold } from "./hold.ts";
import type { HoldDeps } from "./hold.ts";
import type { KnownPeers } from "./known-peers.ts";
import { leaseFor } from "./lease.ts";
import { TimeLeft } from "./time-left.ts";

/** Who tries may take this much longer than the delivery itself, ms, before another may. */
const PROBE_MARGIN_MS = 5_000;
/** So much later a replay looks again at what someone else was delivering, ms. */
const LOOK_AGAIN_MS = 5_000;

export interface BreakerRecoveryDeps extends HoldDeps {
  readonly known: KnownPeers;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Which life of the service its leases belong to. */
  readonly fence: string;
  readonly breakers: BreakerStore;
  readonly heads: Pick<InboundHeads, "ofPeer">;
  readonly changeLog: ChangeLog;
  readonly walk: LogWalk;
  readonly pool: DeliveryPool;
  /** The longest that one delivery takes, ms. */
  readonly timeoutMs: number;
}

export class BreakerRecovery {
  readonly #deps: BreakerRecoveryDeps;

  constructor(deps: BreakerRecoveryDeps) {
    this.#deps = deps;
  }

  /** For the due item of a peer: does what there is to do now, and says when to look again. May be called at any time. */
  async look(actorId: string, peerId: string, deadline: Deadline): Promise<void> {
    const { known, clock, breakers, pool } = this.#deps;
    const of = { actorId, peerId };
    const [key, dueKey] = [trustKey(actorId, peerId), breakerKey(actorId, peerId)];
    const items = await known.read([key], [dueKey]);
    const [item, due] = [key, dueKey].map(({ sk }) => items.find((each) => each.sk === sk));
    const dueAt = Number(due?.["dueAt"] ?? 0);
    const trust = item === undefined ? undefined : readTrust(item);
    if (item === undefined || trust?.approved !== true || trust.ending) {
      await breakers.forget(of, dueAt);
      return;
    }
    const replay = item["breakerReplay"];
    const { openUntil } = readBreaker(item);
    const time = TimeLeft.ofWorker(deadline);
    if (openUntil !== undefined && openUntil > clock.now()) await breakers.postpone(of, openUntil);
    else if (openUntil !== undefined)
      await pool.run(peerOf(trust), async () => await this.#probe(item, trust, time, dueAt));
    else if (typeof replay !== "string") await breakers.forget(of, dueAt);
    else if (dueAt <= clock.now()) await pool.run(peerOf(trust), async () => await this.#replay(trust, replay, time));
  }

  /**
   * The one try, when it is time for it and nobody else makes it, and all that was missed when it arrives. For callers
   * that are this peer's only delivery of this process.
   */
  async attempt(item: Item, time: TimeLeft): Promise<void> {
    await this.#probe(item, readTrust(item), time, undefined);
  }

  async #probe(item: Item, trust: TrustRecord, time: TimeLeft, dueAt: number | undefined): Promise<void> {
    const { clock, breakers, timeoutMs } = this.#deps;
    const breaker = readBreaker(item);
    if (!mayProbe(breaker, clock.now()) || !time.mayBegin()) return;
    const heads = await this.#missed(trust);
    if (heads.length === 0) {
      // Nothing to try it with: the next change does.
      if (dueAt !== undefined) await breakers.forget(trust, dueAt);
      return;
    }
    const token = await breakers.claimProbe(trust, breaker, clock.now() + time.forOne(timeoutMs) + PROBE_MARGIN_MS);
    if (token === undefined) return;
    const hold = await this.#hold(heads, trust, time);
    const answered = await hold?.probe();
    if (answered === false) await breakers.probeFailed(trust, breaker, token);
    if (hold === undefined || answered === undefined) await breakers.giveUpProbe(trust, token);
    const replay = answered === true ? await breakers.close(trust, token) : undefined;
    if (replay === undefined) await hold?.end();
    // Open again: what is left comes after the next try.
    else if ((await hold?.deliver()) !== "open") await this.#replay(trust, replay, time);
  }

  /** Sends everything that the peer has missed, subscription by subscription, each in order. */
  async #replay(trust: TrustRecord, token: string, time: TimeLeft): Promise<void> {
    const { clock, breakers } = this.#deps;
    let busy = false;
    for (const head of await this.#missed(trust)) {
      if (!time.mayBegin()) {
        await breakers.postpone(trust, clock.now());
        return;
      }
      const hold = await this.#hold([head], trust, time);
      const end = await hold?.deliver();
      if (end === "open") return;
      if (end !== "done") busy = true;
    }
    if (busy) await breakers.postpone(trust, clock.now() + (time.mayBegin() ? LOOK_AGAIN_MS : 0));
    else await breakers.replayed(trust, token);
  }

  /** The peer's subscriptions with something that it has not taken, at the log's end. */
  async #missed({ actorId, peerId }: TrustRecord): Promise<readonly InboundHead[]> {
    const { heads, changeLog, walk } = this.#deps;
    const newest = await changeLog.newest(actorId);
    const missed: InboundHead[] = [];
    for (const head of await heads.ofPeer(actorId, peerId)) {
      const moved = await walk.move(head, { newest });
      if (moved === undefined || moved.head.state.ended || moved.head.state.granularity === "none") continue;
      const { state, delivery } = moved.head;
      if (undelivered(settled(delivery, state.cleared), state.sequence).length > 0) missed.push(moved.head);
    }
    return missed;
  }

  /** The delivery of the first of the subscriptions that nobody else delivers at the moment. */
  async #hold(heads: readonly InboundHead[], trust: TrustRecord, time: TimeLeft): Promise<Hold | undefined> {
    const { walk, changeLog } = this.#deps;
    for (const head of heads) {
      const lease = leaseFor(this.#deps, time);
      const moved = await walk.move(head, { newest: head.state.cursor, lease: { ...lease, always: true } });
      if (moved === undefined || !(moved.leased || moved.head.lease?.token === lease.token)) continue;
      return new Hold(this.#deps, {
        ...{ head: moved.head, token: lease.token, trust, time, records: changeLog, everything: true },
      });
    }
    return undefined;
  }
}

/** What deliveries to one peer at a time are told apart by. */
export const peerOf = (trust: { readonly baseUri: string }): string => trust.baseUri;
