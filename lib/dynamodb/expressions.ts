import { isEmptySet, members, toWire, type WireItem } from "./attributes.ts";
import { exists, missing, type Attribute, type Change, type Condition, type QueryRange } from "./table.ts";

/** The names and values that expressions refer to, as every DynamoDB command takes them; absent when there are none. */
interface Placeholders {
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: WireItem;
}

interface WriteExpressions extends Placeholders {
  ConditionExpression?: string;
  UpdateExpression?: string;
}

interface QueryExpressions extends Placeholders {
  KeyConditionExpression: string;
  ProjectionExpression?: string;
  /** Where to start, exclusive, when the key condition alone cannot say it. */
  ExclusiveStartKey?: WireItem;
}

/** `(attribute_exists OR attribute_not_exists)`: always true, for the one place that demands an expression. */
const ANYTHING: Condition = { is: "any", of: [exists("pk"), missing("pk")] };
const NOTHING: Condition = { is: "all", of: [exists("pk"), missing("pk")] };

const COMPARATORS = { equals: "=", differs: "<>", below: "<", atMost: "<=", above: ">", atLeast: ">=" } as const;

/**
 * The parameters for one write. An empty set that is set removes the attribute; one that is set if missing, added or
 * discarded does nothing: DynamoDB knows no empty sets.
 *
 * @throws TypeError when the change names an attribute twice, or a key
 * @throws NotStorable for a value that DynamoDB cannot hold
 */
export function writeExpressions(condition: Condition, change?: Change): WriteExpressions {
  const aliases = new Aliases();
  const expressions: WriteExpressions = {};
  const update = change && updateExpression(change, aliases);
  if (update) expressions.UpdateExpression = update;
  const simple = simplified(condition);
  if (simple !== true) expressions.ConditionExpression = rendered(simple === false ? NOTHING : simple, aliases);
  return Object.assign(expressions, aliases.placeholders());
}

/** The parameters for a transaction's check, which must have an expression even when the condition always holds. */
export function checkExpressions(condition: Condition): WriteExpressions & { ConditionExpression: string } {
  const { ConditionExpression, ...rest } = writeExpressions(simplified(condition) === true ? ANYTHING : condition);
  return { ...rest, ConditionExpression: ConditionExpression as string };
}

/** The attributes to return besides the key. */
export function projection(only: readonly string[]): Placeholders & { ProjectionExpression: string } {
  const aliases = new Aliases();
  return { ProjectionExpression: projected(only, aliases), ...aliases.placeholders() };
}

/**
 * The parameters for one page of a partition; undefined when no sort key can lie in the range, which the service would
 * refuse as an error.
 */
export function queryExpressions(range: QueryRange): QueryExpressions | undefined {
  const bounds = sortKeyBounds(range);
  if (bounds === undefined) return undefined;
  const aliases = new Aliases();
  const parts = [`${aliases.name("pk")} = ${aliases.value(range.pk)}`];
  if (bounds.operator) {
    const [first, second] = bounds.values.map((value) => aliases.value(value));
    const sk = aliases.name("sk");
    if (bounds.operator === "begins_with") parts.push(`begins_with(${sk}, ${first ?? ""})`);
    else if (second === undefined) parts.push(`${sk} ${bounds.operator} ${first ?? ""}`);
    else parts.push(`${sk} BETWEEN ${first ?? ""} AND ${second}`);
  }
  const expressions: QueryExpressions = { KeyConditionExpression: parts.join(" AND ") };
  if (range.only) expressions.ProjectionExpression = projected(range.only, aliases);
  if (bounds.start !== undefined) expressions.ExclusiveStartKey = { pk: { S: range.pk }, sk: { S: bounds.start } };
  return Object.assign(expressions, aliases.placeholders());
}

interface SortKeyBounds {
  readonly operator?: "begins_with" | "<=" | ">" | ">=" | "BETWEEN";
  readonly values: readonly string[];
  readonly start?: string;
}

/**
 * A key condition takes one comparison of the sort key, so prefix, `after` and `until` are merged into one. Bounds outside
 * the prefix either always hold or never hold; the remaining bounds lie within the prefix.
 */
function sortKeyBounds({ prefix, after, until, descending }: QueryRange): SortKeyBounds | undefined {
  if (after !== undefined && !after.startsWith(prefix)) {
    if (compareUtf8(after, prefix) > 0) return undefined;
    after = undefined;
  }
  if (until !== undefined && !until.startsWith(prefix)) {
    if (compareUtf8(until, prefix) < 0) return undefined;
    until = undefined;
  }
  // The next string after `after`: nothing lies between them, so this makes an exclusive bound inclusive.
  const low = after === undefined ? prefix : after + "\u0000";
  if (until !== undefined) {
    if (compareUtf8(low, until) > 0) return undefined;
    return low === "" ? { operator: "<=", values: [until] } : { operator: "BETWEEN", values: [low, until] };
  }
  if (after === undefined) return prefix === "" ? { values: [] } : { operator: "begins_with", values: [prefix] };
  if (prefix === "") return { operator: ">", values: [after] };
  if (!descending) return { operator: "begins_with", values: [prefix], start: after };
  const end = firstAfterPrefix(prefix);
  if (end === undefined) return { operator: ">=", values: [low] };
  // In descending order the start key excludes the upper bound itself, which BETWEEN would include.
  return { operator: "BETWEEN", values: [low, end], start: end };
}

/** The least string above all that begin with the prefix; undefined for a prefix of U+10FFFF alone. */
function firstAfterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) as number);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < 0x10ffff) return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

function compareUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** Gives each name and each value one placeholder, however often it is used. */
class Aliases {
  readonly #names = new Map<string, string>();
  readonly #values = new Map<Attribute, string>();

  name(name: string): string {
    return aliased(this.#names, name, "#n");
  }

  value(value: Attribute): string {
    return aliased(this.#values, value, ":v");
  }

  placeholders(): Placeholders {
    const placeholders: Placeholders = {};
    if (this.#names.size > 0) {
      const names: Record<string, string> = (placeholders.ExpressionAttributeNames = {});
      for (const [name, alias] of this.#names) names[alias] = name;
    }
    if (this.#values.size > 0) {
      const values: WireItem = (placeholders.ExpressionAttributeValues = {});
      for (const [value, alias] of this.#values) values[alias] = toWire(value);
    }
    return placeholders;
  }
}

function aliased<T>(known: Map<T, string>, thing: T, sign: string): string {
  let alias = known.get(thing);
  if (alias === undefined) known.set(thing, (alias = `${sign}${known.size}`));
  return alias;
}

/**
 * The condition without parts that are always or never true, double negations and nested groups of one kind: DynamoDB refuses
 * redundant parentheses and unused placeholders.
 */
function simplified(condition: Condition): Condition | boolean {
  if (condition.is === "always") return true;
  if (condition.is === "not") {
    const inner = simplified(condition.of);
    if (typeof inner === "boolean") return !inner;
    return inner.is === "not" ? inner.of : { is: "not", of: inner };
  }
  if (condition.is !== "all" && condition.is !== "any") return condition;
  const neutral = condition.is === "all";
  const parts: Condition[] = [];
  for (const part of condition.of.map(simplified)) {
    if (part === !neutral) return !neutral;
    if (part === neutral || typeof part === "boolean") continue;
    if (part.is === condition.is) parts.push(...part.of);
    else parts.push(part);
  }
  const [only] = parts;
  if (only === undefined) return neutral;
  return parts.length === 1 ? only : { is: condition.is, of: parts };
}

function rendered(condition: Condition, aliases: Aliases): string {
  switch (condition.is) {
    case "always":
      throw new TypeError("A condition that always holds has no expression.");
    case "all":
    case "any":
      return condition.of.map((part) => grouped(part, aliases)).join(condition.is === "all" ? " AND " : " OR ");
    case "not":
      return `NOT ${grouped(condition.of, aliases)}`;
    case "exists":
      return `attribute_exists(${aliases.name(condition.name)})`;
    case "missing":
      return `attribute_not_exists(${aliases.name(condition.name)})`;
    case "contains":
      return `contains(${aliases.name(condition.name)}, ${aliases.value(condition.value)})`;
    case "sizeBelow":
    case "sizeEquals": {
      const comparator = condition.is === "sizeBelow" ? "<" : "=";
      return `size(${aliases.name(condition.name)}) ${comparator} ${aliases.value(condition.value)}`;
    }
    default:
      checkComparable(condition.value);
      return `${aliases.name(condition.name)} ${COMPARATORS[condition.is]} ${aliases.value(condition.value)}`;
  }
}

/**
 * Refuses values that a condition must not compare: the local emulator takes any two lists or maps for different.
 *
 * @throws TypeError for lists and maps
 */
export function checkComparable(value: Attribute): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Set) return;
  throw new TypeError("A condition compares scalars, bytes and sets only.");
}

function grouped(condition: Condition, aliases: Aliases): string {
  const inner = rendered(condition, aliases);
  return condition.is === "all" || condition.is === "any" || condition.is === "not" ? `(${inner})` : inner;
}

function updateExpression(change: Change, aliases: Aliases): string {
  const set: string[] = [];
  const remove: string[] = [];
  const add: string[] = [];
  const discard: string[] = [];
  const named = new Set(["pk", "sk"]);
  const used = (attribute: string) => {
    if (named.has(attribute)) throw new TypeError(`An update names ${attribute} twice, or names a key.`);
    named.add(attribute);
    return attribute;
  };
  for (const [attribute, value] of members(change.set)) {
    const alias = aliases.name(used(attribute));
    if (isEmptySet(value)) remove.push(alias);
    else set.push(`${alias} = ${aliases.value(value)}`);
  }
  for (const [attribute, value] of members(change.setIfMissing)) {
    if (isEmptySet(value)) continue;
    const alias = aliases.name(used(attribute));
    set.push(`${alias} = if_not_exists(${alias}, ${aliases.value(value)})`);
  }
  for (const [attribute, value] of members(change.add)) {
    if (!isEmptySet(value)) add.push(`${aliases.name(used(attribute))} ${aliases.value(value)}`);
  }
  for (const [attribute, value] of members(change.discard)) {
    if (!isEmptySet(value)) discard.push(`${aliases.name(used(attribute))} ${aliases.value(value)}`);
  }
  for (const attribute of change.remove ?? []) remove.push(aliases.name(used(attribute)));
  const sections = Object.entries({ SET: set, REMOVE: remove, ADD: add, DELETE: discard });
  return sections.flatMap(([verb, parts]) => (parts.length > 0 ? [`${verb} ${parts.join(", ")}`] : [])).join(" ");
}

function projected(only: readonly string[], aliases: Aliases): string {
  return [...new Set(["pk", "sk", ...only])].map((name) => aliases.name(name)).join(", ");
}
