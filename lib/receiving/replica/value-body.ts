import { createHash } from "node:crypto";
import { cutText, PART_BYTES } from "../../domain/json/json.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { always } from "../../dynamodb/table.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import { valuePartKey } from "../../dynamodb/keys/replica.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Json } from "../../system/ports.ts";
import type { ReplicaEntry, ValueEntry } from "./replica-entry.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Stamp } from "./write-policy.ts";

export interface Owner {
  readonly table: Table;
  readonly actorId: string;
  readonly peerId: string;
}

/** Makes a value ready to be put: small ones stand in their item, of big ones the parts are written now (one write each). */
export async function writeBody(
  owner: Owner,
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
    owner.table.put({ ...valuePartKey(owner.actorId, owner.peerId, place, version, index), text: part }, always),
  );
  return { bytes, body: { version, parts: parts.length } };
}

/** The keys of a value's parts; none when it stands in its item. */
export function partKeys(owner: Owner, entry: ReplicaEntry | undefined): Key[] {
  if (entry?.type !== "value" || "text" in entry.body) return [];
  const { version, parts } = entry.body;
  return Array.from({ length: parts }, (_, part) =>
    valuePartKey(owner.actorId, owner.peerId, entry.place, version, part),
  );
}

/**
 * The JSON text of a value. Undefined when its parts are no longer there: it has been replaced since it was read, and
 * the place must be read again. One request when it is in parts, else none.
 */
export async function readBody(owner: Owner, entry: ValueEntry): Promise<string | undefined> {
  if ("text" in entry.body) return entry.body.text;
  const keys = partKeys(owner, entry);
  const found = new Map((await owner.table.getMany(keys)).map((item) => [item.sk, String(item["text"])]));
  return found.size < keys.length ? undefined : keys.map((key) => found.get(key.sk)).join("");
}
