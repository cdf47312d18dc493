/** An actor's own properties as of exactly one record of its change log. */
import { compact } from "../../system/compact.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import { jsonBytes } from "../../domain/json/json.ts";
import { OWN_PREFIX, logHeadKey, ownPartition, ownPropertyKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { itemsOf } from "../../dynamodb/paging.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { readLogHead, type ChangeLog, type LogHead } from "../../change-log/change-log.ts";
import {
  absentAt,
  changesOf,
  rolledForward,
  namesIn,
  touches,
  type Content,
  type NumberedChange,
} from "./roll-forward.ts";
import { itemsOfVersion } from "../../properties/list-reads.ts";
import { emptyList, listBytes, type OwnList } from "../../properties/own-list.ts";
import { readProperty, type Property } from "../../properties/property-item.ts";
import { untilStill } from "../../properties/until-still.ts";
import type { PropertyReads, ReadProperty } from "../../properties/property-reads.ts";

/** Most bytes of values in memory at once while they are brought to one record. */
const MOST_BYTES = 32 * 1_024 * 1_024;
/** Reads of everything, each begun because records that the one before needed had expired. */
const TRIES = 3;

/** Reads of a list, each begun because another writer changed it during the one before. */
const LIST_TRIES = 20;
/** Lists read at the same time. */
const LISTS_AT_ONCE = 4;

export interface PositionedDeps {
  readonly table: Table;
  readonly log: Pick<ChangeLog, "read">;
  readonly properties: PropertyReads;
}

/**
 * For one read of one actor. Gives exactly the state after the record `position`, also while others write: items that
 * were read at an older record are brought up to it by the records between.
 */
export class PositionedProperties implements PropertyReads {
  readonly #deps: PositionedDeps;
  readonly #from: number;
  readonly #withItems: boolean;
  /** The items of the lists that `all` has given. */
  readonly #items = new Map<OwnList, readonly Json[]>();
  readonly #listNames = new Set<string>();
  #position: number | undefined;

  /** `from`: the newest record, read before any method is called. `items`: `all` gives the items of lists too. */
  constructor(deps: PositionedDeps, from: number, { items = false } = {}) {
    this.#deps = deps;
    this.#from = from;
    this.#withItems = items;
  }

  /** The record whose state was read; undefined before the read, and when there is no such record. */
  get position(): number | undefined {
    return this.#position;
  }

  /** True when a list of that name was read. */
  isList(name: string): boolean {
    return this.#listNames.has(name);
  }

  /** One request, and two more when there is none and others write. */
  async get(actorId: string, name: string): Promise<Property | undefined> {
    return await this.#placed(actorId, name, await this.#get(actorId, name));
  }

  /**
   * The same, and of a list all its items. What `itemsOfVersion` takes, again while others change the list.
   * @throws ServiceError request.too_large over 32 MiB, service.unavailable when it changes all the time
   */
  async whole(actorId: string, name: string): Promise<ReadProperty | undefined> {
    return await this.#placed(actorId, name, await this.#filled(actorId, await this.#get(actorId, name)));
  }

  async #placed<R extends Property>(actorId: string, name: string, read: R | undefined): Promise<R | undefined> {
    // No record between its last one and `from` has changed it.
    if (read?.list !== undefined) this.#listNames.add(name);
    this.#position = read === undefined ? await this.#absent(actorId, name) : Math.max(this.#from, read.last);
    return read;
  }

  async #get(actorId: string, name: string): Promise<Property | undefined> {
    const key = ownPropertyKey(actorId, name);
    const found = await this.#deps.table.getMany([logHeadKey(actorId), key]);
    const item = found.find(({ pk }) => pk === key.pk);
    const { cleared } = readLogHead(found.find(({ pk }) => pk !== key.pk));
    return item === undefined ? undefined : readProperty(item, cleared);
  }

  async #filled(actorId: string, property: Property | undefined): Promise<ReadProperty | undefined> {
    let now = property;
    const read = async (): Promise<{ readonly found: ReadProperty | undefined } | undefined> => {
      if (now?.list === undefined) return { found: now };
      const { list } = now;
      if (now.bytes > MOST_BYTES) throw tooLarge();
      const items = await itemsOfVersion(this.#deps.table, actorId, list, 0, list.shape.count);
      if (items !== undefined) return { found: { ...now, items } };
      now = await this.#get(actorId, list.name);
      return undefined;
    };
    return (await untilStill(read, { tries: LIST_TRIES, what: "The list keeps" })).found;
  }

  /**
   * One query for each MB, a read before and one after, and the records between when others write; with `items` also what
   * `whole` takes for each list.
   */
  async *all(actorId: string): AsyncGenerator<ReadProperty> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const before = await this.#head(actorId);
      const items = await this.#stored(actorId, before);
      if (items === "too much") break;
      if (this.#withItems) await this.#readLists(actorId, items);
      const after = await this.#head(actorId);
      const changes = await this.#changes(actorId, before.newest, after.newest);
      if (changes === undefined) continue;
      this.#position = after.newest;
      for (const property of atEnd(items, before.newest, changes)) {
        if (property.list !== undefined) this.#listNames.add(property.name);
        if (property.list !== undefined && property.items !== undefined) this.#items.set(property.list, property.items);
        yield property;
      }
      return;
    }
    this.#position = undefined;
    yield* this.#deps.properties.all(actorId);
  }

  /** As the store's; those of a list that `all` gave are of the same record as everything that it gave. */
  async items(actorId: string, list: OwnList, start: number, limit: number): Promise<readonly Json[] | undefined> {
    const read = this.#items.get(list);
    if (read !== undefined) return read.slice(start, start + limit);
    return await this.#deps.properties.items(actorId, list, start, limit);
  }

  /** Reads the items of the lists; a list that was deleted meanwhile is left out, as if it had been read later. */
  async #readLists(actorId: string, found: Map<string, ReadProperty>): Promise<void> {
    const lists = [...found.values()].filter(({ list }) => list !== undefined);
    if (lists.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_BYTES) throw tooLarge();
    await mapConcurrent(lists, LISTS_AT_ONCE, async (property) => {
      const read = await this.#filled(actorId, property);
      if (read === undefined) found.delete(property.name);
      else found.set(property.name, read);
    });
  }

  /** The newest record up to which there is no such property, which was absent when it was read. */
  async #absent(actorId: string, name: string): Promise<number | undefined> {
    const { newest } = await this.#head(actorId);
    const changes = await this.#changes(actorId, this.#from, newest);
    return changes === undefined ? undefined : absentAt(name, this.#from, changes);
  }

  /** All properties as stored, without those that a deletion of all up to `before` has removed. */
  async #stored(actorId: string, { cleared }: LogHead): Promise<Map<string, ReadProperty> | "too much"> {
    const found = new Map<string, ReadProperty>();
    let bytes = 0;
    for await (const item of itemsOf(this.#deps.table, { pk: ownPartition(actorId), prefix: OWN_PREFIX })) {
      const property = readProperty(item, cleared);
      if (property === undefined) continue;
      bytes += property.text.length;
      if (bytes > MOST_BYTES) return "too much";
      found.set(property.name, property);
    }
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
  items: ReadonlyMap<string, ReadProperty>,
  from: number,
  changes: readonly NumberedChange[],
): Generator<ReadProperty> {
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
    const content = rolledForward(name, item === undefined ? undefined : { content: contentOf(item), at }, changes);
    if (content !== undefined) yield propertyOf(name, content, later.number, item?.list);
  }
}

function contentOf({ text, list, items }: ReadProperty): Content {
  if (list === undefined) return { value: parseText(text) as Json };
  const { description, explanation, shape } = list;
  return { list: { description, explanation, count: shape.count, items } };
}

/** `before`: the list that it was, whose bytes stand in where the items were not read. */
function propertyOf(name: string, content: Content, last: number, before: OwnList | undefined): ReadProperty {
  if ("value" in content) {
    const text = printJson(content.value);
    return { name, text, bytes: Buffer.byteLength(text), last };
  }
  const { count, items, description, explanation } = content.list;
  const known = before ?? emptyList(name, "");
  const bytes = items === undefined ? known.shape.bytes : items.reduce<number>((sum, item) => sum + jsonBytes(item), 0);
  const list = { ...known, description, explanation, last, shape: { ...known.shape, count, bytes } };
  const text = JSON.stringify({ _list: true, count });
  return compact({ name, text, bytes: listBytes(list), last, list, items });
}

const tooLarge = (): ServiceError =>
  new ServiceError("request.too_large", "The lists are over 32 MiB: read each page by page, with ?after= and ?limit=.");
