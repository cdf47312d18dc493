/** Where the heads of many subscriptions lie, and how few requests find them. */
import { beforeAll, expect, it } from "vitest";
import { bucketOf } from "../../../lib/domain/log/buckets.ts";
import { bucketPartition, inboundHeadKey, logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { findInScope, type InScope } from "../../../lib/engine/in-scope.ts";
import { readLogHead } from "../../../lib/change-log/change-log.ts";
import { always, type Key } from "../../../lib/dynamodb/table.ts";
import type { Decide } from "../../support/faulty-table.ts";
import { PublisherWorld, type Peer } from "./publisher-world.ts";

const PER_PEER = 90;
const PEERS = ["ann", "bob", "eve"];

let world: PublisherWorld;
let peers: Peer[];
/** The ids of each peer's subscriptions in order of creation. */
let ids: string[][];

async function subscribe(peer: Peer, names: readonly string[]): Promise<string[]> {
  const subscriptions = names.map((subtarget) => ({ target: "properties", subtarget }));
  const { json } = await peer.ask("POST", "", { subscriptions });
  return json.results.map(({ subscriptionid }: { subscriptionid: string }) => subscriptionid);
}

/** How many heads lie in each bucket. */
const headCounts = (): number[] => {
  const { heads } = world.stored();
  const buckets = new Set(heads.map(({ pk }) => pk));
  return [...buckets.keys()].sort().map((pk) => heads.filter((head) => head.pk === pk).length);
};

/** The requests to the table while `work` runs. */
async function requests(work: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  world.decide = ((operation) => {
    seen.push(operation);
    return "ok";
  }) satisfies Decide;
  await work();
  world.decide = () => "ok";
  return seen.sort();
}

beforeAll(async () => {
  world = await PublisherWorld.open();
  peers = await Promise.all(PEERS.map(async (id) => await world.peer(id)));
  ids = await Promise.all(
    peers.map(async (peer) =>
      subscribe(
        peer,
        Array.from({ length: PER_PEER }, (_, n) => `p${String(n)}`),
      ),
    ),
  );
});

it("fills partitions of a hundred one after another, also when peers subscribe at the same time", () => {
  expect(headCounts()).toEqual([100, 100, 70]);
  for (const { pk, ...head } of world.stored().heads)
    expect(pk).toBe(bucketPartition(world.actor.id, bucketOf(String(head["subscriptionId"]))));
  // Nothing that a change writes lies beside the log's head.
  const { pk } = logHeadKey(world.actor.id);
  expect(world.inner.all().filter((item) => item.pk === pk)).toHaveLength(1);
});

it("reads a bucket by one query where more than a third of it is asked for, the others by key", async () => {
  const { inboundHeads } = world.host.service;
  const names = ids.flatMap((of, index) => of.map((id) => ({ peerId: PEERS[index] ?? "", id })));
  const some = (bucket: number, count: number) => names.filter(({ id }) => bucketOf(id) === bucket).slice(0, count);
  const read = async (asked: readonly { peerId: string; id: string }[], buckets = [100, 100, 70]) =>
    await requests(async () => {
      const byKey = async (keys: readonly Key[]) => (keys.length === 0 ? [] : await world.host.table.getMany(keys));
      const items = await inboundHeads.items(world.actor.id, asked, buckets, byKey);
      const found = new Set(items.map((item) => item["subscriptionId"]));
      expect(asked.filter(({ id }) => !found.has(id))).toEqual([]);
    });
  expect(await read(names)).toEqual(["query", "query", "query"]);
  expect(await read([...some(0, 33), ...some(1, 34), ...some(2, 23)])).toEqual(["getMany", "query"]);
  expect(await read([...some(1, 34), ...some(2, 24)])).toEqual(["query", "query"]);
  expect(await read(some(2, 5), [100, 100, 5])).toEqual(["query"]);
  expect(await read(some(2, 4), [100, 100, 4])).toEqual(["getMany"]);
  expect(await read([])).toEqual([]);
});

it("finds those in scope by as many queries as for one bucket, and one peer's by its marker", async () => {
  const { inboundHeads } = world.host.service;
  const change = { kind: "change", at: "", changes: [{ do: "set", path: ["p7"], value: 1 }] } as const;
  const { table } = world.host;
  const head = readLogHead(await table.get(logHeadKey(world.actor.id)));
  let found: InScope = { subscribers: [], listeners: [] };
  const find = async () => (found = await findInScope(table, world.actor.id, [change], head));
  expect(await requests(find)).toEqual(["query", "query"]);
  expect(found.listeners).toEqual([]);
  expect(found.subscribers.map(({ peerId }) => peerId)).toEqual(PEERS);
  expect(await requests(async () => await inboundHeads.scopesOf(world.actor.id, "bob"))).toEqual(["get"]);
  expect(await inboundHeads.peers(world.actor.id)).toEqual(PEERS);
  expect((await inboundHeads.ofPeer(world.actor.id, "bob")).map(({ id }) => id)).toEqual(ids[1]);
});

it("fills places that became free, under new ids", async () => {
  const [ann, bob] = peers;
  const gone = ids[0]?.slice(10, 13) ?? [];
  for (const id of gone) expect((await ann?.ask("DELETE", id))?.status).toBe(204);
  const before = headCounts();
  const fresh = await subscribe(bob ?? ann!, ["q1", "q2", "q3"]);
  expect(before[0]! + before[1]! + before[2]!).toBe(267);
  expect(headCounts()).toEqual([100, 100, 70]);
  expect(fresh.map(bucketOf).sort()).toEqual(gone.map(bucketOf).sort());
  expect(fresh.filter((id) => gone.includes(id))).toEqual([]);
});

it("go with their actor, also when the deletion is broken off in the middle of them", async () => {
  // What no marker names goes with its bucket.
  const stray = inboundHeadKey({ actorId: world.actor.id, peerId: "bob", id: "1-stray" });
  await world.inner.put({ ...stray, createdAt: 1 }, always);
  let deletions = 0;
  world.decide = (operation, [key]) => {
    if (operation !== "deleteMany" || key?.pk.startsWith("B#") !== true) return "ok";
    deletions += 1;
    return deletions === 2 ? "throttle" : "ok";
  };
  const remove = async () => await world.host.ask("DELETE", `/${world.actor.id}`, { headers: world.actor.as });
  await remove();
  world.decide = () => "ok";
  for (let sweeps = 0; sweeps < 3; sweeps += 1) {
    world.host.now += 60_000;
    await world.host.sweep();
  }
  expect(deletions).toBeGreaterThan(1);
  expect(world.stored()).toEqual({ heads: [], markers: [], peers: [], log: undefined });
});
