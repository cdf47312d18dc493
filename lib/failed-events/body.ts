/**
 * The body of a failed event: gzipped JSON. Its beginning is in the event's item, the rest in items that sort behind that.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { compact } from "../system/compact.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { always, type Item, type Key, type Table } from "../dynamodb/table.ts";
import type { FailingEvent } from "./hook-event.ts";

/** Bytes of one part; an item stays well under DynamoDB's 400 KB. */
const PART_BYTES = 300_000;

/**
 * Writes the items behind the one at `key`, one request each. With `ttl` (s since 1970) they expire at that time.
 *
 * @returns the attributes of the item at `key` that hold the beginning of the body
 */
export async function writeBody(
  table: Table,
  key: Key,
  event: FailingEvent,
  ttl?: number,
): Promise<{ readonly body: Uint8Array; readonly parts: number }> {
  const bytes = gzipSync(printJson(event));
  const parts = Math.ceil(bytes.length / PART_BYTES);
  const piece = (part: number): Uint8Array => bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
  for (let part = 1; part < parts; part += 1) {
    await table.put({ ...partKey(key, part), body: piece(part), ...compact({ ttl }) }, always);
  }
  return { body: piece(0), parts };
}

/** The event of an item; undefined when a part is missing, because the event was resolved while it was read. */
export async function readBody(table: Table, item: Item): Promise<FailingEvent | undefined> {
  const pieces = [item["body"] as Uint8Array];
  for (const key of partKeys(item, item["parts"] as number)) {
    const piece = await table.get(key);
    if (piece === undefined) return undefined;
    pieces.push(piece["body"] as Uint8Array);
  }
  return parseText(gunzipSync(Buffer.concat(pieces)).toString("utf8")) as FailingEvent;
}

/** Deletes the items behind the one of a deleted event. */
export async function deleteBody(table: Table, key: Key, parts: number): Promise<void> {
  if (parts > 1) await table.deleteMany(partKeys(key, parts));
}

const partKeys = (key: Key, parts: number): Key[] =>
  Array.from({ length: parts - 1 }, (_, part) => partKey(key, part + 1));

/** Where a further part (from 1) of the event at `key` is: it sorts directly behind the event. */
const partKey = (key: Key, part: number): Key => ({ pk: key.pk, sk: `${key.sk}#${String(part)}` });
