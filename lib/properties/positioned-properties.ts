/** An actor's own properties as of exactly one record of its change log. */
import { OWN_PREFIX, logHeadKey, ownPartition, ownPropertyKey } from "../dynamodb/keys-publishing.ts";
import type { Table } from "../dynamodb/table.ts";
import type { Json } from "../ports.ts";
import { readLogHead } from "../publishing/change-log.ts";
import type { ChangeLog, LogHead } from "../publishing/change-log.ts";
import { absentAt, changesOf, forwarded, namesIn, touches } from "./forwarded.ts";
import type { NumberedChange } from "./forwarded.ts";
import { readProperty } from "./property-store.ts";
import type { Property, PropertyStore } from "./property-store.ts";

/** Most bytes of values that are held at once while they are brought to one record. */
const MOST_BYTES = 32 * 1_024 * 1_024;
/** Reads begun again because records between them were gone already. */
const TRIES = 3;

/** Reads of an actor's properties. */
export type PropertyReads = Pick<PropertyStore, "get" | "all">;

export interface PositionedDeps {
  readonly table: Table;
  readonly log: Pick<ChangeLog, "read">;
  readonly properties: PropertyReads;
}

/**
 * For one read of one actor. What it gives is the state after the record `position`, no more and no less, whoever writes
 * meanwhile: items that were read at an older one are brought up by the records between.
 */
export class PositionedProperties implements PropertyReads {
  readonly #deps: PositionedDeps;
  readonly #from: number;
  #position: number | undefined;

  /** `from`: the newest record, read before anything is asked of this. */
  constructor(deps: PositionedDeps, from: number) {
    this.#deps = deps;
    this.#from = from;
  }

  /** The record that what was read is of; undefined before the read, and when it cannot be told. */
  get position(): number | undefined {
    return this.#position;
  }

  /** One request, and two more when there is none and others write. */
  async get(actorId: string, name: string): Promise<Property | undefined> {
    const key = ownPropertyKey(actorId, name);
    const found = await this.#deps.table.getMany([logHeadKey(actorId), key]);
    const item = found.find(({ pk }) => pk === key.pk);
    const { cleared } = readLogHead(found.find(({ pk }) => pk !== key.pk));
    const property = item === undefined ? undefined : readProperty(item, cleared);
    // Nothing after its last record and up to `from` has changed it.
    this.#position = property === undefined ? await this.#absent(actorId, name) : Math.max(this.#from, property.last);
    return property;
  }

  /** One query for each MB, a read before and one after, and the records between when others write. */
  async *all(actorId: string): AsyncGenerator<Property> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const before = await this.#head(actorId);
      const items = await this.#items(actorId, before);
      if (items === "too much") break;
      const after = await this.#head(actorId);
      const changes = await this.#changes(actorId, before.newest, after.newest);
      if (changes === undefined) continue;
      this.#position = after.newest;
      yield* atEnd(items, before.newest, changes);
      return;
    }
    this.#position = undefined;
    yield* this.#deps.properties.all(actorId);
  }

  /** Up to which record there is no such property, which was not there when it was read. */
  async #absent(actorId: string, name: string): Promise<number | undefined> {
    const { newest } = await this.#head(actorId);
    const changes = await this.#changes(actorId, this.#from, newest);
    return changes === undefined ? undefined : absentAt(name, this.#from, changes);
  }

  /** All properties as stored, those that a deletion of all up to `before` has taken away left out. */
  async #items(actorId: string, { cleared }: LogHead): Promise<ReadonlyMap<string, Property> | "too much"> {
    const found = new Map<string, Property>();
    let bytes = 0;
    let after: string | undefined;
    do {
      const range = { pk: ownPartition(actorId), prefix: OWN_PREFIX };
      const page = await this.#deps.table.query(after === undefined ? range : { ...range, after });
      for (const item of page.items) {
        const property = readProperty(item, cleared);
        if (property === undefined) continue;
        bytes += property.bytes;
        if (bytes > MOST_BYTES) return "too much";
        found.set(property.name, property);
      }
      after = page.next;
    } while (after !== undefined);
    return found;
  }

  async #changes(actorId: string, after: number, upTo: number): Promise<readonly NumberedChange[] | undefined> {
    const { records, lost } = await this.#deps.log.read(actorId, after, upTo);
    return lost === undefined ? changesOf(records) : undefined;
  }

  async #head(actorId: string): Promise<LogHead> {
    return readLogHead(await this.#deps.table.get(logHeadKey(actorId)));
  }
}

function* atEnd(
  items: ReadonlyMap<string, Property>,
  from: number,
  changes: readonly NumberedChange[],
): Generator<Property> {
  const made = namesIn(changes).filter((name) => !items.has(name));
  for (const name of [...items.keys(), ...made]) {
    const item = items.get(name);
    const at = Math.max(from, item?.last ?? 0);
    const later = changes.findLast(
      ({ number, change }) => (item === undefined || number > at) && touches(name, change),
    );
    if (later === undefined) {
      if (item !== undefined) yield item;
      continue;
    }
    const value = forwarded(
      name,
      item === undefined ? undefined : { value: JSON.parse(item.text) as Json, at },
      changes,
    );
    if (value === undefined) continue;
    const text = JSON.stringify(value);
    yield { name, text, bytes: Buffer.byteLength(text), last: later.number };
  }
}
