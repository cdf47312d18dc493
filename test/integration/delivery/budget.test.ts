import { expect, test } from "vitest";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { DeliveryWorld } from "./delivery-world.ts";

/** Counts requests as DynamoDB would: a batch of up to 100 keys is one. */
function counted(inner: Table): { readonly table: Table; readonly requests: () => number } {
  let requests = 0;
  const table = new FaultyTable(inner, (operation, keys) => {
    requests += operation === "getMany" ? Math.ceil(keys.length / 100) : 1;
    return "ok";
  });
  return { table, requests: () => requests };
}

test.each([0, 1, 10, 100])("a change with %i subscribers keeps to its budget", async (subscribers) => {
  const { table, requests } = counted(new MemoryTable());
  const world = await DeliveryWorld.begin({ table });
  for (let index = 0; index < subscribers; index += 1) await world.subscriber(`p${String(index)}`);
  await world.set("color", "red");
  const before = requests();
  await world.set("color", "blue");
  const budget = subscribers === 0 ? 3 : 6 + 2 * subscribers + subscribers / 50;
  expect(requests() - before).toBeLessThanOrEqual(budget);
  if (subscribers > 0) expect(world.results.at(-1)?.successCount).toBe(subscribers);
});
