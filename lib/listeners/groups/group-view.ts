/** A consumer group as its owner sees it. */
import { groupFloor, isLeased, type LaneState } from "../../domain/events/group-state.ts";
import type { JsonObject } from "../../system/ports.ts";
import { compact } from "../../system/compact.ts";
import type { Group } from "./group-item.ts";

/** How a group stands. */
export interface GroupStanding {
  /** The newest record of the log. */
  readonly newest: number;
  /** Events that are not done. */
  readonly waiting: number;
  /** The time of the oldest event that is not done, ms since 1970; absent: all are. */
  readonly oldestAt?: number;
  readonly now: number;
}

/** The resource. */
export function groupWire(group: Group, { newest, waiting, oldestAt, now }: GroupStanding): JsonObject {
  const { name, settings, state, paused, draining, failedEvents } = group;
  const floor = groupFloor(state);
  const { stopped } = state;
  const status = draining ? "draining" : stopped !== undefined ? "stopped" : paused ? "paused" : "active";
  return compact({
    name,
    ...(settings as unknown as JsonObject),
    status,
    reason: stopped?.reason,
    stoppedAt: stopped?.position,
    floor,
    newest: positionText(floor, newest),
    lag: waiting,
    oldestSeconds: oldestAt === undefined ? 0 : Math.max(0, Math.floor((now - oldestAt) / 1_000)),
    parked: failedEvents,
    leases: state.lanes.map((lane, index) => laneWire(lane, index, now)),
  });
}

const positionText = (like: string, record: number): string =>
  `${like.split("-", 1)[0] ?? ""}-${String(record).padStart(16, "0")}-z`;

function laneWire(lane: LaneState, index: number, now: number): JsonObject {
  const { lease, open } = lane;
  const failing = open.filter(({ lent, attempts, tryAt }) => !lent && (attempts > 0 || tryAt > now));
  return compact({
    lane: index,
    position: lane.after,
    lent: open.filter(({ lent }) => lent).length,
    holder: isLeased(lane, now) ? lease?.consumer : undefined,
    until: isLeased(lane, now) && lease !== undefined ? new Date(lease.until).toISOString() : undefined,
    blocked: failing.map(({ key, position, attempts, tryAt }) => ({
      ...{ key, position, attempts, nextAttemptAt: new Date(Math.max(tryAt, now)).toISOString() },
    })),
  });
}
