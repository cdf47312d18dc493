import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Reply } from "../../../lib/http/reply.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { sized } from "../../support/sizes.ts";
import { CostTable } from "./cost-table.ts";
import { MOST_REPLAYED, PublishingCosts } from "./publishing-world.ts";

const SUBSCRIPTION = "/{actorId}/subscriptions/{peerId}/{subscriptionId}";
/** How many subscribers an actor has. */
const COUNTS = sized([1, 10, 100], [1_000]);
/** Longer than a delivery can take, ms. */
const QUIET_MS = 16_000;
/** Longer than what was delivered stays, ms. */
const LEFT_MS = 360_000;

let world: PublishingCosts;
const table = new CostTable();

beforeAll(async () => {
  world = await PublishingCosts.start();
});
afterAll(async () => {
  table.print();
  await world.close();
});

async function change(actorId: string, name: string, json: Json): Promise<void> {
  const reply = await world.owner("PUT /{actorId}/properties/{name}", actorId, { json, params: { name } });
  expect(reply.status).toBe(204);
  // What a change to many subscribers leaves to workers.
  await world.arriveMessages();
}

const fine = (reply: Reply): void => {
  expect(reply.status, String(reply.body)).toBeLessThan(300);
};

// First: later the table has thousands of peers, each of which is asked once a day what it can.
describe("the sweep", () => {
  it("asks each shard once when everything is delivered and looked after", async () => {
    const { actorId } = await world.actor(10);
    await change(actorId, "color", "red");
    for (let minutes = 0; minutes < 20; minutes += 10) {
      world.now += 600_000;
      await world.sweep();
    }
    table.check("sweep, nothing due", await world.costOf(async () => await world.sweep()), {
      requests: world.services.config.dueShards,
      indexWriteUnits: 0,
    });
  });
});

describe("a property change", () => {
  it("without a subscriber needs three requests", async () => {
    const { actorId } = await world.actor(0);
    await change(actorId, "color", "red");
    const cost = await world.costOf(async () => {
      await change(actorId, "color", "green");
    });
    table.check("change, no subscriber", cost, { requests: 3, indexWriteUnits: 0 });
  });

  it.each(COUNTS)(
    "delivered to %i quiet subscribers takes one request for each, and the later work does not grow with them",
    async (count) => {
      const { actorId } = await world.actor(count);
      await change(actorId, "color", "red");
      world.now += QUIET_MS;
      world.sent.length = 0;
      const cost = await world.costOf(async () => {
        await change(actorId, "color", "green");
      });
      expect(world.sent).toHaveLength(count);
      const readUnits = 10 + 1.3 * count;
      // A wide change is delivered under leases, and each of its workers reads the record.
      const isWide = count > 200;
      const quiet = isWide
        ? { requests: 6 + 2 * count + count / 33, readUnits, indexWriteUnits: 1 }
        : { requests: 6 + count + count / 50, writeUnits: 10 + count, readUnits, indexWriteUnits: 1 };
      table.check(`change, ${String(count)} quiet subscribers, delivered`, cost, quiet);
      world.sent.length = 0;
      const busy = await world.costOf(async () => {
        await change(actorId, "color", "blue");
      });
      expect(world.sent).toHaveLength(count);
      const leased = { requests: 6 + 2 * count + count / (isWide ? 33 : 50), readUnits, indexWriteUnits: 1 };
      table.check(`the next change at once, ${String(count)} subscribers`, busy, leased);

      // What was delivered leaves without a request of its own: the maintenance only sees that its records can go.
      world.now += LEFT_MS;
      const maintenance = await world.costOf(async () => {
        await world.maintenance(actorId);
      });
      expect(await world.records(actorId)).toBe(0);
      // Besides the change's, each subscriber has left the record of its subscribing, of which 25 go in a request.
      // A bucket is read twice, and the log for it, whose oldest record is looked for.
      const requests = 10 + Math.ceil((count + 3) / 25) + count / (count > 200 ? 25 : 100);
      // The records of the three changes and of the subscribing, and the log's head once.
      const tidied = { requests, writeUnits: count + 4 };
      table.check(`maintenance once they have left, ${String(count)} subscribers`, maintenance, tidied);
    },
  );

  it("costs no more with a lease than it did when eight are made at once", async () => {
    const { actorId } = await world.actor(10);
    for (let n = 0; n < 8; n += 1) await change(actorId, `color${String(n)}`, "red");
    world.now += QUIET_MS;
    world.sent.length = 0;
    const cost = await world.costOf(async () => {
      await Promise.all(
        Array.from({ length: 8 }, async (_, n) => {
          await change(actorId, `color${String(n)}`, "green");
        }),
      );
    });
    expect(world.sent.length).toBeGreaterThanOrEqual(80);
    table.check("8 changes at once, 10 subscribers", cost, { requests: 271, writeUnits: 265, readUnits: 214 });
  });

  it("is replayed with others to a peer that was away for the cost of a few notes", async () => {
    const { actorId } = await world.actor(1);
    world.answer = 503;
    for (let n = 0; n < MOST_REPLAYED; n += 1) await change(actorId, `color${String(n % 8)}`, n);
    world.answer = 204;
    world.sent.length = 0;
    world.now += 60_000;
    const cost = await world.costOf(async () => {
      await world.arriveMessages();
    });
    expect(world.sent).toHaveLength(MOST_REPLAYED);
    table.check(`replay of ${String(MOST_REPLAYED)} after the breaker closes`, cost, { requests: 14 });
  });

  it.each(sized([1, 10], [100, 1_000]))("of 64 KiB is stored once, for %i subscribers", async (count) => {
    const { actorId } = await world.actor(count);
    await change(actorId, "big", "x");
    world.sent.length = 0;
    const kib = 64;
    const cost = await world.costOf(async () => {
      await change(actorId, "big", "y".repeat(kib * 1_024 - 1_024));
    });
    expect(world.sent).toHaveLength(count);
    // The property and its record, twice as much for being in one transaction; of each subscriber two small writes.
    table.check(`64 KiB change, ${String(count)} subscribers`, cost, {
      requests: 6 + 2 * count + count / (count > 200 ? 33 : 50),
      writeUnits: 4 * kib + 20 + 4 * count,
      readUnits: kib + 2 * count,
    });
  });
});

describe("publishing an event", () => {
  it("costs what a change does, and two write units more with a key; again under that key only reads", async () => {
    const { actorId } = await world.actor(0);
    const publish = async (headers: Record<string, string> = {}): Promise<void> => {
      const asking = { json: { n: 1 }, params: { topic: "orders.new" }, headers };
      fine(await world.owner("POST /{actorId}/events/{topic}", actorId, asking));
    };
    await publish();
    const plain = await world.costOf(async () => await publish());
    table.check("event published, no subscriber", plain, {
      requests: 3,
      writeUnits: 6,
      readUnits: 3,
      indexWriteUnits: 0,
    });
    const keyed = await world.costOf(async () => await publish({ "idempotency-key": "k" }));
    const { requests, writeUnits } = plain;
    table.check("the same with an idempotency key", keyed, {
      requests,
      writeUnits: writeUnits + 2,
      indexWriteUnits: 0,
    });
    const again = await world.costOf(async () => await publish({ "idempotency-key": "k" }));
    table.check("the same again", again, { requests: 2, writeUnits: 0, readUnits: 4 });
  });

  it.each([
    [90, 186, 3],
    [30, 124, 32],
  ])("in a batch of %i is one transaction", async (count, writeUnits, readUnits) => {
    const { actorId } = await world.actor(0);
    const events = Array.from({ length: count }, (_, n) => ({
      ...{ specversion: "1.0", id: String(n), source: "/s", type: "t", subject: "orders", data: n },
    }));
    const cost = await world.costOf(async () => {
      const headers = { "content-type": "application/cloudevents-batch+json" };
      fine(await world.owner("POST /{actorId}/events", actorId, { json: events, headers }));
    });
    table.check(`${String(count)} events of one topic in a batch`, cost, {
      requests: 3,
      writeUnits,
      readUnits,
      indexWriteUnits: 0,
    });
  });
});

describe("a subscriber's request", () => {
  it("costs a few requests, and no more with a backlog of a hundred", async () => {
    const { actorId, followers } = await world.actor(3);
    const [follower] = followers;
    if (follower === undefined) throw new Error("no follower");
    for (let n = 0; n < 100; n += 1) await change(actorId, "color", n);
    const poll = await world.costOf(async () => {
      const reply = await world.peer(`GET ${SUBSCRIPTION}`, actorId, follower);
      fine(reply);
      expect((JSON.parse(String(reply.body)) as { data: Json[] }).data).toHaveLength(100);
    });
    table.check("poll of 100 diffs", poll, { requests: 6 });
    const single = await world.costOf(async () => {
      fine(await world.peer(`GET ${SUBSCRIPTION}/{sequence}`, actorId, follower, { params: { sequence: "50" } }));
    });
    table.check("single diff", single, { requests: 6 });
    const positioned = await world.costOf(async () => {
      const headers = { "x-actingweb-subscription": follower.subscriptionId };
      const reply = await world.peer("GET /{actorId}/properties/{name}", actorId, follower, {
        headers,
        params: { name: "color" },
      });
      fine(reply);
      expect(reply.headers["x-actingweb-sequence"]).toBe("100");
    });
    table.check("positioned read", positioned, { requests: 7 });
    const cleared = await world.costOf(async () => {
      fine(await world.peer(`PUT ${SUBSCRIPTION}`, actorId, follower, { json: { sequence: 100 } }));
    });
    table.check("clear of 100 diffs", cleared, { requests: 5 });
  });
});
