import { compact } from "../system/compact.ts";
import { pathSegment } from "../domain/terms/peer-url.ts";
import {
  PeerFailure,
  type Deadline,
  type Json,
  type PeerAnswer,
  type PeerHttp,
  type PeerRequest,
} from "../system/ports.ts";
import {
  failureOfStatus,
  nonsense,
  parsedJson,
  type Remote,
  type RemoteFailure,
  withoutAnswer,
} from "./remote-answer.ts";

/** The longest one call may take, ms. */
const MOST_MS = 10_000;

interface RemoteActorOptions {
  readonly http: PeerHttp;
  /** The peer's root, with or without a slash at its end. */
  readonly baseUri: string;
  /** The trust's secret; without it calls go out without credentials. */
  readonly bearer?: string;
  /** Our actor, as the peer knows it. */
  readonly ourId: string;
  readonly requestId?: string;
  readonly traceparent?: string;
  /** No call lasts longer than this [no limit]. */
  readonly deadline?: Deadline;
  /** Most milliseconds per call [the client's 10 000]. */
  readonly timeoutMs?: number;
}

/** Makes the remote actor of a trust. */
export type RemoteOf = (
  trust: { readonly actorId: string; readonly baseUri: string; readonly secret: string },
  deadline?: Deadline,
) => RemoteActor;

/** One call: a path below the peer's root as segments, or a whole URL the peer gave us. */
export interface RemoteCall {
  readonly method: PeerRequest["method"];
  readonly at: readonly string[] | string;
  readonly query?: string;
  readonly json?: Json;
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxBytes?: number;
  /** Most milliseconds for this call. */
  readonly timeoutMs?: number;
}

/**
 * A peer's actor as ours sees it. No call rejects for what the peer or the network does: everything but a sound answer becomes
 * a `RemoteFailure`. The protocol's calls are functions beside this class (`remote-trust.ts`,
 * `remote-subscriptions.ts`, `read-state.ts`) and the methods of `RemotePublisher`; here is what all of them share.
 */
export class RemoteActor {
  readonly baseUri: string;
  readonly ourId: string;
  readonly #options: RemoteActorOptions;

  constructor(options: RemoteActorOptions) {
    this.baseUri = options.baseUri.replace(/\/+$/, "");
    this.ourId = options.ourId;
    this.#options = options;
  }

  /** The URL of a path below the peer's root; undefined when a segment cannot stand in a URL (see `pathSegment`). */
  urlOf(path: readonly string[], query = ""): string | undefined {
    const segments = path.map(pathSegment);
    if (segments.includes(undefined)) return undefined;
    return `${[this.baseUri, ...segments].join("/")}${query}`;
  }

  /** Makes the call; any 2xx is its answer. */
  async call(call: RemoteCall): Promise<Remote<PeerAnswer>> {
    const url = typeof call.at === "string" ? call.at : this.urlOf(call.at, call.query);
    if (url === undefined) return blocked("The place has a name that no URL can carry.");
    const { http, bearer, requestId, traceparent } = this.#options;
    const timeoutMs = this.#time(call.timeoutMs);
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      return { ok: false, kind: "unreachable", message: "There was no time left to ask the peer.", outOfTime: true };
    }
    try {
      const answer = await http.send(
        compact({
          method: call.method,
          url,
          credentials: bearer === undefined ? undefined : { bearer, baseUri: this.baseUri },
          headers: call.headers,
          json: call.json,
          maxBytes: call.maxBytes,
          timeoutMs,
          requestId,
          traceparent,
        }),
      );
      return failureOfStatus(answer) ?? { ok: true, value: answer, status: answer.status };
    } catch (error) {
      if (isPeerFailure(error)) return withoutAnswer(error, timeoutMs !== undefined && timeoutMs < this.#usual(call));
      throw error;
    }
  }

  /** Makes the call and gives the JSON of its answer; an answer that is not JSON is nonsense. */
  async callJson(call: RemoteCall): Promise<Remote<Json>> {
    const called = await this.call(call);
    if (!called.ok) return called;
    const parsed = parsedJson(called.value);
    if ("problem" in parsed) return nonsense(called.status, "is not valid JSON");
    return { ok: true, value: parsed.json, status: called.status };
  }

  #time(requested: number | undefined): number | undefined {
    const limits = [requested, this.#options.timeoutMs, this.#options.deadline?.remaining()].filter(
      (limit) => limit !== undefined,
    );
    return limits.length === 0 ? undefined : Math.min(...limits, MOST_MS);
  }

  /** The time limit of a call without a deadline, ms. */
  #usual(call: RemoteCall): number {
    return Math.min(call.timeoutMs ?? MOST_MS, this.#options.timeoutMs ?? MOST_MS, MOST_MS);
  }
}

function blocked(message: string): RemoteFailure {
  return { ok: false, kind: "blocked", message };
}

/** Compares the name as well, because bundling may duplicate the class. */
function isPeerFailure(error: unknown): error is PeerFailure {
  return error instanceof PeerFailure || (error instanceof Error && error.name === "PeerFailure");
}
