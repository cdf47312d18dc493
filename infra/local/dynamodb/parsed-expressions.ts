/** The context that dynalite passes to a parser beside the text. */
export interface ParserContext {
  readonly attrNames?: Readonly<Record<string, string>> | null;
  readonly attrVals?: Readonly<Record<string, object>> | null;
  /** The parser removes the names that the expression uses. */
  readonly unusedAttrNames: Record<string, unknown>;
  /** The parser removes the values that the expression uses. */
  readonly unusedAttrVals: Record<string, unknown>;
}

/** One of dynalite's parsers: gives the parsed expression, or a text with its error. */
export type Parse = (text: string, options: { readonly context: ParserContext }) => unknown;

interface Parsed {
  /** The parsed expression, with a `Value` for each value. */
  readonly template: unknown;
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** A value of the request, by its placeholder. */
class Value {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const MAX_KEPT = 2000;
/** The expressions whose check depends on the values themselves, and not on their types alone. */
const READS_VALUES = /between|attribute_type/i;

/**
 * A parser that parses each expression once: the service sends the same few texts with different values, and parsing takes
 * longer than the rest of a request. Two requests share a parsed expression when text, names and the types of the values
 * agree; each gets a copy with its own values. Expressions with a fault are parsed each time.
 */
export function remembering(parse: Parse): Parse {
  const kept = new Map<string, Parsed>();
  return (text, options) => {
    const { context } = options;
    if (READS_VALUES.test(text)) return parse(text, options);
    const key = keyOf(text, context);
    let parsed = kept.get(key);
    if (parsed === undefined) {
      const unusedAttrNames = { ...context.attrNames };
      const unusedAttrVals = { ...context.attrVals };
      const result = parse(text, { context: { ...context, unusedAttrNames, unusedAttrVals } });
      if (typeof result === "string") return result;
      parsed = {
        template: templateOf(result, context),
        names: Object.keys(context.attrNames ?? {}).filter((name) => !(name in unusedAttrNames)),
        values: Object.keys(context.attrVals ?? {}).filter((name) => !(name in unusedAttrVals)),
      };
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(key, parsed);
    }
    for (const name of parsed.names) Reflect.deleteProperty(context.unusedAttrNames, name);
    for (const name of parsed.values) Reflect.deleteProperty(context.unusedAttrVals, name);
    return copy(parsed.template, (node) => (node instanceof Value ? context.attrVals?.[node.name] : undefined));
  };
}

function keyOf(text: string, { attrNames, attrVals }: ParserContext): string {
  const types = Object.entries(attrVals ?? {}).map(([name, value]) => [name, Object.keys(value)]);
  return JSON.stringify([text, attrNames, types]);
}

function templateOf(result: unknown, { attrVals }: ParserContext): unknown {
  const names = new Map(Object.entries(attrVals ?? {}).map(([name, value]) => [value, name]));
  return copy(result, (node) => {
    const name = names.get(node);
    return name === undefined ? undefined : new Value(name);
  });
}

/** A deep copy in which `replaced` may replace objects. */
function copy(node: unknown, replaced: (node: object) => object | undefined): unknown {
  if (typeof node !== "object" || node === null) return node;
  const other = replaced(node);
  if (other !== undefined) return other;
  if (Array.isArray(node)) return node.map((part) => copy(part, replaced));
  const result = Object.create(Object.getPrototypeOf(node) as object | null) as Record<string, unknown>;
  for (const [name, part] of Object.entries(node)) result[name] = copy(part, replaced);
  return result;
}
