import { CloudEvent } from "cloudevents";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readCloudEvent, readCloudEvents } from "../../../../lib/domain/events/cloud-event.ts";
import { contentOf, digestOfBytes, envelopeOf } from "../../../../lib/domain/events/envelope.ts";
import { eventsOf } from "../../../../lib/domain/events/record-events.ts";
import { isServiceError } from "../../../../lib/system/errors.ts";
import type { Json } from "../../../../lib/system/ports.ts";

const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 5 }),
  fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>,
  fc.constantFrom(
    "",
    " ",
    "2026-13-01T00:00:00Z",
    "2026-01-01t00:00:00.1z",
    "a:b",
    "http://é",
    "%zz",
    "text/plain",
    "AP8B",
    "%",
  ),
);
/** Mostly what is right, sometimes anything. */
const mostly = (right: fc.Arbitrary<Json>) => fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: odd });
const member = {
  specversion: mostly(fc.constant("1.0")),
  id: mostly(fc.string({ minLength: 1, maxLength: 4 })),
  source: mostly(fc.constantFrom("/shop", "urn:a:b", "https://example.com/é")),
  type: mostly(fc.constantFrom("a.b", "com.example-x_1")),
  subject: mostly(fc.constantFrom("orders", "orders.new")),
  time: mostly(fc.constantFrom("2026-01-01T00:00:00Z", "2024-02-29T23:59:59.123456+05:30")),
  datacontenttype: mostly(fc.constantFrom("application/json", "text/plain", "application/vnd.x+json; charset=utf-8")),
  dataschema: mostly(fc.constantFrom("https://example.com/s?a=b#c", "urn:x:y")),
  partitionkey: mostly(fc.string({ minLength: 1, maxLength: 3 })),
  traceparent: mostly(fc.constant(`00-${"0".repeat(32)}-${"1".repeat(16)}-01`)),
  tracestate: mostly(fc.constant("a=b")),
  data: fc.jsonValue({ maxDepth: 1 }) as fc.Arbitrary<Json>,
  ext: mostly(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.boolean(), fc.constant("x"))),
  more9: mostly(fc.constant("y")),
};
const published = fc.oneof(
  fc.record(member, { requiredKeys: ["specversion", "id", "source", "type"] }),
  fc.record(
    { ...member, data: fc.constant(undefined), data_base64: mostly(fc.constant("AP8B")) },
    { requiredKeys: ["specversion", "id", "source", "type", "data_base64"] },
  ),
  odd,
);

it("reads or refuses whatever is published, and what it takes is strictly a CloudEvent again", () => {
  let taken = 0;
  fc.assert(
    fc.property(published, (given) => {
      const sent = JSON.parse(JSON.stringify(given)) as Json;
      let read: ReturnType<typeof readCloudEvent>;
      try {
        read = readCloudEvent(sent);
      } catch (error) {
        expect(isServiceError(error), String(error)).toBe(true);
        return;
      }
      taken += 1;
      const { data, attributes } = read;
      const change = { do: "notify", target: "t", data, attributes } as const;
      const [event] = eventsOf({ kind: "change", at: "2026-01-01T00:00:00.000000Z", changes: [change] });
      const input = {
        event: event!,
        source: "https://x.example/a",
        id: "1",
        position: "p",
        sequence: 1,
        dataref: () => "https://x.example/d",
      };
      for (const inlineMaxBytes of [262_144, -1]) {
        const envelope = envelopeOf({ ...input, inlineMaxBytes });
        new CloudEvent(JSON.parse(JSON.stringify(envelope)), true);
        if (inlineMaxBytes < 0) expect(envelope["datadigest"]).toBe(digestOfBytes(contentOf(event!).bytes));
      }
    }),
    { numRuns: 1_500 },
  );
  expect(taken).toBeGreaterThan(300);
});

it("says which event of a batch it refuses", () => {
  const event = { specversion: "1.0", id: "1", source: "/s", type: "t" };
  expect(readCloudEvents([event, { ...event, id: "2" }], 2)).toHaveLength(2);
  expect(() => readCloudEvents([event, { ...event, id: "2", time: 1 }], 2)).toThrow(/"1\.time"/);
  expect(() => readCloudEvents([event, 7], 2)).toThrow(/"1"/);
  expect(() => readCloudEvents([event, event], 2)).toThrow(/"1\.id"/);
  expect(() => readCloudEvents([event, { ...event, id: "2" }], 1)).toThrow(/1 to 1 /);
});

it("keeps a text as a text, and prints what is no text as JSON where it must become bytes", () => {
  const bytesOf = (data: Json, datacontenttype?: string, base64?: true) =>
    contentOf({ data, attributes: { ...(datacontenttype && { datacontenttype }), ...(base64 && { base64 }) } });
  expect(bytesOf("a", "text/plain").bytes.toString()).toBe("a");
  expect(bytesOf("a").bytes.toString()).toBe('"a"');
  expect(bytesOf("a", "application/vnd.x+json").bytes.toString()).toBe('"a"');
  expect(bytesOf({ a: 1 }, "text/plain").bytes.toString()).toBe('{"a":1}');
  expect(bytesOf("AP8B", undefined, true)).toEqual({
    contentType: "application/octet-stream",
    bytes: Buffer.from([0, 255, 1]),
  });
});
