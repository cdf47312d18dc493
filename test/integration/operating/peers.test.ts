import { beforeEach, describe, expect, it } from "vitest";
import { keptKey } from "../../../lib/dynamodb/keys/actors.ts";
import { itemMissing } from "../../../lib/dynamodb/table.ts";
import { TrustCapabilityCache } from "../../../lib/peers/trust-capability-cache.ts";
import { OperatedService } from "./operated-service.ts";

let service: OperatedService;
const PROPERTIES = "/peers/{peerId}/properties";

beforeEach(async () => {
  service = await new OperatedService().open();
});

describe("GET /peers", () => {
  it("answers an empty list without peers", async () => {
    expect(await service.ask("GET", "/peers")).toMatchObject({ status: 200, json: { data: [] } });
  });

  it("shows each peer with what is known and stored of it", async () => {
    const bob = await service.trust("bob");
    await service.trust("carol", { approved: false, relationship: "partner" });
    await service.subscribe(bob);
    await service.callback(bob, 1, { color: "red", list: { list: "list", operation: "append", items: [1, 2] } });
    const supported = ["subscriptions", "trust"];
    await new TrustCapabilityCache(service.table, service.actorId, "bob").save({
      ...{ version: "1.4", supported, fetchedAt: service.now },
    });
    const { json } = await service.ask("GET", "/peers");
    expect(json).toEqual({
      data: [
        {
          ...{ peerid: "bob", relationship: "friend", approved: true },
          capabilities: { version: "1.4", supported, fetchedAt: "2026-01-01T00:00:00.000Z" },
          breaker: { state: "closed", failures: 0 },
          stored: { scalarCount: 1, listCount: 1, bytes: expect.any(Number) as number },
          subscriptions: { inbound: 0, outbound: 1 },
        },
        {
          ...{ peerid: "carol", relationship: "partner", approved: false, capabilities: null },
          breaker: { state: "closed", failures: 0 },
          stored: { scalarCount: 0, listCount: 0, bytes: 0 },
          subscriptions: { inbound: 0, outbound: 0 },
        },
      ],
    });
  });

  it("lists many peers page by page, each once, without a secret", async () => {
    const names = Array.from({ length: 7 }, (_, index) => `peer-${String(index)}`);
    const trusts = await Promise.all(names.map(async (name) => await service.trust(name)));
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const query = `limit=3${after === undefined ? "" : `&after=${after}`}`;
      const { json, text } = await service.ask("GET", "/peers", {}, { query });
      for (const { secret } of trusts) expect(text).not.toContain(secret);
      seen.push(...(json.data as { peerid: string }[]).map(({ peerid }) => peerid));
      after = json.next as string | undefined;
    } while (after !== undefined);
    expect(seen).toEqual(names);
  });

  it.each(["0", "-1", "1.5", "many", "", "201", "1e2"])("refuses the limit %j, naming it", async (limit) => {
    const answer = await service.ask("GET", "/peers", {}, { query: `limit=${limit}` });
    expect(answer).toMatchObject({ status: 400, json: { error: { field: "limit" } } });
  });

  it("is for the owner only", async () => {
    const trust = await service.trust("bob");
    expect((await service.ask("GET", "/peers", {}, { headers: {} })).status).toBe(401);
    const headers = { authorization: `Bearer ${trust.secret}` };
    expect((await service.ask("GET", "/peers", {}, { headers })).status).toBe(403);
  });
});

describe("capabilities in a trust", () => {
  it("do not pass to another that takes the trust's place, nor to another address", async () => {
    const cache = new TrustCapabilityCache(service.table, service.actorId, "bob");
    const said = { version: "1.4", supported: ["trust"], fetchedAt: 1 };
    const trust = await service.trust("bob");
    expect(await cache.read()).toBeUndefined();
    await cache.save(said);
    expect(await cache.read()).toEqual(said);
    const kept = await service.services.trusts.get(service.actorId, "bob");
    expect(kept?.capabilities).toEqual(said);
    const elsewhere = { ...trust, ...kept, baseUri: "https://other.example/a" };
    await service.table.transact(service.services.trusts.replacingWrites(trust, elsewhere, service.now));
    // Capabilities read from the first are not kept as the second's.
    await cache.save(said);
    expect((await service.services.trusts.get(service.actorId, "bob"))?.capabilities).toBeUndefined();
  });

  it("are not kept without a trust", async () => {
    await new TrustCapabilityCache(service.table, service.actorId, "bob").save({
      ...{ version: "1.4", supported: [], fetchedAt: 1 },
    });
    expect((await service.ask("GET", "/peers")).json.data).toEqual([]);
  });
});

describe("GET /peers/{peerId}/properties", () => {
  it("shows values and lists with the number and time of their newest diff", async () => {
    const bob = await service.trust("bob");
    await service.subscribe(bob);
    await service.callback(bob, 1, { color: { v: 1 } });
    service.now += 1_000;
    await service.callback(bob, 2, { list: { list: "list", operation: "append", items: ["a", "b"] } });
    const { status, json } = await service.ask("GET", PROPERTIES, { peerId: "bob" });
    expect(status).toBe(200);
    expect(json).toEqual({
      data: {
        color: { type: "scalar", value: { v: 1 }, sequence: 1, updatedAt: "2026-01-01T00:00:00.000Z" },
        list: {
          ...{ type: "list", value: ["a", "b"], itemCount: 2, sequence: 2 },
          updatedAt: "2026-01-01T00:00:01.000Z",
        },
      },
    });
  });

  it("lists all names page by page, whatever their characters, each once", async () => {
    await service.trust("bob");
    const names = [
      "",
      "a",
      "b",
      "__proto__",
      "constructor",
      "with space",
      "é",
      "x".repeat(3_000),
      "\u0001",
      "a/b",
      "z",
    ];
    // Only a peer's state can bring the odd ones.
    const parts = names.map((name) => ({ place: [name], kind: "value" as const, value: { n: name.length } }));
    const state = { scope: [], excludedScopes: [], parts, stateVersion: service.now, sequence: 1 };
    await service.services.store(service.actorId, "bob").replace(state);
    const seen: [string, unknown][] = [];
    let after: string | undefined;
    for (let page = 0; page <= names.length; page += 1) {
      const query = `limit=2${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`;
      const { json, status } = await service.ask("GET", PROPERTIES, { peerId: "bob" }, { query });
      expect(status).toBe(200);
      seen.push(...Object.entries(json.data as Record<string, { value: unknown }>).map(pair));
      after = json.next as string | undefined;
      if (after === undefined) break;
    }
    expect(seen.map(([name]) => name).sort()).toEqual([...names].sort());
    for (const [name, value] of seen) expect(value).toEqual({ n: name.length });
  });

  it("stays under 5 MB and leads on to the rest", async () => {
    const bob = await service.trust("bob");
    await service.subscribe(bob);
    for (let n = 1; n <= 28; n += 1) await service.callback(bob, n, { [`p${String(n)}`]: "x".repeat(250_000) });
    let count = 0;
    let after: string | undefined;
    do {
      const query = `limit=1000${after === undefined ? "" : `&after=${after}`}`;
      const { json, text } = await service.ask("GET", PROPERTIES, { peerId: "bob" }, { query });
      expect(text.length).toBeLessThan(5_000_000);
      count += Object.keys(json.data as object).length;
      after = json.next as string | undefined;
    } while (after !== undefined);
    expect(count).toBe(28);
  });

  it("is 404 for an unknown peer, and shows the data kept of one whose trust ended", async () => {
    expect((await service.ask("GET", PROPERTIES, { peerId: "nobody" })).status).toBe(404);
    await service.table.put({ ...keptKey(service.actorId, "gone"), at: 1 }, itemMissing);
    expect(await service.ask("GET", PROPERTIES, { peerId: "gone" })).toMatchObject({ status: 200, json: { data: {} } });
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=1001", "limit"],
    [`after=${"x".repeat(300)}`, "after"],
  ])("refuses %.20s, naming it", async (query, field) => {
    await service.trust("bob");
    const answer = await service.ask("GET", PROPERTIES, { peerId: "bob" }, { query });
    expect(answer).toMatchObject({ status: 400, json: { error: { field } } });
  });

  it("gives a property by its name, and 404 for one that is not stored", async () => {
    const bob = await service.trust("bob");
    await service.subscribe(bob);
    await service.callback(bob, 1, { color: "red" });
    const one = (name: string) => service.ask("GET", `${PROPERTIES}/{name}`, { peerId: "bob", name });
    expect(await one("color")).toMatchObject({ status: 200, json: { type: "scalar", value: "red", sequence: 1 } });
    for (const name of ["colour", "__proto__", "a/b", "\u0000", "x".repeat(300)]) {
      expect((await one(name)).status).toBe(404);
    }
    const unknown = { peerId: "nobody", name: "color" };
    expect((await service.ask("GET", `${PROPERTIES}/{name}`, unknown)).status).toBe(404);
  });
});

describe("DELETE /peers/{peerId}/breaker", () => {
  it("is closed afterwards, as it is before; an unknown peer has none", async () => {
    await service.trust("bob");
    expect((await service.ask("DELETE", "/peers/{peerId}/breaker", { peerId: "bob" })).status).toBe(204);
    expect((await service.ask("DELETE", "/peers/{peerId}/breaker", { peerId: "eve" })).status).toBe(404);
  });
});

const pair = ([name, { value }]: [string, { value: unknown }]): [string, unknown] => [name, value];
