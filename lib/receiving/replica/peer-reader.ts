import { compact } from "../../system/compact.ts";
import {
  beyondCursor,
  cursorOf,
  isPropertySortKey,
  listPartition,
  PLACE_PREFIX,
  propertyRange,
  propertySortKeyOf,
} from "../../dynamodb/keys/replica.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { compose, type Part } from "./composition.ts";
import { fromItem, type ReplicaEntry, type ListEntry } from "./replica-entry.ts";
import { PageGone, PageReader } from "../../lists/list-pages.ts";
import { listItems } from "../../lists/list-read.ts";
import { peerItems, readPlace, type ReplicaRef } from "./peer-places.ts";
import { readBody } from "./value-body.ts";
import { parseText } from "../../domain/json/json-text.ts";

/** A stored property, composed with the parts of it that narrower subscriptions own. */
export interface ReplicaProperty {
  readonly name: string;
  readonly type: "scalar" | "list";
  /** The value; of a list its items, all of them unless `truncated`. */
  readonly value: Json;
  readonly itemCount?: number;
  readonly description?: string;
  readonly explanation?: string;
  /** The number of the newest diff that the value contains. */
  readonly sequence: number;
  /** ms since 1970. */
  readonly updatedAt: number;
  /** The property could not be read: the stored value may be older than the peer's. */
  readonly stale?: { readonly since: number; readonly reason: string };
  /** The list is longer than an answer may be: `value` is its beginning. */
  readonly truncated?: true;
}

export interface PropertyPage {
  readonly properties: readonly ReplicaProperty[];
  /** What to pass as `after` for the next page, usually the last property's name; absent on the last page. */
  readonly next?: string;
}

export interface StorageStats {
  readonly scalarCount: number;
  readonly listCount: number;
  /** The size of all values and elements as JSON. */
  readonly bytes: number;
}

/** The most bytes of JSON in one page: an answer stays below 5 MB. */
export const PAGE_BYTES = 4.5 * 1024 * 1024;
/** How often a read is attempted while other writes change what it reads. */
const ATTEMPTS = 6;

/** All entries of one property, tombstones included: that of its own place first. */
interface Group {
  readonly name: string;
  readonly entries: readonly ReplicaEntry[];
}

/** Reads the replica of one peer. Rejects with `service.unavailable` when other writes keep changing what is read. */
export class PeerReader {
  readonly #of: ReplicaRef;

  constructor(of: ReplicaRef) {
    this.#of = of;
  }

  /** One property; undefined when nothing is stored under that name. One request for a small value. */
  async property(name: string, maxBytes = Infinity): Promise<ReplicaProperty | undefined> {
    return this.#still(async () => this.#show(await this.#group(name), maxBytes));
  }

  /** Some of a list's items; undefined when there is no such list. One request for each level and each 100 pages. */
  async list(
    name: string,
    start: number,
    limit: number,
  ): Promise<{ readonly items: readonly Json[]; readonly head: ListEntry } | undefined> {
    return this.#still(async () => {
      const head = await readPlace(this.#of, [name]);
      return head?.type === "list" ? { items: await this.#items(head, start, limit), head } : undefined;
    });
  }

  /** Properties in the order of their keys, at most `limit` and about 4.5 MB of JSON; at least one if there is one. */
  async page(options: {
    readonly after?: string;
    readonly limit: number;
    readonly maxBytes?: number;
  }): Promise<PropertyPage> {
    const { after, limit, maxBytes = PAGE_BYTES } = options;
    const properties: ReplicaProperty[] = [];
    let bytes = 0;
    let last: string | undefined;
    for await (const group of this.#groups(after, limit)) {
      if (properties.length >= limit || (properties.length > 0 && bytes + sizeOf(group) > maxBytes)) {
        return compact({ properties, next: last === undefined ? undefined : cursorOf(last) });
      }
      const shown = await this.#still(
        () => this.#show(group, maxBytes),
        // The property changed while it was read: its entries are read again.
        async () => this.#show(await this.#group(group.name), maxBytes),
      );
      last = group.name;
      if (shown === undefined) continue;
      properties.push(shown);
      bytes += sizeOf(group);
    }
    return { properties };
  }

  /** The names of all properties in the order of their keys. Reads every place of this peer, one request per megabyte. */
  async names(): Promise<{ readonly name: string; readonly type: "scalar" | "list" }[]> {
    const found = new Map<string, { name: string; type: "scalar" | "list" }>();
    for await (const item of peerItems(this.#of, { prefix: PLACE_PREFIX, only: ["type", "place"] })) {
      const property = propertySortKeyOf(item.sk);
      if (item["type"] === "tombstone" || found.has(property)) continue;
      const [name = ""] = parseText(String(item["place"])) as string[];
      found.set(property, { name, type: item["type"] === "list" ? "list" : "scalar" });
    }
    return [...found.values()];
  }

  /** Counts what is stored. Reads every place of this peer, one request per megabyte, but no list's pages. */
  async stats(): Promise<StorageStats> {
    let [scalarCount, listCount, bytes] = [0, 0, 0];
    let counted = "";
    const only = ["type", "bytes"];
    for await (const item of peerItems(this.#of, { prefix: PLACE_PREFIX, only })) {
      if (item["type"] === "tombstone") continue;
      bytes += Number(item["bytes"]);
      const property = propertySortKeyOf(item.sk);
      // A property of which only parts are stored counts once.
      if (property === counted) continue;
      counted = property;
      if (item["type"] === "list" && isPropertySortKey(item.sk)) listCount += 1;
      else scalarCount += 1;
    }
    return { scalarCount, listCount, bytes };
  }

  async #group(name: string): Promise<Group> {
    const entries: ReplicaEntry[] = [];
    for await (const item of peerItems(this.#of, propertyRange(name))) entries.push(fromItem(item));
    return { name, entries };
  }

  async *#groups(after: string | undefined, limit: number): AsyncGenerator<Group, void, undefined> {
    let group: { name: string; entries: ReplicaEntry[] } | undefined;
    const range = compact({
      prefix: PLACE_PREFIX,
      after: after === undefined ? undefined : beyondCursor(after),
      limit: Math.min(limit + 1, 200),
    });
    for await (const item of peerItems(this.#of, range)) {
      const entry = fromItem(item);
      const [name = ""] = entry.place;
      if (group?.name === name) {
        group.entries.push(entry);
        continue;
      }
      if (group !== undefined) yield group;
      group = { name, entries: [entry] };
    }
    if (group !== undefined) yield group;
  }

  /** @throws PageGone when a list or a value has changed since the entries were read */
  async #show(group: Group, maxBytes: number): Promise<ReplicaProperty | undefined> {
    const own = group.entries.find((entry) => entry.place.length === 1);
    if (own?.type === "list") return this.#showList(group.name, own, maxBytes);
    const parts: Part[] = [];
    for (const entry of group.entries) {
      if (entry.type === "tombstone") {
        if (entry.hides === true && entry.place.length > 1)
          parts.push({ path: entry.place.slice(1), value: undefined });
      } else if (entry.type === "value") {
        parts.push({ path: entry.place.slice(1), value: await this.#value(entry) });
      }
    }
    const value = compose(parts);
    if (value === undefined) return undefined;
    const living = group.entries.filter(
      (entry) => entry.type === "value" || (entry.type === "tombstone" && entry.hides === true),
    );
    return {
      name: group.name,
      type: "scalar",
      value,
      sequence: Math.max(...living.map((entry) => entry.sequence)),
      updatedAt: Math.max(...living.map((entry) => entry.updatedAt)),
      ...staleOf(group.entries),
    };
  }

  async #showList(name: string, head: ListEntry, maxBytes: number): Promise<ReplicaProperty> {
    const size = head.bytes + head.count;
    // As many as fit at the average size: close enough for a list that is too long anyway.
    const fitting = size <= maxBytes ? head.count : Math.floor((head.count * maxBytes) / size / 2);
    return compact({
      name,
      type: "list",
      value: await this.#items(head, 0, fitting),
      itemCount: head.count,
      description: head.description,
      explanation: head.explanation,
      sequence: head.sequence,
      updatedAt: head.updatedAt,
      ...staleOf([head]),
      truncated: fitting < head.count || undefined,
    });
  }

  /** Items of the version that the head belongs to. @throws PageGone when the list has changed since */
  async #items(head: ListEntry, start: number, limit: number): Promise<Json[]> {
    const { table, actorId, peerId } = this.#of;
    const pages = new PageReader(table, listPartition({ actorId, peerId }, head.place, head.generation));
    const items = await listItems(pages, head, start, limit);
    if (items.length === 0) return items;
    const now = await readPlace(this.#of, head.place);
    const same = now?.type === "list" && now.generation === head.generation && now.watermark === head.watermark;
    if (!same || now.touched !== head.touched) throw new PageGone();
    return items;
  }

  /** @throws PageGone when the value has been replaced since the entry was read */
  async #value(entry: Extract<ReplicaEntry, { readonly type: "value" }>): Promise<Json> {
    const text = await readBody(this.#of, entry);
    if (text === undefined) throw new PageGone();
    return parseText(text) as Json;
  }

  async #still<T>(first: () => Promise<T>, again: () => Promise<T> = first): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await (attempt === 1 ? first() : again());
      } catch (error) {
        if (!(error instanceof PageGone)) throw error;
        if (attempt === ATTEMPTS) {
          throw new ServiceError(
            "service.unavailable",
            "The stored data of this peer keeps changing while it is read; try again.",
          );
        }
      }
    }
  }
}

/** The oldest mark of a part that could not be read. */
function staleOf(entries: readonly ReplicaEntry[]): Pick<ReplicaProperty, "stale"> {
  const stales = entries.flatMap(({ stale }) => (stale === undefined ? [] : [stale]));
  const [first] = stales.toSorted((one, other) => one.since - other.since);
  return compact({ stale: first && { since: first.since, reason: first.reason } });
}

const sizeOf = (group: { readonly entries: readonly ReplicaEntry[] }): number =>
  group.entries.reduce((sum, entry) => sum + (entry.type === "tombstone" ? 0 : entry.bytes), 0);
