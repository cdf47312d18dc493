import { compact } from "../system/compact.ts";
import { isArray, isObject, jsonBytes, own } from "../domain/json/json.ts";
import type { Place } from "../domain/terms/scope.ts";
import type { Json, JsonObject, PeerAnswer } from "../system/ports.ts";
import type { StatePart, PartAnswer, ReadFailure } from "./publisher.ts";
import { readAnswer, readJsonAnswer, type ReadAnswer, type Remote } from "./remote-answer.ts";
import type { RemoteActor } from "./remote-actor.ts";
import {
  asInventory,
  asListMarker,
  asPage,
  type Inventory,
  type ListAbout,
  positionOf,
  valueOf,
} from "./state-answers.ts";

/** Most bytes of one answer with state in it. */
const STATE_BYTES = 6 * 1024 * 1024;
/** Items in one page of a list that is too large for one answer. */
const PAGE_ROWS = 500;
/** Most bytes of a list read in pages; a larger one is too large. */
const LIST_BYTES = 32 * 1024 * 1024;
/** Attempts to read a list that changes while it is read. */
const PAGING_TRIES = 3;

const TOO_LARGE: ReadFailure = { reason: "It is larger than can be read (6 MiB; a list 32 MiB).", tooLarge: true };
/** Statuses that do not say whether the peer knows `?metadata=true`. */
const NOT_ABOUT_THE_FORM = new Set([401, 403, 408, 425, 429]);

/** Reads pieces of a peer's state for one subscription, and notes the lowest position of all answers. */
export class StateReader {
  readonly #remote: RemoteActor;
  readonly #headers: Readonly<Record<string, string>>;
  #full: Promise<ReadAnswer<{ readonly json: Json; readonly answer: PeerAnswer }>> | undefined;
  #lowest: number | undefined;
  #positioned = true;

  constructor(remote: RemoteActor, subscriptionId: string) {
    this.#remote = remote;
    this.#headers = { "x-actingweb-subscription": subscriptionId };
  }

  /** The lowest position of the answers that count; undefined when one of them had none. */
  get position(): number | undefined {
    return this.#positioned ? this.#lowest : undefined;
  }

  /** One GET whose answer counts: its position is that of something that is stored afterwards. */
  async get(at: readonly string[] | string, query = ""): Promise<Remote<PeerAnswer>> {
    const called = await this.answerOf(at, query);
    if (called.ok && called.status === 200) this.#count(called.value.headers, true);
    // An absence counts too; but not every peer gives its position, and the other answers still bound it.
    else if (!called.ok && isAbsence(called.status)) this.#count(called.headers ?? {}, false);
    return called;
  }

  /**
   * The contents of a state; undefined when the peer does not know this form, so that the caller tries the plain forms.
   *
   * @param counts the names become part of the state, so the answer's position counts; false: they only say what something
   *   else is
   */
  async inventory(counts: boolean): Promise<ReadAnswer<Inventory | undefined>> {
    const called = await this.answerOf(["properties"], "?metadata=true");
    const read = readJsonAnswer(called, { listed: false });
    if (read.is === "failed" && !isAboutTheForm(read.failure)) return read;
    const inventory = read.is === "value" ? asInventory(read.value.json) : undefined;
    if (read.is === "value" && inventory !== undefined && counts) this.#count(read.value.answer.headers, true);
    return { is: "value", value: inventory };
  }

  /** One property that is no list; `listed`: the peer has given us a listing of its state. */
  async property(name: string, { listed }: { readonly listed: boolean }): Promise<PartAnswer> {
    return this.#value([name], readAnswer(await this.get(["properties", name]), { listed }));
  }

  /** One list that the peer has listed: whole, or page by page when it is too large for that. */
  async list(name: string, about: ListAbout): Promise<PartAnswer> {
    if (about.bytes > STATE_BYTES) return this.#inPages(name, about, { listed: true });
    const read = readAnswer(await this.get(["properties", name]), { listed: true });
    if (read.is === "failed" && read.failure.tooLarge === true) return this.tooLarge(name, about);
    const answer = this.#value([name], read);
    // The list may have become an ordinary property since it was listed.
    if (answer.is !== "part" || !isArray(answer.part.value)) return answer;
    const { value: items, ...part } = answer.part;
    return { is: "part", part: { ...part, ...listOf(items, about) } };
  }

  /**
   * Reads in pages a value that was too large for one answer. The value exists, so a peer that then denies it does not know
   * pages.
   */
  async tooLarge(name: string, about: ListAbout): Promise<PartAnswer> {
    const read = await this.#inPages(name, about, { listed: false });
    return read.is === "absent" ? { is: "failed", place: [name], failure: TOO_LARGE } : read;
  }

  /** One property out of the whole state, for a name that no path carries. */
  async outOfTheWhole(place: Place): Promise<PartAnswer> {
    this.#full ??= this.get(["properties"], "?format=full").then((called) => readJsonAnswer(called, { listed: false }));
    const read = await this.#full;
    if (read.is !== "value") {
      const failure =
        read.is === "failed" ? read.failure : { reason: "The peer does not know ?format=full.", status: 404 };
      return { is: "failed", place, failure };
    }
    const { json, answer } = read.value;
    if (!isObject(json)) return { is: "failed", place, failure: { reason: "The peer's properties are no object." } };
    const [name = "", ...path] = place;
    const value = own(json, name);
    if (value === undefined) return { is: "absent", place };
    const marker = asListMarker(value);
    if (marker === undefined || path.length > 0) return within(place, value, path, positionOf(answer.headers));
    const items = own(value as JsonObject, "items");
    if (!isArray(items))
      return { is: "failed", place, failure: { reason: "The peer's whole state has no items of it." } };
    return { is: "part", part: compact({ place, ...listOf(items, marker), sequence: positionOf(answer.headers) }) };
  }

  /** One list, `?after=&limit=` until it ends. The list is too large when the peer pages differently, or not at all. */
  async #inPages(name: string, about: ListAbout, first: { readonly listed: boolean }): Promise<PartAnswer> {
    const place = [name];
    for (let attempt = 1; attempt <= PAGING_TRIES; attempt += 1) {
      const items: Json[] = [];
      const positions: (number | undefined)[] = [];
      let bytes = 0;
      let query = `?limit=${PAGE_ROWS}`;
      for (;;) {
        const called = await this.get(["properties", name], query);
        // The list changed while it was read: the earlier pages are of another version.
        if (!called.ok && called.status === 409) break;
        const read = readJsonAnswer(called, positions.length === 0 ? first : { listed: false });
        if (read.is === "failed") return { is: "failed", place, failure: read.failure };
        // The beginning was there: the list was deleted, or no page has that address.
        if (read.is === "absent" && positions.length > 0) break;
        if (read.is === "absent") return { is: "absent", place };
        const page = asPage(read.value.json);
        if (page === undefined)
          return { is: "failed", place, failure: { reason: "The peer's answer is no page of it." } };
        for (const item of page.items) items.push(item);
        bytes += jsonBytes(page.items);
        positions.push(positionOf(read.value.answer.headers));
        if (bytes > LIST_BYTES) return { is: "failed", place, failure: TOO_LARGE };
        const full = page.items.length === PAGE_ROWS;
        if (page.next === undefined && !full) {
          const known = positions.filter((position) => position !== undefined);
          const sequence = known.length === positions.length ? Math.min(...known) : undefined;
          return { is: "part", part: compact({ place, ...listOf(items, about), sequence }) };
        }
        if (page.items.length === 0) return { is: "failed", place, failure: TOO_LARGE };
        query = `?after=${encodeURIComponent(page.next ?? String(items.length - 1))}&limit=${PAGE_ROWS}`;
      }
    }
    return { is: "failed", place, failure: { reason: "The list keeps changing while it is read.", status: 409 } };
  }

  /** One GET that only says what something else is; its position does not count. */
  async answerOf(at: readonly string[] | string, query = ""): Promise<Remote<PeerAnswer>> {
    return this.#remote.call({ method: "GET", at, query, headers: this.#headers, maxBytes: STATE_BYTES });
  }

  #value(place: Place, read: ReadAnswer<PeerAnswer>): PartAnswer {
    if (read.is === "absent") return { is: "absent", place };
    return read.is === "failed" ? { is: "failed", place, failure: read.failure } : valuePart(place, read.value);
  }

  #count(headers: Readonly<Record<string, string>>, required: boolean): void {
    const position = positionOf(headers);
    if (position !== undefined) this.#lowest = Math.min(this.#lowest ?? position, position);
    else if (required) this.#positioned = false;
  }
}

const isAbsence = (status: number | undefined): boolean => status === 404 || status === 410;

/** The part that the answer for a place is, at `path` within it. */
export function valuePart(place: Place, answer: PeerAnswer, path: Place = []): PartAnswer {
  const value = valueOf(answer);
  if ("problem" in value) return { is: "failed", place, failure: { reason: value.problem, status: 200 } };
  return within(place, value.json, path, positionOf(answer.headers));
}

function within(place: Place, value: Json, path: Place, sequence: number | undefined): PartAnswer {
  let inner: Json | undefined = value;
  for (const key of path) inner = isObject(inner) ? own(inner, key) : undefined;
  if (inner === undefined) return { is: "absent", place };
  return { is: "part", part: compact({ place, kind: "value" as const, value: inner, sequence }) };
}

/** The content of a list part. */
export function listOf(items: readonly Json[], about: ListAbout): Omit<StatePart, "place"> {
  const { description, explanation } = about;
  return compact({ kind: "list" as const, items, description, explanation });
}

/** True for a 4xx that may only mean that the peer does not know `?metadata=true`, and for a 200 of another form. */
function isAboutTheForm({ status, tooLarge }: ReadFailure): boolean {
  if (status === 200 || tooLarge === true) return true;
  return status !== undefined && status >= 400 && status < 500 && !NOT_ABOUT_THE_FORM.has(status);
}
