/** The items of a consumer group over all actors: its head, its lanes, its members. */
import type { GroupState, GroupStopped } from "../../domain/events/group-state.ts";
import { groupIn, stoppedIn } from "../../domain/events/present-epoch.ts";
import type { RootLane } from "../../domain/events/root-group.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import {
  rootFailedKey,
  rootGroupKey,
  rootLaneKey,
  rootMemberKey,
  type MadeGroup,
} from "../../dynamodb/keys/root-groups.ts";
import { any, atMost, equals, itemExists, itemMissing, missing, type Item, type Write } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import { groupUnchanged } from "./group-item.ts";
import type { GroupSettings } from "./group-settings.ts";
import { packed, unpacked } from "./packed.ts";

/** Most failed events of one actor that a group keeps: at one more it stops. */
export const MOST_FAILED_OF_ACTOR = 1_000;

export interface RootStopped extends GroupStopped {
  readonly actorId: string;
}

/** The head of a group as it was read. */
export interface RootGroup extends MadeGroup {
  /** Every write is conditional on it and raises it. */
  readonly version: number;
  readonly settings: GroupSettings;
  /** Grows with each change of the settings: members take it over when they are read. */
  readonly revision: number;
  /** Another one after each reset: a member of an earlier one begins again. */
  readonly generation: string;
  /** Its topics hold from then on, or it was reset to then, ms since 1970: an actor that it has not met begins there. */
  readonly since: number;
  readonly paused: boolean;
  /** It gives no new lease, and ends when the last one has ended, by then at the latest, ms since 1970; absent: it stays. */
  readonly drainedBy?: number;
  readonly stopped?: RootStopped;
}

/** The head that an item is, its position in the present epoch (`LOG_EPOCH`). */
export function rootGroupOf(epoch: number, name: string, item: Item): RootGroup {
  const stopped = item["stopped"];
  return compact({
    name,
    madeAs: String(item["madeAs"]),
    version: Number(item["version"]),
    settings: parseText(String(item["settings"])) as GroupSettings,
    revision: Number(item["revision"]),
    generation: String(item["generation"]),
    since: Number(item["since"]),
    paused: item["paused"] === true,
    drainedBy: item["drainedBy"] === undefined ? undefined : Number(item["drainedBy"]),
    stopped: stopped === undefined ? undefined : stoppedIn(epoch, parseText(String(stopped)) as RootStopped),
  });
}

/** Makes the head. */
export const rootGroupMade = ({ name, madeAs, settings, generation, since }: RootGroup): Write => ({
  put: {
    ...rootGroupKey(name),
    madeAs,
    version: 1,
    settings: printJson(settings),
    revision: 1,
    generation,
    since,
  },
  condition: itemMissing,
});

/** What changes of a head; an absent field stays. */
export interface RootGroupChange {
  readonly settings?: GroupSettings;
  readonly generation?: string;
  readonly since?: number;
  readonly paused?: boolean;
  readonly drainedBy?: number;
  readonly stopped?: RootStopped | null;
  readonly dueAt?: number;
}

/** The write of a change, on the head as it was read. */
export function rootGroupChanged(
  group: Pick<RootGroup, keyof MadeGroup | "version">,
  { settings, generation, since, paused, drainedBy, stopped, dueAt }: RootGroupChange,
): Extract<Write, { readonly update: unknown }> {
  const set = compact({
    settings: settings === undefined ? undefined : printJson(settings),
    generation,
    since,
    paused: paused === true ? true : undefined,
    drainedBy,
    stopped: stopped ? printJson(stopped) : undefined,
    dueAt,
  });
  const remove = [...(paused === false ? ["paused"] : []), ...(stopped === null ? ["stopped"] : [])];
  const add = { version: 1, ...(settings !== undefined && { revision: 1 }) };
  return { update: rootGroupKey(group.name), change: { set, remove, add }, condition: groupUnchanged(group) };
}

/** A lane as it was read. */
export interface StoredLane {
  readonly index: number;
  readonly version: number;
  readonly lane: RootLane;
}

export const storedLaneOf = (index: number, item: Item): StoredLane => ({
  index,
  version: Number(item["version"]),
  lane: unpacked(item["lane"]) as RootLane,
});

export const laneMade = ({ name, madeAs }: MadeGroup, index: number, lane: RootLane): Write => ({
  put: { ...rootLaneKey(name, index), madeAs, version: 1, lane: packed(lane) },
  condition: itemMissing,
});

/**
 * The write of a lane, on the lane as it was read, of the same group.
 *
 * @param by names the write, so that its repetition finds what it has written itself; `to`: absent: nothing else changes
 */
export function laneChanged(
  { name, madeAs }: MadeGroup,
  { index, version }: Pick<StoredLane, "index" | "version">,
  { to, by }: { readonly to?: RootLane; readonly by: string },
): Extract<Write, { readonly update: unknown }> {
  const set = { by, ...(to !== undefined && { lane: packed(to) }) };
  const change = { set, add: { version: 1 } };
  return { update: rootLaneKey(name, index), change, condition: groupUnchanged({ madeAs, version }) };
}

/** Deletes a lane that is as it was read. */
export const laneEnded = ({ name, madeAs }: MadeGroup, { index, version }: StoredLane): Write => ({
  delete: rootLaneKey(name, index),
  condition: groupUnchanged({ madeAs, version }),
});

/** An actor as a group knows it. */
export interface RootMember {
  readonly actorId: string;
  /** Absent: it is not stored yet. */
  readonly version?: number;
  /** Those of the group that the state follows. */
  readonly generation: string;
  readonly revision: number;
  /** One lane. */
  readonly state: GroupState;
}

/** The member that an item is, its positions in the present epoch (`LOG_EPOCH`). */
export const rootMemberOf = (epoch: number, actorId: string, item: Item): RootMember => ({
  actorId,
  version: Number(item["version"]),
  generation: String(item["generation"]),
  revision: Number(item["revision"]),
  state: groupIn(epoch, unpacked(item["state"]) as GroupState),
});

/** The writes of a member, on the member as it was read. One is made only while the actor has a log: an actor that is deleted has none. */
export function memberWrites(
  group: MadeGroup,
  { actorId, version, generation, revision, state }: RootMember,
): readonly Write[] {
  const key = rootMemberKey(group, actorId);
  const set = { generation, revision, state: packed(state) };
  if (version !== undefined) {
    return [{ update: key, change: { set, add: { version: 1 } }, condition: equals("version", version) }];
  }
  return [
    { put: { ...key, version: 1, ...set }, condition: itemMissing },
    { check: logHeadKey(actorId), condition: itemExists },
  ];
}

/** So many more failed events of an actor are kept. */
export const moreFailed = (name: string, actorId: string, count: number): Write => ({
  update: rootFailedKey(name, actorId),
  change: { add: { failedEvents: count } },
  condition: any(missing("failedEvents"), atMost("failedEvents", MOST_FAILED_OF_ACTOR - count)),
});

/** One less is kept. `kept`: how many there are. */
export function oneFailedEnded(name: string, actorId: string, kept: number): Write {
  const key = rootFailedKey(name, actorId);
  if (kept <= 1) return { delete: key, condition: equals("failedEvents", kept) };
  return { update: key, change: { add: { failedEvents: -1 } }, condition: itemExists };
}
