/**
 * Finds out that a group lags although no consumer fetches. Where a listener of the actor hears `$sys`, maintenance of the log
 * makes a group that has something to do due at the time when its oldest record is half as old as records become. A group
 * that has nothing to do is never due.
 */
import { lagsAt, passedTo } from "../../domain/events/group-lag.ts";
import { groupFloor } from "../../domain/events/group-state.ts";
import { parsePosition, positionAfter } from "../../domain/events/position.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { listenerPartition, listenerPrefix } from "../../dynamodb/keys/listeners.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { ListenersOfKinds } from "../../engine/listening.ts";
import type { Clock } from "../../system/ports.ts";
import { groupChanged, groupOf, type Group, type GroupChange, type GroupRef } from "./group-item.ts";
import type { GroupStore } from "./group-store.ts";
import { waitingOf } from "./group-waiting.ts";

export interface GroupLagDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly changeLog: Pick<ChangeLog, "head" | "oldest" | "stream">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** How long a record can be read, ms. */
  readonly retentionMs: number;
}

/** Pause before a look that could not see everything is repeated, ms. */
const AGAIN_MS = 60_000;

/** The groups, as maintenance of the log meets them. One query where a listener hears `$sys`; a write for a group that is not due. */
export function groupListening({ table, clock, changeLog, epoch, retentionMs }: GroupLagDeps): ListenersOfKinds {
  return {
    hears: () => false,
    deliver: () => Promise.resolve([]),
    catchUp: async (actorId, { listeners, newest }) => {
      if (listeners.sys === 0 || listeners.reading === 0) return "done";
      const prefix = listenerPrefix("group");
      for (const item of await queryAll(table, { pk: listenerPartition(actorId), prefix })) {
        const group = groupOf(epoch, { actorId, name: item.sk.slice(prefix.length) }, item);
        const done = doneUpTo(group);
        if (group.dueAt !== undefined || group.state.stopped?.reason === "position_gone" || done >= newest) continue;
        const oldest = await changeLog.oldest(actorId, done + 1);
        const now = clock.now();
        const dueAt = Math.max(now, oldest === undefined ? now : lagsAt(oldest.expiresAt, retentionMs));
        const write = groupChanged(group, { dueAt, ...(dueAt > now && lagsNoMore(group)) });
        // Where another has changed the group, the next maintenance looks again.
        await updateIf(table, write.update, write.change, write.condition);
      }
      return "done";
    },
  };
}

/** Looks at a group that is due: says that it lags, or that it was overtaken, or leaves it until it may. */
export async function lookForLag(deps: GroupLagDeps & { readonly store: GroupStore }, ref: GroupRef): Promise<void> {
  await deps.store.change(ref, async (group) => {
    // A drain that began meanwhile is due for its own end.
    return group.drainedBy !== undefined
      ? { result: undefined }
      : { result: undefined, change: await findings(deps, group) };
  });
}

async function findings(deps: GroupLagDeps, group: Group): Promise<GroupChange> {
  const { clock, changeLog, epoch, retentionMs } = deps;
  const { actorId, state } = group;
  const { newest, listeners } = await changeLog.head(actorId);
  const done = doneUpTo(group);
  if (listeners.sys === 0 || state.stopped?.reason === "position_gone" || done >= newest) {
    return { ...lagsNoMore(group), dueAt: null };
  }
  const oldest = await changeLog.oldest(actorId, done + 1);
  if (oldest?.number !== done + 1) return { state: { ...state, stopped: { reason: "position_gone" } }, dueAt: null };
  const { oldestAt, upTo } = await waitingOf(group, { changeLog, newest, epoch });
  const now = clock.now();
  if (oldestAt === undefined) {
    const passed = passedTo(state, positionAfter(epoch, upTo));
    return { ...(passed !== undefined && { state: passed }), dueAt: upTo < newest ? now + AGAIN_MS : null };
  }
  const expiresAt = oldestAt + retentionMs;
  if (lagsAt(expiresAt, retentionMs) > now) {
    return { ...lagsNoMore(group), dueAt: lagsAt(expiresAt, retentionMs) };
  }
  const dueAt = Math.max(expiresAt, now + AGAIN_MS);
  return state.lagging === true ? { dueAt } : { state: { ...state, lagging: true }, dueAt };
}

/** Takes the mark away, where there is one. */
function lagsNoMore({ state: { lagging, ...state } }: Pick<Group, "state">): Pick<GroupChange, "state"> {
  return lagging === undefined ? {} : { state };
}

/** The newest record up to which everything is done. */
function doneUpTo({ state }: Pick<Group, "state">): number {
  const floor = parsePosition(groupFloor(state));
  if (floor === undefined) return 0;
  return floor.index === "all" ? floor.record : floor.record - 1;
}
