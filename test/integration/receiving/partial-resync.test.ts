/** Resync callbacks for a part of a subscription, and resync callbacks with an old number. */
import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { ACTOR, bodyOf, SUB, Subscriber } from "./subscriber.ts";

let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  us.hookRuns.length = 0;
});

describe("a resync callback with a number that was used", () => {
  const stamped = (sequence: number): { timestamp: string } => ({
    timestamp: `2026-01-01T00:00:0${String(sequence)}Z`,
  });

  beforeEach(async () => {
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n }, stamped(n));
    us.asked.length = 0;
  });

  it("and a newer time asks where the publisher is, once a minute at most", async () => {
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 1, data: [] } };
    us.script["GET /properties"] = { status: 200, json: { new: "life" } };
    const send = async () =>
      await us.callback({ sequence: 1, type: "resync", target: "properties", timestamp: "2026-02-01T00:00:00Z" });
    expect(bodyOf(await send())).toEqual({ result: "duplicate", sequence: 3 });
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 1, epoch: 2 });
    expect(await us.stored()).toEqual({ new: "life" });
    us.asked.length = 0;
    await send();
    await us.arriveMessages();
    expect(us.asked).toEqual([]);
  });

  it("and no newer time is only repeated", async () => {
    const reply = await us.callback({ sequence: 3, type: "resync", target: "properties", ...stamped(3) });
    expect([reply.status, bodyOf(reply)]).toEqual([200, { result: "duplicate", sequence: 3 }]);
    await us.arriveMessages();
    expect(us.asked).toEqual([]);
  });
});

describe("a resync callback for a part of the subscription", () => {
  const color = { type: "resync", target: "properties", subtarget: "color" };

  beforeEach(async () => {
    await us.diff(1, { color: "red", size: { w: 1, h: 2 }, other: 1 });
    us.hookRuns.length = 0;
    us.asked.length = 0;
  });

  it("reads the part from the url it names", async () => {
    us.script["GET /states/color"] = { status: 200, json: "from the url" };
    us.script["GET /properties/color"] = { status: 200, json: "from its own" };
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 2, data: [] } };
    const url = "https://peer.example/peer/states/color";
    const reply = await us.callback({ ...color, sequence: 2, url, data: "from the body" });
    expect([reply.status, bodyOf(reply)]).toEqual([201, { result: "processed", sequence: 2 }]);
    expect(await us.stored()).toEqual({ color: "from the url", size: { w: 1, h: 2 }, other: 1 });
    expect(us.hookRuns).toEqual([{ sequence: 2, callbackType: "resync", data: "from the url" }]);
  });

  it("takes its data when it names no url, and asks for nothing", async () => {
    await us.callback({ ...color, sequence: 2, data: { v: "" } });
    expect(await us.stored()).toEqual({ color: { v: "" }, size: { w: 1, h: 2 }, other: 1 });
    expect(us.hookRuns).toEqual([{ sequence: 2, callbackType: "resync", data: { v: "" } }]);
    expect(us.asked).toEqual([]);
  });

  it("takes a list from its data", async () => {
    await us.callback({ ...color, sequence: 2, data: { _list: true, items: [1, 2] } });
    expect((await us.diff(3, { color: { list: "color", operation: "append", item: 3 } })).status).toBe(201);
    expect(await us.stored()).toMatchObject({ color: [1, 2, 3] });
    expect(us.hookRuns[0]).toEqual({ sequence: 2, callbackType: "resync", data: [1, 2] });
  });

  it("reads a list again before it appends to it, when the content of the list is unknown", async () => {
    const positioned = (sequence: number) => ({ status: 200, json: { sequence, data: [] } });
    us.script["GET /states/color"] = { status: 200, json: [1, 2] };
    us.script["GET /properties?metadata=true"] = {
      status: 200,
      json: { simple: { properties: [], total_bytes: 0 }, lists: { color: { count: 2, total_bytes: 5 } } },
    };
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = positioned(3);
    await us.callback({ ...color, sequence: 2, url: "https://peer.example/peer/states/color" });
    await us.diff(3, { color: { list: "color", operation: "append", item: 2 } });
    expect(await us.stored()).toMatchObject({ color: [1, 2] });
  });

  it("is replayed from the store when its hook failed, however large it was", async () => {
    let failing = true;
    const hookRuns: unknown[] = [];
    const app = new ActingWebApp({ awType: "urn:test", desc: "" }).subscriptionDataHook("*", ({ subtarget, data }) => {
      if (failing) throw new Error("not now");
      hookRuns.push([subtarget, data]);
    });
    us = await new Subscriber({ app }).subscribed();
    const large = "x".repeat(500_000);
    us.script["GET /properties/color"] = { status: 200, json: large };
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 1, data: [] } };
    expect((await us.callback({ ...color, sequence: 1 })).status).toBe(201);
    failing = false;
    us.now += 3_600_000;
    await us.sweep();
    expect(hookRuns).toContainEqual(["color", large]);
  });

  it("reads the part's own URL when it names neither", async () => {
    us.script["GET /properties/color"] = { status: 200, json: "blue" };
    await us.callback({ ...color, sequence: 2 });
    expect(await us.stored()).toMatchObject({ color: "blue" });
    expect(us.hookRuns).toEqual([{ sequence: 2, callbackType: "resync", data: "blue" }]);
  });

  it("removes what the publisher does not have any more", async () => {
    await us.callback({ ...color, sequence: 2 });
    expect(await us.stored()).toEqual({ size: { w: 1, h: 2 }, other: 1 });
    expect(us.hookRuns).toEqual([{ sequence: 2, callbackType: "resync", data: null }]);
  });

  it("sets what lies inside a property there, so that later diffs of the property still reach it", async () => {
    await us.callback({ ...color, subtarget: "size", resource: "w", sequence: 2, data: { deep: 5 } });
    expect(await us.stored()).toMatchObject({ size: { w: { deep: 5 }, h: 2 } });
    await us.diff(3, { size: { w: 7 } });
    expect(await us.stored()).toMatchObject({ size: { w: 7, h: 2 } });
    await us.callback({ ...color, subtarget: "size", resource: "h", sequence: 4 });
    expect(await us.stored()).toMatchObject({ size: { w: 7 } });
  });

  it("keeps its url and data while it waits for its recovery", async () => {
    us.script["GET /states/color"] = { status: 200, json: "from the url" };
    const url = "https://peer.example/peer/states/color";
    expect((await us.callback({ ...color, sequence: 4, url })).status).toBe(202);
    expect((await us.callback({ ...color, subtarget: "other", sequence: 3, data: 9 })).status).toBe(202);
    expect(bodyOf(await us.diff(2, { color: "green" }))).toEqual({ result: "processed", sequence: 4 });
    expect(await us.stored()).toMatchObject({ color: "from the url", other: 9 });
    expect(us.hookRuns.map(({ callbackType }) => callbackType)).toEqual(["diff", "resync", "resync"]);
  });

  it("does not touch what a narrower subscription owns, and its hook runs all the same", async () => {
    us.script["GET /properties/color"] = { status: 200, json: "owned" };
    await us.subscribe("narrow", { subtarget: "color" });
    us.hookRuns.length = 0;
    await us.callback({ ...color, sequence: 2, data: "not mine" });
    expect(await us.stored()).toMatchObject({ color: "owned" });
    expect(us.hookRuns).toEqual([{ sequence: 2, callbackType: "resync", data: "not mine" }]);
  });

  it("reads the part again later when it cannot be read, and runs its hook once", async () => {
    us.script["GET /properties/color"] = { status: 503 };
    expect((await us.callback({ ...color, sequence: 2 })).status).toBe(201);
    expect(us.hookRuns).toEqual([]);
    expect(await us.stored()).toMatchObject({ color: "red", other: 1 });
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 2, data: [] } };
    us.script["GET /properties/color"] = { status: 200, json: "blue" };
    us.now += 60_000;
    await us.sweep();
    expect(await us.stored()).toMatchObject({ color: "blue", other: 1 });
    expect(us.hookRuns).toEqual([{ sequence: 2, callbackType: "resync", data: "blue" }]);
  });

  it("of an application's own target only runs the hook", async () => {
    us = await new Subscriber().subscribed({ target: "resources" });
    us.hookRuns.length = 0;
    us.script["GET /resources/r1"] = { status: 200, json: { v: 1 } };
    const reply = await us.callback({ type: "resync", target: "resources", subtarget: "r1", sequence: 1 });
    expect(reply.status).toBe(201);
    expect(us.hookRuns).toEqual([{ sequence: 1, callbackType: "resync", data: { v: 1 } }]);
    expect(await us.stored()).toEqual({});
  });
});
