import { expect, it } from "vitest";
import { DueIndexTable } from "../../../lib/dynamodb/keys/due-index.ts";
import { always, itemExists, type Key, type Table } from "../../../lib/dynamodb/table.ts";
import { runFound } from "../../../lib/scheduler/found-work.ts";
import { queueWorker } from "../../../lib/scheduler/queue-worker.ts";
import type { Deadline, DueItem } from "../../../lib/system/ports.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { MemoryQueue } from "../../support/memory-queue.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const NOW = Date.UTC(2026, 0, 1);
const keyOf = (name: string): Key => ({ pk: `A#${name}`, sk: "LOG" });
const LONG = { remaining: () => 60_000 };

/** A worker whose due work is `act`, and the items that a sweep found due at `NOW`. */
async function worker(names: readonly string[], act: (name: string, deadline: Deadline) => unknown = () => undefined) {
  const memory = new MemoryTable();
  const table: Table = new DueIndexTable(memory, 4);
  for (const name of names) await table.put({ ...keyOf(name), dueAt: NOW }, always);
  const done: string[] = [];
  const errors: string[] = [];
  const queue = new MemoryQueue();
  const services = {
    table,
    queue,
    clock: { now: () => NOW + 5_000 },
    log: { info: () => undefined, warn: () => undefined, error: (message: string) => void errors.push(message) },
    runDue: async ({ pk }: Key, deadline: Deadline) => {
      done.push(pk.slice(2));
      return (await act(pk.slice(2), deadline)) as number | undefined;
    },
  };
  const items: DueItem[] = names.map((name) => ({ ...keyOf(name), dueAt: NOW }));
  return { memory, table, queue, services, items, done, errors };
}

it("does what is still due as it was found, and drops what has moved on or is gone", async () => {
  const { table, services, items, done } = await worker(["same", "later", "earlier", "rested", "gone"]);
  await table.update(keyOf("later"), { set: { dueAt: NOW + 1 } }, itemExists);
  await table.update(keyOf("earlier"), { set: { dueAt: NOW - 1 } }, itemExists);
  await table.update(keyOf("rested"), { remove: ["dueAt"] }, itemExists);
  await table.delete(keyOf("gone"), always);
  expect(await runFound(services, items, LONG)).toEqual({ failed: 0, oldestGapMs: 0 });
  expect(done).toEqual(["same"]);
});

it("reads all items of a message at once", async () => {
  const names = Array.from({ length: 25 }, (_, at) => String(at));
  const { table, services, items } = await worker(names);
  const operations: string[] = [];
  const counted = new FaultyTable(table, (operation) => {
    operations.push(operation);
    return "ok";
  });
  await runFound({ ...services, table: counted }, items, LONG);
  expect(operations).toEqual(["getMany"]);
});

it("works on ten pieces at once, not more", async () => {
  let [underWay, most] = [0, 0];
  const names = Array.from({ length: 25 }, (_, at) => String(at));
  const { services, items, done } = await worker(names, async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
  });
  await runFound(services, items, LONG);
  expect([most, done.length]).toEqual([10, 25]);
});

it("gives each piece of work a time slice, after which it starts no call to a peer", async () => {
  let mayStartFor = 0;
  const { services, items } = await worker(["one"], (_, { stopStartingBelowMs = 0 }) => {
    mayStartFor = 60_000 - stopStartingBelowMs;
  });
  await runFound(services, items, LONG);
  expect(mayStartFor).toBe(8_000);
});

it("sends back what there is no time for", async () => {
  let left = 60_000;
  const names = Array.from({ length: 25 }, (_, at) => String(at));
  const { services, queue, items, done } = await worker(names, () => {
    if (done.length === 10) left = 14_000;
  });
  await runFound(services, items, { remaining: () => left });
  expect(done).toHaveLength(10);
  expect(queue.found.map(({ work }) => work.items.map(({ pk }) => pk.slice(2)))).toEqual([names.slice(10)]);
});

it("postpones what fails by a minute, counts it and goes on, and reports the oldest gap", async () => {
  const { memory, services, items, done, errors } = await worker(["bad", "gap", "good"], (name) => {
    if (name === "bad") throw new Error("not foreseen");
    return name === "gap" ? NOW - 60_000 : undefined;
  });
  expect(await runFound(services, items, LONG)).toEqual({ failed: 1, oldestGapMs: 65_000 });
  expect(done).toEqual(["bad", "gap", "good"]);
  expect(errors).toEqual(["due work failed"]);
  expect(memory.itemAt(keyOf("bad"))?.["dueAt"]).toBe(NOW + 65_000);
});

it("does not postpone what became due at another time while it failed", async () => {
  const { memory, table, services, items } = await worker(["bad"], async () => {
    await table.update(keyOf("bad"), { set: { dueAt: NOW + 7 } }, itemExists);
    throw new Error("not foreseen");
  });
  await runFound(services, items, LONG);
  expect(memory.itemAt(keyOf("bad"))?.["dueAt"]).toBe(NOW + 7);
});

it("names a message whose items cannot be read, or that cannot be understood, and no other", async () => {
  const { services, items, done } = await worker(["one", "two"]);
  const [one, two] = items.map((item) => JSON.stringify({ kind: "found", items: [item] }));
  let reads = 0;
  const table = new FaultyTable(services.table, (operation) =>
    operation === "getMany" && (reads += 1) === 1 ? "throttle" : "ok",
  );
  const handle = queueWorker(() => ({ ...services, table }));
  const Records = [one, "{}", two, JSON.stringify({ kind: "due", ...keyOf("three"), dueAt: NOW })].map((body, at) => ({
    messageId: String(at),
    body: body ?? "",
  }));
  const answer = await handle({ Records }, { getRemainingTimeInMillis: () => 60_000 });
  expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "0" }, { itemIdentifier: "1" }] });
  expect(done.toSorted()).toEqual(["three", "two"]);
});
