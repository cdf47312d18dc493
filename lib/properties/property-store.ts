/** An actor's own properties as they are stored, each change in one transaction with its record in the change log. */
import { recordDeleteAll } from "../domain/diff/change-record.ts";
import type { Change } from "../domain/diff/change-record.ts";
import { OWN_PREFIX, logHeadKey, ownPartition, ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import { dueShardOf } from "../dynamodb/keys/due.ts";
import { ConditionFailed, all, always, any, equals, missing } from "../dynamodb/table.ts";
import type { Item, Table } from "../dynamodb/table.ts";
import { isServiceError } from "../system/errors.ts";
import type { Clock, Ids, Json } from "../system/ports.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { readLogHead } from "../change-log/change-log.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { changeRecords } from "./change-records.ts";
import { itemsOf } from "./list-reads.ts";
import { isListItem } from "./own-list.ts";
import type { OwnList } from "./own-list.ts";
import { nameOfItem, leftover, readProperty } from "./property-item.ts";
import type { Property } from "./property-item.ts";
import { Planning } from "./property-plan.ts";
import type { ChangedList, ChangedLists, Plan, Planned } from "./property-plan.ts";

/** Deletions at the same time when the sweep cleans up. */
const DELETIONS_AT_ONCE = 8;

export interface PropertyStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "id">;
  readonly commits: Commits;
}

/** The properties of all actors. Changes go through `Commits`, which says what they throw beside their own errors. */
export class PropertyStore {
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

  /** Items of a list, of exactly the version that was read (`itemsOf`). */
  async items(actorId: string, list: OwnList, start: number, limit: number): Promise<readonly Json[] | undefined> {
    return await itemsOf(this.#deps.table, actorId, list, start, limit);
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
   * Changes the named properties as `plan` says, all in one transaction with their records. A plan without changes writes
   * nothing. What became of the lists is the answer. Two requests for values, and what the trees of lists need; two more
   * for each time another writer came first.
   *
   * @throws whatever `plan` throws, and what operations on lists do (`listSteps`); ServiceError request.too_large,
   *   resource.not_found when the actor is being deleted
   */
  async change(actorId: string, names: readonly string[], plan: Plan): Promise<ChangedLists> {
    const { commits, table } = this.#deps;
    const keys = names.map((name) => ownPropertyKey(actorId, name));
    const planning = new Planning(this.#deps, actorId, this.#deps.ids.id());
    let planned = undefined as Planned | undefined;
    const made = await commits
      .commit(actorId, keys, async (read) => {
        planned = await planning.plan(read, plan);
        return planned.plan;
      })
      .catch(async (error: unknown) => {
        // Any other error may hide that it was committed.
        if (isServiceError(error)) await planning.abandon();
        throw error;
      });
    const orphans = planned?.orphans ?? [];
    // Failing leaves them until their generation goes.
    if (made !== undefined && orphans.length > 0) await table.deleteMany(orphans).catch(() => undefined);
    return planned?.lists ?? new Map<string, ChangedList>();
  }

  /**
   * Deletes all properties, however many, by one write of the head; what is stored of them goes later (`clean`). False
   * when there was none.
   *
   * @param demand called with each property, whose value is then read too; throws when it may not go
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
      const changes: readonly Change[] = [recordDeleteAll(names, lists)];
      const records = changeRecords(changes);
      const due = { dueShard: dueShardOf(logHeadKey(actorId)), dueAt: this.#deps.clock.now() };
      return { records, writes: [], head: { set: { cleared: head.newest + records.length, stale: true, ...due } } };
    });
    return made !== undefined;
  }

  /**
   * For the sweep, when the log's head is due: deletes what a deletion of all has left stored. May be called again. The
   * head's due time goes too where there are no subscribers, whose maintenance it stands for.
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

  /** Every stored item, with its `last` and `generation` only unless the values are wanted too. */
  async *#items(actorId: string, { values = false } = {}): AsyncGenerator<Item> {
    let after: string | undefined;
    const some = values ? {} : { only: ["last", "generation"] };
    do {
      const range = { pk: ownPartition(actorId), prefix: OWN_PREFIX, ...some };
      const page = await this.#deps.table.query(after === undefined ? range : { ...range, after });
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }
}

/** Someone else has changed it: then it is theirs. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof ConditionFailed)) throw error;
}
