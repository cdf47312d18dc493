/**
 * What the service needs from outside besides its table, each a small interface passed in. The adapters are in
 * `peers/http`, `queue` and `platform.ts`; tests pass their own.
 */

/** Milliseconds since 1970 by the wall clock, which may jump: nothing may rely on it being monotonic. */
export interface Clock {
  now(): number;
}

/** Fresh random ids and secrets. */
export interface Ids {
  /** 32 lower-case hex characters, 128 random bits. */
  id(): string;
  /** 40 lower-case hex characters, 160 random bits. */
  secret(): string;
}

/** Calls back once after this many ms, unless the function that it returns is called first. */
export type After = (ms: number, call: () => void) => () => void;

/** What the machine gives: time, randomness, timers. */
export interface Platform {
  readonly clock: Clock;
  readonly ids: Ids;
  /** 0 ≤ random < 1, for jitter. Never for secrets: those come from `ids`. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly after: After;
}

/** One message of the delay queue. Losing one is harmless, because the sweep finds the same work. */
export interface DelayedWork {
  /** `due`: the due time of this item of the table has come. */
  readonly kind: "due";
  readonly pk: string;
  readonly sk: string;
  /** When the work is due, ms since 1970. A message that arrives earlier is sent again. */
  readonly dueAt: number;
  readonly requestId?: string;
}

/** An item of the due index: its key, and since when it is due (ms since 1970). */
export interface DueItem {
  readonly pk: string;
  readonly sk: string;
  readonly dueAt: number;
}

/** Work that the sweep found and hands to the worker. Losing the message is harmless too: the items stay due. */
export interface FoundWork {
  readonly kind: "found";
  /** At most `MAX_FOUND_ITEMS`. */
  readonly items: readonly DueItem[];
}

/** The most items in one message of found work: what a worker does well within one run. */
export const MAX_FOUND_ITEMS = 25;

/** A message of found work that arrives after `delaySeconds` (whole seconds, 0 to 900). */
export interface FoundMessage {
  readonly work: FoundWork;
  readonly delaySeconds: number;
}

/** How many messages are with the worker, about: SQS counts with a delay of up to a minute. */
export interface QueueDepth {
  /** Messages that could be received now. Those that are still delayed do not count. */
  readonly waiting: number;
  /** Messages that were received and are not done. */
  readonly inFlight: number;
}

/**
 * The longest delay of one message, seconds (SQS DelaySeconds). For later work the message is sent again when it arrives.
 */
export const MAX_DELAY_SECONDS = 900;

/** Sends one message that arrives after `delaySeconds` (whole seconds, 0 to 900), at least once. */
export interface DelayQueue {
  send(work: DelayedWork, delaySeconds: number): Promise<void>;
}

/** The delay queue as the sweep and the worker use it. */
export interface WorkQueue extends DelayQueue {
  /** Sends all messages, ten to a request. @returns those that were not sent; never rejects */
  sendFound(messages: readonly FoundMessage[]): Promise<readonly FoundMessage[]>;
  /** One request. */
  depth(): Promise<QueueDepth>;
}

/** How long this invocation may still run. */
export interface Deadline {
  /** Milliseconds left; 0 when none. */
  remaining(): number;
  /** With less time left than this, ms, no work is started that waits for a peer and can be left to a message. */
  readonly stopStartingBelowMs?: number;
}

/** One line for each decision that an operator needs at three in the morning. No secrets, no bodies. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** JSON as it is parsed and stored. A whole number beyond 2^53 − 1 in size is a bigint. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** One request to a peer. Every URL here may come from outside; the client applies the outbound rules to all of them. */
export interface PeerRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  /** The trust's secret, and the trust's `baseuri` that the URL must lie under for it to be sent. */
  readonly credentials?: { readonly bearer: string; readonly baseUri: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `application/json`. */
  readonly json?: Json;
  /** The same as text, instead of `json`, so that a body for many peers is printed once. */
  readonly jsonText?: string;
  /** The body goes out compressed. */
  readonly gzip?: boolean;
  /** A body of another type, sent as it is, instead of `json` and `jsonText`. */
  readonly body?: { readonly bytes: Uint8Array; readonly type: string };
  /** Only status and headers of the answer are needed: its body is not read. */
  readonly statusOnly?: boolean;
  /**
   * Status and headers decide: of the answer's body no more is read than `maxBytes`, as it is on the wire, within a second.
   */
  readonly startOnly?: boolean;
  /** Goes out on a connection of its own, and once at most: on a kept one a request that broke off is sent again. */
  readonly once?: boolean;
  /** Most bytes of the answer's body after decompression [1 MiB]. */
  readonly maxBytes?: number;
  /** Total time in milliseconds, connecting (at most 5 s) included [10 000]. */
  readonly timeoutMs?: number;
  readonly requestId?: string;
  readonly traceparent?: string;
}

export interface PeerAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Sends requests to peers. Any status is an answer; without one `send` rejects with `PeerFailure`. */
export interface PeerHttp {
  send(request: PeerRequest): Promise<PeerAnswer>;
}

/**
 * No usable answer from a peer. `refused`: our outbound rules forbid the URL, nothing was sent; `unreachable`: no
 * connection, or it broke; `timeout`; `too_large`: the body went over `maxBytes`; `garbage`: not HTTP, or a bad encoding.
 */
export class PeerFailure extends Error {
  override readonly name = "PeerFailure";
  readonly reason: "refused" | "unreachable" | "timeout" | "too_large" | "garbage";
  /** The whole request went out before the failure, so the peer may have acted on it. */
  readonly sent: boolean;
  constructor(
    reason: PeerFailure["reason"],
    message: string,
    options: ErrorOptions & { readonly sent?: boolean } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.sent = options.sent === true;
  }
}

/** A CloudEvent 1.0 in its structured form: what the event bus carries. */
export type BusEvent = JsonObject & { readonly id: string; readonly source: string; readonly type: string };

/**
 * What became of an event that was published to the bus. `taken`: the transport has it. `unavailable`: the transport does
 * not have it, and would not have taken another one either (not reached, throttled, no permission). `refused`: the
 * transport does not have it, because of the event itself. `ambiguous`: the answer is missing or unclear, so the transport
 * may have it.
 */
export interface BusAnswer {
  readonly outcome: "taken" | "unavailable" | "refused" | "ambiguous";
  /** The reason, unless the outcome is `taken`. */
  readonly error?: string;
}

/** The events that one subscription to the bus lets through, in the order of publication. */
export interface BusSubscription extends AsyncIterable<BusEvent>, AsyncDisposable {
  /** How many events it has lost because its consumer was too slow. */
  readonly dropped: number;
}

/**
 * Events for other systems of the deployer. Publishing is direct and at most once: one attempt, and nothing is stored.
 * After `close` every other method throws.
 */
export interface EventBus {
  /** An event with more bytes of data than this should name the data by `dataref` instead. */
  readonly inlineMaxBytes: number;
  /** Opens what the transport needs, ahead of the first publication, which does it otherwise. May be called again. */
  connect(): Promise<void>;
  /** Never rejects for trouble of the transport, which is logged. @throws TypeError after `close` */
  publish(topic: string, event: BusEvent): Promise<BusAnswer>;
  /**
   * Every event published from now on whose topic fits.
   * @throws NotSupported where the transport only publishes; TypeError after `close`
   */
  subscribe(pattern: string): BusSubscription;
  /** Ends all subscriptions, and what is under way. May be called again. */
  close(): Promise<void>;
}

/** A transport of the event bus does not do this. */
export class NotSupported extends Error {
  override readonly name = "NotSupported";
}
