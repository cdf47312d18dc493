import { type DiffRecord, parseDiffRecord } from "../domain/diff/diff-content.ts";
import { sameJson } from "../domain/json/canonical-json.ts";
import { isArray, isObject, own } from "../domain/json/json.ts";
import { lenientSequence } from "../domain/wire/lenient-sequence.ts";
import { compact } from "../system/compact.ts";
import type { Json, PeerAnswer } from "../system/ports.ts";
import type { DiffAnswer, Polled, Publisher, ReadFailure, StateListing, StateRequest } from "./publisher.ts";
import { listState } from "./read-state.ts";
import type { RemoteActor } from "./remote-actor.ts";
import { failureOf, parsedJson, readAnswer, readJsonAnswer } from "./remote-answer.ts";
import { position } from "./remote-subscriptions.ts";

/** A backlog in more pages than this is read as state instead. */
const MAX_PAGES = 16;
const TOO_LARGE = "The backlog is too large to be read.";

/** A trusted peer as receiving needs it. Never rejects for what the peer does. */
export class RemotePublisher implements Publisher {
  readonly baseUri: string;
  readonly #remote: RemoteActor;

  constructor(remote: RemoteActor) {
    this.#remote = remote;
    this.baseUri = remote.baseUri;
  }

  /**
   * `GET <peer>/subscriptions/{our id}/{subId}`: the newest number and the backlog, page by page where the peer pages. The
   * first call has no query, because peers in the field know none. Entries that make no sense are left out, which leaves a
   * gap.
   */
  async poll(subscriptionId: string): Promise<Polled> {
    const at = ["subscriptions", this.#remote.ourId, subscriptionId];
    const diffs = new Map<number, DiffRecord>();
    const others: DiffRecord[] = [];
    let newest: number | undefined;
    let query = "";
    for (let page = 1; ; page += 1) {
      const called = await this.#remote.call({ method: "GET", at, query });
      const answer = readAnswer(called, { listed: false });
      if (answer.is === "absent") {
        if (called.status === 410) return { is: "ended" };
        return compact({ is: "unknown" as const, retryAfter: answer.headers["retry-after"] });
      }
      if (answer.is === "failed") {
        return answer.failure.tooLarge === true ? await this.#unreadable(subscriptionId, TOO_LARGE, newest) : answer;
      }
      const read = readPage(answer.value);
      if ("problem" in read) {
        const found = lenientSequence(answer.value.body);
        const sequence = newest === undefined ? found : Math.max(newest, found ?? 0);
        return await this.#unreadable(subscriptionId, read.problem, sequence);
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
        // The peer may have read its newest number before the diffs: a later diff counts.
        const sequence = Math.max(newest, sorted.at(-1)?.sequence ?? 0);
        if (read.more) return { is: "unreadable", reason: TOO_LARGE, sequence };
        return compact({
          is: "backlog" as const,
          sequence,
          diffs: sorted,
          others: others.length > 0 ? others : undefined,
        });
      }
      query = `?after=${last}`;
    }
  }

  /**
   * Reads the diff that a low callback announces. The caller has checked that the URL lies under the peer's root; the client
   * checks that too.
   */
  async fetchDiff(url: string, sequence?: number): Promise<DiffAnswer> {
    const read = readJsonAnswer(await this.#remote.call({ method: "GET", at: url }), { listed: false });
    if (read.is === "absent") return refused("The peer does not have this diff.");
    if (read.is === "failed") {
      const { failure } = read;
      const isClientError = failure.status !== undefined && failure.status < 500;
      // Asking again would give the same; the recovery that follows finds the content another way.
      return { is: failure.unwell === true && !isClientError ? "failed" : "refused", failure };
    }
    const diff = asDiff(read.value.json);
    if (diff === undefined) return refused("The peer's answer is no diff.", 200);
    if (sequence !== undefined && diff.sequence !== sequence) return refused("The peer's answer is another diff.", 200);
    const { data, overwritten } = diff;
    return { is: "content", content: compact({ data, overwritten }) };
  }

  listState(requested: StateRequest): Promise<StateListing> {
    return listState(this.#remote, requested);
  }

  /** `PUT <peer>/subscriptions/{our id}/{subId} {sequence}` */
  async acknowledge(subscriptionId: string, sequence: number): Promise<ReadFailure | undefined> {
    const at = ["subscriptions", this.#remote.ourId, subscriptionId];
    const called = await this.#remote.call({ method: "PUT", at, json: { sequence } });
    return called.ok ? undefined : failureOf(called);
  }

  /**
   * What is known of a backlog that cannot be read. Where nothing has given its newest number yet, the peer's list of our
   * subscriptions may: it is small, whatever the size of the backlog.
   */
  async #unreadable(subscriptionId: string, reason: string, sequence: number | undefined): Promise<Polled> {
    if (sequence !== undefined) return { is: "unreadable", reason, sequence };
    const called = await this.#remote.call({ method: "GET", at: ["subscriptions", this.#remote.ourId] });
    const read = readJsonAnswer(called, { listed: false });
    if (read.is === "failed" && read.failure.retryAfter !== undefined) return read;
    const list = read.is === "value" && isObject(read.value.json) ? own(read.value.json, "data") : undefined;
    const found = isArray(list)
      ? list.find((entry) => isObject(entry) && own(entry, "subscriptionid") === subscriptionId)
      : undefined;
    const listed = isObject(found) ? position(own(found, "sequence")) : undefined;
    return compact({ is: "unreadable" as const, reason, sequence: listed });
  }
}

const refused = (reason: string, status?: number): DiffAnswer => ({
  is: "refused",
  failure: compact({ reason, status }),
});

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

/** A backlog entry of type `resync` is no diff: the gap that it leaves makes the state be read. */
function asDiff(record: Json): DiffRecord | undefined {
  if (isObject(record) && own(record, "type") === "resync") return undefined;
  try {
    return parseDiffRecord(record);
  } catch {
    return undefined;
  }
}
