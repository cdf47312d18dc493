/** What consumer groups cost: a batch the same at any backlog, and nothing while no consumer asks. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { sized } from "../../support/sizes.ts";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

const NAME = "workers";
const VALUE = "x".repeat(1_000);
/** A request of an area reads the actor before it does anything. */
const ADMISSION = 1;
const BACKLOGS = [60, sized(400, 100_000)];

let world: PublishingCosts;
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start();
});
afterAll(async () => {
  table.print();
  await world.close();
});

const ask = async (route: string, actorId: string, json: object): Promise<any> => {
  const reply = await world.owner(route, actorId, { json: json as never, params: { group: NAME } });
  expect(reply.status).toBeLessThan(300);
  return reply.body === undefined || reply.body === "" ? undefined : JSON.parse(String(reply.body));
};

const withGroup = async (lanes = 1): Promise<string> => {
  const { actorId } = await world.actor(0);
  await ask("PUT /{actorId}/groups/{group}", actorId, { topics: ["orders.>"], lanes });
  return actorId;
};

/** So many events of 1 KB, in commits of 50. */
async function published(actorId: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 50) {
    const scopes = Array.from({ length: Math.min(50, count - at) }, (_, index) => ({
      ...{ kind: "change" as const },
      changes: [
        { do: "notify" as const, target: "orders", subtarget: `o${String(at + index)}`, data: { n: at, VALUE } },
      ],
    }));
    await world.services.commits.commit(actorId, [], () => ({ records: scopes, writes: [] }), { quiet: true });
  }
}

describe("a batch of 50 events of 1 KB", () => {
  it("costs the same at a backlog of few and of many", async () => {
    for (const backlog of BACKLOGS) {
      const actorId = await withGroup();
      await published(actorId, backlog);
      let lent: any;
      const fetch = await world.costOf(async () => {
        lent = await ask("POST /{actorId}/groups/{group}/fetch", actorId, { max: 50, consumer: "c" });
      });
      expect(lent.events).toHaveLength(50);
      const upTo = lent.events.at(-1).event.position;
      const { token } = lent.leases[0];
      const ack = await world.costOf(async () => {
        await ask("POST /{actorId}/groups/{group}/ack", actorId, { token, upTo });
      });
      const about = `backlog of ${String(backlog)}`;
      table.check(`fetch 50 × 1 KB, ${about}`, fetch, { requests: ADMISSION + 3, indexWriteUnits: 0 });
      table.check(`ack of these, ${about}`, ack, { requests: ADMISSION + 2, indexWriteUnits: 0 });
      expect(fetch.writeUnits + ack.writeUnits, about).toBeLessThanOrEqual(4);
    }
  });
});

describe("a group that no consumer asks", () => {
  it("makes a change no dearer, and is never due", async () => {
    const [without, { actorId: ungrouped }] = [await withGroup(), await world.actor(0)];
    const change = async (actorId: string): Promise<void> => {
      const reply = await world.owner("PUT /{actorId}/properties/{name}", actorId, {
        json: "red",
        params: { name: "c" },
      });
      expect(reply.status).toBe(204);
      await world.arriveMessages();
    };
    for (const actorId of [ungrouped, without]) await change(actorId);
    const [plain, grouped] = [
      await world.costOf(async () => await change(ungrouped)),
      await world.costOf(async () => await change(without)),
    ];
    expect([grouped.requests, grouped.writeUnits, grouped.indexWriteUnits]).toEqual([
      ...[plain.requests, plain.writeUnits, plain.indexWriteUnits],
    ]);
    await published(without, 10);
    const lent = await ask("POST /{actorId}/groups/{group}/fetch", without, { max: 5, consumer: "c" });
    expect(lent.events).toHaveLength(5);
    world.now += 600_000;
    await world.maintenance(without);
    const idle = await world.costOf(async () => await world.sweep());
    table.check("a sweep with a group whose lease ran out", idle, { writeUnits: 0, indexWriteUnits: 0 });
    expect(
      (await world.services.table.query({ pk: recordPartition(without), prefix: "" })).items.length,
    ).toBeGreaterThan(10);
  });

  it("answers a fetch that finds nothing without a write", async () => {
    const actorId = await withGroup(8);
    const cost = await world.costOf(async () => {
      await ask("POST /{actorId}/groups/{group}/fetch", actorId, { consumer: "c" });
    });
    table.check("fetch, nothing new", cost, { requests: ADMISSION + 1, writeUnits: 0, indexWriteUnits: 0 });
  });
});
