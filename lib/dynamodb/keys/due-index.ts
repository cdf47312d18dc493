/** The due index: an item stands in it while it has `dueAt`; this module alone knows its shards. */
import type { DueItem } from "../../system/ports.ts";
import { dueShardOf, dueShards, dueShardsKey } from "./due.ts";
import { updateIf } from "../outcomes.ts";
import {
  any,
  below,
  missing,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../table.ts";

/**
 * A table that puts each item with `dueAt` (ms since 1970) into a shard of the due index, and takes it out with `dueAt`.
 *
 * State: whether the stored number of shards covers this instance's. It is raised, if need be, before the first item
 * goes into the index, and never falls. Invariant: no item stands in a shard above the stored number, whatever setting
 * other instances have or had.
 */
export class DueIndexTable implements Table {
  readonly #table: Table;
  readonly #shards: number;
  #covered: Promise<void> | undefined;

  /** @param shards into how many shards this instance puts items */
  constructor(table: Table, shards: number) {
    this.#table = table;
    this.#shards = shards;
  }

  async get(...asked: Parameters<Table["get"]>): Promise<Item | undefined> {
    return await this.#table.get(...asked);
  }

  async getMany(...asked: Parameters<Table["getMany"]>): ReturnType<Table["getMany"]> {
    return await this.#table.getMany(...asked);
  }

  async query(...asked: Parameters<Table["query"]>): ReturnType<Table["query"]> {
    return await this.#table.query(...asked);
  }

  async queryDue(...asked: Parameters<Table["queryDue"]>): ReturnType<Table["queryDue"]> {
    return await this.#table.queryDue(...asked);
  }

  async queryFeed(...asked: Parameters<Table["queryFeed"]>): ReturnType<Table["queryFeed"]> {
    return await this.#table.queryFeed(...asked);
  }

  async put(item: Item, condition: Condition): Promise<void> {
    if (isDue(item)) await this.#cover();
    await this.#table.put(this.#indexed(item, item), condition);
  }

  async update(key: Key, change: Change, condition: Condition): Promise<Item> {
    if (isDue(change.set)) await this.#cover();
    return await this.#table.update(key, this.#changed(key, change), condition);
  }

  async delete(...asked: Parameters<Table["delete"]>): ReturnType<Table["delete"]> {
    return await this.#table.delete(...asked);
  }

  async transact(writes: readonly Write[]): Promise<void> {
    const due = writes.some((write) => isDue("put" in write ? write.put : "update" in write ? write.change.set : {}));
    if (due) await this.#cover();
    await this.#table.transact(
      writes.map((write) => {
        if ("put" in write) return { ...write, put: this.#indexed(write.put, write.put) };
        return "update" in write ? { ...write, change: this.#changed(write.update, write.change) } : write;
      }),
    );
  }

  async deleteMany(keys: readonly Key[]): Promise<void> {
    await this.#table.deleteMany(keys);
  }

  #changed(key: Key, change: Change): Change {
    const { set } = change;
    if (set !== undefined && isDue(set)) return { ...change, set: this.#indexed(key, set) };
    return change.remove?.includes("dueAt") ? { ...change, remove: [...change.remove, "dueShard"] } : change;
  }

  #indexed<T extends Attributes>(key: Key, attributes: T): T {
    return isDue(attributes) ? { ...attributes, dueShard: dueShardOf(key, this.#shards) } : attributes;
  }

  async #cover(): Promise<void> {
    this.#covered ??= coverShards(this.#table, this.#shards);
    try {
      await this.#covered;
    } catch (error) {
      this.#covered = undefined;
      throw error;
    }
  }
}

/** The number of shards that is said in a page of the index, 0 when none is; and what is due in the page. */
export function readDuePage(page: readonly DueItem[]): { readonly shards: number; readonly due: readonly DueItem[] } {
  const [first, ...rest] = page;
  return first?.pk === dueShardsKey.pk ? { shards: -first.dueAt, due: rest } : { shards: 0, due: page };
}

/** One read for an instance, and one write when no other has had so many shards before. */
async function coverShards(table: Table, shards: number): Promise<void> {
  const stored = await table.get(dueShardsKey, { consistent: false });
  if (Number(stored?.["shards"] ?? 0) >= shards) return;
  const set = { shards, dueShard: dueShards(1)[0] ?? "", dueAt: -shards };
  await updateIf(table, dueShardsKey, { set }, any(missing("shards"), below("shards", shards)));
}

type Attributes = NonNullable<Change["set"]>;

const isDue = (attributes: Attributes | undefined): boolean => attributes?.["dueAt"] !== undefined;
