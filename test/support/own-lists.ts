/** One actor's lists over a table of the test's own, without HTTP, and what the log says they hold. */
import { applyListChange, type Change } from "../../lib/domain/diff/change-record.ts";
import { actorKey } from "../../lib/dynamodb/keys/actors.ts";
import { always, type Item, type Table } from "../../lib/dynamodb/table.ts";
import { randomIds } from "../../lib/system/ids.ts";
import { collectGeneration, isListGarbage } from "../../lib/lists/list-garbage.ts";
import type { Json, JsonObject } from "../../lib/system/ports.ts";
import { itemsRequest } from "../../lib/properties/list-requests.ts";
import { untilStill } from "../../lib/properties/until-still.ts";
import type { ChangedList } from "../../lib/properties/property-plan.ts";
import { OwnProperties } from "../../lib/properties/own-properties.ts";
import { Permit } from "../../lib/properties/permit.ts";
import { PropertyStore } from "../../lib/properties/property-store.ts";
import { ChangeLog } from "../../lib/change-log/change-log.ts";
import { LogCommits } from "../../lib/change-log/log-commits.ts";
import type { MemoryTable } from "./memory-table.ts";

const actorId = "a1";
const clock = { now: () => 1_700_000_000_000 };

/** A table, and all its items when it can list them. */
type Store = Table & Partial<Pick<MemoryTable, "all">>;

/** `table` may count or fail; `store` is what is under it. */
export class OwnLists {
  readonly actorId = actorId;
  readonly #under: Store;
  readonly #changeLog: ChangeLog;
  readonly #store: PropertyStore;
  readonly #still: PropertyStore;

  private constructor(under: Store, table: Table) {
    this.#under = under;
    this.#changeLog = new ChangeLog({ table: under, clock, retentionDays: 30 });
    this.#store = storeOver(table);
    this.#still = storeOver(under);
  }

  static async open(under: Store, table: Table = under): Promise<OwnLists> {
    await under.put({ ...actorKey(actorId) }, always);
    return new OwnLists(under, table);
  }

  /** One operation; it makes the list when there is none. */
  async run(name: string, request: JsonObject, returnsRemoved = false): Promise<ChangedList> {
    const changed = await this.#store.change(actorId, [name], () => [{ name, requests: [request], returnsRemoved }]);
    return changed.get(name) ?? { index: null, count: 0 };
  }

  /** An owner's POST, PUT and DELETE of properties, lists among them. */
  get own(): OwnProperties {
    return new OwnProperties(this.#store, actorId, new Permit());
  }

  /** A batch of changes of a list. */
  async batch(name: string, items: readonly JsonObject[]): Promise<void> {
    await this.own.putAll(new Map([[name, { items }]]));
  }

  /** A POST to the list's `items`. */
  async post(name: string, body: JsonObject): Promise<ChangedList> {
    const { operation, misfit } = itemsRequest(body);
    return await this.own.operate(name, () => [operation], misfit);
  }

  async deleteAll(): Promise<void> {
    await this.#store.deleteAll(actorId);
  }

  /** The items, undefined when there is no list. Read without faults, and without being counted. */
  async items(name: string, start = 0, limit = Infinity): Promise<readonly Json[] | undefined> {
    return await itemsOf(this.#still, name, start, limit);
  }

  /** The same through the table that counts or fails. */
  async read(name: string, start: number, limit: number): Promise<readonly Json[] | undefined> {
    return await itemsOf(this.#store, name, start, limit);
  }

  /** The number of the newest record. */
  async newest(): Promise<number> {
    return await this.#changeLog.newest(actorId);
  }

  /** What a copy holds that applied all records one after another. */
  async notified(name: string): Promise<readonly Json[] | undefined> {
    const changes = await this.changes();
    return changes.reduce<readonly Json[] | undefined>(
      (items, change) => applyListChange(name, items, change),
      undefined,
    );
  }

  /** All records of the log, in order. */
  async changes(): Promise<readonly Change[]> {
    const { records } = await this.#changeLog.read(actorId, 0, await this.newest());
    return records.flatMap(({ record }) => (record.kind === "change" ? record.changes : []));
  }

  /** Lets the sweep delete what is due, and gives the keys of list pages and elements no list refers to. */
  async strays(): Promise<readonly string[]> {
    await this.#still.clean(actorId);
    for (const key of this.#all().filter(isListGarbage)) {
      while ((await collectGeneration(this.#under, key, 1_000)) === "more");
    }
    const all = this.#all();
    const pages = all.filter(({ pk, sk }) => pk.startsWith("L#") && !sk.startsWith("X#"));
    const roots = all.flatMap((item) =>
      item["root"] === undefined ? [] : [`${pageOf(item)}N#${String(item["root"])}`],
    );
    const referred = new Set(roots);
    for (const page of pages) for (const key of below(page)) referred.add(key);
    return pages.map(({ pk, sk }) => `${pk} ${sk}`).filter((key) => !referred.has(key));
  }

  #all(): readonly Item[] {
    if (this.#under.all === undefined) throw new Error("this table cannot list all its items");
    return this.#under.all();
  }
}

async function itemsOf(store: PropertyStore, name: string, start: number, limit: number) {
  return await untilStill(async () => {
    const list = (await store.get(actorId, name))?.list;
    if (list === undefined) return { items: undefined };
    const items = await store.items(actorId, list, start, limit);
    return items === undefined ? undefined : { items };
  }).then(({ items }) => items);
}

const pageOf = (head: Item): string => `L#${actorId}##${String(head["generation"])} `;

function below({ pk, children = [], elements = [] }: Item): string[] {
  const parts = (elements as readonly (string | { ref: string; parts: number })[]).flatMap((element) =>
    typeof element === "string"
      ? []
      : Array.from({ length: element.parts }, (_, part) => `${pk} E#${element.ref}#${String(part)}`),
  );
  return [...(children as readonly string[]).map((child) => `${pk} N#${child}`), ...parts];
}

function storeOver(table: Table): PropertyStore {
  const changeLog = new ChangeLog({ table, clock, retentionDays: 30 });
  const sleep = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const commits = new LogCommits({
    ...{ table, clock, changeLog, sleep },
    random: () => 0.5,
    after: () => () => undefined,
  });
  return new PropertyStore({ table, clock, ids: randomIds, commits });
}
