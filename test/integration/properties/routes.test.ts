import { beforeEach, describe, expect, it } from "vitest";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { sweepAndWork } from "../../support/memory-queue.ts";
import { PropertyWorld } from "./world.ts";

let world: PropertyWorld;
beforeEach(async () => {
  world = await PropertyWorld.open();
});

describe("putting and getting", () => {
  it.each<[string, string | undefined, string, string, string]>([
    ["text without a type", undefined, "red", "text/plain; charset=utf-8", "red"],
    [
      "text with a form's type, as curl sends it",
      "application/x-www-form-urlencoded",
      "red",
      "text/plain; charset=utf-8",
      "red",
    ],
    ["an object without a type", undefined, '{"a": 1}', "application/json", '{"a":1}'],
    ["an array without a type", undefined, " [1, 2]", "application/json", "[1,2]"],
    ["a number without a type is text", undefined, "12", "text/plain; charset=utf-8", "12"],
    ["a broken object is text", "text/plain", '{"a": ', "text/plain; charset=utf-8", '{"a": '],
    ["a JSON number", "application/json", "12", "application/json", "12"],
    ["JSON true", "application/json; charset=utf-8", "true", "application/json", "true"],
    ["JSON null", "application/json", "null", "application/json", "null"],
    ["a JSON string", "application/json", '"red"', "text/plain; charset=utf-8", "red"],
    ["a type with a JSON suffix", "application/problem+json", '"red"', "text/plain; charset=utf-8", "red"],
    [
      "an object with odd keys",
      "application/json",
      '{"__proto__":{"x":1}}',
      "application/json",
      '{"__proto__":{"x":1}}',
    ],
  ])("keeps %s", async (_, type, body, shownType, shown) => {
    const sent = { body, ...(type === undefined ? {} : { type }) };
    expect(await world.status("PUT", "p", sent)).toBe(204);
    const answer = await world.ask("GET", "p");
    expect([answer.status, answer.headers["content-type"], answer.text]).toEqual([200, shownType, shown]);
    expect(Object.keys(await world.state())).toEqual(["p"]);
  });

  it("reaches into objects, and creates objects on the way", async () => {
    expect(await world.status("PUT", "p/a/b", { body: "x" })).toBe(204);
    expect((await world.ask("GET", "p")).json).toEqual({ a: { b: "x" } });
    expect((await world.ask("GET", "p/a/b")).text).toBe("x");
    expect(await world.status("PUT", "p/a/c%20d", { json: [1] })).toBe(204);
    expect(await world.status("DELETE", "p/a/b")).toBe(204);
    expect(await world.state()).toEqual({ p: { a: { "c d": [1] } } });
    for (const path of ["p/a/b", "p/x/y", "p/a/c%20d/0", "q"]) expect(await world.status("GET", path), path).toBe(404);
    for (const path of ["p/a/b", "p/x", "p/a/c%20d/0"]) expect(await world.status("DELETE", path), path).toBe(404);
  });

  it("accepts the deletion of what is not there, without a diff", async () => {
    await world.ask("PUT", "p", { json: { a: 1 } });
    const before = (await world.records()).length;
    for (const path of ["q", "q/a", "q/a/b"]) expect(await world.status("DELETE", path), path).toBe(204);
    expect(await world.status("DELETE", "p/q")).toBe(404);
    expect(await world.status("DELETE", "p/a/b")).toBe(404);
    expect(await world.records()).toHaveLength(before);
    expect(await world.state()).toEqual({ p: { a: 1 } });
  });

  it("refuses a path through a value that is no object", async () => {
    await world.ask("PUT", "p", { json: { a: 5, l: [1] } });
    expect(await world.status("PUT", "p/a/b", { body: "x" })).toBe(409);
    expect(await world.status("PUT", "p/l/0", { body: "x" })).toBe(409);
    expect(await world.status("PUT", "p/a/b")).toBe(409);
    expect(await world.state()).toEqual({ p: { a: 5, l: [1] } });
  });

  it("deletes by an empty value, whether or not a value is there", async () => {
    await world.ask("POST", "", { json: { a: 1, b: { c: 1 }, d: 1 } });
    expect(await world.status("PUT", "a")).toBe(204);
    expect(await world.status("PUT", "b/c", { type: "application/json", body: '""' })).toBe(204);
    expect(await world.status("PUT", "none", { body: "" })).toBe(204);
    expect(await world.state()).toEqual({ b: {}, d: 1 });
    expect(await world.status("DELETE", "d")).toBe(204);
    expect(await world.records()).toHaveLength(4);
  });

  it("refuses values that are too large or too deep, and names that are none", async () => {
    const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(await world.status("PUT", "p", { body: "x".repeat(262_142) })).toBe(204);
    expect(await world.status("PUT", "p", { body: "x".repeat(262_143) })).toBe(413);
    expect(await world.status("PUT", "p", { body: "x".repeat(1_048_577) })).toBe(413);
    await world.ask("PUT", "q", { json: { a: "x".repeat(200_000) } });
    expect(await world.status("PUT", "q/b", { body: "x".repeat(100_000) })).toBe(413);
    expect(await world.status("PUT", "d", { body: deep(60) })).toBe(204);
    expect(await world.status("PUT", "d", { body: deep(61) })).toBe(400);
    expect(await world.status("PUT", "e/a", { body: deep(60) })).toBe(400);
    expect(await world.status("PUT", "e" + "/a".repeat(70), { body: "x" })).toBe(400);
    expect(await world.status("PUT", "x".repeat(256), { body: "x" })).toBe(204);
    for (const name of ["x".repeat(257), "a%2Fb", "a%00", "%0A", "p//b", "100%25", "what%3F", "p/a%25", "p/a%3F"]) {
      expect(await world.status("PUT", name, { body: "x" }), name).toBe(400);
      expect(await world.status("GET", name), name).toBe(400);
    }
    expect(await world.status("PUT", "p", { body: new Uint8Array([0xff, 0xfe]) })).toBe(400);
    expect(await world.status("PUT", "p", { type: "application/json", body: "{" })).toBe(400);
    expect(await world.status("PUT", "p", { type: "application/json", body: '"\\ud800"' })).toBe(400);
  });
});

describe("posting several", () => {
  it("sets them all in one record", async () => {
    const made = await world.ask("POST", "", { json: { a: 1, b: { c: 2 }, d: "x" } });
    expect([made.status, made.json]).toEqual([201, { a: 1, b: { c: 2 }, d: "x" }]);
    expect(await world.state()).toEqual({ a: 1, b: { c: 2 }, d: "x" });
    expect(await world.records()).toMatchObject([{ number: 1, record: { changes: [{}, {}, {}] } }]);
  });

  it("accepts a form", async () => {
    const type = "application/x-www-form-urlencoded";
    expect((await world.ask("POST", "", { type, body: "a=1&b=x+y" })).json).toEqual({ a: "1", b: "x y" });
    expect(await world.state()).toEqual({ a: "1", b: "x y" });
  });

  it("reads each field of a form as text, keeps the last of each name, and deletes by an empty one", async () => {
    const type = "application/x-www-form-urlencoded; charset=UTF-8";
    await world.ask("POST", "", { json: { old: 1, list: { _type: "list" } } });
    const body = "n=1&n=2&%C3%A9t%C3%A9=%7B%22a%22%3A1%7D&old=&__proto__=x&flag";
    const made = await world.ask("POST", "", { type, body });
    expect(made.status).toBe(201);
    expect(Object.entries(await world.state())).toEqual(
      expect.arrayContaining([
        ["n", "2"],
        ["été", '{"a":1}'],
        ["__proto__", "x"],
        ["list", { _list: true, count: 0 }],
      ]),
    );
    expect(Object.keys(await world.state())).toHaveLength(4);
    expect(await world.status("POST", "", { type, body: "share=100%25&rate=5%" })).toBe(201);
    expect(await world.state()).toMatchObject({ share: "100%", rate: "5%" });
    const before = (await world.records()).length;
    for (const wrong of ["list=x", "ok=1&list=x"])
      expect(await world.status("POST", "", { type, body: wrong })).toBe(409);
    for (const wrong of ["ok=1&a%2Fb=2", "=1", "a%00=1", "ok=1&a=%FF", "a=%C3x", "a=%ed%a0%80"]) {
      expect(await world.status("POST", "", { type, body: wrong }), wrong).toBe(400);
    }
    expect(await world.status("POST", "", { type, body: new Uint8Array([0x61, 0x3d, 0xff]) })).toBe(400);
    expect(await world.records()).toHaveLength(before);
  });

  it("sets none when one cannot be set", async () => {
    const many = Object.fromEntries(Array.from({ length: 91 }, (_, index) => [`p${index}`, index]));
    for (const [json, status] of [
      [many, 413],
      [{ ok: 1, big: "x".repeat(262_144) }, 413],
      [{ ok: 1, "a/b": 2 }, 400],
      [{ ok: 1, "": 2 }, 400],
      [{ ok: 1, list: { _type: "list", description: 5 } }, 400],
      [{ ok: 1, "list:memo": 2 }, 400],
      [[1], 400],
      ["x", 400],
    ] as const) {
      expect(await world.status("POST", "", { json }), JSON.stringify(json).slice(0, 40)).toBe(status);
    }
    expect(await world.status("POST", "", { type: "application/json", body: "x".repeat(1_048_577) })).toBe(413);
    expect(await world.status("POST", "", { type: "application/json", body: "" })).toBe(400);
    expect(await world.status("POST", "", { type: "text/xml", body: "<a/>" })).toBe(415);
    expect(await world.state()).toEqual({});
    expect(await world.records()).toEqual([]);
  });

  it("accepts ninety, and as many bytes as one record holds", async () => {
    const many = Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`p${index}`, "x".repeat(11_000)]));
    expect(await world.status("POST", "", { json: many })).toBe(201);
    const nested = (key: string) =>
      Object.fromEntries(Array.from({ length: 700 }, (_, at) => [`${key}${at}`, "12345678"]));
    const replaced = Object.fromEntries(Object.keys(many).map((name) => [name, nested("o")]));
    for (const part of [0, 45]) {
      const half = Object.fromEntries(Object.entries(replaced).slice(part, part + 45));
      expect(await world.status("POST", "", { json: half })).toBe(201);
    }
    expect(await world.status("POST", "", { json: many })).toBe(201);
    expect(await world.state()).toEqual(many);
    const texts = (await world.records()).map(({ record }) => JSON.stringify(record).length);
    expect(Math.max(...texts)).toBeLessThan(1_228_800);
  });
});

describe("posting below a name", () => {
  it("that is not there gives 404, and stores nothing", async () => {
    for (const path of ["p", "p/x", "p/items", "p/x/y"]) {
      expect(await world.status("POST", path, { json: { a: 1 } }), path).toBe(404);
    }
    expect(await world.state()).toEqual({});
  });

  it("that is a value is refused, because only lists take a POST", async () => {
    await world.ask("PUT", "p", { json: { x: 1 } });
    expect(await world.status("POST", "p", { json: { a: 1 } })).toBe(409);
    expect(await world.status("POST", "p/items", { json: { action: "add", item_value: 1 } })).toBe(409);
    for (const path of ["p/x", "p/y", "p/items/0"]) {
      const answer = await world.ask("POST", path, { json: { a: 1 } });
      expect([answer.status, answer.headers["allow"]], path).toEqual([405, "DELETE, GET, HEAD, PUT"]);
    }
    expect(await world.state()).toEqual({ p: { x: 1 } });
    const as = await world.peer("associate");
    expect(await world.status("POST", "p/x", { as, json: {} })).toBe(403);
  });
});

describe("getting all", () => {
  it("shows an empty object, the values, or their sizes", async () => {
    expect(await world.state()).toEqual({});
    const empty = { simple: { properties: [], total_bytes: 0 }, lists: {} };
    expect((await world.ask("GET", "", { query: "metadata=true" })).json).toEqual(empty);
    await world.ask("POST", "", { json: { b: "é", a: [1, 2] } });
    expect((await world.ask("GET", "", { query: "format=full" })).text).toBe('{"a":[1,2],"b":"é"}');
    const about = { simple: { properties: ["a", "b"], total_bytes: 9 }, lists: {} };
    expect((await world.ask("GET", "", { query: "metadata=true" })).json).toEqual(about);
    expect(await world.status("GET", "", { query: "format=full&metadata=true" })).toBe(400);
  });

  it("is refused over 5 MiB, with advice", async () => {
    for (let n = 0; n < 21; n += 1) await world.ask("PUT", `p${n}`, { body: "x".repeat(262_100) });
    const refused = await world.ask("GET");
    expect([refused.status, refused.json.error.message]).toEqual([413, expect.stringContaining("metadata=true")]);
    expect(await world.status("GET", "", { query: "metadata=true" })).toBe(200);
  });
});

describe("deleting all", () => {
  it("is one record, also of thousands, and no earlier value comes back", async () => {
    expect(await world.status("DELETE")).toBe(204);
    expect(await world.records()).toEqual([]);
    for (let n = 0; n < 5; n += 1) {
      const part = Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`p${n}-${index}`, { x: index }]));
      await world.ask("POST", "", { json: part });
    }
    expect(await world.status("DELETE")).toBe(204);
    expect(await world.state()).toEqual({});
    expect(await world.status("GET", "p0-0")).toBe(404);
    expect(await world.status("DELETE", "p0-0")).toBe(204);
    await world.ask("PUT", "p0-0/y", { body: "new" });
    expect(await world.state()).toEqual({ "p0-0": { y: "new" } });
    const records = await world.records();
    expect(records.at(-2)).toMatchObject({ number: 6, record: { changes: [{ do: "delete", path: [] }] } });
    await sweepAndWork(world.services, { remaining: () => 60_000 });
    expect(await world.state()).toEqual({ "p0-0": { y: "new" } });
    const stored = await world.table.query({ pk: `O#${world.actorId}`, prefix: "" });
    expect(stored.items.map(({ sk }) => sk)).toEqual(["V#p0-0"]);
    const head = await world.table.get(logHeadKey(world.actorId));
    expect(head).toMatchObject({ newest: 7, cleared: 6 });
    for (const name of ["dueAt", "dueShard", "stale"]) expect(head).not.toHaveProperty(name);
  });
});

describe("credentials", () => {
  it("are those of the creator or of an approved peer", async () => {
    expect(await world.status("GET", "", { as: { authorization: "" } })).toBe(401);
    expect(await world.status("GET", "", { as: { authorization: "Bearer nobody-s-secret" } })).toBe(403);
    expect(await world.status("POST", "p/x", { as: { authorization: "" }, json: {} })).toBe(401);
  });

  it("are void after the deletion of the actor, as are the properties", async () => {
    await world.ask("PUT", "p", { body: "x" });
    const { actors, deletion } = world.services;
    const actor = (await actors.get(world.actorId))!;
    await deletion.delete(actor, { remaining: () => 29_000 });
    expect(await world.status("GET", "p")).toBe(404);
    for (const pk of [`O#${world.actorId}`, `R#${world.actorId}`, `A#${world.actorId}`, `H#${world.actorId}`]) {
      expect((await world.table.query({ pk, prefix: "" })).items).toEqual([]);
    }
    const late = world.services.properties.change(world.actorId, ["q"], () => [
      { name: "q", after: 1, change: { do: "set", path: ["q"], value: 1 } },
    ]);
    await expect(late).rejects.toMatchObject({ code: "resource.not_found" });
  });
});
