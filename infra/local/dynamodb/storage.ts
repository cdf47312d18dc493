import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import {
  database,
  type Callback,
  type Section,
  type Store,
  type TableDefinition,
  type WireError,
  type WireItem,
} from "./dynalite.ts";
import { Expiry } from "./expiry.ts";
import { itemBytes, MAX_ITEM_BYTES } from "./item-size.ts";

/** One entry to write or delete, under its full key. */
export type Operation =
  | { readonly type: "put"; readonly key: string; readonly value: unknown }
  | { readonly type: "del"; readonly key: string };

/** The change of one item by one write. */
export interface Effect {
  readonly table: TableDefinition;
  readonly before: WireItem | undefined;
  readonly after: WireItem | undefined;
}

/** Collects the writes of dynalite's actions, so that they reach the disk as one batch: whole, or not at all. */
export interface Staging {
  readonly store: Store;
  readonly operations: Operation[];
  /** The writes, in order. */
  readonly effects: Effect[];
  /** The items that were read, by full key. */
  readonly reads: Map<string, WireItem | undefined>;
}

/** A folder that cannot be used; the message says what happened, why, and what to do. */
export class FolderUnusable extends Error {
  override readonly name = "FolderUnusable";
}

type Batch = (operations: readonly Operation[], options: { sync: boolean }) => Promise<void>;

/**
 * The emulator's data: dynalite's store with atomic writes.
 *
 * LevelDB writes a batch to its log in one record before it applies the batch, and drops an incomplete record when it opens the
 * folder again. So the database itself journals each batch (an item with its index entries, or a whole transaction), and
 * finishes or drops it at start. dynalite alone writes an item and its index entries one after the other, which a crash could
 * separate.
 */
export class Storage {
  readonly base: Store;
  readonly expiry: Expiry;
  readonly #batch: Batch;
  readonly #tables = new Map<string, TableDefinition>();

  private constructor(base: Store) {
    this.base = base;
    // dynalite's own wrapper around `batch` cannot request an fsync.
    const batch = (Object.getPrototypeOf(base.db) as { batch: Batch }).batch;
    this.#batch = (operations, options) => batch.call(base.db, operations, options);
    this.expiry = new Expiry(base.db, (operations) => this.commit(operations));
  }

  /** Opens the folder, which is created when missing, or an empty store in memory. @throws FolderUnusable */
  static async open(dataDir: string): Promise<Storage> {
    const inMemory = dataDir === ":memory:";
    if (!inMemory) checkFolder(dataDir);
    const times = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
    const base = database.create(inMemory ? times : { ...times, path: dataDir });
    try {
      await base.db.open();
    } catch (error) {
      throw unusable(dataDir, (error as { cause?: unknown }).cause ?? error);
    }
    const storage = new Storage(base);
    await storage.#finishTables();
    await storage.expiry.load();
    return storage;
  }

  /** Writes all or nothing. `sync`: the data is on the disk when it resolves, so that it survives a power cut. */
  commit(operations: readonly Operation[], sync = false): Promise<void> {
    return operations.length === 0 ? Promise.resolve() : this.#batch(operations, { sync });
  }

  close(): Promise<void> {
    return this.base.db.close();
  }

  /** A table's definition, cached: only this process changes the folder. Rejects with ResourceNotFoundException. */
  async table(name: string): Promise<TableDefinition> {
    const known = this.#tables.get(name);
    if (known) return known;
    const table = await new Promise<TableDefinition>((resolve, reject) => {
      this.base.getTable(name, (error, found) => {
        if (error) reject(error);
        else resolve(found as TableDefinition);
      });
    });
    if (table.TableStatus === "ACTIVE") this.#tables.set(name, table);
    return table;
  }

  /** Drops the cached definition of a table that was created, changed or deleted. */
  forgetTable(name: string): void {
    this.#tables.delete(name);
  }

  /**
   * A store for dynalite's actions that writes in batches. `together: false`: an item with its index entries, when the
   * action writes the item, under the item's lock. `together: true`: nothing until the caller commits `operations`; the caller
   * must run alone.
   */
  stage(together: boolean): Staging {
    const store: Store = {
      ...this.base,
      getItemDb: (table) => this.#items(table, staging, together),
      getIndexDb: (type, table, index) => this.#index(`index-${type.toLowerCase()}~${table}~${index}~`, staging),
      getTable: (name, ...rest: unknown[]) => {
        const callback = rest.at(-1) as Callback<TableDefinition>;
        this.table(name).then(
          (table) => callback(null, table),
          // The wording of the error depends on the operation.
          () => (this.base.getTable as (...all: unknown[]) => void)(name, ...rest),
        );
      },
    };
    const staging: Staging = { store, operations: [], effects: [], reads: new Map() };
    return staging;
  }

  #items(name: string, staging: Staging, together: boolean): Section {
    const prefix = `item-${name}~`;
    const real = this.base.getItemDb(name);
    const write = async (key: string, after: WireItem | undefined): Promise<void> => {
      const table = await this.table(name);
      if (after) checkItem(table, after);
      const full = prefix + key;
      const before = staging.reads.get(full);
      staging.effects.push({ table, before, after });
      staging.operations.push(after ? { type: "put", key: full, value: after } : { type: "del", key: full });
      staging.operations.push(...this.expiry.changes(name, key, before, after));
      if (!together) await this.commit(staging.operations.splice(0));
    };
    return {
      ...real,
      lock: (key, work) => (together ? work((callback) => callback) : real.lock(key, work)),
      get: (key, callback) => {
        // LevelDB has what was read or written lately in memory: handing the read to another thread would take longer.
        const item = this.base.db.getSync(prefix + key) as WireItem | undefined;
        staging.reads.set(prefix + key, item);
        setImmediate(callback, null, item);
      },
      put: (key, item, callback) => answer(write(key, item as WireItem), callback),
      del: (key, callback) => answer(write(key, undefined), callback),
      ...this.#streams(prefix),
    };
  }

  #index(prefix: string, staging: Staging): Section {
    const keep = (operation: Operation, callback: Callback): void => {
      staging.operations.push(operation);
      callback(null);
    };
    return {
      ...this.base.getItemDb(""),
      put: (key, value, callback) => keep({ type: "put", key: prefix + key, value }, callback),
      del: (key, callback) => keep({ type: "del", key: prefix + key }, callback),
      ...this.#streams(prefix),
    };
  }

  /** Closes its iterator, unlike dynalite's own streams: each open iterator keeps a snapshot of the database. */
  #streams(prefix: string): Pick<Section, "createValueStream" | "createKeyStream"> {
    return {
      createValueStream: (range) => Readable.from(this.base.db.values(within(prefix, range))),
      createKeyStream: (range = {}) =>
        Readable.from(this.base.db.keys(within(prefix, range))).map((key: string) => key.slice(prefix.length)),
    };
  }

  /** Finishes the creation of a table that broke off, because the table would never become active otherwise. */
  async #finishTables(): Promise<void> {
    for await (const [key, value] of this.base.db.iterator({ gte: "table~", lt: "table~\xff" })) {
      const table = value as TableDefinition;
      if (table.TableStatus !== "CREATING") continue;
      table.TableStatus = "ACTIVE";
      for (const index of table.GlobalSecondaryIndexes ?? []) index.IndexStatus = "ACTIVE";
      await this.commit([{ type: "put", key, value: table }]);
    }
  }
}

function answer(result: Promise<unknown>, callback: Callback): void {
  result.then(
    (value) => setImmediate(callback, null, value),
    (error: unknown) => setImmediate(callback, error as WireError),
  );
}

function within(prefix: string, range: object): object {
  const bounds: Record<string, unknown> = { ...range };
  for (const bound of ["gt", "gte", "lt", "lte"]) {
    if (typeof bounds[bound] === "string") bounds[bound] = prefix + bounds[bound];
  }
  if (bounds["gt"] === undefined && bounds["gte"] === undefined) bounds["gte"] = prefix;
  if (bounds["lt"] === undefined && bounds["lte"] === undefined) bounds["lt"] = prefix + "\xff";
  return bounds;
}

/** Refuses items that dynalite accepts and the service does not. */
function checkItem(table: TableDefinition, item: WireItem): void {
  if (itemBytes(item) > MAX_ITEM_BYTES) {
    throw database.validationError("Item size has exceeded the maximum allowed size");
  }
  for (const index of table.GlobalSecondaryIndexes ?? []) {
    for (const { AttributeName: name } of index.KeySchema) {
      const value = item[name];
      if (value?.["S"] !== "" && value?.["B"] !== "") continue;
      throw database.validationError(
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. " +
          "The AttributeValue for a key attribute cannot contain an empty string value. " +
          `IndexName: ${index.IndexName}, IndexKey: ${name}`,
      );
    }
  }
}

/** Creates the folder step by step: `mkdir` with `recursive` never returns where the system refuses with ENOENT (`/proc`). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

function checkFolder(folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(folder, error);
  }
}

function unusable(folder: string, cause: unknown): FolderUnusable {
  const { code = "", message = "" } = cause as { code?: string; message?: string };
  if (code === "LEVEL_LOCKED") {
    return new FolderUnusable(
      `The data folder ${folder} is in use: another running service has it open, and two would spoil it. ` +
        "Stop that one, or start this one with another DATA_DIR.",
      { cause },
    );
  }
  if (code === "LEVEL_CORRUPTION") {
    return new FolderUnusable(
      `The data folder ${folder} is damaged (${message}). Restore it from a copy, or start with another DATA_DIR.`,
      { cause },
    );
  }
  return new FolderUnusable(
    `The data folder ${folder} cannot be used: ${message || String(cause)}. ` +
      "Make it a folder that this user may write to, or start with another DATA_DIR (:memory: keeps nothing).",
    { cause },
  );
}
