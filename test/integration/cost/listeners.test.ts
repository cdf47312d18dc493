/** What listeners beside peers cost, with webhooks for them; actors without any pay what the other files say. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listenerKey } from "../../../lib/dynamodb/keys/listeners.ts";
import type { Cost } from "../../support/measured-table.ts";
import { CostTable } from "./cost-table.ts";
import { PublishingCosts } from "./publishing-world.ts";

/** Longer than a delivery can take, ms. */
const QUIET_MS = 16_000;
const COUNTS = [1, 10];

let world: PublishingCosts;
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start();
});
afterAll(async () => {
  table.print();
  await world.close();
});

async function change(actorId: string, name: string, json: string): Promise<void> {
  const reply = await world.owner("PUT /{actorId}/properties/{name}", actorId, { json, params: { name } });
  expect(reply.status).toBe(204);
  await world.arriveMessages();
}

/** A new actor with webhooks, each of which has taken one event. */
async function withWebhooks(count: number, topics = ["properties.>"], more: object = {}): Promise<string> {
  const { actorId } = await world.actor(0);
  for (let at = 0; at < count; at += 1) {
    const body = { url: `https://peer.example/hook${String(at)}`, topics, ...more };
    await world.services.webhooks.put({ actorId, id: `w${String(at)}` }, body, {});
  }
  await change(actorId, "color", "red");
  world.now += QUIET_MS;
  world.sent.length = 0;
  return actorId;
}

describe("a change", () => {
  it.each(COUNTS)("with %i quiet webhooks in scope costs what as many subscribers do", async (count) => {
    const actorId = await withWebhooks(count);
    const cost = await world.costOf(async () => {
      await change(actorId, "color", "green");
    });
    expect(world.sent).toHaveLength(count);
    table.check(`change, ${String(count)} quiet webhooks, delivered`, cost, {
      ...{ requests: 6 + count + count / 50, writeUnits: 10 + count, indexWriteUnits: 1 },
    });
    const { actorId: other } = await world.actor(count);
    await change(other, "color", "red");
    world.now += QUIET_MS;
    const { requests, writeUnits } = await world.costOf(async () => await change(other, "color", "green"));
    table.check(`no more than ${String(count)} quiet subscribers`, cost, { requests, writeUnits });
    await change(actorId, "color", "white");
    world.sent.length = 0;
    const busy = await world.costOf(async () => {
      await change(actorId, "color", "blue");
    });
    expect(world.sent).toHaveLength(count);
    table.check(`the next change at once, ${String(count)} webhooks`, busy, {
      ...{ requests: 6 + 2 * count + count / 50, indexWriteUnits: 1 },
    });
    world.now += 600_000;
    const kept = await world.records(actorId);
    await world.maintenance(actorId);
    expect(await world.records(actorId)).toBe(kept);
  });

  it("that no webhook hears costs one query more than without any", async () => {
    const actorId = await withWebhooks(10, ["orders.>"]);
    const cost = await world.costOf(async () => {
      await change(actorId, "color", "green");
    });
    expect(world.sent).toEqual([]);
    table.check("change, 10 webhooks that do not hear it", cost, { requests: 4, indexWriteUnits: 1 });
  });

  it("costs one query more while a listener's pattern begins with a wildcard", async () => {
    const named = await withWebhooks(1, ["properties.>"]);
    const wildcard = await withWebhooks(1, [">", "properties.>"]);
    const costs = [];
    for (const actorId of [named, wildcard]) {
      costs.push(await world.costOf(async () => await change(actorId, "color", "green")));
    }
    const [before, with_] = costs.map(({ requests }) => requests);
    expect(with_).toBe((before ?? 0) + 1);
  });
});

describe("records kept for listeners", () => {
  it("go by their time: maintenance deletes none of them, and writes only the log's head", async () => {
    const actorId = await withWebhooks(1);
    for (let n = 0; n < 5; n += 1) await change(actorId, "color", String(n));
    world.now += 600_000;
    const cost = await world.costOf(async () => {
      await world.maintenance(actorId);
    });
    expect(await world.records(actorId)).toBe(6);
    table.check("maintenance, 6 records kept for a webhook", cost, { writeUnits: 1, requests: 5 });
  });
});

describe("an attempt that fails", () => {
  it("costs one request more, and so does the success after it", async () => {
    const actorId = await withWebhooks(1);
    const taken = await world.costOf(async () => await change(actorId, "color", "green"));
    world.now += QUIET_MS;
    world.answer = 400;
    const failed = await world.costOf(async () => await change(actorId, "color", "blue"));
    world.answer = 204;
    table.check("change, one webhook that does not take it", failed, {
      ...{ requests: taken.requests + 1, writeUnits: taken.writeUnits + 1, indexWriteUnits: 2 },
    });
    // Both go past the blocked key under a lease; only the first notes that the endpoint takes events again.
    const first = await world.costOf(async () => await change(actorId, "size", "1"));
    const next = await world.costOf(async () => await change(actorId, "size", "2"));
    table.check("change, the first that is taken after a failure", first, {
      ...{ requests: next.requests + 1, writeUnits: next.writeUnits + 1, indexWriteUnits: 0 },
    });
  });
});

describe("events of a blocked key", () => {
  it.each([1, 20])(
    "are held back without a write, and sent together for one query more: %i of 40 KB",
    async (count) => {
      const released = [];
      for (const behind of [0, count]) {
        const actorId = await withWebhooks(1);
        const quiet = await world.costOf(async () => await change(actorId, "color", "x".repeat(40_000)));
        world.now += QUIET_MS;
        world.answer = 400;
        await change(actorId, "color", "blue");
        world.answer = 204;
        for (let n = 0; n < behind; n += 1) {
          const cost = await world.costOf(async () => await change(actorId, "color", "x".repeat(40_000)));
          // The write that is less is the note of what was taken.
          const writeUnits = quiet.writeUnits - 1;
          table.check("change, held back", cost, { requests: quiet.requests, writeUnits, indexWriteUnits: 0 });
        }
        world.now += 7_000;
        world.sent.length = 0;
        released.push(await world.costOf(async () => await world.arriveMessages()));
        expect(world.sent).toHaveLength(behind + 1);
      }
      const [alone, together] = released as [Cost, Cost];
      table.check("an event that failed is sent again, and taken", alone, { requests: 6, writeUnits: 3 });
      table.check(`the same, and ${String(count)} behind it`, together, {
        ...{ requests: alone.requests + 1, writeUnits: alone.writeUnits, indexWriteUnits: alone.indexWriteUnits },
      });
      expect(together.byOperation["Query"]).toBe((alone.byOperation["Query"] ?? 0) + 1);
    },
  );

  it("are read again by the next change up to a megabyte, then the listener notes where it stands", async () => {
    const actorId = await withWebhooks(1);
    world.answer = 400;
    await change(actorId, "color", "blue");
    world.answer = 204;
    const read: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      const cost = await world.costOf(async () => await change(actorId, "color", "x".repeat(200_000)));
      read.push(cost.readUnits);
    }
    const most = Math.max(...read);
    expect(read.findLastIndex((units) => units === most)).toBeLessThan(read.length - 1);
    expect(most).toBeLessThan(2_000_000 / 4_096);
  });
});

describe("the limit of the rate", () => {
  it("costs nothing: its number is in the note of what was taken", async () => {
    const actorId = await withWebhooks(1, ["properties.>"], { rate: { limit: 3, periodSeconds: 60 } });
    const { actorId: other, followers } = await world.actor(1);
    await change(other, "color", "red");
    world.now += QUIET_MS;
    const rateOf = async (): Promise<unknown> =>
      (await world.services.table.get(listenerKey({ actorId, kind: "webhook", id: "w0" })))?.["rate"];
    const before = await rateOf();
    const cost = await world.costOf(async () => await change(actorId, "color", "green"));
    expect(await rateOf()).not.toBe(before);
    const peer = await world.costOf(async () => await change(other, "color", "green"));
    expect(followers).toHaveLength(1);
    const { requests, writeUnits } = peer;
    table.check("change, one webhook with a rate", cost, { requests, writeUnits, indexWriteUnits: 0 });
  });
});
