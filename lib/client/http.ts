/**
 * Sends requests below one root, with credentials, errors as classes, and retries of requests that may be repeated. Each
 * attempt is made by `openapi-fetch`, 2.3 KB gzipped. It is a dependency and not bundled, so a program that uses it too has
 * it once.
 */
import createClient, { type Client } from "openapi-fetch";
import { errorOf, Unreachable } from "./errors.ts";
import type { ActorRoutes } from "./routes.ts";

/** A bearer token, or the owner's name and passphrase. */
export type Credentials = { readonly bearer: string } | { readonly user: string; readonly passphrase: string };

/** The functions that the client takes from its runtime; each can be replaced. */
export interface Machine {
  readonly fetch: (request: Request) => Promise<Response>;
  /** Resolves after this long, ms; rejects with the signal's reason when that comes first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to less than 1. */
  readonly random: () => number;
  /** ms since 1970. */
  readonly now: () => number;
}

export interface HttpOptions {
  /** Most attempts of one request [6]. */
  readonly maxAttempts?: number;
  /** How long an attempt waits for its answer, ms; the wait of a long poll is added [15000]. */
  readonly timeoutMs?: number;
  readonly machine?: Partial<Machine>;
}

export interface SendOptions {
  /**
   * True when sending the request twice has the effect of sending it once [GET, PUT, DELETE]. Else only a 429 is tried
   * again.
   */
  readonly isRepeatable?: boolean | undefined;
  /** How long the service may wait before it answers, ms [0]. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A 2xx answer: its body, undefined if there is none, and the response. */
export interface Answer<Data> {
  readonly data: Data;
  readonly response: Response;
}

/** One attempt, with a client of `openapi-fetch` that has the types of the OpenAPI document. */
export type Ask<Data, Routes extends object = ActorRoutes> = (
  api: Client<Routes>,
) => Promise<{ readonly data?: Data; readonly error?: unknown; readonly response: Response }>;

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 20_000;
/** A longer `Retry-After` is left to the caller. */
const LONGEST_RETRY_AFTER_MS = 60_000;
const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

const MACHINE: Machine = {
  fetch: async (request) => await fetch(request),
  sleep: async (ms, signal) => {
    await new Promise<void>((resolve, reject) => {
      signal?.throwIfAborted();
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal?.addEventListener("abort", stop, { once: true });
    });
  },
  random: Math.random,
  now: Date.now,
};

/** Sends requests below one root. Its only state is the credentials. */
export class Http {
  readonly machine: Machine;
  /** The root URI, without a slash at its end. */
  readonly root: string;
  readonly #authorization: string;
  readonly #maxAttempts: number;
  readonly #timeoutMs: number;

  constructor(url: string, credentials: Credentials, { maxAttempts = 6, timeoutMs = 15_000, machine }: HttpOptions) {
    this.root = url.replace(/\/+$/, "");
    this.machine = { ...MACHINE, ...machine };
    this.#authorization = authorizationOf(credentials);
    this.#maxAttempts = maxAttempts;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Sends a request, and repeats it where that can help. An answer that breaks off counts as none.
   *
   * @param ask makes the request with the client that it is given; called for each attempt
   * @throws ServiceError for an answer that is no 2xx; Unreachable when no attempt got one; the signal's reason
   */
  async send<Data, Routes extends object = ActorRoutes>(
    ask: Ask<Data, Routes>,
    { isRepeatable, waitMs = 0, signal }: SendOptions = {},
  ): Promise<Answer<Data>> {
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= this.#maxAttempts;
      let sent: Request | undefined;
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), this.#timeoutMs + waitMs);
      const api = createClient<Routes>({
        baseUrl: this.root,
        headers: { authorization: this.#authorization },
        // A redirect would take the credentials elsewhere, and not every runtime knows `error`.
        redirect: "manual",
        signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
        fetch: async (request) => await this.machine.fetch((sent = request)),
      });
      const { data, error, response } = await ask(api)
        .catch((cause: unknown) => {
          signal?.throwIfAborted();
          // The request could not be made, for example because its data cannot be written as JSON.
          if (sent === undefined) throw cause;
          return { data: undefined, error: cause, response: undefined };
        })
        .finally(() => clearTimeout(timer));
      if (response?.ok === true) return { data: data as Data, response };
      const mayRepeat = isRepeatable ?? REPEATABLE.has(sent?.method ?? "");
      const retryAfterMs = this.#retryAfter(response);
      if (response === undefined) {
        if (isLast || !mayRepeat) throw new Unreachable(`No answer from ${this.root}.`, { cause: error });
      } else {
        const isPassing = response.status === 429 || (mayRepeat && PASSING.has(response.status));
        const isOver = isLast || !isPassing || (retryAfterMs ?? 0) > LONGEST_RETRY_AFTER_MS;
        if (isOver) throw errorOf(response, error, retryAfterMs);
      }
      await this.machine.sleep(this.#pause(attempt, retryAfterMs), signal);
    }
  }

  /** The pause before the next attempt, ms, with full jitter: clients that failed together do not return together. */
  #pause(attempt: number, retryAfterMs = 0): number {
    const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    return retryAfterMs + Math.ceil(this.machine.random() * most);
  }

  #retryAfter(answer: Response | undefined): number | undefined {
    const said = answer?.headers.get("retry-after") ?? "";
    if (/^\d+$/.test(said)) return Number(said) * 1_000;
    const date = Date.parse(said);
    return Number.isNaN(date) ? undefined : Math.max(0, date - this.machine.now());
  }
}

function authorizationOf(credentials: Credentials): string {
  if ("bearer" in credentials) return `Bearer ${credentials.bearer}`;
  const bytes = new TextEncoder().encode(`${credentials.user}:${credentials.passphrase}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}
