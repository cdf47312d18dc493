import { parseText } from "../../domain/json/json-text.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { all, equals, itemMissing, missing } from "../../dynamodb/table.ts";
import type { Attribute, Condition, Item, Key } from "../../dynamodb/table.ts";

/** What every stored place carries. */
interface Stamped {
  readonly place: Place;
  /** The position of the newest write, as `watermark` forms it. */
  readonly watermark: string;
  /** The number of the newest diff contained. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** Set by writes of the application itself, which keep the watermark: tells two writes at one position apart. */
  readonly touched?: number;
  /** What is held may differ from what the publisher holds: the place is to be read again. */
  readonly mustReread?: boolean;
  /** The publisher's answer for the place said nothing. Goes with the next write of the place. */
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

/** A list's head. The pages are in the partition of its generation. */
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
  /** Operations numbered up to this make the list be read again. */
  readonly dirtyUntil?: number;
}

/** A tombstone. `hides`: what a broader place holds here is gone too, so it stays until something takes its place. */
export interface Tombstone extends Stamped {
  readonly type: "tombstone";
  readonly hides?: boolean;
}

export type ReplicaEntry = ValueEntry | ListEntry | Tombstone;

/** Tombstones stay this long: longer than any instance can have been frozen and still act. Seconds. */
export const TOMBSTONE_SECONDS = 3600;

const optional = (name: string, value: Attribute | undefined): { readonly [name: string]: Attribute } =>
  value === undefined ? {} : { [name]: value };

/** Every attribute of a stored place but the text of its value: enough to decide what becomes of it. */
export const WITHOUT_TEXT = [
  ...["type", "place", "watermark", "sequence", "updatedAt", "touched", "mustReread", "tombstone", "hides"],
  ...["staleSince", "staleReason", "staleUntil", "bytes", "version", "parts"],
  ...["generation", "count", "height", "root", "last", "spine", "description", "explanation", "dirtyUntil"],
];

/** The stored form. */
export function toItem(key: Key, entry: ReplicaEntry): Item {
  const base = {
    ...key,
    type: entry.type,
    place: JSON.stringify(entry.place),
    watermark: entry.watermark,
    sequence: entry.sequence,
    updatedAt: entry.updatedAt,
    ...optional("touched", entry.touched),
    ...(entry.mustReread === true ? { mustReread: true } : {}),
    ...(entry.stale === undefined ? {} : staleAttributes(entry.stale)),
  };
  switch (entry.type) {
    case "value":
      return {
        ...base,
        bytes: entry.bytes,
        ...("text" in entry.body
          ? { text: entry.body.text }
          : { version: entry.body.version, parts: entry.body.parts }),
      };
    case "list":
      return {
        ...base,
        generation: entry.generation,
        count: entry.count,
        bytes: entry.bytes,
        height: entry.height,
        ...optional("root", entry.root),
        ...optional("last", entry.last),
        ...optional("spine", entry.spine),
        ...optional("description", entry.description),
        ...optional("explanation", entry.explanation),
        ...optional("dirtyUntil", entry.dirtyUntil),
      };
    case "tombstone":
      return {
        ...base,
        tombstone: true,
        ...(entry.hides === true ? { hides: true } : {}),
        // A mark says that something is missing here, which is true however old it is.
        ...(entry.hides === true || entry.mustReread === true
          ? {}
          : { ttl: Math.floor(entry.updatedAt / 1000) + TOMBSTONE_SECONDS }),
      };
  }
}

const staleAttributes = (stale: Staleness): Readonly<Record<string, Attribute>> => ({
  staleSince: stale.since,
  staleReason: stale.reason,
  staleUntil: stale.again,
});

/** What an item says. Only items written by `toItem` come here. */
export function fromItem(item: Item): ReplicaEntry {
  const string = (name: string): string => String(item[name]);
  const number = (name: string): number => Number(item[name]);
  const some = <Name extends string, Value>(name: Name, read: (name: string) => Value): { [key in Name]?: Value } =>
    item[name] === undefined ? {} : ({ [name]: read(name) } as { [key in Name]: Value });
  const base = {
    place: parseText(string("place")) as Place,
    watermark: string("watermark"),
    sequence: number("sequence"),
    updatedAt: number("updatedAt"),
    ...some("touched", number),
    ...some("mustReread", () => true),
    ...(item["staleSince"] === undefined
      ? {}
      : { stale: { since: number("staleSince"), reason: string("staleReason"), again: number("staleUntil") } }),
  };
  switch (item["type"]) {
    case "value":
      return {
        ...base,
        type: "value",
        bytes: number("bytes"),
        body:
          item["version"] === undefined
            ? { text: String(item["text"] ?? "") }
            : { version: string("version"), parts: number("parts") },
      };
    case "list":
      return {
        ...base,
        type: "list",
        generation: string("generation"),
        count: number("count"),
        bytes: number("bytes"),
        height: number("height"),
        ...some("root", string),
        ...some("last", string),
        ...some("spine", () => item["spine"] as readonly string[]),
        ...some("description", string),
        ...some("explanation", string),
        ...some("dirtyUntil", number),
      };
    default:
      return { ...base, type: "tombstone", ...some("hides", () => true) };
  }
}

/** Holds while the place is exactly what was read: every write changes one of these. */
export function unchangedSince(read: ReplicaEntry | undefined): Condition {
  if (read === undefined) return itemMissing;
  return all(
    equals("watermark", read.watermark),
    equals("type", read.type),
    read.touched === undefined ? missing("touched") : equals("touched", read.touched),
    read.type === "list" ? equals("generation", read.generation) : missing("generation"),
  );
}
