/** The consumer groups of all actors, as items: made, changed, read, ended. */
import type { ChangeLog, LogHead } from "../../change-log/change-log.ts";
import type { Commits, LogPlan } from "../../change-log/log-commits.ts";
import { newGroupState, withSelection } from "../../domain/events/group-state.ts";
import { listenerKey, listenerPartition, listenerPrefix } from "../../dynamodb/keys/listeners.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import { equals, TransactionRefused, type Item, type Table, type Write } from "../../dynamodb/table.ts";
import { sameJson } from "../../domain/json/canonical-json.ts";
import { registering } from "../../engine/registration.ts";
import { deleteFailedEventsOf } from "../../failed-events/failed-event-deletion.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Ids, Json } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import type { WakeUpDeps } from "../../system/wake-up.ts";
import { newBeginning, type BeginningDeps } from "../beginning.ts";
import type { SysEvent } from "../listener-head.ts";
import type { Preconditions } from "../preconditions.ts";
import { sayUnsaid } from "../sys-events.ts";
import {
  groupChanged,
  groupMade,
  groupOf,
  groupUnchanged,
  listenerOf,
  type Group,
  type GroupChange,
  type GroupRef,
} from "./group-item.ts";
import { logSignals, signalsOf, sysEventOf, type Signalled } from "./group-signals.ts";
import { decideGroupPut, selectionOf, type GroupRequest, type GroupSettings } from "./group-settings.ts";

/** Most groups of one actor. */
const MOST_GROUPS = 100;
/** More than the consumers that write one group at a time. */
const MOST_CONFLICTS = 16;

/** When what is to be said of a group is said at the latest, ms. */
const SAID_MS = 60_000;

export interface GroupStoreDeps extends WakeUpDeps, BeginningDeps {
  readonly table: Table;
  readonly ids: Ids;
  readonly commits: Commits;
  /** They publish nothing. */
  readonly unpublished: Pick<Commits, "commit">;
  readonly changeLog: Pick<ChangeLog, "head" | "oldest">;
}

/** A change of a group: what is written with it, and what the caller is given. */
export interface GroupWork<T> {
  readonly change?: GroupChange;
  readonly writes?: readonly Write[];
  readonly result: T;
}

/**
 * Reads and writes the groups of actors. Every change is conditional on what was read, and is tried again when another
 * came first.
 */
export class GroupStore {
  readonly #deps: GroupStoreDeps;

  constructor(deps: GroupStoreDeps) {
    this.#deps = deps;
  }

  /** The group; undefined when there is none. One read. */
  async get(ref: GroupRef): Promise<Group | undefined> {
    const item = await this.#deps.table.get(listenerKey(listenerOf(ref)));
    return item === undefined ? undefined : groupOf(this.#deps.epoch, ref, item);
  }

  /** @throws ServiceError resource.not_found */
  async demand(ref: GroupRef): Promise<Group> {
    const group = await this.get(ref);
    if (group === undefined) throw noSuchGroup();
    return group;
  }

  /** All groups of an actor, by name. */
  async list(actorId: string): Promise<readonly Group[]> {
    const items = await queryAll(this.#deps.table, { pk: listenerPartition(actorId), prefix: listenerPrefix("group") });
    const nameIn = ({ sk }: Item): string => sk.slice(listenerPrefix("group").length);
    return items.map((item) => groupOf(this.#deps.epoch, { actorId, name: nameIn(item) }, item));
  }

  /**
   * Makes the group, or changes it to what is stated.
   * @throws ServiceError as `decideGroupPut`; limit.reached; resource.position_gone; resource.conflict while it is drained
   */
  async put(
    ref: GroupRef,
    { settings, from }: GroupRequest,
    preconditions: Preconditions,
  ): Promise<{ readonly is: "created" | "changed" | "same"; readonly group: Group }> {
    const key = listenerKey(listenerOf(ref));
    let result: { is: "created" | "changed" | "same"; group: Group } | undefined;
    await this.#deps.commits.commit(
      ref.actorId,
      [key],
      async ({ head, item }) => {
        const stored = item(key);
        const group = stored === undefined ? undefined : groupOf(this.#deps.epoch, ref, stored);
        const is = decideGroupPut(group?.settings, settings, preconditions);
        if (group === undefined) {
          const { made, kept } = await this.#made(ref, { settings, from }, head);
          result = { is, group: made };
          const { writes, head: logHead } = registering(listenerOf(ref), { after: registeredAs(settings) });
          return { records: [], writes: [groupMade(made), ...writes], head: logHead, ...kept };
        }
        if (group.drainedBy !== undefined)
          throw new ServiceError(
            "resource.conflict",
            "This group was deleted and ends with its last lease; try again when it has ended.",
          );
        if (is === "same") {
          result = { is, group };
          return undefined;
        }
        const state = withSelection(group.state, selectionOf(settings));
        if (state === undefined) throw tooManySelections();
        result = { is, group: { ...group, settings, state } };
        const { writes, head: logHead } = registering(listenerOf(ref), {
          before: registeredAs(group.settings),
          after: registeredAs(settings),
        });
        return { records: [], writes: [groupChanged(group, { settings, state }), ...writes], head: logHead };
      },
      { quiet: true },
    );
    if (result === undefined) throw new TypeError("a PUT of a group was neither planned nor refused");
    return result;
  }

  async #made(
    ref: GroupRef,
    { settings, from }: GroupRequest,
    head: LogHead,
  ): Promise<{ readonly made: Group; readonly kept: Pick<LogPlan, "when"> }> {
    const { after, kept } = await newBeginning(this.#deps, {
      actorId: ref.actorId,
      from,
      log: head,
      most: MOST_GROUPS,
      called: "groups",
      others: { pk: listenerPartition(ref.actorId), prefix: listenerPrefix("group") },
    });
    const state = newGroupState(after, { lanes: settings.lanes, selection: selectionOf(settings) });
    const madeAs = this.#deps.ids.id();
    const flags = { paused: false, failedEvents: 0, unsaid: [] };
    return { made: { ...ref, madeAs, version: 1, settings, state, ...flags }, kept };
  }

  /**
   * Changes a group on the condition that it is as it was read; repeated on what another has written.
   *
   * @param first as it was read already
   * @throws ServiceError resource.not_found; service.unavailable when others come first again and again
   */
  async change<T>(
    ref: GroupRef,
    make: (group: Group) => Promise<GroupWork<T>> | GroupWork<T>,
    first?: Group,
  ): Promise<T> {
    const made = await retryOnConflict<Group | undefined, { readonly is: T }>(first, MOST_CONFLICTS, async (known) => {
      const group = known ?? (await this.demand(ref));
      const { change, writes = [], result } = await make(group);
      if (change === undefined) return { done: { is: result } };
      const said = signalsOf(group, change);
      const unsaid = await this.#unsaid(group, said);
      const saying = unsaid.length === 0 ? {} : { unsaid, dueAt: this.#saidBy(group, change) };
      const found = await this.#write(group, { ...change, ...saying }, writes);
      if (found !== "written") return { found };
      logSignals(this.#deps.log, group, said);
      await this.say({ ...group, unsaid });
      return { done: { is: result } };
    });
    if (made !== undefined) return made.is;
    throw new ServiceError("service.unavailable", "Other consumers keep changing this group; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** What is to be said below `$sys`, with what was to be said before. One read where there is news. */
  async #unsaid({ actorId, unsaid }: Group, said: readonly Signalled[]): Promise<readonly SysEvent[]> {
    if (said.length === 0) return [];
    const { listeners } = await this.#deps.changeLog.head(actorId);
    return listeners.sys === 0 ? [] : [...unsaid, ...said.map(sysEventOf)];
  }

  #saidBy({ dueAt: before }: Group, { dueAt = before }: GroupChange): number {
    return Math.min(dueAt ?? Number.POSITIVE_INFINITY, this.#deps.clock.now() + SAID_MS);
  }

  /** Says what is to be said of a group. Never rejects: the group is due until it is done. */
  async say(group: Pick<Group, "actorId" | "name" | "unsaid">): Promise<void> {
    const { unpublished: commits } = this.#deps;
    await sayUnsaid({ ...this.#deps, commits }, { ...listenerOf(group), unsaid: group.unsaid });
  }

  async #write(group: Group, change: GroupChange, writes: readonly Write[]): Promise<Group | "written" | undefined> {
    const write = groupChanged(group, change);
    const read = (item: Item | undefined): Group | "written" | undefined => {
      if (item === undefined) throw noSuchGroup();
      const found = groupOf(this.#deps.epoch, group, item);
      // The answer of the write was lost: what stands is what it wrote.
      const isNext = found.madeAs === group.madeAs && found.version === group.version + 1;
      return isNext && isSame(found, change) ? "written" : found;
    };
    if (writes.length === 0) {
      const { written, item } = await updateIf(this.#deps.table, write.update, write.change, write.condition);
      return written ? "written" : read(item);
    }
    const refused = await refusedReasons(this.#deps.table, [write, ...writes]);
    if (refused === undefined) return "written";
    if (refused[0]?.code === "condition") return read(refused[0].item);
    if (refused.some(({ code }) => code === "conflict")) return undefined;
    throw new TransactionRefused(refused);
  }

  /** Deletes a drained group that is as it was read, with its failed events. @returns false when another has changed it */
  async end(group: Group): Promise<boolean> {
    const key = listenerKey(listenerOf(group));
    const ref = listenerOf(group);
    // A group that gives no lease keeps no further event, so that none comes after this.
    const isStill = await deleteFailedEventsOf(this.#deps.table, group.actorId, {
      name: sourceText({ kind: "group", id: group.name }),
      is: { check: key, condition: equals("madeAs", group.madeAs) },
    });
    if (!isStill) return true;
    let isGone = false;
    await this.#deps.commits.commit(
      group.actorId,
      [key],
      ({ item }) => {
        const stored = item(key);
        const found = stored === undefined ? undefined : groupOf(this.#deps.epoch, group, stored);
        // Another one of its name is not this one.
        isGone = found?.madeAs !== group.madeAs;
        if (isGone || found?.version !== group.version) return undefined;
        const { writes, head } = registering(ref, { before: registeredAs(group.settings) });
        isGone = true;
        const gone: Write = { delete: key, condition: groupUnchanged(group) };
        return { records: [], writes: [gone, ...writes], head };
      },
      { quiet: true },
    );
    return isGone;
  }
}

function isSame(found: Group, { state }: GroupChange): boolean {
  return state !== undefined && sameJson(found.state as unknown as Json, state as unknown as Json);
}

/** What the log knows of a group: it reads the records, and no change looks for it. */
const registeredAs = (settings: GroupSettings) =>
  ({ selection: selectionOf(settings), reads: true, pulls: true }) as const;

const tooManySelections = (): ServiceError => {
  const message = "Events that the group heard by earlier topics are not done; change its topics once they are.";
  return new ServiceError("resource.conflict", message, { field: "topics" });
};

export const noSuchGroup = (): ServiceError =>
  new ServiceError("resource.not_found", "There is no group of that name.");
