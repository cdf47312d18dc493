import { itemBytes, MAX_ITEM_BYTES, stringBytes } from "../../lib/dynamodb/attributes.ts";
import { writeExpressions } from "../../lib/dynamodb/expressions.ts";
import {
  always,
  ConditionFailed,
  MAX_TRANSACTION_WRITES,
  TransactionRefused,
  feedTimes,
  type Change,
  type Condition,
  type FeedIndex,
  type FeedItem,
  type FeedPage,
  type Item,
  type Key,
  type Page,
  type QueryRange,
  type Table,
  type Write,
} from "../../lib/dynamodb/table.ts";
import type { DueItem } from "../../lib/system/ports.ts";
import { changed, compareBytes, holds, stored } from "./memory-expressions.ts";

const MAX_PAGE_BYTES = 1024 * 1024;
const MAX_TRANSACTION_BYTES = 4 * 1024 * 1024;
const MAX_PARTITION_KEY_BYTES = 2048;
const MAX_SORT_KEY_BYTES = 1024;

interface Stored {
  readonly item: Item;
  readonly bytes: number;
}

/** One partition: its items by sort key, and the sort keys in order once a query has asked for them. */
interface Partition {
  readonly items: Map<string, Stored>;
  order: string[] | undefined;
}

interface Outcome {
  readonly key: Key;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
}

/**
 * The table port in memory, exact and quick: conditions, sizes, paging, key order and the due index as in DynamoDB,
 * except that the index is never behind. Every operation takes effect at once, before its promise settles, so the
 * order of calls is the order of effects. Items are immutable: what is returned is what is stored.
 */
export class MemoryTable implements Table {
  readonly #partitions = new Map<string, Partition>();
  readonly #due = new Map<string, Map<string, DueItem>>();
  #writes = 0;

  /** How often an item was written or deleted: nothing has changed while it is the same. */
  get writes(): number {
    return this.#writes;
  }

  async get(key: Key, options: { readonly only?: readonly string[] } = {}): Promise<Item | undefined> {
    const found = this.#find(checked(key))?.item;
    return found && options.only ? picked(found, options.only) : found;
  }

  async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
    const found = new Set<Item>();
    for (const key of keys) {
      const entry = this.#find(checked(key));
      if (entry) found.add(entry.item);
    }
    return [...found];
  }

  async query(range: QueryRange): Promise<Page> {
    const { limit, only } = range;
    if (limit !== undefined && !(Number.isInteger(limit) && limit >= 1))
      throw new TypeError("limit must be at least 1");
    const partition = this.#partitions.get(range.pk);
    if (!partition) return { items: [] };
    const items: Item[] = [];
    let bytes = 0;
    for (const sk of sortKeysWithin(partition, range)) {
      const entry = partition.items.get(sk) as Stored;
      items.push(only ? picked(entry.item, only) : entry.item);
      bytes += entry.bytes;
      // Like the service, which stops before it knows whether anything follows.
      if (items.length === limit || bytes >= MAX_PAGE_BYTES) return { items, next: sk };
    }
    return { items };
  }

  async queryDue(shard: string, until: number, limit: number, after?: DueItem): Promise<readonly DueItem[]> {
    const entries = this.#due.get(shard);
    if (!entries) return [];
    const due = [...entries.values()].filter(
      (entry) => entry.dueAt <= until && (after === undefined || inDueOrder(after, entry) < 0),
    );
    due.sort(inDueOrder);
    return due.slice(0, limit).map((entry) => ({ ...entry }));
  }

  /** Over all items: tests with many of them read no feed. */
  async queryFeed(index: FeedIndex, shard: string, after: number, next?: FeedItem): Promise<FeedPage> {
    const items = [...this.#partitions.values()].flatMap((partition) =>
      [...partition.items.values()].flatMap(({ item: { pk, sk, feedShard, [feedTimes[index]]: feedAt } }): FeedItem[] =>
        feedShard === shard && typeof feedAt === "number" && feedAt > after ? [{ pk, sk, feedAt }] : [],
      ),
    );
    items.sort(inFeedOrder);
    return { items: items.filter((item) => next === undefined || inFeedOrder(next, item) < 0) };
  }

  async put(item: Item, condition: Condition): Promise<void> {
    this.#apply(this.#outcome({ put: item, condition }));
  }

  async update(key: Key, change: Change, condition: Condition): Promise<Item> {
    const outcome = this.#outcome({ update: key, change, condition });
    this.#apply(outcome);
    return (outcome.after as Stored).item;
  }

  async delete(key: Key, condition: Condition): Promise<Item | undefined> {
    const outcome = this.#outcome({ delete: key, condition });
    this.#apply(outcome);
    return outcome.before?.item;
  }

  async transact(writes: readonly Write[]): Promise<void> {
    if (writes.length < 1 || writes.length > MAX_TRANSACTION_WRITES) {
      throw new TypeError("A transaction has 1 to 100 writes.");
    }
    const keys = new Set(writes.map((write) => joined(keyOf(write))));
    if (keys.size < writes.length) throw new TypeError("A transaction names one item twice.");
    for (const write of writes) {
      if ("update" in write && writeExpressions(always, write.change).UpdateExpression === undefined) {
        throw new TypeError("An update in a transaction changes nothing.");
      }
    }
    const outcomes: Outcome[] = [];
    const reasons: { code: "none" | "condition"; item?: Item }[] = [];
    for (const write of writes) {
      try {
        outcomes.push(this.#outcome(write));
        reasons.push({ code: "none" });
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
        reasons.push(error.item ? { code: "condition", item: error.item } : { code: "condition" });
      }
    }
    if (outcomes.length < writes.length) throw new TransactionRefused(reasons);
    const bytes = outcomes.reduce((sum, outcome) => sum + (outcome.after?.bytes ?? 0), 0);
    if (bytes > MAX_TRANSACTION_BYTES) throw new TypeError("A transaction is over 4 MB.");
    for (const outcome of outcomes) this.#apply(outcome);
  }

  async deleteMany(keys: readonly Key[]): Promise<void> {
    for (const key of keys) this.#apply({ key: checked(key), before: this.#find(key), after: undefined });
  }

  /** Every item, by partition key and sort key. For checks; takes time with the size of the table. */
  all(): Item[] {
    const items = [...this.#partitions.values()].flatMap((partition) => [...partition.items.values()]);
    return items.map((entry) => entry.item).sort((a, b) => compareBytes(a.pk, b.pk) || compareBytes(a.sk, b.sk));
  }

  /** Every item by `pk` + " " + `sk`, to compare with a later snapshot. Shares the items, which never change. */
  snapshot(): Readonly<Record<string, Item>> {
    return Object.fromEntries(this.all().map((item) => [`${item.pk} ${item.sk}`, item]));
  }

  /** The item at once, for checks between steps without a turn of the event loop. */
  itemAt(key: Key): Item | undefined {
    return this.#find(key)?.item;
  }

  #find(key: Key): Stored | undefined {
    return this.#partitions.get(key.pk)?.items.get(key.sk);
  }

  /** What the write would do. @throws ConditionFailed */
  #outcome(write: Write): Outcome {
    const key = checked(keyOf(write));
    const before = this.#find(key);
    if (!holds(write.condition, before?.item)) throw new ConditionFailed(before?.item);
    if ("check" in write) return { key, before, after: before };
    if ("delete" in write) return { key, before, after: undefined };
    const item = "put" in write ? stored(write.put) : changed(key, before?.item, write.change);
    const bytes = itemBytes(item);
    if (bytes > MAX_ITEM_BYTES) throw new TypeError("Item size has exceeded the maximum allowed size");
    checkDue(item);
    return { key, before, after: { item, bytes } };
  }

  #apply({ key, before, after }: Outcome): void {
    if (before === after) return;
    this.#writes += 1;
    let partition = this.#partitions.get(key.pk);
    if (!partition) {
      if (!after) return;
      partition = { items: new Map(), order: undefined };
      this.#partitions.set(key.pk, partition);
    }
    if (after) partition.items.set(key.sk, after);
    else partition.items.delete(key.sk);
    if (partition.order && !before !== !after) reorder(partition.order, key.sk, after !== undefined);
    if (partition.items.size === 0) this.#partitions.delete(key.pk);
    this.#index(key, before?.item, after?.item);
  }

  #index(key: Key, before: Item | undefined, after: Item | undefined): void {
    const oldShard = dueShardOf(before);
    const shard = dueShardOf(after);
    if (oldShard === undefined && shard === undefined) return;
    const id = joined(key);
    if (oldShard !== undefined && oldShard !== shard) this.#due.get(oldShard)?.delete(id);
    if (shard === undefined) return;
    let entries = this.#due.get(shard);
    if (!entries) this.#due.set(shard, (entries = new Map()));
    entries.set(id, { pk: key.pk, sk: key.sk, dueAt: (after as Item)["dueAt"] as number });
  }
}

const inFeedOrder = (a: FeedItem, b: FeedItem): number => a.feedAt - b.feedAt || compareBytes(a.pk, b.pk);

const inDueOrder = (a: DueItem, b: DueItem): number =>
  a.dueAt - b.dueAt || compareBytes(a.pk, b.pk) || compareBytes(a.sk, b.sk);

function keyOf(write: Write): Key {
  if ("put" in write) return write.put;
  if ("update" in write) return write.update;
  return "delete" in write ? write.delete : write.check;
}

function joined(key: Key): string {
  return `${key.pk.length}.${key.pk}${key.sk}`;
}

function checked(key: Key): Key {
  if (key.pk === "" || key.sk === "") throw new TypeError("A key is an empty string.");
  if (key.pk.length * 3 > MAX_PARTITION_KEY_BYTES && stringBytes(key.pk) > MAX_PARTITION_KEY_BYTES) {
    throw new TypeError("A partition key is over 2048 bytes.");
  }
  if (key.sk.length * 3 > MAX_SORT_KEY_BYTES && stringBytes(key.sk) > MAX_SORT_KEY_BYTES) {
    throw new TypeError("A sort key is over 1024 bytes.");
  }
  return key;
}

/** The index's key attributes must have their types wherever they appear. */
function checkDue(item: Item): void {
  const { ["dueShard"]: shard, ["dueAt"]: at } = item;
  if (shard !== undefined && (typeof shard !== "string" || shard === "")) throw new TypeError("dueShard is no string.");
  if (at !== undefined && typeof at !== "number") throw new TypeError("dueAt is no number.");
}

/** The shard under which the index holds the item; none unless both attributes are there. */
function dueShardOf(item: Item | undefined): string | undefined {
  if (item?.["dueAt"] === undefined) return undefined;
  return item["dueShard"] as string | undefined;
}

function picked(item: Item, only: readonly string[]): Item {
  const some: Record<string, Item[string]> = { pk: item.pk, sk: item.sk };
  for (const name of only) {
    const value = item[name];
    if (value !== undefined) some[name] = value;
  }
  return some as Item;
}

/** Where `sk` is, or belongs, in sort keys that are in order. */
function position(order: readonly string[], sk: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(order[middle] as string, sk) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function reorder(order: string[], sk: string, present: boolean): void {
  const at = position(order, sk);
  if (present) order.splice(at, 0, sk);
  else order.splice(at, 1);
}

function* sortKeysWithin(partition: Partition, range: QueryRange): Generator<string> {
  partition.order ??= [...partition.items.keys()].sort(compareBytes);
  const order = partition.order;
  const { prefix, after, until } = range;
  const within = (sk: string) => sk.startsWith(prefix) && (until === undefined || compareBytes(sk, until) <= 0);
  let first = position(order, prefix);
  if (after !== undefined) {
    const at = position(order, after);
    first = Math.max(first, order[at] === after ? at + 1 : at);
  }
  // Keys with one prefix lie together, so the first key outside ends the range.
  let end = first;
  while (end < order.length && within(order[end] as string)) {
    end += 1;
    if (!range.descending) yield order[end - 1] as string;
  }
  if (range.descending) for (let at = end - 1; at >= first; at -= 1) yield order[at] as string;
}
