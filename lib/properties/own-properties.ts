/** What can be done with an actor's own properties, by an owner or within a peer's permissions. */
import { recordDelete, recordSet } from "../domain/change-record.ts";
import { valueAt } from "../domain/json-path.ts";
import type { Place } from "../domain/scope.ts";
import { ServiceError } from "../errors.ts";
import type { Json } from "../ports.ts";
import { MAX_ANSWER_BYTES, propertyText } from "./limits.ts";
import type { Permit } from "./permit.ts";
import type { PropertyReads } from "./positioned-properties.ts";
import type { Plan, PlannedChange, PropertyStore } from "./property-store.ts";

/** How many properties there are and what they take. */
export interface PropertyTotals {
  readonly names: readonly string[];
  /** Of their values as JSON. */
  readonly bytes: number;
}

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

  /** The value at a place; undefined when there is none for this caller. One request. */
  async get(place: Place): Promise<Json | undefined> {
    const property = await this.#reads.get(this.#actorId, nameOf(place));
    if (property === undefined) return undefined;
    const value = valueAt(JSON.parse(property.text) as Json, place.slice(1));
    return value === undefined ? undefined : this.#permit.seen(value, place);
  }

  /** All properties as the JSON text of one object. @throws ServiceError request.too_large over 5 MiB */
  async allText(): Promise<string> {
    const members: string[] = [];
    let bytes = 2;
    for await (const { name, text } of this.#seen()) {
      const member = `${JSON.stringify(name)}:${text}`;
      bytes += Buffer.byteLength(member) + 1;
      if (bytes > MAX_ANSWER_BYTES) throw tooLarge();
      members.push(member);
    }
    return `{${members.join(",")}}`;
  }

  /** What there is, without the values. */
  async totals(): Promise<PropertyTotals> {
    const names: string[] = [];
    let total = 0;
    for await (const { name, bytes } of this.#seen()) {
      names.push(name);
      total += bytes;
    }
    return { names, bytes: total };
  }

  /**
   * Sets a place, or deletes it when the value is undefined; deleting what is not there changes nothing.
   * @throws ServiceError auth.forbidden, resource.conflict for a path through a non-object, request.too_large
   */
  async put(place: Place, value: Json | undefined): Promise<void> {
    this.#permit.demandWrite(place);
    if (value !== undefined) propertyText(value);
    await this.#change([nameOf(place)], (before) => this.#putting(place, value, before(nameOf(place))));
  }

  /** Sets several properties, or none when one cannot be; `""` deletes one. @throws ServiceError as `put` */
  async putAll(values: ReadonlyMap<string, Json>): Promise<void> {
    for (const [name, value] of values) {
      this.#permit.demandWrite([name]);
      propertyText(value);
    }
    await this.#change([...values.keys()], (before) =>
      [...values].flatMap(([name, value]) => this.#putting([name], value === "" ? undefined : value, before(name))),
    );
  }

  /** Deletes a place. @throws ServiceError auth.forbidden, resource.not_found */
  async delete(place: Place): Promise<void> {
    this.#permit.demandWrite(place);
    const name = nameOf(place);
    await this.#change([name], (before) => {
      const old = before(name);
      const made = recordDelete(old, place);
      if (made === "missing") throw noSuchProperty();
      this.#permit.demandWriteBelow(place, old, undefined);
      return [{ name, ...made }];
    });
  }

  /** Deletes all properties; there may be none. @throws ServiceError auth.forbidden unless the caller may change everything */
  async deleteAll(): Promise<void> {
    this.#permit.demandWrite([]);
    await this.#store.deleteAll(this.#actorId);
  }

  #putting(place: Place, value: Json | undefined, before: Json | undefined): readonly PlannedChange[] {
    const made = recordSet(before, place, value ?? null);
    if (made === "blocked") {
      throw new ServiceError("resource.conflict", "The path leads through a value that is no object.");
    }
    this.#permit.demandWriteBelow(place, before, value);
    const name = nameOf(place);
    if (value !== undefined) return [{ name, ...made }];
    const gone = recordDelete(before, place);
    return gone === "missing" ? [] : [{ name, ...gone }];
  }

  async #change(names: readonly string[], plan: Plan): Promise<void> {
    await this.#store.change(this.#actorId, names, plan);
  }

  /** What the caller sees of each property. */
  async *#seen(): AsyncGenerator<{ readonly name: string; readonly text: string; readonly bytes: number }> {
    for await (const { name, text, bytes } of this.#reads.all(this.#actorId)) {
      if (this.#permit.seesWhole([name])) {
        yield { name, text, bytes };
        continue;
      }
      const seen = this.#permit.seen(JSON.parse(text) as Json, [name]);
      if (seen === undefined) continue;
      const part = JSON.stringify(seen);
      yield { name, text: part, bytes: Buffer.byteLength(part) };
    }
  }
}

const nameOf = (place: Place): string => place[0] ?? "";

/** The answer to what is not there, or not for this caller. */
export const noSuchProperty = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no such property, or nothing at this path in it.");

const tooLarge = (): ServiceError =>
  new ServiceError(
    "request.too_large",
    "All properties together are over 5 MiB: ask with ?metadata=true for their names, and then for each.",
  );
