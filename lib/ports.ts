/**
 * What the service needs from outside besides its table, each a small interface passed in. Adapters live at the edges
 * (`outbound/`, `queue/`, `infra/local/`); tests pass their own.
 */

/** Milliseconds since 1970, as the wall clock says. May jump; nothing may rely on it being monotonic. */
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

/** What one message of the delay queue asks for. Losing one is harmless: the sweep finds the same work. */
export interface DelayedWork {
  /** `due`: look at this item of the table, its due time has come. */
  readonly kind: "due";
  readonly pk: string;
  readonly sk: string;
  /** When the work is due, ms since 1970. A message that arrives earlier is sent on. */
  readonly dueAt: number;
  readonly requestId?: string;
}

/** Sends one message that arrives after `delaySeconds` (whole seconds, 0 to 900), at least once. */
export interface DelayQueue {
  send(work: DelayedWork, delaySeconds: number): Promise<void>;
}

/** How long this invocation may still run. */
export interface Deadline {
  /** Milliseconds left; 0 when none. */
  remaining(): number;
}

/** One decision worth having at three in the morning. No secret, no body. */
export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** JSON as it is parsed and stored. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };
