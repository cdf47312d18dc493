import { CloudEvent } from "cloudevents";
import { beforeEach, describe, expect, it } from "vitest";
import { eventDataUrl } from "../../../lib/actors/event-data-url.ts";
import { envelopeOf } from "../../../lib/domain/events/envelope.ts";
import { eventIdOf, parsePosition, positionOf } from "../../../lib/domain/events/position.ts";
import { eventsOf, type RecordEvent } from "../../../lib/domain/events/record-events.ts";
import { actorPartition } from "../../../lib/dynamodb/keys/partition.ts";
import { queryAll } from "../../../lib/dynamodb/paging.ts";
import { OneFault } from "../../support/faulty-table.ts";
import { bearer, type Answer, type Asking } from "../../support/in-process.ts";
import { DeliveryWorld } from "../delivery/delivery-world.ts";

let world: DeliveryWorld;
beforeEach(async () => {
  world = await DeliveryWorld.begin();
});

const CLOUD_EVENT = { specversion: "1.0", id: "e-1", source: "/shop", type: "com.example.order" };
const STRUCTURED = { "content-type": "application/cloudevents+json" };
const BATCH = { "content-type": "application/cloudevents-batch+json" };
const BINARY = { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "/shop", "ce-type": "com.example.order" };

/** Publishes as the owner, unless the headers say otherwise. */
async function post(path: string, asking: Asking): Promise<Answer> {
  const { as, root } = world.actor;
  const authorized = asking.headers?.["authorization"] === undefined ? as : {};
  return await world.host.ask("POST", `${root}/events${path}`, {
    ...asking,
    headers: { ...authorized, ...asking.headers },
  });
}
const text = (json: unknown): string => JSON.stringify(json);
const structured = async (event: object, headers: Record<string, string> = {}, path = "") =>
  await post(path, { headers: { ...STRUCTURED, ...headers }, body: text(event) });

/** The events of the log, each with the number of its record. */
async function logged(): Promise<readonly { readonly number: number; readonly event: RecordEvent }[]> {
  const { changeLog } = world.host.service;
  const { records } = await changeLog.read(world.actor.id, 0, await changeLog.newest(world.actor.id));
  return records.flatMap(({ number, record }) => eventsOf(record).map((event) => ({ number, event })));
}
const only = async (): Promise<RecordEvent> => {
  const events = await logged();
  expect(events).toHaveLength(1);
  return events[0]!.event;
};

describe("publishing an event", () => {
  it("is a change of the log that ActingWeb subscribers in scope get too, with counts", async () => {
    const all = await world.subscriber("all", { target: "orders" });
    const part = await world.subscriber("part", { target: "orders", subtarget: "new" });
    const other = await world.subscriber("other", { target: "invoices" });
    const broken = await world.subscriber("broken", { target: "orders" });
    broken.peer.mood = "refuses";
    const answer = await post("/orders.new", { json: { n: 1 } });
    expect(answer).toMatchObject({
      status: 201,
      json: { subscribers: { total: 3, notified: 2, failed: 1, skipped: 0, deferred: 0, ambiguous: 0 } },
    });
    expect(all.peer.seen[0]?.body).toMatchObject({ target: "orders", data: { new: { n: 1 } } });
    expect(part.peer.seen[0]?.body).toMatchObject({ subtarget: "new", data: { n: 1 } });
    expect(other.peer.seen).toEqual([]);
    const events = await logged();
    const { number, event } = events.at(-1)!;
    expect(event).toMatchObject({
      topic: "orders.new",
      key: "orders.new",
      type: "org.actingweb.event",
      data: { n: 1 },
    });
    expect(parsePosition(String(answer.json.position))).toMatchObject({ epoch: 1, record: number, index: "all" });
  });

  it.each([
    ["JSON", { json: [1, { a: null }] }, [1, { a: null }], {}],
    ["JSON without a content type", { body: '{"a":12345678901234567890}' }, { a: 12345678901234567890n }, {}],
    [
      "JSON of another type",
      { body: "1", headers: { "content-type": "application/vnd.shop+json" } },
      1,
      { datacontenttype: "application/vnd.shop+json" },
    ],
    [
      "a text",
      { body: "é\n😀", headers: { "content-type": "text/csv; charset=utf-8" } },
      "é\n😀",
      { datacontenttype: "text/csv; charset=utf-8" },
    ],
    ["an empty text", { body: "", headers: { "content-type": "text/plain" } }, "", { datacontenttype: "text/plain" }],
    [
      "other bytes",
      { body: Buffer.from([0, 255, 1]), headers: { "content-type": "image/png" } },
      "AP8B",
      { datacontenttype: "image/png", base64: true },
    ],
  ] as const)("keeps %s as it is", async (_, asking, data, attributes) => {
    expect((await post("/a.b", asking)).status).toBe(201);
    expect(await only()).toMatchObject({ topic: "a.b", data, attributes });
  });

  it.each([
    ["orders/new", "orders.new"],
    ["orders", "orders"],
    ["a.b.c.d", "a.b.c.d"],
  ])("takes the topic of the URL: %s", async (path, topic) => {
    expect((await post(`/${path.replaceAll("/", ".")}`, { json: 1 })).status).toBe(201);
    expect(await only()).toMatchObject({ topic });
  });

  it("keeps a CloudEvent's attributes and its origin, structured or in headers", async () => {
    const attributes = {
      ...{ time: "2026-01-01T00:00:00Z", dataschema: "https://example.com/s", partitionkey: "k" },
      ...{ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "x=y", comexample: "é" },
    };
    await structured({
      ...CLOUD_EVENT,
      ...attributes,
      subject: "orders.new",
      data: { n: 1 },
      count: 3,
      flag: true,
      none: null,
    });
    const headers = Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encodeURI(value)]),
    );
    await post("", { headers: { ...BINARY, "ce-id": "e-2", ...headers, "ce-subject": "orders.new" }, json: { n: 1 } });
    const kept = {
      ...{ type: "com.example.order", originsource: "/shop", time: attributes.time, dataschema: attributes.dataschema },
      ...{ partitionkey: "k", traceparent: attributes.traceparent, tracestate: "x=y" },
    };
    const [first, second] = await logged();
    expect(first?.event).toMatchObject({ topic: "orders.new", key: "orders k", time: attributes.time, data: { n: 1 } });
    expect(first?.event.attributes).toEqual({
      ...kept,
      originid: "e-1",
      extensions: { comexample: "é", count: 3, flag: true },
    });
    expect(second?.event.attributes).toEqual({ ...kept, originid: "e-2", extensions: { comexample: "é" } });
  });

  it("takes data_base64, a CloudEvent without data, and leaves out what the service says itself", async () => {
    const ours = { position: "p", sequence: "1", hops: 9, originid: "x", datadigest: "d" };
    expect(
      (await structured({ ...CLOUD_EVENT, ...ours, data_base64: "AP8B", datacontenttype: "image/png" }, {}, "/a"))
        .status,
    ).toBe(201);
    expect((await structured({ ...CLOUD_EVENT, id: "e-2" }, {}, "/a")).status).toBe(201);
    expect((await post("/a", { headers: { ...BINARY, "ce-id": "e-3" } })).status).toBe(201);
    const events = (await logged()).map(({ event }) => event);
    expect(events.map(({ data }) => data)).toEqual(["AP8B", null, null]);
    expect(events[0]).toMatchObject({ hops: 0, attributes: { base64: true, originid: "e-1" } });
    expect(events[0]?.attributes).not.toHaveProperty("extensions");
  });

  it("takes the partitionkey of a header", async () => {
    await post("/orders.new", { json: 1, headers: { partitionkey: "customer 7" } });
    expect((await only()).key).toBe("orders customer 7");
    const event = { ...CLOUD_EVENT, partitionkey: "other" };
    expect((await structured(event, { partitionkey: "customer 7" }, "/a")).status).toBe(400);
  });

  it("makes envelopes that the official SDK takes strictly", async () => {
    await structured({ ...CLOUD_EVENT, subject: "orders.new%20one", data: "x", datacontenttype: "text/plain", ext: 1 });
    await post("/a.b", { json: { a: 1 } });
    await post("/a.b", { body: Buffer.from([1]), headers: { "content-type": "image/png" } });
    for (const { number, event } of await logged()) {
      const id = eventIdOf({ actorId: world.actor.id, record: number, at: event.time, index: event.index });
      const position = positionOf(1, number, event);
      const envelope = envelopeOf({ event, source: world.actor.root, id, position, dataref: () => "" });
      expect(new CloudEvent(JSON.parse(text(envelope)), true)).toMatchObject({ subject: event.topic });
    }
  });

  it("is recorded with the trace of its request, and so is any change", async () => {
    const traceparent = `00-${"1".repeat(32)}-${"2".repeat(16)}-00`;
    await post("/a", { json: 1, headers: { traceparent } });
    const { as, root } = world.actor;
    await world.host.ask("PUT", `${root}/properties/b`, { headers: { ...as, traceparent }, json: 1 });
    await world.host.ask("PUT", `${root}/properties/c`, { headers: as, json: 1 });
    const traces = (await logged()).map(({ event }) => event.attributes.traceparent);
    expect(traces).toEqual([traceparent, traceparent, undefined]);
  });
});

describe("a batch", () => {
  const batchOf = (count: number, more: (index: number) => object = () => ({})) =>
    Array.from({ length: count }, (_, index) => ({
      ...CLOUD_EVENT,
      id: `e-${String(index)}`,
      subject: "orders",
      data: index,
      ...more(index),
    }));

  it("of 90 events is one transaction, in order, with a position for each", async () => {
    const answer = await post("", {
      headers: BATCH,
      body: text(batchOf(90, (index) => ({ subject: index % 2 === 0 ? "a.b" : "c" }))),
    });
    expect(answer.status).toBe(201);
    const events = await logged();
    expect(events.map(({ event }) => event.data)).toEqual(Array.from({ length: 90 }, (_, index) => index));
    expect(answer.json.positions).toEqual(events.map(({ number, event }) => positionOf(1, number, event)));
    // The widest that one transaction takes: each event in a record of its own, and the key beside them.
    const { status } = await post("", { headers: { ...BATCH, "idempotency-key": "k" }, body: text(batchOf(90)) });
    expect(status).toBe(201);
    expect(await logged()).toHaveLength(180);
  });

  it("reaches an ActingWeb subscriber in order, one number for each event of its target", async () => {
    const { peer } = await world.subscriber("sub", { target: "orders" });
    const some = batchOf(4, (index) => ({ subject: index === 2 ? "other" : "orders.new" }));
    const answer = await post("", { headers: BATCH, body: text(some) });
    expect(answer).toMatchObject({ status: 201, json: { subscribers: { total: 1, notified: 1 } } });
    expect(peer.taken.map(({ sequence, body }) => [sequence, body["data"]])).toEqual([
      [1, { new: 0 }],
      [2, { new: 1 }],
      [3, { new: 3 }],
    ]);
  });

  it("is all or nothing", async () => {
    const some = batchOf(3, (index) => (index === 2 ? { type: "org.actingweb.x" } : {}));
    expect((await post("", { headers: BATCH, body: text(some) })).status).toBe(403);
    expect(await logged()).toEqual([]);
  });

  it("that comes again is answered with its positions", async () => {
    const body = text(batchOf(3));
    const first = await post("", { headers: BATCH, body });
    const again = await post("", { headers: BATCH, body });
    expect(again).toMatchObject({ status: 200, json: { positions: first.json.positions, replayed: true } });
    expect(await logged()).toHaveLength(3);
  });

  it("has what was published before once: alone, in another batch, in another order", async () => {
    const [one, two, three] = batchOf(3);
    const alone = await structured(one!);
    const first = await post("", { headers: BATCH, body: text([two, one]) });
    expect(first).toMatchObject({ status: 201, json: { positions: [expect.any(String), alone.json.position] } });
    const rest = await post("", { headers: BATCH, body: text([three, two]) });
    expect(rest).toMatchObject({ status: 201, json: { positions: [expect.any(String), first.json.positions[0]] } });
    const again = await post("", { headers: BATCH, body: text([one, two, three]) });
    const positions = [alone.json.position, first.json.positions[0], rest.json.positions[0]];
    expect(again).toMatchObject({ status: 200, json: { positions, replayed: true } });
    expect((await structured(three!)).json).toEqual({ position: positions[2], replayed: true });
    expect((await logged()).map(({ event }) => event.data)).toEqual([0, 1, 2]);
  });

  it("is refused as a whole when one of its events was another one before", async () => {
    const [one, two] = batchOf(2);
    await structured({ ...one, data: "other" });
    expect((await post("", { headers: BATCH, body: text([two, one]) })).status).toBe(422);
    expect(await logged()).toHaveLength(1);
  });

  it("of up to 30 events remembers each of them, a larger one the batch as a whole", async () => {
    for (const [count, status] of [
      [30, 200],
      [31, 201],
    ] as const) {
      const some = batchOf(count, (index) => ({ id: `${String(count)}-${String(index)}` }));
      expect((await post("", { headers: BATCH, body: text(some) })).status).toBe(201);
      expect((await structured(some.at(-1)!)).status).toBe(status);
      expect((await post("", { headers: BATCH, body: text(some) })).status).toBe(200);
    }
  });

  it("of 30 events of a public target, each at a place of its own, is one transaction", async () => {
    await world.host.ask("PUT", `${world.actor.root}/public`, {
      json: { properties: [], targets: ["a"] },
      headers: world.actor.as,
    });
    const some = batchOf(30, (index) => ({ subject: `a.b${String(index)}` }));
    expect((await post("", { headers: BATCH, body: text(some) })).status).toBe(201);
  });

  it.each([
    ["none", []],
    ["91", batchOf(91)],
    ["two with one source and id", [...batchOf(1), ...batchOf(1)]],
    ["one without a subject", batchOf(2, (index) => (index === 1 ? { subject: undefined } : {}))],
    ["something else", [1]],
    ["no array", {}],
  ])("of %s is refused", async (_, events) => {
    expect((await post("", { headers: BATCH, body: text(events) })).status).toBe(400);
    expect(await logged()).toEqual([]);
  });

  it("is taken without a topic in the URL only, and a plain array is the data of one event", async () => {
    expect((await post("/a", { headers: BATCH, body: text(batchOf(1)) })).status).toBe(415);
    expect((await post("/a", { json: batchOf(2) })).status).toBe(201);
    expect(await logged()).toHaveLength(1);
  });
});

describe("publishing again", () => {
  it("under the same key answers the same position, and sends nothing", async () => {
    const { peer } = await world.subscriber("sub", { target: "a" });
    const headers = { "idempotency-key": "k 1" };
    const first = await post("/a.b", { json: { x: 1, y: 2 }, headers });
    const again = await post("/a.b", { json: { y: 2, x: 1 }, headers });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toEqual({ position: first.json.position, replayed: true });
    expect(peer.seen).toHaveLength(1);
    const async = await post("/a.b", { json: { x: 1, y: 2 }, headers: { ...headers, prefer: "respond-async" } });
    expect(async.status).toBe(200);
  });

  it.each([
    ["data", { json: 2 }, "/a.b"],
    ["a topic", { json: 1 }, "/a.c"],
    ["a partitionkey", { json: 1, headers: { partitionkey: "x" } }, "/a.b"],
  ])("other %s under the same key is 422, and changes nothing", async (_, asking: Asking, path) => {
    const headers = { "idempotency-key": "k" };
    await post("/a.b", { json: 1, headers });
    const answer = await post(path, { ...asking, headers: { ...asking.headers, ...headers } });
    expect(answer).toMatchObject({ status: 422, json: { error: { code: "idempotency_conflict" } } });
    expect(await logged()).toHaveLength(1);
  });

  it("a CloudEvent of the same source and id is the same one, whatever its trace", async () => {
    const event = { ...CLOUD_EVENT, subject: "a", data: 1 };
    await structured({ ...event, traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` });
    const again = await structured({ ...event, traceparent: `00-${"c".repeat(32)}-${"d".repeat(16)}-01` });
    expect(again).toMatchObject({ status: 200, json: { replayed: true } });
    expect((await structured({ ...event, data: 2 })).status).toBe(422);
    expect((await structured({ ...event, source: "/other" })).status).toBe(201);
    expect((await structured({ ...event, data: 2 }, { "idempotency-key": "other" })).status).toBe(201);
  });

  it("is forgotten after a day, though the table still has the key", async () => {
    const headers = { "idempotency-key": "k" };
    const first = await post("/a", { json: 1, headers });
    world.host.now += 86_399_000;
    expect((await post("/a", { json: 1, headers })).status).toBe(200);
    world.host.now += 2_000;
    const later = await post("/a", { json: 2, headers });
    expect(later.status).toBe(201);
    expect(later.json.position > first.json.position).toBe(true);
    expect((await post("/a", { json: 2, headers })).json).toEqual({ position: later.json.position, replayed: true });
  });

  it("means nothing to another caller", async () => {
    const peer = await world.peer("p1");
    await permit("p1", ["a"]);
    const headers = { "idempotency-key": "k" };
    expect((await post("/a", { json: 1, headers })).status).toBe(201);
    expect((await post("/a", { json: 2, headers: { ...headers, ...bearer(peer.secret) } })).status).toBe(201);
    expect((await post("/a", { json: 2, headers: { ...headers, ...bearer(peer.secret) } })).status).toBe(200);
  });

  it("at the same time commits once", async () => {
    const headers = { "idempotency-key": "k" };
    const other = world.instance();
    const { as, root } = world.actor;
    const ask = async (host: typeof other) =>
      await host.ask("POST", `${root}/events/a`, { json: 1, headers: { ...as, ...headers } });
    const answers = await Promise.all([world.host, other, world.host, other].map(ask));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(({ json }) => json.position)).size).toBe(1);
    expect(await logged()).toHaveLength(1);
  });

  it.each(["throttle", "lost_answer", "repeat", "condition", "conflict", "crash", "crash_after"] as const)(
    "commits once when the client repeats what met a fault of the table: %s at any operation",
    async (effect) => {
      const headers = { ...world.actor.as, "idempotency-key": "k" };
      for (let at = 0; ; at += 1) {
        const fault = new OneFault(world.table, at, effect);
        const url = `${world.actor.root}/events/a`;
        const before = (await logged()).length;
        const asking = { json: at, headers: { ...headers, "idempotency-key": `k${String(at)}` } };
        await fault.during(world.instance(fault.table).ask("POST", url, asking));
        const repeated = await world.host.ask("POST", url, asking);
        expect([200, 201]).toContain(repeated.status);
        const events = await logged();
        expect(events).toHaveLength(before + 1);
        const { number, event } = events.at(-1)!;
        expect(event.data).toBe(at);
        expect(repeated.json.position).toBe(positionOf(1, number, event));
        if (!fault.struck) break;
        expect(at).toBeLessThan(10);
      }
    },
  );

  it("leaves nothing behind when the actor is deleted", async () => {
    await post("/a", { json: 1, headers: { "idempotency-key": "k" } });
    const { as, root, id } = world.actor;
    expect((await world.host.ask("DELETE", root, { headers: as })).status).toBe(204);
    expect(await queryAll(world.table, { pk: actorPartition(id), prefix: "" })).toEqual([]);
  });

  it.each(["", "é", "a".repeat(256)])("a key must be 1 to 255 printable ASCII characters, not %j", async (key) => {
    expect((await post("/a", { json: 1, headers: { "idempotency-key": key } })).status).toBe(400);
  });
});

/** Lets a peer publish to the topics of some patterns. */
async function permit(peerId: string, publish: readonly string[]): Promise<void> {
  const { as, root } = world.actor;
  const url = `${root}/trust/friend/${peerId}/permissions`;
  const answer = await world.host.ask("PUT", url, { headers: as, json: { publish } });
  expect(answer.status).toBeLessThan(300);
}

describe("who may publish", () => {
  it("a peer whose permissions have a pattern for the topic, and no other", async () => {
    const { secret } = await world.peer("p1");
    const as = bearer(secret);
    expect((await post("/orders.new", { json: 1, headers: as })).status).toBe(403);
    await permit("p1", ["orders/**", "x.*"]);
    expect((await post("/orders.new", { json: 1, headers: as })).status).toBe(201);
    expect((await post("/x.y", { json: 1, headers: as })).status).toBe(201);
    for (const path of ["/orders", "/x", "/x.y.z", "/other", "/properties.a", "/trust.a"]) {
      expect([path, (await post(path, { json: 1, headers: as })).status]).toEqual([path, 403]);
    }
    const events = [1, 2].map((id) => ({ ...CLOUD_EVENT, id: String(id), subject: id === 1 ? "x.y" : "other" }));
    expect((await post("", { headers: { ...BATCH, ...as }, body: text(events) })).status).toBe(403);
    expect(await logged()).toHaveLength(2);
  });

  it("an admin to every topic but the service's own", async () => {
    await world.host.trusts(world.actor.id, "adm", "https://adm.example/a", "s3cret", "admin");
    expect((await post("/orders.new", { json: 1, headers: bearer("s3cret") })).status).toBe(201);
    expect((await post("/properties.a", { json: 1, headers: bearer("s3cret") })).status).toBe(403);
  });

  it("no stranger", async () => {
    expect((await post("/a", { json: 1, headers: { authorization: "Bearer nonsense" } })).status).toBe(403);
    const { root } = world.actor;
    expect((await world.host.ask("POST", `${root}/events/a`, { json: 1 })).status).toBe(401);
    expect((await world.host.ask("POST", `${world.host.origin}/nobody/events/a`, { json: 1 })).status).toBe(404);
    expect((await world.host.ask("PUT", `${root}/events/a`, { json: 1, headers: world.actor.as })).status).toBe(405);
  });
});

describe("what cannot be published", () => {
  it.each([
    ["a topic of the properties", "/properties", 403],
    ["a topic below the properties", "/properties.a", 403],
    ["a topic of the service", "/$sys.webhook.failing", 403],
    ["another $ at the beginning", "/$x.a", 400],
    ["a path of the service", "/webhooks.a", 400],
    ["a path of the service that is a later one", "/www", 400],
    ["a wildcard", "/a.*", 400],
    ["a token that is empty", "/a..b", 400],
    ["a topic that needs encoding", `/${encodeURIComponent("a b")}`, 400],
    ["seventeen tokens", `/${"a.".repeat(16)}a`, 400],
    ["513 bytes", `/${"a".repeat(513)}`, 400],
    ["257 bytes in a name", `/${"a".repeat(257)}`, 400],
    ["a topic with a %", "/a%2520b", 400],
  ])("%s", async (_, path, status) => {
    expect((await post(path, { json: 1 })).status).toBe(status);
    expect(await logged()).toEqual([]);
  });

  it.each([
    ["no specversion", { specversion: undefined }, 400, "specversion"],
    ["another specversion", { specversion: "0.3" }, 400, "specversion"],
    ["no id", { id: undefined }, 400, "id"],
    ["an empty id", { id: "" }, 400, "id"],
    ["a number as id", { id: 1 }, 400, "id"],
    ["no source", { source: undefined }, 400, "source"],
    ["no type", { type: undefined }, 400, "type"],
    ["a type with a slash", { type: "a/b" }, 400, "type"],
    ["a type of 129 characters", { type: "a".repeat(129) }, 400, "type"],
    ["a type of the service's", { type: "org.actingweb.property.set" }, 403, "type"],
    ["no time", { time: "yesterday" }, 400, "time"],
    ["a day that is none", { time: "2026-02-30T00:00:00Z" }, 400, "time"],
    ["a schema that is no URI", { dataschema: "a b" }, 400, "dataschema"],
    ["an empty partitionkey", { partitionkey: "" }, 400, "partitionkey"],
    ["a long partitionkey", { partitionkey: "é".repeat(65) }, 400, "partitionkey"],
    ["an extension with a capital", { Ext: "a" }, 400, "Ext"],
    ["an object as extension", { ext: {} }, 400, "ext"],
    ["a fraction as extension", { ext: 0.5 }, 400, "ext"],
    ["a prototype as extension", JSON.parse('{"__proto__":"a"}') as object, 400, "__proto__"],
    [
      "21 extensions",
      Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`e${String(index)}`, "a"])),
      400,
      "event",
    ],
    ["extensions of over 1 KiB", { ext: "a".repeat(1_024) }, 400, "event"],
    ["data twice", { data: 1, data_base64: "AA==" }, 400, "data"],
    ["data that is no base64", { data_base64: "é" }, 400, "data_base64"],
    ["a reference to data", { dataref: "https://example.com" }, 400, "dataref"],
    ["another topic than the URL", { subject: "orders.old" }, 400, "subject"],
  ])("a CloudEvent with %s", async (name, change, status, field) => {
    const event = Object.assign(JSON.parse(text(CLOUD_EVENT)) as object, {});
    for (const [key, value] of Object.entries(change))
      Object.defineProperty(event, key, { value, enumerable: true, configurable: true });
    const answer = await structured(event, {}, "/orders.new");
    expect(answer).toMatchObject({ status, json: { error: { field } } });
    if (field === "subject") expect(answer.json.error.code).toBe("topic_mismatch");
    expect(await logged(), name).toEqual([]);
  });

  it("a CloudEvent in headers without one of its four", async () => {
    for (const name of Object.keys(BINARY)) {
      const headers = Object.fromEntries(Object.entries(BINARY).filter(([other]) => other !== name));
      expect(await post("/a", { json: 1, headers })).toMatchObject({ status: 400, json: { error: { field: name } } });
    }
    expect((await post("/a", { json: 1, headers: { ...BINARY, "ce-subject": "%ff" } })).status).toBe(400);
  });

  it("a plain event without a topic, and a CloudEvent without a subject at the root", async () => {
    expect((await post("", { json: 1 })).status).toBe(400);
    expect((await structured(CLOUD_EVENT)).status).toBe(400);
    expect((await post("", { json: 1, headers: BINARY })).status).toBe(400);
  });

  it("more than 256 KiB of JSON, 190 KiB of other bytes, or 1 MiB in all", async () => {
    const most = { json: "a".repeat(262_142) };
    expect((await post("/a", most)).status).toBe(201);
    expect((await post("/a", { json: "a".repeat(262_143) })).status).toBe(413);
    const bytes = async (count: number) =>
      await post("/a", { body: Buffer.alloc(count), headers: { "content-type": "application/octet-stream" } });
    expect((await bytes(194_560)).status).toBe(201);
    expect((await bytes(194_561)).status).toBe(413);
    expect(
      (await structured({ ...CLOUD_EVENT, data_base64: Buffer.alloc(194_561).toString("base64") }, {}, "/a")).status,
    ).toBe(413);
    expect((await post("/a", { body: `"${"a".repeat(1_048_576)}"` })).status).toBe(413);
  });

  it("bodies that are not what they say", async () => {
    const asking = (type: string, body: string | Uint8Array) => ({ body, headers: { "content-type": type } });
    const statuses = [
      await post("/a", asking("application/json", "{")),
      await post("/a", asking("application/json", "")),
      await post("/a", asking("application/json", '"\\ud800"')),
      await post("/a", asking("text/plain", Buffer.from([0xff]))),
      await post("/a", asking("text/plain; charset=iso-8859-1", "a")),
      await post("/a", asking("application/cloudevents+avro", "a")),
      await post("", asking("application/cloudevents-batch+avro", "a")),
      await post("/a", { json: 1, headers: { "content-encoding": "gzip" } }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([400, 400, 400, 400, 415, 415, 415, 415]);
    const deep = `${"[".repeat(60)}${"]".repeat(60)}`;
    expect((await post("/a", asking("application/json", deep))).status).toBe(400);
  });
});

describe("Prefer: respond-async", () => {
  it("answers once the event is committed; the worker sends it", async () => {
    const { peer } = await world.subscriber("sub", { target: "a" });
    const answer = await post("/a", { json: 1, headers: { prefer: "wait=5, respond-async" } });
    expect(answer).toMatchObject({ status: 202, headers: { "preference-applied": "respond-async" } });
    expect(Object.keys(answer.json as object)).toEqual(["position"]);
    expect(peer.seen).toEqual([]);
    await world.host.arriveMessages();
    expect(peer.taken).toHaveLength(1);
  });
});

describe("the data of an event", () => {
  const urlOf = async (position: string): Promise<string> => {
    const actor = await world.host.service.actors.get(world.actor.id);
    return eventDataUrl(actor!, { root: world.actor.root, position, now: world.host.now });
  };

  it("is what was published, to anyone who has its URL, for a week", async () => {
    const sent = [
      { asking: { json: { a: [1] } }, type: "application/json", body: '{"a":[1]}' },
      { asking: { body: "é", headers: { "content-type": "text/plain" } }, type: "text/plain", body: "é" },
    ];
    for (const { asking, type, body } of sent) {
      const url = await urlOf(String((await post("/a.b", asking)).json.position));
      const answer = await world.host.ask("GET", url);
      expect(answer).toMatchObject({ status: 200, text: body });
      expect(answer.headers).toMatchObject({ "content-type": type, "cache-control": "private, no-store" });
    }
    const batch = [1, 2].map((n) => ({ ...CLOUD_EVENT, id: String(n), subject: `t${String(n)}`, data: n }));
    const { positions } = (await post("", { headers: BATCH, body: text(batch) })).json as { positions: string[] };
    const read = await Promise.all(
      positions.map(async (at) => (await world.host.ask("GET", await urlOf(at))).json as unknown),
    );
    expect(read).toEqual([1, 2]);
  });

  it("is refused when anything in the URL differs, when it is too late, and gone with its record", async () => {
    const { position } = (await post("/a.b", { json: 1 })).json as { position: string };
    const other = (await post("/a.b", { json: 2 })).json as { position: string };
    const url = new URL(await urlOf(position));
    const changed = (change: (url: URL) => void): string => {
      const made = new URL(url);
      change(made);
      return made.href;
    };
    const later = String(Number(url.searchParams.get("expires")) + 1);
    for (const bad of [
      changed((made) => made.searchParams.set("expires", later)),
      changed((made) => made.searchParams.delete("expires")),
      changed((made) => made.searchParams.delete("token")),
      changed((made) => made.searchParams.set("token", "x")),
      changed((made) => (made.pathname = made.pathname.replace(position, other.position))),
      changed((made) => (made.search = "")),
    ]) {
      expect(await world.host.ask("GET", bad)).toMatchObject({
        status: 403,
        json: { error: { code: "token_invalid" } },
      });
    }
    world.host.now += 7 * 86_400_000 - 1_000;
    expect((await world.host.ask("GET", url.href)).status).toBe(200);
    world.host.now += 1_000;
    expect((await world.host.ask("GET", url.href)).status).toBe(403);
    world.host.now += 30 * 86_400_000;
    const gone = await world.host.ask("GET", await urlOf(position));
    expect(gone).toMatchObject({ status: 410, json: { error: { code: "position_gone" } } });
    expect(gone.headers["link"]).toBe(`<${world.actor.root}/properties>; rel="snapshot"`);
  });
});
