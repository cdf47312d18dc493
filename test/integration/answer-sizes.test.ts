/** Answers whose quotes double in a function's result: each fits into 6 MB, or says what to ask for instead. */
import { describe, expect, it } from "vitest";
import { bytesInResult } from "../../lib/http/answer-size.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { FailedEvents } from "../../lib/operations/failed-events.ts";
import { PeerProperties } from "../../lib/operations/peer-properties.ts";
import { PropertyWorld } from "./properties/world.ts";
import { PublisherWorld } from "./publishing/publisher-world.ts";

const MIB = 1_024 * 1_024;
/** About 250 KB of JSON, which are 315 KB in a result. */
const QUOTED = Array.from({ length: 35_000 }, (_, n) => String(1_000 + (n % 9_000)));
const GZIP = { "accept-encoding": "gzip" };

describe("all properties", () => {
  it("of 5 MiB of short strings are 413 with the hint, and are compressed for a client that accepts it", async () => {
    const world = await PropertyWorld.open();
    const names = Array.from({ length: 19 }, (_, n) => `p${String(n)}`);
    for (const name of names) expect(await world.status("PUT", name, { json: QUOTED })).toBe(204);
    const refused = await world.ask("GET");
    expect([refused.status, refused.json.error.code]).toEqual([413, "payload_too_large"]);
    expect(refused.json.error.message).toContain("metadata=true");
    const packed = await world.ask("GET", "", { headers: GZIP });
    expect([packed.status, packed.headers["content-encoding"]]).toEqual([200, "gzip"]);
    expect(packed.json).toEqual(Object.fromEntries(names.map((name) => [name, QUOTED])));
    expect((await world.ask("GET", "", { query: "metadata=true" })).json.simple.properties).toHaveLength(19);
  });
});

describe("a list", () => {
  it("too large for one answer is 413 with a hint to its pages, which all fit and are complete", async () => {
    const world = await PropertyWorld.open();
    await world.ask("POST", "", { json: { memo: { _type: "list" } } });
    for (let n = 0; n < 20; n += 1) expect(await world.status("POST", "memo", { json: QUOTED })).toBe(201);
    const refused = await world.ask("GET", "memo");
    expect([refused.status, refused.json.error.message]).toEqual([413, expect.stringContaining("?limit=")]);
    expect((await world.ask("GET", "memo", { headers: GZIP })).json).toHaveLength(20);
    const items: Json[] = [];
    let query = "limit=1000";
    for (;;) {
      const page = await world.ask("GET", "memo", { query });
      expect(page.status).toBe(200);
      expect(bytesInResult(page.text)).toBeLessThan(4.5 * MIB);
      items.push(...(page.json.items as Json[]));
      if (page.json.next === undefined) break;
      query = `limit=1000&after=${String(page.json.next)}`;
    }
    expect(items).toEqual(Array.from({ length: 20 }, () => QUOTED));
  });
});

describe("a poll", () => {
  it("takes pages of 1 MiB, counted as they go into a function's result", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const id = await bob.subscribe();
    for (let n = 0; n < 5; n += 1) await world.set(`p${String(n)}`, QUOTED);
    const first = await bob.ask("GET", id);
    expect(bytesInResult(first.text)).toBeLessThan(MIB);
    expect(first.json.data.map(({ sequence }: { sequence: number }) => sequence)).toEqual([1, 2, 3]);
    expect((await bob.poll(id, `?after=${String(first.json.next)}`)).data.map(({ sequence }) => sequence)).toEqual([
      4, 5,
    ]);
  });

  it("points to the state where that is too large to stand in an answer", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const id = await bob.subscribe();
    for (let n = 0; n < 17; n += 1) await world.set(`p${String(n)}`, QUOTED);
    await world.ask("POST", "suspensions", { target: "properties" });
    await world.ask("DELETE", "suspensions/properties");
    const [resync] = (await bob.poll(id, "?after=17")).data;
    expect(resync).toMatchObject({ sequence: 18, type: "resync", data: {}, url: `${world.actor.root}/properties` });
  });
});

describe("a page of the copy of a peer's state", () => {
  it("ends where the answer would grow too large, and names a value that is too large for any answer", async () => {
    const of = (name: string, value: Json) => ({ name, type: "scalar" as const, value, sequence: 1, updatedAt: 0 });
    const large = Array.from({ length: 24 }, () => QUOTED);
    const properties = [of("large", large), ...Array.from({ length: 30 }, (_, n) => of(`p${String(n)}`, QUOTED))];
    const peers = new PeerProperties({
      page: () => Promise.resolve({ properties }),
      property: () => Promise.resolve(undefined),
    });
    const { data, next } = await peers.page({ limit: 100 });
    expect(bytesInResult(JSON.stringify({ data, next }))).toBeLessThan(5 * MIB);
    expect(data["large"]).toMatchObject({ value: null, truncated: true });
    expect(Object.keys(data).length).toBeGreaterThan(10);
    expect(next).toEqual(expect.any(String));
  });
});

describe("a page of failed events", () => {
  it("ends where the answer would grow too large, and the next begins after it", async () => {
    const attempts = Array.from({ length: 100 }, () => ({ at: 0, error: '"'.repeat(500) }));
    const summaries = Array.from({ length: 200 }, (_, n) => ({
      ...{ key: { pk: "A#a", sk: `FAILED#hook:bob:sub#${String(n).padStart(4, "0")}` }, eventId: String(n) },
      ...{
        source: "hook:bob:sub",
        about: { target: "properties", callbackType: "diff" },
        sequence: n,
        status: "parked",
        starts: 1,
        attempts,
      },
    }));
    const events = new FailedEvents({
      failedEvents: {
        summaries: () => Promise.resolve({ summaries: summaries }),
        find: () => Promise.resolve(undefined),
      },
      hooks: {},
      heads: {},
    } as never);
    const { data, next } = await events.page("a", { limit: 200 });
    expect(bytesInResult(JSON.stringify({ data, next }))).toBeLessThan(5 * MIB);
    expect(data.length).toBeGreaterThan(1);
    const last = (data.at(-1) as JsonObject)["id"];
    expect(Buffer.from(String(next), "base64url").toString()).toContain(String(last).padStart(4, "0"));
  });
});
