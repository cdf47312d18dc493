import { compact } from "../system/compact.ts";
import { sameJson } from "../domain/json/canonical-json.ts";
import { type DiffContent, type DiffRecord, parseDiffRecord } from "../domain/diff/diff-content.ts";
import { isArray, isObject, own } from "../domain/json/json.ts";
import { lenientSequence } from "../domain/wire/lenient-sequence.ts";
import { isOpaqueId } from "../domain/terms/names.ts";
import { liesUnder } from "../domain/terms/peer-url.ts";
import type { Scope } from "../domain/terms/scope.ts";
import type { Clock, Json, PeerAnswer } from "../system/ports.ts";
import type { ReadFailure } from "./publisher.ts";
import { asksToWait } from "./asks-to-wait.ts";
import { parsedJson, type ReadAnswer, readAnswer, readJsonAnswer } from "./read-answer.ts";
import { readJson, type RemoteActor, type RemoteCall } from "./remote-actor.ts";
import { nonsense, type Remote, type RemoteFailure } from "./remote-answer.ts";

/** Telling the other side must not hold up our own answer for longer. */
const NOTIFY_MS = 5_000;
/** A backlog in more pages than this is read as state instead. */
const MAX_PAGES = 16;

/** A subscription of ours that the peer has made. */
export interface RemoteSubscription {
  readonly subscriptionId: string;
  readonly granularity: "high" | "low" | "none";
  /** The newest number ever made. */
  readonly sequence: number;
  /** Under the peer's root: as it said, else as the protocol has it. */
  readonly location: string;
}

/** What the peer holds for a subscription of ours. */
export interface Backlog {
  /** The newest number ever made. */
  readonly sequence: number;
  /** Ascending, each number once; records that make no sense are left out, which leaves a gap. */
  readonly diffs: readonly DiffRecord[];
  /** False when there is more than was read. */
  readonly complete: boolean;
  /** What stands there under numbers of the diffs, after them, with other contents. */
  readonly others: readonly DiffRecord[];
}

/**
 * `POST <peer>/subscriptions/{our id}`. The same scope again gives the same subscription. Nonsense when neither body nor
 * `Location` has a usable subscription id.
 */
export async function subscribe(
  remote: RemoteActor,
  scope: Scope,
  granularity: RemoteSubscription["granularity"],
): Promise<Remote<RemoteSubscription>> {
  const { target, subtarget, resource } = scope;
  const called = await remote.call({
    method: "POST",
    at: ["subscriptions", remote.ourId],
    json: compact({ id: remote.ourId, target, subtarget, resource, granularity }),
  });
  if (!called.ok) return called;
  const json = readJson(called.value);
  const made = isObject(json) ? json : {};
  const said = called.value.headers["location"] ?? "";
  const id = own(made, "subscriptionid") ?? said.split(/[?#]/, 1)[0]?.split("/").at(-1);
  if (typeof id !== "string" || !isOpaqueId(id) || id === "." || id === "..") {
    return nonsense(called.status, "has no usable subscription id");
  }
  const theirs = own(made, "granularity");
  return {
    ok: true,
    status: called.status,
    value: {
      subscriptionId: id,
      granularity: theirs === "high" || theirs === "low" || theirs === "none" ? theirs : granularity,
      sequence: position(own(made, "sequence")) ?? 0,
      location: liesUnder(said, remote.baseUri) ? said : `${remote.baseUri}/subscriptions/${remote.ourId}/${id}`,
    },
  };
}

/** What a poll came to. */
export type PollAnswer =
  | { readonly is: "value"; readonly value: Backlog }
  /** A 200 that cannot be read, or is over the size limit; the newest number as far as that very answer says it. */
  | { readonly is: "unreadable"; readonly reason: string; readonly sequence?: number }
  /** 404 or 410, and the `Retry-After` that came with it. */
  | { readonly is: "absent"; readonly status: number; readonly retryAfter?: string }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/**
 * `GET <peer>/subscriptions/{our id}/{subId}`: the newest number and the backlog, page by page where the peer pages. The
 * first call has no query, because peers in the field know none. `unreadable` when some page cannot be read: then
 * `readPosition` may still give the newest number.
 */
export async function poll(remote: RemoteActor, subscriptionId: string): Promise<PollAnswer> {
  const at = ["subscriptions", remote.ourId, subscriptionId];
  const diffs = new Map<number, DiffRecord>();
  let newest: number | undefined;
  const others: DiffRecord[] = [];
  let query = "";
  for (let page = 1; ; page += 1) {
    const called = await remote.call({ method: "GET", at, query });
    if (!called.ok && (called.status === 404 || called.status === 410)) {
      return compact({ is: "absent" as const, status: called.status, retryAfter: called.headers?.["retry-after"] });
    }
    const answer = readAnswer(called, { listed: false });
    if (answer.is !== "value") {
      if (answer.is === "failed" && answer.failure.tooLarge !== true) return answer;
      return compact({ is: "unreadable" as const, reason: "The backlog is too large to be read.", sequence: newest });
    }
    const read = readPage(answer.value);
    if ("problem" in read) {
      const said = lenientSequence(answer.value.body);
      const sequence = newest === undefined ? said : Math.max(newest, said ?? 0);
      return compact({ is: "unreadable" as const, reason: read.problem, sequence });
    }
    newest = Math.max(newest ?? 0, read.sequence);
    let last = 0;
    for (const diff of read.diffs) {
      const before = diffs.get(diff.sequence);
      if (before === undefined) diffs.set(diff.sequence, diff);
      else if (!sameJson(before.data, diff.data)) others.push(diff);
      last = Math.max(last, diff.sequence);
    }
    if (!read.more || page === MAX_PAGES || `?after=${last}` === query || last === 0) {
      const sorted = [...diffs.values()].sort((one, other) => one.sequence - other.sequence);
      // The number may have been read before the diffs were: what is there counts.
      const sequence = Math.max(newest, sorted.at(-1)?.sequence ?? 0);
      return { is: "value", value: { sequence, diffs: sorted, complete: !read.more, others } };
    }
    query = `?after=${last}`;
  }
}

function readPage(
  answer: PeerAnswer,
):
  | { readonly sequence: number; readonly diffs: readonly DiffRecord[]; readonly more: boolean }
  | { readonly problem: string } {
  const parsed = parsedJson(answer);
  if ("problem" in parsed) return parsed;
  const { json } = parsed;
  const sequence = isObject(json) ? position(own(json, "sequence")) : undefined;
  const data = isObject(json) ? own(json, "data") : undefined;
  if (!isObject(json) || sequence === undefined || !isArray(data)) {
    return { problem: "The peer's answer has no backlog in it." };
  }
  const diffs = data.map(asDiff).filter((diff) => diff !== undefined);
  return { sequence, diffs, more: (own(json, "next") ?? null) !== null };
}

/** A number that says that everything is to be read again is no diff: it leaves the gap that makes the state be read. */
function asDiff(record: Json): DiffRecord | undefined {
  if (isObject(record) && own(record, "type") === "resync") return undefined;
  try {
    return parseDiffRecord(record);
  } catch {
    return undefined;
  }
}

/**
 * The newest number, from the list of our subscriptions there: small, whatever the backlog's size. Undefined when the
 * list does not say it; a failure when the peer asks for rest instead.
 */
export async function readPosition(
  remote: RemoteActor,
  subscriptionId: string,
): Promise<number | ReadFailure | undefined> {
  const called = await remote.call({ method: "GET", at: ["subscriptions", remote.ourId] });
  const read = readJsonAnswer(called, { listed: false });
  if (read.is === "failed" && read.failure.retryAfter !== undefined) return read.failure;
  const list = read.is === "value" && isObject(read.value.json) ? own(read.value.json, "data") : undefined;
  const found = isArray(list)
    ? list.find((entry) => isObject(entry) && own(entry, "subscriptionid") === subscriptionId)
    : undefined;
  return isObject(found) ? position(own(found, "sequence")) : undefined;
}

/**
 * One diff, from the `url` of a low callback or by its number. When `expected` is given the answer must not be about
 * another number. The caller has checked that the URL lies under the peer's root; the client checks it again.
 */
export async function readDiff(
  remote: RemoteActor,
  from: { readonly url: string } | { readonly subscriptionId: string; readonly sequence: number },
  expected?: number,
): Promise<ReadAnswer<DiffContent>> {
  const at = "url" in from ? from.url : ["subscriptions", remote.ourId, from.subscriptionId, String(from.sequence)];
  const read = readJsonAnswer(await remote.call({ method: "GET", at }), { listed: false });
  if (read.is !== "value") return read;
  const diff = asDiff(read.value.json);
  if (diff === undefined) return { is: "failed", failure: { reason: "The peer's answer is no diff.", status: 200 } };
  if (expected !== undefined && diff.sequence !== expected) {
    return { is: "failed", failure: { reason: "The peer's answer is another diff.", status: 200 } };
  }
  const { data, overwritten } = diff;
  return { is: "value", value: compact({ data, overwritten }) };
}

/** `PUT <peer>/subscriptions/{our id}/{subId} {sequence}`: everything up to it has been processed here. */
export async function acknowledge(
  remote: RemoteActor,
  subscriptionId: string,
  sequence: number,
): Promise<Remote<undefined>> {
  return done(
    await remote.call({ method: "PUT", at: ["subscriptions", remote.ourId, subscriptionId], json: { sequence } }),
  );
}

/**
 * Ends the subscription at the peer: `DELETE <peer>/subscriptions/{our id}/{subId}`, and where that is refused the way
 * subscribers of the reference leave, `DELETE <peer>/callbacks/subscriptions/{our id}/{subId}`, unless it wants no more
 * requests now. One that the peer does not know (any more) is fine. At most 5 s, both together.
 */
export async function unsubscribe(
  remote: RemoteActor,
  subscriptionId: string,
  clock: Clock,
): Promise<Remote<undefined>> {
  const where = ["subscriptions", remote.ourId, subscriptionId];
  const until = clock.now() + NOTIFY_MS;
  const leave = (at: readonly string[]): RemoteCall => ({ method: "DELETE", at, timeoutMs: until - clock.now() });
  const first = await remote.call(leave(where));
  if (first.ok || first.kind !== "refused" || asksToWait(first)) return done(first);
  const second = await remote.call(leave(["callbacks", ...where]));
  if (second.ok) return done(second);
  return isGone(first) || isGone(second) ? { ok: true, value: undefined, status: 404 } : done(first);
}

function isGone(failure: RemoteFailure): boolean {
  return failure.status === 404 || failure.status === 410;
}

function done(called: Remote<unknown>): Remote<undefined> {
  return called.ok ? { ok: true, value: undefined, status: called.status } : called;
}

/** A number that counts diffs: whole, 0 to 2^53 − 1. */
function position(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
