/** A consumer group as its owner sees it. */
import { withoutExpired } from "../../domain/events/group-lanes.ts";
import { groupFloor, type LaneState } from "../../domain/events/group-state.ts";
import { compact } from "../../system/compact.ts";
import type { JsonObject } from "../../system/ports.ts";
import type { Group } from "./group-item.ts";

/** How a group stands. */
export interface GroupStanding {
  /** The position after the newest record of the log. */
  readonly newest: string;
  /** Events that are not done. */
  readonly waiting: number;
  /** The time of the oldest event that is not done, ms since 1970; absent: all are. */
  readonly oldestAt?: number;
  readonly now: number;
}

/** The resource: the settings, of which `lanes` is shown as the lanes themselves, and how it stands. */
export function groupWire(group: Group, { newest, waiting, oldestAt, now }: GroupStanding): JsonObject {
  const { name, settings, paused, drainedBy, failedEvents } = group;
  // What a consumer had whose lease has run out is its no more, though no fetch has noted that yet.
  const { stopped, ...state } = withoutExpired(group.state, now);
  const isDraining = drainedBy !== undefined;
  const status = isDraining ? "draining" : stopped !== undefined ? "stopped" : paused ? "paused" : "active";
  return compact({
    name,
    ...(settings as unknown as JsonObject),
    status,
    stopped: stopped && { ...stopped },
    floor: groupFloor(state),
    newest,
    lag: waiting,
    oldestSeconds: oldestAt === undefined ? 0 : Math.max(0, Math.floor((now - oldestAt) / 1_000)),
    parked: failedEvents,
    lanes: state.lanes.map((lane, index) => laneWire(lane, index, now)),
  });
}

/** A lane without a lease that has run out. */
function laneWire({ after, lease, open }: LaneState, index: number, now: number): JsonObject {
  const keys = Map.groupBy(open, ({ key }) => key);
  const blocked = [...keys.values()].flatMap(([first]) => {
    if (first === undefined || first.lent || (first.attempts === 0 && first.tryAt <= now)) return [];
    const { key, position, attempts, tryAt } = first;
    return [{ key, position, attempts, nextAttemptAt: new Date(Math.max(tryAt, now)).toISOString() }];
  });
  return compact({
    lane: index,
    position: after,
    lent: open.filter(({ lent }) => lent).length,
    holder: lease?.consumer,
    until: lease && new Date(lease.until).toISOString(),
    blocked,
  });
}
