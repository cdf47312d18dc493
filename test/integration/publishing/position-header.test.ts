import { describe, expect, it } from "vitest";
import { inboundHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { InterruptedTable } from "../../support/interrupted-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { bearer, Network } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";

const SECRET = "s".repeat(40);
const OTHER = "o".repeat(40);

async function subscribed(scope: JsonObject = {}, table: Table = new MemoryTable()) {
  const world = new WholeService(new Network(), "https://a.example", { table });
  const alice = await world.actor();
  await world.trusts(alice.id, "bob", "https://b.example/bob", SECRET);
  await world.trusts(alice.id, "carol", "https://c.example/carol", OTHER);
  const made = await world.ask("POST", `/${alice.id}/subscriptions/bob`, {
    headers: bearer(SECRET),
    json: { target: "properties", granularity: "none", ...scope },
  });
  const id = String(made.json.subscriptionid);
  const { properties } = world.service.actorOf(alice.id);
  const read = async (path: string, subscription = id, as: Record<string, string> = bearer(SECRET)) => {
    const headers = { ...as, "x-actingweb-subscription": subscription };
    return await world.ask("GET", `/${alice.id}/properties${path}`, { headers });
  };
  const position = async (...given: Parameters<typeof read>) => (await read(...given)).headers["x-actingweb-sequence"];
  return { world, alice, id, properties, read, position };
}

describe("a read that names a subscription of the reader", () => {
  it("says the newest diff that it contains, from 0 on", async () => {
    const { properties, position } = await subscribed();
    expect(await position("")).toBe("0");
    await properties.set("a", 1);
    await properties.set("b", 1);
    expect(await position("")).toBe("2");
    expect(await position("?metadata=true")).toBe("2");
    expect(await position("?format=full")).toBe("2");
    expect(await position("/a")).toBe("2");
  });

  it("counts only the numbers of the subscription", async () => {
    const { properties, position } = await subscribed({ subtarget: "a" });
    await properties.set("b", 1);
    await properties.set("a", 1);
    await properties.set("b", 2);
    expect(await position("/a")).toBe("1");
    expect(await position("/b")).toBe("1");
  });

  it("says it of what is not there, too", async () => {
    const { properties, read } = await subscribed();
    await properties.set("a", { k: 1 });
    await properties.delete("a");
    for (const path of ["/a", "/a/k", "/never"]) {
      const answer = await read(path);
      expect([answer.status, answer.headers["x-actingweb-sequence"]]).toEqual([404, "2"]);
      expect(answer.json.error.code).toBe("not_found");
    }
  });

  it("is said of every form in which a list is read", async () => {
    const { properties, read } = await subscribed();
    const list = properties.list("l");
    await list.extend(["a", "b"]);
    await list.update(1, "c");
    for (const path of ["/l", "/l/1", "/l?index=1", "/l/items", "/l/metadata", "/l?format=short", "/l?limit=1"]) {
      const { status, headers } = await read(path);
      expect([path, status, headers["x-actingweb-sequence"]]).toEqual([path, 200, "2"]);
    }
    expect((await read("/l?index=2")).headers["x-actingweb-sequence"]).toBe("2");
  });

  it("is absent for a list to a subscriber of a part, which gets no diffs of it", async () => {
    const { world, alice, id, read, properties } = await subscribed({ subtarget: "l", resource: "0" });
    const ask = async (method: string, path: string, body?: JsonObject) =>
      await world.ask(method, `/${alice.id}/${path}`, {
        headers: alice.as,
        ...(body === undefined ? {} : { json: body }),
      });
    await ask("POST", "properties", { l: { _type: "list" } });
    await ask("POST", "properties/l/items", { action: "add", item_value: "x" });
    for (const path of ["/l/0", "/l", "", "?format=full"]) {
      const { status, headers } = await read(path);
      expect([path, status, headers["x-actingweb-sequence"]]).toEqual([path, 200, undefined]);
    }
    await ask("DELETE", "properties");
    expect((await read("/l/0")).headers["x-actingweb-sequence"]).toBe("0");
    await properties.set("l", { 0: "y" });
    expect((await read("/l/0")).headers["x-actingweb-sequence"]).toBe("1");
    await ask("DELETE", "properties");
    expect((await ask("GET", `subscriptions/bob/${id}`)).json.data).toMatchObject([{ data: "y" }, { data: "" }]);
  });

  it("says it of what is hidden as of what is not there", async () => {
    const { properties, read } = await subscribed();
    await properties.set("a", 1);
    await properties.set("private", 1);
    const hidden = await read("/private");
    expect([hidden.status, hidden.headers["x-actingweb-sequence"]]).toEqual([404, "1"]);
    expect(hidden.json.error.message).toBe((await read("/nothing")).json.error.message);
  });

  it.each(["", "?format=full", "/a"])("shows nothing of what was hidden while it read: %s", async (path) => {
    const table = new InterruptedTable(new MemoryTable(), (operation, keys) => {
      return (operation === "query" || operation === "getMany") && keys.some(({ pk }) => pk.startsWith("O#"));
    });
    const { world, alice, properties, read } = await subscribed({}, table);
    await properties.set("a", "shown");
    table.meanwhile(async () => {
      const permissions = `/${alice.id}/trust/friend/bob/permissions`;
      const json = { properties: { excluded_patterns: ["a"] } };
      expect((await world.ask("PUT", permissions, { headers: alice.as, json })).status).toBe(201);
      await properties.set("a", "hidden");
    });
    const answer = await read(path);
    expect(answer.text).not.toContain("hidden");
    expect(answer.headers["x-actingweb-sequence"]).toBe("1");
    expect((await read(path)).text).not.toContain("hidden");
  });

  it("notes nothing that was not noted", async () => {
    const { world, alice, id, properties, position } = await subscribed();
    await properties.set("a", 1);
    expect(await position("/a")).toBe("1");
    const key = inboundHeadKey({ actorId: alice.id, peerId: "bob", id: id });
    const before = await world.table.get(key);
    expect(await position("/a")).toBe("1");
    expect(await world.table.get(key)).toEqual(before);
  });
});

describe("a read without a position", () => {
  it("is every other one", async () => {
    const { world, alice, id, properties, position } = await subscribed();
    await properties.set("a", 1);
    expect(await position("/a", "unknown")).toBeUndefined();
    expect(await position("/a", "not an id!")).toBeUndefined();
    expect(await position("/a", id, bearer(OTHER))).toBeUndefined();
    expect(await position("/a", id, alice.as)).toBeUndefined();
    const plain = await world.ask("GET", `/${alice.id}/properties/a`, { headers: bearer(SECRET) });
    expect([plain.status, plain.headers["x-actingweb-sequence"]]).toEqual([200, undefined]);
  });

  it("is one of a subscription that has ended", async () => {
    const { world, alice, id, read } = await subscribed();
    await world.ask("DELETE", `/${alice.id}/subscriptions/bob/${id}`, { headers: bearer(SECRET) });
    const answer = await read("");
    expect([answer.status, answer.headers["x-actingweb-sequence"]]).toEqual([200, undefined]);
  });
});
