import { Retries, type RetryDeps } from "../../lib/dynamodb/retries.ts";
import {
  TransactionRefused,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Page,
  type QueryRange,
  type Table,
  type Write,
} from "../../lib/dynamodb/table.ts";
import type { MemoryTable } from "./memory-table.ts";

/** One item of the table or one partition of an index, as a request needs it. */
export interface Demand {
  readonly is: "read" | "write";
  /** The partition's key value; that of an index has a prefix that no key has. */
  readonly partition: string;
  /** In a transaction, where a write counts twice. */
  readonly transacted: boolean;
}

/** Who says which requests the table has capacity for. */
export interface Capacity {
  /** Whether the item can be read or written now; asked again with each attempt. */
  admits(demand: Demand): boolean;
  /** What it took, in bytes of the items read or written, one entry for each request to a partition. */
  used?(demand: Demand, bytes: number): void;
}

export const partitionOfIndex = (shard: string): string => `due index ${shard}`;

const GET_BATCH = 100;
const DELETE_BATCH = 25;

/**
 * A table that throttles as DynamoDB does, one item or a whole request, and repeats it as the adapter does: with the
 * same `Retries`. Batches leave items unprocessed, transactions are cancelled as a whole.
 */
export class ThrottlingTable implements Table {
  readonly #inner: MemoryTable;
  readonly #capacity: Capacity;
  readonly #retries: RetryDeps;
  readonly #sizeOf: (item: Item | undefined) => number;
  readonly #takesTime: () => Promise<void>;

  /** @param options.takesTime waits for as long as one attempt takes; @param options.sizeOf bytes of an item [0] */
  constructor(
    inner: MemoryTable,
    capacity: Capacity,
    options: RetryDeps & {
      readonly takesTime?: () => Promise<void>;
      readonly sizeOf?: (item: Item | undefined) => number;
    },
  ) {
    this.#inner = inner;
    this.#capacity = capacity;
    this.#retries = options;
    this.#sizeOf = options.sizeOf ?? (() => 0);
    this.#takesTime = options.takesTime ?? (() => Promise.resolve());
  }

  async get(key: Key, options?: Parameters<Table["get"]>[1]): Promise<Item | undefined> {
    return await this.#reading(key.pk, async () => {
      const item = await this.#inner.get(key, options);
      return { result: item, bytes: this.#sizeOf(this.#inner.itemAt(key)) };
    });
  }

  async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
    const found: Item[] = [];
    for (let from = 0; from < keys.length; from += GET_BATCH) {
      await this.#inParts(keys.slice(from, from + GET_BATCH), "read", async (some) => {
        for (const key of some) this.#used(readOf(key.pk), this.#sizeOf(this.#inner.itemAt(key)));
        found.push(...(await this.#inner.getMany(some)));
      });
    }
    return found;
  }

  async query(range: QueryRange): Promise<Page> {
    return await this.#reading(range.pk, async () => {
      const page = await this.#inner.query(range);
      return { result: page, bytes: page.items.reduce((sum, item) => sum + this.#sizeOf(item), 0) };
    });
  }

  async queryDue(shard: string, until: number, limit: number): ReturnType<Table["queryDue"]> {
    return await this.#reading(partitionOfIndex(shard), async () => {
      const due = await this.#inner.queryDue(shard, until, limit);
      return { result: due, bytes: due.length * INDEX_ENTRY_BYTES };
    });
  }

  async queryFeed(...asked: Parameters<Table["queryFeed"]>): ReturnType<Table["queryFeed"]> {
    return await this.#inner.queryFeed(...asked);
  }

  async put(item: Item, condition: Condition): Promise<void> {
    await this.#writing({ put: item, condition }, () => this.#inner.put(item, condition));
  }

  async update(key: Key, change: Change, condition: Condition): Promise<Item> {
    return await this.#writing({ update: key, change, condition }, () => this.#inner.update(key, change, condition));
  }

  async delete(key: Key, condition: Condition): Promise<Item | undefined> {
    return await this.#writing({ delete: key, condition }, () => this.#inner.delete(key, condition));
  }

  async transact(writes: readonly Write[]): Promise<void> {
    await new Retries(this.#retries).untilAnswered(async () => {
      await this.#takesTime();
      const codes = writes.map((write) => (this.#admitted(write, true) ? "none" : "throttled"));
      if (codes.includes("throttled")) throw new TransactionRefused(codes.map((code) => ({ code })));
      await this.#counting(writes, true, () => this.#inner.transact(writes));
    });
  }

  async deleteMany(keys: readonly Key[]): Promise<void> {
    for (let from = 0; from < keys.length; from += DELETE_BATCH) {
      await this.#inParts(keys.slice(from, from + DELETE_BATCH), "write", async (some) => {
        const writes = some.map((key): Write => ({ delete: key, condition: { is: "always" } }));
        await this.#counting(writes, false, () => this.#inner.deleteMany(some));
      });
    }
  }

  async #reading<T>(partition: string, read: () => Promise<{ result: T; bytes: number }>): Promise<T> {
    return await new Retries(this.#retries).untilAnswered(async () => {
      await this.#takesTime();
      if (!this.#capacity.admits(readOf(partition))) throw throttled();
      const { result, bytes } = await read();
      this.#used(readOf(partition), bytes);
      return result;
    });
  }

  async #writing<T>(write: Write, run: () => Promise<T>): Promise<T> {
    return await new Retries(this.#retries).untilAnswered(async () => {
      await this.#takesTime();
      if (!this.#admitted(write, false)) throw throttled();
      return await this.#counting([write], false, run);
    });
  }

  /** Does of a batch what is admitted, until nothing is left. Where nothing is, the whole request is throttled. */
  async #inParts(
    keys: readonly Key[],
    is: "read" | "write",
    run: (some: readonly Key[]) => Promise<void>,
  ): Promise<void> {
    const retries = new Retries(this.#retries);
    for (let left = keys; left.length > 0;) {
      const some = await retries.untilAnswered(async () => {
        await this.#takesTime();
        const admitted = left.filter((key) =>
          is === "read"
            ? this.#capacity.admits(readOf(key.pk))
            : this.#admitted({ delete: key, condition: { is: "always" } }, false),
        );
        if (admitted.length === 0) throw throttled();
        await run(admitted);
        return admitted;
      });
      left = left.filter((key) => !some.includes(key));
      if (left.length === 0) return;
      retries.progressed();
      await retries.beforeRest();
    }
  }

  #admitted(write: Write, transacted: boolean): boolean {
    const before = this.#inner.itemAt(keyOf(write));
    const partitions = [keyOf(write).pk, ...indexPartitions(before, shardAfter(write, before))];
    return partitions.every((partition) => this.#capacity.admits({ is: "write", partition, transacted }));
  }

  /** Runs writes and counts what they took, also when their condition does not hold. */
  async #counting<T>(writes: readonly Write[], transacted: boolean, run: () => Promise<T>): Promise<T> {
    const before = writes.map((write) => this.#inner.itemAt(keyOf(write)));
    try {
      return await run();
    } finally {
      for (const [at, write] of writes.entries()) {
        const key = keyOf(write);
        const [was, is] = [before[at], this.#inner.itemAt(key)];
        const bytes = Math.max(this.#sizeOf(was), this.#sizeOf(is));
        this.#used({ is: "write", partition: key.pk, transacted }, bytes);
        if (was === is) continue;
        for (const partition of movedEntries(was, is)) {
          this.#used({ is: "write", partition, transacted: false }, INDEX_ENTRY_BYTES);
        }
      }
    }
  }

  #used(demand: Demand, bytes: number): void {
    this.#capacity.used?.(demand, bytes);
  }
}

/** Bytes of an entry of the due index: its keys, as long as they usually are. */
const INDEX_ENTRY_BYTES = 200;

const readOf = (partition: string): Demand => ({ is: "read", partition, transacted: false });

/** The error of the service for a request that exceeds what its partition takes. */
const throttled = (): Error =>
  Object.assign(new Error("The level of configured provisioned throughput for the table was exceeded."), {
    name: "ProvisionedThroughputExceededException",
  });

const shardOf = (item: Item | undefined): string | undefined =>
  item?.["dueAt"] === undefined ? undefined : String(item["dueShard"]);

/** The shard of the due index in which the item lies after the write, as far as the write says so. */
function shardAfter(write: Write, before: Item | undefined): string | undefined {
  if ("put" in write) return shardOf(write.put);
  if ("update" in write) {
    const { set = {}, remove = [] } = write.change;
    if (set["dueShard"] !== undefined) return String(set["dueShard"]);
    return set["dueAt"] !== undefined || remove.includes("dueAt") ? shardOf(before) : undefined;
  }
  return "delete" in write ? shardOf(before) : undefined;
}

const indexPartitions = (before: Item | undefined, after: string | undefined): readonly string[] =>
  after === undefined ? [] : [...new Set([shardOf(before) ?? after, after])].map(partitionOfIndex);

/** The partitions of the index that a change writes to: an entry that leaves, and one that comes, each is a write. */
function movedEntries(was: Item | undefined, is: Item | undefined): readonly string[] {
  if (shardOf(was) === shardOf(is) && was?.["dueAt"] === is?.["dueAt"]) return [];
  return [shardOf(was), shardOf(is)].filter((shard) => shard !== undefined).map(partitionOfIndex);
}

function keyOf(write: Write): Key {
  if ("put" in write) return write.put;
  if ("update" in write) return write.update;
  return "delete" in write ? write.delete : write.check;
}
