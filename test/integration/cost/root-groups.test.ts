/** What consumer groups over all actors cost: by the actors that have something, and nothing while no consumer asks. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { feedMove } from "../../../lib/dynamodb/keys/feed.ts";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { rootMemberKey } from "../../../lib/dynamodb/keys/root-groups.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { newGroupState } from "../../../lib/domain/events/group-state.ts";
import { positionAfter } from "../../../lib/domain/events/position.ts";
import { packed } from "../../../lib/listeners/groups/packed.ts";
import { randomIds } from "../../../lib/system/ids.ts";
import { mapConcurrent } from "../../../lib/system/map-concurrent.ts";
import { sized } from "../../support/sizes.ts";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

const OPERATOR = "operator";
/** After so long an actor's entries in the feed indexes cover nothing more. */
const QUIET_MS = 60_000;
const MEMBERS = sized(300, 100_000);
/** One query of the group, and one for each of 4 shards of 2 indexes. */
const LOOK = 1 + 8;

let world: PublishingCosts;
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start(undefined, { ALL_EVENTS: "true", OPERATOR_TOKEN: OPERATOR });
});
afterAll(async () => {
  table.print();
  await world.close();
});

const ask = async (route: string, json: object): Promise<any> => {
  const reply = await world.rootGroup(OPERATOR, route, json as never);
  expect(reply.status).toBeLessThan(300);
  return reply.body === undefined || reply.body === "" ? undefined : JSON.parse(String(reply.body));
};
const change = async (actorId: string, value: string): Promise<void> => {
  const reply = await world.owner("PUT /{actorId}/properties/{name}", actorId, { json: value, params: { name: "c" } });
  expect(reply.status).toBe(204);
};
const acked = async (lent: any): Promise<void> => {
  await ask("POST /ack", { token: lent.leases[0].token, upTo: lent.events.at(-1).event.position });
};
const drained = async (): Promise<void> => {
  for (let lent = await ask("POST /fetch", { consumer: "c" }); lent !== undefined;) {
    await acked(lent);
    lent = await ask("POST /fetch", { consumer: "c" });
  }
};

/** Members that have nothing to do, with the heads of their logs. */
async function standing(count: number): Promise<void> {
  const { madeAs, generation, revision } = (await world.services.table.query({ pk: "G#all", prefix: "HEAD" }))
    .items[0] as any;
  const state = packed(newGroupState(positionAfter(1, 1), { lanes: 1, selection: { topics: [">"] } }));
  const ids = Array.from({ length: count }, () => randomIds.id());
  await mapConcurrent(ids, 8, async (id) => {
    const key = logHeadKey(id);
    await world.services.table.put({ ...key, newest: 1, ...feedMove(key, [0, 0], 1_000) }, always);
    await world.services.table.put(
      { ...rootMemberKey({ name: "all", madeAs }, id), version: 1, generation, revision, state },
      always,
    );
  });
}

describe("a group over all actors", () => {
  it("costs its consumers by the actors that have changed, however many it knows", async () => {
    const actors: string[] = [];
    for (let made = 0; made < 30; made += 1) actors.push((await world.actor(0)).actorId);
    await ask("PUT", { topics: [">"] });
    for (const actorId of actors) await change(actorId, "red");
    await drained();
    world.now += QUIET_MS;
    await drained();
    const none = await world.costOf(async () => await ask("POST /fetch", { consumer: "c" }));
    table.check("fetch, none of 30 actors has changed", none, { requests: LOOK, writeUnits: 0, indexWriteUnits: 0 });
    for (const known of ["30", String(MEMBERS)]) {
      if (known !== "30") await standing(MEMBERS);
      for (const changed of [10, 20]) {
        for (const actorId of actors.slice(0, changed)) await change(actorId, `now ${known} ${String(changed)}`);
        let lent: any;
        const fetch = await world.costOf(async () => {
          lent = await ask("POST /fetch", { consumer: "c" });
        });
        expect(lent.events).toHaveLength(changed);
        const about = `${String(changed)} of ${known} actors have changed`;
        const budget = { writeUnits: 2 * (changed + 3), indexWriteUnits: 0 };
        // Heads and members of all, the log of each, one write.
        table.check(`fetch, ${about}`, fetch, { ...budget, requests: LOOK + 2 + changed });
        const ack = await world.costOf(async () => await acked(lent));
        table.check(`ack of these, ${about}`, ack, { ...budget, requests: 3 });
        await drained();
        world.now += QUIET_MS;
        await drained();
      }
    }
  });

  it("costs nothing while no consumer asks", async () => {
    const { actorId } = await world.actor(0);
    world.now += QUIET_MS;
    const cost = await world.costOf(async () => await change(actorId, "first"));
    await ask("PUT", { topics: [">"] });
    world.now += QUIET_MS;
    const later = await world.costOf(async () => await change(actorId, "second"));
    expect([later.requests, later.writeUnits]).toEqual([cost.requests, cost.writeUnits]);
    world.now += QUIET_MS;
    const idle = await world.costOf(async () => await world.sweep());
    table.check("a sweep with a group over all actors", idle, { writeUnits: 0, indexWriteUnits: 0 });
  });
});
