import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measure, type Cost } from "../../support/measured-table.ts";
import { startEmulatedTable, type EmulatedTable } from "../../support/emulated-table.ts";
import { Network } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";
import { CostTable } from "./cost-table.ts";

/** A change of properties without a subscriber, authentication included. */
const CHANGE = { requests: 3, indexWriteUnits: 0 };
const table = new CostTable();
let stored: EmulatedTable;
let ask: (method: string, path: string, json?: unknown) => Promise<Cost>;

beforeAll(async () => {
  stored = await startEmulatedTable();
  const measurement = measure(stored.client);
  const host = new WholeService(new Network(), "https://cost.example", {
    table: stored.table,
    environment: { TABLE_NAME: stored.tableName },
  });
  const { root, as } = await host.actor();
  ask = async (method, path, json) => {
    measurement.reset();
    const answer = await host.ask(method, `${root}/properties${path}`, {
      headers: as,
      ...(json === undefined ? {} : { json }),
    });
    expect(answer.status, `${method} ${path}`).toBeLessThan(300);
    return measurement.report();
  };
  // The first work of an instance that becomes due also reads how many shards the due index has.
  await ask("POST", "", { first: { _type: "list" } });
  await ask("POST", "/first/items", { operation: "clear" });
  await ask("DELETE", "/first");
});
afterAll(async () => {
  table.print();
  await stored.close();
});

describe("an actor's own properties", () => {
  it("cost the same few requests however they are changed", async () => {
    table.check("first property of an actor", await ask("PUT", "/color", "red"), CHANGE);
    table.check("property set", await ask("PUT", "/color", "green"), CHANGE);
    table.check("property set at a path", await ask("PUT", "/car/wheels/left", 2), CHANGE);
    const many = Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`p${index}`, index]));
    table.check("90 properties at once", await ask("POST", "", many), CHANGE);
    table.check("property of 250 KB", await ask("PUT", "/big", "x".repeat(250_000)), CHANGE);
    table.check("property deleted", await ask("DELETE", "/color"), CHANGE);
  });

  it("are read in two requests, all of them in three", async () => {
    table.check("property read", await ask("GET", "/car/wheels"), { requests: 2 });
    table.check("all 92 properties read", await ask("GET", ""), { requests: 3 });
  });

  it("cost the same as lists of 10 and of 1 000 items, authentication included", async () => {
    const costs: Cost[][] = [[], []];
    for (const [at, size] of [10, 1_000].entries()) {
      const name = `list${String(size)}`;
      await ask("POST", "", { [name]: { _type: "list" } });
      const items = Array.from({ length: size }, (_, index) => `item ${String(index)}`);
      await ask("POST", `/${name}/items`, { operation: "extend", items });
      const kept = async (
        what: string,
        made: Promise<Cost>,
        budget: { requests: number; indexWriteUnits?: number },
      ) => {
        const cost = await made;
        table.check(`${what}, ${String(size)} items`, cost, { indexWriteUnits: 0, ...budget });
        costs[at]?.push({ ...cost, readUnits: 0, writeUnits: 0 });
      };
      await kept("item appended", ask("POST", `/${name}`, "new"), { requests: 4 });
      await kept("last item popped", ask("POST", `/${name}/items`, { operation: "pop" }), { requests: 4 });
      const three = { operation: "extend", items: [1, 2, 3] };
      await kept("list extended by three", ask("POST", `/${name}/items`, three), { requests: 4 });
      await kept("list described", ask("PUT", `/${name}/metadata`, { description: "what" }), { requests: 3 });
      table.check(`item put, ${String(size)} items`, await ask("PUT", `/${name}/5`, "u"), { requests: 6 });
      table.check(`item read, ${String(size)} items`, await ask("GET", `/${name}/5`), { requests: 5 });
      await kept("list cleared", ask("POST", `/${name}/items`, { operation: "clear" }), {
        ...{ requests: 3, indexWriteUnits: 1 },
      });
    }
    expect(costs[1]).toEqual(costs[0]);
  });

  it("are all deleted by one write, however many there are", async () => {
    table.check("all properties deleted", await ask("DELETE", ""), { requests: 4, indexWriteUnits: 1 });
  });
});
