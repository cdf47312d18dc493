import { parseText } from "../../domain/json/json-text.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { all, equals, itemMissing, missing, type Condition, type Item, type Key } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";

/** The fields of every stored place. */
interface Stamped {
  readonly place: Place;
  /** The position of the newest write, as `watermark` forms it. */
  readonly watermark: string;
  /** The number of the newest diff contained. */
  readonly sequence: number;
  /** ms since 1970. */
  readonly updatedAt: number;
  /** Set by the application's own writes, which keep the watermark: distinguishes two writes at one position. */
  readonly touched?: number;
  /** The entry may differ from what the publisher has: the place is to be read again. */
  readonly mustReread?: boolean;
  /** The last read of the place failed. The next write of the place removes the mark. */
  readonly stale?: Staleness;
}

/** Since when a place could not be read, and why. Times are ms since 1970. */
export interface Staleness {
  readonly since: number;
  /** One sentence. */
  readonly reason: string;
  /** The place is not read again before this. */
  readonly again: number;
}

/** A value as JSON text, in the item or, when over 300 KB, in parts. */
export interface ValueEntry extends Stamped {
  readonly type: "value";
  readonly bytes: number;
  readonly body: { readonly text: string } | { readonly version: string; readonly parts: number };
}

/** The head of a list, whose pages are in the partition of its generation. */
export interface ListEntry extends Stamped {
  readonly type: "list";
  readonly generation: string;
  readonly count: number;
  /** Bytes of all elements as JSON. */
  readonly bytes: number;
  /** Id of the root page; absent when there is none. */
  readonly root?: string;
  /** Levels of inner nodes above the leaves. */
  readonly height: number;
  /** Id of the last leaf; absent when there is none. */
  readonly last?: string;
  /** Ids of the inner nodes from the root down to the last leaf. */
  readonly spine?: readonly string[];
  readonly description?: string;
  readonly explanation?: string;
  /** An operation numbered up to this is not applied: the list is read again instead. */
  readonly dirtyUntil?: number;
}

/** A deleted place. `hides`: what a broader place has here is deleted too, so the tombstone stays until it is replaced. */
export interface Tombstone extends Stamped {
  readonly type: "tombstone";
  readonly hides?: boolean;
}

export type ReplicaEntry = ValueEntry | ListEntry | Tombstone;

/** How long other tombstones stay, seconds: longer than an instance can be frozen and still write afterwards. */
export const TOMBSTONE_SECONDS = 3600;

/** Every attribute of a stored place but the text of its value: enough to decide what may replace the place. */
export const WITHOUT_TEXT = [
  "type",
  "place",
  "watermark",
  "sequence",
  "updatedAt",
  "touched",
  "mustReread",
  "tombstone",
  "hides",
  "staleSince",
  "staleReason",
  "staleUntil",
  "bytes",
  "version",
  "parts",
  "generation",
  "count",
  "height",
  "root",
  "last",
  "spine",
  "description",
  "explanation",
  "dirtyUntil",
];

/** The stored form. */
export function toItem(key: Key, entry: ReplicaEntry): Item {
  const { type, watermark, sequence, updatedAt, touched, mustReread, stale } = entry;
  const base = {
    ...key,
    type,
    place: JSON.stringify(entry.place),
    watermark,
    sequence,
    updatedAt,
    touched,
    mustReread: mustReread === true ? true : undefined,
    staleSince: stale?.since,
    staleReason: stale?.reason,
    staleUntil: stale?.again,
  };
  switch (type) {
    case "value":
      return compact({ ...base, bytes: entry.bytes, ...entry.body });
    case "list": {
      const { generation, count, bytes, height, root, last, spine, description, explanation, dirtyUntil } = entry;
      return compact({
        ...base,
        generation,
        count,
        bytes,
        height,
        root,
        last,
        spine,
        description,
        explanation,
        dirtyUntil,
      });
    }
    case "tombstone": {
      const hides = entry.hides === true ? true : undefined;
      // A mark says that something is missing here, which is true however old the mark is.
      const stays = hides === true || mustReread === true;
      const ttl = stays ? undefined : Math.floor(updatedAt / 1000) + TOMBSTONE_SECONDS;
      return compact({ ...base, tombstone: true, hides, ttl });
    }
  }
}

/** The entry of an item. Only items written by `toItem` come here. */
export function fromItem(item: Item): ReplicaEntry {
  const text = (name: string): string | undefined => item[name] as string | undefined;
  const number = (name: string): number | undefined => item[name] as number | undefined;
  const since = number("staleSince");
  const base = {
    place: parseText(String(item["place"])) as Place,
    watermark: String(item["watermark"]),
    sequence: Number(item["sequence"]),
    updatedAt: Number(item["updatedAt"]),
    touched: number("touched"),
    mustReread: item["mustReread"] === true ? true : undefined,
    stale:
      since === undefined
        ? undefined
        : { since, reason: String(item["staleReason"]), again: Number(item["staleUntil"]) },
  };
  const version = text("version");
  switch (item["type"]) {
    case "value":
      return compact({
        ...base,
        type: "value",
        bytes: Number(item["bytes"]),
        body: version === undefined ? { text: text("text") ?? "" } : { version, parts: Number(item["parts"]) },
      });
    case "list":
      return compact({
        ...base,
        type: "list",
        generation: String(item["generation"]),
        count: Number(item["count"]),
        bytes: Number(item["bytes"]),
        height: Number(item["height"]),
        root: text("root"),
        last: text("last"),
        spine: item["spine"] as readonly string[] | undefined,
        description: text("description"),
        explanation: text("explanation"),
        dirtyUntil: number("dirtyUntil"),
      });
    default:
      return compact({ ...base, type: "tombstone", hides: item["hides"] === true ? true : undefined });
  }
}

/** Holds while the entry is the one that was read: every write changes one of these attributes. */
export function unchangedSince(read: ReplicaEntry | undefined): Condition {
  if (read === undefined) return itemMissing;
  return all(
    equals("watermark", read.watermark),
    equals("type", read.type),
    read.touched === undefined ? missing("touched") : equals("touched", read.touched),
    read.type === "list" ? equals("generation", read.generation) : missing("generation"),
  );
}
