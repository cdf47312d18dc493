import { CloudEvent } from "cloudevents";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  recordDeleteAll,
  recordList,
  type Change,
  type ChangeRecord,
  type LogRecord,
} from "../../../../lib/domain/diff/change-record.ts";
import { LIST_OPERATIONS } from "../../../../lib/domain/diff/list-operations.ts";
import { digestOfBytes, envelopeOf } from "../../../../lib/domain/events/envelope.ts";
import { eventIdOf, positionOf } from "../../../../lib/domain/events/position.ts";
import { eventsOf, isBelowBarrier, type RecordEvent } from "../../../../lib/domain/events/record-events.ts";
import { isTypePattern, selects, selectsTopic } from "../../../../lib/domain/events/selection.ts";
import { parsePattern } from "../../../../lib/domain/events/topic.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const AT = "2026-11-29T01:02:03.000004Z";
const recordOf = (...changes: readonly Change[]): ChangeRecord => ({ kind: "change", at: AT, changes });
const eventOf = (change: Change): RecordEvent => eventsOf(recordOf(change))[0]!;

describe("the events of a record", () => {
  it("are one for each change, in order, and none for another record", () => {
    const changes: readonly Change[] = [
      { do: "set", path: ["b"], value: 1 },
      { do: "delete", path: ["a", "x"], removed: {} },
      { do: "notify", target: "orders", data: 2 },
    ];
    const events = eventsOf(recordOf(...changes));
    expect(events.map(({ index, last, topic, time }) => [index, last, topic, time])).toEqual([
      [0, false, "properties.b", AT],
      [1, false, "properties.a", AT],
      [2, true, "orders", AT],
    ]);
    const others: readonly LogRecord[] = [
      { kind: "suspend", at: AT, target: "orders" },
      { kind: "resync", at: AT, peerId: "p", id: "s", sequence: 1 },
    ];
    for (const record of others) expect(eventsOf(record)).toEqual([]);
  });

  it.each([
    [
      { do: "set", path: ["a.b"], value: { c: "" } },
      { topic: "properties.a%2Eb", type: "org.actingweb.property.set", data: { name: "a.b", value: { c: "" } } },
    ],
    [
      { do: "set", path: ["a", "x.y", "z"], value: null },
      {
        topic: "properties.a",
        type: "org.actingweb.property.set",
        data: { name: "a", path: ["x.y", "z"], value: null },
      },
    ],
    [
      { do: "delete", path: ["a"], removed: {} },
      { topic: "properties.a", type: "org.actingweb.property.deleted", data: { name: "a" } },
    ],
    [
      { do: "delete", path: ["a", "x"], removed: {} },
      { topic: "properties.a", type: "org.actingweb.property.deleted", data: { name: "a", path: ["x"] } },
    ],
    [
      { do: "notify", target: "orders", subtarget: "new one", resource: "a/b", data: [1] },
      { topic: "orders.new%20one.a.b", type: "org.actingweb.event", data: [1] },
    ],
    [
      { do: "sys", event: "webhook.failing", listener: "webhook:w1", data: { id: "w1" } },
      { topic: "$sys.webhook.failing", type: "org.actingweb.sys.webhook.failing", data: { id: "w1" } },
    ],
  ] as const satisfies readonly (readonly [Change, Partial<RecordEvent>])[])("name %j", (change, expected) => {
    expect(eventOf(change)).toMatchObject({ ...expected, barrier: false });
  });

  it("name each operation on a list in its type, with the fields of the wire", () => {
    for (const operation of LIST_OPERATIONS) {
      const event = eventOf(recordList("cart", { operation, item: 1 }, 3));
      expect(event).toMatchObject({
        topic: "properties.cart",
        key: "properties.cart",
        type: `org.actingweb.list.${operation}`,
        data: { list: "cart", operation, item: 1, length: 3 },
      });
    }
  });

  it("make a barrier of the deletion of all, which names what it may name", () => {
    const some = eventOf(recordDeleteAll(["a", "private", "b"], ["b"]));
    expect(some).toMatchObject({
      topic: "properties",
      key: "properties",
      barrier: true,
      type: "org.actingweb.properties.cleared",
      data: { names: ["a", "b"] },
    });
    expect(eventOf({ do: "delete", path: [], removed: null }).data).toEqual({});
    expect(isBelowBarrier(eventOf({ do: "set", path: ["a"], value: 1 }).key)).toBe(true);
    expect(isBelowBarrier(some.key)).toBe(false);
    expect(isBelowBarrier(eventOf({ do: "notify", target: "propertiesx", subtarget: "a", data: 1 }).key)).toBe(false);
  });

  it("keep a property, a place in it and a list of its name in one order", () => {
    const keys = [
      eventOf({ do: "set", path: ["a"], value: 1 }),
      eventOf({ do: "delete", path: ["a", "b"], removed: {} }),
      eventOf(recordList("a", { operation: "clear" }, 0)),
    ].map(({ key }) => key);
    expect(new Set(keys).size).toBe(1);
  });

  it("keep an app's events in order by topic, or by target and partitionkey", () => {
    const notify = (partitionkey?: string, subtarget = "a"): Change => ({
      do: "notify",
      target: "t.u",
      subtarget,
      data: 1,
      ...(partitionkey === undefined ? {} : { attributes: { partitionkey } }),
    });
    expect(eventOf(notify()).key).toBe("t%2Eu.a");
    expect(eventOf(notify("k")).key).toBe(eventOf(notify("k", "b")).key);
    expect(eventOf(notify("k")).key).not.toBe(eventOf(notify("l")).key);
    // No partitionkey makes the key of a topic.
    for (const partitionkey of ["", "a", ".a", " a"]) {
      expect(eventOf(notify(partitionkey)).key).not.toBe(eventOf(notify()).key);
    }
  });

  it("have the publisher's time and traceparent, else the record's", () => {
    const published: Change = {
      do: "notify",
      target: "t",
      data: 1,
      attributes: { time: "2020-01-01T00:00:00Z", traceparent: "theirs", type: "a.b" },
    };
    const [own, other] = eventsOf({
      ...recordOf(published, { do: "set", path: ["a"], value: 1 }),
      traceparent: "ours",
      hops: 2,
    });
    expect(own).toMatchObject({
      time: "2020-01-01T00:00:00Z",
      type: "a.b",
      hops: 2,
      attributes: { traceparent: "theirs" },
    });
    expect(other).toMatchObject({ time: AT, hops: 2, attributes: { traceparent: "ours" } });
  });
});

describe("what a listener hears", () => {
  it.each([
    [">", "properties.private", false],
    ["*.private", "properties.private", true],
    ["properties.*", "properties.security", false],
    ["properties.>", "properties._internal", false],
    ["properties.private", "properties.private", true],
    ["properties.security", "properties.private", false],
    ["properties.*", "properties.privateer", true],
    [">", "orders.private", true],
    ["properties", "properties", true],
  ])("%s hears %s: %s", (pattern, topic, expected) => {
    expect(selectsTopic(pattern, topic)).toBe(expected);
  });

  it("is narrowed by types, exact or by their beginning", () => {
    const event = { topic: "a.b", type: "com.example.order.made" };
    const hears = (types?: readonly string[]) => selects({ topics: ["x", "a.*"], ...(types && { types }) }, event);
    expect(hears()).toBe(true);
    expect(hears(["com.example.order.made"])).toBe(true);
    expect(hears(["com.example.*"])).toBe(true);
    expect(hears(["com.exam.*"])).toBe(false);
    expect(hears(["com.example.order"])).toBe(false);
    expect(hears([])).toBe(false);
    expect(selects({ topics: ["x"] }, event)).toBe(false);
  });

  it("takes types of 1 to 128 characters, with a star only behind the last dot", () => {
    for (const type of ["a", "a.*", "a.b.*", "a-b_c.D9", "a".repeat(128), "a..b"])
      expect(isTypePattern(type)).toBe(true);
    for (const type of ["", "*", ".*", "a*", "*.a", "a.*.b", "a b", "a".repeat(129), "é"]) {
      expect(isTypePattern(type)).toBe(false);
    }
  });
});

const name = fc.string({ unit: fc.constantFrom("a", "é", ".", "*", " ", "$", "😀"), minLength: 1, maxLength: 6 });
const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
const words = fc.string({ unit: fc.constantFrom("a", "b", "9"), minLength: 1, maxLength: 8 });
const attributes = fc.record(
  {
    type: words,
    time: fc.constant("2020-01-01T00:00:00.5Z"),
    dataschema: fc.constant("https://example.com/schema"),
    partitionkey: name,
    traceparent: fc.constant(`00-${"a".repeat(32)}-${"b".repeat(16)}-01`),
    originsource: fc.constant("/other"),
    originid: name,
    extensions: fc.dictionary(
      words,
      fc.oneof(fc.string({ minLength: 1 }), fc.boolean(), fc.integer({ min: -9, max: 9 })),
      { maxKeys: 3 },
    ),
  },
  { requiredKeys: [] },
);
const change = fc.oneof(
  fc.record({ do: fc.constant("set" as const), path: fc.array(name, { minLength: 1, maxLength: 3 }), value: json }),
  fc.record({ do: fc.constant("delete" as const), path: fc.array(name, { maxLength: 2 }), removed: fc.constant({}) }),
  fc
    .tuple(name, fc.constantFrom(...LIST_OPERATIONS), json)
    .map(([list, operation, item]) => recordList(list, { operation, item }, 1)),
  fc.record({ do: fc.constant("notify" as const), target: name, subtarget: name, data: json, attributes }),
  fc.record({
    do: fc.constant("notify" as const),
    target: name,
    data: fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes).toString("base64")),
    attributes: fc.constant({ base64: true as const, datacontenttype: "image/png" }),
  }),
  fc.record({
    do: fc.constant("notify" as const),
    target: name,
    data: fc.string(),
    attributes: fc.constant({ datacontenttype: "text/plain; charset=utf-8" }),
  }),
  fc.record({ do: fc.constant("sys" as const), event: fc.constant("webhook.gone"), listener: name, data: json }),
) as fc.Arbitrary<Change>;

describe("the envelope", () => {
  const ref = { actorId: "a1", record: 7, at: AT };
  const envelopes = (
    changes: readonly Change[],
    more: { readonly inlineMaxBytes?: number; readonly sequence?: number } = {},
  ) =>
    eventsOf(recordOf(...changes)).map((event) => ({
      event,
      envelope: envelopeOf({
        event,
        source: "https://example.com/a1",
        id: eventIdOf({ ...ref, index: event.index }),
        position: positionOf(1, 7, event),
        dataref: () => "https://example.com/a1/events/p/data",
        ...more,
      }),
    }));

  it("is strictly a CloudEvent by the official SDK, whatever changed", () => {
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(-1, 262_144),
        (changes, inlineMaxBytes) => {
          const made = envelopes(changes, { inlineMaxBytes, sequence: 12 });
          for (const { event, envelope } of made) {
            const parsed = new CloudEvent(JSON.parse(JSON.stringify(envelope)), true);
            expect(parsed).toMatchObject({ subject: event.topic, type: event.type, sequence: "0000000000000012" });
            expect(parsed.source).toBe("https://example.com/a1");
            if (inlineMaxBytes < 0) {
              expect(envelope).toHaveProperty("dataref");
              expect(envelope).not.toHaveProperty("data");
              expect(envelope).not.toHaveProperty("data_base64");
            } else expect(envelope).not.toHaveProperty("dataref");
            if (Buffer.byteLength(event.topic) <= 512) expect(parsePattern(event.topic)).toBe(event.topic);
          }
          expect(new Set(made.map(({ envelope }) => envelope["id"])).size).toBe(changes.length);
          const positions = made.map(({ envelope }) => String(envelope["position"]));
          expect(positions).toEqual(positions.toSorted());
          expect(new Set(positions).size).toBe(positions.length);
          for (const { envelope } of made) expect(envelope["position"]).toMatch(/^[A-Za-z0-9._-]+$/);
          for (const { envelope } of made) expect(envelope["id"]).toMatch(/^[0-9a-f]{32}$/);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("has data up to its limit, and above it a reference and the digest of the bytes that are read there", () => {
    const value = "é".repeat(10);
    const change: Change = { do: "notify", target: "t", data: { value } };
    const text = JSON.stringify({ value });
    const bytes = Buffer.byteLength(text);
    expect(envelopes([change], { inlineMaxBytes: bytes })[0]!.envelope).toMatchObject({ data: { value } });
    const { envelope } = envelopes([change], { inlineMaxBytes: bytes - 1 })[0]!;
    expect(envelope).toMatchObject({
      datacontenttype: "application/json",
      dataref: "https://example.com/a1/events/p/data",
      datadigest: digestOfBytes(Buffer.from(text)),
    });
  });

  it("keeps the publisher's attributes below the service's own, and counts hops only where there are some", () => {
    const change: Change = {
      do: "notify",
      target: "t",
      data: 1,
      attributes: { extensions: { id: "x", position: "y", mine: true }, originid: "o" },
    };
    const { envelope } = envelopes([change])[0]!;
    expect(envelope).toMatchObject({ mine: true, originid: "o", position: "0001-0000000000000007-z" });
    expect(envelope["id"]).not.toBe("x");
    expect(envelope).not.toHaveProperty("hops");
    expect(envelope).not.toHaveProperty("sequence");
  });

  it("names the bytes of a binary event and its type", () => {
    const data = Buffer.from([0, 255, 1]).toString("base64");
    const change: Change = {
      do: "notify",
      target: "t",
      data,
      attributes: { base64: true, datacontenttype: "image/png" },
    };
    const { envelope } = envelopes([change])[0]!;
    expect(envelope).toMatchObject({ data_base64: data, datacontenttype: "image/png" });
    expect(envelope).not.toHaveProperty("data");
  });
});
