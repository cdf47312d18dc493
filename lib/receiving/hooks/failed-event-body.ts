/** A failed event as bytes: gzipped JSON, in as many items as it takes. */
import { gunzipSync, gzipSync } from "node:zlib";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { HookEvent } from "./hook-event.ts";

/** One part of an event's gzipped body; an item stays well under DynamoDB's 400 KB. */
const PART_BYTES = 300_000;

/** The bytes that stand for an event. */
export const packed = (event: HookEvent): Uint8Array => gzipSync(printJson(event));

/** The event that these pieces, in order, stand for. */
export const unpacked = (pieces: readonly Uint8Array[]): HookEvent =>
  parseText(gunzipSync(Buffer.concat(pieces)).toString("utf8")) as HookEvent;

/** The bytes cut into what one item holds; at least one part. */
export const partsOf = (body: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: Math.ceil(body.length / PART_BYTES) }, (_, part) =>
    body.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
  );

/** Where a further part (from 1) of the event at `key` is: directly behind it. */
export const partKey = (key: Key, part: number): Key => ({ pk: key.pk, sk: `${key.sk}#${String(part)}` });
