/**
 * The breaker of each peer as all instances share it, and the pause that a peer has asked for: attributes of its trust,
 * which every delivery reads anyway, and a due item while there is something to come back for.
 */
import { compact } from "../../system/compact.ts";
import { isToOpen, nextCooldown } from "../../domain/policy/breaker.ts";
import type { Breaker, BreakerPolicy } from "../../domain/policy/breaker.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { breakerKey } from "../../dynamodb/keys/publishing.ts";
import { dueShardOf } from "../../dynamodb/keys/due.ts";
import {
  ConditionFailed,
  TransactionRefused,
  above,
  all,
  always,
  any,
  atMost,
  below,
  equals,
  exists,
  itemExists,
  missing,
} from "../../dynamodb/table.ts";
import type { Change, Condition, Item, Key, Table } from "../../dynamodb/table.ts";
import type { Clock, DelayQueue, Ids, Log } from "../../system/ports.ts";
import { MAX_DELAY_SECONDS } from "../../system/ports.ts";
import type { TrustCache } from "./trust-cache.ts";

/** A replay that nobody finishes is taken over after this long, ms; longer than a function may run with it. */
export const REPLAY_MS = 90_000;
const MOST_ATTEMPTS = 5;
const ATTRIBUTES = ["breakerFailures", "breakerOpenUntil", "breakerCooldown", "breakerProbe"];
/** A pause that the peer has asked for, beside the breaker. */
const PAUSE = ["pausedUntil", "pausedBy"];

export interface BreakerStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly queue: DelayQueue;
  /** Learns what every step came to. */
  readonly trustCache: TrustCache;
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
  const text = (name: string): string | undefined => (typeof item[name] === "string" ? item[name] : undefined);
  return {
    failures: number("breakerFailures") ?? 0,
    ...compact({ openUntil: number("breakerOpenUntil"), cooldown: number("breakerCooldown") }),
    ...compact({ probe: text("breakerProbe"), probed: text("breakerProbed") }),
    ...compact({ pausedUntil: number("pausedUntil"), pausedBy: text("pausedBy") }),
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

  /**
   * Nothing goes to the peer before `until` (ms), as it said to the number of a subscription; of two such words the later
   * time counts. The due item sees to what waits then. 1 write, and a message.
   */
  async pause(of: BreakerOf, until: number, by?: string): Promise<void> {
    const key = breakerKey(of.actorId, of.peerId);
    const paused = await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { set: { pausedUntil: until, ...compact({ pausedBy: by }) } },
        condition: all(sameTrust(of), any(missing("pausedUntil"), below("pausedUntil", until))),
      },
      { put: { ...key, ...dueOf(key, until) }, condition: always },
    ]);
    if (!paused) return;
    this.#say("a peer asked for a pause", of, { until: new Date(until).toISOString() });
    await this.#wake(of, until);
  }

  /** What waited for the end of that pause has gone out. Nothing happens when there is a newer one, or more to do. */
  async resumed(of: BreakerOf, pausedUntil: number): Promise<void> {
    await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { remove: PAUSE },
        condition: all(
          ...[sameTrust(of), equals("pausedUntil", pausedUntil), missing("breakerOpenUntil"), missing("breakerReplay")],
        ),
      },
      { delete: breakerKey(of.actorId, of.peerId), condition: always },
    ]);
  }

  /**
   * The one try of an open breaker, until `until` (ms), with a number of that subscription; undefined when it is another's
   * or not the time. The due item sees to it when this instance dies: there is none where nothing was missed before.
   * 2 writes.
   */
  async startProbe(of: BreakerOf, breaker: Breaker, until: number, probed: string): Promise<string | undefined> {
    const token = this.#deps.ids.id();
    const key = breakerKey(of.actorId, of.peerId);
    const set = { breakerOpenUntil: until, breakerProbe: token, breakerProbed: probed };
    const started = await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { set },
        condition: all(sameTrust(of), equals("breakerOpenUntil", breaker.openUntil ?? 0)),
      },
      { put: { ...key, ...dueOf(key, until) }, condition: always },
    ]);
    if (started) this.#say("the breaker of a peer lets one delivery try", of);
    return started ? token : undefined;
  }

  /** The try goes on with another subscription, until `until` (ms); false when it is no longer this one's. 1 write. */
  async extendProbe(of: BreakerOf, token: string, until: number, probed: string): Promise<boolean> {
    const change: Change = { set: { breakerOpenUntil: until, breakerProbed: probed } };
    return (await this.#change(of, change, equals("breakerProbe", token))) !== undefined;
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

  /**
   * Closed by hand, and a pause that the peer asked for is over: what was missed, or waits, goes out soon. Nothing happens
   * to a peer without either.
   */
  async reset(of: BreakerOf): Promise<void> {
    const now = this.#deps.clock.now();
    const open = await this.#toReplay(of, exists("breakerOpenUntil"), now, PAUSE);
    if (open === undefined) {
      await this.#change(of, { remove: ["breakerFailures"] }, missing("breakerOpenUntil"));
      const ended = await this.#change(of, { set: { pausedUntil: now } }, above("pausedUntil", now));
      if (ended !== undefined) await this.postpone(of, now);
    } else await this.#wake(of, now);
  }

  /** Everything missed has been sent, unless the peer has asked for a pause since: then what waits is looked at again. */
  async replayed(of: BreakerOf, token: string): Promise<void> {
    const notPaused = any(missing("pausedUntil"), atMost("pausedUntil", this.#deps.clock.now()));
    await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { remove: ["breakerReplay", "breakerProbed", ...PAUSE] },
        condition: all(sameTrust(of), equals("breakerReplay", token), notPaused),
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

  async #toReplay(
    of: BreakerOf,
    when: Condition,
    dueAt: number,
    also: readonly string[] = [],
  ): Promise<string | undefined> {
    const token = this.#deps.ids.id();
    const key = breakerKey(of.actorId, of.peerId);
    const closed = await this.#transact(of, [
      {
        update: trustKey(of.actorId, of.peerId),
        change: { set: { breakerReplay: token }, remove: [...ATTRIBUTES, ...also] },
        condition: all(sameTrust(of), when),
      },
      { put: { ...key, ...dueOf(key, dueAt) }, condition: always },
    ]);
    if (closed) this.#say("the breaker of a peer closed", of);
    return closed ? token : undefined;
  }

  async #change(of: BreakerOf, change: Change, when: Condition): Promise<Item | undefined> {
    const { table, trustCache } = this.#deps;
    const key = trustKey(of.actorId, of.peerId);
    try {
      const item = await table.update(key, change, all(sameTrust(of), when));
      trustCache.put(key, item);
      return item;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      trustCache.put(key, error.item);
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
        this.#deps.trustCache.invalidate(trustKey(of.actorId, of.peerId));
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

  #say(message: string, of: BreakerOf, more: Readonly<Record<string, unknown>> = {}): void {
    this.#deps.log.info(message, { ...idsOf(of), ...more });
  }
}

/** Not one that was made anew with the peer. */
const sameTrust = (of: BreakerOf): Condition => equals("secret", of.secret);

const idsOf = ({ actorId, peerId }: { readonly actorId: string; readonly peerId: string }) => ({ actorId, peerId });

const dueOf = (key: Key, dueAt: number) => ({ dueShard: dueShardOf(key), dueAt });
