/** What reading the events of all actors costs, and what their changes cost for it: by the actors that changed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

const SETTLED_MS = 20_000;
const ACTORS = 30;

let world: PublishingCosts;
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start(undefined, { ALL_EVENTS: "true", OPERATOR_TOKEN: "operator" });
});
afterAll(async () => {
  table.print();
  await world.close();
});

async function change(actorId: string, value: string): Promise<void> {
  const reply = await world.owner("PUT /{actorId}/properties/{name}", actorId, {
    json: value,
    params: { name: "color" },
  });
  expect(reply.status).toBe(204);
}

describe("the events of all actors", () => {
  it("cost a change nothing but a move in an index, once in fifteen seconds", async () => {
    const { actorId } = await world.actor(0);
    const budget = { requests: 3, writeUnits: 8 };
    const first = await world.costOf(async () => await change(actorId, "red"));
    table.check("first change", first, { ...budget, indexWriteUnits: 1 });
    const soon = await world.costOf(async () => {
      for (const value of ["a", "b", "c"]) {
        world.now += 5_000;
        await change(actorId, value);
      }
    });
    table.check("three changes within the same 15 s", soon, { requests: 9, writeUnits: 24, indexWriteUnits: 0 });
    world.now += 1;
    const second = await world.costOf(async () => await change(actorId, "green"));
    table.check("the first change after 15 s", second, { ...budget, indexWriteUnits: 1 });
    world.now += 15_001;
    const later = await world.costOf(async () => await change(actorId, "blue"));
    table.check("a change in further 15 s", later, { ...budget, indexWriteUnits: 2 });
  });

  it("cost their reader by the actors that have changed", async () => {
    const actors: string[] = [];
    for (let made = 0; made < ACTORS; made += 1) {
      const { actorId } = await world.actor(0);
      await change(actorId, "red");
      actors.push(actorId);
    }
    world.now += SETTLED_MS;
    let from = (await world.operator("operator", "from=now")).headers["stream-next-offset"] ?? "";
    const read = async (wait = 0): Promise<number> => {
      const query = `from=${from}&limit=1000&wait=${String(wait)}`;
      const { status, headers, body } = await world.operator("operator", query);
      expect([status, headers["stream-up-to-date"]]).toEqual([wait === 0 ? 200 : 204, "true"]);
      from = headers["stream-next-offset"] ?? "";
      return wait === 0 ? (JSON.parse(String(body)) as unknown[]).length : 0;
    };
    world.now += 5_000;
    const soon = await world.costOf(async () => {
      expect(await read()).toBe(0);
    });
    table.check("none of 30 actors has changed since a position of soon after their changes", soon, {
      requests: 12,
      writeUnits: 0,
    });
    world.now += 2 * SETTLED_MS;
    expect(await read()).toBe(0);
    world.now += 5_000;
    const none = await world.costOf(async () => {
      expect(await read()).toBe(0);
    });
    table.check("none of 30 actors has changed", none, { requests: 8, writeUnits: 0 });
    const waiting = await world.costOf(async () => {
      expect(await read(20)).toBe(0);
    });
    table.check("a wait of 20 s that ends empty", waiting, { requests: 32, writeUnits: 0 });
    for (const changed of [10, 20]) {
      for (const actorId of actors.slice(0, changed)) await change(actorId, `now ${String(changed)}`);
      world.now += SETTLED_MS;
      const some = await world.costOf(async () => {
        expect(await read()).toBe(changed);
      });
      table.check(`${String(changed)} of 30 actors have changed`, some, { requests: 16 + 3 * changed, writeUnits: 0 });
    }
  });

  it("cost at most one move for each actor and 15 s, however many change how often", async () => {
    const actors = await Promise.all(Array.from({ length: 10 }, async () => (await world.actor(0)).actorId));
    const minute = await world.costOf(async () => {
      for (let changes = 0; changes < 10; changes += 1) {
        await Promise.all(actors.map(async (actorId) => await change(actorId, String(changes))));
        world.now += 6_000;
      }
    });
    // The first entry in each of the two indexes is one unit, a move is two: at 0, 18, 36 and 54 s.
    table.check("100 changes of 10 actors in a minute", minute, { indexWriteUnits: 10 * (1 + 1 + 2 + 2) });
  });
});
