import { isArray, jsonBytes } from "../domain/json.ts";
import type { Json, PeerAnswer } from "../ports.ts";
import type { StatePart } from "../peer-data/incoming.ts";
import { readJson, type RemoteActor } from "./remote-actor.ts";
import type { Remote, RemoteFailure } from "./remote-answer.ts";
import { asInventory, asPage, type Inventory, type ListAbout, positionOf, valueOf } from "./state-answers.ts";

/** Most bytes of one answer with state in it. */
const STATE_BYTES = 6 * 1024 * 1024;
/** Rows asked for at a time, when a list is too large for one answer. */
const PAGE_ROWS = 500;
/** Most bytes of a list read in pages; a larger one is left as diverged. */
const LIST_BYTES = 32 * 1024 * 1024;
/** Times a list is begun again because it changed while it was read. */
const PAGING_TRIES = 3;

/**
 * One part as it was read. `absent`: not there, or not for us to see. `diverged`: too large to read, or it makes no
 * sense; asking again would not help. `failed`: asking again may.
 */
export type PartRead =
  | { readonly is: "part"; readonly part: StatePart }
  | { readonly is: "absent" }
  | { readonly is: "diverged" }
  | { readonly is: "failed"; readonly failure: RemoteFailure };

/** Reads pieces of a peer's state for one subscription, and remembers the lowest position of all it read. */
export class StateReader {
  readonly #remote: RemoteActor;
  readonly #headers: Readonly<Record<string, string>>;
  #lowest: number | undefined;
  #positioned = true;

  constructor(remote: RemoteActor, subscriptionId: string) {
    this.#remote = remote;
    this.#headers = { "x-actingweb-subscription": subscriptionId };
  }

  /** The lowest position of what was read; undefined when an answer that counted had none. */
  get position(): number | undefined {
    return this.#positioned ? this.#lowest : undefined;
  }

  /** One GET whose answer counts: its position is that of something we hold afterwards. */
  async get(at: readonly string[] | string, query = ""): Promise<Remote<PeerAnswer>> {
    const called = await this.peek(at, query);
    if (called.ok) this.#count(called.value.headers, true);
    // That something is not there is knowledge too; but not every peer says as of when, and the rest still bounds it.
    else if (called.status === 404) this.#count(called.headers ?? {}, false);
    return called;
  }

  /**
   * What there is to read; undefined when the peer does not know this form. `counts`: the names are part of the state,
   * and so is the answer's position; without it they only tell what something else is.
   */
  async inventory(counts: boolean): Promise<Remote<Inventory | undefined>> {
    const called = await this.peek(["properties"], "?metadata=true");
    if (!called.ok) {
      const unknown = called.kind === "refused" || called.kind === "nonsense";
      return unknown ? { ok: true, value: undefined, status: called.status ?? 0 } : called;
    }
    const json = readJson(called.value);
    const inventory = json === undefined ? undefined : asInventory(json);
    if (inventory !== undefined && counts) this.#count(called.value.headers, true);
    return { ok: true, value: inventory, status: called.status };
  }

  /** One property that is no list. */
  async property(name: string): Promise<PartRead> {
    const called = await this.get(["properties", name]);
    if (!called.ok) return unread(called);
    const value = valueOf(called.value);
    return value === undefined ? { is: "diverged" } : part(name, { kind: "value", value }, called.value);
  }

  /** One list: whole, or page by page when it is too large for that. */
  async list(name: string, about: ListAbout): Promise<PartRead> {
    if (about.bytes > STATE_BYTES) return this.listInPages(name, about);
    const called = await this.get(["properties", name]);
    if (!called.ok) return called.kind === "too_large" ? this.tooLarge(name, about) : unread(called);
    const value = valueOf(called.value);
    if (value === undefined) return { is: "diverged" };
    // It may have become an ordinary property since we were told that it is a list.
    return part(name, isArray(value) ? listOf(value, about) : { kind: "value", value }, called.value);
  }

  /**
   * What was too large for one answer: perhaps it comes in pages. It is there, so a peer that then says otherwise does not
   * know the form.
   */
  async tooLarge(name: string, about: ListAbout): Promise<PartRead> {
    const read = await this.listInPages(name, about);
    return read.is === "absent" ? { is: "diverged" } : read;
  }

  /** One list, `?after=&limit=` until it ends. A peer that pages differently, or not at all, leaves it as diverged. */
  async listInPages(name: string, about: ListAbout): Promise<PartRead> {
    for (let attempt = 1; attempt <= PAGING_TRIES; attempt += 1) {
      const items: Json[] = [];
      const positions: (number | undefined)[] = [];
      let bytes = 0;
      let query = `?limit=${PAGE_ROWS}`;
      for (;;) {
        const called = await this.get(["properties", name], query);
        // Changed while it was read: what has been read so far is of another version.
        if (!called.ok && called.status === 409) break;
        if (!called.ok) return unread(called);
        const json = readJson(called.value);
        const page = json === undefined ? undefined : asPage(json);
        if (page === undefined) return { is: "diverged" };
        for (const item of page.items) items.push(item);
        bytes += jsonBytes(page.items);
        positions.push(positionOf(called.value.headers));
        if (bytes > LIST_BYTES) return { is: "diverged" };
        const full = page.items.length === PAGE_ROWS;
        if (page.next === undefined && !full) {
          const known = positions.filter((position) => position !== undefined);
          const sequence = known.length === positions.length ? Math.min(...known) : undefined;
          const read = { place: [name], ...listOf(items, about) };
          return { is: "part", part: sequence === undefined ? read : { ...read, sequence } };
        }
        if (page.items.length === 0) return { is: "diverged" };
        query = `?after=${encodeURIComponent(page.next ?? String(items.length - 1))}&limit=${PAGE_ROWS}`;
      }
    }
    return { is: "failed", failure: { ok: false, kind: "server", status: 409, message: "The list keeps changing." } };
  }

  /** One GET that only tells what something else is; its position does not count. */
  async peek(at: readonly string[] | string, query = ""): Promise<Remote<PeerAnswer>> {
    return this.#remote.call({ method: "GET", at, query, headers: this.#headers, maxBytes: STATE_BYTES });
  }

  #count(headers: Readonly<Record<string, string>>, required: boolean): void {
    const position = positionOf(headers);
    if (position !== undefined) this.#lowest = Math.min(this.#lowest ?? position, position);
    else if (required) this.#positioned = false;
  }
}

/** The content of a list part. */
export function listOf(items: readonly Json[], about: ListAbout): Omit<StatePart, "place"> {
  const { description, explanation } = about;
  return {
    kind: "list",
    items,
    ...(description === undefined ? {} : { description }),
    ...(explanation === undefined ? {} : { explanation }),
  };
}

function part(name: string, content: Omit<StatePart, "place">, answer: PeerAnswer): PartRead {
  const sequence = positionOf(answer.headers);
  return { is: "part", part: { place: [name], ...content, ...(sequence === undefined ? {} : { sequence }) } };
}

/** What it means for one part that it could not be read. */
export function unread(failure: RemoteFailure): PartRead {
  if (failure.kind === "too_large" || failure.kind === "nonsense" || failure.kind === "blocked")
    return { is: "diverged" };
  // Our credentials, or our pace, are not about this part.
  const general = failure.status === 401 || failure.status === 408 || failure.status === 429;
  if (failure.kind === "refused" && !general) return { is: "absent" };
  return { is: "failed", failure };
}
