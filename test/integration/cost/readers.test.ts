/** What reading an actor's events costs, and waiting for them; an actor that is read pays nothing more for its changes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

let world: PublishingCosts;
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start();
});
afterAll(async () => {
  table.print();
  await world.close();
});

/** A new actor with as many changes, and where its log ends. */
async function changed(count: number): Promise<{ readonly actorId: string; readonly end: string }> {
  const { actorId } = await world.actor(0);
  const changes = Array.from(
    { length: count },
    (_, n) => ({ do: "notify", target: "orders", data: `${String(n)} ${"x".repeat(700)}` }) as const,
  );
  for (let at = 0; at < count; at += 90) {
    const records = changes.slice(at, at + 90).map((change) => ({ kind: "change", changes: [change] }) as const);
    await world.services.commits.commit(actorId, [], () => ({ records, writes: [] }));
  }
  const now = await read(actorId, "from=now");
  return { actorId, end: now.next };
}

async function read(actorId: string, query: string) {
  const { status, headers, body } = await world.owner("GET /{actorId}/events", actorId, { query });
  return { status, next: headers["stream-next-offset"] ?? "", body: typeof body === "string" ? body : "" };
}

describe("a reader", () => {
  it.each([100, 2_000])("reads 50 events of a backlog of %i for the same", async (backlog) => {
    const { actorId } = await changed(backlog);
    const cost = await world.costOf(async () => {
      const { status, body } = await read(actorId, "limit=50");
      expect([status, JSON.parse(body)]).toMatchObject([200, { length: 50 }]);
    });
    table.check(`50 events of 1 KB of a backlog of ${String(backlog)}`, cost, {
      requests: 3,
      readUnits: 27,
      writeUnits: 0,
    });
  });

  it("that is up to date reads the actor and the head of its log", async () => {
    const { actorId, end } = await changed(1);
    const cost = await world.costOf(async () => await read(actorId, `from=${end}`));
    table.check("nothing new", cost, { requests: 2, readUnits: 2, writeUnits: 0 });
  });

  it("that waits reads the head once a second, for half a unit", async () => {
    const { actorId, end } = await changed(1);
    const cost = await world.costOf(async () => {
      expect((await read(actorId, `from=${end}&wait=20`)).status).toBe(204);
    });
    table.check("a wait of 20 s that ends empty", cost, { requests: 22, readUnits: 12, writeUnits: 0 });
    const minute = await world.costOf(async () => {
      for (let waits = 0; waits < 3; waits += 1) await read(actorId, `offset=${end}&live=long-poll`);
    });
    table.check("a minute of waiting", minute, { requests: 66, readUnits: 36, writeUnits: 0 });
  });
});
