/** An actor's own properties, as the application's code uses them: no permissions apply. */
import { parseText } from "../domain/json/json-text.ts";
import type { Json } from "../system/ports.ts";
import { ActorList } from "./actor-list.ts";
import { checkPlace } from "../properties/limits.ts";
import { OwnProperties } from "../properties/own-properties.ts";
import { Permit } from "../properties/permit.ts";
import type { PropertyStore } from "../properties/property-store.ts";

/**
 * `path` leads to keys of objects inside a property. All methods reject with `request.invalid` for an invalid name or key.
 * Each change is one record of the actor's change log.
 */
export class ActorProperties {
  readonly #actorId: string;
  readonly #store: PropertyStore;
  readonly #own: OwnProperties;

  constructor(actorId: string, store: PropertyStore) {
    this.#actorId = actorId;
    this.#store = store;
    this.#own = new OwnProperties(store, actorId, new Permit());
  }

  /** A list property, which need not exist. Throws `request.invalid` for an invalid name. Makes no request. */
  list(name: string): ActorList {
    return new ActorList(this.#actorId, name, this.#store);
  }

  /** The value, undefined when there is none; of a list its items. One request to the table, more for a list. */
  async get(name: string, path: readonly string[] = []): Promise<Json | undefined> {
    const place = checked(name, path);
    const property = await this.#own.find(name);
    if (property?.list === undefined) return property === undefined ? undefined : this.#own.visible(property, place);
    return path.length === 0 ? await this.list(name).items() : undefined;
  }

  /**
   * Sets a value; `""` deletes, as over HTTP. Two requests to the table. Rejects with `resource.conflict` for a path
   * through a value that is no object and for the name of a list, and `request.too_large` over 256 KiB of JSON.
   */
  async set(name: string, value: Json, path: readonly string[] = []): Promise<void> {
    await this.#own.put(checked(name, path), value === "" ? undefined : value);
  }

  /** Deletes a value or a list; does nothing when there is none. */
  async delete(name: string, path: readonly string[] = []): Promise<void> {
    const place = checked(name, path);
    const property = await this.#own.find(name);
    const there = property?.list === undefined ? property && this.#own.visible(property, place) : property;
    if (there !== undefined) await this.#own.put(place, undefined);
  }

  /**
   * All properties by name, however large they are; a list only with its length: `{_list: true, count}`. One query for each
   * MB.
   */
  async all(): Promise<Readonly<Record<string, Json>>> {
    const found: [string, Json][] = [];
    for await (const { name, text } of this.#store.all(this.#actorId)) found.push([name, parseText(text) as Json]);
    return Object.fromEntries(found);
  }
}

function checked(name: string, path: readonly string[]): readonly string[] {
  const place = [name, ...path];
  checkPlace(place);
  return place;
}
