/** A table in memory that adds up the write units that each of its partitions takes. */
import { itemBytes } from "../../lib/dynamodb/attributes.ts";
import type { Change, Condition, Item, Key, Write } from "../../lib/dynamodb/table.ts";
import { MemoryTable } from "./memory-table.ts";

const WRITE_UNIT_BYTES = 1_024;
/** What a write costs more within a transaction. */
const TRANSACTION_FACTOR = 2;

/** A write takes one unit for each begun KB of the larger of the item before and the item after, twice that in a transaction. */
export class WeighedTable extends MemoryTable {
  /** Write units by partition since they were last cleared. */
  readonly units = new Map<string, number>();

  override async put(item: Item, condition: Condition): Promise<void> {
    await this.#weighing([item], 1, async () => await super.put(item, condition));
  }

  override async update(key: Key, change: Change, condition: Condition): Promise<Item> {
    return await this.#weighing([key], 1, async () => await super.update(key, change, condition));
  }

  override async delete(key: Key, condition: Condition): Promise<Item | undefined> {
    return await this.#weighing([key], 1, async () => await super.delete(key, condition));
  }

  override async transact(writes: readonly Write[]): Promise<void> {
    const keys = writes.map((write) => {
      if ("put" in write) return write.put;
      if ("update" in write) return write.update;
      return "delete" in write ? write.delete : write.check;
    });
    await this.#weighing(keys, TRANSACTION_FACTOR, async () => await super.transact(writes));
  }

  override async deleteMany(keys: readonly Key[]): Promise<void> {
    await this.#weighing(keys, 1, async () => await super.deleteMany(keys));
  }

  async #weighing<T>(keys: readonly Key[], factor: number, work: () => Promise<T>): Promise<T> {
    const before = keys.map((key) => this.#bytes(key));
    try {
      return await work();
    } finally {
      for (const [index, key] of keys.entries()) {
        const bytes = Math.max(before[index] ?? 0, this.#bytes(key), 1);
        const more = Math.ceil(bytes / WRITE_UNIT_BYTES) * factor;
        this.units.set(key.pk, (this.units.get(key.pk) ?? 0) + more);
      }
    }
  }

  #bytes(key: Key): number {
    const item = this.itemAt(key);
    return item === undefined ? 0 : itemBytes(item);
  }
}
