/** A group with as many parked events as are kept. */
import { describe, expect, it } from "vitest";
import { actorPartition } from "../../../lib/dynamodb/keys/partition.ts";
import { failedEventIdKey, failedEventKey, failedEventPrefix } from "../../../lib/dynamodb/keys/failed-events.ts";
import { listenerKey } from "../../../lib/dynamodb/keys/listeners.ts";
import { rootFailedKey } from "../../../lib/dynamodb/keys/root-groups.ts";
import { queryAll } from "../../../lib/dynamodb/paging.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import type { Answer } from "../../support/in-process.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";
import { RootWorld, tokenOf } from "./root-world.ts";

const SOURCE = "group:billing";

/** A group with one event that was handed to a person; `others` more are kept until `ttl`, and its item counts `counted`. */
async function full(others: number, counted: number, settings: object = {}, ttl?: number) {
  const world = await WebhookWorld.begin();
  const fetched = async (): Promise<Answer> =>
    await world.ask("POST", "/groups/billing/fetch", { json: { consumer: "c" } });
  const acked = async (lent: Answer, verdict: string): Promise<readonly string[]> => {
    const items = lent.json.events.map(({ event: { position } }: any) => ({ position, verdict }));
    const json = { token: lent.json.leases[0].token, items };
    const answer = await world.ask("POST", "/groups/billing/ack", { json });
    return answer.json.outcomes.map(({ outcome }: any) => outcome);
  };
  const seen = async (): Promise<any> => (await world.ask("GET", "/groups/billing")).json;
  const kept = async (): Promise<number> => await world.whole.service.listenerEvents.count(world.owner.id, SOURCE);
  await world.ask("PUT", "/groups/billing", { json: { topics: ["properties.>"], ...settings } });
  await world.put("first", 1);
  await acked(await fetched(), "park");
  const { table } = world.whole;
  const pk = actorPartition(world.owner.id);
  const [one] = await queryAll(table, { pk, prefix: failedEventPrefix({ source: SOURCE }) });
  if (one === undefined) throw new Error("no event is kept");
  for (let at = 0; at < others; at += 1) {
    const id = `other${String(at)}`;
    const key = failedEventKey(world.owner.id, SOURCE, { epoch: 0, sequence: 10_000 + at, id });
    const until = ttl ?? Number(one["ttl"]);
    await table.put({ ...one, ...key, eventId: id, ttl: until }, always);
    await table.put({ ...failedEventIdKey(world.owner.id, id), at: key.sk, ttl: until }, always);
  }
  const item = listenerKey({ actorId: world.owner.id, kind: "group", id: "billing" });
  await table.update(item, { set: { failedEvents: counted } }, always);
  return { world, fetched, acked, seen, kept };
}

describe("1,000 parked events", () => {
  it("stop their group at the next one, which waits until a person has taken some away", async () => {
    const { world, fetched, acked, seen, kept } = await full(998, 999);
    for (const name of ["a", "b", "c"]) await world.put(name, 1);
    expect(await acked(await fetched(), "park")).toEqual(["parked", "stopped", "stopped"]);
    expect(await kept()).toBe(1_000);
    expect(await seen()).toMatchObject({
      ...{ status: "stopped", parked: 1_000, lag: 2 },
      stopped: { reason: "exhausted", key: "properties.b" },
    });
    expect((await fetched()).status).toBe(409);
    const resumed = async (json: object) => await world.ask("POST", "/groups/billing/resume", { json });
    await resumed({ skip: true });
    expect((await fetched()).status, "there is no room for it yet").toBe(204);
    const stopped = await seen();
    expect([stopped.status, stopped.lanes[0].lent, await kept()]).toEqual(["stopped", 0, 1_000]);

    const [{ id }] = (await world.ask("GET", "/parked?source=group:billing")).json.data;
    expect((await world.ask("POST", `/parked/${String(id)}`, { json: { action: "skip" } })).status).toBe(200);
    await resumed({ skip: true });
    const rest = await fetched();
    const left = rest.status === 204 ? await fetched() : rest;
    expect(left.json.events.map(({ event }: any) => event.subject)).toEqual(["properties.c"]);
    expect(await acked(left, "ack")).toEqual(["done"]);
    expect(await seen()).toMatchObject({ status: "active", lag: 0, parked: 1_000 });
  });

  it("stop their group too where a delivery fails for the last time", async () => {
    const { world, fetched, acked, seen } = await full(999, 1_000, { maxAttempts: 1 });
    for (const name of ["a", "b"]) await world.put(name, 1);
    expect(await acked(await fetched(), "retry")).toEqual(["stopped", "stopped"]);
    expect(await seen()).toMatchObject({ status: "stopped", stopped: { key: "properties.a" }, lag: 2 });
    await world.ask("POST", "/groups/billing/resume", { json: {} });
    const again = await fetched();
    expect(again.json.events.map(({ event, attempt }: any) => [event.subject, attempt])).toEqual([
      ["properties.a", 1],
      ["properties.b", 1],
    ]);
    world.whole.now += 31_000;
    expect((await fetched()).status, "unanswered for the last time").toBe(204);
    expect(await seen()).toMatchObject({ status: "stopped", stopped: { key: "properties.a" }, parked: 1_000, lag: 2 });
  });

  it("are counted when they seem to be so many: those that have expired stop no group", async () => {
    const gone = Math.floor(Date.UTC(2026, 0, 1) / 1_000) - 1;
    const { world, fetched, acked, seen, kept } = await full(5, 1_000, {}, gone);
    for (const name of ["a", "b"]) await world.put(name, 1);
    expect(await acked(await fetched(), "park")).toEqual(["parked", "parked"]);
    expect(await kept()).toBe(3);
    expect(await seen()).toMatchObject({ status: "active", lag: 0, parked: 3 });
  });
});

it("counts those of a group over all actors before it stops for want of room: one that has expired takes none", async () => {
  const world = await RootWorld.begin(1);
  const park = async (): Promise<readonly string[]> => {
    const lent = await world.fetch();
    const items = world.taken(lent).map(({ position }) => ({ position, verdict: "park" }));
    const said = await world.ack({ token: tokenOf(lent), items });
    return said.json.outcomes.map(({ outcome }: any) => outcome);
  };
  await world.group();
  await world.put(0, "first", 1);
  expect(await park()).toEqual(["parked"]);
  const counted = { set: { failedEvents: 1_000 } };
  await world.whole.table.update(rootFailedKey("all", world.actors[0]!.id), counted, always);
  await world.put(0, "second", 1);
  expect(await park()).toEqual(["parked"]);
  expect(await world.seen()).toMatchObject({ status: "active", lag: 0, parked: 2 });
});
