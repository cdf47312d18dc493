import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { Attribute, Item } from "./table.ts";

/** An item, or a part of one, as requests and answers carry it. */
export type WireItem = Record<string, AttributeValue>;

/** The most bytes one item may have (DynamoDB), names included. */
export const MAX_ITEM_BYTES = 400 * 1024;
/** The deepest nesting of lists and maps that DynamoDB stores. */
const MAX_DEPTH = 32;

const SMALLEST_NUMBER = 1e-130;
const NUMBERS_END = 1e126;
/** A map key that JavaScript would take for the prototype, behind any number of our own escapes. */
const PROTOTYPE_KEY = /^\\*__proto__$/;

/** A value that DynamoDB cannot hold as it is. Foreign JSON, which may be anything, is stored as text instead. */
export class NotStorable extends TypeError {
  override readonly name = "NotStorable";
}

export function isAttributeSet(value: Attribute): value is ReadonlySet<string> | ReadonlySet<number> {
  return value instanceof Set;
}

export function isAttributeList(value: Attribute): value is readonly Attribute[] {
  return Array.isArray(value);
}

/** DynamoDB has no empty sets: writing one removes the attribute. */
export function isEmptySet(value: Attribute): boolean {
  return value instanceof Set && value.size === 0;
}

/** The members of a map; one that is `undefined` counts as absent. */
export function members<T>(record: { readonly [name: string]: T } | undefined): [name: string, value: T][] {
  return record === undefined ? [] : Object.entries(record).filter(([, value]) => value !== undefined);
}

/** The bytes of a string as stored. @throws NotStorable for a lone surrogate, which UTF-8 cannot carry */
export function stringBytes(value: string): number {
  if (!value.isWellFormed()) throw new NotStorable("A string holds a lone surrogate.");
  return Buffer.byteLength(value);
}

/**
 * The bytes of a value as DynamoDB counts them for limits and capacity; numbers are rounded up, because the service gives no
 * exact rule. Both adapters check every value that they store by this function.
 *
 * @throws NotStorable for lone surrogates, empty or mixed sets, numbers outside ±1E-130 to ±9.99E+125, and depth over 32
 */
export function attributeBytes(value: Attribute, depth = 0): number {
  if (typeof value === "string") return stringBytes(value);
  if (typeof value === "number") return numberBytes(value);
  if (typeof value === "boolean" || value === null) return 1;
  if (value instanceof Uint8Array) return value.byteLength;
  if (isAttributeSet(value)) return setBytes(value);
  if (depth >= MAX_DEPTH) throw new NotStorable(`A value is nested deeper than ${MAX_DEPTH} levels.`);
  let bytes = 3;
  if (isAttributeList(value)) {
    for (const element of value) bytes += 1 + attributeBytes(element, depth + 1);
  } else if (typeof value === "object") {
    for (const name of Object.keys(value)) {
      const member = value[name];
      if (member !== undefined) bytes += 1 + stringBytes(name) + attributeBytes(member, depth + 1);
    }
  } else {
    throw new NotStorable(`A ${typeof value} cannot be stored.`);
  }
  return bytes;
}

/** The bytes of a whole item, names and key included. @throws NotStorable as `attributeBytes` */
export function itemBytes(item: Item): number {
  let bytes = 0;
  for (const name of Object.keys(item)) {
    const value = item[name];
    if (value !== undefined) bytes += Buffer.byteLength(name) + attributeBytes(value);
  }
  return bytes;
}

/**
 * The value as requests carry it. The member `__proto__` of a map, which the SDK's objects cannot carry, gets an escape that
 * `fromWire` removes.
 *
 * @throws NotStorable as `attributeBytes`
 */
export function toWire(value: Attribute): AttributeValue {
  attributeBytes(value);
  return converted(value);
}

/** The item as requests carry it, without empty sets. @throws NotStorable as `attributeBytes` */
export function itemToWire(item: Item): WireItem {
  const wire: WireItem = {};
  for (const name of Object.keys(item)) {
    const value = item[name];
    if (value !== undefined && !isEmptySet(value)) wire[name] = toWire(value);
  }
  return wire;
}

/** The reverse of `toWire`. Numbers are read as JavaScript numbers, also beyond 2^53. */
export function fromWire(wire: AttributeValue): Attribute {
  if (wire.S !== undefined) return wire.S;
  if (wire.N !== undefined) return Number(wire.N);
  if (wire.BOOL !== undefined) return wire.BOOL;
  if (wire.M !== undefined) return mapFromWire(wire.M);
  if (wire.L !== undefined) return wire.L.map(fromWire);
  if (wire.NS !== undefined) return new Set(wire.NS.map(Number));
  if (wire.SS !== undefined) return new Set(wire.SS);
  if (wire.B !== undefined) return wire.B;
  if (wire.NULL !== undefined) return null;
  throw new TypeError(`An attribute of a type that this service never stores: ${Object.keys(wire).join()}.`);
}

/** The reverse of `itemToWire`. */
export function itemFromWire(wire: Readonly<WireItem>): Item {
  return mapFromWire(wire) as Item;
}

function mapFromWire(wire: Readonly<WireItem>): { [name: string]: Attribute } {
  const map: Record<string, Attribute> = {};
  for (const key of Object.keys(wire)) {
    const member = wire[key];
    if (member === undefined) continue;
    const read = fromWire(member);
    if (isPrototypeKey(key)) {
      // Assigning to `__proto__` would set the prototype; defining it makes an ordinary member.
      Object.defineProperty(map, key.slice(1), { value: read, enumerable: true, writable: true, configurable: true });
    } else {
      map[key] = read;
    }
  }
  return map;
}

function converted(value: Attribute): AttributeValue {
  switch (typeof value) {
    case "string":
      return { S: value };
    case "number":
      return { N: String(value) };
    case "boolean":
      return { BOOL: value };
  }
  if (value === null) return { NULL: true };
  if (value instanceof Uint8Array) return { B: value };
  if (isAttributeSet(value)) return setToWire(value);
  if (isAttributeList(value)) return { L: value.map(converted) };
  const map: WireItem = {};
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) map[isPrototypeKey(key) ? "\\" + key : key] = converted(member);
  }
  return { M: map };
}

/** A set with members has those of one type: `attributeBytes` refuses others. */
function setToWire(set: ReadonlySet<number> | ReadonlySet<string>): AttributeValue {
  const elements = [...set];
  return typeof elements[0] === "number" ? { NS: elements.map(String) } : { SS: elements as string[] };
}

/** The regular expression alone would take longer than the rest for the short names of most members. */
const isPrototypeKey = (key: string): boolean => key.endsWith("__proto__") && PROTOTYPE_KEY.test(key);

function numberBytes(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
    // Fast for the counters and times that nearly all numbers here are: two digits a byte.
    let bytes = value < 0 ? 3 : 2;
    for (let rest = Math.abs(value); rest >= 100; rest = Math.floor(rest / 100)) bytes += 1;
    return bytes;
  }
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size >= NUMBERS_END || size < SMALLEST_NUMBER) {
    throw new NotStorable(`The number ${value} is outside what DynamoDB holds.`);
  }
  return 11;
}

function setBytes(set: ReadonlySet<number> | ReadonlySet<string>): number {
  if (set.size === 0) throw new NotStorable("An empty set cannot be stored.");
  let bytes = 0;
  let type = "";
  for (const element of set) {
    type ||= typeof element;
    if (typeof element !== type) throw new NotStorable("A set holds both numbers and strings.");
    bytes += typeof element === "string" ? stringBytes(element) : numberBytes(element);
  }
  return bytes;
}
