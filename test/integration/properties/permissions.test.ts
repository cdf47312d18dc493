import { beforeEach, describe, expect, it } from "vitest";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
  await world.ask("POST", "", {
    json: { open: { a: 1, secret: "s" }, private: { key: "p" }, other: "text", security: 1 },
  });
});

/** Everything that a peer can read, as one text. */
async function readable(as: Record<string, string>): Promise<string> {
  const paths = ["open", "open/secret", "private", "private/key", "other", "security"];
  const answers = [
    await world.ask("GET", "", { as }),
    await world.ask("GET", "", { as, query: "metadata=true" }),
    ...(await Promise.all(paths.map((path) => world.ask("GET", path, { as })))),
  ];
  return answers.map(({ text }) => text).join("\n");
}

describe("a peer within its relationship's permissions", () => {
  it("reads what is not excluded, and the rest does not exist for the peer", async () => {
    const as = await world.peer("associate");
    expect((await world.ask("GET", "", { as })).json).toEqual({ open: { a: 1, secret: "s" }, other: "text" });
    expect((await world.ask("GET", "", { as, query: "metadata=true" })).json).toEqual({
      ...{ simple: { properties: ["open", "other"], total_bytes: 26 }, lists: {} },
    });
    for (const path of ["private", "private/key", "security"]) {
      expect(await world.ask("GET", path, { as }), path).toMatchObject({
        ...{ status: 404, json: { error: { message: (await world.ask("GET", "none", { as })).json.error.message } } },
      });
    }
  });

  it("writes only with the right to write, and never what is excluded", async () => {
    const associate = await world.peer("associate");
    const friend = await world.peer("friend");
    const before = await world.state();
    for (const [as, path] of [
      [associate, "other"],
      [friend, "private"],
      [friend, "private/new"],
      [friend, "security"],
    ] as const) {
      expect(await world.status("PUT", path, { as, body: "x" }), path).toBe(403);
      expect(await world.status("PUT", path, { as }), path).toBe(403);
      expect(await world.status("DELETE", path, { as }), path).toBe(403);
      expect(await world.status("POST", "", { as, json: { open: 2, [path.split("/")[0]!]: 2 } }), path).toBe(403);
    }
    expect(await world.status("DELETE", "", { as: friend })).toBe(403);
    expect(await world.state()).toEqual(before);
    expect(await world.status("PUT", "other", { as: friend, body: "y" })).toBe(204);
    expect(await world.status("POST", "", { as: friend, json: { mine: 1 } })).toBe(201);
    expect(await world.status("PUT", "open", { as: friend, json: { secret: "s" } })).toBe(204);
    expect(await world.state()).toEqual({ ...before, other: "y", mine: 1, open: { secret: "s" } });
  });

  it("may do everything as an admin", async () => {
    const as = await world.peer("admin");
    expect((await world.ask("GET", "private/key", { as })).text).toBe("p");
    expect(await world.status("DELETE", "", { as })).toBe(204);
    expect(await world.state()).toEqual({});
  });
});

const FORM = "application/x-www-form-urlencoded";

/** Every request that deletes a value, or a path below one. */
const TAKING_AWAY = [
  ["DELETE", "other", {}],
  ["DELETE", "open/a", {}],
  ["DELETE", "open/none", {}],
  ["DELETE", "none", {}],
  ["DELETE", "none/a", {}],
  ["PUT", "other", {}],
  ["PUT", "other", { json: "" }],
  ["PUT", "other", { json: null }],
  ["PUT", "open/a", {}],
  ["PUT", "open/a", { json: "" }],
  ["PUT", "open/a", { json: null }],
  ["POST", "", { json: { mine: 1, other: "" } }],
  ["POST", "", { json: { mine: 1, other: null } }],
  ["POST", "", { body: "mine=1&other=", type: FORM }],
  ["DELETE", "", {}],
] as const;

describe("a peer that may write and not delete", () => {
  it.each(TAKING_AWAY)("deletes nothing with %s %j %j", async (method, path, sent) => {
    const before = await world.state();
    const records = (await world.records()).length;
    for (const as of [await world.peer("friend"), await world.peer("partner")]) {
      expect(await world.status(method, path, { ...sent, as })).toBe(403);
    }
    expect(await world.state()).toEqual(before);
    expect(await world.records()).toHaveLength(records);
  });

  it("replaces an object by one that lacks keys, and puts empty texts and null inside an object", async () => {
    const as = await world.peer("friend");
    expect(await world.status("PUT", "open", { as, json: { b: "", c: null } })).toBe(204);
    expect(await world.status("POST", "", { as, json: { open: {} } })).toBe(201);
    expect((await world.state())["open"]).toEqual({});
  });
});

describe("a peer that may delete", () => {
  const properties = { operations: ["read", "write", "delete"] };

  it.each(TAKING_AWAY.slice(0, -1))("deletes with %s %j %j", async (method, path, sent) => {
    const as = await world.peer("friend", { properties });
    // As the owner, because the effect does not depend on the caller.
    const [whole, rest] = [await PropertyWorld.open(), await world.state()];
    for (const [name, value] of Object.entries(rest)) await whole.ask("PUT", name, { json: value });
    expect(await world.status(method, path, { ...sent, as })).toBe(await whole.status(method, path, sent));
    expect(await world.state()).toEqual(await whole.state());
  });

  it("needs no right to write", async () => {
    const as = await world.peer("friend", { properties: { operations: ["delete"] } });
    expect(await world.status("PUT", "other", { as, body: "x" })).toBe(403);
    expect(await world.status("DELETE", "other", { as })).toBe(204);
    expect(await world.status("PUT", "open/a", { as })).toBe(204);
  });

  it("deletes nothing that is excluded, and nothing with excluded parts", async () => {
    const excluded_patterns = ["open/secret"];
    const as = await world.peer("friend", { properties: { ...properties, excluded_patterns } });
    const before = await world.state();
    for (const path of ["private", "private/key", "security", "open", "open/secret"]) {
      expect(await world.status("DELETE", path, { as }), path).toBe(403);
      expect(await world.status("PUT", path, { as }), path).toBe(403);
      expect(await world.status("PUT", path, { as, json: null }), path).toBe(403);
    }
    expect(await world.state()).toEqual(before);
    expect(await world.status("DELETE", "open/a", { as })).toBe(204);
  });

  it("deletes all only when no stored property is excluded", async () => {
    const as = await world.peer("friend", { properties: { ...properties, excluded_patterns: ["open/secret"] } });
    for (const name of ["private", "security", "open/secret"]) {
      const before = await world.state();
      expect(await world.status("DELETE", "", { as }), name).toBe(403);
      expect(await world.state()).toEqual(before);
      await world.ask("DELETE", name);
    }
    expect(Object.keys(await world.state())).toEqual(["open", "other"]);
    expect(await world.status("DELETE", "", { as })).toBe(204);
    expect(await world.state()).toEqual({});
    expect(await world.status("DELETE", "", { as })).toBe(204);
  });
});

describe("a peer whose permissions reach inside a property", () => {
  const set = { properties: { excluded_patterns: ["open/secret", "other"] } };

  it("sees only the open parts", async () => {
    const as = await world.peer("friend", set);
    expect((await world.ask("GET", "open", { as })).json).toEqual({ a: 1 });
    expect((await world.ask("GET", "", { as })).json).toEqual({ open: { a: 1 } });
    expect(await readable(as)).not.toMatch(/"s"|secret|other|private|text/);
    expect((await world.ask("GET", "", { as, query: "metadata=true" })).json.simple.total_bytes).toBe(7);
  });

  it("cannot replace or delete a value with hidden parts, nor write a hidden part", async () => {
    const as = await world.peer("friend", set);
    const before = await world.state();
    expect(await world.status("PUT", "open", { as, json: { a: 2 } })).toBe(403);
    expect(await world.status("DELETE", "open", { as })).toBe(403);
    expect(await world.status("PUT", "open/secret/deep", { as, body: "x" })).toBe(403);
    expect(await world.state()).toEqual(before);
    await world.ask("DELETE", "open");
    expect(await world.status("PUT", "open", { as, json: { secret: 1 } })).toBe(403);
    expect(await world.status("PUT", "open", { as, json: { a: 2 } })).toBe(204);
    expect(await world.status("PUT", "open/a", { as, json: 3 })).toBe(204);
  });

  it("has the operations that were set for it", async () => {
    const blind = await world.peer("friend", { properties: { operations: ["write"] } });
    expect((await world.ask("GET", "", { as: blind })).json).toEqual({});
    expect(await world.status("GET", "open", { as: blind })).toBe(404);
    expect(await world.status("PUT", "open/a", { as: blind, body: "x" })).toBe(204);
  });
});
