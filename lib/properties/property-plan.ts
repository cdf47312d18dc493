/** The writes of a change of values and lists: everything that goes into its one transaction. */
import type { Change, NewRecord } from "../domain/diff/change-record.ts";
import { jsonBytes } from "../domain/json/json.ts";
import { ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import {
  always,
  equals,
  itemMissing,
  MAX_TRANSACTION_WRITES,
  type Item,
  type Key,
  type Write,
} from "../dynamodb/table.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { PageReader } from "../lists/list-pages.ts";
import type { Json } from "../system/ports.ts";
import type { LogPlan, LogRead } from "../change-log/log-commits.ts";
import { changeRecords } from "./change-records.ts";
import { itemAt } from "./list-reads.ts";
import { listSteps, type ListSteps } from "./list-steps.ts";
import { GARBAGE_WRITES, listWrites, pageIds, type ListWriteDeps } from "./list-writes.ts";
import { emptyList, listItem, pagePartition, type OwnList } from "./own-list.ts";
import type { DecidedChange, ListRequests, StoredProperties } from "./property-decisions.ts";
import { leftover, valueItem } from "./property-item.ts";

/** One attempt to change properties of an actor. */
export interface PropertyChange {
  readonly actorId: string;
  /** The log's head and the items of the properties, as the attempt has read them. */
  readonly read: LogRead;
  readonly stored: StoredProperties;
  readonly decisions: readonly DecidedChange[];
  /** Unique to the change and the same in all its attempts: what it lays out has its ids from it. */
  readonly seed: string;
  /** Gets the keys of what is laid out before the commit. */
  readonly laid: Key[];
}

/** What became of a list. */
export interface ChangedList {
  /** The first item that the last operation added, changed or removed; null when there is none. */
  readonly index: number | null;
  /** How many items there are now. */
  readonly count: number;
  /** The removed item, when the request asked for it. */
  readonly taken?: Json;
}

/** The lists that operations were requested for, by their names. */
export type ChangedLists = ReadonlyMap<string, ChangedList>;

/** A change as writes. */
export interface PlannedWrites {
  /** Undefined when nothing changes. */
  readonly plan: LogPlan | undefined;
  readonly lists: ChangedLists;
  /** Items that nothing refers to any more once the plan is committed. */
  readonly orphans: readonly Key[];
}

/** Generations of lists that are left to the sweep at the same time. */
const LEFT_AT_ONCE = 8;
/** The log's head and the check of the actor. */
const LOG_WRITES = 2;
/** Most bytes that records, values and pages of one transaction may take; DynamoDB allows 4 MB. */
const TRANSACTION_BYTES = 3.5 * 1_024 * 1_024;
/** Bytes of one part of a record. The parts of the log are larger, so that the estimate counts no part too few. */
const RECORD_PART_BYTES = 300_000;

interface PlannedList extends ListSteps, ChangedList {
  readonly list: OwnList;
  readonly pages: PageReader;
  readonly newId: () => string;
}

/**
 * The writes that make the decisions real, each on the condition that its property is as it was read. Pages of lists
 * that do not fit into the transaction are written beforehand.
 *
 * @throws ServiceError request.too_large, and what `listSteps` throws; PageGone, or ConditionFailed, when a list has
 *   changed since its head was read
 */
export async function planWrites(deps: ListWriteDeps, change: PropertyChange): Promise<PlannedWrites> {
  const { actorId, read, decisions, laid } = change;
  const { cleared, newest } = read.head;
  const keyOf = (name: string): Key => ownPropertyKey(actorId, name);
  const itemOf = (name: string): Item | undefined => read.item(keyOf(name));
  /** Writes the item of a property, or deletes it when undefined, on the condition that it is as it was read. */
  const writeOf = (name: string, item: Item | undefined): Write => {
    const stored = itemOf(name);
    // Each change of a property has its own record, so `last` identifies a version.
    const condition = stored === undefined ? itemMissing : equals("last", stored["last"] ?? 0);
    return item === undefined ? { delete: keyOf(name), condition } : { put: item, condition };
  };
  const lists = new Map<string, PlannedList>();
  const values = new Map<string, Json | undefined>();
  for (const decision of decisions) {
    if ("requests" in decision) lists.set(decision.name, await planList(deps, change, decision));
    else values.set(decision.name, decision.after);
  }
  const changes = decisions.flatMap((decision): readonly Change[] =>
    "requests" in decision ? (lists.get(decision.name)?.changes ?? []) : [decision.change],
  );
  if (changes.length === 0) return { plan: undefined, lists, orphans: [] };
  const records = changeRecords(changes);
  const last = newest + records.length;
  const writes = [...values].map(([name, value]) =>
    writeOf(name, value === undefined ? undefined : valueItem(keyOf(name), value, last)),
  );
  const changed = [...lists].filter(([, list]) => list.changes.length > 0);
  await leaveCleared(deps, actorId, [...values.keys(), ...changed.map(([name]) => name)].map(itemOf), cleared);
  const orphans: Key[] = [];
  let left = MAX_TRANSACTION_WRITES - LOG_WRITES - partsOf(records) - writes.length;
  const bytes = (TRANSACTION_BYTES - bytesOf(records) - bytesOf([...values.values()])) / Math.max(1, changed.length);
  for (const [at, [name, { list, steps, pages, newId }]] of changed.entries()) {
    const room = { writes: left - (changed.length - at) * (1 + GARBAGE_WRITES), bytes };
    const made = await listWrites(deps, actorId, list, steps, { pages, newId, room, laid });
    const head = made.next === undefined ? undefined : listItem(keyOf(name), made.next, last);
    writes.push(writeOf(name, head), ...made.writes);
    left -= 1 + made.writes.length;
    orphans.push(...made.orphans);
  }
  if (left < 0) throw tooMuch();
  return { plan: { records, writes }, lists, orphans };
}

/** The operations on one list as steps on its tree. */
async function planList(
  { table }: ListWriteDeps,
  { actorId, stored, seed }: PropertyChange,
  { name, requests, misfit, returnsRemoved }: ListRequests,
): Promise<PlannedList> {
  const current = stored.get(name)?.list;
  const newId = pageIds(seed, current ?? { name, generation: "", last: 0 });
  const list = current ?? emptyList(name, newId());
  const pages = new PageReader(table, pagePartition(actorId, list));
  const worked = await listSteps(table, pages, list, requests, misfit);
  const [step] = worked.steps;
  const takes = returnsRemoved === true && step?.do === "splice" && step.remove === 1;
  return compact({
    list,
    pages,
    newId,
    ...worked,
    taken: takes ? await itemAt(pages, list.shape, step.start) : undefined,
  });
}

/**
 * Leaves to the sweep the pages of lists that went with a deletion of all and whose heads are about to be replaced.
 * Before the commit, because there may be many: when the commit fails, the sweep finds the generations in the heads
 * still.
 */
async function leaveCleared(
  { table, clock }: ListWriteDeps,
  actorId: string,
  replaced: readonly (Item | undefined)[],
  cleared: number,
): Promise<void> {
  const left = replaced.flatMap((item) => leftover(clock, actorId, item, cleared));
  await mapConcurrent(left, LEFT_AT_ONCE, async (garbage) => {
    await table.put(garbage, always);
  });
}

const bytesOf = (values: readonly unknown[]): number =>
  values.reduce<number>((sum, value) => sum + (value === undefined ? 0 : jsonBytes(value)), 0);

const partsOf = (records: readonly NewRecord[]): number =>
  records.reduce((sum, record) => sum + 1 + Math.floor(bytesOf([record]) / RECORD_PART_BYTES), 0);

const tooMuch = (): ServiceError =>
  new ServiceError("request.too_large", "This is more than one change can hold; make it in several.");
