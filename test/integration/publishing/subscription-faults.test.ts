import { expect, it } from "vitest";
import { parseBuckets } from "../../../lib/domain/log/buckets.ts";
import { peerOfMarker } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Effect, TableOperation } from "../../support/faulty-table.ts";
import { PublisherWorld, type Peer } from "./publisher-world.ts";

const EFFECTS: readonly Effect[] = ["throttle", "lost_answer", "repeat", "condition", "conflict"];

/** The n-th operation of a kind that can change something has this effect; all others are well. */
function unlucky(world: PublisherWorld, nth: number, effect: Effect): void {
  let seen = 0;
  const writes: readonly TableOperation[] = ["transact", "update", "put", "delete", "deleteMany"];
  world.decide = (operation) => {
    if (!writes.includes(operation)) return "ok";
    seen += 1;
    return seen === nth ? effect : "ok";
  };
}

/** Heads, the markers of scopes and peers, and the log's counts agree. */
async function agree(world: PublisherWorld): Promise<number> {
  const { heads, markers, peers, log } = world.stored();
  const ids = (items: readonly { readonly [name: string]: unknown }[]) =>
    items
      .map((item) => `${String(item["peerId"])} ${String(item["subscriptionId"])} ${String(item["granularity"])}`)
      .sort();
  expect(ids(markers)).toEqual(ids(heads));
  expect(log?.["subscribers"] ?? 0).toBe(heads.length);
  const counts = parseBuckets(String(log?.["buckets"] ?? ""));
  expect(counts).toEqual(heads.length === 0 ? [] : [heads.length]);
  const { inboundHeads } = world.host.service;
  const marked = await Promise.all(
    peers.map(async ({ sk }) =>
      (await inboundHeads.scopesOf(world.actor.id, peerOfMarker({ sk }))).map(({ id }) => id),
    ),
  );
  expect(marked.flat().sort()).toEqual(heads.map((head) => head["subscriptionId"]).sort());
  return heads.length;
}

/** The answer may be a 5xx; then the client asks again, as clients do. */
async function untilAnswered(ask: () => Promise<{ status: number }>): Promise<number> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const { status } = await ask();
    if (status < 500) return status;
  }
  throw new Error("the faults do not end");
}

const cases = EFFECTS.flatMap((effect) => [1, 2, 3, 4].map((nth) => ({ effect, nth })));

it.each(cases)(
  "making, changing and ending are whole when write $nth has the effect $effect",
  async ({ effect, nth }) => {
    const steps: readonly [
      string,
      (bob: Peer, id: string) => Promise<{ status: number }>,
      readonly number[],
      number,
    ][] = [
      ["make", async (bob) => await bob.ask("POST", "", { target: "properties", subtarget: "b" }), [201], 2],
      ["change", async (bob) => await bob.ask("POST", "", { target: "properties", granularity: "low" }), [201], 1],
      ["end", async (bob, id) => await bob.ask("DELETE", id), [204, 404], 0],
    ];
    for (const [step, act, statuses, left] of steps) {
      const world = await PublisherWorld.open();
      const bob = await world.peer("bob");
      const id = await bob.subscribe();
      unlucky(world, nth, effect);
      expect(statuses, step).toContain(await untilAnswered(async () => await act(bob, id)));
      world.decide = () => "ok";
      expect(await agree(world), step).toBe(left);
    }
  },
);

it.each(cases)(
  "an end by the owner never looks forgotten when write $nth has the effect $effect",
  async ({ effect, nth }) => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const id = await bob.subscribe();
    unlucky(world, nth, effect);
    expect([204, 404]).toContain(await untilAnswered(async () => await world.ask("DELETE", `subscriptions/bob/${id}`)));
    world.decide = () => "ok";
    expect(await agree(world)).toBe(0);
    // No server answers for bob, so bob is not notified.
    expect((await bob.ask("GET", id)).status).toBe(410);
  },
);

it.each(cases)("changes keep their numbers when write $nth has the effect $effect", async ({ effect, nth }) => {
  const world = await PublisherWorld.open();
  const bob = await world.peer("bob");
  const id = await bob.subscribe();
  await world.set("a", 1);
  unlucky(world, nth, effect);
  await untilAnswered(async () => await bob.ask("GET", id));
  await untilAnswered(async () => await world.ask("PUT", "properties/a", 2));
  await untilAnswered(async () => await bob.ask("PUT", id, { sequence: 1 }));
  await untilAnswered(async () => await bob.ask("GET", id));
  world.decide = () => "ok";
  const { sequence, data } = await bob.poll(id);
  // A client that asked again after a lost answer has changed it twice.
  expect([2, 3]).toContain(sequence);
  expect(data.map((entry) => [entry.sequence, entry.data])).toEqual(
    Array.from({ length: sequence - 1 }, (_, index) => [index + 2, { a: 2 }]),
  );
});

it.each(cases)(
  "the end of a trust is finished by the sweep when write $nth after its beginning has the effect $effect",
  async ({ effect, nth }) => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const subscriptions = Array.from({ length: 60 }, (_, n) => ({ target: "properties", subtarget: `p${String(n)}` }));
    await bob.ask("POST", "", { subscriptions });
    // The first one is its beginning.
    unlucky(world, nth + 1, effect);
    await world.ask("DELETE", "trust/friend/bob");
    world.decide = () => "ok";
    world.host.now += 120_000;
    await world.host.sweep();
    expect(await agree(world)).toBe(0);
    expect(await world.host.service.trusts.getEvenEnding(world.actor.id, "bob")).toBeUndefined();
  },
);

it("writers, subscribers and leavers at the same time leave every subscription whole", async () => {
  const world = await PublisherWorld.open();
  const peers = await Promise.all(["bob", "eve", "tom"].map(async (name) => await world.peer(name)));
  const write = async (): Promise<void> => {
    for (let n = 0; n < 12; n += 1) await world.set(`p${String(n % 3)}`, n);
  };
  const come = async (peer: Peer): Promise<void> => {
    for (let n = 0; n < 4; n += 1) {
      const id = await peer.subscribe({ subtarget: `p${String(n % 3)}` });
      await peer.poll(id);
      if (n % 2 === 0) await peer.ask("DELETE", id);
    }
  };
  await Promise.all([write(), write(), ...peers.map(come)]);
  expect(await agree(world)).toBe(6);
  for (const peer of peers) {
    for (const { subscriptionid } of (await peer.ask("GET")).json.data) {
      const { sequence, data } = await peer.poll(String(subscriptionid));
      expect(data.map((entry) => entry.sequence)).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
    }
  }
});
