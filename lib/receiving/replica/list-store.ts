import { compact } from "../../system/compact.ts";
import { createHash } from "node:crypto";
import { printJson } from "../../domain/json/json-text.ts";
import { editFor, valueToFind } from "../../domain/diff/list-operations.ts";
import type { ListOperation } from "../../domain/diff/list-operations.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { listPartition, placeKey } from "../../dynamodb/keys/replica.ts";
import { always, itemExists } from "../../dynamodb/table.ts";
import type { Item, Key, Write } from "../../dynamodb/table.ts";
import type { Json } from "../../system/ports.ts";
import { toItem, unchangedSince } from "./replica-entry.ts";
import type { ListEntry, ReplicaEntry, Tombstone } from "./replica-entry.ts";
import type { Replica } from "./peer-places.ts";
import { editWrites, elementsOf, orphanedParts, TooWide } from "../../lists/list-commit.ts";
import { ListEdit } from "../../lists/list-edit.ts";
import { EMPTY_SHAPE } from "../../lists/list-read.ts";
import type { Shape } from "../../lists/list-read.ts";
import { BUILDING_DELAY_MS, garbageItem, LEFT_DELAY_MS } from "../../lists/list-garbage.ts";
import type { Generation } from "../../lists/list-garbage.ts";
import { findRows } from "../../lists/list-index.ts";
import type { Row } from "../../lists/list-index.ts";
import { digestOf, PageReader } from "../../lists/list-pages.ts";
import type { ListNode } from "../../lists/list-pages.ts";
import type { Stamp } from "./write-policy.ts";

/** A list as it is to become, whole. */
export interface WholeList {
  readonly items: readonly Json[];
  readonly description?: string;
  readonly explanation?: string;
  readonly dirtyUntil?: number;
}

/**
 * The pages that were written together with a head, kept as long as that very head is: the next operation of the same
 * run needs not read them. Its transaction demands the head unchanged, and pages change with their head only.
 */
const PAGES_OF = new WeakMap<ListEntry, ReadonlyMap<string, ListNode>>();

/** Writes beside the pages in one transaction: the head, and garbage left or taken up again. */
const HEAD_WRITES = 1;
const BUILD_WRITES = 3;

/**
 * Lists as trees of pages under one head. Each method makes one attempt on what the caller read and takes effect in
 * one transaction, conditional on the head being unchanged since: it rejects with `ConditionFailed` or
 * `TransactionRefused` (and nothing happened) or `PageGone` (what was read is no longer so).
 */
export class ListStore {
  readonly #deps: Replica;

  constructor(deps: Replica) {
    this.#deps = deps;
  }

  /**
   * Applies an operation to a list that is held, or to none. Appending, extending, popping at the end, `clear` and
   * metadata cost the same at any length; by index one read a level; by value what matches. Undefined: inapplicable,
   * nothing was written.
   */
  async operate(
    place: Place,
    stored: ListEntry | Tombstone | undefined,
    operation: ListOperation,
    stamp: Stamp,
    seed: string,
  ): Promise<ReplicaEntry | undefined> {
    const entry = stored?.type === "list" ? stored : undefined;
    const newId = idsOf(seed, stored);
    const generation = entry?.generation ?? newId();
    const partition = this.#partition(place, generation);
    const known = entry === undefined ? undefined : PAGES_OF.get(entry);
    const pages = new PageReader(this.#deps.table, partition, known?.values());
    const shape = entry === undefined ? EMPTY_SHAPE : shapeOf(entry);
    const { rows, matches } = await this.#matches(pages, shape, operation);
    const edit = editFor(operation, shape.count, matches);
    const base: ListEntry = { ...(entry ?? this.#empty(place, generation)), ...this.#stamp(stamp) };
    switch (edit.kind) {
      case "inapplicable":
        return undefined;
      case "delete_all":
        return this.#leave(stored, { type: "tombstone", place, ...this.#stamp(stamp) });
      case "clear": {
        const { root: _root, last: _last, spine: _spine, ...emptied } = base;
        return this.#leave(stored, { ...emptied, ...EMPTY_SHAPE, generation: newId() });
      }
      case "metadata": {
        const { kind: _kind, ...words } = edit;
        return this.#put(stored, { ...base, ...words });
      }
      case "splice": {
        const change = new ListEdit(pages, shape, newId);
        const parts: Item[] = [];
        const elements = elementsOf(partition, edit.insert, newId, parts);
        const path = edit.remove === 1 ? rows.find((row) => row.index === edit.start)?.path : undefined;
        await change.splice(edit.start, edit.remove, elements, path);
        const { root: _root, last: _last, spine: _spine, ...rest } = base;
        const next: ListEntry = { ...rest, ...change.shape };
        const writes = await editWrites(this.#deps.table, partition, change, { room: 100 - HEAD_WRITES, parts });
        await this.#deps.table.transact([this.#headWrite(stored, next), ...writes]);
        PAGES_OF.set(next, pagesAfter(known, change));
        await this.#forget(orphanedParts(partition, change));
        return next;
      }
    }
  }

  /** Puts a whole list in the place of whatever is stored, in a new generation. One transaction when it is short. */
  async build(
    place: Place,
    stored: ReplicaEntry | undefined,
    whole: WholeList,
    stamp: Stamp,
    seed: string,
  ): Promise<ListEntry> {
    const newId = idsOf(seed, stored);
    const digest = createHash("sha256");
    for (const item of whole.items) digest.update(digestOf(item));
    const content = digest.digest("base64url").slice(0, 12);
    const generation = `${content}.${newId()}`;
    const partition = this.#partition(place, generation);
    const edit = new ListEdit(new PageReader(this.#deps.table, partition), EMPTY_SHAPE, newId);
    const { table, clock } = this.#deps;
    // From here on something may be left in the new partition: the sweep gets to know of it before it is there.
    const isLong = whole.items.length > 60 || printJson(whole.items).length > 20_000;
    const building = garbageItem(this.#generation(place, generation), clock.now() + BUILDING_DELAY_MS);
    if (isLong) await table.put(building, always);
    const parts: Item[] = [];
    await edit.splice(0, 0, elementsOf(partition, whole.items, newId, parts));
    const { items: _items, ...words } = whole;
    const next: ListEntry = {
      ...this.#empty(place, generation),
      ...this.#stamp(stamp),
      ...words,
      ...edit.shape,
    };
    const writes = await editWrites(table, partition, edit, { room: 100 - BUILD_WRITES, parts });
    const linked: Write[] = isLong ? [{ delete: { pk: building.pk, sk: building.sk }, condition: itemExists }] : [];
    await this.#transact([this.#headWrite(stored, next), ...this.#leaving(stored), ...linked, ...writes]);
    return next;
  }

  /** Writes a place that is no list over whatever is stored; a list's pages are left to the sweep. */
  async put(stored: ReplicaEntry | undefined, next: ReplicaEntry): Promise<ReplicaEntry> {
    return stored?.type === "list" && next.type !== "list" ? this.#leave(stored, next) : this.#put(stored, next);
  }

  async #matches(
    pages: PageReader,
    shape: Shape,
    operation: ListOperation,
  ): Promise<{ rows: readonly Row[]; matches: { first?: number; count: number } }> {
    const sought = valueToFind(operation);
    if (sought === undefined) return { rows: [], matches: { count: 0 } };
    // Whether a row is unique is known at the second.
    const rows = await findRows(this.#deps.table, pages, shape, digestOf(sought), 2);
    const [first] = rows;
    return { rows, matches: compact({ count: rows.length, first: first === undefined ? undefined : first.index }) };
  }

  async #put(stored: ReplicaEntry | undefined, next: ReplicaEntry): Promise<ReplicaEntry> {
    await this.#deps.table.put(toItem(this.#key(next.place), next), unchangedSince(stored));
    return next;
  }

  async #leave(stored: ReplicaEntry | undefined, next: ReplicaEntry): Promise<ReplicaEntry> {
    await this.#transact([this.#headWrite(stored, next), ...this.#leaving(stored)]);
    return next;
  }

  #headWrite(stored: ReplicaEntry | undefined, next: ReplicaEntry): Write {
    return { put: toItem(this.#key(next.place), next), condition: unchangedSince(stored) };
  }

  #leaving(stored: ReplicaEntry | undefined): Write[] {
    if (stored?.type !== "list") return [];
    const dueAt = this.#deps.clock.now() + LEFT_DELAY_MS;
    return [{ put: garbageItem(this.#generation(stored.place, stored.generation), dueAt), condition: always }];
  }

  #generation(place: Place, generation: string): Generation {
    const { actorId } = this.#deps;
    return { actorId, generation, pages: this.#partition(place, generation), head: this.#key(place) };
  }

  /** One write alone needs no transaction, which would cost twice. */
  async #transact(writes: readonly Write[]): Promise<void> {
    const [only] = writes;
    if (writes.length === 1 && only !== undefined && "put" in only) {
      await this.#deps.table.put(only.put, only.condition);
    } else {
      await this.#deps.table.transact(writes);
    }
  }

  /** Deletes what nothing refers to any more; failing leaves it until its generation goes. */
  async #forget(keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#deps.table.deleteMany(keys).catch(() => undefined);
  }

  #empty(place: Place, generation: string): Omit<ListEntry, "watermark" | "sequence" | "updatedAt"> {
    return { type: "list", place, generation, ...EMPTY_SHAPE };
  }

  #stamp(stamp: Stamp): Stamp & { readonly updatedAt: number } {
    return { ...stamp, updatedAt: this.#deps.clock.now() };
  }

  #key(place: Place): Key {
    return placeKey(this.#deps.actorId, this.#deps.peerId, place);
  }

  #partition(place: Place, generation: string): string {
    return listPartition(this.#deps.actorId, this.#deps.peerId, place, generation);
  }
}

/** Whether an error says that a list cannot be changed by this operation, only be read again. */
export const isTooWide = (error: unknown): boolean => error instanceof TooWide;

function shapeOf(list: ListEntry): Shape {
  const { count, bytes, height, root, last, spine } = list;
  return compact({ count, bytes, height, root, last, spine });
}

/** What is known of a list's pages after a change. */
function pagesAfter(known: ReadonlyMap<string, ListNode> | undefined, change: ListEdit): ReadonlyMap<string, ListNode> {
  const pages = new Map([...(known ?? []), ...change.pages]);
  for (const id of [...change.dropped, ...change.reparented.keys()]) pages.delete(id);
  return pages;
}

/** Ids that are the same for the same write on the same state, and differ otherwise. */
function idsOf(seed: string, stored: ReplicaEntry | undefined): () => string {
  const state = stored === undefined ? [] : [stored.watermark, stored.type, stored.touched ?? 0];
  const generation = stored?.type === "list" ? stored.generation : "";
  const hash = createHash("sha256")
    .update(JSON.stringify([seed, generation, ...state]))
    .digest("base64url");
  let next = 0;
  return () => `${hash.slice(0, 11)}.${(next++).toString(36)}`;
}
