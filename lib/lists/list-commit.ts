/** The writes of an edit of a list's tree. */
import { printJson } from "../domain/json/json-text.ts";
import { cutText } from "../domain/json/json.ts";
import { listElementKey, listPageKey } from "../dynamodb/keys/replica.ts";
import {
  always,
  itemExists,
  MAX_TRANSACTION_WRITES,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../dynamodb/table.ts";
import type { Json } from "../system/ports.ts";
import { bucketChanges, bucketWrites } from "./list-index.ts";
import type { ListEdit } from "./list-edit.ts";
import { joinAll, putAll, putEach, TRANSACTION_BYTES } from "./list-layout.ts";
import { valueDigest, INLINE_BYTES, inlineBytes, nodeItem, type Element, type ListNode } from "./list-pages.ts";

/** Most bytes of a page besides its elements. */
const PAGE_BYTES = 3 * 1024;

/** An edit touches more items than fit into one transaction. The caller rebuilds the list, or reads it again. */
export class TooWide extends Error {
  override readonly name = "TooWide";
  constructor() {
    super("A list operation touches more items than fit into one transaction.");
  }
}

/** How an edit is written. */
export interface EditLayout {
  /** Most writes that it adds to the transaction of the list's head. */
  readonly room: number;
  /** Most bytes of the pages among them. */
  readonly bytes?: number;
  /** The parts of big elements, as `elementsOf` made them. */
  readonly parts: readonly Item[];
  /** Gets the keys of the items that are written beforehand. */
  readonly laid?: Key[];
  /**
   * Called before several items are written beforehand, so that the sweep finds them when the change fails. The write
   * that it resolves with joins the transaction, beside `room`.
   */
  readonly announce?: () => Promise<Write>;
}

/**
 * The writes that make an edit real together with the list's head. Fresh pages that do not fit into `room` are written
 * beforehand, under keys that nothing refers to yet, where a repetition of the same change finds them; so are the parts
 * of big elements. One request for each 100 pages, and for each 100 buckets of the index.
 *
 * @throws TooWide when the stored pages do not fit either; nothing is written then
 */
export async function editWrites(
  table: Table,
  partition: string,
  edit: ListEdit,
  { room, bytes = TRANSACTION_BYTES, parts, laid = [], announce }: EditLayout,
): Promise<Write[]> {
  const pages = [...edit.pages.values()].filter((page) => !edit.dropped.has(page.id));
  const stored = pages.filter((page) => !edit.fresh.has(page.id));
  const changes = bucketChanges(edit);
  const rest = edit.dropped.size + edit.reparented.size;
  const together = new Set([...changes.fresh.keys(), ...changes.other.keys()]).size;
  const beforehand = pages.length + together + rest > room || bytesOf(pages) > bytes;
  const writes: Write[] = [];
  if (beforehand) {
    const most = Math.min(room, MAX_TRANSACTION_WRITES);
    if (stored.length + changes.other.size + rest > most || bytesOf(stored) > bytes) throw new TooWide();
  }
  if (announce !== undefined && (beforehand || parts.length > 1)) writes.push(await announce());
  laid.push(...parts.map(({ pk, sk }) => ({ pk, sk })));
  await putEach(table, parts);
  if (beforehand) {
    const fresh = pages.filter((page) => edit.fresh.has(page.id));
    laid.push(...fresh.map((page) => listPageKey(partition, page.id)));
    await putAll(
      table,
      fresh.map((page) => ({ item: nodeItem(partition, page), bytes: bytesOf([page]) })),
    );
    await joinAll(table, await bucketWrites(table, partition, changes.fresh));
  } else {
    for (const [name, { add }] of changes.fresh) {
      const other = changes.other.get(name);
      if (other === undefined) changes.other.set(name, { add: new Set(add), discard: new Set() });
      else for (const entry of add) other.add.add(entry);
    }
  }
  return [
    ...writes,
    ...(beforehand ? stored : pages).map((page): Write => ({ put: nodeItem(partition, page), condition: always })),
    ...[...edit.reparented].map(([id, parent]): Write => ({
      update: listPageKey(partition, id),
      change: { set: { parent } },
      condition: itemExists,
    })),
    ...[...edit.dropped].map((id): Write => ({ delete: listPageKey(partition, id), condition: always })),
    ...(await bucketWrites(table, partition, changes.other)),
  ];
}

const bytesOf = (pages: readonly ListNode[]): number =>
  pages.reduce(
    (sum, page) =>
      sum + PAGE_BYTES + (page.kind === "leaf" ? page.elements.reduce((all, one) => all + inlineBytes(one), 0) : 0),
    0,
  );

/**
 * Values as elements of leaves. The parts of elements over 32 KB, of 300 KB each, join `parts` under ids from `newId`.
 */
export function elementsOf(
  partition: string,
  values: readonly Json[],
  newId: () => string,
  parts: Item[],
): readonly Element[] {
  return values.map((value): Element => {
    const text = printJson(value);
    const bytes = Buffer.byteLength(text);
    if (bytes <= INLINE_BYTES) return { text };
    const ref = newId();
    const texts = cutText(text);
    parts.push(...texts.map((part, index) => ({ ...listElementKey(partition, ref, index), text: part })));
    return { ref, parts: texts.length, bytes, digest: valueDigest(value) };
  });
}

/** The keys of the parts of big elements that are in no leaf after an edit. */
export function orphanedParts(partition: string, edit: ListEdit): Key[] {
  const kept = new Set(
    [...edit.pages.values()].flatMap((page) =>
      page.kind === "leaf" && !edit.dropped.has(page.id)
        ? page.elements.flatMap((element) => ("ref" in element ? element.ref : []))
        : [],
    ),
  );
  return [...edit.before.values()]
    .flatMap((leaf) => leaf.elements)
    .flatMap((element) => {
      if (!("ref" in element) || kept.has(element.ref)) return [];
      return Array.from({ length: element.parts }, (_, part) => listElementKey(partition, element.ref, part));
    });
}
