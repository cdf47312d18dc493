/** The breaker of each peer as all instances share it: attributes of its trust, and a due item while it is open. */
import { isToOpen, nextCooldown } from "../domain/breaker.ts";
import type { Breaker, BreakerPolicy } from "../domain/breaker.ts";
import { trustKey } from "../dynamodb/keys-actors.ts";
import { breakerKey } from "../dynamodb/keys-publishing.ts";
import { dueShardOf } from "../dynamodb/keys.ts";
import {
  ConditionFailed,
  TransactionRefused,
  all,
  always,
  equals,
  exists,
  itemExists,
  missing,
} from "../dynamodb/table.ts";
import type { Change, Condition, Item, Key, Table } from "../dynamodb/table.ts";
import type { Clock, DelayQueue, Ids, Log } from "../ports.ts";
import { MAX_DELAY_SECONDS } from "../ports.ts";
import type { KnownPeers } from "./known-peers.ts";

/** A replay that nobody finishes is taken over after this long, ms; longer than a function may run with it. */
export const REPLAY_MS = 90_000;
const MOST_ATTEMPTS = 5;
const ATTRIBUTES = ["breakerFailures", "breakerOpenUntil", "breakerCooldown", "breakerProbe"];

export interface BreakerStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly queue: DelayQueue;
  /** Learns what every step came to. */
  readonly known: KnownPeers;
  readonly policy: BreakerPolicy;
}

/** Whose breaker: a peer as its trust was read. */
export interface BreakerOf {
  readonly actorId: string;
  readonly peerId: string;
  readonly secret: string;
}

/** Reads the breaker in a trust's item. */
export function readBreaker(item: Item): Breaker {
  const number = (name: string): number | undefined => (typeof item[name] === "number" ? item[name] : undefined);
  const [openUntil, cooldown, probe] = [number("breakerOpenUntil"), number("breakerCooldown"), item["breakerProbe"]];
  return {
    failures: number("breakerFailures") ?? 0,
    ...(openUntil === undefined ? {} : { openUntil }),
    ...(cooldown === undefined ? {} : { cooldown }),
    ...(typeof probe === "string" ? { probe } : {}),
  };
}

/** True while what the peer has missed is to be sent again before anything new. */
export const isReplaying = (item: Item): boolean => item["breakerReplay"] !== undefined;

/** Every step is one conditional write; whoever loses one has nothing left to do. */
export class BreakerStore {
  readonly #deps: BreakerStoreDeps;

  constructor(deps: BreakerStoreDeps) {
    this.#deps = deps;
  }

  /** One more failure: counted, and the breaker opened when that was enough. 1 or 2 writes. */
  async failed(of: BreakerOf): Promise<void> {
    const item = await this.#change(of, { add: { breakerFailures: 1 } }, itemExists);
    if (item === undefined) return;
    const breaker = readBreaker(item);
    if (isToOpen(breaker, this.#deps.policy)) await this.#open(of, breaker, missing("breakerOpenUntil"));
  }

  /**
   * It answered: earlier failures do not count any more, unless the breaker is open by now. No write where none are
   * known.
   */
  async answered(of: BreakerOf, { failures }: Breaker): Promise<void> {
    if (failures > 0) await this.#change(of, { remove: ["breakerFailures"] }, missing("breakerOpenUntil"));
  }

  /** The one try of an open breaker, until `until` (ms); undefined when it is another's or not the time. 1 write. */
  async claimProbe(of: BreakerOf, breaker: Breaker, until: number): Promise<string | undefined> {
    const token = this.#deps.ids.id();
    const due = all(equals("breakerOpenUntil", breaker.openUntil ?? 0), itemExists);
    const claimed = await this.#change(of, { set: { breakerOpenUntil: until, breakerProbe: token } }, due);
    if (claimed !== undefined) this.#say("the breaker of a peer lets one delivery try", of);
    return claimed === undefined ? undefined : token;
  }

  /** The try failed: open again, for longer. */
  async probeFailed(of: BreakerOf, breaker: Breaker, token: string): Promise<void> {
    await this.#open(of, breaker, equals("breakerProbe", token));
  }

  /** The try was not made after all: the next one may come at once. */
  async giveUpProbe(of: BreakerOf, token: string): Promise<void> {
    const change: Change = { set: { breakerOpenUntil: this.#deps.clock.now() }, remove: ["breakerProbe"] };
    await this.#change(of, change, equals("breakerProbe", token));
  }

  /**
   * The try arrived: closed. What was missed is to be replayed, which the due item sees to when this instance dies. The
   * replay's token; undefined when someone else has closed or opened it meanwhile.
   */
  async close(of: BreakerOf, probe: string): Promise<string | undefined> {
    return await this.#toReplay(of, equals("breakerProbe", probe), this.#deps.clock.now() + REPLAY_MS);
  }

  /** Closed by hand. What was missed goes out soon. Nothing happens to a peer without failures. */
  async reset(of: BreakerOf): Promise<void> {
    const { clock } = this.#deps;
    const open = await this.#toReplay(of, exists("breakerOpenUntil"), clock.now());
    if (open === undefined) await this.#change(of, { remove: ["breakerFailures"] }, missing("breakerOpenUntil"));
    else await this.#wake(of, clock.now());
  }

  /** Everything missed has been sent. */
  async replayed(of: BreakerOf, token: string): Promise<void> {
    await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { remove: ["breakerReplay"] },
        condition: all(sameTrust(of), equals("breakerReplay", token)),
      },
      { delete: breakerKey(of.actorId, of.peerId), condition: always },
    ]);
  }

  /** The due item is looked at again at `at` (ms), by message or by the sweep. */
  async postpone(of: { readonly actorId: string; readonly peerId: string }, at: number): Promise<void> {
    const key = breakerKey(of.actorId, of.peerId);
    // Right whatever is stored: what is to be done is decided by the trust when it is looked at.
    await this.#deps.table.put({ ...key, ...dueOf(key, at) }, always);
    await this.#wake(of, at);
  }

  /** There is nothing to be done at the due item, which was due at `dueAt`. */
  async forget(of: { readonly actorId: string; readonly peerId: string }, dueAt: number): Promise<void> {
    try {
      await this.#deps.table.delete(breakerKey(of.actorId, of.peerId), equals("dueAt", dueAt));
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  async #open(of: BreakerOf, breaker: Breaker, when: Condition): Promise<void> {
    const cooldown = nextCooldown(breaker, this.#deps.policy);
    const openUntil = this.#deps.clock.now() + cooldown;
    const key = breakerKey(of.actorId, of.peerId);
    const opened = await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { set: { breakerOpenUntil: openUntil, breakerCooldown: cooldown }, remove: ["breakerProbe"] },
        condition: all(sameTrust(of), when),
      },
      { put: { ...key, ...dueOf(key, openUntil) }, condition: always },
    ]);
    // Someone else has opened it, or it is another trust: whoever tells finds out by reading it.
    if (!opened) return;
    this.#deps.log.warn("the breaker of a peer opened", { ...idsOf(of), failures: breaker.failures, ms: cooldown });
    await this.#wake(of, openUntil);
  }

  async #toReplay(of: BreakerOf, when: Condition, dueAt: number): Promise<string | undefined> {
    const token = this.#deps.ids.id();
    const key = breakerKey(of.actorId, of.peerId);
    const closed = await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { set: { breakerReplay: token }, remove: ATTRIBUTES },
        condition: all(sameTrust(of), when),
      },
      { put: { ...key, ...dueOf(key, dueAt) }, condition: always },
    ]);
    if (closed) this.#say("the breaker of a peer closed", of);
    return closed ? token : undefined;
  }

  async #change(of: BreakerOf, change: Change, when: Condition): Promise<Item | undefined> {
    const { table, known } = this.#deps;
    const key = trustKey(of.actorId, of.peerId);
    try {
      const item = await table.update(key, change, all(sameTrust(of), when));
      known.learn(key, item);
      return item;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      known.learn(key, error.item);
      return undefined;
    }
  }

  async #transact(of: BreakerOf, writes: Parameters<Table["transact"]>[0]): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#deps.table.transact(writes);
        return true;
      } catch (error) {
        if (!(error instanceof TransactionRefused)) throw error;
        if (error.reasons.some(({ code }) => code === "condition")) return false;
        // Another write was under way on the trust: it is over by the next try, or the one after.
        if (attempt === MOST_ATTEMPTS) throw error;
      } finally {
        this.#deps.known.forget(trustKey(of.actorId, of.peerId));
      }
    }
  }

  async #wake(of: { readonly actorId: string; readonly peerId: string }, at: number): Promise<void> {
    const { queue, clock, log } = this.#deps;
    const seconds = Math.min(MAX_DELAY_SECONDS, Math.max(0, Math.ceil((at - clock.now()) / 1_000)));
    try {
      await queue.send({ kind: "due", ...breakerKey(of.actorId, of.peerId), dueAt: at }, seconds);
    } catch (error) {
      log.warn("no message for a breaker; the sweep finds it", { ...idsOf(of), error });
    }
  }

  #say(message: string, of: BreakerOf): void {
    this.#deps.log.info(message, idsOf(of));
  }
}

/** Not one that was made anew with the peer. */
const sameTrust = (of: BreakerOf): Condition => equals("secret", of.secret);

const idsOf = ({ actorId, peerId }: { readonly actorId: string; readonly peerId: string }) => ({ actorId, peerId });

const dueOf = (key: Key, dueAt: number) => ({ dueShard: dueShardOf(key), dueAt });
