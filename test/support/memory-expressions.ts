import { isAttributeList, isAttributeSet, isEmptySet, members } from "../../lib/dynamodb/attributes.ts";
import { checkComparable } from "../../lib/dynamodb/expressions.ts";
import type { Attribute, Change, Condition, Item, Key } from "../../lib/dynamodb/table.ts";

/** The order of two strings by their UTF-8 bytes: below 0, 0 or above 0. JavaScript's own differs beyond U+FFFF. */
export function compareBytes(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let at = 0; at < shorter; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b) return codeUnitRank(a) - codeUnitRank(b);
  }
  return left.length - right.length;
}

/** Surrogates, which stand for U+10000 and up, come after every other code unit. */
function codeUnitRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x10000 : unit;
}

/** Whether the condition holds for the item as stored, as DynamoDB would decide it. */
export function holds(condition: Condition, item: Item | undefined): boolean {
  switch (condition.is) {
    case "always":
      return true;
    case "all":
      return condition.of.every((part) => holds(part, item));
    case "any":
      return condition.of.some((part) => holds(part, item));
    case "not":
      return !holds(condition.of, item);
    default:
      return attributeHolds(condition, item?.[condition.name]);
  }
}

type AttributeCondition = Exclude<Condition, { readonly is: "always" | "all" | "any" | "not" }>;

function attributeHolds(condition: AttributeCondition, stored: Attribute | undefined): boolean {
  if (!("value" in condition)) {
    return (stored === undefined) === (condition.is === "missing");
  }
  checkComparable(condition.value);
  if (condition.is === "differs") return stored === undefined || !same(stored, condition.value);
  if (stored === undefined) return false;
  switch (condition.is) {
    case "equals":
      return same(stored, condition.value);
    case "contains":
      return holdsElement(stored, condition.value);
    case "sizeBelow":
      return (sizeOf(stored) ?? Infinity) < condition.value;
    case "sizeEquals":
      return sizeOf(stored) === condition.value;
    default: {
      const order = orderOf(stored, condition.value);
      if (order === undefined) return false;
      if (condition.is === "below") return order < 0;
      if (condition.is === "atMost") return order <= 0;
      return condition.is === "above" ? order > 0 : order >= 0;
    }
  }
}

/** Below 0, 0 or above 0; undefined for values of different types, which no comparison accepts. */
function orderOf(left: Attribute, right: Attribute): number | undefined {
  if (typeof left === "string" && typeof right === "string") return compareBytes(left, right);
  if (typeof left === "number" && typeof right === "number") return left - right;
  return undefined;
}

function holdsElement(stored: Attribute, element: string | number): boolean {
  if (typeof stored === "string") return typeof element === "string" && stored.includes(element);
  if (stored instanceof Set) return stored.has(element);
  return isAttributeList(stored) && stored.includes(element);
}

function sizeOf(stored: Attribute): number | undefined {
  if (typeof stored === "string") return Buffer.byteLength(stored);
  if (typeof stored !== "object" || stored === null) return undefined;
  if (stored instanceof Uint8Array) return stored.byteLength;
  if (isAttributeSet(stored)) return stored.size;
  return isAttributeList(stored) ? stored.length : Object.keys(stored).length;
}

/** Whether two scalars, byte strings or sets are equal, sets regardless of order. */
function same(left: Attribute, right: Attribute): boolean {
  if (left === right) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    return left instanceof Uint8Array && right instanceof Uint8Array && Buffer.compare(left, right) === 0;
  }
  if (left instanceof Set || right instanceof Set) {
    if (!(left instanceof Set) || !(right instanceof Set) || left.size !== right.size) return false;
    return [...left].every((element) => right.has(element));
  }
  return false;
}

type Draft = Record<string, Attribute>;
type AttributeSet = ReadonlySet<number> | ReadonlySet<string>;

/** The item after the change, as a new object; what did not change is shared with the old one. */
export function changed(key: Key, item: Item | undefined, change: Change): Item {
  const draft: Draft = item === undefined ? { pk: key.pk, sk: key.sk } : { ...item };
  const named = new Set<string>(["pk", "sk"]);
  const use = (name: string): string => {
    if (named.has(name)) throw new TypeError(`An update names ${name} twice, or names a key.`);
    named.add(name);
    return name;
  };
  for (const [name, value] of members(change.set)) setAttribute(draft, use(name), value);
  for (const [name, value] of members(change.setIfMissing)) {
    if (draft[use(name)] === undefined && !isEmptySet(value)) setAttribute(draft, name, value);
  }
  for (const [name, value] of members(change.add)) addTo(draft, use(name), value);
  for (const [name, value] of members(change.discard)) discardFrom(draft, use(name), value);
  for (const name of change.remove ?? []) delete draft[use(name)];
  return draft as Item;
}

/** The item to store for a put: without attributes that are empty sets, and with its own copies of the others. */
export function stored(item: Item): Item {
  const draft: Draft = {};
  for (const [name, value] of members(item)) setAttribute(draft, name, value);
  return draft as Item;
}

function setAttribute(draft: Draft, name: string, value: Attribute): void {
  if (isEmptySet(value)) delete draft[name];
  else draft[name] = isAttributeSet(value) ? copyOf(value) : value;
}

function addTo(draft: Draft, name: string, value: number | AttributeSet): void {
  const old = draft[name];
  if (typeof value === "number") {
    if (old !== undefined && typeof old !== "number") throw new TypeError(`ADD of a number to another type: ${name}`);
    draft[name] = (old ?? 0) + value;
    return;
  }
  if (value.size === 0) return;
  if (old !== undefined && !sameKindOfSet(old, value)) throw new TypeError(`ADD of a set to another type: ${name}`);
  draft[name] = new Set<unknown>([...((old as AttributeSet | undefined) ?? []), ...value]) as unknown as AttributeSet;
}

function discardFrom(draft: Draft, name: string, value: AttributeSet): void {
  const old = draft[name];
  if (old === undefined || value.size === 0) return;
  if (!sameKindOfSet(old, value)) throw new TypeError(`DELETE of set elements from another type: ${name}`);
  const rest = new Set<unknown>(old as AttributeSet);
  for (const element of value) rest.delete(element);
  if (rest.size === 0) delete draft[name];
  else draft[name] = rest as unknown as AttributeSet;
}

function sameKindOfSet(stored: Attribute, added: AttributeSet): boolean {
  if (!isAttributeSet(stored)) return false;
  const [one] = stored;
  const [other] = added;
  return typeof one === typeof other;
}

function copyOf(set: AttributeSet): AttributeSet {
  return new Set<unknown>(set) as unknown as AttributeSet;
}
