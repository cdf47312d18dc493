import {
  ConditionFailed,
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
import { idle } from "./idle.ts";

export type TableOperation =
  | "get"
  | "getMany"
  | "query"
  | "queryDue"
  | "queryFeed"
  | "put"
  | "update"
  | "delete"
  | "transact"
  | "deleteMany";

/**
 * The outcome of one operation:
 * - `ok`: as the inner table does it;
 * - `throttle`: rejects with an unknown error before anything happens;
 * - `lost_answer`: happens, then rejects with an unknown error (a `deleteMany` happens for the first half of its keys);
 * - `repeat`: the answer is lost and the client repeats the write, as the SDK does; the caller sees the
 *   second answer, perhaps a failed condition caused by its own first. Transactions carry a token: only the first counts;
 * - `condition`: a write is refused although its condition may hold, with the item as it is (a transaction: its first write);
 * - `conflict`: a transaction is refused because another write is under way on its first item; else like `throttle`;
 * - `crash`, `crash_after`: the instance dies before or after it happens: the promise never settles.
 */
export type Effect = "ok" | "throttle" | "lost_answer" | "repeat" | "condition" | "conflict" | "crash" | "crash_after";

/**
 * Asked before every operation; `keys` are those it names (for queries the partition or shard, with the prefix or an
 * empty sort key). The decision may wait: a simulation chooses that way the order in which operations take effect.
 */
export type Decide = (operation: TableOperation, keys: readonly Key[]) => Effect | Promise<Effect>;

/** The unknown error of a request whose outcome the caller cannot know. */
export class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

/** A table that fails as DynamoDB, the network and the instance may, as its `decide` says. */
export class FaultyTable implements Table {
  readonly #inner: Table;
  readonly #decide: Decide;

  constructor(inner: Table, decide: Decide) {
    this.#inner = inner;
    this.#decide = decide;
  }

  get(key: Key, options?: Parameters<Table["get"]>[1]): Promise<Item | undefined> {
    return this.#read("get", [key], () => this.#inner.get(key, options));
  }

  getMany(keys: readonly Key[], options?: Parameters<Table["getMany"]>[1]): Promise<readonly Item[]> {
    return this.#read("getMany", keys, () => this.#inner.getMany(keys, options));
  }

  query(range: QueryRange): Promise<Page> {
    return this.#read("query", [{ pk: range.pk, sk: range.prefix }], () => this.#inner.query(range));
  }

  queryDue(...asked: Parameters<Table["queryDue"]>): ReturnType<Table["queryDue"]> {
    return this.#read("queryDue", [{ pk: asked[0], sk: "" }], () => this.#inner.queryDue(...asked));
  }

  queryFeed(...asked: Parameters<Table["queryFeed"]>): ReturnType<Table["queryFeed"]> {
    return this.#read("queryFeed", [{ pk: asked[1], sk: "" }], () => this.#inner.queryFeed(...asked));
  }

  put(item: Item, condition: Condition): Promise<void> {
    return this.#write("put", item, () => this.#inner.put(item, condition));
  }

  update(key: Key, change: Change, condition: Condition): Promise<Item> {
    return this.#write("update", key, () => this.#inner.update(key, change, condition));
  }

  delete(key: Key, condition: Condition): Promise<Item | undefined> {
    return this.#write("delete", key, () => this.#inner.delete(key, condition));
  }

  async transact(writes: readonly Write[]): Promise<void> {
    const keys = writes.map(keyOf);
    const effect = await this.#decide("transact", keys);
    if (effect === "condition" || effect === "conflict") {
      const first = keys[0] && (await this.#inner.get(keys[0]));
      throw new TransactionRefused(
        keys.map((_key, at) => {
          if (at > 0) return { code: "none" };
          return effect === "condition" && first ? { code: effect, item: first } : { code: effect };
        }),
      );
    }
    return applied(effect, () => this.#inner.transact(writes));
  }

  async deleteMany(keys: readonly Key[]): Promise<void> {
    const effect = await this.#decide("deleteMany", keys);
    const reached =
      effect === "lost_answer" || effect === "crash_after" ? keys.slice(0, Math.ceil(keys.length / 2)) : keys;
    return applied(effect, () => this.#inner.deleteMany(reached));
  }

  async #read<T>(operation: TableOperation, keys: readonly Key[], run: () => Promise<T>): Promise<T> {
    return applied(await this.#decide(operation, keys), run);
  }

  async #write<T>(operation: TableOperation, key: Key, run: () => Promise<T>): Promise<T> {
    const effect = await this.#decide(operation, [{ pk: key.pk, sk: key.sk }]);
    if (effect === "condition") throw new ConditionFailed(await this.#inner.get(key));
    if (effect === "repeat") await run().catch(() => undefined);
    return applied(effect, run);
  }
}

/** A table of which one operation meets a fault: for tests that try each operation in turn. */
export class OneFault {
  readonly table: Table;
  /** Whether there was such an operation. */
  struck = false;
  #operations = 0;
  #at: number;
  readonly #crashed = Promise.withResolvers<undefined>();

  /** @param at which operation, the first being 0 */
  constructor(inner: Table, at: number, effect: Effect) {
    this.#at = at;
    this.table = new FaultyTable(inner, () => {
      const strikes = this.#operations === this.#at;
      this.#operations += 1;
      if (!strikes) return "ok";
      this.struck = true;
      if (effect === "crash" || effect === "crash_after") this.#crashed.resolve(undefined);
      return effect;
    });
  }

  /** Waits for the end of the work, or for its crash, and for what it began in the background. Its error is ignored. */
  async during(work: Promise<unknown>): Promise<void> {
    await Promise.race([work.catch(() => undefined), this.#crashed.promise]);
    await idle();
  }

  /** No later operation meets the fault. */
  end(): void {
    this.#at = -1;
  }
}

async function applied<T>(effect: Effect, run: () => Promise<T>): Promise<T> {
  switch (effect) {
    case "throttle":
    case "conflict":
      throw new InjectedFault("Injected: refused before it happened.");
    case "crash":
      return new Promise<never>(() => undefined);
    case "lost_answer":
    case "crash_after":
      // The answer of the inner table, an error included, is lost with the connection.
      await run().catch(() => undefined);
      if (effect === "crash_after") return new Promise<never>(() => undefined);
      throw new InjectedFault("Injected: the answer was lost.");
    default:
      return run();
  }
}

function keyOf(write: Write): Key {
  if ("put" in write) return { pk: write.put.pk, sk: write.put.sk };
  if ("update" in write) return write.update;
  return "delete" in write ? write.delete : write.check;
}
