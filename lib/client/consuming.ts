/** What a consumer of a group gives and is given: its handler, the delivery of one event, the options of its worker. */
import type { ActorEvent } from "./events.ts";

/**
 * The delivery of an event, for its handler to decide about. The last decision counts; without one the event is
 * acknowledged.
 */
export interface Message {
  /** 1 for the first delivery. */
  readonly attempt: number;
  readonly lane: number;
  /** Aborts when the lease is lost, or a drain takes too long: from then on, another consumer may handle the event. */
  readonly signal: AbortSignal;
  /** Keeps the event for a person; later events of its key continue. The reason goes to `onError`. */
  park(reason?: string): void;
  /** The event comes again after this many seconds, rounded up, at most a day. Later events of its key wait for it. */
  retry(delaySeconds?: number): void;
  /** Drops the event. */
  skip(): void;
  /** Stops the whole group at this event. */
  stop(reason?: string): void;
}

/** Handles one event. A throw or a rejection is a `retry`. */
export type Handler<Data> = (event: ActorEvent<Data>, message: Message) => unknown;

export interface RunOptions {
  /** Most handlers that run at the same time; never two of one key [1]. */
  readonly concurrency?: number;
  /** Most events of one fetch, at most 100 [50]. */
  readonly max?: number;
  /** How long a fetch waits for an event, s, at most 20. A drain waits until the fetch has ended [10]. */
  readonly waitSeconds?: number;
  /** The consumer's name, as an operator sees it [a random one]. */
  readonly consumer?: string;
  /** How long `stop` and the end of `await using` wait, ms [25000]. */
  readonly drainMs?: number;
  /**
   * Called with errors of handlers, with lost leases, and with failures after which the worker tries again. Errors that it
   * throws or rejects with itself are ignored.
   */
  readonly onError?: (error: unknown, event?: ActorEvent) => unknown;
}
