import fc from "fast-check";
import { expect, test } from "vitest";
import { applyToArray, readListOperation } from "../../lib/domain/diff/list-operations.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { PeerReader } from "../../lib/receiving/replica/peer-reader.ts";
import { PeerStore } from "../../lib/receiving/replica/peer-store.ts";
import { FaultyTable, type Effect } from "../support/faulty-table.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { countFrom } from "../support/sizes.ts";

const ids = { actorId: "a1", peerId: "p1" };
const clock = { now: () => 1_700_000_000_000 };

/** Few different values, so that rows repeat; some too big for their leaf, some for their item. */
const item: fc.Arbitrary<Json> = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 4, arbitrary: fc.record({ id: fc.integer({ min: 0, max: 5 }), text: fc.constantFrom("x", "y") }) },
  { weight: 2, arbitrary: fc.constant("m".repeat(3000)) },
  { weight: 1, arbitrary: fc.constantFrom("b".repeat(40_000), "B".repeat(40_000)) },
);
const index = fc.integer({ min: 0, max: 60 });

/** Operations as they come over the wire; many are inapplicable. */
const operation: fc.Arbitrary<JsonObject> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ operation: fc.constant("append"), item }) },
  {
    weight: 4,
    arbitrary: fc.record({ operation: fc.constant("extend"), items: fc.array(item, { maxLength: 40, size: "max" }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      operation: fc.constant("extend"),
      items: fc.array(item, { minLength: 90, maxLength: 400, size: "max" }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ operation: fc.constant("insert"), index, item }) },
  { weight: 4, arbitrary: fc.record({ operation: fc.constant("update"), index, item }) },
  { weight: 4, arbitrary: fc.record({ operation: fc.constant("update"), old_item: item, item }) },
  { weight: 4, arbitrary: fc.record({ operation: fc.constant("delete"), index }) },
  { weight: 4, arbitrary: fc.constant({ operation: "pop" }) },
  { weight: 4, arbitrary: fc.record({ operation: fc.constant("remove"), item }) },
  { weight: 1, arbitrary: fc.constant({ operation: "metadata", description: "d" }) },
  { weight: 1, arbitrary: fc.constantFrom({ operation: "clear" }, { operation: "delete_all" }) },
);

/** Deletes a run of items, one by one, so that pages become empty. */
const operations = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: operation.map((one) => [one]) },
      {
        weight: 1,
        arbitrary: fc
          .integer({ min: 5, max: 60 })
          .chain((n) =>
            fc
              .constantFrom({ operation: "pop" }, { operation: "delete", index: 0 }, { operation: "delete", index: 7 })
              .map((one) => Array.from({ length: n }, (): JsonObject => one)),
          ),
      },
    ),
    { maxLength: 60, size: "max" },
  )
  .map((runs) => runs.flat());

/** The faults of the first requests; later requests succeed, so that everything ends. */
const effects: fc.Arbitrary<Effect[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.constant<Effect>("ok") },
    { weight: 3, arbitrary: fc.constantFrom<Effect>("throttle", "lost_answer", "repeat", "condition", "conflict") },
  ),
  { maxLength: 400, size: "max" },
);

const NO_SHRINK = process.env["LIST_SHRINK"] !== "1";
const RUNS = countFrom("LIST_RUNS", 20, 1_000);

/** Retries as the engine does: the same diff, at the same position or, after a crash, with a higher state version. */
async function applied(store: PeerStore, fields: JsonObject, stateVersion: () => number, sequence: number) {
  for (let tries = 0; ; tries++) {
    try {
      return await store.apply(
        {
          scope: [],
          excludedScopes: [],
          data: { memo: { list: "memo", ...fields } },
          overwritten: [],
          nested: "merge",
        },
        { stateVersion: stateVersion(), sequence },
      );
    } catch (error) {
      if (tries > 200) throw error;
    }
  }
}

async function storedItems(table: MemoryTable): Promise<readonly Json[] | undefined> {
  return (await new PeerReader({ table, ...ids }).list("memo", 0, Infinity))?.items;
}

test("any operations, with lost answers, retries, duplicates and stale diffs, leave the list equal to an array", async () => {
  await fc.assert(
    fc.asyncProperty(operations, effects, fc.boolean(), async (all, plan, laterPositions) => {
      const table = new MemoryTable();
      let asked = 0;
      const faulty = new FaultyTable(table, () => plan[asked++] ?? "ok");
      const store = new PeerStore({ table: faulty, clock, ...ids });
      let stateVersion = 1;
      let model: readonly Json[] | undefined = undefined;
      for (const [at, fields] of all.entries()) {
        const sequence = at + 1;
        const positionBefore = stateVersion;
        const outcome = await applied(store, fields, () => (laterPositions ? ++stateVersion : stateVersion), sequence);
        const read = readListOperation({ list: "memo", ...fields }, "memo");
        if (read === undefined) throw new Error("no operation");
        const expected = applyToArray(model ?? [], read);
        if (expected === "inapplicable") {
          expect(outcome.reread).toEqual([["memo"]]);
          // The read finds the model's list at the publisher.
          for (let tries = 0; tries < 200; tries++) {
            try {
              await store.putRead({ place: ["memo"], kind: "list", items: model ?? [] }, { stateVersion, sequence });
              break;
            } catch {
              // The engine would read again too.
            }
          }
          model ??= [];
        } else {
          expect(outcome.reread).toEqual([]);
          model = expected.items;
        }
        if (at % 7 === 0) {
          // A duplicate, and a diff of an instance that froze before an older write.
          await applied(new PeerStore({ table, clock, ...ids }), fields, () => stateVersion, sequence);
          await applied(new PeerStore({ table, clock, ...ids }), fields, () => positionBefore, at);
          expect(await storedItems(table)).toEqual(model);
        }
      }
      expect(await storedItems(table)).toEqual(model);
      for (let start = 0; start < (model?.length ?? 0); start += 37) {
        const slice = await new PeerReader({ table, ...ids }).list("memo", start, 11);
        expect(slice?.items).toEqual(model?.slice(start, start + 11));
      }
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000, endOnFailure: NO_SHRINK },
  );
});

test("two instances that apply the same operations at the same time apply each once", async () => {
  await fc.assert(
    fc.asyncProperty(operations, fc.scheduler(), async (all, scheduler) => {
      const table = new MemoryTable();
      const slow = new FaultyTable(table, async () => {
        await scheduler.schedule(Promise.resolve());
        return "ok" as const;
      });
      let model: readonly Json[] | undefined = [];
      const seed = new PeerStore({ table, clock, ...ids });
      await seed.putRead({ place: ["memo"], kind: "list", items: [] }, { stateVersion: 1, sequence: 0 });
      const applicable = all.filter((fields) => {
        const read = readListOperation({ list: "memo", ...fields }, "memo");
        const outcome = read === undefined ? "inapplicable" : applyToArray(model ?? [], read);
        if (outcome === "inapplicable") return false;
        model = outcome.items;
        return true;
      });
      const run = async (): Promise<void> => {
        const store = new PeerStore({ table: slow, clock, ...ids });
        for (const [at, fields] of applicable.entries()) await applied(store, fields, () => 1, at + 1);
      };
      await scheduler.waitFor(Promise.all([run(), run()]));
      expect(await storedItems(table)).toEqual(model);
    }),
    { numRuns: Math.ceil(RUNS / 6), interruptAfterTimeLimit: 60_000, endOnFailure: NO_SHRINK },
  );
});
