/** What a change of values and lists writes: everything that goes into its one transaction. */
import type { Change, NewRecord, RecordedChange } from "../domain/diff/change-record.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { ownPropertyKey } from "../dynamodb/keys/publishing.ts";
import { always, ConditionFailed, MAX_TRANSACTION_WRITES, TransactionRefused } from "../dynamodb/table.ts";
import type { Item, Key, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import { PageGone, PageReader } from "../lists/list-pages.ts";
import type { Clock, Json, JsonObject } from "../system/ports.ts";
import type { LogPlan, LogRead } from "../change-log/log-commits.ts";
import { changeRecords } from "./change-records.ts";
import { itemAt } from "./list-reads.ts";
import { listSteps } from "./list-steps.ts";
import type { ListSteps, MisfitError } from "./list-steps.ts";
import { GARBAGE_WRITES, listWrites, pageIds } from "./list-writes.ts";
import { emptyList, pagesOf } from "./own-list.ts";
import type { OwnList } from "./own-list.ts";
import { leftover, listWrite, readProperty, valueWrite } from "./property-item.ts";
import type { Property } from "./property-item.ts";

/** The properties that a change was given, as they are. */
export interface Before {
  /** A value; undefined when there is none. @throws ServiceError resource.conflict when it is a list */
  readonly value: (name: string) => Json | undefined;
  /** A value or a list. */
  readonly property: (name: string) => Property | undefined;
}

/** What a change makes of the properties it was given. It may be asked again. */
export type Plan = (before: Before) => readonly (PlannedChange | PlannedRequests)[];

/** A change of one value; several of one property come one after another, each made on what the one before left. */
export interface PlannedChange extends RecordedChange {
  readonly name: string;
}

/**
 * Operations on one list, in the wire's form: `{operation, item, …}`. At most once for each list; where there is none,
 * one is made.
 */
export interface PlannedRequests {
  readonly name: string;
  readonly requests: readonly JsonObject[];
  /** The error when the list has no such item, as for `listSteps`. */
  readonly misfit?: MisfitError;
  /** The item that a single request removes is returned. */
  readonly returnsRemoved?: boolean;
}

/** What became of a list. */
export interface ChangedList {
  /** Of the last operation the first item that it added, changed or took away; null when there is none such. */
  readonly index: number | null;
  /** How many items there are now. */
  readonly count: number;
  /** The item that was taken away, when it was wanted. */
  readonly taken?: Json;
}

/** The lists that operations were asked for, by their names. */
export type ChangedLists = ReadonlyMap<string, ChangedList>;

/** A change worked out. */
export interface Planned {
  /** Undefined: nothing changes. */
  readonly plan: LogPlan | undefined;
  readonly lists: ChangedLists;
  /** What nothing refers to once the plan is committed. */
  readonly orphans: readonly Key[];
}

/** Generations left to the sweep at the same time. */
const LEFT_AT_ONCE = 8;
/** The log's head and the check of the actor. */
const LOG_WRITES = 2;
/** Most bytes that records, values and pages of one transaction may take; it takes 4 MB. */
const TRANSACTION_BYTES = 3.5 * 1_024 * 1_024;
/** A part of a record takes more than this. */
const RECORD_PART_BYTES = 300_000;

interface PlannedList extends ListSteps, ChangedList {
  readonly list: OwnList;
  readonly pages: PageReader;
  readonly newId: () => string;
}

/** One change of one actor's properties, planned as often as it takes. */
export class Planning {
  readonly #deps: { readonly table: Table; readonly clock: Clock };
  readonly #actorId: string;
  readonly #seed: string;
  /** What the last try laid out beforehand. */
  #laid: Key[] = [];

  /** `seed`: unique to this change; what it lays out has its ids from it. */
  constructor(deps: { readonly table: Table; readonly clock: Clock }, actorId: string, seed: string) {
    this.#deps = deps;
    this.#actorId = actorId;
    this.#seed = seed;
  }

  /** Works the change out on what was read. @throws what `plan` and `listSteps` throw, and request.too_large */
  async plan(read: LogRead, plan: Plan): Promise<Planned> {
    const stored = (name: string): Item | undefined => read.item(ownPropertyKey(this.#actorId, name));
    const property = (name: string): Property | undefined => {
      const item = stored(name);
      return item === undefined ? undefined : readProperty(item, read.head.cleared);
    };
    const asked = plan({ property, value: (name) => valueOf(property(name)) });
    const earlier = this.#laid;
    this.#laid = [];
    try {
      const planned = await this.#worked(read, asked, stored, property);
      await this.#discard(earlier);
      return planned;
    } catch (error) {
      this.#laid.push(...earlier);
      // The list has changed since its head was read: as if the transaction had been refused for that.
      if (error instanceof PageGone || error instanceof ConditionFailed)
        throw new TransactionRefused([{ code: "conflict" }]);
      throw error;
    }
  }

  async #worked(
    read: LogRead,
    asked: readonly (PlannedChange | PlannedRequests)[],
    stored: (name: string) => Item | undefined,
    property: (name: string) => Property | undefined,
  ): Promise<Planned> {
    const lists = new Map<string, PlannedList>();
    for (const one of asked) {
      if ("requests" in one) lists.set(one.name, await this.#steps(one, property(one.name)?.list));
    }
    const changes = asked.flatMap((one): readonly Change[] =>
      "requests" in one ? (lists.get(one.name)?.changes ?? []) : [one.change],
    );
    if (changes.length === 0) return { plan: undefined, lists, orphans: [] };
    const records = changeRecords(changes);
    const last = read.head.newest + records.length;
    const values = new Map(asked.flatMap((one) => ("requests" in one ? [] : [[one.name, one.after] as const])));
    const writes: Write[] = [...values].map(([name, value]) =>
      valueWrite(this.#actorId, name, value, stored(name), last),
    );
    const changed = [...lists].filter(([, list]) => list.changes.length > 0);
    await this.#leave([...values.keys(), ...changed.map(([name]) => name)].map(stored), read.head.cleared);
    const orphans: Key[] = [];
    let left = MAX_TRANSACTION_WRITES - LOG_WRITES - partsOf(records) - writes.length;
    const bytes = (TRANSACTION_BYTES - bytesOf(records) - bytesOf([...values.values()])) / Math.max(1, changed.length);
    for (const [at, [name, { list, steps, pages, newId }]] of changed.entries()) {
      const room = { writes: left - (changed.length - at) * (1 + GARBAGE_WRITES), bytes };
      const made = await listWrites(this.#deps, this.#actorId, list, steps, {
        ...{ pages, newId, room },
        laid: this.#laid,
      });
      const head = listWrite(this.#actorId, name, made.next, stored(name), last);
      writes.push(head, ...made.writes);
      left -= 1 + made.writes.length;
      orphans.push(...made.orphans);
    }
    if (left < 0) throw tooMuch();
    return { plan: { records, writes }, lists, orphans };
  }

  /**
   * Tells the sweep of lists that went with a deletion of all and whose heads are about to be replaced. Beforehand, as
   * there may be many: when nothing comes of the change, the sweep finds the generation in its head still.
   */
  async #leave(replaced: readonly (Item | undefined)[], cleared: number): Promise<void> {
    const { table, clock } = this.#deps;
    const left = replaced.flatMap((item) => leftover(clock, this.#actorId, item, cleared));
    await mapConcurrent(left, LEFT_AT_ONCE, async (garbage) => {
      await table.put(garbage, always);
    });
  }

  /** When nothing was committed, which is certain: takes away what was laid out for it. */
  async abandon(): Promise<void> {
    const laid = this.#laid;
    this.#laid = [];
    await this.#discard(laid);
  }

  /** What was laid out for a list as it no longer is, and not for the one it is now. Failing leaves it. */
  async #discard(laid: readonly Key[]): Promise<void> {
    const kept = new Set(this.#laid.map(({ pk, sk }) => `${pk} ${sk}`));
    const removed = laid.filter(({ pk, sk }) => !kept.has(`${pk} ${sk}`));
    if (removed.length > 0) await this.#deps.table.deleteMany(removed).catch(() => undefined);
  }

  async #steps(
    { name, requests, misfit, returnsRemoved }: PlannedRequests,
    current: OwnList | undefined,
  ): Promise<PlannedList> {
    const newId = pageIds(this.#seed, current ?? { name, generation: "", last: 0 });
    const list = current ?? emptyList(name, newId());
    const pages = new PageReader(this.#deps.table, pagesOf(this.#actorId, list));
    const worked = await listSteps(this.#deps.table, pages, list, requests, misfit);
    const [step] = worked.steps;
    const takes = returnsRemoved === true && step?.do === "splice" && step.remove === 1;
    const taken = takes ? { taken: await itemAt(pages, list.shape, step.start) } : {};
    return { list, pages, newId, ...worked, ...taken };
  }
}

function valueOf(property: Property | undefined): Json | undefined {
  if (property?.list !== undefined) throw isAList();
  return property === undefined ? undefined : (parseText(property.text) as Json);
}

const bytesOf = (values: readonly unknown[]): number =>
  values.reduce<number>((sum, value) => sum + (value === undefined ? 0 : Buffer.byteLength(printJson(value))), 0);

const partsOf = (records: readonly NewRecord[]): number =>
  records.reduce((sum, record) => sum + 1 + Math.floor(bytesOf([record]) / RECORD_PART_BYTES), 0);

const tooMuch = (): ServiceError =>
  new ServiceError("request.too_large", "This is more than one change can hold; make it in several.");

/** A name stands for a value or for a list, never for both. */
export const isAList = (): ServiceError =>
  new ServiceError("resource.conflict", "There is a list of this name; its items have paths of their own.");
