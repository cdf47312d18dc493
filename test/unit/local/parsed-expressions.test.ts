import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { remembering, type Parse, type ParserContext } from "../../../infra/local/dynamodb/parsed-expressions.ts";

const require = createRequire(import.meta.url);
const parsers = {
  condition: (require("dynalite/db/conditionParser") as { parse: Parse }).parse,
  projection: (require("dynalite/db/projectionParser") as { parse: Parse }).parse,
  update: (require("dynalite/db/updateParser") as { parse: Parse }).parse,
};

type Values = Record<string, object>;
const NAMES = { "#a": "a", "#b": "b" };

/** The context as dynalite makes it for each request. */
function contextOf(attrVals: Values, attrNames: Record<string, string> = NAMES): ParserContext {
  const unused = (of: object) => Object.fromEntries(Object.keys(of).map((key) => [key, true]));
  const compare = (how: string, x: { N: string }, y: { N: string }): boolean =>
    how === "GT" && Number(x.N) > Number(y.N);
  const rest = { isReserved: (name: string) => name.toUpperCase() === "NAME", compare };
  return { attrNames, attrVals, unusedAttrNames: unused(attrNames), unusedAttrVals: unused(attrVals), ...rest };
}

/** What a parser gives, and what it leaves unused; the fault alone of an expression that has one, which dynalite answers at once. */
function outcome(parse: Parse, text: string, context: ParserContext) {
  let result: unknown;
  try {
    result = parse(text, { context });
  } catch (error) {
    return String(error);
  }
  if (typeof result === "string") return result;
  return { result, names: context.unusedAttrNames, values: context.unusedAttrVals };
}

const n = (value: number) => ({ N: String(value) });
const CASES: [kind: keyof typeof parsers, text: string, first: Values, second: Values][] = [
  ["condition", "attribute_not_exists(pk)", {}, {}],
  [
    "condition",
    "#a = :a AND (#b < :b OR attribute_exists(#a.x[1]))",
    { ":a": n(1), ":b": n(2) },
    { ":a": n(3), ":b": n(4) },
  ],
  [
    "condition",
    "size(#a) > :a AND NOT contains(#b, :b)",
    { ":a": n(1), ":b": { S: "x" } },
    { ":a": n(2), ":b": { S: "y" } },
  ],
  ["condition", "begins_with(#a, :a)", { ":a": { S: "x" } }, { ":a": n(1) }],
  ["condition", "#a IN (:a, :b)", { ":a": n(1), ":b": n(1) }, { ":a": n(2), ":b": n(2) }],
  ["condition", "#a BETWEEN :a AND :b", { ":a": n(1), ":b": n(2) }, { ":a": n(2), ":b": n(1) }],
  ["condition", "attribute_type(#a, :a)", { ":a": { S: "N" } }, { ":a": { S: "nonsense" } }],
  ["condition", "#a = :missing", { ":a": n(1) }, { ":a": n(1) }],
  ["condition", "#a = ", { ":a": n(1) }, { ":a": n(1) }],
  ["condition", "name = :a", { ":a": n(1) }, { ":a": n(1) }],
  [
    "update",
    "SET #a = :a, #b.c = list_append(if_not_exists(#b, :b), :b)",
    { ":a": n(1), ":b": { L: [n(1)] } },
    { ":a": { S: "x" }, ":b": { L: [] } },
  ],
  ["update", "SET #a = #a + :a REMOVE c.d", { ":a": n(1) }, { ":a": { S: "x" } }],
  [
    "update",
    "ADD #a :a DELETE #b :b",
    { ":a": n(1), ":b": { SS: ["x"] } },
    { ":a": { NS: ["1"] }, ":b": { SS: ["y"] } },
  ],
  ["update", "SET #a = :a, #a = :b", { ":a": n(1), ":b": n(2) }, { ":a": n(1), ":b": n(2) }],
  ["projection", "#a, #b.c[0], d", {}, {}],
];

describe("a repeated expression", () => {
  it.each(CASES)("of a %s, %s, equals a fresh parse", (kind, text, first, second) => {
    const parse = remembering(parsers[kind]);
    for (const values of [first, second, first, first, second]) {
      expect(outcome(parse, text, contextOf(values))).toEqual(outcome(parsers[kind], text, contextOf(values)));
    }
  });

  it("is parsed once", () => {
    let parsed = 0;
    const parse = remembering((text, options) => {
      parsed += 1;
      return parsers.condition(text, options);
    });
    for (let value = 0; value < 5; value += 1) parse("#a = :a", { context: contextOf({ ":a": n(value) }) });
    expect(parsed).toBe(1);
  });

  it("with other names is another expression", () => {
    const parse = remembering(parsers.condition);
    for (const name of ["a", "c"]) {
      const names = { "#a": name, "#b": "b" };
      const values = { ":a": n(1) };
      expect(outcome(parse, "#a = :a", contextOf(values, names))).toEqual(
        outcome(parsers.condition, "#a = :a", contextOf(values, names)),
      );
    }
  });

  it("shares nothing that a request changes", () => {
    const parse = remembering(parsers.update);
    const context = () => contextOf({ ":a": n(1) });
    const changed = parse("SET #a = :a", { context: context() }) as { sections: { val: unknown }[] };
    changed.sections[0]!.val = "resolved";
    expect(outcome(parse, "SET #a = :a", context())).toEqual(outcome(parsers.update, "SET #a = :a", context()));
  });
});
