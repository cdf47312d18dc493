/** The result of a call to a peer, and its meaning: for a request, for a read, and for the next request. */
import { parseJson } from "../domain/json/json.ts";
import { MOST_PAUSE_SECONDS, retryAfterSeconds } from "../domain/wire/retry-after.ts";
import { compact } from "../system/compact.ts";
import { isServiceError } from "../system/errors.ts";
import type { Json, PeerAnswer, PeerFailure } from "../system/ports.ts";
import type { ReadFailure } from "./publisher.ts";

/**
 * Why a call to a peer gave nothing usable. `unreachable`: no answer (no connection, broken off, out of time);
 * `blocked`: our outbound rules forbid the URL, and nothing was sent; `refused`: the peer answered 4xx; `server`: 5xx;
 * `too_large`: over the size limit, or the peer answered 413; `nonsense`: an answer without meaning here, redirects included.
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
  /** Our own deadline cut the call short. */
  readonly outOfTime?: true;
}

/** The result of a call to a peer. */
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
  const outOfTime = cut && failure.reason === "timeout" ? true : undefined;
  return compact({ ok: false, kind: KIND_OF_REASON[failure.reason], message: failure.message, outOfTime });
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

/** The failure of an answer with a status of 2xx whose content makes no sense. */
export function nonsense(status: number, problem: string): RemoteFailure {
  return { ok: false, kind: "nonsense", status, message: `The peer's answer ${problem}.` };
}

const TOO_MANY_REQUESTS = 429;

/** Seconds after which the peer may be asked again, by its own `Retry-After`: at most an hour; undefined when it sent none. */
export function waitSeconds(failure: RemoteFailure, now: number): number | undefined {
  const requested = retryAfterSeconds(failure.headers?.["retry-after"], now);
  return requested === undefined ? undefined : Math.min(requested, MOST_PAUSE_SECONDS);
}

/** True when the peer wants no more requests now, so that it is not asked for the same in another way either. */
export const asksToWait = (failure: RemoteFailure): boolean =>
  failure.status === TOO_MANY_REQUESTS || failure.headers?.["retry-after"] !== undefined;

/** What an answer to a read means. Every reader asks here, so that no answer is taken for the absence of data. */
export type ReadAnswer<T> =
  | { readonly is: "value"; readonly value: T }
  /** The peer says that the thing does not exist. */
  | { readonly is: "absent"; readonly headers: Readonly<Record<string, string>> }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** Client errors about our pace or time, not about what was read. */
const UNWELL = new Set([408, 425, 429]);

/**
 * Sorts an answer to a GET: 200 is the value; 404 and 410 mean that the thing does not exist, and so does 403 for one part
 * of a state whose listing the peer gave us (`listed`). Every other answer says nothing of the data.
 */
export function readAnswer(
  called: Remote<PeerAnswer>,
  { listed }: { readonly listed: boolean },
): ReadAnswer<PeerAnswer> {
  if (called.ok) {
    if (called.status === 200) return { is: "value", value: called.value };
    return { is: "failed", failure: { reason: `The peer answered ${String(called.status)}.`, status: called.status } };
  }
  const { status, headers = {} } = called;
  if (status === 404 || status === 410 || (status === 403 && listed)) return { is: "absent", headers };
  return { is: "failed", failure: failureOf(called) };
}

/** Sorts an answer to a GET like `readAnswer`; a value that is not JSON is a failure. */
export function readJsonAnswer(
  called: Remote<PeerAnswer>,
  options: { readonly listed: boolean },
): ReadAnswer<{ readonly json: Json; readonly answer: PeerAnswer }> {
  const read = readAnswer(called, options);
  if (read.is !== "value") return read;
  const parsed = parsedJson(read.value);
  if ("problem" in parsed) return { is: "failed", failure: { reason: parsed.problem, status: 200 } };
  return { is: "value", value: { json: parsed.json, answer: read.value } };
}

/** A failed call as the failure of a read, which may also be a failure of the peer. */
export function failureOf(failure: RemoteFailure): ReadFailure {
  const { kind, status, message } = failure;
  const unreachable = kind === "unreachable";
  const unwell = unreachable || kind === "server" || (status !== undefined && UNWELL.has(status));
  return compact({
    reason: message,
    status,
    unreachable: unreachable ? (true as const) : undefined,
    tooLarge: kind === "too_large" ? (true as const) : undefined,
    unwell: unwell ? (true as const) : undefined,
    outOfTime: failure.outOfTime,
    retryAfter: failure.headers?.["retry-after"],
  });
}

/**
 * The JSON of an answer's body, or why it cannot be read: not JSON, not UTF-8, too deep, a number out of range. Lone
 * surrogates in a string are repaired.
 */
export function parsedJson(answer: PeerAnswer): { readonly json: Json } | { readonly problem: string } {
  try {
    return { json: parseJson(answer.body, { surrogates: "repair", what: "peer's answer" }) };
  } catch (error) {
    return { problem: isServiceError(error) ? error.message : "The peer's answer cannot be read." };
  }
}
