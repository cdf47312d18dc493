/** The members of a consumer group over all actors: each actor as the group knows it, read and brought up to date. */
import { readLogHead, type ChangeLog, type LogHead } from "../../change-log/change-log.ts";
import {
  newGroupState,
  numberedTo,
  resetGroup,
  withSelection,
  type GroupState,
} from "../../domain/events/group-state.ts";
import { positionAfter } from "../../domain/events/position.ts";
import type { MetActor } from "../../domain/events/root-group.ts";
import { selectionOfActor, type Selection } from "../../domain/events/selection.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { rootFailedKey, rootMemberKey, type MadeGroup } from "../../dynamodb/keys/root-groups.ts";
import { equals, type Table } from "../../dynamodb/table.ts";
import { resolveWhile, type ResolveWhileDeps } from "../../failed-events/resolve-while.ts";
import { firstRecordAfter } from "../first-record-after.ts";
import { countBetween } from "./event-numbers.ts";
import { selectionOf } from "./group-settings.ts";
import { oneFailedEnded, rootMemberOf, type RootGroup, type RootMember } from "./root-group-item.ts";

export interface RootMembersDeps {
  readonly table: Pick<Table, "getMany">;
  readonly changeLog: Pick<ChangeLog, "stream">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/** An actor as it stands. */
export interface ReadActor {
  /** Absent: the actor has no log, because it was deleted. */
  readonly head?: LogHead;
  readonly stored?: RootMember;
}

/** The logs' heads and the members of actors. One request for each 50. */
export async function readActors(
  { table, epoch }: Pick<RootMembersDeps, "table" | "epoch">,
  group: MadeGroup,
  actorIds: readonly string[],
): Promise<ReadonlyMap<string, ReadActor>> {
  const keys = actorIds.map((id) => [id, logHeadKey(id), rootMemberKey(group, id)] as const);
  if (actorIds.length === 0) return new Map();
  const items = await table.getMany(keys.flatMap(([, head, member]) => [head, member]));
  const found = new Map(items.map((item) => [`${item.pk} ${item.sk}`, item]));
  return new Map(
    keys.map(([id, headKey, memberKey]) => {
      const head = found.get(`${headKey.pk} ${headKey.sk}`);
      const member = found.get(`${memberKey.pk} ${memberKey.sk}`);
      const read = {
        ...(head !== undefined && { head: readLogHead(head) }),
        ...(member !== undefined && { stored: rootMemberOf(epoch, id, member) }),
      };
      return [id, read] as const;
    }),
  );
}

/** What the group hears of an actor. */
const selectionIn = ({ settings }: Pick<RootGroup, "settings">, actorId: string): Selection =>
  selectionOfActor(selectionOf(settings), actorId) ?? { topics: [] };

/** The member as the group has it by now: one that it has not met yet, or not since a reset, begins where the group does. */
export async function currentMember(
  deps: RootMembersDeps,
  group: RootGroup,
  { met, head, stored }: { readonly met: MetActor; readonly head: LogHead; readonly stored: RootMember | undefined },
): Promise<RootMember> {
  const { generation, revision } = group;
  if (stored === undefined) {
    const state = await begunState(deps, group, { met, head });
    return { actorId: met.id, generation, revision, state };
  }
  if (stored.generation !== generation) {
    const state = await begunState(deps, group, { met, head, before: stored.state });
    return { ...stored, generation, revision, state };
  }
  if (stored.revision === revision) return stored;
  // While it needs too many earlier ones it keeps them.
  const state = withSelection(stored.state, selectionIn(group, met.id));
  return state === undefined ? stored : { ...stored, revision, state };
}

/**
 * A state that begins where the group does, or where the lane met the actor when that is earlier.
 *
 * @param how.before what the state was, whose numbers stay
 */
async function begunState(
  deps: RootMembersDeps,
  group: Pick<RootGroup, "settings" | "since">,
  how: { readonly met: MetActor; readonly head: LogHead; readonly before?: GroupState },
): Promise<GroupState> {
  const { met, head, before } = how;
  // Not where the lane met it: a change that came too late for the index to be seen in time comes with the next one.
  const begin = Math.min(met.after, group.since);
  const first = await firstRecordAfter(deps.changeLog, { actorId: met.id, head, after: begin });
  const after = positionAfter(deps.epoch, first - 1);
  const selection = selectionIn(group, met.id);
  if (before === undefined) return newGroupState(after, { lanes: 1, selection });
  const count = await countBetween(deps, { actorId: met.id, state: before }, [numberedTo(before).after, after]);
  const reset = resetGroup(before, { after, lanes: 1, count });
  const state = withSelection(reset, selection) ?? reset;
  // What a person sends again is sent also when the group begins behind it.
  const replayed = (before.lanes[0]?.replayed ?? []).map((each) => ({ ...each, lent: false }));
  return { ...state, lanes: state.lanes.map((lane) => ({ ...lane, replayed })) };
}

/**
 * Deletes what is kept of a failed event that a consumer took, while the member is as it was read: then the member says so, and
 * what is kept is no later failure of the same event, nor the next group's of that name. May be called again.
 */
export async function resolveTaken(
  deps: ResolveWhileDeps,
  group: MadeGroup,
  { actorId, version, id }: Required<Pick<RootMember, "actorId" | "version">> & { readonly id: string },
): Promise<void> {
  await resolveWhile(deps, { actorId, id }, async () => {
    const kept = (await deps.table.get(rootFailedKey(group.name, actorId)))?.["failedEvents"];
    return [
      { check: rootMemberKey(group, actorId), condition: equals("version", version) },
      ...(kept === undefined ? [] : [oneFailedEnded(group.name, actorId, Number(kept))]),
    ];
  });
}
