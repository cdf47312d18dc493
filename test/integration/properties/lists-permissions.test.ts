import { beforeEach, expect, it } from "vitest";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
  for (const name of ["memo", "private"]) {
    await world.ask("POST", "", { json: { [name]: { _type: "list", description: `about ${name}` } } });
    await world.ask("POST", name, { json: `secret of ${name}` });
  }
});

/** Every request that changes the list. */
const CHANGES = (name: string) =>
  [
    ["POST", "", { json: { [name]: { _type: "list" } } }],
    ["POST", "", { json: { [name]: { items: [{ index: 0 }] } } }],
    ["POST", name, { json: 1 }],
    ["POST", `${name}/items`, { json: { operation: "clear" } }],
    ["PUT", `${name}/0`, { json: 1 }],
    ["PUT", name, { json: 1, query: "index=0" }],
    ["PUT", `${name}/metadata`, { json: { description: "x" } }],
    ["PUT", `${name}/0`, {}],
    ["PUT", `${name}/0`, { json: null }],
    ["POST", `${name}/items`, { json: { operation: "pop" } }],
    ["POST", `${name}/items`, { json: { operation: "remove", item: 1 } }],
    ["DELETE", `${name}/0`, {}],
    ["DELETE", name, { query: "index=0" }],
  ] as const;

/** Every request that deletes the list. */
const TAKING_AWAY = (name: string) =>
  [
    ["DELETE", name, {}],
    ["PUT", name, {}],
    ["PUT", name, { json: "" }],
    ["POST", "", { json: { other: 1, [name]: "" } }],
    ["POST", "", { body: `other=1&${name}=`, type: "application/x-www-form-urlencoded" }],
    ["POST", `${name}/items`, { json: { operation: "delete_all" } }],
  ] as const;

it("a list outside a peer's permissions does not exist for that peer, on any route", async () => {
  const as = await world.peer("friend");
  expect((await world.ask("GET", "", { as })).json).toEqual({ memo: { _list: true, count: 1 } });
  for (const path of ["private", "private/0", "private/metadata", "private/items", "private/x"]) {
    const missing = await world.ask("GET", "none", { as });
    expect(await world.ask("GET", path, { as }), path).toMatchObject({
      ...{ status: 404, json: { error: { message: missing.json.error.message } } },
    });
  }
  for (const query of ["", "format=full", "metadata=true"]) {
    expect((await world.ask("GET", "", { as, query })).text).not.toMatch(/private/);
  }
  for (const query of ["format=short", "limit=5", "after=0", "index=0", "index=x"]) {
    expect(await world.status("GET", "private", { as, query })).toBe(404);
  }
});

it("a peer changes lists when it may write, and only those that it may", async () => {
  const friend = await world.peer("friend");
  const associate = await world.peer("associate");
  const before = (await world.records()).length;
  for (const [method, path, sent] of [...CHANGES("private"), ...TAKING_AWAY("private")]) {
    expect(await world.status(method, path, { ...sent, as: friend }), `${method} ${path}`).toBe(403);
  }
  for (const [method, path, sent] of [...CHANGES("memo"), ...TAKING_AWAY("memo")]) {
    expect(await world.status(method, path, { ...sent, as: associate }), `${method} ${path}`).toBe(403);
  }
  expect(await world.records()).toHaveLength(before);
  for (const [method, path, sent] of CHANGES("memo")) {
    await world.ask("POST", "memo", { json: 1 });
    expect(await world.status(method, path, { ...sent, as: friend }), `${method} ${path}`).toBeLessThan(300);
  }
});

it("a peer deletes whole lists only when it may delete; deleting items needs the right to write", async () => {
  const friend = await world.peer("friend");
  const [before, state] = [(await world.records()).length, await world.state()];
  for (const [method, path, sent] of [...TAKING_AWAY("memo"), ["PUT", "memo", { json: null }] as const]) {
    expect(await world.status(method, path, { ...sent, as: friend }), `${method} ${path}`).toBe(403);
  }
  expect(await world.records()).toHaveLength(before);
  expect(await world.state()).toEqual(state);
  const deleting = await world.peer("friend", { properties: { operations: ["delete"] } });
  for (const [method, path, sent] of TAKING_AWAY("memo")) {
    await world.ask("POST", "", { json: { memo: { _type: "list" } } });
    const more = JSON.stringify(sent).includes("other") ? await world.peer("admin") : deleting;
    expect(await world.status(method, path, { ...sent, as: more }), `${method} ${path}`).toBeLessThan(300);
    expect(await world.state()).not.toHaveProperty("memo");
  }
  await world.ask("POST", "", { json: { memo: { _type: "list" } } });
  for (const [method, path, sent] of CHANGES("memo")) {
    await world.ask("POST", "memo", { json: 1 });
    expect(await world.status(method, path, { ...sent, as: deleting }), `${method} ${path}`).toBe(403);
  }
});

it("a peer that may not change items gets 403 whether or not there is such an item", async () => {
  const as = await world.peer("friend", { properties: { operations: ["delete"] } });
  for (const path of ["memo/0", "memo/9", "memo/x", "memo/0/a", "memo/items"]) {
    expect(await world.status("DELETE", path, { as }), path).toBe(403);
    expect(await world.status("PUT", path, { as }), path).toBe(403);
  }
  for (const query of ["index=0", "index=9", "index=x", "index="]) {
    for (const path of ["memo", "none"]) {
      expect(await world.status("DELETE", path, { as, query }), `${path} ${query}`).toBe(403);
      expect(await world.status("PUT", path, { as, query }), `${path} ${query}`).toBe(403);
    }
  }
  expect(await world.state()).toMatchObject({ memo: { count: 1 } });
});

it("a query names an item, and never the property itself", async () => {
  await world.ask("PUT", "value", { json: { a: 1 } });
  const [before, state] = [(await world.records()).length, await world.state()];
  for (const as of [await world.peer("friend"), await world.peer("admin"), world.owner]) {
    for (const [method, path, status] of [
      ["DELETE", "value", 409],
      ["PUT", "value", 409],
      ["DELETE", "none", 204],
      ["PUT", "none", 404],
    ] as const) {
      expect(await world.status(method, path, { as, query: "index=0" }), `${method} ${path}`).toBe(status);
    }
  }
  expect(await world.records()).toHaveLength(before);
  expect(await world.state()).toEqual(state);
});

it("a peer deletes all only when its permissions exclude no list", async () => {
  const properties = { operations: ["delete"] };
  const as = await world.peer("friend", { properties: { ...properties, excluded_patterns: ["memo/0"] } });
  expect(await world.status("DELETE", "", { as })).toBe(403);
  await world.ask("DELETE", "private");
  expect(await world.status("DELETE", "", { as })).toBe(204);
  expect(await world.state()).toEqual({});
});

it("a list is one place: a permission for one of its items permits nothing", async () => {
  const as = await world.peer("associate", {
    properties: { excluded_patterns: ["memo"], patterns: ["memo/0"], operations: ["read", "write"] },
  });
  expect(await world.status("GET", "memo/0", { as })).toBe(404);
  expect(await world.status("PUT", "memo/0", { as, json: 1 })).toBe(403);
});
