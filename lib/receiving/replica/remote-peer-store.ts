import { compact } from "../../system/compact.ts";
import { readListOperation } from "../../domain/diff/list-operations.ts";
import { isObject, own } from "../../domain/json/json.ts";
import { placeOf, type Place } from "../../domain/terms/scope.ts";
import type { Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Ids, Json, JsonObject } from "../../system/ports.ts";
import type { IncomingDiff } from "./incoming.ts";
import { PAGE_BYTES, PeerReader, type ReplicaProperty, type PropertyPage, type StorageStats } from "./peer-reader.ts";
import { placesIn, type Replica } from "./peer-places.ts";
import { PeerStore } from "./peer-store.ts";
import { changeOf, newList, newValue, removal, type PlaceChange } from "./place-change.ts";
import type { ReplicaEntry } from "./replica-entry.ts";
import { isAmong } from "./state-writer.ts";
import { localWrite, TOUCHES_PER_MS, type WritePolicy } from "./write-policy.ts";
import { writePlace, type Outcome } from "./write-place.ts";

/** The actor that the replica belongs to, and the ports of its storage. */
export interface PeerStoreOwner {
  readonly id: string;
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** The content of a callback, or a whole state, for the scope of one subscription. */
export interface ReceivedContent {
  /** `properties`; content for another target is refused. */
  readonly target: string;
  readonly subtarget?: string | null;
  readonly resource?: string | null;
  readonly data: Json;
  /** JSON Pointers within `data` whose values are literal. */
  readonly overwritten?: readonly string[];
}

export interface ListWords {
  readonly description?: string;
  readonly explanation?: string;
}

/** A property as the service's own routes show it, `updatedAt` in ms since 1970. */
export type ShownProperty = Omit<ReplicaProperty, "name">;

/** A property without the fields that only the service's own routes show. */
export type StoredProperty = Pick<ReplicaProperty, "type" | "value" | "itemCount">;

/**
 * The copy of one peer's state, for the application: to read, and to change by hand. A change made here keeps the
 * position of what it replaces, so whatever the peer sends next replaces it. Every method rejects with
 * `service.unavailable` when other writes come first again and again, and with the table's own errors.
 */
export class RemotePeerStore {
  readonly #ids: Ids;
  readonly #replica: Replica;
  readonly #reader: PeerReader;
  readonly #store: PeerStore;

  constructor(actor: PeerStoreOwner, peerId: string) {
    this.#ids = actor.ids;
    this.#replica = { table: actor.table, clock: actor.clock, actorId: actor.id, peerId };
    this.#reader = new PeerReader(this.#replica);
    this.#store = new PeerStore(this.#replica);
  }

  /** Stores the value under the name, exactly as given; `""` and null delete. */
  async setValue(name: string, value: Json): Promise<void> {
    if (value === "" || value === null) return this.deleteValue(name);
    await this.#write([name], newValue(value));
  }

  /** The value under the name, equal to what the peer sent; undefined when there is none, or a list. */
  async getValue(name: string): Promise<Json | undefined> {
    const found = await this.#reader.property(name, 0);
    return found?.type === "scalar" ? found.value : undefined;
  }

  /** Deletes the value of that name; a list is left alone. */
  async deleteValue(name: string): Promise<void> {
    await this.#remove(name, "value");
  }

  /** Stores the items, in order, as the list of that name, in place of whatever is stored. */
  async setList(name: string, items: readonly Json[], words: ListWords = {}): Promise<void> {
    await this.#write([name], newList({ items, ...words }));
  }

  /** All items of the list; undefined when there is no such list. `from` and `limit` take a part of it. */
  async getList(name: string, from = 0, limit = Infinity): Promise<readonly Json[] | undefined> {
    return (await this.#reader.list(name, from, limit))?.items;
  }

  /** The item at an index, counted from the end when negative; undefined when there is none. */
  async itemAt(name: string, index: number): Promise<Json | undefined> {
    if (index < 0) {
      const count = (await this.#reader.list(name, 0, 0))?.head.count ?? 0;
      return count + index < 0 ? undefined : this.itemAt(name, count + index);
    }
    return (await this.#reader.list(name, index, 1))?.items[0];
  }

  /**
   * Applies one operation as a callback carries it (`{operation, item?, …}`; `list` may be left out).
   *
   * @returns false when it is inapplicable: nothing changes, and the list is marked to be read again from its publisher
   * @throws ServiceError `request.invalid` when it is no list operation
   */
  async applyListOperation(name: string, fields: JsonObject): Promise<boolean> {
    const operation = readListOperation({ ...fields, list: name }, name);
    if (operation === undefined) throw new ServiceError("request.invalid", "This is not a list operation.");
    const step = { kind: "operation" as const, place: [name], operation: { ...operation, list: name } };
    return !(await this.#write([name], changeOf(step))).reread;
  }

  /** Deletes the list of that name; a value is left alone. */
  async deleteList(name: string): Promise<void> {
    await this.#remove(name, "list");
  }

  /** The names of all values, in the order of their keys. */
  async listAllScalars(): Promise<string[]> {
    return (await this.#reader.names()).flatMap(({ name, type }) => (type === "scalar" ? name : []));
  }

  /** The names of all lists, in the order of their keys. */
  async listAllLists(): Promise<string[]> {
    return (await this.#reader.names()).flatMap(({ name, type }) => (type === "list" ? name : []));
  }

  /** Everything that is stored, lists with all their items. Read a big store page by page instead. */
  async getAllProperties(): Promise<Record<string, StoredProperty>> {
    const found: [string, StoredProperty][] = [];
    let after: string | undefined;
    do {
      const page: PropertyPage = await this.#reader.page(compact({ limit: 200, maxBytes: Infinity, after }));
      for (const { name, type, value, itemCount } of page.properties) {
        found.push([name, compact({ type, value, itemCount })]);
      }
      after = page.next;
    } while (after !== undefined);
    return Object.fromEntries(found);
  }

  /** How many values and lists are stored, and their bytes as JSON. */
  getStorageStats(): Promise<StorageStats> {
    return this.#reader.stats();
  }

  /**
   * Applies a callback's diff the way automatic storage does, list operations included, for an application that keeps
   * what arrives itself.
   *
   * @returns the places that must be read from the publisher
   */
  async applyCallbackData(content: ReceivedContent): Promise<{ readonly reread: readonly Place[] }> {
    const diff: IncomingDiff = compact({
      scope: scopeOf(content),
      excludedScopes: [],
      data: content.data,
      nested: "merge",
      overwritten: content.overwritten,
    });
    const { reread } = await this.#store.apply(diff, this.#policy());
    return { reread };
  }

  /**
   * Replaces what is stored by a whole state: of all properties `{name: value}`, lists as
   * `{"_list": true, "items": […]}`; of one property its bare value. Places that the state lacks are deleted.
   */
  async applyResyncData(content: ReceivedContent): Promise<void> {
    const scope = scopeOf(content);
    const { data } = content;
    if (scope.length === 0 && !isObject(data)) {
      throw new ServiceError("request.invalid", "The state of all properties must be an object.");
    }
    const parts: (readonly [Place, Json])[] =
      scope.length > 0 ? [[scope, data]] : Object.entries(data as JsonObject).map(([name, value]) => [[name], value]);
    for (const [place, value] of parts) await this.#putState(place, value);
    const isKept = isAmong(parts.map(([place]) => place));
    for (const entry of await placesIn(this.#replica, { scope, excludedScopes: [] })) {
      if (!isKept(entry) && entry.type !== "tombstone") await this.#write(entry.place, removal(false), entry);
    }
  }

  /** Deletes everything that is stored of the peer. */
  async deleteAll(): Promise<void> {
    await this.#store.deleteAll();
  }

  /**
   * Properties in the order of their keys, each with the time and the number of its newest diff, at most `limit` and about
   * 4.5 MB: what `GET /peers/{peerId}/properties` answers. `next` is the name to pass as `after`.
   */
  async page(options: {
    readonly after?: string;
    readonly limit: number;
  }): Promise<{ readonly data: Readonly<Record<string, ShownProperty>>; readonly next?: string }> {
    const { properties, next } = await this.#reader.page(options);
    const data = Object.fromEntries(properties.map(({ name, ...shown }) => [name, shown]));
    return compact({ data, next });
  }

  /** The same of one property, a list cut to about 4.5 MB; undefined when nothing is stored under that name. */
  async one(name: string): Promise<ShownProperty | undefined> {
    const found = await this.#reader.property(name, PAGE_BYTES);
    if (found === undefined) return undefined;
    const { name: _name, ...shown } = found;
    return shown;
  }

  async #putState(place: Place, value: Json): Promise<void> {
    const items = isObject(value) && own(value, "_list") === true ? own(value, "items") : undefined;
    if (!isObject(value) || !Array.isArray(items)) {
      await this.#write(place, newValue(value));
      return;
    }
    const text = (name: string): string | undefined => {
      const word = own(value, name);
      return typeof word === "string" ? word : undefined;
    };
    const words = { description: text("description"), explanation: text("explanation") };
    await this.#write(place, newList(compact({ items, ...words })));
  }

  async #remove(name: string, type: "value" | "list"): Promise<void> {
    for (const entry of await placesIn(this.#replica, { scope: [name], excludedScopes: [] })) {
      if (entry.type === type) await this.#write(entry.place, removal(false), entry);
    }
  }

  async #write(place: Place, change: PlaceChange, known?: ReplicaEntry): Promise<Outcome> {
    return await writePlace(this.#replica, { place, policy: this.#policy(), known }, change);
  }

  /** A number that grows with time and is never the same twice: two writes in one millisecond differ in their random bits. */
  #policy(): WritePolicy {
    return localWrite(this.#replica.clock.now() * TOUCHES_PER_MS + parseInt(this.#ids.id().slice(0, 3), 16));
  }
}

function scopeOf(content: ReceivedContent): Place {
  const { target, subtarget, resource } = content;
  if (target !== "properties") throw new ServiceError("request.invalid", "Only content of properties is kept.");
  return placeOf(compact({ target, subtarget: subtarget || undefined, resource: resource || undefined }));
}
