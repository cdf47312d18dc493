import type { Condition, Item, Key, Page, QueryRange, Table, Write } from "../../../../lib/dynamodb/table.ts";

/** Counts the requests that reach a table, and the items that they read and write. */
export class CountingTable implements Table {
  readonly #inner: Table;
  requests = 0;
  read = 0;
  written = 0;
  readonly operations: string[] = [];

  constructor(inner: Table) {
    this.#inner = inner;
  }

  /** The counts since the last call. */
  take(): { readonly requests: number; readonly read: number; readonly written: number } {
    const { requests, read, written } = this;
    [this.requests, this.read, this.written] = [0, 0, 0];
    this.operations.length = 0;
    return { requests, read, written };
  }

  #count(name: string, requests: number, read: number, written: number): void {
    this.operations.push(name);
    this.requests += requests;
    this.read += read;
    this.written += written;
  }

  get(key: Key, options?: Parameters<Table["get"]>[1]): Promise<Item | undefined> {
    this.#count("get", 1, 1, 0);
    return this.#inner.get(key, options);
  }

  getMany(keys: readonly Key[], options?: Parameters<Table["getMany"]>[1]): Promise<readonly Item[]> {
    this.#count("getMany", Math.ceil(keys.length / 100), keys.length, 0);
    return this.#inner.getMany(keys, options);
  }

  async query(range: QueryRange): Promise<Page> {
    const page = await this.#inner.query(range);
    this.#count("query", 1, page.items.length, 0);
    return page;
  }

  queryDue(shard: string, until: number, limit: number): ReturnType<Table["queryDue"]> {
    this.#count("queryDue", 1, 0, 0);
    return this.#inner.queryDue(shard, until, limit);
  }

  queryFeed(...asked: Parameters<Table["queryFeed"]>): ReturnType<Table["queryFeed"]> {
    return this.#inner.queryFeed(...asked);
  }

  put(item: Item, condition: Condition): Promise<void> {
    this.#count("put", 1, 0, 1);
    return this.#inner.put(item, condition);
  }

  update(key: Key, change: Parameters<Table["update"]>[1], condition: Condition): Promise<Item> {
    this.#count("update", 1, 0, 1);
    return this.#inner.update(key, change, condition);
  }

  delete(key: Key, condition: Condition): Promise<Item | undefined> {
    this.#count("delete", 1, 0, 1);
    return this.#inner.delete(key, condition);
  }

  transact(writes: readonly Write[]): Promise<void> {
    this.#count("transact", 1, 0, writes.length);
    return this.#inner.transact(writes);
  }

  deleteMany(keys: readonly Key[]): Promise<void> {
    this.#count("deleteMany", Math.ceil(keys.length / 25), 0, keys.length);
    return this.#inner.deleteMany(keys);
  }
}
