import { createHash } from "node:crypto";
import { cutText, PART_BYTES } from "../../domain/json/json.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { always, type Key } from "../../dynamodb/table.ts";
import { valuePartKey } from "../../dynamodb/keys/replica.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { ReplicaRef } from "./peer-places.ts";
import type { ReplicaEntry, ValueEntry } from "./replica-entry.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Stamp } from "./write-policy.ts";

/** Prepares a value for its item: a small one stays in the item, of a big one the parts are written now (one write each). */
export async function writeBody(
  of: ReplicaRef,
  place: Place,
  stamp: Stamp,
  value: Json,
): Promise<Pick<ValueEntry, "bytes" | "body">> {
  const text = printJson(value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= PART_BYTES) return { bytes, body: { text } };
  const parts = cutText(text);
  const digest = createHash("sha256").update(text).digest("base64url").slice(0, 22);
  const version = `${stamp.watermark}.${String(stamp.touched ?? 0)}.${digest}`;
  await mapConcurrent(parts, 8, (part, index) =>
    // Unconditional: the version holds a digest of the content, so a repeated or late write changes nothing.
    of.table.put({ ...valuePartKey(of, place, version, index), text: part }, always),
  );
  return { bytes, body: { version, parts: parts.length } };
}

/** The keys of a value's parts; none when the value is in its item. */
export function partKeys(of: ReplicaRef, entry: ReplicaEntry | undefined): Key[] {
  if (entry?.type !== "value" || "text" in entry.body) return [];
  const { version, parts } = entry.body;
  return Array.from({ length: parts }, (_, part) => valuePartKey(of, entry.place, version, part));
}

/**
 * The JSON text of a value. Undefined when its parts are gone: the value has been replaced since its entry was read, and
 * the place must be read again. One request for a value in parts, else none.
 */
export async function readBody(of: ReplicaRef, entry: ValueEntry): Promise<string | undefined> {
  if ("text" in entry.body) return entry.body.text;
  const keys = partKeys(of, entry);
  const found = new Map((await of.table.getMany(keys)).map((item) => [item.sk, String(item["text"])]));
  return found.size < keys.length ? undefined : keys.map((key) => found.get(key.sk)).join("");
}
