/**
 * The table port: the few DynamoDB operations this service uses, with conditions and changes as data.
 *
 * Two adapters implement it and pass the same contract suite: `document-table.ts` (DynamoDB and the local emulator)
 * and the in-memory table of the tests. Keys are built in the folder `keys` only.
 */

import type { DueItem } from "../system/ports.ts";

/** What an attribute may hold. Numbers are JavaScript numbers; sets are DynamoDB number or string sets (never empty). */
export type Attribute =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | ReadonlySet<number>
  | ReadonlySet<string>
  | readonly Attribute[]
  | { readonly [name: string]: Attribute };

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** One stored item: its key and its attributes. An absent attribute is absent, never `undefined`. */
export type Item = Key & { readonly [name: string]: Attribute };

/** Finds an item among these by its key. */
export function itemIn(items: readonly Item[]): (key: Key) => Item | undefined {
  const nameOf = ({ pk, sk }: Key): string => `${pk}\n${sk}`;
  const byName = new Map(items.map((item) => [nameOf(item), item]));
  return (key) => byName.get(nameOf(key));
}

/** A condition on one item, over its top-level attributes. Built with the functions below, never by hand. */
export type Condition =
  | { readonly is: "always" }
  | { readonly is: "exists" | "missing"; readonly name: string }
  | {
      readonly is: "equals" | "differs" | "below" | "atMost" | "above" | "atLeast";
      readonly name: string;
      readonly value: Attribute;
    }
  | { readonly is: "contains"; readonly name: string; readonly value: string | number }
  | { readonly is: "sizeBelow" | "sizeEquals"; readonly name: string; readonly value: number }
  | { readonly is: "all" | "any"; readonly of: readonly Condition[] }
  | { readonly is: "not"; readonly of: Condition };

/** For the rare write that is right whatever is stored; each use says why. */
export const always: Condition = { is: "always" };
/** The attribute exists, whatever its value. */
export const exists = (name: string): Condition => ({ is: "exists", name });
/** The attribute does not exist. */
export const missing = (name: string): Condition => ({ is: "missing", name });
/** The item exists. */
export const itemExists: Condition = exists("pk");
/** The item does not exist. */
export const itemMissing: Condition = missing("pk");
/**
 * Comparisons are false when the attribute is missing, as in DynamoDB (`differs` is true then). Scalars, bytes and sets
 * only: lists and maps are refused.
 */
export const equals = (name: string, value: Attribute): Condition => ({ is: "equals", name, value });
/** The attribute has another value, or none. */
export const differs = (name: string, value: Attribute): Condition => ({ is: "differs", name, value });
/** The attribute is a lower number, or a string that sorts before; false when the types differ. */
export const below = (name: string, value: number | string): Condition => ({ is: "below", name, value });
/** `below`, or equal. */
export const atMost = (name: string, value: number | string): Condition => ({ is: "atMost", name, value });
/** The attribute is a higher number, or a string that sorts after; false when the types differ. */
export const above = (name: string, value: number | string): Condition => ({ is: "above", name, value });
/** `above`, or equal. */
export const atLeast = (name: string, value: number | string): Condition => ({ is: "atLeast", name, value });
/** The attribute is a set with that value. */
export const contains = (name: string, value: string | number): Condition => ({ is: "contains", name, value });
/**
 * The number of elements of a set or list, or the bytes of a string (the emulator counts characters: ASCII only). False
 * when the attribute is missing.
 */
export const sizeBelow = (name: string, value: number): Condition => ({ is: "sizeBelow", name, value });
/** The size is exactly this, counted as by `sizeBelow`. */
export const sizeEquals = (name: string, value: number): Condition => ({ is: "sizeEquals", name, value });
/** All of the conditions hold. */
export const all = (...of: readonly Condition[]): Condition => ({ is: "all", of });
/** At least one of the conditions holds. */
export const any = (...of: readonly Condition[]): Condition => ({ is: "any", of });
/** The condition does not hold; true also where a comparison is false because the attribute is missing. */
export const not = (of: Condition): Condition => ({ is: "not", of });

/** One update: each attribute at most once over all fields. */
export interface Change {
  readonly set?: { readonly [name: string]: Attribute };
  /** Attributes to set unless they exist. */
  readonly setIfMissing?: { readonly [name: string]: Attribute };
  /** Numbers to add (a missing attribute counts as 0), or elements to add to a set. */
  readonly add?: { readonly [name: string]: number | ReadonlySet<number> | ReadonlySet<string> };
  /** Elements to remove from a set; an empty set is removed. */
  readonly discard?: { readonly [name: string]: ReadonlySet<number> | ReadonlySet<string> };
  readonly remove?: readonly string[];
}

export type Write =
  | { readonly put: Item; readonly condition: Condition }
  | { readonly update: Key; readonly change: Change; readonly condition: Condition }
  | { readonly delete: Key; readonly condition: Condition }
  | { readonly check: Key; readonly condition: Condition };

export interface QueryRange {
  readonly pk: string;
  /** Sort keys that begin with this. With `after` or `until`: within that prefix. Empty: the whole partition. */
  readonly prefix: string;
  /** Only sort keys greater than this (exclusive). */
  readonly after?: string;
  /** Only sort keys up to this (inclusive). */
  readonly until?: string;
  readonly descending?: boolean;
  /** Most items to return, at least 1. Pages of DynamoDB (1 MB) may return fewer. */
  readonly limit?: number;
  /** The attributes to return besides the key [all]. */
  readonly only?: readonly string[];
  /** Strongly consistent unless false. */
  readonly consistent?: boolean;
}

export interface Page {
  readonly items: readonly Item[];
  /**
   * The sort key to pass as `after` (ascending order) for the next page, which may prove empty; absent when there is
   * nothing more. In descending order the cursor only says that there may be more, below it.
   */
  readonly next?: string;
}

/** The two indexes of actors that have changed, each with the attribute of its times. */
export const feedTimes = { feed1: "feedAt1", feed2: "feedAt2" } as const;
export type FeedIndex = keyof typeof feedTimes;

/** An item of a feed index: its key, and the time up to which it covers changes, ms since 1970. */
export type FeedItem = Key & { readonly feedAt: number };

export interface FeedPage {
  readonly items: readonly FeedItem[];
  /** Absent: there is nothing more. */
  readonly next?: FeedItem;
}

/** The condition did not hold; nothing was written. `item` is the stored item, absent when there is none. */
export class ConditionFailed extends Error {
  override readonly name = "ConditionFailed";
  readonly item: Item | undefined;
  constructor(item: Item | undefined) {
    super("The condition of a write did not hold.");
    this.item = item;
  }
}

/** A transaction was refused as a whole; nothing was written. One reason per write, in order. */
export class TransactionRefused extends Error {
  override readonly name = "TransactionRefused";
  /**
   * `condition`: the condition did not hold, with the item found; `conflict`: another write was under way on the item;
   * `throttled`: the item's partition was overloaded; `none`: this write is not the cause.
   */
  readonly reasons: readonly { readonly code: "none" | "condition" | "conflict" | "throttled"; readonly item?: Item }[];
  constructor(reasons: TransactionRefused["reasons"]) {
    super("A transaction was refused: " + reasons.map((reason) => reason.code).join(", "));
    this.reasons = reasons;
  }
}

/**
 * The table was overloaded until no time was left. The request did nothing, for certain, also where others of its attempts
 * met another writer; a part of a batch may be done.
 */
export class TableBusy extends Error {
  override readonly name = "TableBusy";
}

/**
 * Everything the service does with its table. Every method may reject with `TableBusy`, after which nothing has happened,
 * and with an unknown error (a fault of the service, a lost answer): a write may then have happened or not. Retrying with
 * the same condition must be safe in the caller, because an adapter may do it too: a condition then fails by the caller's
 * own write.
 */
export interface Table {
  /** One item, strongly consistent by default. One request. */
  get(
    key: Key,
    options?: { readonly consistent?: boolean; readonly only?: readonly string[] },
  ): Promise<Item | undefined>;
  /** The items that exist, in no order. One request per 100 keys, and more for keys that DynamoDB leaves unprocessed. */
  getMany(keys: readonly Key[], options?: { readonly consistent?: boolean }): Promise<readonly Item[]>;
  /** One page of one partition. One request. */
  query(range: QueryRange): Promise<Page>;
  /**
   * Keys of work due in one shard of the due index at or before `until` (ms), earliest first; the next page begins behind
   * `after`, the last item of a page. One request, eventually consistent.
   */
  queryDue(shard: string, until: number, limit: number, after?: DueItem): Promise<readonly DueItem[]>;
  /**
   * A page of one shard of a feed index: what stands there above `after` (ms since 1970), earliest first. The next page
   * begins behind `next`. One request, eventually consistent.
   */
  queryFeed(index: FeedIndex, shard: string, after: number, next?: FeedItem): Promise<FeedPage>;
  /** Writes the whole item. @throws ConditionFailed */
  put(item: Item, condition: Condition): Promise<void>;
  /** Changes one item. @returns the item afterwards @throws ConditionFailed */
  update(key: Key, change: Change, condition: Condition): Promise<Item>;
  /** Deletes one item. @returns the item before, undefined when there was none @throws ConditionFailed */
  delete(key: Key, condition: Condition): Promise<Item | undefined>;
  /**
   * Does all writes or none: 1 to 100, on different items, at most 4 MB together. An update must change something.
   *
   * @throws TransactionRefused for a condition that did not hold or a conflict that did not end
   */
  transact(writes: readonly Write[]): Promise<void>;
  /** Deletes without a condition, for data nothing refers to any more. One request per 25 keys. */
  deleteMany(keys: readonly Key[]): Promise<void>;
}

/** The most writes one transaction takes (DynamoDB, TransactWriteItems). */
export const MAX_TRANSACTION_WRITES = 100;
