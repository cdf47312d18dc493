import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bySpecificity,
  isFault,
  matches,
  parsePattern,
  parseTopic,
  scopeOfTopic,
  tokenOf,
  topicOf,
} from "../../../../lib/domain/events/topic.ts";

/** The rule of the contract, read word by word: the first token decides, then the rest. */
function naive(pattern: readonly string[], topic: readonly string[], first = true): boolean {
  const [part, ...parts] = pattern;
  const [token, ...tokens] = topic;
  if (part === undefined || token === undefined) return part === token;
  const sys = first && token.startsWith("$");
  if (part === ">") return !sys;
  if (part === "*") return !sys && naive(parts, tokens, false);
  return part === token && naive(parts, tokens, false);
}

const token = fc.constantFrom("a", "b", "c", "$", "x y");
const literal = fc.constantFrom("a", "b", "c");
const topics = fc
  .tuple(fc.constantFrom("a", "b", "$sys"), fc.array(literal, { maxLength: 4 }))
  .map(([first, rest]) => [first, ...rest].join("."));
const patterns = fc
  .tuple(
    fc.constantFrom("a", "b", "*", "$sys"),
    fc.array(fc.constantFrom("a", "b", "c", "*"), { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([first, rest, open]) => [first, ...rest, ...(open ? [">"] : [])].join("."));
const anyPattern = fc.oneof(patterns, fc.constant(">"));

describe("patterns", () => {
  it.each([
    ["a", "a", true],
    ["a", "a.b", false],
    ["a.>", "a", false],
    ["a.>", "a.b", true],
    ["a.>", "a.b.c", true],
    ["a.*", "a.b", true],
    ["a.*", "a.b.c", false],
    ["*.b", "a.b", true],
    [">", "a.b.c", true],
    [">", "$sys.webhook.failing", false],
    ["*.webhook.failing", "$sys.webhook.failing", false],
    ["$sys.>", "$sys.webhook.failing", true],
    ["$sys.*.failing", "$sys.webhook.failing", true],
    ["a.$b", "a.$b", true],
    ["a.*", "a.$b", true],
  ])("%s on %s: %s", (pattern, topic, expected) => {
    expect(matches(pattern, topic)).toBe(expected);
  });

  it("match as the naive matcher does", () => {
    fc.assert(
      fc.property(anyPattern, topics, (pattern, topic) => {
        expect(matches(pattern, topic)).toBe(naive(pattern.split("."), topic.split(".")));
      }),
      { numRuns: 2_000 },
    );
  });

  it("are ordered by what they say, token by token, the longer first", () => {
    const ordered = ["a.b.c", "a.b.>", "a.b", "a.*.c", "a.*.>", "a.*", "a.>", "a", "*.b.c", "*.>", "*", ">"];
    for (const [index, one] of ordered.entries()) {
      for (const other of ordered.slice(index + 1)) {
        expect([one, other, bySpecificity(one, other)]).toEqual([one, other, expect.toSatisfy((by: number) => by < 0)]);
        expect(bySpecificity(other, one)).toBeGreaterThan(0);
      }
      expect(bySpecificity(one, one)).toBe(0);
    }
  });

  it("are the same pattern when they are equally specific and match one topic", () => {
    const grow = (some: readonly string[]) =>
      some.flatMap((topic) => ["a", "b", "c"].map((last) => `${topic}.${last}`));
    const levels = [["a", "b", "c", "$sys"]];
    for (let level = 1; level < 5; level += 1) levels.push(grow(levels[level - 1] ?? []));
    const all = levels.flat();
    let compared = 0;
    fc.assert(
      fc.property(anyPattern, anyPattern, (left, right) => {
        if (bySpecificity(left, right) !== 0) return;
        if (!all.some((topic) => matches(left, topic) && matches(right, topic))) return;
        compared += 1;
        expect(left).toBe(right);
      }),
      { numRuns: 2_000 },
    );
    expect(compared).toBeGreaterThan(10);
  });
});

describe("reading a pattern", () => {
  it.each([
    ["a", "a"],
    ["a.b.*", "a.b.*"],
    ["*.*.>", "*.*.>"],
    [">", ">"],
    ["**", ">"],
    ["a/b/c", "a.b.c"],
    ["a/**", "a.>"],
    ["a.b/**", "a.b.>"],
    ["a/*/c", "a.*.c"],
    ["$sys.>", "$sys.>"],
    ["a.$b", "a.$b"],
    ["a%20b.c", "a%20b.c"],
    ["%24sys.a", "%24sys.a"],
    [Array.from({ length: 16 }, () => "a").join("."), Array.from({ length: 16 }, () => "a").join(".")],
    ["a".repeat(512), "a".repeat(512)],
    ["é".repeat(256), "é".repeat(256)],
  ])("takes %j", (text, pattern) => {
    expect(parsePattern(text)).toBe(pattern);
  });

  it.each([
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "/a",
    "/**",
    "a/",
    "**/a",
    "a.**",
    "a/**/b",
    "a*",
    "*a",
    "a.b*.c",
    "a.>.b",
    ">.a",
    "a>",
    "a.?",
    "a?",
    "a b",
    "a\u0000",
    "a\u0085b",
    "a\u00a0b",
    "a\u3000b",
    "a%",
    "a%2",
    "a%zz",
    "%",
    "$a",
    "$SYS.a",
    "$",
    "\ud800",
    Array.from({ length: 17 }, () => "a").join("."),
    "a".repeat(513),
    "é".repeat(257),
  ])("refuses %j", (text) => {
    expect(isFault(parsePattern(text))).toBe(true);
  });

  it("refuses wildcards in a topic, and takes what a pattern without one may have", () => {
    for (const text of ["*", ">", "a.*", "a.>", "a*b", "a/**"]) expect(isFault(parseTopic(text))).toBe(true);
    expect(parseTopic("a/b.c")).toBe("a.b.c");
    expect(isFault(parseTopic("a..b"))).toBe(true);
  });
});

describe("topics of places", () => {
  it.each([
    ["a.b", "a%2Eb"],
    ["*", "%2A"],
    [">", "%3E"],
    ["100%", "100%25"],
    ["a b", "a%20b"],
    ["a\u00a0b", "a%C2%A0b"],
    ["\u2028", "%E2%80%A8"],
    ["\u007f", "%7F"],
    ["\u0000", "%00"],
    ["é😀", "é😀"],
    ["$a", "$a"],
  ])("encodes %j as %s", (name, encoded) => {
    expect(tokenOf(name)).toBe(encoded);
  });

  it("encode a $ only where it begins the first token", () => {
    expect(topicOf({ target: "$sys", subtarget: "$x" })).toBe("%24sys.$x");
    expect(topicOf({ target: "a$b" })).toBe("a$b");
  });

  it("join the segments beyond the 16th token to the last by %2F", () => {
    const resource = Array.from({ length: 20 }, (_, index) => `r${String(index)}`).join("/");
    const topic = topicOf({ target: "t", subtarget: "s", resource });
    expect(topic.split(".")).toHaveLength(16);
    expect(topic.endsWith(".r12.r13%2Fr14%2Fr15%2Fr16%2Fr17%2Fr18%2Fr19")).toBe(true);
    expect(scopeOfTopic(topic)).toEqual({ target: "t", subtarget: "s", resource });
  });

  const name = fc
    .string({ unit: fc.oneof(token, fc.constantFrom(".", "*", ">", " ", "$", "\u00a0", "é", "😀", "-")), minLength: 1 })
    .filter((text) => Buffer.byteLength(text) <= 100);

  it("name the place that they were made of, and no other text does", () => {
    const scope = fc.record({
      target: name.filter((text) => text !== "." && text !== ".."),
      rest: fc.array(name, { maxLength: 20 }),
    });
    fc.assert(
      fc.property(scope, ({ target, rest }) => {
        const [subtarget, ...segments] = rest;
        const place = {
          target,
          ...(subtarget === undefined ? {} : { subtarget }),
          ...(segments.length === 0 ? {} : { resource: segments.join("/") }),
        };
        const topic = topicOf(place);
        expect(scopeOfTopic(topic)).toEqual(place);
        if (Buffer.byteLength(topic) <= 512) {
          expect(parseTopic(topic)).toBe(topic);
          expect(parsePattern(topic)).toBe(topic);
        }
        expect(topic).not.toMatch(/[\s*>]/u);
      }),
    );
  });

  it.each(["a%2eb", "a%41", "a%C2", "a%2Fb", "a.b%2Fc", "a.%2F.b", "a%3Fb", "a%25b", "a%00", "%2E", "%2E%2E", "a?"])(
    "no place has the topic %s",
    (topic) => {
      expect(isFault(scopeOfTopic(topic))).toBe(true);
    },
  );
});
