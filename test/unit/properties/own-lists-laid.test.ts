import { beforeEach, describe, expect, test } from "vitest";
import { ConditionFailed, missing, type Item, type Key } from "../../../lib/dynamodb/table.ts";
import { isListGarbage } from "../../../lib/lists/list-garbage.ts";
import { FaultyTable, InjectedFault, type Effect } from "../../support/faulty-table.ts";
import { InterruptedTable } from "../../support/interrupted-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { OwnLists } from "../../support/own-lists.ts";

const numbers = Array.from({ length: 1_000 }, (_, at) => at);
const extend = { operation: "extend", items: numbers };

let memory: MemoryTable;
let lists: OwnLists;
/** The effect of the next commit. */
let commit: () => Effect | Promise<Effect>;

const isCommit = (keys: readonly Key[]): boolean => keys.some(({ sk }) => sk === "LOG");

beforeEach(async () => {
  memory = new MemoryTable();
  commit = () => "ok";
  const faulty = new FaultyTable(memory, (operation, keys) =>
    operation === "transact" && isCommit(keys) ? commit() : "ok",
  );
  lists = await OwnLists.open(memory, faulty);
});

const pages = (): readonly Item[] => memory.all().filter(({ sk }) => sk.startsWith("N#"));

describe("the pages that a wide change laid out for a list", () => {
  test("are deleted by the next sweep when the change failed, and the list stays as it was", async () => {
    await lists.run("memo", { operation: "append", item: "a" });
    commit = () => "throttle";
    await expect(lists.run("memo", extend)).rejects.toBeInstanceOf(InjectedFault);
    expect(pages().length).toBeGreaterThan(30);
    expect(await lists.strays()).toEqual([]);
    expect(pages()).toHaveLength(1);
    expect(await lists.items("memo")).toEqual(["a"]);

    commit = () => "ok";
    await lists.run("memo", extend);
    expect(await lists.items("memo")).toEqual(["a", ...numbers]);
  });

  test("are deleted, with their index, when the list itself was never created", async () => {
    commit = () => "throttle";
    await expect(lists.run("memo", extend)).rejects.toBeInstanceOf(InjectedFault);
    expect(pages().length).toBeGreaterThan(30);
    await lists.strays();
    expect(memory.all().filter(({ pk }) => pk.startsWith("L#"))).toEqual([]);
  });

  test("stay when the change was committed although the answer was lost", async () => {
    await lists.run("memo", { operation: "append", item: "a" });
    commit = () => "lost_answer";
    await expect(lists.run("memo", extend)).rejects.toBeInstanceOf(InjectedFault);
    expect(await lists.strays()).toEqual([]);
    expect(await lists.items("memo")).toEqual(["a", ...numbers]);
  });

  test("stay when a copy of their announcement to the sweep arrives after the commit", async () => {
    await lists.run("memo", { operation: "append", item: "a" });
    let notified: Item | undefined;
    commit = () => {
      notified = memory.all().find(isListGarbage);
      return "ok";
    };
    await lists.run("memo", extend);
    await expect(memory.put(notified!, missing("outcome"))).rejects.toBeInstanceOf(ConditionFailed);
    expect(await lists.strays()).toEqual([]);
    expect(await lists.items("memo")).toEqual(["a", ...numbers]);
  });

  test("are laid out again when the sweep collected them before the commit", async () => {
    await lists.run("memo", { operation: "append", item: "a" });
    let sweeps = 0;
    commit = async () => {
      if (sweeps++ === 0) await lists.strays();
      return "ok" as const;
    };
    await lists.run("memo", extend);
    expect(sweeps).toBe(2);
    expect(await lists.items("memo")).toEqual(["a", ...numbers]);
    expect(await lists.notified("memo")).toEqual(["a", ...numbers]);
    expect(await lists.strays()).toEqual([]);
  });

  test("are reused when only the commit is repeated", async () => {
    await lists.run("memo", { operation: "append", item: "a" });
    let tries = 0;
    commit = () => (tries++ === 0 ? "conflict" : "ok");
    await lists.run("memo", extend);
    expect(await lists.items("memo")).toEqual(["a", ...numbers]);
    expect(await lists.strays()).toEqual([]);
  });
});

test("a change whose list another writer rebuilds between two reads is planned again", async () => {
  const table = new InterruptedTable(memory, (_operation, keys) => keys.some(({ sk }) => sk.startsWith("N#")));
  const interrupted = await OwnLists.open(memory, table);
  await interrupted.run("memo", extend);
  table.meanwhile(async () => {
    await lists.run("memo", { operation: "clear" });
    await lists.strays();
  });
  await interrupted.run("memo", { operation: "append", item: "new" });
  expect(table.isWaiting).toBe(false);
  expect(await lists.items("memo")).toEqual(["new"]);
});
