/** JSON from outside, and the members and texts of JSON values. */
import { ServiceError } from "../../system/errors.ts";
import type { Json, JsonObject } from "../../system/ports.ts";
import { parseText, printJson } from "./json-text.ts";

/** Most levels of JSON from outside; the outermost array or object is level 1. */
const MAX_JSON_DEPTH = 64;

/** How `parseJson` reads a text. */
export interface ParseOptions {
  /** Most levels of arrays and objects [64]. */
  readonly maxDepth?: number;
  /**
   * What to do with halves of surrogate pairs, which are no text and cannot be part of a key: `reject` them [default],
   * or `repair` them to U+FFFD. Peers' answers are repaired, because one odd character must not make a state
   * unreadable.
   */
  readonly surrogates?: "reject" | "repair";
  /** The name of the text in error messages ["body"]. */
  readonly what?: string;
}

/**
 * Parses JSON from outside. A byte order mark is skipped. The last of repeated keys counts, as in the reference
 * implementation. Whole numbers are exact, see `parseText`. Keys such as `__proto__` are ordinary own properties of the
 * result: read them with `own`, write them with `setOwn`. Values are stored as JSON text, so DynamoDB can store every
 * number and string that is accepted here.
 *
 * @throws ServiceError request.invalid for a text that is no JSON in UTF-8, for nesting over `maxDepth`, lone
 *   surrogates, whole numbers of over 4 300 digits, and other numbers beyond the range of a double (`1e999`)
 */
export function parseJson(source: string | Uint8Array, options: ParseOptions = {}): Json {
  const what = options.what ?? "body";
  let parsed: unknown;
  try {
    const text = typeof source === "string" ? source : decodeUtf8(source);
    parsed = parseText(text.startsWith("\ufeff") ? text.slice(1) : text);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw new ServiceError("request.invalid", `The ${what} is not valid JSON in UTF-8.`);
  }
  return checked(parsed as Json, 1, {
    maxDepth: options.maxDepth ?? MAX_JSON_DEPTH,
    repair: options.surrogates === "repair",
    what,
  });
}

/** The text of UTF-8 bytes, with its byte order mark. @throws TypeError for bytes that are no UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

interface Rules {
  readonly maxDepth: number;
  readonly repair: boolean;
  readonly what: string;
}

function checked(value: Json, depth: number, rules: Rules): Json {
  if (typeof value === "string") return checkedText(value, rules);
  if (typeof value === "number") {
    if (!Number.isFinite(value))
      throw new ServiceError("request.invalid", `The ${rules.what} has a number out of range.`);
    return value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > rules.maxDepth) {
    throw new ServiceError("request.invalid", `The ${rules.what} nests deeper than ${rules.maxDepth} levels.`);
  }
  if (isArray(value)) {
    // The value is rebuilt only where something may have to be repaired.
    if (rules.repair) return value.map((item) => checked(item, depth + 1, rules));
    for (const item of value) checked(item, depth + 1, rules);
    return value;
  }
  if (rules.repair) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [checkedText(key, rules), checked(item, depth + 1, rules)]),
    );
  }
  for (const [key, item] of Object.entries(value)) {
    checkedText(key, rules);
    checked(item, depth + 1, rules);
  }
  return value;
}

function checkedText(text: string, rules: Rules): string {
  if (text.isWellFormed()) return text;
  if (rules.repair) return text.toWellFormed();
  throw new ServiceError("request.invalid", `The ${rules.what} has half a surrogate pair in a string.`);
}

/** True for a JSON array. Unlike `Array.isArray` it narrows the read-only union. */
export function isArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** True for a JSON object: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object's own member, never an inherited one: `own({}, "constructor")` is undefined. */
export function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets an own member of an object under construction, also one of the name `__proto__`. */
export function setOwn(object: Record<string, Json>, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The bytes of the value as JSON text in UTF-8. */
export function jsonBytes(json: Json): number {
  return Buffer.byteLength(printJson(json));
}

/** A text over this many bytes of UTF-8 is stored in parts of at most this, so that no item nears DynamoDB's 400 KB. */
export const PART_BYTES = 300 * 1_024;

/** Texts of at most `PART_BYTES` each that give `text` when joined. Cuts between characters only. */
export function cutText(text: string): string[] {
  const bytes = Buffer.from(text);
  if (bytes.length <= PART_BYTES) return [text];
  const parts: string[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + PART_BYTES, bytes.length);
    // A byte 10xxxxxx continues a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    parts.push(bytes.toString("utf8", start, end));
    start = end;
  }
  return parts;
}
