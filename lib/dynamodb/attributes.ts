import type { Attribute, Item } from "./table.ts";

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
  return Object.entries(record ?? {}).filter(([, value]) => value !== undefined);
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
 * The value as the document client needs it. Maps become `Map`s, because the client takes a member named `constructor` for the
 * value's class, and the member `__proto__`, which no plain object can carry through its marshalling, gets an escape that
 * `fromDocument` removes.
 *
 * @throws NotStorable as `attributeBytes`
 */
export function toDocument(value: Attribute): unknown {
  attributeBytes(value);
  return converted(value);
}

/** The reverse of `toDocument`, for a value that the document client read. */
export function fromDocument(value: unknown): Attribute {
  if (typeof value !== "object" || value === null) return value as Attribute;
  if (value instanceof Uint8Array || value instanceof Set) return value as Attribute;
  if (Array.isArray(value)) return value.map(fromDocument);
  const map: Record<string, Attribute> = {};
  for (const [key, member] of Object.entries(value)) {
    const read = fromDocument(member);
    if (PROTOTYPE_KEY.test(key)) {
      // Assigning to `__proto__` would set the prototype; defining it makes an ordinary member.
      Object.defineProperty(map, key.slice(1), { value: read, enumerable: true, writable: true, configurable: true });
    } else {
      map[key] = read;
    }
  }
  return map;
}

function converted(value: Attribute): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array || isAttributeSet(value)) return value;
  if (isAttributeList(value)) return value.map(converted);
  const map = new Map<string, unknown>();
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) map.set(PROTOTYPE_KEY.test(key) ? "\\" + key : key, converted(member));
  }
  return map;
}

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
