/** One change to many subscribers, delivered by workers side by side. */
import { beforeEach, describe, expect, test } from "vitest";
import { bucketOf } from "../../../lib/domain/log/buckets.ts";
import { logHeadKey, sliceOfKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Item, QueryRange, Key } from "../../../lib/dynamodb/table.ts";
import type { DelayedWork } from "../../../lib/system/ports.ts";
import { bearer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { sized } from "../../support/sizes.ts";
import { DeliveryWorld, type Peer } from "./delivery-world.ts";

const PER_PEER = 100;
const MINUTE = 60_000;

/** A table in memory that counts the requests to it, and the heads that they read. */
class ReadingTable extends MemoryTable {
  requests = 0;
  readonly heads = new Set<string>();

  override async query(range: QueryRange) {
    const page = await super.query(range);
    this.#note(page.items);
    return page;
  }

  override async getMany(keys: readonly Key[]) {
    const items = await super.getMany(keys);
    this.#note(items);
    return items;
  }

  override async update(...given: Parameters<MemoryTable["update"]>) {
    this.requests += 1;
    return await super.update(...given);
  }

  override async get(...given: Parameters<MemoryTable["get"]>) {
    this.requests += 1;
    return await super.get(...given);
  }

  reset(): void {
    this.requests = 0;
    this.heads.clear();
  }

  #note(items: readonly Item[]): void {
    this.requests += 1;
    for (const { sk } of items) if (sk.startsWith("IN#")) this.heads.add(sk);
  }
}

let table: ReadingTable;
let world: DeliveryWorld;
beforeEach(async () => {
  table = new ReadingTable();
  world = await DeliveryWorld.begin({ table });
});

/** Peers of a hundred subscriptions each, to parts of the property `n`. */
async function crowd(count: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (let from = 0; from < count; from += PER_PEER) {
    const peer = await world.peer(`p${String(from)}`);
    const subscriptions = Array.from({ length: Math.min(PER_PEER, count - from) }, (_, n) => {
      return { target: "properties", subtarget: "n", resource: `r${String(n)}`, granularity: "high" };
    });
    const headers = bearer(peer.secret);
    const { status } = await world.host.ask("POST", `${world.actor.root}/subscriptions/${peer.id}`, {
      headers,
      json: { subscriptions },
    });
    expect(status).toBe(207);
    peers.push(peer);
  }
  return peers;
}

/** Changes what all of them subscribe to. */
async function change(value: number): Promise<void> {
  const json = Object.fromEntries(Array.from({ length: PER_PEER }, (_, n) => [`r${String(n)}`, value]));
  expect((await world.set("n", json)).status).toBe(204);
}

const sequences = (peers: readonly Peer[]): number[] => peers.flatMap((peer) => peer.sequences());

/** The messages that wait, taken out of the queue. */
const taken = (): DelayedWork[] => world.host.messages.splice(0);

/** A worker's run for one message. */
async function run(work: DelayedWork): Promise<void> {
  world.host.messages.push(work);
  const others = world.host.messages.splice(0, world.host.messages.length - 1);
  await world.host.arriveMessages();
  world.host.messages.unshift(...others);
}

test.each(sized([600], [2_500]))("of %i: each gets it once, a bucket from each worker", async (count) => {
  const peers = await crowd(count);
  world.host.messages.splice(0);
  table.reset();
  await change(1);
  expect(world.results.at(-1)).toMatchObject({ totalCount: count, deferredCount: count });
  // The request only names them.
  expect([table.heads.size, sequences(peers).length]).toEqual([0, 0]);
  const messages = taken();
  expect(messages).toHaveLength(count / 100);
  let requests = table.requests;
  for (const message of messages) {
    table.reset();
    await run(message);
    requests += table.requests;
    const { bucket } = sliceOfKey(message) ?? {};
    expect(table.heads.size).toBeLessThanOrEqual(100);
    expect(new Set([...table.heads].map((sk) => bucketOf(sk.split("#")[2] ?? "")))).toEqual(new Set([bucket]));
  }
  expect(sequences(peers)).toEqual(Array.from({ length: count }, () => 1));
  expect(requests).toBeLessThan(2.05 * count);
  expect(world.host.messages).toEqual([]);

  // A message that comes again finds nothing to do.
  table.reset();
  for (const message of messages) await run(message);
  expect(sequences(peers)).toHaveLength(count);
  expect(table.requests).toBeLessThanOrEqual(2 * messages.length);
});

describe("messages of a change to 300 subscribers", () => {
  test("that are lost are made up for by the sweep", async () => {
    const peers = await crowd(300);
    world.host.messages.splice(0);
    await change(1);
    const messages = taken();
    expect(messages).toHaveLength(3);
    await run(messages[1]!);
    expect(sequences(peers)).toHaveLength(100);
    expect((await world.host.table.get(logHeadKey(world.actor.id)))?.["dueAt"]).toBeDefined();
    for (let minutes = 0; minutes < 3; minutes += 1) await world.pass(MINUTE);
    expect(sequences(peers)).toEqual(Array.from({ length: 300 }, () => 1));
  });

  test("that arrive at the same time, and twice, deliver each number once", async () => {
    const peers = await crowd(300);
    world.host.messages.splice(0);
    await change(1);
    await change(2);
    const messages = taken();
    expect(messages).toHaveLength(6);
    await Promise.all([...messages, ...messages.toReversed()].map(run));
    for (let minutes = 0; minutes < 2; minutes += 1) await world.pass(MINUTE);
    expect(sequences(peers).toSorted()).toEqual([
      ...Array.from({ length: 300 }, () => 1),
      ...Array.from({ length: 300 }, () => 2),
    ]);
  });

  test("come again for what a worker had no time for", async () => {
    const peers = await crowd(300);
    world.host.messages.splice(0);
    await change(1);
    const [message] = taken();
    const deadline = { remaining: () => 3_000 };
    await world.host.service.runDue(message!, deadline);
    expect(sequences(peers)).toEqual([]);
    const again = taken();
    expect(again.map(({ pk, sk }) => ({ pk, sk }))).toEqual([{ pk: message!.pk, sk: message!.sk }]);
    await run(again[0]!);
    expect(sequences(peers)).toHaveLength(100);
  });
});
