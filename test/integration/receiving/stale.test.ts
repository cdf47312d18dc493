/** A failed read leaves the stored value, which is shown as stale and read again later. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../../../lib/system/ports.ts";
import { ACTOR, bodyOf, SUB, Subscriber, type Said } from "./subscriber.ts";

const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
const METADATA = "GET /properties?metadata=true";
let us: Subscriber;

beforeEach(async () => {
  us = await subscriber();
});

async function subscriber(environment: Record<string, string> = {}): Promise<Subscriber> {
  const made = await new Subscriber({ environment }).subscribed();
  await made.diff(1, { a: 1, z: 1 });
  await made.diff(2, { memo: { list: "memo", operation: "extend", items: ["x", "y"], length: 2 } });
  made.hookRuns.length = 0;
  made.asked.length = 0;
  made.script[POLL] = { status: 200, json: { sequence: 3, data: [] } };
  made.script[METADATA] = {
    status: 200,
    json: {
      simple: { properties: ["a", "z"], total_bytes: 9_999_999 },
      lists: { memo: { count: 2, total_bytes: 9, description: "", explanation: "" } },
    },
  };
  made.script["GET /properties/a"] = { status: 200, json: 2 };
  made.script["GET /properties/z"] = { status: 200, json: 2 };
  made.script["GET /properties/memo"] = { status: 200, json: ["x", "y", "new"] };
  return made;
}

const resync = (sequence = 3) => us.callback({ sequence, target: "properties", type: "resync" });
const silent: Said[] = [
  ...[201, 202, 204, 206, 301, 304, 400, 401, 405, 406, 409, 412, 415, 418, 421, 422, 424, 425, 426, 428, 431, 451],
  ...[500, 501, 502, 503, 504],
].map((status) => ({ status }));
const unreadable: Said[] = ["", "{half", "[NaN]", "1e999", "[".repeat(70) + "]".repeat(70)].map((text) => ({
  status: 200,
  text,
}));

describe("a state read", () => {
  it.each([...silent, ...unreadable, { status: 200, text: Buffer.from([0x22, 0xff, 0x22]) }])(
    "keeps a list that is answered %j, and takes the rest",
    async (said) => {
      us.script["GET /properties/memo"] = said;
      us.script["GET /properties/memo?limit=500"] = said;
      expect((await resync()).status).toBe(201);
      expect(await us.stored()).toEqual({ a: 2, z: 2, memo: ["x", "y"] });
      expect(await us.state()).toMatchObject({ lastSeq: 3, resyncPending: false });
      expect(await us.property("memo")).toMatchObject({
        stale: { since: "2026-01-01T00:00:00.000Z", reason: expect.any(String) as string },
      });
      expect(await us.property("a")).not.toHaveProperty("stale");
    },
  );

  it.each([403, 404, 410])("deletes a list that was listed and is answered %i", async (status) => {
    us.script["GET /properties/memo"] = { status };
    expect((await resync()).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 2, z: 2 });
  });

  it("deletes properties that its listing does not name", async () => {
    us.script[METADATA] = {
      status: 200,
      json: { simple: { properties: ["a"], total_bytes: 9_999_999 }, lists: {} },
    };
    expect((await resync()).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 2 });
  });

  it.each([204, 401, 403, 409, 429, 500])("changes nothing when its listing is answered %i", async (status) => {
    us.script[METADATA] = { status };
    us.script["GET /properties"] = { status };
    expect((await resync()).status).toBe(202);
    expect(await us.stored()).toEqual({ a: 1, z: 1, memo: ["x", "y"] });
  });

  it("passes the stored parts to its hooks", async () => {
    us.script["GET /properties/memo"] = { status: 500 };
    await resync();
    expect(us.hookRuns).toEqual([{ sequence: 3, callbackType: "resync", data: { a: 2, z: 2, memo: ["x", "y"] } }]);
  });

  it.each([400, 404, 409, 500])("of one place keeps it when it is answered %i, but for 404", async (status) => {
    us = await new Subscriber().subscribed({ subtarget: "a" });
    await us.callback({ sequence: 1, target: "properties", subtarget: "a", data: { v: 1 }, overwritten: [""] });
    us.script["GET /properties/a"] = { status };
    us.script[POLL] = { status: 200, json: { sequence: 2, data: [] } };
    const reply = await us.callback({ sequence: 2, target: "properties", subtarget: "a", type: "resync" });
    expect(reply.status).toBe(201);
    expect(await us.stored()).toEqual(status === 404 ? {} : { a: { v: 1 } });
  });
});

describe("a part that could not be read", () => {
  const reads = (): number => us.asked.filter(({ url }) => url.endsWith("/properties/memo")).length;

  async function pass(minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes; minute += 1) {
      us.now += 60_000;
      await us.sweep();
    }
  }

  it("is read again alone, and its hooks run with that part", async () => {
    us.script["GET /properties/memo"] = { status: 500 };
    await resync();
    us.script["GET /properties/memo"] = { status: 200, json: ["x", "y", "new"] };
    us.hookRuns.length = 0;
    await pass(1);
    expect(await us.stored()).toEqual({ a: 2, z: 2, memo: ["x", "y", "new"] });
    expect(await us.property("memo")).not.toHaveProperty("stale");
    expect(us.hookRuns).toEqual([{ sequence: 3, callbackType: "resync", data: ["x", "y", "new"] }]);
    expect(await us.failedEvents()).toEqual([]);
    // Twice the second time: a publisher without positions is read until its newest number stays the same.
    await pass(10);
    expect(reads()).toBe(1 + 2);
  });

  it("is read HOOK_MAX_ATTEMPTS times with growing pauses, then parked for a person, who retries it", async () => {
    us = await subscriber({ HOOK_MAX_ATTEMPTS: "3" });
    us.script["GET /properties/memo"] = { status: 409 };
    await resync();
    await pass(120);
    expect(reads()).toBe(1 + 3);
    const [failed, ...more] = await us.failedEvents();
    expect(more).toEqual([]);
    expect(failed).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      ...{
        kind: "read",
        source: `hook:peer:${SUB}`,
        peerid: "peer",
        subscriptionid: SUB,
        place: "memo",
        reason: "The peer answered 409.",
      },
      since: "2026-01-01T00:00:00.000Z",
    });
    const id = String(failed?.["id"]);
    expect(bodyOf(await us.settle(id, "retry"))).toEqual({ id, result: "parked" });
    us.script["GET /properties/memo"] = { status: 200, json: ["mended"] };
    expect(bodyOf(await us.settle(id, "retry"))).toEqual({ id, result: "done" });
    expect(await us.stored()).toMatchObject({ memo: ["mended"] });
    expect(await us.failedEvents()).toEqual([]);
    expect((await us.settle(id, "retry")).status).toBe(404);
  });

  it("that is too large is read once more", async () => {
    us.script["GET /properties/memo"] = { status: 413 };
    us.script["GET /properties/memo?limit=500"] = { status: 413 };
    await resync();
    await pass(120);
    expect(reads()).toBe(2);
    expect(await us.failedEvents()).toMatchObject([{ kind: "read", place: "memo" }]);
    expect(await us.stored()).toMatchObject({ memo: ["x", "y"] });
  });

  it("that is skipped stays as it is until the next resync, which reads it", async () => {
    us = await subscriber({ HOOK_MAX_ATTEMPTS: "1" });
    us.script["GET /properties/memo"] = { status: 409 };
    await resync();
    await pass(10);
    const [failed] = await us.failedEvents();
    expect((await us.settle(String(failed?.["id"]), "skip")).status).toBe(200);
    expect(await us.failedEvents()).toEqual([]);
    expect(await us.property("memo")).toMatchObject({ value: ["x", "y"], stale: { reason: "The peer answered 409." } });
    us.script["GET /properties/memo"] = { status: 200, json: ["mended"] };
    us.script[POLL] = { status: 200, json: { sequence: 4, data: [] } };
    await resync(4);
    expect(await us.property("memo")).toMatchObject({ value: ["mended"] });
    expect(await us.property("memo")).not.toHaveProperty("stale");
  });

  it("is not stale any more when a resync has read it meanwhile", async () => {
    us = await subscriber({ HOOK_MAX_ATTEMPTS: "1" });
    us.script["GET /properties/memo"] = { status: 409 };
    await resync();
    await pass(10);
    expect(await us.failedEvents()).toHaveLength(1);
    us.script["GET /properties/memo"] = { status: 200, json: ["mended"] };
    us.script[POLL] = { status: 200, json: { sequence: 4, data: [] } };
    await resync(4);
    expect(await us.failedEvents()).toEqual([]);
  });

  it("is not stale any more when a diff gives it a value", async () => {
    us.script["GET /properties/a"] = { status: 500 };
    await resync();
    expect(await us.property("a")).toMatchObject({ value: 1, stale: {} });
    await us.diff(4, { a: 4 });
    expect(await us.property("a")).toMatchObject({ value: 4 });
    expect(await us.property("a")).not.toHaveProperty("stale");
    us.asked.length = 0;
    await pass(5);
    expect(us.asked).toEqual([]);
  });

  it("is not changed by an operation on its list, which reads the list again, at most once in its pause", async () => {
    us.script["GET /properties/memo"] = { status: 500 };
    await resync();
    us.asked.length = 0;
    for (let n = 4; n < 8; n += 1) {
      await us.diff(n, { memo: { list: "memo", operation: "append", item: n } });
    }
    expect(reads()).toBe(0);
    expect(await us.stored()).toMatchObject({ memo: ["x", "y"] });
    us.script[POLL] = { status: 200, json: { sequence: 7, data: [] } };
    us.script["GET /properties/memo"] = { status: 200, json: ["x", "y", "new", 4, 5, 6, 7] };
    await pass(1);
    expect(await us.stored()).toMatchObject({ memo: ["x", "y", "new", 4, 5, 6, 7] });
    await us.diff(8, { memo: { list: "memo", operation: "append", item: 8 } });
    expect(await us.stored()).toMatchObject({ memo: ["x", "y", "new", 4, 5, 6, 7, 8] });
  });

  it("is deleted with its subscription", async () => {
    us.script["GET /properties/memo"] = { status: 500 };
    await resync();
    const params = { peerId: "peer", subscriptionId: SUB };
    await us.owner("DELETE /{actorId}/subscriptions/{peerId}/{subscriptionId}", { params });
    await pass(10);
    expect(us.table.all().filter(({ sk }) => sk.startsWith("FAILED"))).toEqual([]);
  });

  it("is stale since its first failure, also when a later read fails too", async () => {
    us.script["GET /properties/memo"] = { status: 500 };
    await resync();
    us.now += 30_000;
    us.script[POLL] = { status: 200, json: { sequence: 4, data: [] } };
    us.script["GET /properties/memo"] = { status: 409 };
    await resync(4);
    const stale: Json = { since: "2026-01-01T00:00:00.000Z", reason: "The peer answered 409." };
    expect(await us.property("memo")).toMatchObject({ stale });
  });
});
