/** Reads of an actor's own lists: each of exactly one version. */
import { ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import type { Table } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { jsonBytesInResult } from "../http/answer-size.ts";
import { pathTo } from "../lists/list-edit.ts";
import type { Shape } from "../lists/list-edit.ts";
import { LEAF_ELEMENTS, PageGone, PageReader } from "../lists/list-pages.ts";
import { listItems } from "../lists/list-read.ts";
import type { Json } from "../system/ports.ts";
import { pagePartition } from "./own-list.ts";
import type { OwnList } from "./own-list.ts";

/**
 * The items of the very version that the head is of, from `start` on, at most `limit`; undefined when the list has
 * changed since the head was read. One request for each level and 100 pages, and one for the head.
 */
export async function itemsOfVersion(
  table: Table,
  actorId: string,
  list: OwnList,
  start: number,
  limit: number,
): Promise<readonly Json[] | undefined> {
  try {
    const pages = new PageReader(table, pagePartition(actorId, list));
    const items = await listItems(pages, list.shape, start, limit);
    if (items.length === 0) return items;
    const now = await table.get(ownPropertyKey(actorId, list.name), { only: ["last"] });
    return now?.["last"] === list.last ? items : undefined;
  } catch (error) {
    if (error instanceof PageGone) return undefined;
    throw error;
  }
}

/**
 * One item of a list that has it. One request when it is on the last page, else one a level; what has been read is not
 * read again. @throws PageGone
 */
export async function itemAt(pages: PageReader, shape: Shape, index: number): Promise<Json> {
  const tail = index >= shape.count - LEAF_ELEMENTS ? await pages.node(shape.last ?? "") : undefined;
  const fromTail = tail?.kind === "leaf" ? index - (shape.count - tail.elements.length) : -1;
  const { leaf, offset } =
    tail?.kind === "leaf" && fromTail >= 0 ? { leaf: tail, offset: fromTail } : await pathTo(pages, shape, index);
  const [item] = await pages.values(leaf.elements.slice(offset, offset + 1));
  if (item === undefined) throw new PageGone();
  return item;
}

/** Most bytes of the items in one page, as they go into a function's result; one item alone may take more. */
const PAGE_BYTES = 4 * 1_024 * 1_024;
/** Most items in one page. */
export const MAX_PAGE_ITEMS = 1_000;

/** A page of items, as its reader goes on from it. */
export interface ItemPage {
  readonly items: readonly Json[];
  /** Stands for what comes after, in this version only; absent on the last page. */
  readonly next?: string;
}

/** Where a page begins, and the version it must be of, when the one before was of it. */
export interface PageStart {
  readonly start: number;
  readonly version?: number;
}

/** What `?after=` says: an index, or what a page before gave as `next`. @throws ServiceError request.invalid */
export function pageStart(after: string | null): PageStart {
  if (after === null) return { start: 0 };
  const [, version, at] = /^(?:(\d{1,16})\.)?(\d{1,16})$/.exec(after) ?? [];
  if (at === undefined || !Number.isSafeInteger(Number(at))) {
    throw new ServiceError("request.invalid", "after is an index, or what a page gave as next.", { field: "after" });
  }
  return version === undefined ? { start: Number(at) + 1 } : { start: Number(at), version: Number(version) };
}

/** Whether `?after=` goes on from a page of a list. */
export const isPageToken = (after: string | null): boolean => after !== null && /^\d{1,16}\.\d{1,16}$/.test(after);

/** What `?limit=` says; more than a page holds stands for that. @throws ServiceError request.invalid */
export function pageLimit(limit: string | null): number {
  if (limit === null) return MAX_PAGE_ITEMS;
  const requested = /^[1-9]\d{0,15}$/.test(limit) ? Number(limit) : Number.NaN;
  if (Number.isSafeInteger(requested)) return Math.min(requested, MAX_PAGE_ITEMS);
  throw new ServiceError("request.invalid", "limit is a number from 1 on.", { field: "limit" });
}

/** Items of the version that a head is of; undefined when the list has changed since. */
export type ItemReads = (list: OwnList, start: number, limit: number) => Promise<readonly Json[] | undefined>;

/** One page of at most `limit` items and 4 MiB. Undefined when the list has changed since the head was read. */
export async function itemPage(
  read: ItemReads,
  list: OwnList,
  { start, version }: PageStart,
  limit: number,
): Promise<ItemPage | undefined> {
  if (version !== undefined && version !== list.last) throw changed();
  const { count, bytes } = list.shape;
  // As many as fit when all are of the average size; what is larger is cut off below.
  const average = Math.max(1, Math.floor(bytes / Math.max(1, count)));
  const requested = Math.max(1, Math.min(limit, Math.ceil(PAGE_BYTES / average)));
  const found = await read(list, start, requested);
  if (found === undefined) return undefined;
  const items: Json[] = [];
  let taken = 0;
  for (const item of found) {
    taken += jsonBytesInResult(item) + 1;
    if (items.length > 0 && taken > PAGE_BYTES) break;
    items.push(item);
  }
  const end = start + items.length;
  return { items, ...(end < count ? { next: `${String(list.last)}.${String(end)}` } : {}) };
}

/** The answer to a page's reader that goes on after the list has changed. */
export const changed = (): ServiceError =>
  new ServiceError("resource.conflict", "The list has changed since the page before; begin again.");
