import { describe, expect, it } from "vitest";
import { PublisherWorld, type Peer } from "./publisher-world.ts";

async function subscribed(requested: Record<string, unknown> = {}) {
  const world = await PublisherWorld.open();
  const bob = await world.peer("bob");
  return { world, bob, sub: await bob.subscribe(requested) };
}

/** A suspension that has ended, with one resync number. */
async function resumed(world: PublisherWorld, target = "properties"): Promise<void> {
  await world.ask("POST", "suspensions", { target });
  await world.ask("DELETE", `suspensions/${target}`);
}

async function one(bob: Peer, sub: string, sequence: number) {
  const { status, json, headers } = await bob.ask("GET", `${sub}/${String(sequence)}`);
  return { status, json, position: headers["x-actingweb-sequence"] };
}

describe("a resync number", () => {
  it("holds the state, and says which numbers that contains", async () => {
    const { world, bob, sub } = await subscribed();
    await world.set("a", 1);
    await resumed(world);
    expect(await one(bob, sub, 2)).toMatchObject({
      json: { type: "resync", data: { a: 1 }, overwritten: [""], contains: 2 },
      position: "2",
    });
    await world.ask("POST", "properties", { l: { _type: "list" } });
    await world.ask("POST", "properties/l", "x");
    const last = (await bob.poll(sub)).sequence;
    const diff = await one(bob, sub, 2);
    expect(diff.json.data).toMatchObject({ a: 1, l: { items: ["x"] } });
    expect([diff.json.contains, diff.position]).toEqual([last, String(last)]);
    expect((await one(bob, sub, last)).position).toBeUndefined();
  });

  it("leaves the content of the numbers after it, for a peer that has taken an earlier state", async () => {
    const { world, bob, sub } = await subscribed();
    await resumed(world);
    await world.set("a", 1);
    await resumed(world);
    await world.set("a", 2);
    expect((await bob.poll(sub)).data).toMatchObject([
      { sequence: 1, type: "resync", data: { a: 2 }, contains: 4 },
      { sequence: 2, data: { a: 1 } },
      { sequence: 3, type: "resync", data: { a: 2 }, contains: 4 },
      { sequence: 4, data: { a: 2 } },
    ]);
  });

  it("names no number that was made after its state was read", async () => {
    const { world, sub } = await subscribed();
    await world.set("a", 1);
    await resumed(world);
    // Between the read of the state and the read of the subscription's head.
    let reads = 0;
    world.decide = (operation, keys) => {
      if (operation === "query" && keys.some(({ pk }) => pk.startsWith("O#"))) reads += 1;
      return "ok";
    };
    const { cursors, inboundReading } = world.host.service;
    const toEnd = cursors.toEnd.bind(cursors);
    let looks = 0;
    cursors.toEnd = async (...names) => {
      looks += 1;
      if (looks === 2) await world.set("b", 1);
      return await toEnd(...names);
    };
    const page = { after: 0, limit: 100 };
    const polled = await inboundReading.poll({ actorId: world.actor.id, peerId: "bob", id: sub }, page);
    expect([reads, looks]).toEqual([1, 2]);
    expect(polled?.["data"]).toMatchObject([{ sequence: 1 }, { sequence: 2, data: { a: 1 }, contains: 2 }]);
  });

  it("shows nothing that was hidden while its state was read", async () => {
    const { world, sub } = await subscribed();
    await world.set("a", 1);
    await resumed(world);
    const { cursors, inboundReading } = world.host.service;
    const toEnd = cursors.toEnd.bind(cursors);
    let looks = 0;
    cursors.toEnd = async (...names) => {
      looks += 1;
      if (looks === 2) await world.permit("bob", { properties: { patterns: [], excluded_patterns: ["a"] } });
      return await toEnd(...names);
    };
    const polled = await inboundReading.poll(
      { actorId: world.actor.id, peerId: "bob", id: sub },
      { after: 1, limit: 100 },
    );
    expect(polled?.["data"]).toMatchObject([{ sequence: 2, type: "resync", data: {} }]);
  });

  it("has no data when the state cannot be given, and says where it is", async () => {
    const { world, bob, sub } = await subscribed({ target: "resources", subtarget: "a b" });
    await world.ask("POST", "suspensions", { target: "resources" });
    await world.ask("DELETE", "suspensions/resources");
    const url = `https://us.example/${world.actor.id}/resources/a%20b`;
    const nothing = { sequence: 1, type: "resync", data: {}, overwritten: [], url };
    expect((await bob.poll(sub)).data).toMatchObject([nothing]);
    const { json, position } = await one(bob, sub, 1);
    expect(json).toMatchObject(nothing);
    expect([json.contains, position]).toEqual([undefined, undefined]);
  });
});

it("a diff has one name: its number without zeros before it", async () => {
  const { world, bob, sub } = await subscribed();
  await world.set("a", 1);
  expect([(await one(bob, sub, 1)).status, (await bob.ask("GET", `${sub}/01`)).status]).toEqual([200, 404]);
});
