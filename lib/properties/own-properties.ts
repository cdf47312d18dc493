/** An actor's own properties as one caller, an owner or a peer, may read and change them. */
import { valueAt } from "../domain/json/json-path.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import type { Place } from "../domain/terms/scope.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { bytesInResult } from "../http/answer-size.ts";
import { propertyText } from "./limits.ts";
import { batchOf } from "./list-batch.ts";
import type { MisfitError } from "./list-steps.ts";
import type { OwnList } from "./own-list.ts";
import type { Permit } from "./permit.ts";
import { decideDelete, decideOperations, decidePost, decidePut, nameOf, takesAway } from "./property-decisions.ts";
import { noSuchProperty, type Property } from "./property-item.ts";
import type { ChangedList, ChangedLists } from "./property-plan.ts";
import type { PropertyReads, ReadProperty } from "./property-reads.ts";
import type { PropertyStore } from "./property-store.ts";

/** The names of properties, and the bytes of their values. */
export interface PropertyTotals {
  readonly names: readonly string[];
  /** The bytes of the values as JSON. */
  readonly bytes: number;
  /** The lists; `names` and `bytes` leave them out. */
  readonly lists: readonly OwnList[];
}

/**
 * Shows a list among all properties; undefined when the list has changed since it was read. `items` are its items when
 * they were read with it.
 */
export type ShowList = (list: OwnList, items?: readonly Json[]) => Promise<JsonObject | undefined>;

/**
 * One actor's own properties for one caller. Changes are decided by `property-decisions.ts` and committed by the store;
 * here is what can be refused before anything is read.
 */
export class OwnProperties {
  readonly #store: PropertyStore;
  readonly #actorId: string;
  readonly #permit: Permit;
  readonly #reads: PropertyReads;

  /** @param reads where to read from instead of the store */
  constructor(store: PropertyStore, actorId: string, permit: Permit, reads: PropertyReads = store) {
    this.#store = store;
    this.#actorId = actorId;
    this.#permit = permit;
    this.#reads = reads;
  }

  /** A property as it is stored, a list too; undefined when the caller sees none. One request. */
  async find(name: string): Promise<Property | undefined> {
    const property = await this.#reads.get(this.#actorId, name);
    // A list is one place: it is visible as a whole or not at all.
    const hidden = property?.list !== undefined && this.#permit.visible([], [name]) === undefined;
    return hidden ? undefined : property;
  }

  /** The part of a value that the caller sees at a place in it. The property is no list. */
  visible(property: Property, place: Place): Json | undefined {
    const value = valueAt(parseText(property.text) as Json, place.slice(1));
    return value === undefined ? undefined : this.#permit.visible(value, place);
  }

  /** The value at a place; undefined when the caller sees none, and in a list. One request. */
  async get(place: Place): Promise<Json | undefined> {
    const property = await this.find(nameOf(place));
    return property === undefined || property.list !== undefined ? undefined : this.visible(property, place);
  }

  /**
   * All properties as the JSON text of one object, each list by its length, or as `show` shows it. Undefined when
   * `show` gives undefined: a list has changed, and the caller reads all again.
   * @throws ServiceError request.too_large over `most` bytes, counted as in a function's result
   */
  async allText(most: number, show?: ShowList): Promise<string | undefined> {
    const members: string[] = [];
    let bytes = 2;
    for await (const { name, text, list, items, bytes: size } of this.#visible()) {
      if (list !== undefined && show !== undefined && bytes + size > most) throw tooLarge();
      const shown = list === undefined || show === undefined ? text : printJson(await show(list, items));
      // The JSON text of undefined is undefined, whatever the type says.
      if ((shown as string | undefined) === undefined) return undefined;
      const member = `${JSON.stringify(name)}:${shown}`;
      bytes += bytesInResult(member) + 1;
      if (bytes > most) throw tooLarge();
      members.push(member);
    }
    return `{${members.join(",")}}`;
  }

  /** All properties without their values. */
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
   * Sets a place, or deletes it when the value is undefined; deleting what is not there changes nothing.
   * @param item the index of an item, as a query names it (see `Target`)
   * @throws ServiceError as `decidePut`, request.too_large, request.invalid for a value that nests too deep
   */
  async put(place: Place, value: Json | undefined, item: string | null = null): Promise<void> {
    if (takesAway(value)) this.#demandTakingAway(place, item);
    else this.#permit.demandWrite(place);
    if (value !== undefined) propertyText(value);
    await this.#store.change(this.#actorId, [nameOf(place)], (stored) =>
      decidePut(this.#permit, stored, { place, item }, value),
    );
  }

  /**
   * Sets several properties, makes lists and changes items of them, or nothing when one cannot be; `""` deletes one.
   * @returns what became of the lists
   * @throws ServiceError as `put`
   */
  async putAll(values: ReadonlyMap<string, Json>): Promise<ChangedLists> {
    for (const [name, value] of values) {
      if (takesAway(value)) this.#permit.demandDelete([name]);
      else this.#permit.demandWrite([name]);
      // The items of a batch are checked one by one, once it is known that there is such a list.
      if (batchOf(value) === undefined) propertyText(value);
    }
    return await this.#store.change(this.#actorId, [...values.keys()], (stored) =>
      [...values].flatMap(([name, value]) => decidePost(this.#permit, stored, name, value)),
    );
  }

  /**
   * Carries out operations on a list, in the wire's form. `requests` is called again when another writer came first.
   * @throws ServiceError as `decideOperations` and `listSteps`
   */
  async operate(
    name: string,
    requests: (list: OwnList) => readonly JsonObject[],
    misfit?: MisfitError,
  ): Promise<ChangedList> {
    this.#permit.demandChange([name]);
    const changed = await this.#store.change(this.#actorId, [name], (stored) =>
      decideOperations(this.#permit, stored.get(name), requests, misfit),
    );
    return changed.get(name) ?? { index: null, count: 0 };
  }

  /**
   * Demands that there is a property which the caller may write. @throws ServiceError auth.forbidden,
   * resource.not_found
   */
  async demandProperty(name: string): Promise<void> {
    this.#permit.demandWrite([name]);
    if ((await this.find(name)) === undefined) throw noSuchProperty();
  }

  /** Deletes a place. @param item as for `put` @throws ServiceError as `decideDelete` */
  async delete(place: Place, item: string | null = null): Promise<void> {
    this.#demandTakingAway(place, item);
    await this.#store.change(this.#actorId, [nameOf(place)], (stored) =>
      decideDelete(this.#permit, stored, { place, item }),
    );
  }

  /**
   * Deletes all properties; there may be none. @throws ServiceError auth.forbidden unless the caller may delete each
   */
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
   * Deleting an item of a list needs the right to write, everything else the right to delete. For a place below a name
   * only the stored property decides which of them it is, so here either right is enough. @throws ServiceError
   * auth.forbidden
   */
  #demandTakingAway(place: Place, item: string | null): void {
    if (item !== null) this.#permit.demandWrite(place);
    else if (place.length === 1) this.#permit.demandDelete(place);
    else this.#permit.demandChange(place);
  }

  /** Each property as the caller sees it. */
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

/** The error message, with advice, when all properties are too large for one answer. */
export const ALL_TOO_LARGE =
  "All properties together are too large for one answer: ask with ?metadata=true for their names, and then for each.";

const tooLarge = (): ServiceError => new ServiceError("request.too_large", ALL_TOO_LARGE);
