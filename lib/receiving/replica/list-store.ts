import { compact } from "../../system/compact.ts";
import { createHash } from "node:crypto";
import { printJson } from "../../domain/json/json-text.ts";
import { editFor, valueToFind, type ListOperation } from "../../domain/diff/list-operations.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { listPartition, placeKey } from "../../dynamodb/keys/replica.ts";
import { always, itemExists, type Item, type Key, type Write } from "../../dynamodb/table.ts";
import type { Json } from "../../system/ports.ts";
import { toItem, unchangedSince, type ListEntry, type ReplicaEntry, type Tombstone } from "./replica-entry.ts";
import type { Replica } from "./peer-places.ts";
import { editWrites, elementsOf, orphanedParts } from "../../lists/list-commit.ts";
import { ListEdit } from "../../lists/list-edit.ts";
import { EMPTY_SHAPE, type Shape } from "../../lists/list-read.ts";
import { BUILDING_DELAY_MS, garbageItem, LEFT_DELAY_MS, type Generation } from "../../lists/list-garbage.ts";
import { findRows, type Row } from "../../lists/list-index.ts";
import { valueDigest, PageReader, type ListNode } from "../../lists/list-pages.ts";
import type { PlaceWrite, WritePolicy } from "./write-policy.ts";

/** The whole of a list, to be stored. */
export interface WholeList {
  readonly items: readonly Json[];
  readonly description?: string;
  readonly explanation?: string;
  readonly dirtyUntil?: number;
}

/**
 * The pages that were written together with a head, kept as long as the head object is: the next operation of the same
 * run need not read them. The transaction of that operation demands that the head is unchanged, and pages change only
 * with their head.
 */
const PAGES_OF = new WeakMap<ListEntry, ReadonlyMap<string, ListNode>>();

/** How many writes a transaction has beside the pages: the head, and garbage left or linked. */
const HEAD_WRITES = 1;
const BUILD_WRITES = 3;

/**
 * Lists as trees of pages under one head. Each method makes one attempt on the entry that the caller read and takes
 * effect in one write, on the condition that the entry is unchanged. It rejects with `ConditionFailed` or
 * `TransactionRefused` (nothing was written) or `PageGone` (the list has changed since).
 */
export class ListStore {
  readonly #deps: Replica;

  constructor(deps: Replica) {
    this.#deps = deps;
  }

  /**
   * Applies an operation to a stored list, or to none. Appending, extending, popping at the end, `clear` and metadata cost
   * the same at any length; an operation by index reads one page a level, one by value what matches.
   *
   * @returns undefined for an operation that is inapplicable: nothing was written
   */
  async operate(
    { place, policy }: PlaceWrite,
    stored: ListEntry | Tombstone | undefined,
    operation: ListOperation,
  ): Promise<ReplicaEntry | undefined> {
    const entry = stored?.type === "list" ? stored : undefined;
    const newId = idsOf(policy, stored);
    const generation = entry?.generation ?? newId();
    const partition = this.#partition(place, generation);
    const known = entry === undefined ? undefined : PAGES_OF.get(entry);
    const pages = new PageReader(this.#deps.table, partition, known?.values());
    const shape = entry === undefined ? EMPTY_SHAPE : shapeOf(entry);
    const { rows, matches } = await this.#matches(pages, shape, operation);
    const edit = editFor(operation, shape.count, matches);
    const stamp = { ...policy.stamp(stored), updatedAt: this.#deps.clock.now() };
    const base: ListEntry = { ...(entry ?? { type: "list", place, generation, ...EMPTY_SHAPE }), ...stamp };
    switch (edit.kind) {
      case "inapplicable":
        return undefined;
      case "delete_all":
        return this.put(stored, { type: "tombstone", place, ...stamp });
      case "clear":
        return this.put(stored, { ...withShape(base, EMPTY_SHAPE), generation: newId() });
      case "metadata": {
        const { kind: _kind, ...words } = edit;
        return this.put(stored, { ...base, ...words });
      }
      case "splice": {
        const change = new ListEdit(pages, shape, newId);
        const parts: Item[] = [];
        const elements = elementsOf(partition, edit.insert, newId, parts);
        const path = edit.remove === 1 ? rows.find((row) => row.index === edit.start)?.path : undefined;
        await change.splice(edit.start, edit.remove, elements, path);
        const next = withShape(base, change.shape);
        await this.put(
          stored,
          next,
          await editWrites(this.#deps.table, partition, change, { room: 100 - HEAD_WRITES, parts }),
        );
        PAGES_OF.set(next, pagesAfter(known, change));
        await this.#forget(orphanedParts(partition, change));
        return next;
      }
    }
  }

  /** Replaces whatever is stored by a whole list, in a new generation. One transaction when the list is short. */
  async build({ place, policy }: PlaceWrite, stored: ReplicaEntry | undefined, whole: WholeList): Promise<ListEntry> {
    const newId = idsOf(policy, stored);
    const digest = createHash("sha256");
    for (const item of whole.items) digest.update(valueDigest(item));
    const content = digest.digest("base64url").slice(0, 12);
    const generation = `${content}.${newId()}`;
    const partition = this.#partition(place, generation);
    const edit = new ListEdit(new PageReader(this.#deps.table, partition), EMPTY_SHAPE, newId);
    const { table, clock } = this.#deps;
    // A crash from here on may leave pages in the new partition: the sweep must find the partition before it has any.
    const isLong = whole.items.length > 60 || printJson(whole.items).length > 20_000;
    const building = garbageItem(this.#generation(place, generation), clock.now() + BUILDING_DELAY_MS);
    if (isLong) await table.put(building, always);
    const parts: Item[] = [];
    await edit.splice(0, 0, elementsOf(partition, whole.items, newId, parts));
    const { items: _items, ...words } = whole;
    const stamp = { ...policy.stamp(stored), updatedAt: clock.now() };
    const next: ListEntry = { type: "list", place, generation, ...stamp, ...words, ...edit.shape };
    const writes = await editWrites(table, partition, edit, { room: 100 - BUILD_WRITES, parts });
    const linked: Write[] = isLong ? [{ delete: { pk: building.pk, sk: building.sk }, condition: itemExists }] : [];
    return await this.put(stored, next, [...linked, ...writes]);
  }

  /**
   * Replaces whatever is stored by an entry, with `writes` in the same transaction. The pages of a generation that it
   * replaces are left to the sweep.
   */
  async put<Entry extends ReplicaEntry>(
    stored: ReplicaEntry | undefined,
    next: Entry,
    writes: readonly Write[] = [],
  ): Promise<Entry> {
    const { table, clock } = this.#deps;
    const item = toItem(this.#key(next.place), next);
    const condition = unchangedSince(stored);
    const all: Write[] = [{ put: item, condition }];
    if (stored?.type === "list" && (next.type !== "list" || next.generation !== stored.generation)) {
      const left = garbageItem(this.#generation(stored.place, stored.generation), clock.now() + LEFT_DELAY_MS);
      all.push({ put: left, condition: always });
    }
    all.push(...writes);
    // A single write is made without a transaction, which would cost twice as much.
    await (all.length === 1 ? table.put(item, condition) : table.transact(all));
    return next;
  }

  async #matches(
    pages: PageReader,
    shape: Shape,
    operation: ListOperation,
  ): Promise<{ rows: readonly Row[]; matches: { first?: number; count: number } }> {
    const sought = valueToFind(operation);
    if (sought === undefined) return { rows: [], matches: { count: 0 } };
    // Two rows are enough to know that the first is not the only one.
    const rows = await findRows(this.#deps.table, pages, shape, valueDigest(sought), 2);
    const [first] = rows;
    return { rows, matches: compact({ count: rows.length, first: first === undefined ? undefined : first.index }) };
  }

  #generation(place: Place, generation: string): Generation {
    const { actorId } = this.#deps;
    return { actorId, generation, pages: this.#partition(place, generation), head: this.#key(place) };
  }

  /** Deletes items that nothing refers to any more. Those whose deletion fails stay until their generation goes. */
  async #forget(keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#deps.table.deleteMany(keys).catch(() => undefined);
  }

  #key(place: Place): Key {
    return placeKey(this.#deps.actorId, this.#deps.peerId, place);
  }

  #partition(place: Place, generation: string): string {
    return listPartition(this.#deps, place, generation);
  }
}

const withShape = ({ root: _root, last: _last, spine: _spine, ...rest }: ListEntry, shape: Shape): ListEntry => ({
  ...rest,
  ...shape,
});

function shapeOf(list: ListEntry): Shape {
  const { count, bytes, height, root, last, spine } = list;
  return compact({ count, bytes, height, root, last, spine });
}

/** The pages that are known after a change. */
function pagesAfter(known: ReadonlyMap<string, ListNode> | undefined, change: ListEdit): ReadonlyMap<string, ListNode> {
  const pages = new Map([...(known ?? []), ...change.pages]);
  for (const id of [...change.dropped, ...change.reparented.keys()]) pages.delete(id);
  return pages;
}

/** Makes ids that are the same for the same write on the same entry, and differ otherwise. */
function idsOf({ seed }: WritePolicy, stored: ReplicaEntry | undefined): () => string {
  const state = stored === undefined ? [] : [stored.watermark, stored.type, stored.touched ?? 0];
  const generation = stored?.type === "list" ? stored.generation : "";
  const hash = createHash("sha256")
    .update(JSON.stringify([seed, generation, ...state]))
    .digest("base64url");
  let next = 0;
  return () => `${hash.slice(0, 11)}.${(next++).toString(36)}`;
}
