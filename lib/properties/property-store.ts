/** An actor's own properties as they are stored, each change in one transaction with its record in the change log. */
import { recordDeleteAll } from "../domain/diff/change-record.ts";
import { OWN_PREFIX, logHeadKey, ownPartition, ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import { deleteIf, updateIf } from "../dynamodb/outcomes.ts";
import { itemsOf, pagesOf } from "../dynamodb/paging.ts";
import {
  ConditionFailed,
  all,
  always,
  any,
  equals,
  missing,
  type Item,
  type Key,
  type Table,
} from "../dynamodb/table.ts";
import { isServiceError } from "../system/errors.ts";
import type { Clock, Ids, Json } from "../system/ports.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { readLogHead } from "../change-log/change-log.ts";
import type { Commits, LogRead } from "../change-log/log-commits.ts";
import { PageGone } from "../lists/list-pages.ts";
import { changeRecords } from "./change-records.ts";
import { itemsOfVersion } from "./list-reads.ts";
import { isListItem, type OwnList } from "./own-list.ts";
import type { DecideChanges, StoredProperties } from "./property-decisions.ts";
import { nameOfItem, leftover, readProperty, type Property } from "./property-item.ts";
import { planWrites, type ChangedList, type ChangedLists, type PlannedWrites } from "./property-plan.ts";
import type { PropertyReads } from "./property-reads.ts";

/** Deletions at the same time when the sweep cleans up. */
const DELETIONS_AT_ONCE = 8;

export interface PropertyStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "id">;
  readonly commits: Commits;
}

/** The properties of all actors. Changes go through `Commits`, whose errors come beside those named here. */
export class PropertyStore implements PropertyReads {
  readonly #deps: PropertyStoreDeps;

  constructor(deps: PropertyStoreDeps) {
    this.#deps = deps;
  }

  /** One property; undefined when there is none. One request. */
  async get(actorId: string, name: string): Promise<Property | undefined> {
    const key = ownPropertyKey(actorId, name);
    const found = await this.#deps.table.getMany([logHeadKey(actorId), key]);
    const item = found.find(({ pk }) => pk === key.pk);
    const { cleared } = readLogHead(found.find(({ pk }) => pk !== key.pk));
    return item === undefined ? undefined : readProperty(item, cleared);
  }

  /** Items of a list, of exactly the version that was read (`itemsOfVersion`). */
  async items(actorId: string, list: OwnList, start: number, limit: number): Promise<readonly Json[] | undefined> {
    return await itemsOfVersion(this.#deps.table, actorId, list, start, limit);
  }

  /** All properties, page by page, in the order of their names. One query for each MB, and one read. */
  async *all(actorId: string): AsyncGenerator<Property> {
    const { table } = this.#deps;
    for await (const page of pagesOf(table, { pk: ownPartition(actorId), prefix: OWN_PREFIX })) {
      // Read after the items, so that the head has every deletion of all that came before any of them was stored.
      const { cleared } = readLogHead(await table.get(logHeadKey(actorId)));
      for (const item of page) {
        const property = readProperty(item, cleared);
        if (property !== undefined) yield property;
      }
    }
  }

  /**
   * Changes the named properties as `decide` says, all in one transaction with their records; without decisions nothing
   * is written. Two requests for values, and what the trees of lists take; two more for each time another writer came
   * first.
   *
   * @returns what became of the lists that operations were requested for
   * @throws whatever `decide` throws, and what operations on lists do (`listSteps`); ServiceError request.too_large,
   *   resource.not_found when the actor is being deleted
   */
  async change(actorId: string, names: readonly string[], decide: DecideChanges): Promise<ChangedLists> {
    const { commits, ids } = this.#deps;
    const keys = names.map((name) => ownPropertyKey(actorId, name));
    const seed = ids.id();
    // Pages of lists that attempts have laid out. A commit links none of them but those of the last planned attempt.
    let pages: readonly Key[] = [];
    let planned = undefined as PlannedWrites | undefined;
    const made = await commits
      .commit(actorId, keys, async (read) => {
        const stored = storedAmong(actorId, names, read);
        const decisions = decide(stored);
        const laid: Key[] = [];
        try {
          planned = await planWrites(this.#deps, { actorId, read, stored, decisions, seed, laid });
        } catch (error) {
          pages = [...laid, ...pages];
          // A list has changed since its head was read.
          if (error instanceof PageGone || error instanceof ConditionFailed) return "lost";
          throw error;
        }
        const earlier = pages;
        pages = laid;
        // Before the commit: its transaction may write again a page that only an earlier attempt laid out.
        await this.#deletePages(earlier.filter(({ pk, sk }) => !laid.some((key) => key.pk === pk && key.sk === sk)));
        return planned.plan;
      })
      .catch(async (error: unknown) => {
        // Any other error may hide that it was committed.
        if (isServiceError(error)) await this.#deletePages(pages);
        throw error;
      });
    if (made !== undefined && planned !== undefined) await this.#deletePages(planned.orphans);
    return planned?.lists ?? new Map<string, ChangedList>();
  }

  /**
   * Deletes all properties, however many, by one write of the head; `clean` deletes their items later.
   *
   * @param demand called with each property, whose value is then read too; throws when it may not be deleted
   * @returns false when there was none
   */
  async deleteAll(actorId: string, demand?: (property: Property) => void): Promise<boolean> {
    const made = await this.#deps.commits.commit(actorId, [], async ({ head }) => {
      const [names, lists]: [string[], string[]] = [[], []];
      for await (const item of this.#items(actorId, { values: demand !== undefined })) {
        const property = demand === undefined ? undefined : readProperty(item, head.cleared);
        if (property !== undefined) demand?.(property);
        if (Number(item["last"]) <= head.cleared) continue;
        names.push(nameOfItem(item));
        if (isListItem(item)) lists.push(nameOfItem(item));
      }
      if (names.length === 0) return undefined;
      const records = changeRecords([recordDeleteAll(names, lists)]);
      const due = { dueAt: this.#deps.clock.now() };
      return { records, writes: [], head: { set: { cleared: head.newest + records.length, stale: true, ...due } } };
    });
    return made !== undefined;
  }

  /**
   * For the sweep, when the log's head is due: deletes what a deletion of all has left stored. May be called again.
   * Also removes the head's due time of an actor without subscribers, because only their maintenance needs it.
   */
  async clean(actorId: string): Promise<void> {
    const { table, clock } = this.#deps;
    const key = logHeadKey(actorId);
    const item = await table.get(key);
    const { cleared, subscribers } = readLogHead(item);
    if (item?.["stale"] === undefined || item["dueAt"] === undefined || Number(item["dueAt"]) > clock.now()) return;
    const stale: Item[] = [];
    for await (const each of this.#items(actorId)) if (Number(each["last"]) <= cleared) stale.push(each);
    await mapConcurrent(stale, DELETIONS_AT_ONCE, async (each) => {
      for (const garbage of leftover(clock, actorId, each, cleared)) await table.put(garbage, always);
      const { pk, sk, last = 0 } = each;
      // A property that was created again meanwhile has another number.
      await deleteIf(table, { pk, sk }, equals("last", last));
    });
    const alone = any(missing("subscribers"), equals("subscribers", 0));
    const [change, when] =
      subscribers > 0
        ? [{ remove: ["stale"] }, equals("cleared", cleared)]
        : [{ remove: ["stale", "dueAt"] }, all(equals("cleared", cleared), alone)];
    await updateIf(table, key, change, when);
  }

  /** Deletes pages of lists that no head refers to. A failure leaves them until their generation goes. */
  async #deletePages(pages: readonly Key[]): Promise<void> {
    if (pages.length > 0) await this.#deps.table.deleteMany(pages).catch(() => undefined);
  }

  /** Every stored item, with its `last` and `generation` only unless the values are needed too. */
  #items(actorId: string, { values = false } = {}): AsyncGenerator<Item> {
    const only = values ? {} : { only: ["last", "generation"] };
    return itemsOf(this.#deps.table, { pk: ownPartition(actorId), prefix: OWN_PREFIX, ...only });
  }
}

/** The properties that a commit has read. */
const storedAmong = (actorId: string, names: readonly string[], read: LogRead): StoredProperties =>
  new Map(
    names.flatMap((name): [string, Property][] => {
      const item = read.item(ownPropertyKey(actorId, name));
      const property = item === undefined ? undefined : readProperty(item, read.head.cleared);
      return property === undefined ? [] : [[name, property]];
    }),
  );
