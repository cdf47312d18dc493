/** One list among an actor's own properties, as the application's code uses it: no permissions apply. */
import { compact } from "../system/compact.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { checkName } from "../properties/limits.ts";
import { untilStill } from "../properties/until-still.ts";
import { creation } from "../properties/list-requests.ts";
import type { ListWords, OwnList } from "../properties/own-list.ts";
import type { ChangedList } from "../properties/property-plan.ts";
import type { PropertyStore } from "../properties/property-store.ts";
import { OwnProperties } from "../properties/own-properties.ts";
import { Permit } from "../properties/permit.ts";
import { isAValue } from "../properties/property-item.ts";

/** The description of a list, and its length. */
export interface ListAbout extends ListWords {
  readonly count: number;
}

/**
 * Each change is one transaction with its record in the change log, and costs the same however long the list is: a change in
 * the middle takes one more read for each level of the list, a change by value what finding the value takes. `append`,
 * `extend`, `insert` at 0 and `describe` make the list when there is none. All methods reject with `resource.conflict` when the
 * name is that of a value, `resource.not_found` for an item that does not exist, and `request.too_large` for an item over
 * 256 KiB.
 */
export class ActorList {
  readonly name: string;
  readonly #actorId: string;
  readonly #store: PropertyStore;
  readonly #own: OwnProperties;

  constructor(actorId: string, name: string, store: PropertyStore) {
    checkName(name);
    this.name = name;
    this.#actorId = actorId;
    this.#store = store;
    this.#own = new OwnProperties(store, actorId, new Permit());
  }

  /** Puts an item at the end; resolves with its index. */
  async append(item: Json): Promise<number> {
    return (await this.#operate({ operation: "append", item })).index ?? 0;
  }

  /** Puts items at the end, all at once. At most 1.5 MiB of JSON; more takes several calls. */
  async extend(items: readonly Json[]): Promise<void> {
    await this.#operate({ operation: "extend", items });
  }

  /** Puts an item before the one at an index, or at the end when it is the length. */
  async insert(index: number, item: Json): Promise<void> {
    await this.#operate({ operation: "insert", index, item });
  }

  /** Replaces the item at an index. */
  async update(index: number, item: Json): Promise<void> {
    await this.#operate({ operation: "update", index, item });
  }

  /** Deletes the item at an index. */
  async delete(index: number): Promise<void> {
    await this.#operate({ operation: "delete", index });
  }

  /** Deletes the item at an index, the last one when none is given, and resolves with it. */
  async pop(index?: number): Promise<Json> {
    const popped = await this.#operate(compact({ operation: "pop", index }));
    return popped.taken ?? null;
  }

  /** Deletes the first item that equals a value. */
  async remove(item: Json): Promise<void> {
    await this.#operate({ operation: "remove", item });
  }

  /** Deletes all items; the list stays. */
  async clear(): Promise<void> {
    await this.#operate({ operation: "clear" });
  }

  /** Sets the description and the explanation of the list, at most 8 KiB each; what is not given stays. */
  async describe(words: Partial<ListWords>): Promise<void> {
    await this.#change((current) => creation({ ...words }, current));
  }

  /** The description and the length of the list; undefined when there is none. One request. */
  async about(): Promise<ListAbout | undefined> {
    const list = await this.#list();
    if (list === undefined) return undefined;
    return { description: list.description, explanation: list.explanation, count: list.shape.count };
  }

  /** The items from `start` on, at most `limit`, all of one moment; an empty array when there is no list. */
  async items({ start = 0, limit = Number.MAX_SAFE_INTEGER } = {}): Promise<readonly Json[]> {
    return await untilStill(async () => {
      const list = await this.#list();
      return list === undefined ? [] : await this.#store.items(this.#actorId, list, start, limit);
    });
  }

  async #list() {
    const property = await this.#own.find(this.name);
    if (property !== undefined && property.list === undefined) throw isAValue();
    return property?.list;
  }

  async #operate(request: JsonObject): Promise<ChangedList> {
    return await this.#change(() => [request]);
  }

  async #change(asked: (current: OwnList | undefined) => readonly JsonObject[]): Promise<ChangedList> {
    const { name } = this;
    const changed = await this.#store.change(this.#actorId, [name], (stored) => {
      const current = stored.get(name);
      if (current !== undefined && current.list === undefined) throw isAValue();
      const requests = asked(current?.list);
      return [{ name, requests, returnsRemoved: requests[0]?.["operation"] === "pop" }];
    });
    return changed.get(name) ?? { index: null, count: 0 };
  }
}
