import { expect, it } from "vitest";
import { applyToArray, readListOperation } from "../../../lib/domain/diff/list-operations.ts";
import type { Json, JsonObject } from "../../../lib/system/ports.ts";
import { PublisherWorld, type Peer } from "./publisher-world.ts";

/** A request of the owner about the list `memo`, and what it is to say. */
type Step = readonly [
  method: string,
  path: string,
  json: Json | undefined,
  status: number,
  diffs: readonly JsonObject[],
];

const STEPS: readonly Step[] = [
  ["PUT", "/memo?index=0", "a", 204, [{ operation: "append", item: "a", length: 1 }]],
  ["POST", "/memo", "b", 201, [{ operation: "append", item: "b", length: 2 }]],
  ["PUT", "/memo/2", "a", 204, [{ operation: "append", item: "a", length: 3 }]],
  ["PUT", "/memo?index=1", { n: 1 }, 204, [{ operation: "update", index: 1, item: { n: 1 }, length: 3 }]],
  ["POST", "/memo/items", { action: "add", item_value: "c" }, 201, [{ operation: "append", item: "c", length: 4 }]],
  [
    "POST",
    "/memo/items",
    { action: "update", item_index: 3, item_value: "d" },
    204,
    [{ operation: "update", index: 3, item: "d", length: 4 }],
  ],
  // One of two equal rows is named by its index, for by its value it could be either.
  ["POST", "/memo/items", { operation: "remove", item: "a" }, 204, [{ operation: "delete", index: 0, length: 3 }]],
  [
    "POST",
    "/memo/items",
    { operation: "remove", item: "a" },
    204,
    [{ operation: "remove", index: 1, item: "a", length: 2 }],
  ],
  [
    "POST",
    "/memo/items",
    { operation: "update", old_item: "d", item: "e" },
    204,
    [{ operation: "update", index: 1, item: "e", old_item: "d", length: 2 }],
  ],
  [
    "POST",
    "",
    {
      memo: {
        items: [{ index: 0 }, { index: 1, n: 1 }, { index: 1, n: 2 }, { index: 1 }, { index: 2, n: 3 }],
      },
    },
    201,
    [
      { operation: "update", index: 1, item: { n: 2 }, length: 2 },
      { operation: "append", item: { n: 3 }, length: 3 },
      { operation: "delete", index: 0, length: 2 },
    ],
  ],
  ["DELETE", "/memo?index=1", undefined, 204, [{ operation: "delete", index: 1, length: 1 }]],
  ["POST", "/memo/items", { action: "delete", item_index: 0 }, 204, [{ operation: "delete", index: 0, length: 0 }]],
  [
    "POST",
    "/memo/items",
    { operation: "insert", index: 0, item: [] },
    201,
    [{ operation: "insert", index: 0, item: [], length: 1 }],
  ],
  // What is refused or already so makes no diff.
  ["PUT", "/memo?index=2", "x", 404, []],
  ["DELETE", "/memo?index=1", undefined, 404, []],
  ["DELETE", "/memo?index=-1", undefined, 400, []],
  ["POST", "/memo/items", { operation: "remove", item: "x" }, 400, []],
  ["POST", "/memo/items", { operation: "pop", index: 1 }, 400, []],
  [
    "POST",
    "",
    {
      memo: {
        items: [
          { index: 0, n: 1 },
          { index: 2, n: 1 },
        ],
      },
      color: "red",
    },
    400,
    [],
  ],
  ["POST", "", { none: { items: [{ index: 0, n: 1 }] }, color: "red" }, 400, []],
  ["DELETE", "/none", undefined, 204, []],
  ["DELETE", "/none?index=0", undefined, 204, []],
  ["POST", "/memo/items", { operation: "extend", items: [] }, 201, []],
  ["DELETE", "/memo", undefined, 204, [{ operation: "delete_all", length: 0 }]],
  ["DELETE", "/memo", undefined, 204, []],
];

/** A copy after an operation that must fit it. */
function applied(items: readonly Json[] | undefined, diff: JsonObject): readonly Json[] | undefined {
  const operation = readListOperation(diff, "memo");
  const made = operation === undefined ? "inapplicable" : applyToArray(items ?? [], operation);
  if (made === "inapplicable") throw new Error(`${JSON.stringify(diff)} does not fit the copy`);
  return made.items;
}

it("each change of a list makes the diffs that describe it, and a request without effect makes none", async () => {
  const world = await PublisherWorld.open();
  const [bob, eve] = [
    await world.peer("bob"),
    await world.peer("eve", "friend", { properties: { excluded_patterns: ["memo"] } }),
  ];
  await world.ask("POST", "properties", { memo: { _type: "list" } });
  const [whole, list, item] = [
    await bob.subscribe(),
    await bob.subscribe({ subtarget: "memo" }),
    await bob.subscribe({ subtarget: "memo", resource: "0" }),
  ];
  const hidden = await eve.subscribe();
  const newest = async (peer: Peer, id: string): Promise<number> => (await peer.poll(id)).sequence;
  let copy: readonly Json[] | undefined = [];
  for (const [method, path, json, status, diffs] of STEPS) {
    const about = `${method} ${path} ${JSON.stringify(json)}`;
    const [before, beforeOfList] = [await newest(bob, whole), await newest(bob, list)];
    expect((await world.ask(method, `properties${path}`, json)).status, about).toBe(status);
    const said = (await bob.poll(whole, `?after=${String(before)}`)).data;
    const operations = diffs.map((diff) => ({ list: "memo", ...diff }));
    expect(
      said.map(({ data }) => data),
      about,
    ).toEqual(operations.map((memo) => ({ memo })));
    expect(said.map(({ overwritten }) => overwritten)).toEqual(operations.map(() => []));
    const ofList = (await bob.poll(list, `?after=${String(beforeOfList)}`)).data;
    expect(
      ofList.map(({ data }) => data),
      about,
    ).toEqual(operations);
    copy = operations.reduce(applied, copy);
    const state = await world.ask("GET", "properties/memo");
    expect(copy, about).toEqual(state.status === 404 ? undefined : state.json);
  }
  expect(copy).toBeUndefined();
  // A list is one place, and what is hidden takes no number.
  expect([await newest(bob, item), await newest(eve, hidden)]).toEqual([0, 0]);
});
