/** Readers: events of an actor after a position that the reader keeps itself. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Change } from "../../../lib/domain/diff/change-record.ts";
import { contentDigest } from "../../../lib/domain/wire/content-digest.ts";
import { deleteRange } from "../../../lib/dynamodb/paging.ts";
import { endOfRecord, logHeadKey, recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import type { Answer } from "../../support/in-process.ts";
import { ReaderWorld, type ReadEvent } from "./reader-world.ts";

let world: ReaderWorld;
beforeEach(async () => {
  world = await ReaderWorld.begin();
});

const subjects = (events: readonly ReadEvent[]): readonly string[] => events.map(({ subject }) => subject);
const next = ({ headers }: Answer): string => headers["stream-next-offset"] ?? "";
const isUpToDate = ({ headers }: Answer): boolean => headers["stream-up-to-date"] === "true";
const position = (record: number, epoch = 1): string =>
  `${String(epoch).padStart(4, "0")}-${String(record).padStart(16, "0")}-z`;

describe("a reader", () => {
  it("gets the events of the log in order, as CloudEvents without a number, and where to go on", async () => {
    await world.put("color", "red");
    await world.publish("orders.new", { number: 7 });
    const answer = await world.read();
    expect([answer.status, answer.headers["content-type"], isUpToDate(answer)]).toEqual([
      200,
      "application/json",
      true,
    ]);
    expect(answer.json).toMatchObject([
      {
        ...{ specversion: "1.0", subject: "properties.color", source: world.owner.root, position: position(1) },
        ...{ type: "org.actingweb.property.set", data: { name: "color", value: "red" } },
      },
      { subject: "orders.new", position: position(2), data: { number: 7 } },
    ]);
    expect(answer.json[0]).not.toHaveProperty("sequence");
    expect(next(answer)).toBe(position(2));

    const empty = await world.read({ from: next(answer) });
    expect([empty.status, empty.json, next(empty), isUpToDate(empty)]).toEqual([200, [], position(2), true]);
    await world.put("color", "green");
    const later = await world.read({ offset: next(answer) });
    expect([subjects(later.json), next(later)]).toEqual([["properties.color"], position(3)]);
  });

  it("begins at either end: earliest by default, and as -1; now", async () => {
    const none = await world.read();
    expect([none.json, next(none), isUpToDate(none)]).toEqual([[], position(0), true]);
    await world.put("a", 1);
    for (const from of ["earliest", "-1"]) expect((await world.read({ from })).json).toHaveLength(1);
    const now = await world.read({ from: "now" });
    expect([now.json, next(now), isUpToDate(now)]).toEqual([[], position(1), true]);
  });

  it("gets what its topics and types let through, and its position moves over the rest", async () => {
    await world.put("a", 1);
    await world.put("b", 1);
    await world.publish("orders.new", 1);
    await world.ask("DELETE", "/properties/a");
    const some = await world.read({ topics: "properties.a,orders.*" });
    expect(subjects(some.json)).toEqual(["properties.a", "orders.new", "properties.a"]);
    const typed = await world.read({ topics: "properties.*", types: "org.actingweb.property.deleted" });
    expect(subjects(typed.json)).toEqual(["properties.a"]);
    const none = await world.read({ topics: "invoices.>" });
    expect([none.json, next(none), isUpToDate(none)]).toEqual([[], position(4), true]);
  });

  it("gets private, security and _internal only when a topic names them", async () => {
    for (const name of ["private", "security", "_internal", "plain"]) await world.put(name, 1);
    expect(subjects(await world.readAll({ topics: "properties.>" }))).toEqual(["properties.plain"]);
    expect(subjects(await world.readAll({ topics: ">" }))).toEqual(["properties.plain"]);
    expect(subjects(await world.readAll({ topics: "properties.private,*.security" }))).toEqual([
      "properties.private",
      "properties.security",
    ]);
  });

  it("gets at most `limit` events, also within one record, and knows whether there are more", async () => {
    await world.ask("PUT", "/properties", { json: { a: 1 } });
    const batch = Array.from({ length: 5 }, (_, n) => ({
      ...{ specversion: "1.0", id: `e${String(n)}`, source: "/s", type: "t", subject: `orders.${String(n)}`, data: n },
    }));
    const headers = { "content-type": "application/cloudevents-batch+json" };
    const made = await world.ask("POST", "/events", { headers, body: JSON.stringify(batch) });
    expect(made.status).toBe(201);
    const first = await world.read({ topics: "orders.*", limit: 2 });
    expect([subjects(first.json), isUpToDate(first)]).toEqual([["orders.0", "orders.1"], false]);
    const second = await world.read({ topics: "orders.*", limit: 3, from: next(first) });
    expect([subjects(second.json), isUpToDate(second)]).toEqual([["orders.2", "orders.3", "orders.4"], true]);
  });

  it("gets no more than an answer can carry, and the rest next", async () => {
    const value = '"'.repeat(120_000);
    for (let n = 0; n < 30; n += 1) await world.put(`p${String(n)}`, value);
    const first = await world.read({ limit: 1_000 });
    expect(first.status).toBe(200);
    expect(isUpToDate(first)).toBe(false);
    expect(Buffer.byteLength(JSON.stringify(first.text))).toBeLessThan(6_291_556);
    expect(await world.readAll({ limit: 1_000 })).toHaveLength(30);
  });

  it("gets large data by a URL, but those of which a peer sees only a part", async () => {
    const headers = await world.peer("bob");
    const json = { properties: { patterns: ["*"], excluded_patterns: ["big/secret"], operations: ["read"] } };
    expect((await world.ask("PUT", "/trust/friend/bob/permissions", { json })).status).toBeLessThan(300);
    const text = "x".repeat(300_000);
    const changes: Change[] = [
      { do: "notify", target: "orders", data: text },
      { do: "set", path: ["big"], value: { secret: "hush", text } },
    ];
    const records = [{ kind: "change", changes } as const];
    await world.whole.service.commits.commit(world.owner.id, [], () => ({ records, writes: [] }));
    const [order, big] = (await world.read()).json;
    for (const event of [order, big]) {
      expect(event).not.toHaveProperty("data");
      const answer = await world.whole.ask("GET", event.dataref);
      expect([answer.status, event.datadigest]).toEqual([200, contentDigest(answer.text)]);
    }
    const [theirs, cut] = (await world.read({}, { headers })).json;
    expect(theirs).toHaveProperty("dataref");
    expect(cut).not.toHaveProperty("dataref");
    expect(cut.data.value).toEqual({ text });
  });

  it("is answered 304 as long as the answer would be the same", async () => {
    await world.put("a", 1);
    const answer = await world.read();
    const etag = answer.headers["etag"] ?? "";
    const same = await world.read({}, { headers: { "if-none-match": etag } });
    expect([same.status, same.text, next(same), same.headers["etag"]]).toEqual([304, "", position(1), etag]);
    await world.put("a", 2);
    expect((await world.read({}, { headers: { "if-none-match": etag } })).status).toBe(200);
  });

  it("asks with HEAD where the log ends", async () => {
    await world.put("a", 1);
    const head = await world.ask("HEAD", "/events");
    expect([head.status, head.text, next(head)]).toEqual([200, "", position(1)]);
    expect(head.headers).toMatchObject({ "content-type": "application/json", "cache-control": "no-store" });
  });

  it.each([
    ["from", { from: "" }],
    ["from", { from: "a,b" }],
    ["offset", { offset: "a b" }],
    ["offset", { offset: "-1", from: "now" }],
    ["offset", { live: "long-poll" }],
    ["live", { live: "sse", offset: "-1" }],
    ["cursor", { live: "long-poll", offset: "-1", cursor: "x" }],
    ["limit", { limit: "0" }],
    ["limit", { limit: "1001" }],
    ["wait", { wait: "21" }],
    ["wait", { wait: "-1" }],
    ["wait", { wait: "" }],
    ["wait", { wait: "1.5" }],
    ["limit", { limit: "" }],
    ["limit", { limit: "1e2" }],
    ["limit", { limit: "-5" }],
    ["from", { from: "a".repeat(513) }],
    ["from", { from: "\u0000" }],
    ["topics", { topics: "" }],
    ["topics", { topics: "a,," }],
    ["topics", { topics: "$other.>" }],
    ["topics", { topics: "a%zz" }],
    ["types", { types: "" }],
    ["types", { types: Array.from({ length: 21 }, () => "a").join(",") }],
    ["cursor", { cursor: "1".repeat(16) }],
    ["topics", { topics: "a..b" }],
    ["topics", { topics: Array.from({ length: 21 }, () => "a").join(",") }],
    ["types", { types: "a b" }],
  ])("is refused with 400 that names %s: %j", async (field, query) => {
    const { status, json } = await world.read(query);
    expect([status, json.error.field]).toEqual([400, field]);
  });

  it("is refused when it says a parameter twice", async () => {
    const { status, json } = await world.ask("GET", "/events?from=now&from=now");
    expect([status, json.error.field]).toEqual([400, "from"]);
  });

  it("needs credentials", async () => {
    expect((await world.whole.ask("GET", `${world.owner.root}/events`)).status).toBe(401);
    expect((await world.whole.ask("GET", "/unknown/events")).status).toBe(404);
  });
});

describe("a position within a record, or at its edge", () => {
  const within = (record: number, index: number): string =>
    position(record).replace(/z$/, String(index).padStart(6, "0"));

  it("is followed by what is after it, also behind the last event of the record, and where nothing of it is for the reader", async () => {
    const changes = ["a", "b", "private"].map((name): Change => ({ do: "set", path: [name], value: 1 }));
    const records = [{ kind: "change", changes } as const];
    for (let n = 0; n < 2; n += 1) {
      await world.whole.service.commits.commit(world.owner.id, [], () => ({ records, writes: [] }));
    }
    const namesFrom = async (from: string, more = {}) => {
      const answer = await world.read({ from, ...more });
      return [answer.json.map(({ data }: ReadEvent) => data.name).join(""), next(answer), isUpToDate(answer)];
    };
    expect(await namesFrom(within(1, 0))).toEqual(["bab", position(2), true]);
    expect(await namesFrom(within(1, 1))).toEqual(["ab", position(2), true]);
    for (const index of [2, 3, 999_999]) expect(await namesFrom(within(1, index))).toEqual(["ab", position(2), true]);
    expect(await namesFrom(within(2, 1))).toEqual(["", position(2), true]);
    expect(await namesFrom(within(2, 999_999))).toEqual(["", position(2), true]);
    expect(await namesFrom(within(1, 0), { limit: 1 })).toEqual(["b", position(1), false]);
    expect(await namesFrom(within(1, 0), { topics: "properties.none" })).toEqual(["", position(2), true]);
    // There is no record before the first one, so that these are no positions of the log.
    for (const from of [within(0, 0), within(3, 0)]) expect((await world.read({ from })).status).toBe(410);
  });
});

describe("a position from which a reader cannot go on", () => {
  const gone = ({ status, json, headers }: Answer): readonly unknown[] => [status, json.error?.code, headers["link"]];
  const GONE = (): readonly unknown[] => [410, "position_gone", `<${world.owner.root}/properties>; rel="snapshot"`];

  it("is 410 when it is none, ahead, or of another epoch", async () => {
    await world.put("a", 1);
    for (const from of ["x", "0001-1-z", position(2), position(1, 2)]) {
      expect(gone(await world.read({ from }))).toEqual(GONE());
    }
    expect((await world.read({ from: position(1) })).status).toBe(200);
  });

  it("is 410 when records after it have expired, and earliest is what is left", async () => {
    await world.put("a", 1);
    await world.put("a", 2);
    world.whole.now += 20 * 86_400_000;
    await world.put("a", 3);
    world.whole.now += 20 * 86_400_000;
    for (const from of [position(0), position(1)]) expect(gone(await world.read({ from }))).toEqual(GONE());
    expect((await world.read({ from: position(2) })).json).toMatchObject([{ data: { value: 3 } }]);
    expect((await world.readAll()).map(({ data }) => data.value)).toEqual([3]);
    world.whole.now += 40 * 86_400_000;
    expect(await world.readAll()).toEqual([]);
    expect(gone(await world.read({ from: position(2) }))).toEqual(GONE());
    expect((await world.read({ from: position(3) })).json).toEqual([]);
  });

  it("is 410 when records after it are deleted, noted yet or not", async () => {
    for (let n = 1; n <= 4; n += 1) await world.put("a", n);
    const pk = recordPartition(world.owner.id);
    await deleteRange(world.whole.table, { pk, prefix: "", until: endOfRecord(2) });
    for (let noted = 0; noted < 2; noted += 1) {
      expect(gone(await world.read({ from: position(1) }))).toEqual(GONE());
      expect((await world.read({ from: position(2) })).json).toHaveLength(2);
      expect((await world.readAll()).map(({ data }) => data.value)).toEqual([3, 4]);
      await world.whole.table.update(logHeadKey(world.owner.id), { set: { deletedUpTo: 2 } }, always);
    }
  });
});

describe("a reader that waits", () => {
  it("gets an event that comes meanwhile", async () => {
    await world.put("a", 1);
    world.meanwhile = async () => {
      if (world.waits.length === 3) await world.put("a", 2);
    };
    const answer = await world.read({ from: position(1), wait: 20 });
    expect([answer.status, answer.json[0].data.value, next(answer)]).toEqual([200, 2, position(2)]);
    expect(world.waits).toEqual([1_000, 1_000, 1_000]);
  });

  it("is answered 204 when the wait ends empty, over what is not for it too", async () => {
    world.meanwhile = async () => {
      if (world.waits.length === 2) await world.put("a", 1);
    };
    const answer = await world.read({ topics: "orders.>", wait: 5 });
    expect([answer.status, answer.text, next(answer), isUpToDate(answer)]).toEqual([204, "", position(1), true]);
    expect(world.waits).toHaveLength(5);
  });

  it.each([
    ["owner", 404],
    ["peer", 403],
  ])("is answered when the actor is deleted meanwhile, as %s with %i", async (who, status) => {
    await world.put("a", 1);
    const headers = who === "peer" ? await world.peer("bob") : world.owner.as;
    world.meanwhile = async () => {
      if (world.waits.length === 2) await world.ask("DELETE", "");
    };
    const answer = await world.read({ from: position(1), wait: 20 }, { headers });
    expect([answer.status, world.waits.length]).toEqual([status, 2]);
  });

  it("does not wait longer than the function may run", async () => {
    const end = world.whole.now + 10_000;
    const answer = await world.read({ wait: 20 }, { remaining: () => end - world.whole.now });
    expect([answer.status, world.whole.now]).toEqual([204, end - 4_000]);
  });

  it("is answered in the protocol of Durable Streams: at once when there is something, with a cursor that grows", async () => {
    await world.put("a", 1);
    const first = await world.read({ offset: "-1", live: "long-poll" });
    const cursor = first.headers["stream-cursor"] ?? "";
    expect([first.status, world.waits, cursor]).toEqual([200, [], expect.stringMatching(/^\d+$/)]);
    const second = await world.read({ offset: "-1", live: "long-poll", cursor });
    expect(Number(second.headers["stream-cursor"])).toBeGreaterThan(Number(cursor));
    const empty = await world.read({ offset: next(first), live: "long-poll" });
    expect([empty.status, isUpToDate(empty), world.waits]).toEqual([204, true, Array(20).fill(1_000)]);
    expect(empty.headers).toHaveProperty("stream-cursor");
  });
});

describe("a peer that reads", () => {
  it("gets what its permissions open, cut as its diffs are, and moves over the rest", async () => {
    const headers = await world.peer("bob", "associate");
    await world.put("private", { hidden: 1 });
    await world.put("color", "red");
    await world.publish("orders.new", 1);
    const answer = await world.read({}, { headers });
    expect(subjects(answer.json)).toEqual(["private", "properties.color", "orders.new"].slice(1));
    expect(next(answer)).toBe(position(3));
    const hidden = await world.read({ topics: "properties.private" }, { headers });
    expect([hidden.json, next(hidden)]).toEqual([[], position(3)]);

    const json = { properties: { patterns: ["*"], excluded_patterns: ["profile/secret"], operations: ["read"] } };
    expect((await world.ask("PUT", "/trust/associate/bob/permissions", { json })).status).toBeLessThan(300);
    await world.put("profile", { secret: 1, name: "n" });
    const [cut] = await world.readAll({ topics: "properties.profile" }, { headers });
    expect(cut?.data).toEqual({ name: "profile", value: { name: "n" } });
    await world.ask("PUT", "/properties/profile/secret", { json: 2 });
    expect(await world.readAll({ topics: "properties.profile" }, { headers })).toHaveLength(1);
  });

  it("gets nothing that comes after its trust has ended, while it waits", async () => {
    const headers = await world.peer("bob");
    world.meanwhile = async () => {
      if (world.waits.length !== 2) return;
      await world.ask("DELETE", "/trust/friend/bob");
      await world.put("a", 1);
    };
    const answer = await world.read({ wait: 20 }, { headers });
    expect([answer.status, answer.json.error.code]).toEqual([403, "forbidden"]);
  });

  it("gets no event of a value that it lost the permission for while it waits", async () => {
    const headers = await world.peer("bob");
    world.meanwhile = async () => {
      if (world.waits.length !== 2) return;
      const json = { properties: { patterns: ["*"], excluded_patterns: ["a"], operations: ["read"] } };
      expect((await world.ask("PUT", "/trust/friend/bob/permissions", { json })).status).toBeLessThan(300);
      await world.put("a", 1);
      await world.put("b", 1);
    };
    expect(subjects((await world.read({ wait: 20 }, { headers })).json)).toEqual(["properties.b"]);
  });
});
