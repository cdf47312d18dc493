/** A consumer group over all actors as its operator sees it. */
import { settledAt } from "../../domain/events/feed-time.ts";
import { isLeased } from "../../domain/events/group-state.ts";
import { withoutTaken } from "../../domain/events/group-changes.ts";
import { isCaughtUp, printRootPosition } from "../../domain/events/root-group.ts";
import { positionAfter } from "../../domain/events/position.ts";
import { compact } from "../../system/compact.ts";
import type { JsonObject } from "../../system/ports.ts";
import { printFeedPosition } from "../readers/feed-position.ts";
import { meetActors, type RootFetchingDeps } from "./root-fetching.ts";
import type { RootGroup, StoredLane } from "./root-group-item.ts";
import type { RootStanding } from "./root-group-store.ts";
import { currentMember, readActors } from "./root-members.ts";

/** Most actors whose logs' heads and members are read for one view; each one beyond counts as one that is not done. */
const MOST_ACTORS = 200;
/** Most actors with parked events that are named. */
const MOST_NAMED = 100;

/** The resource: the settings, of which `lanes` is shown as the lanes themselves, and how it stands. */
export async function rootGroupWire(
  deps: RootFetchingDeps,
  { group, lanes, failed }: RootStanding & { readonly failed: ReadonlyMap<string, number> },
): Promise<JsonObject> {
  const { name, settings, paused, drainedBy, stopped } = group;
  const { clock, epoch } = deps;
  const now = clock.now();
  const isDraining = drainedBy !== undefined;
  const status = isDraining ? "draining" : stopped !== undefined ? "stopped" : paused ? "paused" : "active";
  const { count, since } = await undoneOf(deps, group, lanes);
  return compact({
    name,
    ...(settings as unknown as JsonObject),
    status,
    stopped:
      stopped &&
      compact({
        reason: stopped.reason,
        position: printRootPosition({ actorId: stopped.actorId, position: stopped.position ?? "" }),
        key: stopped.key,
      }),
    floor: printFeedPosition({
      epoch,
      after: Math.min(...lanes.map(({ lane }) => lane.after), since ?? Infinity, now),
    }),
    newest: printFeedPosition({ epoch, after: settledAt(now) }),
    lag: count,
    oldestSeconds: since === undefined ? 0 : Math.max(0, Math.floor((now - since) / 1_000)),
    parked: [...failed.values()].reduce((sum, each) => sum + each, 0),
    parkedAt: [...failed]
      .flatMap(([actorId, count]) => (count > 0 ? [actorId] : []))
      .toSorted()
      .slice(0, MOST_NAMED),
    lanes: lanes.map((stored) => laneWire(stored, { now, epoch })),
  });
}

function laneWire(
  { index, lane }: StoredLane,
  { now, epoch }: { readonly now: number; readonly epoch: number },
): JsonObject {
  const lease = isLeased(lane, now) ? lane.lease : undefined;
  return compact({
    lane: index,
    position: printFeedPosition({ epoch, after: lane.after }),
    actors: lane.met.length,
    lent: lease?.left.length ?? 0,
    holder: lease?.consumer,
    until: lease && new Date(lease.until).toISOString(),
  });
}

/** How many actors have events that are not done; `since`: all of these came later, ms since 1970. */
async function undoneOf(
  deps: RootFetchingDeps,
  group: RootGroup,
  lanes: readonly StoredLane[],
): Promise<{ readonly count: number; readonly since?: number }> {
  let count = 0;
  let since: number | undefined;
  let left = MOST_ACTORS;
  for (const stored of lanes) {
    const { met } = await meetActors(deps, group, stored, lanes.length);
    const read = met.slice(0, left);
    left -= read.length;
    const ids = read.map(({ id }) => id);
    const actors = await readActors(deps, group, ids);
    for (const each of met) {
      const { head, stored: member } = actors.get(each.id) ?? {};
      if (read.includes(each)) {
        if (head === undefined) continue;
        const { state } = await currentMember(deps, group, { met: each, head, stored: member });
        if (isCaughtUp(withoutTaken(state), positionAfter(deps.epoch, head.newest))) continue;
      }
      count += 1;
      since = Math.min(since ?? Infinity, each.after);
    }
  }
  return { count, ...compact({ since }) };
}
