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
    ["DELETE", `${name}/0`, {}],
    ["DELETE", name, { query: "index=0" }],
    ["DELETE", name, {}],
  ] as const;

it("a list outside a peer's permissions does not exist for it, anywhere", async () => {
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
  for (const [method, path, sent] of CHANGES("private")) {
    expect(await world.status(method, path, { ...sent, as: friend }), `${method} ${path}`).toBe(403);
  }
  for (const [method, path, sent] of CHANGES("memo")) {
    expect(await world.status(method, path, { ...sent, as: associate }), `${method} ${path}`).toBe(403);
  }
  expect(await world.records()).toHaveLength(before);
  for (const [method, path, sent] of CHANGES("memo")) {
    if (path === "memo/0" || "query" in sent) await world.ask("POST", "memo", { json: 1 });
    expect(await world.status(method, path, { ...sent, as: friend }), `${method} ${path}`).toBeLessThan(300);
  }
});

it("a list is one place: a permission for one of its items is none", async () => {
  const as = await world.peer("associate", {
    properties: { excluded_patterns: ["memo"], patterns: ["memo/0"], operations: ["read", "write"] },
  });
  expect(await world.status("GET", "memo/0", { as })).toBe(404);
  expect(await world.status("PUT", "memo/0", { as, json: 1 })).toBe(403);
});
