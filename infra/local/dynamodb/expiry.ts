import type { Level, WireItem } from "./dynalite.ts";
import type { Operation } from "./storage.ts";

/** An item whose time has ended. */
interface Expired {
  readonly table: string;
  /** The item's key within its table's section. */
  readonly key: string;
  /** The expiry entry itself. */
  readonly entry: string;
}

const SECONDS_DIGITS = 13;
const settingKey = (table: string): string => `expiry-of~${table}`;
const entryKey = (table: string, seconds: number, key: string): string =>
  `expiry~${table}~${String(seconds).padStart(SECONDS_DIGITS, "0")}~${key}`;

/**
 * TTL: the attribute of each table with the end of an item, and an ordered list of those times, written in the same batch as the
 * items, so that finding ended items never scans the table.
 */
export class Expiry {
  readonly #db: Level;
  readonly #commit: (operations: readonly Operation[]) => Promise<void>;
  readonly #attributes = new Map<string, string>();

  constructor(db: Level, commit: (operations: readonly Operation[]) => Promise<void>) {
    this.#db = db;
    this.#commit = commit;
  }

  /** Reads the settings of the folder. */
  async load(): Promise<void> {
    for await (const [key, value] of this.#db.iterator({ gte: settingKey(""), lt: settingKey("\xff") })) {
      this.#attributes.set(key.slice(settingKey("").length), value as string);
    }
  }

  /** The attribute that holds the time, in seconds since 1970; undefined when the table has none. */
  attribute(table: string): string | undefined {
    return this.#attributes.get(table);
  }

  /** Turns TTL on, also for the items that exist, or off. */
  async set(table: string, attribute: string | undefined): Promise<void> {
    const operations: Operation[] = [];
    for await (const key of this.#db.keys({ gte: `expiry~${table}~`, lt: `expiry~${table}~\xff` })) {
      operations.push({ type: "del", key });
    }
    this.#attributes.delete(table);
    if (attribute === undefined) {
      operations.push({ type: "del", key: settingKey(table) });
    } else {
      this.#attributes.set(table, attribute);
      operations.push({ type: "put", key: settingKey(table), value: attribute });
      const prefix = `item-${table}~`;
      for await (const [key, item] of this.#db.iterator({ gte: prefix, lt: prefix + "\xff" })) {
        operations.push(...this.changes(table, key.slice(prefix.length), undefined, item as WireItem));
      }
    }
    await this.#commit(operations);
  }

  /** The changes of the list for a write of an item. */
  changes(table: string, key: string, before: WireItem | undefined, after: WireItem | undefined): Operation[] {
    const attribute = this.#attributes.get(table);
    if (attribute === undefined) return [];
    const old = seconds(before, attribute);
    const fresh = seconds(after, attribute);
    if (old === fresh) return [];
    const operations: Operation[] = [];
    if (old !== undefined) operations.push({ type: "del", key: entryKey(table, old, key) });
    if (fresh !== undefined) operations.push({ type: "put", key: entryKey(table, fresh, key), value: true });
    return operations;
  }

  /** At most `limit` items whose time was before `now` (ms since 1970). */
  async due(now: number, limit: number): Promise<Expired[]> {
    const found: Expired[] = [];
    const until = String(Math.floor(now / 1000)).padStart(SECONDS_DIGITS, "0");
    for (const table of this.#attributes.keys()) {
      const prefix = `expiry~${table}~`;
      for await (const entry of this.#db.keys({ gte: prefix, lt: prefix + until, limit: limit - found.length })) {
        found.push({ table, key: entry.slice(prefix.length + SECONDS_DIGITS + 1), entry });
      }
      if (found.length >= limit) break;
    }
    return found;
  }
}

function seconds(item: WireItem | undefined, attribute: string): number | undefined {
  const number = Number(item?.[attribute]?.["N"] ?? Number.NaN);
  return number > 0 && number < 10 ** SECONDS_DIGITS ? Math.floor(number) : undefined;
}
