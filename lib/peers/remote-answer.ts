import type { PeerAnswer, PeerFailure } from "../system/ports.ts";

/**
 * Why a call to a peer gave nothing usable. `unreachable`: no answer (no connection, broken off, out of time);
 * `blocked`: our outbound rules forbid the URL, nothing was sent; `refused`: the peer answered 4xx; `server`: 5xx;
 * `too_large`: over the size limit, or the peer's own 413; `nonsense`: an answer that is no answer, redirects included.
 */
export interface RemoteFailure {
  readonly ok: false;
  readonly kind: "unreachable" | "blocked" | "refused" | "server" | "too_large" | "nonsense";
  /** The peer's status, when it gave one. */
  readonly status?: number;
  /** The headers of the peer's answer, when it gave one. */
  readonly headers?: Readonly<Record<string, string>>;
  /** One sentence, safe to show and to log. */
  readonly message: string;
  /** The call ended with our own deadline, earlier than it would have by itself. */
  readonly outOfTime?: true;
}

/** What a call to a peer came to. */
export type Remote<T> = { readonly ok: true; readonly value: T; readonly status: number } | RemoteFailure;

const KIND_OF_REASON = {
  refused: "blocked",
  unreachable: "unreachable",
  timeout: "unreachable",
  too_large: "too_large",
  garbage: "nonsense",
} as const satisfies Record<PeerFailure["reason"], RemoteFailure["kind"]>;

/** The failure of a call that got no answer. `cut`: our deadline left it less time than it would have had. */
export function withoutAnswer(failure: PeerFailure, cut = false): RemoteFailure {
  const outOfTime = cut && failure.reason === "timeout" ? { outOfTime: true as const } : {};
  return { ok: false, kind: KIND_OF_REASON[failure.reason], message: failure.message, ...outOfTime };
}

/** The failure that an answer's status stands for; undefined for 2xx. */
export function failureOfStatus(answer: PeerAnswer): RemoteFailure | undefined {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return undefined;
  const message = `The peer answered ${status}.`;
  if (status === 413) return { ok: false, kind: "too_large", status, headers, message };
  if (status >= 400 && status < 500) return { ok: false, kind: "refused", status, headers, message };
  if (status >= 500 && status < 600) return { ok: false, kind: "server", status, headers, message };
  return { ok: false, kind: "nonsense", status, headers, message };
}

/** The failure of an answer that came with 2xx and does not make sense. */
export function nonsense(status: number, problem: string): RemoteFailure {
  return { ok: false, kind: "nonsense", status, message: `The peer's answer ${problem}.` };
}
