/** The item of a consumer group: its settings and its state, and every write of it. */
import type { GroupRules, GroupState } from "../../domain/events/group-state.ts";
import { groupIn } from "../../domain/events/present-epoch.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import { listenerKey, type ListenerRef } from "../../dynamodb/keys/listeners.ts";
import { all, equals, itemMissing, type Condition, type Item, type Write } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import { unsaidOf, type SysEvent } from "../listener-head.ts";
import type { GroupSettings } from "./group-settings.ts";
import { packed, unpacked } from "./packed.ts";

export interface GroupRef {
  readonly actorId: string;
  readonly name: string;
}

/** A group as it was read. */
export interface Group extends GroupRef {
  /** Tells it from earlier and later groups of its name. Every write is conditional on it. */
  readonly madeAs: string;
  /** Every write is conditional on it and raises it. */
  readonly version: number;
  readonly settings: GroupSettings;
  readonly state: GroupState;
  readonly paused: boolean;
  /** It gives no new lease, and is deleted when the last one has ended, by then at the latest, ms since 1970; absent: it stays. */
  readonly drainedBy?: number;
  /** How many events that no consumer took are kept. */
  readonly failedEvents: number;
  /** When something of it is to be done without a consumer, ms since 1970; absent: nothing is. */
  readonly dueAt?: number;
  /** `$sys` events that are not in the log yet; the group is due as long as there are some. */
  readonly unsaid: readonly SysEvent[];
}

/** The listener that a group is. */
export const listenerOf = ({ actorId, name }: GroupRef): ListenerRef => ({ actorId, kind: "group", id: name });

/** The group that an item is, its positions in the present epoch (`LOG_EPOCH`). */
export function groupOf(epoch: number, { actorId, name }: GroupRef, item: Item): Group {
  return compact({
    actorId,
    name,
    madeAs: String(item["madeAs"]),
    version: Number(item["version"]),
    settings: parseText(String(item["settings"])) as GroupSettings,
    state: groupIn(epoch, unpacked(item["state"]) as GroupState),
    paused: item["paused"] === true,
    drainedBy: item["drainedBy"] === undefined ? undefined : Number(item["drainedBy"]),
    failedEvents: Number(item["failedEvents"] ?? 0),
    dueAt: item["dueAt"] === undefined ? undefined : Number(item["dueAt"]),
    unsaid: unsaidOf(item),
  });
}

/** Makes a group. */
export const groupMade = ({ madeAs, version, settings, state, ...ref }: Group): Write => ({
  put: {
    ...listenerKey(listenerOf(ref)),
    madeAs,
    version,
    settings: printJson(settings),
    state: packed(state),
  },
  condition: itemMissing,
});

/** The group is as it was read, and not another that was made under its name meanwhile. */
export const groupUnchanged = ({ madeAs, version }: Pick<Group, "madeAs" | "version">): Condition =>
  all(equals("madeAs", madeAs), equals("version", version));

/** What changes; an absent field stays. `null` removes. */
export interface GroupChange {
  readonly state?: GroupState;
  readonly settings?: GroupSettings;
  readonly paused?: boolean;
  readonly drainedBy?: number;
  readonly moreFailed?: number;
  readonly dueAt?: number | null;
  /** The `$sys` events that are not in the log yet, with those that were there before. */
  readonly unsaid?: readonly SysEvent[];
}

/** The write of a change, on the group as it was read. */
export function groupChanged(group: Group, change: GroupChange): Extract<Write, { readonly update: unknown }> {
  const { state, settings, paused, drainedBy, moreFailed = 0, dueAt, unsaid } = change;
  const set = compact({
    state: state === undefined ? undefined : packed(state),
    settings: settings === undefined ? undefined : printJson(settings),
    paused: paused === true ? true : undefined,
    drainedBy,
    dueAt: dueAt ?? undefined,
    unsaid: unsaid === undefined ? undefined : printJson(unsaid),
  });
  return {
    update: listenerKey(listenerOf(group)),
    change: {
      set,
      remove: [...(paused === false ? ["paused"] : []), ...(dueAt === null ? ["dueAt"] : [])],
      add: { version: 1, ...(moreFailed === 0 ? {} : { failedEvents: moreFailed }) },
    },
    condition: groupUnchanged(group),
  };
}

/** One failed event less is kept of the group as it was read. It meets no consumer: the version stays. */
export const fewerFailed = (group: Group): Write => ({
  update: listenerKey(listenerOf(group)),
  change: { add: { failedEvents: -1 } },
  condition: groupUnchanged(group),
});

export const rulesOf = ({ order, leaseSeconds, maxAttempts, onExhausted }: GroupSettings): GroupRules => ({
  order,
  leaseMs: leaseSeconds * 1_000,
  maxAttempts,
  onExhausted,
});
