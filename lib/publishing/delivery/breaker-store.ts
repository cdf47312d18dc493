/**
 * The breaker of each peer as all instances share it, and the pause that a peer asked for: attributes of its trust, which
 * every delivery reads anyway, and a due item while there is something to come back for.
 */
import { compact } from "../../system/compact.ts";
import { isToOpen, nextCooldown, type Breaker, type BreakerPolicy } from "../../domain/policy/breaker.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { breakerKey } from "../../dynamodb/keys/publishing.ts";
import { deleteIf, refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import {
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
  type Change,
  type Condition,
  type Item,
  type Table,
  type Write,
} from "../../dynamodb/table.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { Ids } from "../../system/ports.ts";
import type { TrustCache } from "./trust-cache.ts";

/** A replay that no instance finishes is taken over after this long, ms; longer than a function may run with it. */
export const REPLAY_MS = 90_000;
const MOST_ATTEMPTS = 5;
/** The breaker's attributes, which go when it closes. */
const BREAKER = ["breakerFailures", "breakerOpenUntil", "breakerCooldown", "breakerProbe"];
/** The attributes of the pause that the peer asked for. */
const PAUSE = ["pausedUntil", "pausedBy"];

export interface BreakerStoreDeps extends WakeUpDeps {
  readonly table: Table;
  readonly ids: Ids;
  /** Gets the trust as every step leaves it. */
  readonly trustCache: TrustCache;
  readonly policy: BreakerPolicy;
}

/** The peer of a breaker. */
export interface BreakerPeer {
  readonly actorId: string;
  readonly peerId: string;
}

/** The peer of a breaker, as its trust was read. A trust that was made again has another secret. */
export interface BreakerOf extends BreakerPeer {
  readonly secret: string;
}

/** A change of a trust whose result follows from the trust as it was. */
type BreakerChange = Pick<Change, "set" | "remove">;

/** Reads the breaker in a trust's item. */
export function readBreaker(item: Item): Breaker {
  const number = (name: string): number | undefined => (typeof item[name] === "number" ? item[name] : undefined);
  const text = (name: string): string | undefined => (typeof item[name] === "string" ? item[name] : undefined);
  return compact({
    failures: number("breakerFailures") ?? 0,
    openUntil: number("breakerOpenUntil"),
    cooldown: number("breakerCooldown"),
    probe: text("breakerProbe"),
    probed: text("breakerProbed"),
    pausedUntil: number("pausedUntil"),
    pausedBy: text("pausedBy"),
  });
}

/** True while what the peer has missed is to be sent again before anything new. */
export const isReplaying = (item: Item): boolean => item["breakerReplay"] !== undefined;

/** True for a peer whose breaker is open, or to which something waits for the end of a pause or of a replay. */
export function needsRecovery(item: Partial<Item>): boolean {
  return ["breakerOpenUntil", "pausedUntil", "breakerReplay"].some((name) => item[name] !== undefined);
}

/**
 * States of a peer's breaker, and what moves it from one to the next:
 *
 *   closed     `failed` counts; enough failures open it
 *   open       until `breakerOpenUntil`; `startProbe` then lets one delivery try
 *   probing    open, with `breakerProbe`: `close` after an answer, `probeFailed` opens it for longer, `giveUpProbe` ends
 *              the try; when `breakerOpenUntil` passes, another instance may try
 *   replaying  closed, with `breakerReplay`: what the peer has missed goes out, until `replayed`
 *
 * A pause (`pause`, `resumed`) goes beside any of them. Invariants: each step is one conditional write, so that of two
 * instances one wins and the other has nothing left to do; open, replaying and paused peers have a due item.
 */
export class BreakerStore {
  readonly #deps: BreakerStoreDeps;

  constructor(deps: BreakerStoreDeps) {
    this.#deps = deps;
  }

  /** Counts a failure, and opens the breaker when that was enough. 1 or 2 writes. */
  async failed(of: BreakerOf): Promise<void> {
    const item = await this.#change(of, { add: { breakerFailures: 1 } }, itemExists);
    if (item === undefined) return;
    const breaker = readBreaker(item);
    if (isToOpen(breaker, this.#deps.policy)) await this.#open(of, breaker, missing("breakerOpenUntil"));
  }

  /** Forgets earlier failures, because the peer answered, unless the breaker is open by now. No write without failures. */
  async answered(of: BreakerOf, { failures }: Breaker): Promise<void> {
    if (failures > 0) await this.#change(of, { remove: ["breakerFailures"] }, missing("breakerOpenUntil"));
  }

  /**
   * Keeps everything from the peer before `until` (ms since 1970), as it answered to a number of the subscription `by`;
   * of two such answers the later time counts. The due item sees to what waits then. 1 write, and a message.
   */
  async pause(of: BreakerOf, until: number, by?: string): Promise<void> {
    const change = { set: { pausedUntil: until, ...compact({ pausedBy: by }) } };
    const longer = any(missing("pausedUntil"), below("pausedUntil", until));
    if (!(await this.#transact(of, change, [longer], dueItem(of, until)))) return;
    this.#info("a peer asked for a pause", of, { until: new Date(until).toISOString() });
    await this.#wake(of, until);
  }

  /** Ends that pause once what waited for it has gone out. Does nothing when there is a newer one, or more to do. */
  async resumed(of: BreakerOf, pausedUntil: number): Promise<void> {
    const only = [equals("pausedUntil", pausedUntil), missing("breakerOpenUntil"), missing("breakerReplay")];
    await this.#transact(of, { remove: PAUSE }, only, noDueItem(of));
  }

  /**
   * Acquires the one try of an open breaker until `until` (ms since 1970), with a number of the subscription `probed`.
   * Undefined when another instance has it, or it is not time. The due item takes over when this instance dies. 2 writes.
   */
  async startProbe(of: BreakerOf, breaker: Breaker, until: number, probed: string): Promise<string | undefined> {
    const token = this.#deps.ids.id();
    const change = { set: { breakerOpenUntil: until, breakerProbe: token, breakerProbed: probed } };
    const unchanged = equals("breakerOpenUntil", breaker.openUntil ?? 0);
    if (!(await this.#transact(of, change, [unchanged], dueItem(of, until)))) return undefined;
    this.#info("the breaker of a peer lets one delivery try", of);
    return token;
  }

  /**
   * Continues with another subscription until `until` (ms since 1970); false when another instance has the try. 1
   * write.
   */
  async extendProbe(of: BreakerOf, token: string, until: number, probed: string): Promise<boolean> {
    const change: Change = { set: { breakerOpenUntil: until, breakerProbed: probed } };
    return (await this.#change(of, change, equals("breakerProbe", token))) !== undefined;
  }

  /** The try failed: open again, for longer. */
  async probeFailed(of: BreakerOf, breaker: Breaker, token: string): Promise<void> {
    await this.#open(of, breaker, equals("breakerProbe", token));
  }

  /** Gives the try back unused: the next one may come at once. */
  async giveUpProbe(of: BreakerOf, token: string): Promise<void> {
    const change: Change = { set: { breakerOpenUntil: this.#deps.clock.now() }, remove: ["breakerProbe"] };
    await this.#change(of, change, equals("breakerProbe", token));
  }

  /**
   * Closes the breaker, because the try arrived. The missed numbers are to be replayed, which the due item takes over
   * when this instance dies. The replay's token; undefined when another instance has closed or opened the breaker
   * meanwhile.
   */
  async close(of: BreakerOf, probe: string): Promise<string | undefined> {
    return await this.#toReplay(of, equals("breakerProbe", probe), this.#deps.clock.now() + REPLAY_MS);
  }

  /**
   * Closes the breaker by hand and ends a pause that the peer asked for: what was missed, or waits, goes out soon. Does
   * nothing for a peer without either.
   */
  async reset(of: BreakerOf): Promise<void> {
    const now = this.#deps.clock.now();
    if ((await this.#toReplay(of, exists("breakerOpenUntil"), now, PAUSE)) !== undefined) {
      await this.#wake(of, now);
      return;
    }
    await this.#change(of, { remove: ["breakerFailures"] }, missing("breakerOpenUntil"));
    const ended = await this.#change(of, { set: { pausedUntil: now } }, above("pausedUntil", now));
    if (ended !== undefined) await this.postpone(of, now);
  }

  /** Ends a replay that has sent everything, unless the peer asked for a pause since: then the replay stays due. */
  async replayed(of: BreakerOf, token: string): Promise<void> {
    const notPaused = any(missing("pausedUntil"), atMost("pausedUntil", this.#deps.clock.now()));
    const change = { remove: ["breakerReplay", "breakerProbed", ...PAUSE] };
    await this.#transact(of, change, [equals("breakerReplay", token), notPaused], noDueItem(of));
  }

  /** Makes the peer due at `at` (ms since 1970), by message or by the sweep. */
  async postpone(of: BreakerPeer, at: number): Promise<void> {
    // Without a condition, because the run that is due reads the trust and decides.
    await this.#deps.table.put({ ...breakerKey(of.actorId, of.peerId), dueAt: at }, always);
    await this.#wake(of, at);
  }

  /** Removes the due item, which was due at `dueAt`, because there is nothing to do for the peer. */
  async forget(of: BreakerPeer, dueAt: number): Promise<void> {
    await deleteIf(this.#deps.table, breakerKey(of.actorId, of.peerId), equals("dueAt", dueAt));
  }

  async #open(of: BreakerOf, breaker: Breaker, when: Condition): Promise<void> {
    const { clock, log, policy } = this.#deps;
    const cooldown = nextCooldown(breaker, policy);
    const openUntil = clock.now() + cooldown;
    const change = { set: { breakerOpenUntil: openUntil, breakerCooldown: cooldown }, remove: ["breakerProbe"] };
    // Refused: another instance has opened it, or the trust was made again.
    if (!(await this.#transact(of, change, [when], dueItem(of, openUntil)))) return;
    log.warn("the breaker of a peer opened", { ...idsOf(of), failures: breaker.failures, ms: cooldown });
    await this.#wake(of, openUntil);
  }

  async #toReplay(of: BreakerOf, when: Condition, dueAt: number, also: readonly string[] = []) {
    const token = this.#deps.ids.id();
    const change = { set: { breakerReplay: token }, remove: [...BREAKER, ...also] };
    if (!(await this.#transact(of, change, [when], dueItem(of, dueAt)))) return undefined;
    this.#info("the breaker of a peer closed", of);
    return token;
  }

  async #change(of: BreakerOf, change: Change, when: Condition): Promise<Item | undefined> {
    const { table, trustCache } = this.#deps;
    const key = trustKey(of.actorId, of.peerId);
    const { written, item } = await updateIf(table, key, change, all(sameTrust(of), when));
    trustCache.put(key, item);
    return written ? item : undefined;
  }

  /** Changes the trust, under `when`, together with the due item. False when it has changed meanwhile. */
  async #transact(of: BreakerOf, change: BreakerChange, when: readonly Condition[], due: Write): Promise<boolean> {
    const { table, trustCache } = this.#deps;
    const key = trustKey(of.actorId, of.peerId);
    const writes: readonly Write[] = [{ update: key, change, condition: all(sameTrust(of), ...when) }, due];
    for (let attempt = 1; ; attempt += 1) {
      let reasons: TransactionRefused["reasons"] | undefined;
      try {
        reasons = await refusedReasons(table, writes);
      } catch (error) {
        trustCache.invalidate(key);
        throw error;
      }
      if (reasons === undefined) {
        trustCache.changed(key, change);
        return true;
      }
      trustCache.invalidate(key);
      if (reasons.some(({ code }) => code === "condition")) return false;
      // Another write was under way on the trust: it is over by the next attempt, or the one after.
      if (attempt === MOST_ATTEMPTS) throw new TransactionRefused(reasons);
    }
  }

  async #wake(of: BreakerPeer, at: number): Promise<void> {
    await wakeUp(this.#deps, breakerKey(of.actorId, of.peerId), at);
  }

  #info(message: string, of: BreakerOf, more: Readonly<Record<string, unknown>> = {}): void {
    this.#deps.log.info(message, { ...idsOf(of), ...more });
  }
}

/** Holds for the trust that was read, not for a later one with the same peer. */
const sameTrust = (of: BreakerOf): Condition => equals("secret", of.secret);

const idsOf = ({ actorId, peerId }: BreakerPeer) => ({ actorId, peerId });

const dueItem = (of: BreakerPeer, dueAt: number): Write => ({
  put: { ...breakerKey(of.actorId, of.peerId), dueAt },
  condition: always,
});

const noDueItem = (of: BreakerPeer): Write => ({ delete: breakerKey(of.actorId, of.peerId), condition: always });
