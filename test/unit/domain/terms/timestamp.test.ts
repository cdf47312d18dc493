import { expect, it } from "vitest";
import { parseTimestamp } from "../../../../lib/domain/terms/timestamp.ts";

it.each([
  ["2026-11-20 23:57:18.530588", "2026-11-20T23:57:18.530588000Z"],
  ["2026-11-20T23:57:18.530588Z", "2026-11-20T23:57:18.530588000Z"],
  ["2026-11-20T23:57:32.160144+00:00", "2026-11-20T23:57:32.160144000Z"],
  ["2026-11-21T01:27:32+0130", "2026-11-20T23:57:32.000000000Z"],
  ["2026-11-20T18:57:32-05", "2026-11-20T23:57:32.000000000Z"],
  ["2026-11-20T23:57", "2026-11-20T23:57:00.000000000Z"],
  ["2024-02-29 00:00:00,5", "2024-02-29T00:00:00.500000000Z"],
])("%s is %s", (text, sortable) => {
  const read = parseTimestamp(text);
  expect(read?.sortable).toBe(sortable);
  expect(read?.text).toBe(text);
  expect(read?.ms).toBe(Date.parse(`${sortable.slice(0, 23)}Z`));
});

it.each([
  "",
  "yesterday",
  "2026-11-20",
  "1700000000",
  "2026-13-01T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-11-20T24:00:00Z",
  "2026-11-20T23:60:00Z",
  "2026-11-20T23:59:61Z",
  "2026-11-20T23:59:00+25:00",
  "0000-01-01T00:00:00+01:00",
  "9999-12-31T23:59:59-01:00",
  "2026-11-20T23:57:18.5305881234Z",
  "2026-11-20T23:57:18Z garbage",
])("%j is no time stamp", (text) => expect(parseTimestamp(text)).toBeUndefined());

it("orders by time, to the microsecond and over zones", () => {
  const earlier = parseTimestamp("2026-11-20 23:57:18.530588");
  const later = parseTimestamp("2026-11-21T00:57:18.530589+01:00");
  expect(earlier !== undefined && later !== undefined && earlier.sortable < later.sortable).toBe(true);
});
