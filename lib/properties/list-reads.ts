/** Reads of an actor's own lists: each of exactly one version. */
import { ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import type { Table } from "../dynamodb/table.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { jsonBytesInResult } from "../http/answer-size.ts";
import { LEAF_ELEMENTS, PageGone, PageReader } from "../lists/list-pages.ts";
import { listItems, pathTo, type Shape } from "../lists/list-read.ts";
import type { Json } from "../system/ports.ts";
import { pagePartition, type OwnList } from "./own-list.ts";

/**
 * The items from `start` on, at most `limit`, of exactly the version that was read; undefined when the list has changed
 * since. One request for each level and 100 pages, and one for the head.
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
 * The item at an index below the length. One request when it is on the last page, else one for each level; pages that
 * were read before take none. @throws PageGone
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

/** Most bytes of the items in one page, counted as in a function's result; an item alone on its page may take more. */
const PAGE_BYTES = 4 * 1_024 * 1_024;
/** Most items in one page. */
export const MAX_PAGE_ITEMS = 1_000;

/** A page of items. */
export interface ItemPage {
  readonly items: readonly Json[];
  /** A token for the page after this one, valid for this version only; absent on the last page. */
  readonly next?: string;
}

/** Where a page begins. `version`: the version of the page before, which this page must be of too. */
export interface PageStart {
  readonly start: number;
  readonly version?: number;
}

/** Reads `?after=`: an index, or the `next` of a page. @throws ServiceError request.invalid */
export function pageStart(after: string | null): PageStart {
  if (after === null) return { start: 0 };
  const [, version, at] = /^(?:(\d{1,16})\.)?(\d{1,16})$/.exec(after) ?? [];
  if (at === undefined || !Number.isSafeInteger(Number(at))) {
    throw new ServiceError("request.invalid", "after is an index, or what a page gave as next.", { field: "after" });
  }
  return version === undefined ? { start: Number(at) + 1 } : { start: Number(at), version: Number(version) };
}

/** Whether `?after=` is the `next` of a page. */
export const isPageToken = (after: string | null): boolean => after !== null && /^\d{1,16}\.\d{1,16}$/.test(after);

/** Reads `?limit=`, at most `MAX_PAGE_ITEMS`, which is the default too. @throws ServiceError request.invalid */
export function pageLimit(limit: string | null): number {
  if (limit === null) return MAX_PAGE_ITEMS;
  const requested = /^[1-9]\d{0,15}$/.test(limit) ? Number(limit) : Number.NaN;
  if (Number.isSafeInteger(requested)) return Math.min(requested, MAX_PAGE_ITEMS);
  throw new ServiceError("request.invalid", "limit is a number from 1 on.", { field: "limit" });
}

/** Reads items of a list; undefined when it has changed since its head was read. */
export type ItemReads = (list: OwnList, start: number, limit: number) => Promise<readonly Json[] | undefined>;

/**
 * One page of at most `limit` items and 4 MiB; undefined when the list has changed since its head was read.
 * @throws ServiceError resource.conflict when the list is another version than the page before
 */
export async function itemPage(
  read: ItemReads,
  list: OwnList,
  { start, version }: PageStart,
  limit: number,
): Promise<ItemPage | undefined> {
  if (version !== undefined && version !== list.last) throw changed();
  const { count, bytes } = list.shape;
  // As many as fit if all have the average size; the loop below cuts off what is too much.
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
  return compact({ items, next: end < count ? `${String(list.last)}.${String(end)}` : undefined });
}

/** The error for a reader of pages when the list has changed between two pages. */
export const changed = (): ServiceError =>
  new ServiceError("resource.conflict", "The list has changed since the page before; begin again.");
