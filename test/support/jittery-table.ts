import type { Item, Key, Table } from "../../lib/dynamodb/table.ts";
import { FaultyTable, type Effect } from "./faulty-table.ts";
import { MemoryTable } from "./memory-table.ts";
import type { Random } from "./publisher/random.ts";

/**
 * A table whose operations take a random while each, so that others happen in between. A batch of reads is no snapshot:
 * its items are read one by one, in no order.
 */
export function jitteryTable(random: Random, most = 4): Table {
  const wait = async (): Promise<void> => {
    for (let streams = random.below(most); streams > 0; streams -= 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  class Torn extends MemoryTable {
    override async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
      const found: Item[] = [];
      const order = random.below(2) === 0 ? keys : keys.toReversed();
      for (const key of order) {
        const item = await this.get(key);
        if (item !== undefined) found.push(item);
        await wait();
      }
      return found;
    }
  }
  return new FaultyTable(new Torn(), async (): Promise<Effect> => {
    await wait();
    return "ok";
  });
}
