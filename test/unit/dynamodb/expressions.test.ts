import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkExpressions, projection, queryExpressions, writeExpressions } from "../../../lib/dynamodb/expressions.ts";
import {
  all,
  always,
  any,
  below,
  contains,
  equals,
  exists,
  itemMissing,
  missing,
  not,
  sizeBelow,
  type Condition,
} from "../../../lib/dynamodb/table.ts";

describe("writeExpressions", () => {
  it("has no expression for a write without a condition", () => {
    expect(writeExpressions(always)).toEqual({});
    expect(writeExpressions(all(always, not(any())))).toEqual({});
  });

  it("aliases every name and uses one placeholder for equal values", () => {
    const condition = all(equals("lastSeq", 4), any(missing("name"), equals("size", 4), equals("name", "4")));
    expect(writeExpressions(condition, { set: { lastSeq: 5, copy: 4 } })).toEqual({
      UpdateExpression: "SET #n0 = :v0, #n1 = :v1",
      ConditionExpression: "#n0 = :v1 AND (attribute_not_exists(#n2) OR #n3 = :v1 OR #n2 = :v2)",
      ExpressionAttributeNames: { "#n0": "lastSeq", "#n1": "copy", "#n2": "name", "#n3": "size" },
      ExpressionAttributeValues: { ":v0": { N: "5" }, ":v1": { N: "4" }, ":v2": { S: "4" } },
    });
  });

  it("writes every kind of change in its own section", () => {
    const change = {
      set: { a: 1 },
      setIfMissing: { b: 2 },
      add: { c: 3, d: new Set([4]) },
      discard: { e: new Set(["x"]) },
      remove: ["f"],
    };
    expect(writeExpressions(always, change)).toEqual({
      UpdateExpression: "SET #n0 = :v0, #n1 = if_not_exists(#n1, :v1) REMOVE #n5 ADD #n2 :v2, #n3 :v3 DELETE #n4 :v4",
      ExpressionAttributeNames: { "#n0": "a", "#n1": "b", "#n2": "c", "#n3": "d", "#n4": "e", "#n5": "f" },
      ExpressionAttributeValues: {
        ...{ ":v0": { N: "1" }, ":v1": { N: "2" }, ":v2": { N: "3" } },
        ...{ ":v3": { NS: ["4"] }, ":v4": { SS: ["x"] } },
      },
    });
  });

  it("removes an attribute that is set to an empty set, and drops other empty sets", () => {
    const none = new Set<number>();
    const change = { set: { a: none }, setIfMissing: { b: none }, add: { c: none }, discard: { d: none } };
    expect(writeExpressions(always, change)).toEqual({
      UpdateExpression: "REMOVE #n0",
      ExpressionAttributeNames: { "#n0": "a" },
    });
  });

  it("refuses an attribute named twice, and keys", () => {
    expect(() => writeExpressions(always, { set: { a: 1 }, remove: ["a"] })).toThrow("names a twice");
    expect(() => writeExpressions(always, { set: { pk: "x" } })).toThrow("key");
  });

  it("keeps a condition that never holds", () => {
    expect(writeExpressions(not(always)).ConditionExpression).toBe(
      "attribute_exists(#n0) AND attribute_not_exists(#n0)",
    );
  });

  it.each<[string, Condition]>([
    ["NOT attribute_exists(#n0)", not(exists("a"))],
    ["attribute_exists(#n0)", not(not(exists("a")))],
    ["attribute_exists(#n0)", all(any(all(exists("a"))))],
    ["NOT (attribute_exists(#n0) OR size(#n1) < :v0)", not(any(exists("a"), sizeBelow("b", 1)))],
    ["attribute_exists(#n0) AND contains(#n1, :v0)", all(exists("a"), all(contains("b", 1), always))],
    [
      "attribute_not_exists(#n0) OR (#n1 < :v0 AND (NOT #n1 = :v1))",
      any(itemMissing, all(below("version", "2"), not(equals("version", "1")))),
    ],
  ])("renders %s", (expression, condition) => {
    expect(writeExpressions(condition).ConditionExpression).toBe(expression);
  });

  it("never doubles parentheses and leaves no placeholder unused, whatever is nested", () => {
    const condition = fc.letrec<{ any: Condition }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constant(always),
        fc.constantFrom("a", "b").map(exists),
        fc
          .record({ name: fc.constantFrom("c", "d"), value: fc.constantFrom(1, "1") })
          .map((x) => equals(x.name, x.value)),
        fc.array(tie("any"), { maxLength: 3 }).map((of) => all(...of)),
        fc.array(tie("any"), { maxLength: 3 }).map((of) => any(...of)),
        tie("any").map(not),
      ),
    })).any;
    fc.assert(
      fc.property(condition, (generated) => {
        const expressions = checkExpressions(generated);
        const text = expressions.ConditionExpression;
        expect(hasDoubledGroup(text)).toBe(false);
        for (const alias of Object.keys(expressions.ExpressionAttributeNames ?? {})) expect(text).toContain(alias);
        for (const alias of Object.keys(expressions.ExpressionAttributeValues ?? {})) expect(text).toContain(alias);
      }),
    );
  });
});

describe("checkExpressions", () => {
  it("has an expression even when anything will do", () => {
    expect(checkExpressions(always)).toEqual({
      ConditionExpression: "attribute_exists(#n0) OR attribute_not_exists(#n0)",
      ExpressionAttributeNames: { "#n0": "pk" },
    });
  });
});

describe("projection", () => {
  it("always names the key, and nothing twice", () => {
    expect(projection(["sk", "n", "n"])).toEqual({
      ProjectionExpression: "#n0, #n1, #n2",
      ExpressionAttributeNames: { "#n0": "pk", "#n1": "sk", "#n2": "n" },
    });
  });
});

describe("queryExpressions", () => {
  const sortKey = (range: Parameters<typeof queryExpressions>[0]) => {
    const expressions = queryExpressions(range);
    return (
      expressions && {
        condition: expressions.KeyConditionExpression.replace(/^#n0 = :v0(?: AND )?/, ""),
        values: Object.values(expressions.ExpressionAttributeValues ?? {})
          .slice(1)
          .map(({ S }) => S),
        start: expressions.ExclusiveStartKey?.["sk"]?.S,
      }
    );
  };

  it("asks for a whole partition by its key alone", () => {
    expect(queryExpressions({ pk: "p", prefix: "", only: ["n"] })).toEqual({
      KeyConditionExpression: "#n0 = :v0",
      ProjectionExpression: "#n0, #n1, #n2",
      ExpressionAttributeNames: { "#n0": "pk", "#n1": "sk", "#n2": "n" },
      ExpressionAttributeValues: { ":v0": { S: "p" } },
    });
  });

  it("melts prefix and bounds into one comparison", () => {
    const pk = "p";
    expect(sortKey({ pk, prefix: "Q#" })).toEqual({ condition: "begins_with(#n1, :v1)", values: ["Q#"] });
    expect(sortKey({ pk, prefix: "", after: "Q" })).toEqual({ condition: "#n1 > :v1", values: ["Q"] });
    expect(sortKey({ pk, prefix: "", until: "Q" })).toEqual({ condition: "#n1 <= :v1", values: ["Q"] });
    expect(sortKey({ pk, prefix: "", after: "A", until: "Q" })).toEqual({
      condition: "#n1 BETWEEN :v1 AND :v2",
      values: ["A\u0000", "Q"],
    });
    expect(sortKey({ pk, prefix: "Q#", after: "Q#1" })).toEqual({
      condition: "begins_with(#n1, :v1)",
      values: ["Q#"],
      start: "Q#1",
    });
    expect(sortKey({ pk, prefix: "Q#", after: "Q#1", descending: true })).toEqual({
      condition: "#n1 BETWEEN :v1 AND :v2",
      values: ["Q#1\u0000", "Q$"],
      start: "Q$",
    });
    expect(sortKey({ pk, prefix: "Q#", until: "Q#9" })).toEqual({
      condition: "#n1 BETWEEN :v1 AND :v2",
      values: ["Q#", "Q#9"],
    });
  });

  it("finds the end of prefixes at the edges of Unicode", () => {
    const end = (prefix: string) => sortKey({ pk: "p", prefix, after: prefix, descending: true })?.start;
    expect(end("a\ud7ff")).toBe("a\ue000");
    expect(end("a\uffff")).toBe("a\u{10000}");
    expect(end("a\u{10ffff}")).toBe("b");
    expect(end("\u{10ffff}")).toBeUndefined();
  });

  it("asks nothing when nothing can match", () => {
    expect(queryExpressions({ pk: "p", prefix: "Q#", after: "R" })).toBeUndefined();
    expect(queryExpressions({ pk: "p", prefix: "Q#", until: "A" })).toBeUndefined();
    expect(queryExpressions({ pk: "p", prefix: "", after: "B", until: "B" })).toBeUndefined();
  });

  it("ignores bounds that always hold", () => {
    expect(sortKey({ pk: "p", prefix: "Q#", after: "A", until: "R" })).toEqual({
      condition: "begins_with(#n1, :v1)",
      values: ["Q#"],
    });
  });
});

/** Whether two pairs of parentheses enclose the same, which DynamoDB refuses as redundant. */
function hasDoubledGroup(text: string): boolean {
  const open: number[] = [];
  const closes = new Map<number, number>();
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "(") open.push(at);
    if (text[at] === ")") closes.set(open.pop() as number, at);
  }
  return [...closes].some(([start, end]) => closes.get(start + 1) === end - 1);
}
