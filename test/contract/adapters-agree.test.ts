import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  above,
  all,
  always,
  any,
  below,
  ConditionFailed,
  contains,
  differs,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  not,
  sizeBelow,
  TransactionRefused,
  type Attribute,
  type Change,
  type Condition,
  type Item,
  type Key,
  type QueryRange,
  type Table,
  type Write,
} from "../../lib/dynamodb/table.ts";
import { startEmulatedTable, type EmulatedTable } from "../support/emulated-table.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { sized } from "../support/sizes.ts";

const PK = "P";
const SHARD = "due#0";

type Operation =
  | { readonly write: Write }
  | { readonly transact: readonly Write[] }
  | { readonly query: QueryRange }
  | { readonly deleteMany: readonly Key[] }
  | { readonly due: number };

// Not U+E000 to U+FFFF beside what lies above: dynalite orders the bounds of BETWEEN by UTF-16 and refuses some.
const sortKey = fc.constantFrom("A", "B#1", "B#2", "B#é", "B#𝔘", "C");
const key = sortKey.map((sk): Key => ({ pk: PK, sk }));
const number = fc.integer({ min: -2, max: 3 });
const text = fc.constantFrom("", "a", "b");
// dynalite takes the size of an empty string for no size.
const someText = fc.constantFrom("a", "bc");
const numbers = fc.array(number, { maxLength: 3 }).map((list): ReadonlySet<number> => new Set(list));
const value: fc.Arbitrary<Attribute> = fc.oneof(number, text, numbers, fc.constant(null), fc.constant([1, { a: "b" }]));
const comparable = fc.oneof(number, text);

const condition = fc.letrec<{ any: Condition }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(always, itemExists, itemMissing),
    fc.constantFrom("n", "s", "x").chain((name) =>
      fc.oneof(
        fc.constantFrom(exists(name), missing(name)),
        comparable.map((other) => equals(name, other)),
        comparable.map((other) => differs(name, other)),
        comparable.map((other) => below(name, other)),
        comparable.map((other) => above(name, other)),
        number.map((other) => contains(name, other)),
        number.map((other) => sizeBelow("s", other)),
      ),
    ),
    fc.array(tie("any"), { maxLength: 3 }).map((of) => all(...of)),
    fc.array(tie("any"), { maxLength: 3 }).map((of) => any(...of)),
    tie("any").map(not),
  ),
})).any;

const due = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
/** `n` is mostly a number and `s` mostly a set, so that most additions work and some do not. */
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ add: fc.record({ n: number, s: numbers }) }),
  fc.record({ set: fc.record({ n: number, x: value }), discard: fc.record({ s: numbers }) }),
  fc.record({ setIfMissing: fc.record({ n: number, s: numbers, x: value }) }),
  fc.record({ set: fc.record({ s: fc.oneof(numbers, someText) }), remove: fc.constant(["x"]) }),
  fc.constant({ remove: ["n", "dueAt"] }),
  fc.integer({ min: 1, max: 9 }).map((dueAt) => ({ set: { dueAt, dueShard: SHARD } })),
);

const item = fc.tuple(key, number, numbers, value, due).map(([where, n, s, x, dueAt]): Item => {
  return { ...where, n, s, x, ...(dueAt !== undefined && { dueAt, dueShard: SHARD }) };
});

const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ put: item, condition }),
  fc.record({ update: key, change, condition }),
  fc.record({ delete: key, condition }),
);
const check: fc.Arbitrary<Write> = fc.record({ check: key, condition });

const range: fc.Arbitrary<QueryRange> = fc.record(
  {
    pk: fc.constant(PK),
    prefix: fc.constantFrom("", "B#"),
    limit: fc.integer({ min: 1, max: 7 }),
    descending: fc.boolean(),
    after: sortKey,
    until: sortKey,
  },
  { requiredKeys: ["pk", "prefix"] },
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ write }) },
  { weight: 3, arbitrary: fc.record({ transact: fc.array(fc.oneof(write, check), { minLength: 1, maxLength: 4 }) }) },
  fc.record({ query: range }),
  fc.record({ deleteMany: fc.array(key, { maxLength: 3 }) }),
  fc.record({ due: fc.integer({ min: 0, max: 10 }) }),
);

describe("the table's adapters", () => {
  let emulated: EmulatedTable;
  beforeAll(async () => {
    emulated = await startEmulatedTable();
  });
  afterAll(() => emulated.close());

  it("agree on the outcome of every operation, and on what is stored in the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 25 }), async (operations) => {
        const memory = new MemoryTable();
        const { table } = emulated;
        await table.deleteMany((await table.query({ pk: PK, prefix: "" })).items);
        for (const one of operations) {
          expect(await outcome(run(memory, one))).toEqual(await outcome(run(table, one)));
        }
        expect(memory.all()).toEqual((await table.query({ pk: PK, prefix: "" })).items);
      }),
      { numRuns: sized(70, 2_000) },
    );
  });
});

async function run(table: Table, operation: Operation): Promise<unknown> {
  if ("transact" in operation) return table.transact(operation.transact);
  if ("query" in operation) return table.query(operation.query);
  if ("deleteMany" in operation) return table.deleteMany(operation.deleteMany);
  if ("due" in operation) {
    const keys = await table.queryDue(SHARD, operation.due, 100);
    // Keys that are due at the same time come in no order.
    return keys.toSorted((a, b) => a.dueAt - b.dueAt || Buffer.compare(Buffer.from(a.sk), Buffer.from(b.sk)));
  }
  const { write: one } = operation;
  if ("put" in one) return table.put(one.put, one.condition);
  if ("update" in one) return table.update(one.update, one.change, one.condition);
  return "delete" in one ? table.delete(one.delete, one.condition) : table.get(one.check);
}

/** What an operation gave; of errors that the port does not name, only that there was one. */
async function outcome(operated: Promise<unknown>): Promise<unknown> {
  try {
    return { gave: await operated };
  } catch (error) {
    if (error instanceof ConditionFailed) return { refused: error.item };
    if (error instanceof TransactionRefused) return { refused: error.reasons };
    return { failed: true };
  }
}
