import { describe, expect, it } from "vitest";
import { digestOf } from "../../../../lib/domain/json/digest.ts";
import { decodeUtf8, isObject, own, parseJson, setOwn } from "../../../../lib/domain/json/json.ts";

const refusal = (source: string | Uint8Array): unknown => {
  try {
    return parseJson(source);
  } catch (error) {
    return error;
  }
};

describe("parseJson", () => {
  it("reads every kind of JSON value", () => {
    expect(parseJson('{"a":[1,-0.5,1e-200,true,null,"snø",{}],"b":""}')).toEqual({
      a: [1, -0.5, 1e-200, true, null, "snø", {}],
      b: "",
    });
    expect(parseJson(Buffer.from('"🙂"'))).toBe("🙂");
  });

  it.each([
    ["nothing", ""],
    ["half an object", "{not json"],
    ["NaN, as Python writes it", '{"a": NaN}'],
    ["a number beyond every double", '{"a": [1e999]}'],
    ["half a surrogate pair in a value", '{"a": "\\ud800"}'],
    ["half a surrogate pair in a key", '{"\\udc00": 1}'],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["an overlong form of a slash", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["an encoded surrogate", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["two byte order marks", Buffer.from([0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 0x31])],
    ["Infinity, as Python writes it", '{"a": -Infinity}'],
    ["a whole number of 4 301 digits", `{"a": [${"9".repeat(4_301)}]}`],
    ["a negative one", `-${"9".repeat(4_301)}`],
  ])("refuses %s with request.invalid", (_name, source) => {
    expect(refusal(source)).toMatchObject({ code: "request.invalid" });
  });

  it("skips a byte order mark", () => {
    expect(parseJson(Buffer.from([0xef, 0xbb, 0xbf, 0x31]))).toBe(1);
    expect(parseJson("\ufeff[1]")).toEqual([1]);
  });

  it("keeps every digit of a whole number, at any depth, up to 4 300", () => {
    const most = "9".repeat(4_300);
    expect(parseJson(`{"a": [9007199254740993, {"b": -${most}}], "c": ${most}}`)).toEqual({
      a: [9_007_199_254_740_993n, { b: -BigInt(most) }],
      c: BigInt(most),
    });
    expect(parseJson("9007199254740993", { surrogates: "repair" })).toBe(9_007_199_254_740_993n);
  });

  it("names the limit that a whole number exceeds", () => {
    expect(refusal("9".repeat(4_301))).toMatchObject({ message: expect.stringContaining("4300 digits") });
  });

  it("accepts 64 levels and refuses 65, also a million", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(() => parseJson(nested(64))).not.toThrow();
    expect(refusal(nested(65))).toMatchObject({ code: "request.invalid" });
    expect(refusal(nested(500_000))).toMatchObject({ code: "request.invalid" });
    expect(refusal("[".repeat(500_000) + "9007199254740993" + "]".repeat(500_000))).toMatchObject({
      code: "request.invalid",
    });
    expect(refusal('{"a":'.repeat(65) + "1" + "}".repeat(65))).toMatchObject({ code: "request.invalid" });
  });

  it("keeps keys such as __proto__ as data, and changes no prototype", () => {
    const parsed = parseJson('{"__proto__": {"polluted": true}, "constructor": 1, "a": {"__proto__": 2}}');
    if (!isObject(parsed)) throw new Error("not an object");
    expect(Object.keys(parsed)).toEqual(["__proto__", "constructor", "a"]);
    expect(own(parsed, "__proto__")).toEqual({ polluted: true });
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
    expect(JSON.stringify({ ...parsed })).toBe('{"__proto__":{"polluted":true},"constructor":1,"a":{"__proto__":2}}');
  });

  it("repairs half a surrogate pair when asked to", () => {
    const repaired = parseJson('{"a\\ud800": ["\\udfff", {"__proto__": "x\\ud800y"}]}', { surrogates: "repair" });
    expect(JSON.stringify(repaired)).toBe('{"a\ufffd":["\ufffd",{"__proto__":"x\ufffdy"}]}');
  });

  it("keeps the last of equal keys", () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
  });
});

describe("own and setOwn", () => {
  it("never read or change inherited members", () => {
    expect(own({}, "constructor")).toBeUndefined();
    expect(own({}, "__proto__")).toBeUndefined();
    const made: Record<string, number> = {};
    setOwn(made, "__proto__", 1);
    expect(JSON.stringify(made)).toBe('{"__proto__":1}');
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
  });
});

describe("digestOf", () => {
  it("is equal for equal content, whatever the order of keys", () => {
    const one = digestOf({ b: [1, { d: 1, c: 2 }], a: null });
    expect(one).toBe(digestOf({ a: null, b: [1, { c: 2, d: 1 }] }));
    expect(one).toMatch(/^[0-9a-f]{12}$/);
  });

  it("differs for different content", () => {
    const values = [null, "", "null", 0, "0", false, [], {}, [[]], { "": "" }, [null]];
    expect(new Set(values.map((value) => digestOf(value))).size).toBe(values.length);
  });

  it("differs for whole numbers that are the same double", () => {
    const digest = (text: string): string => digestOf(parseJson(text));
    expect(digest("9007199254740993")).not.toBe(digest("9007199254740992"));
    expect(digest('{"a":[653247040368672768]}')).not.toBe(digest('{"a":[653247040368672800]}'));
  });

  it("is equal for equal numbers in any form", () => {
    const digest = (text: string): string => digestOf(parseJson(text));
    expect(digest("1.0")).toBe(digest("1"));
    expect(digest("-0")).toBe(digest("0"));
    expect(digest("1e20")).toBe(digest("100000000000000000000"));
    expect(digest("9.007199254740992e15")).toBe(digest("9007199254740992"));
    // The double nearest to 10^23 is another number.
    expect(digest("1e23")).toBe(digest("99999999999999991611392"));
    expect(digest("1e23")).not.toBe(digest(`1${"0".repeat(23)}`));
    expect(digestOf(5n)).toBe(digestOf(5));
  });
});

describe("decodeUtf8", () => {
  it("keeps a byte order mark as the character it is", () => {
    expect(decodeUtf8(Buffer.from([0xef, 0xbb, 0xbf, 0x61]))).toBe("\ufeffa");
  });
});
