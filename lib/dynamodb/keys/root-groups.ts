/** The keys of consumer groups over all actors. Each access pattern is documented here. */
import { hash } from "node:crypto";
import type { Key } from "../table.ts";
import { number16 } from "./partition.ts";

/** The names of all these groups, as the set `names`. Written in the transactions that make and end one. */
export const rootGroupNamesKey: Key = { pk: "GROUPS", sk: "NAMES" };

/**
 * The partition of one group: its head, its lanes, and what it knows of actors with failed events. A fetch and an
 * acknowledgement query the head with the lanes (up to `END_OF_LANES`), an operator all of it.
 */
export const rootGroupPartition = (name: string): string => `G#${name}`;

const HEAD_SK = "HEAD";
const LANE = "LANE#";
const FAILED = "FAILED#";

/** Above the head and every lane in sort order. */
export const END_OF_LANES = `${LANE}~`;

/**
 * The head: settings, and whether the group is paused, stopped or drained. Written seldom, on its `madeAs` and `version`. In the
 * due index while the group is drained.
 */
export const rootGroupKey = (name: string): Key => ({ pk: rootGroupPartition(name), sk: HEAD_SK });

/** The group whose head a key is; undefined when the key is another's. */
export function rootGroupOfKey({ pk, sk }: Key): string | undefined {
  const [letter, name] = pk.split("#");
  return letter === "G" && sk === HEAD_SK ? name : undefined;
}

/**
 * One lane. Every fetch, acknowledgement and replay writes it on its `madeAs` and `version`, in one transaction with the members that
 * it concerns: what does not find the lane as it was read changes nothing.
 */
export const rootLaneKey = (name: string, lane: number): Key => ({
  pk: rootGroupPartition(name),
  sk: `${LANE}${number16(lane).slice(-2)}`,
});

/** The index of the lane that a sort key names; undefined when it is another's. */
export const rootLaneOf = (sk: string): number | undefined =>
  sk.startsWith(LANE) ? Number(sk.slice(LANE.length)) : undefined;

/** How many failed events of one actor are kept, as `failedEvents`: there is such an item while there are some. */
export const rootFailedKey = (name: string, actorId: string): Key => ({
  pk: rootGroupPartition(name),
  sk: `${FAILED}${actorId}`,
});

/** The actor of a sort key of `rootFailedKey`; undefined when the key is another's. */
export const rootFailedOf = (sk: string): string | undefined =>
  sk.startsWith(FAILED) ? sk.slice(FAILED.length) : undefined;

/** The members of a group lie in so many partitions. */
const MEMBER_PARTITIONS = 16;

/** Which group, of those that had or will have its name. */
export interface MadeGroup {
  readonly name: string;
  /** Tells it from earlier and later groups of its name. */
  readonly madeAs: string;
}

const memberPartition = ({ name, madeAs }: MadeGroup, at: number): string => `M#${name}#${madeAs}#${String(at)}`;

/** The partitions of a group's members, queried whole when the group ends. */
export const rootMemberPartitions = (group: MadeGroup): readonly string[] =>
  Array.from({ length: MEMBER_PARTITIONS }, (_, at) => memberPartition(group, at));

/**
 * An actor as a group knows it: a cursor in its log. Read and written by key, on its `version`; another group of the name has
 * other keys, so that what comes late of this one concerns no member of that one.
 */
export const rootMemberKey = (group: MadeGroup, actorId: string): Key => ({
  pk: memberPartition(group, hash("sha256", actorId, "buffer").readUInt32BE() % MEMBER_PARTITIONS),
  sk: actorId,
});
