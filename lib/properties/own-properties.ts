/** What can be done with an actor's own properties, by an owner or within a peer's permissions. */
import { recordDelete, recordSet } from "../domain/diff/change-record.ts";
import { compact } from "../system/compact.ts";
import { valueAt } from "../domain/json/json-path.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import type { Place } from "../domain/terms/scope.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { bytesInResult } from "../http/answer-size.ts";
import { propertyText } from "./limits.ts";
import type { Permit } from "./permit.ts";
import type { PropertyReads, ReadProperty } from "./property-reads.ts";
import { batch, batchOf, noListForBatch } from "./list-batch.ts";
import { asksForList, creation, deleting, indexFrom, putting, puttingItem } from "./list-requests.ts";
import type { MisfitError } from "./list-steps.ts";
import type { OwnList } from "./own-list.ts";
import type { Property } from "./property-item.ts";
import type { Before, ChangedList, ChangedLists, Plan, PlannedChange, PlannedRequests } from "./property-plan.ts";
import type { PropertyStore } from "./property-store.ts";

/** How many properties there are and what they take. */
export interface PropertyTotals {
  readonly names: readonly string[];
  /** Of their values as JSON. */
  readonly bytes: number;
  /** The lists, which are not among them. */
  readonly lists: readonly OwnList[];
}

/** What stands for a list among all properties, `items` its items when they have been read with it. */
export type ShowList = (list: OwnList, items?: readonly Json[]) => Promise<JsonObject | undefined>;

/** One actor's own properties as one caller meets them. */
export class OwnProperties {
  readonly #store: PropertyStore;
  readonly #actorId: string;
  readonly #permit: Permit;
  readonly #reads: PropertyReads;

  /** `reads`: where to read from instead of the store. */
  constructor(store: PropertyStore, actorId: string, permit: Permit, reads: PropertyReads = store) {
    this.#store = store;
    this.#actorId = actorId;
    this.#permit = permit;
    this.#reads = reads;
  }

  /** A property as it is stored, a list too; undefined when there is none for this caller. One request. */
  async find(name: string): Promise<Property | undefined> {
    const property = await this.#reads.get(this.#actorId, name);
    // A list is one place: it is seen whole or not at all.
    const hidden = property?.list !== undefined && this.#permit.visible([], [name]) === undefined;
    return hidden ? undefined : property;
  }

  /** What the caller sees of a property that is no list, at a place in it. */
  visible(property: Property, place: Place): Json | undefined {
    const value = valueAt(parseText(property.text) as Json, place.slice(1));
    return value === undefined ? undefined : this.#permit.visible(value, place);
  }

  /** The value at a place; undefined when there is none for this caller, and in a list. One request. */
  async get(place: Place): Promise<Json | undefined> {
    const property = await this.find(nameOf(place));
    return property === undefined || property.list !== undefined ? undefined : this.visible(property, place);
  }

  /**
   * All properties as the JSON text of one object, a list by its length, or by what `show` makes of it. Undefined when
   * `show` gives that: the list has changed, and all is to be read again. @throws ServiceError request.too_large over
   * `most` bytes, counted as they go into a function's result
   */
  async allText(most: number, show?: ShowList): Promise<string | undefined> {
    const members: string[] = [];
    let bytes = 2;
    for await (const { name, text, list, items, bytes: size } of this.#visible()) {
      if (list !== undefined && show !== undefined && bytes + size > most) throw tooLarge();
      const shown = list === undefined || show === undefined ? text : printJson(await show(list, items));
      // Of undefined there is no JSON text, whatever the type says.
      if ((shown as string | undefined) === undefined) return undefined;
      const member = `${JSON.stringify(name)}:${shown}`;
      bytes += bytesInResult(member) + 1;
      if (bytes > most) throw tooLarge();
      members.push(member);
    }
    return `{${members.join(",")}}`;
  }

  /** What there is, without the values. */
  async totals(): Promise<PropertyTotals> {
    const names: string[] = [];
    const lists: OwnList[] = [];
    let total = 0;
    for await (const { name, bytes, list } of this.#visible()) {
      if (list !== undefined) {
        lists.push(list);
        continue;
      }
      names.push(name);
      total += bytes;
    }
    return { names, bytes: total, lists };
  }

  /**
   * Sets a place, or deletes it when the value is undefined; deleting what is not there changes nothing. In a list a place
   * is an index, or `metadata`. `item`: the index of an item, as a query names it; a property that is no list has none.
   * @throws ServiceError auth.forbidden, resource.conflict for a path through a non-object, or for a value in the place of
   *   a list, request.too_large, resource.not_found beyond the end of a list, request.invalid for what is no index in it
   */
  async put(place: Place, value: Json | undefined, item: string | null = null): Promise<void> {
    if (takesAway(value)) this.#demandTakingAway(place, item);
    else this.#permit.demandWrite(place);
    if (value !== undefined) propertyText(value);
    const name = nameOf(place);
    await this.#change([name], (before) => {
      const property = before.property(name);
      const list = property?.list;
      if (list === undefined && item !== null) throw property === undefined ? noSuchProperty() : isAValue();
      if (list === undefined) return this.#putting(place, value, before.value(name));
      if (place.length > 1) this.#permit.demandWrite([name]);
      if (item !== null) return this.#operating(list, puttingItem(list, indexFrom(item), value));
      return this.#operating(list, putting(list, place.slice(1), value));
    });
  }

  /**
   * Sets several properties, makes lists and changes items of them, or nothing when one cannot be; `""` deletes one. What
   * became of the lists is the answer. @throws ServiceError as `put`
   */
  async putAll(values: ReadonlyMap<string, Json>): Promise<ChangedLists> {
    for (const [name, value] of values) {
      if (takesAway(value)) this.#permit.demandDelete([name]);
      else this.#permit.demandWrite([name]);
      // The items of a list are checked one by one, once it is known that they are such.
      if (batchOf(value) === undefined) propertyText(value);
    }
    return await this.#change([...values.keys()], (before) =>
      [...values].flatMap(([name, value]) => this.#posting(name, value, before)),
    );
  }

  /**
   * Carries out operations on a list, in the wire's form; `requests` may be asked again.
   * @throws ServiceError auth.forbidden, resource.not_found, resource.conflict when it is no list, and as `listSteps`
   */
  async operate(
    name: string,
    requests: (list: OwnList) => readonly JsonObject[],
    misfit?: MisfitError,
  ): Promise<ChangedList> {
    this.#permit.demandChange([name]);
    const changed = await this.#change([name], (before) => {
      const property = before.property(name);
      if (property === undefined) throw noSuchProperty();
      if (property.list === undefined) throw isAValue();
      return this.#operating(property.list, requests(property.list), misfit);
    });
    return changed.get(name) ?? { index: null, count: 0 };
  }

  /** For a request that has nothing to change at a name. @throws ServiceError auth.forbidden, resource.not_found */
  async demandProperty(name: string): Promise<void> {
    this.#permit.demandWrite([name]);
    if ((await this.find(name)) === undefined) throw noSuchProperty();
  }

  /**
   * Deletes a place; a property that is not there is deleted already. `item` as for `put`.
   * @throws ServiceError auth.forbidden, resource.not_found for a place below a property, resource.conflict when an item
   *   is to be deleted of what is no list
   */
  async delete(place: Place, item: string | null = null): Promise<void> {
    this.#demandTakingAway(place, item);
    const name = nameOf(place);
    await this.#change([name], (before) => {
      const property = before.property(name);
      const list = property?.list;
      if (list !== undefined) {
        if (place.length > 1) this.#permit.demandWrite([name]);
        return this.#operating(list, deleting(place.slice(1), item));
      }
      if (item === null) this.#permit.demandDelete(place);
      if (property === undefined) return [];
      if (item !== null) throw isAValue();
      const old = before.value(name);
      const made = recordDelete(old, place);
      if (made === "missing") throw noSuchProperty();
      this.#permit.demandDeleteBelow(place, old);
      return [{ name, ...made }];
    });
  }

  /** Deletes all properties; there may be none. @throws ServiceError auth.forbidden unless the caller may delete each */
  async deleteAll(): Promise<void> {
    this.#permit.demandDeleteAll();
    const one = ({ name, text, list }: Property): void => {
      if (this.#permit.deletesWhole([name])) return;
      this.#permit.demandDelete([name]);
      // A list is one place.
      if (list === undefined) this.#permit.demandDeleteBelow([name], parseText(text) as Json);
    };
    await this.#store.deleteAll(this.#actorId, this.#permit.deletesWhole([]) ? undefined : one);
  }

  /**
   * An item of a list needs the right to write, everything else the right to delete. Below a name only the stored property
   * tells which of them the place is. @throws ServiceError auth.forbidden
   */
  #demandTakingAway(place: Place, item: string | null): void {
    if (item !== null) this.#permit.demandWrite(place);
    else if (place.length === 1) this.#permit.demandDelete(place);
    else this.#permit.demandChange(place);
  }

  #operating(list: OwnList, requests: readonly JsonObject[], misfit?: MisfitError): readonly PlannedRequests[] {
    const place = [list.name];
    for (const { operation } of requests) {
      if (operation === "delete_all") this.#permit.demandDelete(place);
      else this.#permit.demandWrite(place);
    }
    return [compact({ name: list.name, requests, misfit })];
  }

  #posting(name: string, value: Json, before: Before): readonly (PlannedChange | PlannedRequests)[] {
    const current = before.property(name);
    if (asksForList(value)) {
      if (current !== undefined && current.list === undefined) throw isAValue();
      return [{ name, requests: creation(value, current?.list) }];
    }
    const entries = batchOf(value);
    if (entries !== undefined) {
      if (current?.list === undefined) throw noListForBatch(name);
      return this.#operating(current.list, batch(entries, current.list));
    }
    const put = value === "" ? undefined : value;
    if (current?.list === undefined) return this.#putting([name], put, before.value(name));
    return this.#operating(current.list, putting(current.list, [], put));
  }

  #putting(place: Place, value: Json | undefined, before: Json | undefined): readonly PlannedChange[] {
    if (takesAway(value)) this.#permit.demandDelete(place);
    const made = recordSet(before, place, value ?? null);
    if (made === "blocked") {
      throw new ServiceError("resource.conflict", "The path leads through a value that is no object.");
    }
    if (takesAway(value)) this.#permit.demandDeleteBelow(place, before);
    else this.#permit.demandWriteBelow(place, before, value);
    const name = nameOf(place);
    if (value !== undefined) return [{ name, ...made }];
    const removed = recordDelete(before, place);
    return removed === "missing" ? [] : [{ name, ...removed }];
  }

  async #change(names: readonly string[], plan: Plan): Promise<ChangedLists> {
    return await this.#store.change(this.#actorId, names, plan);
  }

  /** What the caller sees of each property. */
  async *#visible(): AsyncGenerator<ReadProperty> {
    for await (const property of this.#reads.all(this.#actorId)) {
      const { name, text, list } = property;
      if (this.#permit.seesWhole([name])) {
        yield property;
        continue;
      }
      const visible = this.#permit.visible(list === undefined ? (parseText(text) as Json) : [], [name]);
      if (visible === undefined) continue;
      if (list !== undefined) {
        yield property;
        continue;
      }
      const part = printJson(visible);
      yield { ...property, text: part, bytes: Buffer.byteLength(part) };
    }
  }
}

/** True for values that need the right to delete: none, an empty text, and null. */
const takesAway = (value: Json | undefined): boolean => value === undefined || value === null || value === "";

const nameOf = (place: Place): string => place[0] ?? "";

/** The answer to what is not there, or not for this caller. */
export const noSuchProperty = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no such property, or nothing at this path in it.");

/** A name stands for a value or for a list, never for both. */
export const isAValue = (): ServiceError =>
  new ServiceError("resource.conflict", "There is a property of this name that is no list.");

/** What to do about all properties when they are too large for one answer. */
export const ALL_TOO_LARGE =
  "All properties together are too large for one answer: ask with ?metadata=true for their names, and then for each.";

const tooLarge = (): ServiceError => new ServiceError("request.too_large", ALL_TOO_LARGE);
