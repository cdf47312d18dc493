import fc from "fast-check";
import { expect, test } from "vitest";
import { sameJson } from "../../lib/domain/canonical-json.ts";
import { applyToArray, readListOperation } from "../../lib/domain/list-operations.ts";
import { isServiceError } from "../../lib/errors.ts";
import type { Json, JsonObject } from "../../lib/ports.ts";
import { FaultyTable, InjectedFault } from "../support/faulty-table.ts";
import type { Fate } from "../support/faulty-table.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { OwnLists } from "../support/own-lists.ts";

/** Few different values, so that rows repeat; some too big for their leaf, some for their item. */
const item: fc.Arbitrary<Json> = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 4, arbitrary: fc.record({ id: fc.integer({ min: 0, max: 5 }), text: fc.constantFrom("x", "y", "") }) },
  { weight: 2, arbitrary: fc.constant("m".repeat(3_000)) },
  { weight: 1, arbitrary: fc.constantFrom("b".repeat(40_000), "B".repeat(40_000)) },
);
const index = fc.integer({ min: 0, max: 60 });

type Step =
  | { readonly do: "operation"; readonly request: JsonObject }
  | { readonly do: "batch"; readonly items: readonly JsonObject[] }
  | { readonly do: "delete everything" };

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
  { weight: 3, arbitrary: fc.constant({ operation: "pop" }) },
  { weight: 1, arbitrary: fc.record({ operation: fc.constant("pop"), index }) },
  { weight: 4, arbitrary: fc.record({ operation: fc.constant("remove"), item }) },
  { weight: 1, arbitrary: fc.record({ operation: fc.constant("metadata"), description: fc.constantFrom("d", "e") }) },
  { weight: 1, arbitrary: fc.constantFrom({ operation: "clear" }, { operation: "delete_all" }) },
);

const batch = fc
  .uniqueArray(fc.tuple(index, fc.option(item)), { selector: ([at]) => at, maxLength: 60, size: "max" })
  .map((rows) => rows.map(([at, value]) => ({ index: at, ...(value === null ? {} : { value }) })));

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 24, arbitrary: operation.map((request): Step => ({ do: "operation", request })) },
    { weight: 3, arbitrary: batch.map((items): Step => ({ do: "batch", items })) },
    { weight: 1, arbitrary: fc.constant<Step>({ do: "delete everything" }) },
  ),
  { maxLength: 60, size: "max" },
);

/** What becomes of the first requests; later ones succeed, so that everything ends. */
const fates: fc.Arbitrary<Fate[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.constant<Fate>("ok") },
    { weight: 2, arbitrary: fc.constantFrom<Fate>("throttle", "lost_answer", "repeat", "condition", "conflict") },
  ),
  { maxLength: 400, size: "max" },
);

const NO_SHRINK = process.env["LIST_SHRINK"] !== "1";
const RUNS = Number(process.env["LIST_RUNS"] ?? 60);

/** What an array becomes; `refused` when a step cannot be made on it. */
function modelled(before: readonly Json[] | undefined, step: Step): readonly Json[] | undefined | "refused" {
  if (step.do === "delete everything") return undefined;
  if (step.do === "batch") return before === undefined ? undefined : batched(before, step.items);
  const read = readListOperation({ list: "memo", ...step.request }, "memo");
  if (read === undefined) throw new Error("no operation");
  const { kind } = read.action;
  if (before === undefined && (kind === "clear" || (kind === "append" && read.action.items.length === 0)))
    return before;
  if (read.action.kind === "remove") return withoutFirst(before ?? [], read.action.item);
  const made = applyToArray(before ?? [], read);
  return made === "inapplicable" ? "refused" : made.items;
}

/** Of an actor's own equal items the first one goes; a subscriber could not tell which one went. */
function withoutFirst(before: readonly Json[], item: Json): readonly Json[] | "refused" {
  const at = before.findIndex((each) => sameJson(each, item));
  return at < 0 ? "refused" : before.toSpliced(at, 1);
}

function batched(before: readonly Json[], items: readonly JsonObject[]): readonly Json[] | "refused" {
  const after: (Json | undefined)[] = [...before];
  for (const { index: at, value } of items) {
    if (value !== undefined && Number(at) > after.length) return "refused";
    if (value !== undefined) after[Number(at)] = { value };
  }
  for (const { index: at, value } of items) {
    if (value === undefined && Number(at) >= before.length) return "refused";
    if (value === undefined) after[Number(at)] = undefined;
  }
  return after.filter((each) => each !== undefined);
}

async function made(lists: OwnLists, step: Step): Promise<"made" | "refused" | "unknown"> {
  try {
    if (step.do === "operation") await lists.run("memo", step.request);
    else if (step.do === "batch") await lists.batch("memo", step.items);
    else await lists.deleteAll();
    return "made";
  } catch (error) {
    if (error instanceof InjectedFault) return "unknown";
    if (isServiceError(error) && error.code.startsWith("resource.")) return "refused";
    throw error;
  }
}

test("any operations, whatever fails on the way, leave what they leave of an array, and tell just that", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.oneof(fates, fc.constant<Fate[]>([])), async (all, plan) => {
      const memory = new MemoryTable();
      let asked = 0;
      const lists = await OwnLists.open(memory, new FaultyTable(memory, () => plan[asked++] ?? "ok"));
      let model: readonly Json[] | undefined;
      for (const step of all) {
        // Only what is there is deleted.
        if (model === undefined && step.do === "operation" && step.request["operation"] === "delete_all") continue;
        const expected = modelled(model, step);
        const before = await lists.newest();
        const outcome = await made(lists, step);
        const happened = (await lists.newest()) > before;
        if (outcome === "unknown") {
          if (happened) model = expected === "refused" ? ["never"] : expected;
        } else {
          expect(outcome).toBe(expected === "refused" ? "refused" : "made");
          if (expected !== "refused") model = expected;
        }
        expect(await lists.items("memo")).toEqual(model);
      }
      expect(await lists.told("memo")).toEqual(model);
      for (let start = 0; start < (model?.length ?? 0); start += 37) {
        expect(await lists.items("memo", start, 11)).toEqual(model?.slice(start, start + 11));
      }
      if (plan.every((fate) => fate === "ok")) expect(await lists.strays()).toEqual([]);
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000, endOnFailure: NO_SHRINK },
  );
});

test("writers at the same time lose nothing, and leave no page that nothing refers to", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, fc.scheduler(), async (one, other, scheduler) => {
      const memory = new MemoryTable();
      const slow = new FaultyTable(memory, async () => {
        await scheduler.schedule(Promise.resolve());
        return "ok" as const;
      });
      const lists = await OwnLists.open(memory, slow);
      const run = async (all: readonly Step[]): Promise<void> => {
        for (const step of all) {
          if (step.do === "operation" && step.request["operation"] === "delete_all") continue;
          await made(lists, step);
        }
      };
      await scheduler.waitFor(Promise.all([run(one), run(other)]));
      expect(await lists.items("memo")).toEqual(await lists.told("memo"));
      expect(await lists.strays()).toEqual([]);
    }),
    { numRuns: Math.ceil(RUNS / 5), interruptAfterTimeLimit: 60_000, endOnFailure: NO_SHRINK },
  );
});
