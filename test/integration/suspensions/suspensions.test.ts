import { beforeEach, describe, expect, it } from "vitest";
import { bearer, type Answer } from "../../support/in-process.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { DeliveryWorld, type Subscribed } from "../delivery/delivery-world.ts";

let world: DeliveryWorld;
beforeEach(async () => {
  world = await DeliveryWorld.begin({ environment: { DELIVERED_KEEP_SECONDS: "86400" } });
});

const ask = async (method: string, path = "", json?: unknown): Promise<Answer> =>
  await world.host.ask(method, `${world.actor.root}/suspensions${path}`, {
    headers: world.actor.as,
    ...(json === undefined ? {} : { json }),
  });

const suspend = async (target: string, subtarget?: string): Promise<Answer> =>
  await ask("POST", "", { target, ...(subtarget === undefined ? {} : { subtarget }) });

const bodies = ({ peer, id }: Subscribed): JsonObject[] =>
  peer.seen.filter(({ subscriptionId }) => subscriptionId === id).map(({ body }) => body);

async function poll({ peer, id }: Subscribed): Promise<{ sequence: number; data: JsonObject[] }> {
  const path = `${world.actor.root}/subscriptions/${peer.id}/${id}`;
  return (await world.host.ask("GET", path, { headers: bearer(peer.secret) })).json as never;
}

describe("a suspended target", () => {
  it("makes no diffs until it is resumed; then each subscription gets one resync", async () => {
    const all = await world.subscriber("bob");
    const part = await world.subscribe(all.peer, { target: "properties", subtarget: "car" });
    const deep = await world.subscriber("carol", { target: "properties", subtarget: "car", resource: "engine/oil" });
    const other = await world.subscriber("dave", { target: "orders" });

    expect(await suspend("properties")).toMatchObject({ status: 201, json: { target: "properties", subtarget: "" } });
    expect((await suspend("properties")).status).toBe(200);
    await world.set("color", "red");
    await world.set("car", { engine: { oil: 1 } });
    for (const each of [all, part, deep]) expect((await poll(each)).sequence).toBe(0);

    const resumed = await ask("DELETE", "/properties");
    expect(resumed).toMatchObject({ status: 200, json: { count: 3, resynced: 3, failed: 0 } });
    const root = `${world.actor.root}/properties`;
    const resync = { sequence: 1, type: "resync", granularity: "high", target: "properties" };
    expect(bodies(all)).toMatchObject([{ ...resync, url: root }]);
    expect(bodies(part)).toMatchObject([{ ...resync, subtarget: "car", url: `${root}/car` }]);
    expect(bodies(deep)).toMatchObject([{ ...resync, url: `${root}/car/engine/oil` }]);
    expect(bodies(other)).toEqual([]);

    await world.set("color", "blue");
    expect(bodies(all)[1]).toMatchObject({ sequence: 2, data: { color: "blue" } });
  });

  it("is listed, and refused when it is no name", async () => {
    expect((await ask("GET")).json).toEqual({ id: world.actor.id, data: [] });
    await suspend("properties", "color");
    await suspend("orders");
    expect((await ask("GET")).json.data).toEqual([
      { target: "properties", subtarget: "color" },
      { target: "orders", subtarget: "" },
    ]);
    for (const json of [
      {},
      { target: "" },
      { target: "a?b" },
      { target: "x", subtarget: "a/b" },
      { target: "x", subtarget: "100%" },
      { target: 1 },
    ]) {
      expect(await ask("POST", "", json)).toMatchObject({ status: 400, json: { error: { code: "bad_request" } } });
    }
    expect((await ask("DELETE", "/properties")).status).toBe(404);
    expect((await ask("PUT")).status).toBe(405);
    const stranger = await world.host.ask("GET", `${world.actor.root}/suspensions`);
    expect(stranger.status).toBe(401);
  });

  it("may have any name that a property may have", async () => {
    const name = "ein Name mit ✓ und #";
    expect((await suspend("properties", name)).status).toBe(201);
    await world.set(encodeURIComponent(name), 1);
    expect((await ask("DELETE", `/properties/${encodeURIComponent(name)}`)).status).toBe(200);
    expect((await ask("GET")).json.data).toEqual([]);
  });

  it("exists beside at most 99 others", async () => {
    for (let index = 0; index < 100; index += 1) {
      expect((await suspend("properties", `p${String(index)}`)).status).toBe(201);
    }
    expect((await suspend("properties", "one-more")).status).toBe(409);
    expect((await suspend("properties", "p7")).status).toBe(200);
    expect((await ask("DELETE", "/properties/p7")).status).toBe(200);
    expect((await suspend("properties", "one-more")).status).toBe(201);
  });
});

describe("a suspended part of a target", () => {
  it("is left out of broader diffs; only subscriptions that cover it get a resync", async () => {
    const all = await world.subscriber("bob");
    const part = await world.subscriber("carol", { target: "properties", subtarget: "color" });
    const other = await world.subscriber("dave", { target: "properties", subtarget: "size" });
    await suspend("properties", "color");
    const both = { color: "red", size: 1 };
    await world.host.ask("POST", `${world.actor.root}/properties`, { headers: world.actor.as, json: both });
    await world.set("color", "blue");
    expect(bodies(all)).toMatchObject([{ sequence: 1, data: { size: 1 } }]);
    expect(JSON.stringify(bodies(all))).not.toContain("color");
    expect(bodies(part)).toEqual([]);
    expect((await ask("DELETE", "/properties/color")).json).toEqual({ count: 2, resynced: 2, failed: 0 });
    expect(bodies(all)[1]).toMatchObject({ sequence: 2, type: "resync" });
    expect(bodies(part)).toMatchObject([{ sequence: 1, type: "resync" }]);
    expect(bodies(other)).toMatchObject([{ sequence: 1, data: 1 }]);
  });

  it("stays suspended when only the whole is resumed", async () => {
    const all = await world.subscriber("bob");
    const part = await world.subscriber("carol", { target: "properties", subtarget: "color" });
    await suspend("properties", "color");
    await suspend("properties");
    expect((await ask("DELETE", "/properties")).json).toEqual({ count: 1, resynced: 1, failed: 0 });
    await world.set("color", "red");
    await world.set("size", 1);
    expect(bodies(all)).toMatchObject([{ type: "resync" }, { data: { size: 1 } }]);
    expect(bodies(part)).toEqual([]);
    expect((await ask("DELETE", "/properties/color")).json).toEqual({ count: 2, resynced: 2, failed: 0 });
  });
});

describe("resuming", () => {
  it("sends a low callback to a peer known not to take a resync, its diff the full state", async () => {
    const old = await world.subscribe(await world.peer("old", ["subscriptions", "callbacks"]));
    const able = await world.subscribe(await world.peer("able", ["subscriptionresync"]));
    await suspend("properties");
    await world.set("color", "red");
    await ask("DELETE", "/properties");
    const url = `${world.actor.root}/subscriptions/old/${old.id}/1`;
    const [low] = bodies(old);
    expect(low).toMatchObject({ sequence: 1, granularity: "low", url });
    expect(low).not.toHaveProperty("type");
    const diff = await world.host.ask("GET", url, { headers: bearer(old.peer.secret) });
    expect(diff.json).toMatchObject({ sequence: 1, data: { color: "red" } });
    expect(bodies(able)).toMatchObject([{ type: "resync", sequence: 1 }]);
  });

  it("counts the peers that did not take it, whose number stays readable", async () => {
    const good = await world.subscriber("good");
    const bad = await world.subscriber("bad");
    bad.peer.mood = 500;
    const polls = await world.subscriber("polls", { target: "properties", granularity: "none" });
    await suspend("properties");
    await world.set("color", "red");
    expect((await ask("DELETE", "/properties")).json).toMatchObject({ resynced: 1, failed: 1 });
    for (const each of [good, bad, polls]) {
      expect((await poll(each)).data).toMatchObject([{ sequence: 1, type: "resync", data: { color: "red" } }]);
    }
  });

  it("sends the resyncs a little later when it broke off before the first", async () => {
    const all = await world.subscriber("bob");
    await suspend("properties");
    await world.set("color", "red");
    const { fanOut } = world.host.service;
    const publish = fanOut.publish.bind(fanOut);
    fanOut.publish = () => Promise.reject(new Error("crash"));
    expect((await ask("DELETE", "/properties")).status).toBe(500);
    fanOut.publish = publish;
    expect((await ask("GET")).json.data).toEqual([]);
    expect(bodies(all)).toEqual([]);
    await world.pass(60_000);
    expect(bodies(all)).toMatchObject([{ sequence: 1, type: "resync" }]);
  });

  it("loses no change of concurrent writers: each is in the diffs after the last resync, or before it", async () => {
    const all = await world.subscriber("bob");
    const write = async (name: string): Promise<void> => {
      for (let round = 0; round < 10; round += 1) await world.set(name, round);
    };
    const toggle = async (): Promise<void> => {
      for (let round = 0; round < 4; round += 1) {
        expect((await suspend("properties")).status).toBe(201);
        expect((await ask("DELETE", "/properties")).status).toBe(200);
      }
    };
    await Promise.all([toggle(), ...["a", "b", "c", "d"].map(write)]);
    const { sequence, data } = await poll(all);
    expect(all.peer.sequences(all.id).toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: sequence }, (_, index) => index + 1),
    );
    expect(data.map((entry) => entry["sequence"])).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
    expect(data.filter(({ type }) => type === "resync")).toHaveLength(4);
    const last = data.findLastIndex(({ type }) => type === "resync");
    const { changeLog } = world.host.service;
    const { records } = await changeLog.read(world.actor.id, 0, await changeLog.newest(world.actor.id));
    const resumed = records.findLastIndex(({ record }) => record.kind === "resume");
    const after = records.slice(resumed).filter(({ record }) => record.kind === "change");
    expect(data.length - 1 - last).toBe(after.length);
  });
});
