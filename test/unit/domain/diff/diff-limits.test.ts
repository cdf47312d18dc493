import { describe, expect, test } from "vitest";
import { formOf, formOfResync, splitExtend } from "../../../../lib/domain/diff/diff-limits.ts";

const KIB = 1024;

describe("the form of a diff", () => {
  test.each([
    [64 * KIB, "high", true, "high", {}],
    [64 * KIB + 1, "high", true, "low", { "X-ActingWeb-Granularity-Downgraded": "true" }],
    [256 * KIB, "high", undefined, "low", { "X-ActingWeb-Granularity-Downgraded": "true" }],
    [
      256 * KIB + 1,
      "high",
      undefined,
      "resync",
      { "X-ActingWeb-Payload-Truncated": "true", "X-ActingWeb-Original-Size": "262145" },
    ],
    [
      256 * KIB + 1,
      "high",
      false,
      "low",
      { "X-ActingWeb-Payload-Truncated": "true", "X-ActingWeb-Original-Size": "262145" },
    ],
    [999 * KIB, "low", true, "low", {}],
    [1, "none", true, "none", {}],
  ] as const)("%i bytes at granularity %s, resync %s: %s", (bytes, granularity, supportsResync, form, headers) => {
    expect(formOf({ bytes, granularity, supportsResync })).toEqual({ form, headers });
  });

  test("a resync becomes a low callback only for a peer that is known not to support resyncs", () => {
    expect(formOfResync("high", undefined)).toBe("resync");
    expect(formOfResync("low", true)).toBe("resync");
    expect(formOfResync("high", false)).toBe("low");
    expect(formOfResync("none", true)).toBe("none");
  });
});

describe("splitting an extend", () => {
  test("keeps every item in order and every part within the limit", () => {
    const items = Array.from({ length: 100 }, (_, index) => ({ index, text: "é".repeat(index) }));
    const parts = splitExtend(items, 1000);
    expect(parts.flat()).toEqual(items);
    expect(parts.length).toBeGreaterThan(5);
    for (const part of parts) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(1000);
  });

  test("puts an item over the limit into a part of its own", () => {
    expect(splitExtend([1, "x".repeat(50), 2], 20)).toEqual([[1], ["x".repeat(50)], [2]]);
  });

  test("without items gives one operation without items", () => {
    expect(splitExtend([])).toEqual([[]]);
  });
});
