import { describe, expect, it } from "vitest";
import { sweepAndWork } from "../../support/memory-queue.ts";
import { applyListChange } from "../../../lib/domain/diff/change-record.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import { RemoteActor } from "../../../lib/peers/remote-actor.ts";
import { StateReader } from "../../../lib/peers/state-reader.ts";
import type { Json, PeerHttp } from "../../../lib/system/ports.ts";
import { PropertyWorld } from "./world.ts";

/** The items of a copy that applied the whole log. */
async function replayed(world: PropertyWorld, name: string): Promise<readonly Json[] | undefined> {
  return (await world.records())
    .flatMap(({ record }) => (record.kind === "change" ? record.changes : []))
    .reduce<readonly Json[] | undefined>((items, change) => applyListChange(name, items, change), undefined);
}

/** Everything that is stored of lists: pages, elements, indexes, and the due work about them. */
async function listData(world: PropertyWorld, generations: readonly string[]): Promise<readonly Item[]> {
  const partitions = generations.map((generation) => `L#${world.actorId}##${generation}`);
  const found = await Promise.all(partitions.map(async (pk) => (await world.table.query({ pk, prefix: "" })).items));
  const due = (await garbage(world)).filter((item) => item["dueAt"] !== undefined);
  return [...found.flat(), ...due];
}

const garbage = async (world: PropertyWorld): Promise<readonly Item[]> =>
  (await world.table.query({ pk: `A#${world.actorId}`, prefix: "GC#" })).items;

const generationOf = async (world: PropertyWorld, name: string): Promise<string> =>
  (await world.services.properties.get(world.actorId, name))?.list?.generation ?? "none";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe("an actor's own code", () => {
  it("uses its lists by name, and the first item creates a list", async () => {
    const world = await PropertyWorld.open();
    const { properties } = world.services.actorOf(world.actorId);
    const memo = properties.list("memo");
    expect(await memo.items()).toEqual([]);
    expect(await memo.about()).toBeUndefined();
    expect(await memo.append("b")).toBe(0);
    await memo.extend(["c", "d", "b"]);
    await memo.insert(0, "a");
    await memo.update(2, { c: 1 });
    expect(await memo.items()).toEqual(["a", "b", { c: 1 }, "d", "b"]);
    expect(await memo.items({ start: 1, limit: 2 })).toEqual(["b", { c: 1 }]);
    await memo.remove("b");
    await memo.delete(0);
    expect(await memo.pop()).toBe("b");
    expect(await memo.pop(0)).toEqual({ c: 1 });
    await memo.describe({ description: "what" });
    expect(await memo.about()).toEqual({ description: "what", explanation: "", count: 1 });
    expect(await properties.get("memo")).toEqual(["d"]);
    expect(await properties.all()).toEqual({ memo: { _list: true, count: 1 } });
    expect(await replayed(world, "memo")).toEqual(["d"]);
    await memo.clear();
    expect(await memo.items()).toEqual([]);
    await expect(memo.pop()).rejects.toMatchObject({ code: "resource.not_found" });
    await expect(memo.remove("x")).rejects.toMatchObject({ code: "resource.not_found" });
    await properties.delete("memo");
    expect(await memo.about()).toBeUndefined();
    await properties.list("described").describe({});
    expect(await properties.list("described").about()).toEqual({ description: "", explanation: "", count: 0 });
  });

  it("pops items that are stored outside their page as a whole", async () => {
    const world = await PropertyWorld.open();
    const memo = world.services.actorOf(world.actorId).properties.list("memo");
    const large = "x".repeat(200_000);
    await memo.extend([large, "y"]);
    const generation = await generationOf(world, "memo");
    expect(await memo.pop(0)).toBe(large);
    expect((await listData(world, [generation])).filter(({ sk }) => sk.startsWith("E#"))).toEqual([]);
  });

  it("gets an error when a name is that of a value, and for too much at once", async () => {
    const world = await PropertyWorld.open();
    const { properties } = world.services.actorOf(world.actorId);
    await properties.set("color", "red");
    await expect(properties.list("color").append(1)).rejects.toMatchObject({ code: "resource.conflict" });
    await expect(properties.list("color").items()).rejects.toMatchObject({ code: "resource.conflict" });
    await properties.list("memo").append(1);
    await expect(properties.set("memo", 1)).rejects.toMatchObject({ code: "resource.conflict" });
    expect(() => properties.list("list:memo")).toThrow(expect.objectContaining({ code: "request.invalid" }));
    const much = Array.from({ length: 16 }, () => "x".repeat(100_000));
    await expect(properties.list("memo").extend(much)).rejects.toMatchObject({ code: "request.too_large" });
    await properties.list("memo").extend(much.slice(1));
    expect((await properties.list("memo").items()).length).toBe(16);
    expect(await replayed(world, "memo")).toEqual(await properties.list("memo").items());
  });
});

describe("writers at the same time", () => {
  it("append 200 items, 8 at a time, and lose none", async () => {
    const world = await PropertyWorld.open();
    await world.ask("POST", "", { json: { memo: { _type: "list" } } });
    const left = numbers(200);
    const writer = async (): Promise<void> => {
      for (let n = left.shift(); n !== undefined; n = left.shift()) {
        expect(await world.status("POST", "memo", { json: n })).toBe(201);
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    const items = (await world.ask("GET", "memo")).json as number[];
    expect(items.toSorted((one, other) => one - other)).toEqual(numbers(200));
    expect(await replayed(world, "memo")).toEqual(items);
    expect(await world.records()).toHaveLength(201);
  });
});

describe("another service that reads a list", () => {
  /** Answers the requests of `StateReader` from our own routes. */
  function reader(world: PropertyWorld, as: Record<string, string>, between?: () => Promise<unknown>) {
    const http: PeerHttp = {
      send: async ({ url }) => {
        const { pathname, search } = new URL(url);
        const path = pathname.slice(`/${world.actorId}/properties/`.length);
        const { status, headers, text } = await world.ask("GET", path, { as, query: search.slice(1) });
        await between?.();
        return { status, headers, body: Buffer.from(text) };
      },
    };
    return new StateReader(new RemoteActor({ http, baseUri: `https://us.example/${world.actorId}`, ourId: "p" }), "s");
  }

  it("gets it as a whole, or page by page, and reads again when it changes meanwhile", async () => {
    const world = await PropertyWorld.open();
    const as = await world.peer("associate");
    await world.ask("POST", "", { json: { memo: { _type: "list", description: "what" } } });
    await world.ask("POST", "memo/items", { json: { operation: "extend", items: numbers(1_500) } });
    const inventory = await reader(world, as).inventory(true);
    const about = inventory.is === "value" ? inventory.value?.lists.get("memo") : undefined;
    if (about === undefined) throw new Error("there is no such list");
    const bytes = JSON.stringify(numbers(1_500)).length;
    expect(about).toEqual({ count: 1_500, bytes, description: "what", explanation: "" });
    const part = { place: ["memo"], kind: "list", items: numbers(1_500), description: "what", explanation: "" };
    expect(await reader(world, as).list("memo", about)).toEqual({ is: "part", part });
    const large = { ...about, bytes: 7 * 1024 * 1024 };
    expect(await reader(world, as).list("memo", large)).toEqual({ is: "part", part });
    let changes = 0;
    const changing = reader(world, as, async () => (changes++ === 1 ? await world.ask("DELETE", "memo/0") : undefined));
    expect(await changing.list("memo", large)).toMatchObject({ part: { items: numbers(1_500).slice(1) } });
  });
});

describe("everything that is stored of lists", () => {
  it("is deleted after a deletion of all, after a clear, and with the actor", async () => {
    const world = await PropertyWorld.open();
    const generations: string[] = [];
    const make = async (name: string): Promise<void> => {
      await world.ask("POST", "", { json: { [name]: { _type: "list" } } });
      await world.ask("POST", `${name}/items`, { json: { operation: "extend", items: numbers(300) } });
      generations.push(await generationOf(world, name));
    };
    const sweepLater = async (): Promise<void> => {
      world.now += 180_000;
      await sweepAndWork(world.services, { remaining: () => 25_000 });
    };
    await make("cleared");
    await world.ask("POST", "cleared/items", { json: { operation: "clear" } });
    await make("dropped");
    await world.ask("DELETE", "dropped");
    await make("gone");
    await make("replaced");
    await make("again");
    await world.ask("DELETE");
    expect(await world.state()).toEqual({});
    // Before the sweep runs, new lists take the same names.
    await world.ask("PUT", "replaced", { body: "text" });
    await make("again");
    await sweepLater();
    await sweepLater();
    expect(await world.state()).toEqual({ again: { _list: true, count: 300 }, replaced: "text" });
    expect((await world.ask("GET", "again")).json).toEqual(numbers(300));
    expect(await listData(world, generations.slice(0, -1))).toEqual([]);

    await world.ask("POST", "again/items", { json: { operation: "clear" } });
    await make("last");
    const { actors, deletion } = world.services;
    await deletion.delete((await actors.get(world.actorId))!, { remaining: () => 29_000 });
    expect(await listData(world, generations)).toEqual([]);
    expect(await garbage(world)).toEqual([]);
  });
});
