import { beforeEach, describe, expect, it } from "vitest";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
  await world.ask("POST", "", {
    json: { open: { a: 1, secret: "s" }, private: { key: "p" }, other: "text", security: 1 },
  });
});

/** All that a peer can read, as one text. */
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
  it("reads what is not excluded; the rest does not exist for it", async () => {
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

  it("writes only when it may, and never what is excluded", async () => {
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
    expect(await world.status("DELETE", "open/a", { as: friend })).toBe(204);
    expect(await world.state()).toEqual({ ...before, other: "y", mine: 1, open: { secret: "s" } });
  });

  it("may do everything as admin", async () => {
    const as = await world.peer("admin");
    expect((await world.ask("GET", "private/key", { as })).text).toBe("p");
    expect(await world.status("DELETE", "", { as })).toBe(204);
    expect(await world.state()).toEqual({});
  });
});

describe("a peer whose permissions reach inside a property", () => {
  const set = { properties: { excluded_patterns: ["open/secret", "other"] } };

  it("sees the parts that are left", async () => {
    const as = await world.peer("friend", set);
    expect((await world.ask("GET", "open", { as })).json).toEqual({ a: 1 });
    expect((await world.ask("GET", "", { as })).json).toEqual({ open: { a: 1 } });
    expect(await readable(as)).not.toMatch(/"s"|secret|other|private|text/);
    expect((await world.ask("GET", "", { as, query: "metadata=true" })).json.simple.total_bytes).toBe(7);
  });

  it("cannot replace or delete a whole that has hidden parts, nor put one there", async () => {
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

  it("follows operations that were set", async () => {
    const blind = await world.peer("friend", { properties: { operations: ["write"] } });
    expect((await world.ask("GET", "", { as: blind })).json).toEqual({});
    expect(await world.status("GET", "open", { as: blind })).toBe(404);
    expect(await world.status("PUT", "open/a", { as: blind, body: "x" })).toBe(204);
  });
});
