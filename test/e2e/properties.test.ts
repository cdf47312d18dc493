import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, type Service } from "../support/service.ts";

let service: Service;
let actor: OwnedActor;
beforeAll(async () => {
  service = await startService();
  actor = await service.createActor();
});
afterAll(async () => {
  await service.dispose();
});

/** A request below `/properties` with a plain body, as curl sends it. */
async function ask(method: string, path: string, body?: string): Promise<[number, string]> {
  const headers = { authorization: actor.basic, ...(body === undefined ? {} : { "content-type": "text/plain" }) };
  const answer = await fetch(`${actor.uri}/properties${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return [answer.status, await answer.text()];
}

it("an actor's properties are put, read, listed and deleted through the gateway", async () => {
  expect(await ask("PUT", "/color", "red")).toEqual([204, ""]);
  expect(await ask("GET", "/color")).toEqual([200, "red"]);
  expect(await ask("PUT", "/car/wheels/rear%20left", '{"size": 4}')).toEqual([204, ""]);
  expect(await ask("GET", "/car/wheels/rear%20left/size")).toEqual([200, "4"]);
  // The gateway decodes before it routes.
  expect(await ask("PUT", "/car%2Fcolor", "red")).toEqual([204, ""]);
  expect(await ask("PUT", "/car/doors", "4")).toEqual([204, ""]);
  expect(await ask("DELETE", "/car/doors%3F")).toEqual([204, ""]);
  expect((await ask("PUT", "/100%25", "x"))[0]).toBe(400);
  expect(await ask("PUT", "/%C3%A9t%C3%A9", "chaud")).toEqual([204, ""]);
  expect(JSON.parse((await ask("GET", ""))[1])).toEqual({
    ...{ color: "red", car: { wheels: { "rear left": { size: 4 } }, color: "red" }, été: "chaud" },
  });
  expect(await ask("POST", "/color?_method=DELETE")).toEqual([204, ""]);
  expect((await ask("GET", "/color"))[0]).toBe(404);
  expect((await ask("DELETE", ""))[0]).toBe(204);
  expect(await ask("GET", "")).toEqual([200, "{}"]);
});

it("forty writes with eight in flight are all there, also after the service was killed", async () => {
  const left = Array.from({ length: 40 }, (_, n) => n);
  const work = async (): Promise<void> => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) {
      expect(await ask("PUT", `/shared/k${n}`, `v${n}`)).toEqual([204, ""]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  await service.kill();
  await service.start();
  const all = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, `v${n}`]));
  expect(JSON.parse((await ask("GET", "/shared"))[1])).toEqual(all);
});

it("a list takes items from eight writers through the gateway, and keeps them when the service was killed", async () => {
  const json = { authorization: actor.basic, "content-type": "application/json" };
  const post = async (path: string, body: unknown): Promise<Response> =>
    await fetch(`${actor.uri}/properties${path}`, { method: "POST", headers: json, body: JSON.stringify(body) });
  expect((await post("", { "my list": { _type: "list" } })).status).toBe(201);
  const left = Array.from({ length: 40 }, (_, n) => n);
  const work = async (): Promise<void> => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) {
      const made = await post("/my%20list", { n });
      expect(made.status).toBe(201);
      const item = await fetch(String(made.headers.get("location")), { headers: { authorization: actor.basic } });
      expect(await item.json()).toEqual({ n });
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  const many = Array.from({ length: 300 }, (_, n) => ({ n: n + 40 }));
  expect((await post("/my%20list/items", { operation: "extend", items: many })).status).toBe(201);
  expect(await ask("DELETE", "/my%20list/0")).toEqual([204, ""]);
  await service.kill();
  await service.start();
  const items = JSON.parse((await ask("GET", "/my%20list"))[1]) as { n: number }[];
  expect(items.length).toBe(339);
  expect(new Set(items.map(({ n }) => n)).size).toBe(339);
  expect((await ask("GET", "/my%20list/metadata"))[1]).toContain('"count":339');
});

it("an answer whose quotes would take it over 6 MB comes compressed, or is refused with what to do instead", async () => {
  const owner = await service.createActor();
  const value = Array.from({ length: 35_000 }, (_, n) => String(1_000 + (n % 9_000)));
  const of = async (path: string, headers: Record<string, string>, body?: unknown): Promise<Response> =>
    await fetch(`${owner.uri}/properties${path}`, {
      headers: { authorization: owner.basic, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { method: "PUT", body: JSON.stringify(body) }),
    });
  for (let n = 0; n < 19; n += 1) expect((await of(`/p${n}`, {}, value)).status).toBe(204);
  const packed = await of("", { "accept-encoding": "gzip" });
  expect(packed.status).toBe(200);
  expect(Object.keys((await packed.json()) as object)).toHaveLength(19);
  const refused = await of("", { "accept-encoding": "identity" });
  expect(refused.status).toBe(413);
  expect(await refused.text()).toContain("metadata=true");
});

it("what clients of the reference ask of lists and of /meta is answered through the gateway", async () => {
  const json = { authorization: actor.basic, "content-type": "application/json" };
  const post = async (path: string, body: unknown): Promise<number> =>
    (await fetch(`${actor.uri}/properties${path}`, { method: "POST", headers: json, body: JSON.stringify(body) }))
      .status;
  expect(await post("", { notes: { _type: "list" } })).toBe(201);
  expect(await ask("PUT", "/notes?index=0", "first")).toEqual([204, ""]);
  expect((await ask("PUT", "/notes?index=2", "skips ahead"))[0]).toBe(404);
  expect((await ask("PUT", "/notes?index=-1", "x"))[0]).toBe(400);
  expect(await post("/notes/items", { action: "add", item_value: "b" })).toBe(201);
  expect(await post("/notes/items", { action: "update", item_index: 1, item_value: "B" })).toBe(204);
  expect(await post("/notes/items", { action: "delete", item_index: 7 })).toBe(400);
  expect(await ask("GET", "/notes?index=1")).toEqual([200, "B"]);
  const numbered = '{"items":[{"index":0,"item":"first"},{"index":1,"item":"B"}],"count":2}';
  expect(await ask("GET", "/notes/items")).toEqual([200, numbered]);
  expect(await ask("GET", "/notes?_method=DELETE&index=0")).toEqual([204, ""]);
  expect(await ask("GET", "/notes")).toEqual([200, '["B"]']);
  expect(await post("", { notes: { items: [{ index: 0, task: "c" }, { index: 1 }] } })).toBe(400);
  expect(await post("", { notes: { items: [{ index: 0, task: "c" }] } })).toBe(201);
  expect(await post("", { none: { items: [{ index: 0, task: "c" }] } })).toBe(400);
  expect(await post("/none", { a: 1 })).toBe(404);
  expect((await ask("GET", "?format=short&metadata=true"))[0]).toBe(400);
  expect(await ask("DELETE", "/none")).toEqual([204, ""]);
  expect((await ask("GET", "/none"))[0]).toBe(404);
  expect(await ask("GET", "/notes")).toEqual([200, '[{"task":"c"}]']);
  const leaf = await fetch(`${actor.uri}/meta/aw_version`);
  expect([leaf.status, await leaf.text()]).toEqual([200, "1.4"]);
});

it("the document of all routes is served to anyone", async () => {
  const { status, json } = await service.fetch("/openapi.json");
  expect([status, json]).toEqual([200, JSON.parse(readFileSync("docs/openapi.json", "utf8"))]);
});
