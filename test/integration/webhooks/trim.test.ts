/** A webhook that begins at an earlier record while maintenance deletes records without readers. */
import { describe, expect, it } from "vitest";
import { readLogHead } from "../../../lib/change-log/change-log.ts";
import { logHeadKey, recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { queryAll } from "../../../lib/dynamodb/paging.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import { idle } from "../../support/idle.ts";
import { WebhookWorld } from "./webhook-world.ts";

const MOST_STEPS = 40;
const NAMES = ["a", "b", "c"];

/** Three records without readers, and a log whose maintenance is due. */
async function unread(): Promise<WebhookWorld> {
  const world = await WebhookWorld.begin();
  world.receiver("hooks.example");
  for (const name of NAMES) await world.put(name, 1);
  world.whole.now += 60_000;
  await world.table.update(logHeadKey(world.owner.id), { set: { dueAt: world.whole.now } }, always);
  return world;
}
const register = async (world: WebhookWorld, from: string) =>
  await world.ask("PUT", "/webhooks/one", {
    json: { url: "https://hooks.example/hook", topics: ["properties.>"], signature: "none", from },
  });
const maintain = async ({ whole, owner }: WebhookWorld): Promise<void> => {
  await whole.service.maintenance.runDue(owner.id, whole.deadline());
};

/**
 * Does `work` in one process, and `meanwhile` in another before its request number `at` to the table.
 * @returns false when there were fewer
 */
async function interleaved(
  world: WebhookWorld,
  at: number,
  work: (world: WebhookWorld) => Promise<unknown>,
  meanwhile: (world: WebhookWorld) => Promise<unknown>,
): Promise<boolean> {
  const healthy = world.whole;
  let requests = 0;
  let other: Promise<unknown> = Promise.resolve();
  const table = new FaultyTable(world.table, async (): Promise<Effect> => {
    if (requests++ !== at) return "ok";
    const slow = world.whole;
    world.whole = healthy;
    other = meanwhile(world);
    await other;
    world.whole = slow;
    return "ok";
  });
  world.whole = world.instance(table);
  await work(world);
  // The first process may have made a last request whose answer it does not need.
  await idle();
  await other;
  world.whole = healthy;
  return requests > at;
}

describe.each(["earliest", "0001-0000000000000000-z", "0001-0000000000000001-z"])("from %s", (from) => {
  const expected = from.includes("1-z") ? NAMES.slice(1) : NAMES;

  it.each([
    ["maintenance", maintain, register],
    ["registration", register, maintain],
  ] as const)(
    "every interleaving delivers all, or says that the records are gone, during %s",
    async (_, work, other) => {
      const seen = new Set<string>();
      for (let step = 0; step < MOST_STEPS; step += 1) {
        const world = await unread();
        let status = 0;
        const both = [work, other].map((each) => async (in_: WebhookWorld) => {
          if (each === maintain) await maintain(in_);
          else ({ status } = await register(in_, from));
        });
        const [during, meanwhile] = both as [(typeof both)[0], (typeof both)[0]];
        const struck = await interleaved(world, step, during, meanwhile);
        if (!struck) break;
        await world.pass(0);
        const names = world.received.map(({ event }) => event.data.name);
        if (status === 410) {
          seen.add("gone");
          expect(from).not.toBe("earliest");
        } else {
          expect([step, status]).toEqual([step, 201]);
          expect(await world.seen("one")).toMatchObject({ status: "active", lag: 0 });
          // All of them, or, where they were chosen for deletion before, none of what "earliest" leaves open.
          const isEmpty = from === "earliest" && names.length === 0;
          seen.add(isEmpty ? "gone" : "all");
          expect([step, isEmpty ? [] : names]).toEqual([step, isEmpty ? [] : expected]);
        }
      }
      expect(seen).toEqual(new Set(["all", "gone"]));
    },
  );
});

it("maintenance that dies before it deletes what it has chosen leaves records to the next one", async () => {
  const world = await unread();
  const died = Promise.withResolvers<undefined>();
  const table = new FaultyTable(world.table, (operation) => {
    if (operation !== "deleteMany") return "ok";
    died.resolve(undefined);
    return "crash";
  });
  const { whole } = world;
  world.whole = world.instance(table);
  void maintain(world);
  await died.promise;
  world.whole = whole;
  const records = async () => await queryAll(world.table, { pk: recordPartition(world.owner.id), prefix: "" });
  const logHead = async () => readLogHead(await world.table.get(logHeadKey(world.owner.id)));
  expect([(await records()).length, (await logHead()).deletedUpTo]).toEqual([3, 3]);
  const gone = await register(world, "0001-0000000000000000-z");
  expect([gone.status, gone.json.error.code]).toEqual([410, "position_gone"]);
  expect((await register(world, "earliest")).json.lag).toBe(0);
  await world.ask("DELETE", "/webhooks/one");
  await world.put("d", 1);
  world.whole.now += 60_000;
  await maintain(world);
  expect(await records()).toEqual([]);
});
