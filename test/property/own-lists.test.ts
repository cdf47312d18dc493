import fc from "fast-check";
import { expect, test } from "vitest";
import { compact } from "../../lib/system/compact.ts";
import type { Change } from "../../lib/domain/diff/change-record.ts";
import { isServiceError } from "../../lib/system/errors.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { FaultyTable, InjectedFault, type Effect } from "../support/faulty-table.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { OwnLists } from "../support/own-lists.ts";
import { countFrom } from "../support/sizes.ts";

/** Few different values, so that rows repeat; some are too large for their leaf, some for one item. */
const item: fc.Arbitrary<Json> = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 4, arbitrary: fc.record({ id: fc.integer({ min: 0, max: 5 }), text: fc.constantFrom("x", "y", "") }) },
  { weight: 2, arbitrary: fc.constant("m".repeat(3_000)) },
  { weight: 1, arbitrary: fc.constantFrom("b".repeat(40_000), "B".repeat(40_000)) },
);
const index = fc.integer({ min: 0, max: 60 });

/** How a request names an item: `/{list}/{index}` or `/{list}?index=`. */
type By = "path" | "query";

type Step =
  | { readonly do: "operation"; readonly request: JsonObject }
  | { readonly do: "post"; readonly body: JsonObject }
  | { readonly do: "batch"; readonly items: readonly JsonObject[] }
  | { readonly do: "put"; readonly by: By; readonly index: number; readonly value: Json | undefined }
  | { readonly do: "delete"; readonly by: By; readonly index: number }
  | { readonly do: "delete list" }
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

/** Batches: several entries for one index, or entries that fill a list from its beginning, in any order. */
const entry = (at: number, value: Json | null) => compact({ index: at, value: value ?? undefined });
const filling = fc.integer({ min: 1, max: 8 }).chain((count) => {
  const all = Array.from({ length: count }, (_, at) => at);
  return fc.shuffledSubarray(all, { minLength: count }).map((rows) => rows.map((at) => entry(at, at)));
});
const scattered = fc
  .array(fc.tuple(fc.oneof({ weight: 9, arbitrary: index }, fc.constantFrom(-1, 1e17)), fc.option(item)), {
    maxLength: 60,
    size: "max",
  })
  .map((rows) => rows.map(([at, value]) => entry(at, value)));
const batch = fc.oneof({ weight: 3, arbitrary: scattered }, { weight: 1, arbitrary: filling });

/** Operations in the form of actions. */
const action: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ action: fc.constant("add"), item_value: item }),
  fc.record({ action: fc.constant("update"), item_index: index, item_value: item }),
  fc.record({ action: fc.constant("delete"), item_index: index }),
);
const both: fc.Arbitrary<JsonObject> = fc.record({ operation: fc.constant("update"), old_item: item, index, item });
const by = fc.constantFrom<By>("path", "query");
const place = { by, index: fc.integer({ min: 0, max: 45 }) };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 16, arbitrary: operation.map((request): Step => ({ do: "operation", request })) },
    { weight: 8, arbitrary: fc.oneof(operation, action, both).map((body): Step => ({ do: "post", body })) },
    { weight: 3, arbitrary: batch.map((items): Step => ({ do: "batch", items })) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("put"), ...place, value: fc.option(item, { nil: undefined }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete"), ...place }) },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: "delete list" }, { do: "delete everything" }) },
  ),
  { maxLength: 60, size: "max" },
);

/** The effects of the first requests; later ones succeed, so that every run ends. */
const effects: fc.Arbitrary<Effect[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.constant<Effect>("ok") },
    { weight: 2, arbitrary: fc.constantFrom<Effect>("throttle", "lost_answer", "repeat", "condition", "conflict") },
  ),
  { maxLength: 400, size: "max" },
);

const NO_SHRINK = process.env["LIST_SHRINK"] !== "1";
const RUNS = countFrom("LIST_RUNS", 25, 600);

type Refusal = "request.invalid" | "resource.not_found" | "resource.conflict";
type Items = readonly Json[] | undefined;
/** The array after the step, or how the step is refused when it does not fit. */
type Outcome = { readonly items: Items } | Refusal;

function modelled(before: Items, step: Step): Outcome {
  if (step.do === "delete everything" || step.do === "delete list") return { items: undefined };
  if (step.do === "batch") return before === undefined ? "request.invalid" : batched(before, step.items);
  if (step.do === "operation") return operated(before ?? [], before, step.request, "resource.not_found");
  if (before === undefined) return step.do === "delete" ? { items: undefined } : "resource.not_found";
  if (step.do === "post") return operated(before, before, asOperation(step.body), "request.invalid");
  const { index: at } = step;
  const value = step.do === "put" ? step.value : undefined;
  if (step.do === "put" && at === before.length) return { items: value === undefined ? before : [...before, value] };
  if (at >= before.length) return "resource.not_found";
  return { items: value === undefined ? before.toSpliced(at, 1) : before.with(at, value) };
}

function asOperation({ action: name, item_value: item, item_index: at, ...operation }: JsonObject): JsonObject {
  if (name === undefined) return operation;
  if (name === "add") return { operation: "append", item: item ?? null };
  return { operation: name, index: at ?? null, item: item ?? null };
}

/** `known` is undefined where there is no list: a step that changes nothing creates none. */
function operated(before: readonly Json[], known: Items, request: JsonObject, misfit: Refusal): Outcome {
  const { operation: name, item = null, items: more, old_item: old, index: at } = request;
  const same = (value: Json | undefined): number[] =>
    before.flatMap((each, row) => (JSON.stringify(each) === JSON.stringify(value) ? [row] : []));
  const put = (row: number | undefined, ...given: Json[]): Outcome =>
    row === undefined || row >= before.length || row < 0 ? misfit : { items: before.toSpliced(row, 1, ...given) };
  switch (name) {
    case "append":
      return { items: [...before, item] };
    case "extend": {
      const added = more as readonly Json[];
      return { items: added.length === 0 ? known : [...before, ...added] };
    }
    case "insert":
      return Number(at) > before.length ? misfit : { items: before.toSpliced(Number(at), 0, item) };
    case "update": {
      if (old === undefined) return put(Number(at), item);
      const rows = same(old);
      // For the actor's own code, several equal rows are a conflict.
      if (rows.length > 1 && misfit === "resource.not_found") return "resource.conflict";
      return rows.length !== 1 || Number(at ?? 0) >= before.length ? misfit : put(rows[0], item);
    }
    case "delete":
      return put(Number(at));
    case "pop":
      return put(at === undefined ? before.length - 1 : Number(at));
    case "remove":
      return put(same(item)[0]);
    case "clear":
      return { items: known === undefined ? undefined : [] };
    case "delete_all":
      return { items: undefined };
    default:
      return { items: before };
  }
}

function batched(before: readonly Json[], items: readonly JsonObject[]): Outcome {
  const after: (Json | undefined)[] = [...before];
  const updates = new Map(items.flatMap((each) => ("value" in each ? [[Number(each["index"]), each["value"]]] : [])));
  for (const at of [...updates.keys()].sort((one, other) => one - other)) {
    if (at > after.length || at < 0) return "request.invalid";
    after[at] = { value: updates.get(at) ?? null };
  }
  for (const { index: each } of items) {
    const at = Number(each);
    if (updates.has(at)) continue;
    if (at >= before.length || at < 0) return "request.invalid";
    after[at] = undefined;
  }
  return { items: after.filter((each) => each !== undefined) };
}

async function take(lists: OwnLists, step: Step): Promise<void> {
  switch (step.do) {
    case "operation":
      await lists.run("memo", step.request);
      return;
    case "post":
      await lists.post("memo", step.body);
      return;
    case "batch":
      await lists.batch("memo", step.items);
      return;
    case "put":
      if (step.by === "path") await lists.own.put(["memo", String(step.index)], step.value);
      else await lists.own.put(["memo"], step.value, String(step.index));
      return;
    case "delete":
      if (step.by === "path") await lists.own.delete(["memo", String(step.index)]);
      else await lists.own.delete(["memo"], String(step.index));
      return;
    case "delete list":
      await lists.own.delete(["memo"]);
      return;
    case "delete everything":
      await lists.deleteAll();
  }
}

/** The outcome of the step: how it was refused, or `unknown` when the table failed. */
async function made(lists: OwnLists, step: Step): Promise<string> {
  try {
    await take(lists, step);
    return "made";
  } catch (error) {
    if (error instanceof InjectedFault) return "unknown";
    if (isServiceError(error)) return error.code;
    throw error;
  }
}

/** Steps that mean something else where there is no list: they delete a value, or store one. */
function isSkipped(step: Step, there: boolean): boolean {
  if (step.do === "operation") return !there && step.request["operation"] === "delete_all";
  return step.do === "put" && step.by === "path" && !there;
}

/** The items of a subscriber that finds the rows of `remove` and `update` by value alone: the first row that is equal. */
function copiedByValue(changes: readonly Change[]): Items {
  const items: Json[] = [];
  let there = false;
  const row = (value: Json | undefined): number =>
    items.findIndex((each) => JSON.stringify(each) === JSON.stringify(value));
  for (const change of changes) {
    if (change.do === "delete") there = false;
    if (change.do === "delete" || change.do === "set") items.length = 0;
    if (change.do !== "list") continue;
    const { operation: name, item = null, items: more, old_item: old, index: at, length } = change.operation;
    there = name !== "delete_all";
    if (name === "append") items.push(item);
    else if (name === "extend") items.push(...(more as readonly Json[]));
    else if (name === "insert") items.splice(Number(at), 0, item);
    else if (name === "update") items[old === undefined ? Number(at) : row(old)] = item;
    else if (name === "delete") items.splice(Number(at), 1);
    else if (name === "pop") items.splice(at === undefined ? items.length - 1 : Number(at), 1);
    else if (name === "remove") items.splice(row(item), 1);
    else if (name !== "metadata") items.length = 0;
    expect(items.length).toBe(length);
  }
  return there ? items : undefined;
}

test("any operations, whatever requests fail, change a list as they change an array, and their diffs say the same", async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.oneof(effects, fc.constant<Effect[]>([])), async (all, plan) => {
      const memory = new MemoryTable();
      let asked = 0;
      const lists = await OwnLists.open(memory, new FaultyTable(memory, () => plan[asked++] ?? "ok"));
      let model: Items;
      for (const step of all) {
        if (isSkipped(step, model !== undefined)) continue;
        const expected = modelled(model, step);
        const refused = typeof expected === "string";
        const before = await lists.newest();
        const outcome = await made(lists, step);
        const happened = (await lists.newest()) > before;
        if (outcome !== "unknown") expect(outcome).toBe(refused ? expected : "made");
        if (refused) expect(happened).toBe(false);
        else if (outcome !== "unknown" || happened) model = expected.items;
        expect(await lists.items("memo")).toEqual(model);
      }
      expect(await lists.notified("memo")).toEqual(model);
      expect(copiedByValue(await lists.changes())).toEqual(model);
      for (let start = 0; start < (model?.length ?? 0); start += 37) {
        expect(await lists.items("memo", start, 11)).toEqual(model?.slice(start, start + 11));
      }
      if (plan.every((effect) => effect === "ok")) expect(await lists.strays()).toEqual([]);
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: 60_000, endOnFailure: NO_SHRINK },
  );
});

test("concurrent writers lose nothing, and leave no page that nothing refers to", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, fc.scheduler(), async (one, other, scheduler) => {
      const memory = new MemoryTable();
      const slow = new FaultyTable(memory, async () => {
        await scheduler.schedule(Promise.resolve());
        return "ok" as const;
      });
      const lists = await OwnLists.open(memory, slow);
      const run = async (all: readonly Step[]): Promise<void> => {
        for (const step of all) if (!isSkipped(step, false)) await made(lists, step);
      };
      await scheduler.waitFor(Promise.all([run(one), run(other)]));
      expect(await lists.items("memo")).toEqual(await lists.notified("memo"));
      expect(await lists.strays()).toEqual([]);
    }),
    { numRuns: Math.ceil(RUNS / 5), interruptAfterTimeLimit: 60_000, endOnFailure: NO_SHRINK },
  );
});
