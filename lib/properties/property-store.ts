/** An actor's own properties as they are stored, each change in one transaction with its record in the change log. */
import { recordDeleteAll } from "../domain/change-record.ts";
import type { Change, Made } from "../domain/change-record.ts";
import { OWN_PREFIX, logHeadKey, ownPartition, ownPropertyKey } from "../dynamodb/keys-publishing.ts";
import { dueShardOf } from "../dynamodb/keys.ts";
import { ConditionFailed, all, any, equals, itemMissing, missing } from "../dynamodb/table.ts";
import type { Item, Table, Write } from "../dynamodb/table.ts";
import type { Clock, Json } from "../ports.ts";
import { inParallel } from "../peer-data/in-parallel.ts";
import { readLogHead } from "../publishing/change-log.ts";
import type { LogCommits } from "../publishing/log-commits.ts";
import { changeRecords } from "./change-records.ts";
import { propertyText } from "./limits.ts";

/** Deletions at the same time when the sweep cleans up. */
const DELETIONS_AT_ONCE = 8;

/** One stored property. */
export interface Property {
  readonly name: string;
  /** As JSON. */
  readonly text: string;
  /** Of the text. */
  readonly bytes: number;
  /** The record of its last change. */
  readonly last: number;
}

/** What a change makes of the properties it was given, `undefined` those that are not there. It may be asked again. */
export type Plan = (before: (name: string) => Json | undefined) => readonly PlannedChange[];

/** A change of one property; several of one property come one after another, each made on what the one before left. */
export interface PlannedChange extends Made {
  readonly name: string;
}

export interface PropertyStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly commits: LogCommits;
}

/** The properties of all actors. Changes go through `LogCommits`, which says what they throw beside their own errors. */
export class PropertyStore {
  readonly #deps: PropertyStoreDeps;

  constructor(deps: PropertyStoreDeps) {
    this.#deps = deps;
  }

  /** One property; undefined when there is none. One request. */
  async get(actorId: string, name: string): Promise<Property | undefined> {
    return (await this.#read(actorId, [name])).properties.get(name);
  }

  /** All properties, page by page, in order of their names. One query for each MB, and one read. */
  async *all(actorId: string): AsyncGenerator<Property> {
    let after: string | undefined;
    do {
      const range = { pk: ownPartition(actorId), prefix: OWN_PREFIX };
      const page = await this.#deps.table.query(after === undefined ? range : { ...range, after });
      // After the items: what is stored later than a deletion of all cannot be among them unless the head says so too.
      const { cleared } = readLogHead(await this.#deps.table.get(logHeadKey(actorId)));
      for (const item of page.items) {
        const property = readProperty(item, cleared);
        if (property !== undefined) yield property;
      }
      after = page.next;
    } while (after !== undefined);
  }

  /**
   * Changes the named properties as `plan` says, all in one transaction with their record. A plan without changes writes
   * nothing. Two requests, and two more for each time another writer came first.
   *
   * @throws whatever `plan` throws; ServiceError request.too_large, resource.not_found when the actor is being deleted
   */
  async change(actorId: string, names: readonly string[], plan: Plan): Promise<void> {
    const keys = names.map((name) => ownPropertyKey(actorId, name));
    await this.#deps.commits.commit(actorId, keys, ({ head, item }) => {
      const planned = plan((name) => {
        const stored = item(ownPropertyKey(actorId, name));
        const text = stored === undefined ? undefined : readProperty(stored, head.cleared)?.text;
        return text === undefined ? undefined : (JSON.parse(text) as Json);
      });
      if (planned.length === 0) return undefined;
      const records = changeRecords(
        planned.map(({ change }) => change),
        this.#deps.clock.now(),
      );
      const last = head.newest + records.length;
      const left = new Map(planned.map(({ name, after }) => [name, after]));
      const writes = [...left].map(([name, value]) =>
        propertyWrite(actorId, name, value, item(ownPropertyKey(actorId, name)), last),
      );
      return { records, writes };
    });
  }

  /**
   * Deletes all properties, however many, by one write of the head; what is stored of them goes later (`clean`). False
   * when there was none.
   */
  async deleteAll(actorId: string): Promise<boolean> {
    const made = await this.#deps.commits.commit(actorId, [], async ({ head }) => {
      const names: string[] = [];
      for await (const item of this.#items(actorId)) {
        if (Number(item["last"]) > head.cleared) names.push(item.sk.slice(OWN_PREFIX.length));
      }
      if (names.length === 0) return undefined;
      const changes: readonly Change[] = [recordDeleteAll(names)];
      const records = changeRecords(changes, this.#deps.clock.now());
      const due = { dueShard: dueShardOf(logHeadKey(actorId)), dueAt: this.#deps.clock.now() };
      return { records, writes: [], head: { set: { cleared: head.newest + records.length, stale: true, ...due } } };
    });
    return made !== undefined;
  }

  /**
   * For the sweep, when the log's head is due: deletes what a deletion of all has left stored. May be called again. The
   * head's due time goes too where there are no subscribers, whose upkeep it stands for.
   */
  async clean(actorId: string): Promise<void> {
    const { table, clock } = this.#deps;
    const key = logHeadKey(actorId);
    const item = await table.get(key);
    const { cleared, subscribers } = readLogHead(item);
    if (item?.["stale"] === undefined || item["dueAt"] === undefined || Number(item["dueAt"]) > clock.now()) return;
    const stale: Item[] = [];
    for await (const each of this.#items(actorId)) if (Number(each["last"]) <= cleared) stale.push(each);
    await inParallel(stale, DELETIONS_AT_ONCE, async ({ pk, sk, last = 0 }) => {
      // A property made anew meanwhile has another number.
      await table.delete({ pk, sk }, equals("last", last)).catch(ignoreRefusal);
    });
    const alone = any(missing("subscribers"), equals("subscribers", 0));
    const [change, when] =
      subscribers > 0
        ? [{ remove: ["stale"] }, equals("cleared", cleared)]
        : [{ remove: ["stale", "dueShard", "dueAt"] }, all(equals("cleared", cleared), alone)];
    await table.update(key, change, when).catch(ignoreRefusal);
  }

  /** Every stored item with its `last` only. */
  async *#items(actorId: string): AsyncGenerator<Item> {
    let after: string | undefined;
    do {
      const range = { pk: ownPartition(actorId), prefix: OWN_PREFIX, only: ["last"] };
      const page = await this.#deps.table.query(after === undefined ? range : { ...range, after });
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }

  async #read(actorId: string, names: readonly string[]) {
    const keys = [logHeadKey(actorId), ...names.map((name) => ownPropertyKey(actorId, name))];
    const found = await this.#deps.table.getMany(keys);
    const head = readLogHead(found.find(({ pk }) => pk !== ownPartition(actorId)));
    const own = found.filter(({ pk }) => pk === ownPartition(actorId));
    const items = new Map(own.map((item) => [item.sk.slice(OWN_PREFIX.length), item]));
    const properties = new Map(
      own.flatMap((item): [string, Property][] => {
        const property = readProperty(item, head.cleared);
        return property === undefined ? [] : [[property.name, property]];
      }),
    );
    return { head, items, properties };
  }
}

function propertyWrite(
  actorId: string,
  name: string,
  value: Json | undefined,
  stored: Item | undefined,
  last: number,
): Write {
  const key = ownPropertyKey(actorId, name);
  const condition = stored === undefined ? itemMissing : equals("last", stored["last"] ?? 0);
  if (value !== undefined) return { put: { ...key, ...propertyText(value), last }, condition };
  return { delete: key, condition };
}

/** Reads a stored property; undefined when a deletion of all has taken it away. */
export function readProperty(item: Item, cleared: number): Property | undefined {
  const last = Number(item["last"]);
  if (last <= cleared) return undefined;
  const name = item.sk.slice(OWN_PREFIX.length);
  return { name, text: String(item["text"]), bytes: Number(item["bytes"]), last };
}

/** Someone else has changed it: then it is theirs. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof ConditionFailed)) throw error;
}
