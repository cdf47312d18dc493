import { cutText } from "./value-body.ts";
import { listElementKey, listPageKey } from "../dynamodb/keys-peer-data.ts";
import { always, ConditionFailed, itemExists, itemMissing, MAX_TRANSACTION_WRITES } from "../dynamodb/table.ts";
import type { Item, Key, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../errors.ts";
import type { Json } from "../ports.ts";
import { inParallel } from "./in-parallel.ts";
import { bucketChanges, bucketWrites } from "./list-index.ts";
import type { ListEdit } from "./list-edit.ts";
import { digestOf, INLINE_BYTES, inlineBytes, nodeItem } from "./list-pages.ts";
import type { Element } from "./list-pages.ts";

/** Writes under way at a time when pages are laid out beforehand. */
const WRITES_AT_ONCE = 16;
/** A transaction takes 4 MB; this leaves room for what is not counted here. */
const TRANSACTION_BYTES = 2.5 * 1024 * 1024;
/** What the page of a tree takes besides its elements, at most. */
const PAGE_BYTES = 3 * 1024;

const PUT_ATTEMPTS = 5;

/** The operation touches more items than one transaction takes. The list is to be read again, which rebuilds it. */
export class TooWide extends Error {
  override readonly name = "TooWide";
  constructor() {
    super("A list operation touches more items than one transaction takes.");
  }
}

/**
 * The writes that make an edit real together with the list's head, at most `room` of them. What is too much for that,
 * or for `roomBytes`, is first written beforehand, under keys nothing refers to yet, which join `laid`: a redo of the same
 * turn finds it there. @throws TooWide
 */
export async function editWrites(
  table: Table,
  partition: string,
  edit: ListEdit,
  room: number,
  roomBytes: number = TRANSACTION_BYTES,
  laid: Key[] = [],
): Promise<Write[]> {
  const pages = [...edit.pages.values()].filter((page) => !edit.dropped.has(page.id));
  const changes = bucketChanges(edit);
  const rest = edit.dropped.size + edit.reparented.size;
  const together = new Set([...changes.fresh.keys(), ...changes.other.keys()]).size;
  const bytes = pages.reduce(
    (sum, page) =>
      sum + PAGE_BYTES + (page.kind === "leaf" ? page.elements.reduce((all, one) => all + inlineBytes(one), 0) : 0),
    0,
  );
  const beforehand = pages.length + together + rest > room || bytes > roomBytes;
  if (beforehand) {
    const fresh = pages.filter((page) => edit.fresh.has(page.id));
    laid.push(...fresh.map((page) => listPageKey(partition, page.id)));
    await inParallel(fresh, WRITES_AT_ONCE, (page) => putOnce(table, nodeItem(partition, page)));
    // These only join sets, so whoever does it again, however late, takes nothing away.
    const joins = await bucketWrites(table, partition, changes.fresh);
    await inParallel(joins, WRITES_AT_ONCE, async (join) => {
      if ("update" in join) await table.update(join.update, join.change, join.condition);
    });
  } else {
    for (const [name, { add }] of changes.fresh) {
      const other = changes.other.get(name);
      if (other === undefined) changes.other.set(name, { add: new Set(add), discard: new Set() });
      else for (const entry of add) other.add.add(entry);
    }
  }
  const writes: Write[] = [
    ...pages
      .filter((page) => !beforehand || !edit.fresh.has(page.id))
      .map((page): Write => ({ put: nodeItem(partition, page), condition: always })),
    ...[...edit.reparented].map(([id, parent]): Write => ({
      update: listPageKey(partition, id),
      change: { set: { parent } },
      condition: itemExists,
    })),
    ...[...edit.dropped].map((id): Write => ({ delete: listPageKey(partition, id), condition: always })),
    ...(await bucketWrites(table, partition, changes.other)),
  ];
  if (writes.length > Math.min(room, MAX_TRANSACTION_WRITES)) throw new TooWide();
  return writes;
}

/**
 * Elements as leaves hold them; those over 32 KB are written now, under ids of this turn (one write per 300 KB), and their
 * keys join `laid`.
 */
export async function layOut(
  table: Table,
  partition: string,
  values: readonly Json[],
  newId: () => string,
  laid: Key[] = [],
): Promise<Element[]> {
  return inParallel(values, WRITES_AT_ONCE, async (value) => {
    const text = JSON.stringify(value);
    const bytes = Buffer.byteLength(text);
    if (bytes <= INLINE_BYTES) return { text };
    const ref = newId();
    const parts = cutText(text);
    laid.push(...parts.map((_, index) => listElementKey(partition, ref, index)));
    await inParallel(parts, WRITES_AT_ONCE, (part, index) =>
      putOnce(table, { ...listElementKey(partition, ref, index), text: part }),
    );
    return { ref, parts: parts.length, bytes, digest: digestOf(value) };
  });
}

/** The keys of big elements that an edit leaves without a leaf. */
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

/** Ids are those of one turn on one state of the list, so an item that is there already is the same item. */
async function putOnce(table: Table, item: Item): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await table.put(item, itemMissing);
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      // Refused, and yet nothing is there: it was not the condition, so it has to be written still.
      if (error.item !== undefined) return;
      if (attempt === PUT_ATTEMPTS) throw new ServiceError("service.unavailable", "A page could not be written.");
    }
  }
}
