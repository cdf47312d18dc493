/** What a peer's answer to a read means. Every reader asks here, so that no answer is taken for the absence of data. */
import { compact } from "../system/compact.ts";
import { parseJson } from "../domain/json/json.ts";
import { isServiceError } from "../system/errors.ts";
import type { Json, PeerAnswer } from "../system/ports.ts";
import type { ReadFailure } from "./publisher.ts";
import type { Remote, RemoteFailure } from "./remote-answer.ts";

export type ReadAnswer<T> =
  | { readonly is: "value"; readonly value: T }
  /** The peer says that it is not there. */
  | { readonly is: "absent"; readonly headers: Readonly<Record<string, string>> }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** Client errors that are about our pace or time, not about what was asked for. */
const UNWELL = new Set([408, 425, 429]);

/**
 * Sorts an answer to a GET: 200 is the value; 404 and 410 mean that it is not there, and so does 403 for one part of a
 * state whose listing the peer gave us (`listed`). Everything else says nothing.
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

/** The same for an answer that must be JSON. */
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

/** What a failed call says: nothing of the data, and perhaps something of the peer. */
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

/** The JSON of an answer's body, or what keeps it from being read: not JSON, not UTF-8, too deep, a number out of range. */
export function parsedJson(answer: PeerAnswer): { readonly json: Json } | { readonly problem: string } {
  try {
    return { json: parseJson(answer.body, { surrogates: "repair", what: "peer's answer" }) };
  } catch (error) {
    return { problem: isServiceError(error) ? error.message : "The peer's answer cannot be read." };
  }
}
