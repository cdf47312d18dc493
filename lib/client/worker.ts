/** A consumer that works by itself: fetches, calls a handler, acknowledges, extends its leases, drains. */
import { compact } from "./compact.ts";
import { Held, isPassing } from "./errors.ts";
import type { ActorEvent } from "./events.ts";
import type { AckItem, Batch, Fetched, Group, GroupStatus, Lease, RootGroupStatus, Verdict } from "./group.ts";
import type { Machine } from "./http.ts";
import { KeyOrder } from "./key-order.ts";

/** What a handler learns about its event, and what it decides. The last decision counts; without one it is acknowledged. */
export interface Message {
  /** 1 for the first. */
  readonly attempt: number;
  readonly lane: number;
  /** Aborts when the lease is lost, or when a drain takes too long: what the handler still does may be done by another. */
  readonly signal: AbortSignal;
  /** Puts the event aside, for a person to look at; its key continues. The reason goes to `onError`. */
  park(reason?: string): void;
  /** Gives the event back, to come again after this many seconds, rounded up, at most a day; its key waits for it. */
  retry(delaySeconds?: number): void;
  /** Lets the event go, though it was not handled. */
  skip(): void;
  /** Stops the whole group at this event. */
  stop(reason?: string): void;
}

/** Handles one event. A throw or a rejection is a `retry`. */
export type Handler<Data> = (event: ActorEvent<Data>, message: Message) => unknown;

export interface RunOptions {
  /** Handlers that run at the same time; never two of one key [1]. */
  readonly concurrency?: number;
  /** Events for each fetch, at most 100 [50]. */
  readonly max?: number;
  /** How long a fetch waits for an event, s, at most 20; a drain waits for it too [10]. */
  readonly waitSeconds?: number;
  /** The consumer's name, as an operator sees it [a random one]. */
  readonly consumer?: string;
  /** How long `stop` and the end of `await using` wait, ms [25000]. */
  readonly drainMs?: number;
  /**
   * Called with what handlers throw, with lost leases, and with failures after which the worker tries again. What it throws
   * or rejects with is dropped.
   */
  readonly onError?: (error: unknown, event?: ActorEvent) => unknown;
}

/** The lanes of one token, and what is to be said about their events: `done` ends all of them. */
interface LaneWork {
  readonly lease: Lease;
  readonly abort: AbortController;
  /** Verdicts that the service has not got. */
  unsent: AckItem[];
  /** Events without a verdict. */
  left: number;
  /** ms since 1970, by the clock of this machine. */
  endsAt: number;
  /** The acknowledgement before the next one: one at a time. */
  sending: Promise<void>;
}

/** What a worker has to know of its group. */
interface Rules {
  readonly isStrict: boolean;
  readonly leaseMs: number;
}

/** The longest `delaySeconds`. */
const LONGEST_DELAY_S = 86_400;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** `Retry-After` of taken lanes is when the first lease ends by time. Most end earlier, with their batch. */
const LONGEST_TAKEN_MS = 5_000;

/**
 * States: running; draining (from `stop`: nothing more is fetched or begun, handlers in flight finish, what was not begun is
 * released); ended (`finished`). A worker that cannot continue, because it may not read the group, say, ends with that error.
 *
 * Invariants: two events of one key are never in handlers at the same time, nor in another order than that of positions;
 * after an event that is to come again, no later one of its key begins; after a lease is lost or over, none of its lane does.
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
   * Drains: every event that is in a handler is acknowledged, every other one returned. True when that is so within the time;
   * else handlers see their signal abort, and their events come again when the leases end.
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
        // Here too a service that is away for a while is waited for.
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

  /** A drain lets a fetch end: one whose answer is not awaited would leave leases with a consumer that has gone. */
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
      // The two clocks are not compared: the lease has its whole length, or what the service's clock leaves of it.
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

  /** Handles one event. @returns whether its key, or the group, has to wait for it */
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
    // The service keeps no reason.
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

  /** Extends a lease in time, with the verdicts so far, until its batch is done; one that ends meanwhile is lost. */
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

  /** Whether the time passes before the signal aborts. */
  async #passes(ms: number, signal: AbortSignal): Promise<boolean> {
    return await this.#machine.sleep(ms, signal).then(
      () => true,
      () => false,
    );
  }

  /** Sends the verdicts that are there. Never rejects: a lane that cannot be acknowledged is lost, and its events come again. */
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

/** A delay as the service takes it: another would have it refuse the verdicts of the whole batch. */
const wholeDelay = (seconds: number): number => Math.min(LONGEST_DELAY_S, Math.max(0, Math.ceil(seconds)));

const isLost = ({ abort }: LaneWork): boolean => abort.signal.aborted;
