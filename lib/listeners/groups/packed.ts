/** JSON values as attributes. */
import { gunzipSync, gzipSync } from "node:zlib";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { Attribute } from "../../dynamodb/table.ts";

/** A longer text is stored compressed: what a batch lends is a text of small differences. */
const COMPRESSED_FROM = 600;

/** A value as an attribute. */
export function packed(value: unknown): Attribute {
  const text = printJson(value);
  return text.length > COMPRESSED_FROM ? gzipSync(text) : text;
}

/** What `packed` stored. */
export function unpacked(stored: unknown): unknown {
  return parseText(stored instanceof Uint8Array ? gunzipSync(stored).toString("utf8") : String(stored));
}
