/** Runs a consumer of a group: it fetches events, calls a handler, acknowledges, extends its leases, and drains. */
import { compact } from "./compact.ts";
import type { Handler, Message, RunOptions } from "./consuming.ts";
import { Held, isPassing } from "./errors.ts";
import type { ActorEvent } from "./events.ts";
import type { AckItem, Batch, Fetched, Group, GroupStatus, Lease, RootGroupStatus, Verdict } from "./group.ts";
import type { Machine } from "./http.ts";
import { KeyOrder } from "./key-order.ts";

/** The lanes of one token, and the verdicts on their events. An acknowledgement with `done` ends all of these lanes. */
interface LaneWork {
  readonly lease: Lease;
  readonly abort: AbortController;
  /** Verdicts that were not sent yet. */
  unsent: AckItem[];
  /** Events without a verdict. */
  left: number;
  /** The end of the lease, ms since 1970 by the clock of this machine. */
  endsAt: number;
  /** The last acknowledgement that was begun: they are sent one at a time. */
  sending: Promise<void>;
}

/** The settings of the group that the worker needs. */
interface Rules {
  readonly isStrict: boolean;
  readonly leaseMs: number;
}

/** The longest `delaySeconds`. */
const LONGEST_DELAY_S = 86_400;
/** The pauses after failures begin with this, ms, and double up to the longest, ms. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** The longest pause while other consumers have all lanes, ms: most leases end with their batch, long before their time. */
const LONGEST_TAKEN_MS = 5_000;

/**
 * A running consumer.
 *
 *   running    fetches, handles and acknowledges events
 *   draining   from `stop` on: fetches nothing more and calls no handler; running handlers finish,
 *              other events are released
 *   ended      `finished` is settled; with an error when the worker cannot continue,
 *              for example because it may not read the group
 *
 * Invariants: events of one key are handled one at a time, in the order of positions; after an event that will come again,
 * no later event of its key is handled; after a lease is lost or over, no event of its lanes is.
 */
export class Worker<Data = unknown> {
  /** Resolves when the worker has ended; rejects with the error that ended it. */
  readonly finished: Promise<void>;
  readonly #group: Group<GroupStatus | RootGroupStatus>;
  readonly #handler: Handler<Data>;
  readonly #machine: Machine;
  readonly #options: RunOptions;
  readonly #consumer: string;
  /** Aborts when the drain begins, and when it gives up. */
  readonly #draining = new AbortController();
  readonly #ending = new AbortController();

  constructor(
    group: Group<GroupStatus | RootGroupStatus>,
    handler: Handler<Data>,
    options: RunOptions & { readonly machine: Machine },
  ) {
    this.#group = group;
    this.#handler = handler;
    this.#machine = options.machine;
    this.#options = options;
    this.#consumer = options.consumer ?? `client-${crypto.randomUUID().slice(0, 8)}`;
    this.finished = this.#run();
    // The caller of `stop` gets the error; no caller has to wait for the end.
    this.finished.catch(() => undefined);
  }

  /**
   * Drains: events in handlers are finished and acknowledged, all others are given back.
   * @returns false when that takes longer than `timeoutMs`: then the signals of the handlers abort, and their events come
   *   again when the leases end
   *
   * @throws the error that ended the worker
   */
  async stop(timeoutMs: number = this.#options.drainMs ?? 25_000): Promise<boolean> {
    this.#draining.abort();
    const over = new AbortController();
    const limit = this.#passes(timeoutMs, over.signal).then((isOver) => !isOver);
    const drained = await Promise.race([this.finished.then(() => true), limit]).finally(() => over.abort());
    if (!drained) this.#ending.abort();
    return drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    let rules: Rules | undefined;
    for (let failures = 0; !this.#draining.signal.aborted;) {
      try {
        // Inside the loop, so that a service which is unavailable for a while is waited for.
        rules ??= rulesOf(await this.#group.declare());
        const batch = await this.#fetch();
        failures = 0;
        await this.#work(batch, rules);
        if (batch.events.length === 0) await this.#pause(batch.retryAfterMs ?? 0);
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        if (error instanceof Held) {
          await this.#pause(Math.min(error.retryAfterMs ?? PAUSE_MS, LONGEST_TAKEN_MS));
          continue;
        }
        if (!isPassing(error)) throw error;
        void this.#report(error);
        failures += 1;
        await this.#pause(Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** failures) * this.#machine.random());
      }
    }
  }

  /** Fetches a batch. A drain waits for its answer: else the leases in it would stay with a consumer that has ended. */
  async #fetch(): Promise<Batch<Data>> {
    const { max = 50, waitSeconds = 10 } = this.#options;
    return await this.#group.fetch<Data>({ max, waitSeconds, consumer: this.#consumer, signal: this.#ending.signal });
  }

  async #work(batch: Batch<Data>, { isStrict, leaseMs }: Rules): Promise<void> {
    const { now } = this.#machine;
    const over = new AbortController();
    const lanes = new Map<number, LaneWork>();
    for (const lease of batch.leases) {
      const shared = [...lanes.values()].find((other) => other.lease.token === lease.token);
      if (shared !== undefined) {
        lanes.set(lease.lane, shared);
        continue;
      }
      const mine = batch.leases.filter(({ token }) => token === lease.token).map(({ lane }) => lane);
      const left = batch.events.filter(({ lane }) => mine.includes(lane)).length;
      // The two clocks may differ: count the lease's whole length from now, or what is left of it by the service's own
      // clock.
      const leftMs = batch.now === undefined ? leaseMs : Math.min(leaseMs, Date.parse(lease.until) - batch.now);
      const endsAt = now() + leftMs;
      const abort = new AbortController();
      this.#ending.signal.addEventListener("abort", () => abort.abort(), { signal: over.signal });
      const lane = { lease, abort, unsent: [], left, endsAt, sending: Promise.resolve() };
      lanes.set(lease.lane, lane);
      if (left === 0) void this.#say(lane, { done: true });
    }
    const renewing = [...new Set(lanes.values())].map(async (lane) => await this.#renew(lane, leaseMs, over.signal));
    const order = new KeyOrder(this.#options.concurrency ?? 1, isStrict);
    const handling = batch.events.map(async (fetched) => {
      const lane = lanes.get(fetched.lane);
      if (lane !== undefined) await order.run(fetched.event, (blocked) => this.#handle(fetched, lane, blocked));
    });
    try {
      await Promise.all(handling);
    } finally {
      over.abort();
      await Promise.all([...renewing, ...[...lanes.values()].map(({ sending }) => sending)]);
    }
  }

  /** Handles one event. @returns which later events have to wait for it: those of its key, or all; undefined: none */
  async #handle(fetched: Fetched<Data>, lane: LaneWork, isBlocked: boolean): Promise<"key" | "all" | undefined> {
    if (this.#machine.now() >= lane.endsAt) lane.abort.abort();
    if (isLost(lane)) return "key";
    const isBegun = !isBlocked && !this.#draining.signal.aborted;
    const decided = isBegun ? await this.#decide(fetched, lane) : { verdict: "release" as const };
    if (isLost(lane)) return "key";
    lane.unsent.push({ position: fetched.event.position, ...decided });
    lane.left -= 1;
    if (lane.left === 0) void this.#say(lane, { done: true });
    if (decided.verdict === "stop") return "all";
    return decided.verdict === "retry" || decided.verdict === "release" ? "key" : undefined;
  }

  async #decide({ event, attempt, lane: number }: Fetched<Data>, lane: LaneWork): Promise<Omit<AckItem, "position">> {
    let decided: Omit<AckItem, "position"> = { verdict: "ack" };
    const decide = (verdict: Verdict, delaySeconds?: number): void => {
      decided = { verdict, ...compact({ delaySeconds }) };
    };
    // The service does not store reasons.
    const because = (verdict: Verdict, reason: string | undefined): void => {
      decide(verdict);
      if (reason !== undefined) void this.#report(new Error(reason), event);
    };
    const message: Message = {
      attempt,
      lane: number,
      signal: lane.abort.signal,
      park: (reason) => because("park", reason),
      retry: (seconds) => decide("retry", seconds === undefined ? seconds : wholeDelay(seconds)),
      skip: () => decide("skip"),
      stop: (reason) => because("stop", reason),
    };
    try {
      await this.#handler(event, message);
      return decided;
    } catch (error) {
      void this.#report(error, event);
      return { verdict: "retry" };
    }
  }

  /** Extends a lease before it ends, and sends the verdicts so far, until its batch is done. A lease that ends is lost. */
  async #renew(lane: LaneWork, leaseMs: number, over: AbortSignal): Promise<void> {
    const { now } = this.#machine;
    const signal = AbortSignal.any([over, lane.abort.signal]);
    for (;;) {
      const isOver = !(await this.#passes((lane.endsAt - now()) / 3, signal));
      if (isOver || lane.left === 0) return;
      const began = now();
      const answered = new AbortController();
      const ended = this.#passes(lane.endsAt - began, AbortSignal.any([signal, answered.signal]));
      const extended = this.#say(lane, { extend: true }).then(() => false);
      const isLate = await Promise.race([extended, ended]);
      answered.abort();
      if (isLate) lane.abort.abort();
      else if (!isLost(lane)) lane.endsAt = began + leaseMs;
    }
  }

  /** Waits. @returns false when the signal aborts first */
  async #passes(ms: number, signal: AbortSignal): Promise<boolean> {
    return await this.#machine.sleep(ms, signal).then(
      () => true,
      () => false,
    );
  }

  /** Sends the verdicts so far. Never rejects: if that fails, the lease is lost, and its events come again. */
  async #say(lane: LaneWork, what: { readonly extend: true } | { readonly done: true }): Promise<void> {
    lane.sending = lane.sending.then(async () => {
      if (isLost(lane)) return;
      const items = lane.unsent;
      lane.unsent = [];
      try {
        await this.#group.ack({ token: lane.lease.token, ...(items.length === 0 ? {} : { items }), ...what });
      } catch (error) {
        lane.abort.abort(error);
        void this.#report(error);
      }
    });
    await lane.sending;
  }

  /** Calls `onError`. Never rejects: what that throws, or rejects with, changes nothing of the work. */
  async #report(error: unknown, event?: ActorEvent): Promise<void> {
    try {
      await this.#options.onError?.(error, event);
    } catch {
      // There is no one else to report it to.
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.#passes(ms, this.#draining.signal);
  }
}

const rulesOf = ({ order, leaseSeconds }: GroupStatus | RootGroupStatus): Rules => ({
  isStrict: order === "strict",
  leaseMs: leaseSeconds * 1_000,
});

/** A delay that the service accepts: with any other it would refuse all verdicts of the acknowledgement. */
const wholeDelay = (seconds: number): number => Math.min(LONGEST_DELAY_S, Math.max(0, Math.ceil(seconds)));

const isLost = ({ abort }: LaneWork): boolean => abort.signal.aborted;
