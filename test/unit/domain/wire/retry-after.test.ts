import { describe, expect, test } from "vitest";
import { fullJitter } from "../../../../lib/domain/policy/backoff.ts";
import { retryAfterSeconds } from "../../../../lib/domain/wire/retry-after.ts";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

describe("Retry-After", () => {
  test.each([
    ["120", 120],
    [" 0 ", 0],
    ["1.2", 2],
    ["99999999999", undefined],
    ["9999999999", 604_800],
    ["Sat, 21 Nov 2026 12:01:30 GMT", 90],
    ["Saturday, 21-Nov-26 12:01:30 GMT", 90],
    ["Sat Nov 21 12:01:30 2026", 90],
    ["Sat, 21 Nov 2026 11:00:00 GMT", 0],
    ["-5", undefined],
    ["soon", undefined],
    ["2026-11-21", undefined],
    ["Sat, 99 Nov 2026 99:99:99 GMT", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%j is %s seconds", (text, seconds) => {
    expect(retryAfterSeconds(text, NOW)).toBe(seconds);
  });
});

describe("full jitter", () => {
  test("is at most a ceiling that doubles up to its limit", () => {
    const backoff = { base: 500, most: 3_000 };
    expect([1, 2, 3, 4, 100].map((attempt) => fullJitter(attempt, backoff, 0.999_999))).toEqual([
      500, 1_000, 2_000, 3_000, 3_000,
    ]);
    expect(fullJitter(3, backoff, 0)).toBe(0);
  });
});
