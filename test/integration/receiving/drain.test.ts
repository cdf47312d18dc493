import { expect, it } from "vitest";
import { FaultyTable, type Effect, type TableOperation } from "../../support/faulty-table.ts";
import { Subscriber } from "./subscriber.ts";

/** The fault of an operation on a sort key, the given number of times. */
interface Fault {
  operation: TableOperation;
  sk: string;
  effect: Effect;
  times: number;
  /** This many operations succeed first. */
  after?: number;
}

/** A stream with 2 and 3 pending and 1 still missing, whose table will do what `fault` says. */
async function waiting(fault: Fault): Promise<Subscriber> {
  let armed = false;
  const us = await new Subscriber({
    table: (inner) =>
      new FaultyTable(inner, (operation, keys) => {
        const hit = armed && operation === fault.operation && keys.some(({ sk }) => sk.includes(fault.sk));
        if (!hit || fault.times === 0) return "ok";
        if (fault.after !== undefined && fault.after > 0) {
          fault.after -= 1;
          return "ok";
        }
        fault.times -= 1;
        return fault.effect;
      }),
  }).subscribed();
  await us.diff(2, { b: 2 });
  await us.diff(3, { c: 3 });
  us.hookRuns.length = 0;
  armed = true;
  return us;
}

const sequences = (us: Subscriber): number[] => us.hookRuns.map(({ sequence }) => sequence);

it.each<[string, Fault]>([
  ["the next one cannot be stored for a moment", { operation: "put", sk: "V#b", effect: "throttle", times: 1 }],
  ["the answer to storing the next one is lost", { operation: "put", sk: "V#b", effect: "lost_answer", times: 1 }],
  ["the kept bodies cannot be read for a moment", { operation: "getMany", sk: "#", effect: "throttle", times: 1 }],
  ["the kept bodies cannot be deleted", { operation: "deleteMany", sk: "#", effect: "throttle", times: 9 }],
])("the filler of a gap counts, and each hook runs once, when %s", async (_, fault) => {
  const us = await waiting(fault);
  expect((await us.diff(1, { a: 1 })).status).toBe(201);
  expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  expect(sequences(us)).toEqual([1, 2, 3]);
  expect(await us.stored()).toEqual({ a: 1, b: 2, c: 3 });
});

it("the filler of a gap is recorded although what follows fails for good, which stays pending and due", async () => {
  const fault: Fault = { operation: "put", sk: "V#c", effect: "throttle", times: Infinity };
  const us = await waiting(fault);
  expect((await us.diff(1, { a: 1 })).status).toBe(201);
  expect(await us.state()).toMatchObject({ lastSeq: 2, pendingSequences: [3] });
  expect(sequences(us)).toEqual([1, 2]);
  fault.times = 0;
  us.now += 60_000;
  await us.sweep();
  expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  expect(sequences(us)).toEqual([1, 2, 3]);
});

it("a filler that cannot be stored is refused, and everything follows when it is sent again", async () => {
  const fault: Fault = { operation: "put", sk: "V#a", effect: "throttle", times: Infinity };
  const us = await waiting(fault);
  expect((await us.diff(1, { a: 1 })).status).toBe(503);
  expect(await us.state()).toMatchObject({ lastSeq: 0, pendingSequences: [2, 3] });
  expect(sequences(us)).toEqual([]);
  fault.times = 0;
  expect((await us.diff(1, { a: 1 })).status).toBe(201);
  expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  expect(sequences(us)).toEqual([1, 2, 3]);
});

it("a filler whose head cannot be moved is refused; sent again it is applied once in effect", async () => {
  // The lease goes through; what moves the head, and what gives the lease back, does not.
  const fault: Fault = { operation: "update", sk: "OUT#", effect: "throttle", times: Infinity, after: 1 };
  const us = await waiting(fault);
  const append = { log: { list: "log", operation: "append", item: "x" } };
  expect((await us.diff(1, append)).status).toBe(503);
  fault.times = 0;
  us.now += 60_000;
  expect((await us.diff(1, append)).status).toBe(201);
  expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
  expect(await us.stored()).toMatchObject({ b: 2, c: 3, log: ["x"] });
});
