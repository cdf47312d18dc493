import { afterEach, describe, expect, it } from "vitest";
import { canonicalJson } from "../../../../lib/domain/json/canonical-json.ts";
import { parseText, printBigintsExactly, printJson } from "../../../../lib/domain/json/json-text.ts";

const MOST = 2n ** 53n;

afterEach(() => {
  Reflect.deleteProperty(BigInt.prototype, "toJSON");
});

describe("parseText", () => {
  it.each<[string, unknown]>([
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["-9007199254740991", Number.MIN_SAFE_INTEGER],
    ["9007199254740992", MOST],
    ["9007199254740993", MOST + 1n],
    ["-9007199254740993", -MOST - 1n],
    ["-9223372036854775808", -(2n ** 63n)],
    ["18446744073709551616", 2n ** 64n],
    ["1e20", 1e20],
    ["1.0", 1],
    ["-0", -0],
    ["9007199254740993.0", 2 ** 53],
    ["9007199254740993e0", 2 ** 53],
    ["0.1234567890123456789", 0.123_456_789_012_345_68],
    ["1234567890123456.5", 1_234_567_890_123_456.5],
  ])("reads %s as the exact number", (text, value) => {
    expect(parseText(text)).toBe(value);
    expect(parseText(`{"a":[ ${text} ,0]}`)).toEqual({ a: [value, 0] });
    // Another long number beside it makes the parser read the source.
    expect(parseText(`[${text},\n12345678901234567890]`)).toEqual([value, 12_345_678_901_234_567_890n]);
  });

  it("reads and prints 4 300 digits", () => {
    const digits = "9".repeat(4_300);
    expect(parseText(digits)).toBe(BigInt(digits));
    expect(printJson(parseText(`[-${digits}]`))).toBe(`[-${digits}]`);
  });

  it("leaves digits in strings and keys alone", () => {
    const text = '{"12345678901234567890":"a: 12345678901234567890","b":"12345678901234567890"}';
    expect(printJson(parseText(text))).toBe(text);
  });

  it("finds a long number at any position of the text", () => {
    for (let before = 0; before < 40; before++) {
      const text = `["${"x".repeat(before)}",1,12,123456789012345,1234567890123456789]`;
      expect(parseText(text)).toEqual(["x".repeat(before), 1, 12, 123_456_789_012_345, 1_234_567_890_123_456_789n]);
    }
  });

  it("gives the last of equal keys its own digits", () => {
    expect(parseText('{"a":12345678901234567890,"a":9007199254740993,"__proto__":{"a":9007199254740995}}')).toEqual(
      Object.fromEntries([
        ["a", MOST + 1n],
        ["__proto__", { a: MOST + 3n }],
      ]),
    );
  });
});

describe.each([
  ["before the service is composed", () => undefined],
  ["when the service has been composed", printBigintsExactly],
])("printing %s", (_when, compose) => {
  it.each([
    "9007199254740992",
    "[9007199254740993,-9223372036854775808]",
    '{"a":{"b":[18446744073709551616]}}',
    "-1e20",
    "[1e20,100000000000000000000]",
    "9.007199254740992e15",
    "1.2345678901234567e19",
    "1e+21",
    '{"rawJSON":"12345678901234567890"}',
  ])("prints %s as it was read", (text) => {
    compose();
    expect(printJson(parseText(text))).toBe(text);
  });

  it("gives comparable texts of the same numbers", () => {
    compose();
    expect(canonicalJson({ b: [MOST + 1n, 1e20, 5n], a: -0 })).toBe(
      '{"a":0,"b":[9007199254740993,100000000000000000000,5]}',
    );
  });

  it("refuses a bigint that peers could not read", () => {
    compose();
    expect(() => printJson({ a: [10n ** 4_300n] })).toThrow(expect.objectContaining({ code: "request.invalid" }));
    expect(() => printJson(-(10n ** 4_299n))).not.toThrow();
  });

  it("treats everything else as JSON.stringify does", () => {
    compose();
    const when = new Date(0);
    expect(printJson({ when, no: undefined, n: Number.NaN, m: 7n })).toBe(
      '{"when":"1970-01-01T00:00:00.000Z","n":null,"m":7}',
    );
    expect(printJson(undefined)).toBeUndefined();
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => printJson(circle)).toThrow(TypeError);
  });
});

describe("JSON.stringify", () => {
  it("prints a bigint as its digits once the service has been composed, and only then", () => {
    expect(() => JSON.stringify([MOST])).toThrow(TypeError);
    printBigintsExactly();
    printBigintsExactly();
    expect(JSON.stringify({ a: [MOST + 1n, 5n] })).toBe('{"a":[9007199254740993,5]}');
    expect(Object.keys(BigInt.prototype)).toEqual([]);
  });
});
