/** The consumer groups over all actors, as items: made, changed, read, ended. */
import { isLeased } from "../../domain/events/group-state.ts";
import { newRootLane, type RootLane } from "../../domain/events/root-group.ts";
import { laneOfActor } from "../../dynamodb/keys/feed.ts";
import {
  END_OF_LANES,
  rootFailedOf,
  rootGroupKey,
  rootGroupOfKey,
  rootGroupNamesKey,
  rootGroupPartition,
  rootLaneOf,
  rootMemberKey,
  rootMemberPartitions,
  rootFailedKey,
  type MadeGroup,
} from "../../dynamodb/keys/root-groups.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { deleteRange, queryAll } from "../../dynamodb/paging.ts";
import {
  always,
  any,
  contains,
  equals,
  missing,
  sizeBelow,
  TransactionRefused,
  type Item,
  type Table,
  type Write,
} from "../../dynamodb/table.ts";
import { deleteFailedEventsOf } from "../../failed-events/failed-event-deletion.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Deadline, Ids } from "../../system/ports.ts";
import { groupUnchanged } from "./group-item.ts";
import { noSuchGroup } from "./group-store.ts";
import type { GroupSettings } from "./group-settings.ts";
import {
  laneChanged,
  laneEnded,
  laneMade,
  memberWrites,
  rootGroupChanged,
  rootGroupMade,
  rootGroupOf,
  storedLaneOf,
  type RootGroup,
  type RootGroupChange,
  type RootMember,
  type StoredLane,
} from "./root-group-item.ts";

/** Most groups over all actors. */
const MOST_GROUPS = 100;
/** More than the consumers that write one lane at a time. */
const MOST_CONFLICTS = 16;
/** An ending group leaves the rest to the next run when less time than this is left, ms. */
const LEAST_MS = 5_000;

export interface RootGroupStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Pick<Ids, "id">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/** A group as it was read: its head and its lanes, at one moment each. */
export interface RootStanding {
  readonly group: RootGroup;
  /** By index. */
  readonly lanes: readonly StoredLane[];
}

/** What is written of one lane and its members, all or nothing. */
export interface LaneWrites {
  /** The lane as it becomes. Absent: it does not change, and the write demands that it is as it was read. */
  readonly to?: RootLane;
  readonly members?: readonly RootMember[];
  readonly writes?: readonly Write[];
}

/** Reads and writes the groups over all actors. Every change is conditional on what was read. */
export class RootGroupStore {
  readonly #deps: RootGroupStoreDeps;

  constructor(deps: RootGroupStoreDeps) {
    this.#deps = deps;
  }

  /** The head and the lanes. One query. @throws ServiceError resource.not_found */
  async read(name: string): Promise<RootStanding> {
    const pk = rootGroupPartition(name);
    const items = await queryAll(this.#deps.table, { pk, prefix: "", until: END_OF_LANES });
    return standingOf(this.#deps.epoch, name, items);
  }

  /** As `read`, with the number of failed events that are kept of each actor. */
  async readAll(name: string): Promise<RootStanding & { readonly failed: ReadonlyMap<string, number> }> {
    const items = await queryAll(this.#deps.table, { pk: rootGroupPartition(name), prefix: "" });
    return { ...standingOf(this.#deps.epoch, name, items), failed: failedIn(items) };
  }

  /** The names of all groups. One read. */
  async names(): Promise<readonly string[]> {
    const names = (await this.#deps.table.get(rootGroupNamesKey))?.["names"];
    return names instanceof Set ? [...names].map(String).toSorted() : [];
  }

  /**
   * Makes a group that begins after a time (ms since 1970).
   * @returns undefined when there is one of that name by now @throws ServiceError limit.reached
   */
  async make(name: string, settings: GroupSettings, after: number): Promise<RootGroup | undefined> {
    const [generation, madeAs] = [this.#deps.ids.id(), this.#deps.ids.id()];
    const begun = { version: 1, revision: 1, paused: false };
    const made: RootGroup = { name, madeAs, settings, generation, since: after, ...begun };
    const lanes = Array.from({ length: settings.lanes }, (_, at) => laneMade(made, at, newRootLane(after)));
    const named: Write = {
      update: rootGroupNamesKey,
      change: { add: { names: new Set([name]) } },
      condition: any(missing("names"), sizeBelow("names", MOST_GROUPS)),
    };
    const refused = await refusedReasons(this.#deps.table, [rootGroupMade(made), named, ...lanes]);
    if (refused === undefined) return made;
    const [head, names] = refused;
    if (head?.code === "condition" && head.item?.["madeAs"] === madeAs) return made;
    if (head?.code === "none" && names?.code === "condition") {
      throw new ServiceError(
        "limit.reached",
        `There are at most ${String(MOST_GROUPS)} groups over all actors; delete one first.`,
      );
    }
    if (refused.some(({ code }) => code === "throttled")) throw new TransactionRefused(refused);
    return undefined;
  }

  /**
   * Does `work` on the group as it was read, and reads and does it again when another has written meanwhile.
   *
   * @param work returns undefined when its write was refused because another came first
   * @throws ServiceError resource.not_found; service.unavailable when others come first again and again
   */
  async again<T>(name: string, work: (standing: RootStanding) => Promise<{ readonly is: T } | undefined>): Promise<T> {
    for (let tries = 0; tries < MOST_CONFLICTS; tries += 1) {
      const done = await work(await this.read(name));
      if (done !== undefined) return done.is;
    }
    throw new ServiceError("service.unavailable", "Other consumers keep changing this group; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** Writes a lane and members of it. @returns false when one of them is not as it was read: then nothing is written */
  async write(group: MadeGroup, stored: StoredLane, { to, members = [], writes = [] }: LaneWrites): Promise<boolean> {
    const by = this.#deps.ids.id().slice(0, 16);
    const lane = laneChanged(group, stored, { by, ...(to !== undefined && { to }) });
    const more = [...members.flatMap((member) => memberWrites(group, member)), ...writes];
    if (more.length === 0) {
      const { written, item } = await updateIf(this.#deps.table, lane.update, lane.change, lane.condition);
      return written || item?.["by"] === by;
    }
    return await this.#transact([lane, ...more], (item) => item?.["by"] === by);
  }

  /** Changes the head alone. @returns false when it is not as it was read */
  async change(group: RootGroup, change: RootGroupChange): Promise<boolean> {
    const { update, change: made, condition } = rootGroupChanged(group, change);
    return (await updateIf(this.#deps.table, update, made, condition)).written;
  }

  /**
   * Changes the head, and writes every lane with it, so that no fetch that read them before can lease one afterwards.
   *
   * @param laneTo what a lane is from now on [what it was]
   */
  async changeAll(
    { group, lanes }: RootStanding,
    change: RootGroupChange,
    laneTo: (lane: RootLane) => RootLane = (lane) => lane,
  ): Promise<boolean> {
    const by = this.#deps.ids.id().slice(0, 16);
    const touched = lanes.map((stored) => laneChanged(group, stored, { to: laneTo(stored.lane), by }));
    return await this.#transact([rootGroupChanged(group, change), ...touched]);
  }

  /**
   * Begins again with new lanes. Every consumer is fenced: the lanes are others. Actors that may have work still may: no
   * change says that an event is to be sent again.
   */
  async reset(standing: RootStanding, settings: GroupSettings, after: number): Promise<boolean> {
    const { group, lanes } = standing;
    const by = this.#deps.ids.id().slice(0, 16);
    const met = lanes.flatMap(({ lane }) => lane.met.map(({ id }) => ({ id, after })));
    const byLane = Map.groupBy(met, ({ id }) => laneOfActor(id, settings.lanes));
    const laneAt = (index: number): RootLane => ({ ...newRootLane(after), met: byLane.get(index) ?? [] });
    const writes = lanes.map((stored): Write => {
      if (stored.index < settings.lanes) return laneChanged(group, stored, { to: laneAt(stored.index), by });
      return laneEnded(group, stored);
    });
    for (let index = lanes.length; index < settings.lanes; index += 1) {
      writes.push(laneMade(group, index, laneAt(index)));
    }
    const change = { settings, generation: this.#deps.ids.id(), since: after, stopped: null };
    return await this.#transact([rootGroupChanged(group, change), ...writes]);
  }

  /**
   * @param isOurs whether the first item, which fails its condition, is as these writes left it: then they were repeated
   */
  async #transact(
    writes: readonly Write[],
    isOurs: (first: Item | undefined) => boolean = () => false,
  ): Promise<boolean> {
    const refused = await refusedReasons(this.#deps.table, writes);
    if (refused === undefined) return true;
    if (refused[0]?.code === "condition" && isOurs(refused[0].item)) return true;
    if (refused.some(({ code }) => code === "throttled")) throw new TransactionRefused(refused);
    return false;
  }

  /**
   * Ends a drained group without a lease: its lanes first, after which nothing of it can be written, then what it knows of
   * actors. May be called again.
   *
   * @returns whether it is gone; else it is to be called again
   */
  async end(name: string, deadline: Deadline): Promise<boolean> {
    const { table, clock, epoch } = this.#deps;
    const pk = rootGroupPartition(name);
    const items = await queryAll(table, { pk, prefix: "" });
    const head = items.find(({ sk }) => sk === rootGroupKey(name).sk);
    if (head === undefined) return true;
    const { group, lanes } = standingOf(epoch, name, items);
    if (group.drainedBy === undefined || lanes.some(({ lane }) => isLeased(lane, clock.now()))) return false;
    const gone = lanes.map((stored) => laneEnded(group, stored));
    if (gone.length > 0 && !(await this.#transact(gone))) return false;
    const is = { check: rootGroupKey(name), condition: equals("madeAs", group.madeAs) };
    for (const actorId of failedIn(items).keys()) {
      if (deadline.remaining() < LEAST_MS) return false;
      // Another run may have ended it meanwhile, and another group of its name keep events.
      const isStill = await deleteFailedEventsOf(table, actorId, {
        name: sourceText({ kind: "root-group", id: name }),
        is,
      });
      const none: Write = { delete: rootFailedKey(name, actorId), condition: always };
      if (!isStill) return true;
      if (!(await this.#transact([is, none]))) return false;
    }
    for (const partition of rootMemberPartitions(group)) {
      if (deadline.remaining() < LEAST_MS) return false;
      await deleteRange(table, { pk: partition, prefix: "" });
    }
    const unnamed: Write = {
      update: rootGroupNamesKey,
      change: { discard: { names: new Set([name]) } },
      condition: contains("names", name),
    };
    const last: Write = { delete: rootGroupKey(name), condition: groupUnchanged(group) };
    return await this.#transact([last, unnamed]);
  }

  /** An actor leaves all groups: it has no log any more, so that no group meets it again. */
  async leave(actorId: string): Promise<void> {
    const names = await this.names();
    if (names.length === 0) return;
    const heads = await this.#deps.table.getMany(names.map((name) => rootGroupKey(name)));
    const groups = heads.map((head) => rootGroupOf(this.#deps.epoch, rootGroupOfKey(head) ?? "", head));
    const keys = groups.flatMap((group) => [rootMemberKey(group, actorId), rootFailedKey(group.name, actorId)]);
    if (keys.length > 0) await this.#deps.table.deleteMany(keys);
  }
}

function standingOf(epoch: number, name: string, items: readonly Item[]): RootStanding {
  const head = items.find(({ sk }) => sk === rootGroupKey(name).sk);
  if (head === undefined) throw noSuchGroup();
  const group = rootGroupOf(epoch, name, head);
  const lanes = items.flatMap((item): StoredLane[] => {
    const index = rootLaneOf(item.sk);
    return index === undefined ? [] : [storedLaneOf(index, item)];
  });
  return { group, lanes };
}

function failedIn(items: readonly Item[]): ReadonlyMap<string, number> {
  return new Map(
    items.flatMap((item): [string, number][] => {
      const actorId = rootFailedOf(item.sk);
      return actorId === undefined ? [] : [[actorId, Number(item["failedEvents"])]];
    }),
  );
}
