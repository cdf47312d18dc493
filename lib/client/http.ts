/** Requests to one actor: credentials, errors as classes, and retries of what may be repeated. */
import { errorOf, Unreachable } from "./errors.ts";

/** A bearer token, or the owner's name and passphrase. */
export type Credentials = { readonly bearer: string } | { readonly user: string; readonly passphrase: string };

/** What the client takes from where it runs; each part can be another. */
export interface Machine {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Resolves after this long, ms; rejects with the signal's reason when that comes first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** From 0 to less than 1. */
  readonly random: () => number;
  /** ms since 1970. */
  readonly now: () => number;
}

export interface HttpOptions {
  /** How often a request is sent at most [6]. */
  readonly maxAttempts?: number;
  /** After this long without an answer an attempt has failed, ms; a long poll's wait comes on top [15000]. */
  readonly timeoutMs?: number;
  readonly machine?: Partial<Machine>;
}

export interface Call {
  readonly method: string;
  /** Below the actor's root, with its query; or a whole URL below it. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** How long the service may wait before it answers, ms [0]. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 20_000;
/** A longer `Retry-After` is left to the caller. */
const LONGEST_RETRY_AFTER_MS = 60_000;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

const MACHINE: Machine = {
  fetch: async (url, init) => await fetch(url, init),
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

/** Requests to one actor, each of which does the same when it is sent twice. No state but the credentials. */
export class Http {
  readonly machine: Machine;
  /** The actor's root URI, without a slash at its end. */
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
   * The answer, which is a 2xx.
   *
   * @throws ServiceError for any other; Unreachable when no attempt got one; the signal's reason
   */
  async send(call: Call): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= this.#maxAttempts;
      const answer = await this.#attempt(call).catch((cause: unknown) => {
        call.signal?.throwIfAborted();
        if (isLast) {
          throw new Unreachable(`No answer from ${this.root} to ${call.method}.`, { cause });
        }
        return undefined;
      });
      if (answer?.ok === true) return answer;
      const retryAfterMs = this.#retryAfter(answer);
      if (answer !== undefined) {
        const isOver = isLast || !PASSING.has(answer.status) || (retryAfterMs ?? 0) > LONGEST_RETRY_AFTER_MS;
        if (isOver) throw await errorOf(answer, retryAfterMs);
        await answer.body?.cancel();
      }
      await this.machine.sleep(this.#pause(attempt, retryAfterMs), call.signal);
    }
  }

  /** The answer's JSON. @throws as `send` */
  async json<T>(call: Call): Promise<T> {
    return (await (await this.send(call)).json()) as T;
  }

  async #attempt({ method, path, headers, body, waitMs = 0, signal }: Call): Promise<Response> {
    const ends = AbortSignal.timeout(this.#timeoutMs + waitMs);
    return await this.machine.fetch(path.startsWith("/") ? this.root + path : path, {
      method,
      headers: { authorization: this.#authorization, ...headers },
      signal: signal === undefined ? ends : AbortSignal.any([signal, ends]),
      // A redirect would take the credentials elsewhere.
      redirect: "error",
      body: body ?? null,
    });
  }

  /** Full jitter: clients that failed together do not come back together. */
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

/** A query, without what is undefined. */
export function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ""
    : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}
