import { compact } from "../system/compact.ts";
import { decodeUtf8, isArray, isObject, own } from "../domain/json/json.ts";
import type { Json, JsonObject, PeerAnswer } from "../system/ports.ts";
import { parsedJson } from "./remote-answer.ts";

/** What a peer's `?metadata=true` says of a list. */
export interface ListAbout {
  readonly count: number;
  readonly bytes: number;
  readonly description?: string;
  readonly explanation?: string;
}

/** The contents of a state: the names of plain properties, their bytes together, and the lists. */
export interface Inventory {
  readonly names: readonly string[];
  readonly bytes: number;
  readonly lists: ReadonlyMap<string, ListAbout>;
}

/** Reads the answer to `properties?metadata=true`; undefined when it has not that form. */
export function asInventory(json: Json): Inventory | undefined {
  if (!isObject(json)) return undefined;
  const simple = own(json, "simple");
  const lists = own(json, "lists");
  if (!isObject(simple) || !isObject(lists)) return undefined;
  const names = own(simple, "properties");
  if (!isArray(names) || !names.every((name) => typeof name === "string")) return undefined;
  const about = new Map<string, ListAbout>();
  for (const [name, list] of Object.entries(lists)) {
    if (!isObject(list)) return undefined;
    about.set(name, asListAbout(list));
  }
  return { names, bytes: count(own(simple, "total_bytes")), lists: about };
}

function asListAbout(list: JsonObject): ListAbout {
  const description = own(list, "description");
  const explanation = own(list, "explanation");
  return compact({
    count: count(own(list, "count")),
    bytes: count(own(list, "total_bytes")),
    description: typeof description === "string" ? description : undefined,
    explanation: typeof explanation === "string" ? explanation : undefined,
  });
}

function count(value: Json | undefined): number {
  return isNumber(value) && value >= 0 ? Number(value) : 0;
}

/**
 * The list behind a value of the plain `properties` answer, where a list stands as `{"_list": true, "count": n}`;
 * undefined for an ordinary value.
 */
export function asListMarker(value: Json): ListAbout | undefined {
  if (!isObject(value) || own(value, "_list") !== true) return undefined;
  return isNumber(own(value, "count")) ? asListAbout(value) : undefined;
}

/** A whole number of any size counts. */
const isNumber = (value: Json | undefined): value is number | bigint =>
  typeof value === "number" || typeof value === "bigint";

/** The position in an answer's headers: the newest diff contained in it. Undefined when the peer does not say. */
export function positionOf(headers: Readonly<Record<string, string>>): number | undefined {
  const header = headers["x-actingweb-sequence"];
  if (header === undefined || !/^\d{1,16}$/.test(header)) return undefined;
  const position = Number(header);
  return Number.isSafeInteger(position) ? position : undefined;
}

/**
 * One page of a list: a bare array, or an object with `items` and perhaps `next`, the value of `after` for the following
 * page. Undefined for any other form.
 */
export function asPage(json: Json): { readonly items: readonly Json[]; readonly next?: string } | undefined {
  if (isArray(json)) return { items: json };
  const items = isObject(json) ? own(json, "items") : undefined;
  if (!isObject(json) || !isArray(items)) return undefined;
  const next = own(json, "next");
  return typeof next === "string" || isNumber(next) ? { items, next: String(next) } : { items };
}

/** A JSON number; such a text is never taken for plain text, even when its value cannot be read: `1e999`, or too many digits. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** Numbers that Python writes and JSON does not have. */
const NO_NUMBER = /^(NaN|-?Infinity)$/;

/**
 * The value in the answer of one property: JSON by its content type, else text. The reference marks bare text as JSON too, so
 * an answer marked as JSON that does not begin like JSON is text. `problem`: why the value cannot be read.
 */
export function valueOf(answer: PeerAnswer): { readonly json: Json } | { readonly problem: string } {
  const type = (answer.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const text = textOf(answer);
  if (type === "application/json" || type.endsWith("+json")) {
    const parsed = parsedJson(answer);
    return "json" in parsed || text === undefined || beginsAsJson(text) ? parsed : { json: text };
  }
  // Without a content type, a body that looks like an object or array is JSON, as in a PUT.
  if (type === "" && text !== undefined && /^\s*[[{]/.test(text)) {
    const parsed = parsedJson(answer);
    return "json" in parsed ? parsed : { json: text };
  }
  return text === undefined ? { problem: "The peer's answer is not valid UTF-8." } : { json: text };
}

function beginsAsJson(text: string): boolean {
  const stripped = text.trim();
  return stripped === "" || /^\ufeff?["[{]/.test(stripped) || NUMBER.test(stripped) || NO_NUMBER.test(stripped);
}

function textOf(answer: PeerAnswer): string | undefined {
  try {
    return decodeUtf8(answer.body);
  } catch {
    return undefined;
  }
}
