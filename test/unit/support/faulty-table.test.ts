import { beforeEach, describe, expect, it } from "vitest";
import { always, ConditionFailed, equals, type TransactionRefused } from "../../../lib/dynamodb/table.ts";
import { FaultyTable, InjectedFault, type Effect } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const KEY = { pk: "p", sk: "s" };

describe("FaultyTable", () => {
  let inner: MemoryTable;
  beforeEach(async () => {
    inner = new MemoryTable();
    await inner.put({ ...KEY, n: 0 }, always);
  });

  /** Advances n from 0 to 1 under this effect; settles at once or never. */
  async function advance(effect: Effect): Promise<unknown> {
    const table = new FaultyTable(inner, () => effect);
    const never = new Promise((resolve) => setImmediate(resolve, "never"));
    const update = table.update(KEY, { set: { n: 1 } }, equals("n", 0)).catch((error: unknown) => error);
    return Promise.race([update, never]);
  }

  it.each<[Effect, number]>([
    ["throttle", 0],
    ["conflict", 0],
    ["lost_answer", 1],
  ])("rejects with an unknown error for %s, leaving n at %i", async (effect, n) => {
    expect(await advance(effect)).toBeInstanceOf(InjectedFault);
    expect(inner.itemAt(KEY)?.["n"]).toBe(n);
  });

  it.each<[Effect, number]>([
    ["crash", 0],
    ["crash_after", 1],
  ])("never settles for %s, leaving n at %i", async (effect, n) => {
    expect(await advance(effect)).toBe("never");
    expect(inner.itemAt(KEY)?.["n"]).toBe(n);
  });

  it("refuses a repeated write because of its own first attempt", async () => {
    const failure = await advance("repeat");
    expect(failure).toBeInstanceOf(ConditionFailed);
    expect((failure as ConditionFailed).item).toEqual({ ...KEY, n: 1 });
  });

  it("refuses without cause for condition, with the item as it is", async () => {
    expect(((await advance("condition")) as ConditionFailed).item).toEqual({ ...KEY, n: 0 });
  });

  it("lets everything through for ok", async () => {
    expect(await advance("ok")).toEqual({ ...KEY, n: 1 });
  });

  it("refuses a transaction for its first item, and writes nothing", async () => {
    for (const code of ["conflict", "condition"] as const) {
      const table = new FaultyTable(inner, () => code);
      const failure: unknown = await table
        .transact([
          { update: KEY, change: { set: { n: 1 } }, condition: always },
          { put: { pk: "p", sk: "t" }, condition: always },
        ])
        .catch((error: unknown) => error);
      expect((failure as TransactionRefused).reasons.map((reason) => reason.code)).toEqual([code, "none"]);
    }
    expect(inner.all()).toEqual([{ ...KEY, n: 0 }]);
  });

  it("deletes the first half of many when the answer is lost", async () => {
    const keys = ["a", "b", "c", "d"].map((sk) => ({ pk: "q", sk }));
    for (const key of keys) await inner.put(key, always);
    const table = new FaultyTable(inner, () => "lost_answer");
    await expect(table.deleteMany(keys)).rejects.toThrow(InjectedFault);
    expect((await inner.query({ pk: "q", prefix: "" })).items).toEqual(keys.slice(2));
  });

  it("asks with the operation and its keys, and waits for the decision", async () => {
    const asked: unknown[] = [];
    const table = new FaultyTable(inner, async (operation, keys) => {
      asked.push([operation, keys]);
      await Promise.resolve();
      return "ok" as const;
    });
    await table.get(KEY);
    await table.put({ ...KEY, n: 2 }, always);
    await table.query({ pk: "p", prefix: "x" });
    await table.queryDue("due#0", 1, 1);
    expect(asked).toEqual([
      ["get", [KEY]],
      ["put", [KEY]],
      ["query", [{ pk: "p", sk: "x" }]],
      ["queryDue", [{ pk: "due#0", sk: "" }]],
    ]);
  });
});
