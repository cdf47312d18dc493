import { beforeEach, describe, expect, it } from "vitest";
import type { Change, LogRecord } from "../../../lib/domain/diff/change-record.ts";
import type { Selection } from "../../../lib/domain/events/selection.ts";
import { readLogHead, type LogHead } from "../../../lib/change-log/change-log.ts";
import { findInScope } from "../../../lib/engine/in-scope.ts";
import { registering, type Registered } from "../../../lib/engine/registration.ts";
import { listenerMarkerKey, listenerOfKey, listenerKey } from "../../../lib/dynamodb/keys/listeners.ts";
import { logHeadKey, scopePartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { always, type Item, type QueryRange, type Table } from "../../../lib/dynamodb/table.ts";
import { MemoryTable } from "../../support/memory-table.ts";

const REF = { actorId: "actor", kind: "webhook", id: "w" } as const;
const KEY = logHeadKey("actor");

let table: MemoryTable;
let queries: string[];
let counted: Pick<Table, "query">;

beforeEach(() => {
  table = new MemoryTable();
  queries = [];
  counted = {
    query: async (range: QueryRange) => {
      queries.push(range.prefix);
      return await table.query(range);
    },
  };
});

const hearing = (...topics: string[]): Registered => ({ selection: { topics }, reads: true });

async function register(change: { before?: Registered; after?: Registered }, ref = REF): Promise<void> {
  const { writes, head } = registering(ref, change);
  await table.transact([...writes, { update: KEY, change: head, condition: always }]);
}

const logHead = (): LogHead => readLogHead(table.itemAt(KEY));
const markers = (): Item[] => table.all().filter(({ pk }) => pk === scopePartition("actor"));

const record = (...changes: Change[]): LogRecord => ({ kind: "change", at: "2026-01-01T00:00:00.000000Z", changes });
const set = (...path: string[]): Change => ({ do: "set", path, value: 1 });
const CLEARED: Change = { do: "delete", path: [], removed: null };
const app = (target: string, subtarget?: string): Change => ({
  ...{ do: "notify", target, data: 1 },
  ...(subtarget !== undefined && { subtarget }),
});
const found = async (...changes: Change[]): Promise<readonly string[]> => {
  const { listeners } = await findInScope(counted, "actor", [record(...changes)], logHead());
  return listeners.map(({ kind, id }) => `${kind} ${id}`);
};

describe("a listener", () => {
  it.each([
    ["properties.memo", set("memo", "a"), set("other")],
    ["properties.*", set("memo"), app("orders")],
    ["properties.>", { do: "list", name: "memo", operation: { operation: "append" } } as never, app("orders")],
    ["properties", CLEARED, set("memo")],
    ["orders", app("orders"), app("orders", "a")],
    ["orders.a.>", { ...app("orders", "a"), resource: "x/y" } as Change, app("orders", "a")],
    ["orders.a%2Eb", app("orders", "a.b"), app("orders", "a")],
    ["properties.private", set("private"), set("memo")],
  ])("of %s is found by the markers of the places that a change touches", async (pattern, hit, miss) => {
    await register({ after: hearing(pattern) });
    expect(await found(hit)).toEqual(["webhook w"]);
    expect(queries).toHaveLength(1);
    expect(await found(miss)).toEqual([]);
    expect(logHead().listeners).toMatchObject({ named: 1, wildcard: 0, reading: 1, sys: 0, revision: 1 });
  });

  it.each(["*.memo", ">", "%41.x"])("of %s costs each change one more query", async (pattern) => {
    await register({ after: hearing(pattern) });
    expect(logHead().listeners).toMatchObject({ named: 0, wildcard: 1 });
    const hit = pattern === "%41.x" ? [] : ["webhook w"];
    expect(await found(set("memo"))).toEqual(hit);
    expect(queries).toEqual(["\u0002"]);
    await register({ after: hearing("properties.memo") }, { ...REF, id: "named" } as never);
    queries = [];
    expect(await found(set("memo"))).toEqual(["webhook named", ...hit]);
    expect(queries).toHaveLength(2);
  });

  it("of the service's own events hears nothing else, and is counted", async () => {
    await register({ after: hearing("$sys.webhook.>") });
    expect(logHead().listeners).toMatchObject({ named: 1, wildcard: 0, sys: 1 });
    expect(await found({ do: "sys", event: "webhook.failing", listener: "webhook:w", data: {} })).toEqual([
      "webhook w",
    ]);
    expect(await found(set("memo"))).toEqual([]);
    await register({ after: hearing(">") }, { ...REF, id: "all" } as never);
    expect(await found({ do: "sys", event: "webhook.failing", listener: "webhook:w", data: {} })).toEqual([
      "webhook w",
    ]);
  });

  it("with several patterns is found once, whichever of them match", async () => {
    await register({ after: hearing("properties.a", "properties.b", "*.b") });
    expect(markers()).toHaveLength(3);
    const { listeners } = await findInScope(counted, "actor", [record(set("a"), set("b"))], logHead());
    expect(listeners.map(({ selection }) => [...selection.topics].sort())).toEqual([
      ["*.b", "properties.a", "properties.b"],
    ]);
  });

  it("hears only the types that it names", async () => {
    const selection: Selection = { topics: ["properties.>"], types: ["org.actingweb.list.*"] };
    await register({ after: { selection, reads: true } });
    expect(await found(set("memo"))).toEqual([]);
    expect(await found({ do: "list", name: "memo", operation: { operation: "append" } } as never)).toEqual([
      "webhook w",
    ]);
  });

  it("that changes leaves the markers of what it hears now, and goes with all of them", async () => {
    await register({ after: hearing("properties.a", "properties.b") });
    await register({ before: hearing("properties.a", "properties.b"), after: hearing("properties.b", ">") });
    expect(markers().map(({ sk }) => sk)).toEqual(
      [listenerMarkerKey(REF, { target: "properties", name: "b" }).sk, listenerMarkerKey(REF, "wildcard").sk].sort(),
    );
    expect(logHead().listeners).toEqual({ named: 1, wildcard: 1, unmarked: 0, reading: 1, sys: 0, revision: 2 });
    await register({ before: hearing("properties.b", ">") });
    expect(markers()).toEqual([]);
    expect(logHead().listeners).toEqual({ named: 0, wildcard: 0, unmarked: 0, reading: 0, sys: 0, revision: 3 });
  });

  it("without patterns has no marker, costs no query, and is counted", async () => {
    await register({ after: { reads: true } });
    expect(markers()).toEqual([]);
    expect(logHead().listeners).toMatchObject({ named: 0, wildcard: 0, unmarked: 1, reading: 1 });
    expect(await found(set("memo"))).toEqual([]);
    expect(queries).toEqual([]);
  });
});

it("names listeners in keys, and nothing else", () => {
  expect(listenerOfKey(listenerKey(REF))).toEqual(REF);
  expect(listenerOfKey({ ...listenerKey(REF), sk: "webhook#w#more" })).toBeUndefined();
  expect(listenerOfKey({ pk: "A#actor", sk: "webhook#w" })).toBeUndefined();
  expect(listenerOfKey({ pk: "W#actor", sk: "other#w" })).toBeUndefined();
});
