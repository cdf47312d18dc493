import { afterEach, describe, expect, it } from "vitest";
import { startPublisher, type Publisher, type PublisherOptions } from "../../../support/publisher/publisher.ts";
import { ask } from "../../../support/publisher/wire.ts";

const running: Publisher[] = [];
async function start(options: PublisherOptions = {}): Promise<Publisher> {
  const publisher = await startPublisher(options);
  running.push(publisher);
  return publisher;
}
afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
});

/** Two peers that trust each other; the second has subscribed to the first's properties. */
async function pair(style: "reference" | "ours") {
  const publisher = await start({ style, seed: 1 });
  const subscriber = await start({ style, seed: 2 });
  const { trust } = await subscriber.trusts.initiate(publisher.baseUri, "friend");
  await publisher.trusts.approve(subscriber.id);
  const bearer = trust.secret;
  const made = await ask(`${publisher.baseUri}/subscriptions/${subscriber.id}`, {
    method: "POST",
    bearer,
    json: { target: "properties", granularity: "high" },
  });
  return { publisher, subscriber, bearer, made, poll: made.headers["location"] ?? "" };
}

describe("a publisher", () => {
  it("verifies a peer that asks for trust, and is notified of the approval", async () => {
    const { publisher, subscriber } = await pair("reference");
    expect(publisher.trusts.need(subscriber.id)).toMatchObject({ verified: true, approved: true, peerApproved: true });
    expect(subscriber.trusts.need(publisher.id)).toMatchObject({ approved: true, peerApproved: true });
  });

  it("refuses a subscription before approval and without its bearer", async () => {
    const publisher = await start();
    const stranger = await start({ seed: 9 });
    const { trust } = await stranger.trusts.initiate(publisher.baseUri, "friend");
    const path = `${publisher.baseUri}/subscriptions/${stranger.id}`;
    expect((await ask(path, { method: "POST", bearer: trust.secret, json: { target: "properties" } })).status).toBe(
      403,
    );
    expect((await ask(path, { method: "POST", json: { target: "properties" } })).status).toBe(401);
  });

  it("keeps dense numbered diffs until they are cleared", async () => {
    const { publisher, bearer, poll } = await pair("ours");
    publisher.set({ color: "red" });
    publisher.setAt(["size", "w"], 3);
    publisher.list("memo", { operation: "append", item: "hi" });
    const waiting = await ask(poll, { bearer });
    expect(waiting.json).toMatchObject({ sequence: 3, data: [{ sequence: 1 }, { sequence: 2 }, { sequence: 3 }] });
    expect((await ask(poll, { method: "PUT", bearer, json: { sequence: 2 } })).status).toBe(204);
    expect((await ask(poll, { bearer })).json).toMatchObject({ sequence: 3, data: [{ sequence: 3 }] });
    expect((await ask(poll, { method: "PUT", bearer, json: { sequence: 4 } })).status).toBe(400);
  });

  it("writes as the recorded peers do in the reference style", async () => {
    const { publisher, bearer, made, poll } = await pair("reference");
    expect(made.json).toMatchObject({ subtarget: null, resource: null, sequence: 0 });
    for (let count = 0; count < 10; count++) publisher.set({ n: count });
    const polled = await ask(poll, { bearer });
    const data = (polled.json as { data: { sequence: number }[] }).data;
    expect(data.map((diff) => diff.sequence)).toEqual([1, 10, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(data[0]).not.toHaveProperty("overwritten");
    expect((await ask(`${poll}/1`, { bearer })).status).toBe(200);
    expect((await ask(`${poll}/1`, { bearer })).status).toBe(500);
  });

  it("answers positioned reads with the newest diff they contain", async () => {
    const { publisher, bearer, made } = await pair("ours");
    publisher.set({ color: "red" });
    const id = (made.json as { subscriptionid: string }).subscriptionid;
    const headers = { "x-actingweb-subscription": id };
    const read = await ask(`${publisher.baseUri}/properties/color`, { bearer, headers });
    expect(read).toMatchObject({ status: 200, text: "red", headers: { "x-actingweb-sequence": "1" } });
    const all = await ask(`${publisher.baseUri}/properties?metadata=true`, { bearer });
    expect(all.json).toMatchObject({ simple: { properties: ["color"] }, lists: {} });
  });

  it("delivers the same shuffle for the same seed, and only what was not dropped", async () => {
    const orders: unknown[] = [];
    for (const round of [1, 2]) {
      const { publisher, subscriber } = await pair("ours");
      for (let count = 1; count <= 20; count++) publisher.set({ n: count });
      await publisher.deliver({ shuffle: true, times: 2, drop: [7] });
      const got = subscriber.received("POST", /callbacks/).map((call) => (call.body as { sequence: number }).sequence);
      expect(got, `round ${round}`).toHaveLength(38);
      expect(got).not.toContain(7);
      orders.push(got);
    }
    expect(orders[0]).toEqual(orders[1]);
  });

  it("lies only where the options say so", async () => {
    const { publisher, subscriber } = await pair("ours");
    publisher.set({ color: "red" });
    await publisher.send(1, { lie: { id: "somebody", data: undefined }, compress: "gzip", bearer: null });
    const [call] = subscriber.received("POST", /callbacks/);
    expect(call).toMatchObject({ bearer: undefined, headers: { "content-encoding": "gzip" } });
  });

  it("starts numbering again, with a new start time, after a reset", async () => {
    const { publisher, bearer, poll } = await pair("reference");
    publisher.set({ color: "red" });
    const before = publisher.subscription().made.get(1)!.at;
    publisher.resetSequence();
    expect((await ask(poll, { bearer })).json).toMatchObject({ sequence: 0, data: [] });
    publisher.set({ color: "green" });
    expect(publisher.subscription().made.get(1)!.at).toBeGreaterThan(before);
  });

  it("commits the fault it was given, as often as the fault says", async () => {
    const publisher = await start();
    publisher.faults.add({ path: /meta/, times: 1, fault: { kind: "status", status: 503 } });
    publisher.faults.add({ path: /meta\/id/, times: 1, fault: { kind: "garbage" } });
    const statuses = [];
    for (const leaf of ["", "/id", "/id"]) statuses.push((await ask(`${publisher.baseUri}/meta${leaf}`)).status);
    expect(statuses).toEqual([503, 0, 200]);
  });
});
