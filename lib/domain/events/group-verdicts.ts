/** What the verdicts of a consumer, a reset and a person change in a group's state. */
import { compact } from "../../system/compact.ts";
import { MOST_GIVEN_UP, type Exhaustion } from "./keeper-state.ts";
import { schedulePause } from "./keeper-schedule.ts";
import { ended } from "./group-lanes.ts";
import {
  isLeased,
  type GroupRules,
  type GroupState,
  type GroupStopped,
  type LaneState,
  type OpenEvent,
  type Replayed,
} from "./group-state.ts";

export type Verdict = "ack" | "retry" | "park" | "skip" | "stop" | "release";

/** What a consumer says of one event. */
export interface VerdictItem {
  readonly position: string;
  readonly verdict: Verdict;
  /** Of a retry and a release: it is lent no sooner. */
  readonly delayMs?: number;
}

export interface Acknowledgement {
  readonly token: string;
  /** Everything that was lent up to there and has no verdict of its own is done. */
  readonly upTo?: string;
  readonly items: readonly VerdictItem[];
  /** The lease begins again. */
  readonly extend: boolean;
  /** The lease ends: what has no verdict comes again, and counts nothing. */
  readonly done: boolean;
}

/**
 * What became of a verdict. `early`: an earlier event of the key is not done, so this one is not either. `not_lent`: the
 * consumer does not have it under this token. `late`: too many events went to a person at once; say it again.
 */
export type VerdictOutcome =
  | "done"
  | "retried"
  | "parked"
  | "skipped"
  | "stopped"
  | "released"
  | "early"
  | "not_lent"
  | "late";

export interface GivenEvent extends OpenEvent {
  readonly because: Exhaustion | "consumer";
}

export interface Acknowledged {
  readonly state: GroupState;
  readonly outcomes: readonly { readonly position: string; readonly outcome: VerdictOutcome }[];
  /** Events that a person has from now on. */
  readonly given: readonly GivenEvent[];
  /** Failed events that were sent again: those that are done, and those that stay with a person. */
  readonly replayed: readonly (Pick<Replayed, "id"> & { readonly isDone: boolean })[];
}

interface Standing {
  readonly rules: GroupRules;
  readonly now: number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** How many failed events there is room for. */
  readonly room: number;
  /** Most events that go to a person at once [`MOST_GIVEN_UP`]. */
  readonly most?: number;
  /** No lease is extended beyond, ms since 1970 [no end]. */
  readonly endsBy?: number;
}

/** Carries out the verdicts; undefined: fenced, no lane has the token's lease. Nothing changes then. */
export function acknowledged(
  state: GroupState,
  { token, upTo, items, extend, done }: Acknowledgement,
  { rules, now, random, room, most = MOST_GIVEN_UP, endsBy = Infinity }: Standing,
): Acknowledged | undefined {
  if (!state.lanes.some(({ lease }) => lease?.token === token)) return undefined;
  const said = new Map(items.map((item) => [item.position, item]));
  const outcomes = new Map<string, VerdictOutcome>();
  const given: GivenEvent[] = [];
  const replayed: { id: string; isDone: boolean }[] = [];
  let { cleared, stopped } = state;

  const lanes = state.lanes.map((lane): LaneState => {
    if (lane.lease?.token !== token) return lane;
    const left: OpenEvent[] = [];
    const stop = (one: OpenEvent): void => {
      stopped ??= { reason: "exhausted", position: one.position, key: one.key };
    };
    /** A person has it, or the group stops. `attempts`: with this delivery. */
    const give = (before: OpenEvent, because: GivenEvent["because"], attempts = before.attempts): VerdictOutcome => {
      const one = { ...before, attempts };
      const isToStop = rules.onExhausted === "stop" && because === "attempts";
      if (isToStop || given.length >= room) {
        stop(one);
        // A group stops at one event: a further one is tried for the last time once a person has let the group go on.
        left.push({ ...(stopped?.position === one.position ? one : before), lent: false });
        return "stopped";
      }
      if (given.length >= most) {
        left.push(before);
        return "late";
      }
      given.push({ ...one, attempts: one.attempts + (because === "consumer" ? 1 : 0), because });
      return finish(one, "parked");
    };
    const finish = (one: OpenEvent, outcome: VerdictOutcome): VerdictOutcome => {
      if (one.barrier && one.position > cleared) cleared = one.position;
      return outcome;
    };
    const decide = (one: OpenEvent): VerdictOutcome | undefined => {
      const item = said.get(one.position);
      const verdict = item?.verdict ?? (upTo !== undefined && one.position <= upTo ? "ack" : undefined);
      const waits = left.some((each) => each.key === one.key);
      if (verdict === undefined || !one.lent) {
        // An earlier event of the key comes again first.
        const returns = waits && one.lent && left.some((each) => each.key === one.key && !each.lent);
        left.push(returns ? { ...one, lent: false, tryAt: 0 } : one);
        return verdict === undefined ? undefined : "not_lent";
      }
      if (verdict === "skip") return finish(one, "skipped");
      if (verdict === "park") return give(one, "consumer");
      if (verdict === "ack") {
        if (!waits) return finish(one, "done");
        const returns = left.some((each) => each.key === one.key && !each.lent);
        left.push(returns ? { ...one, lent: false, tryAt: 0 } : one);
        return "early";
      }
      if (verdict === "stop") {
        stop(one);
        left.push({ ...one, lent: false, tryAt: 0 });
        return "stopped";
      }
      const attempts = one.attempts + (verdict === "retry" ? 1 : 0);
      if (verdict === "retry" && attempts >= rules.maxAttempts) return give(one, "attempts", attempts);
      const pause = item?.delayMs ?? (verdict === "retry" ? schedulePause(attempts, random()) : 0);
      left.push({ ...one, attempts, lent: false, tryAt: pause === 0 ? 0 : now + pause });
      return verdict === "retry" ? "retried" : "released";
    };
    for (const one of lane.open) {
      const outcome = decide(one);
      if (outcome !== undefined) outcomes.set(one.position, outcome);
    }
    const again = lane.replayed.flatMap((each): Replayed[] => {
      const item = each.lent ? said.get(each.position) : undefined;
      const verdict = item?.verdict ?? (each.lent && upTo !== undefined && each.position <= upTo ? "ack" : undefined);
      if (verdict === undefined) return [each];
      if (verdict === "release") {
        outcomes.set(each.position, "released");
        return [{ ...each, lent: false }];
      }
      const isDone = verdict === "ack" || verdict === "skip";
      replayed.push({ id: each.id, isDone });
      outcomes.set(each.position, verdict === "ack" ? "done" : isDone ? "skipped" : "parked");
      return [];
    });
    const next: LaneState = { ...lane, open: left, replayed: again };
    const isIdle = !left.some(({ lent }) => lent) && !again.some(({ lent }) => lent);
    if (done || isIdle || stopped !== undefined) return ended(next, 0);
    return extend ? { ...next, lease: { ...lane.lease, until: Math.min(now + rules.leaseMs, endsBy) } } : next;
  });
  for (const { position } of items) if (!outcomes.has(position)) outcomes.set(position, "not_lent");
  return {
    state: { ...state, lanes, cleared, ...compact({ stopped }) },
    outcomes: [...outcomes].map(([position, outcome]) => ({ position, outcome })),
    given,
    replayed,
  };
}

/** Without events that a person has from now on; the group stops at the first that it may not give away. */
export function withoutExhausted(
  state: GroupState,
  given: readonly { readonly lane: number; readonly position: string; readonly because: Exhaustion }[],
  { rules, room }: Pick<Standing, "rules" | "room">,
): { readonly state: GroupState; readonly away: ReadonlySet<string> } {
  const away = new Set<string>();
  let { cleared, stopped } = state;
  const lanes = state.lanes.map((lane, index) => {
    const open = lane.open.filter((one) => {
      const each = given.find(({ lane: of, position }) => of === index && position === one.position);
      if (each === undefined) return true;
      if ((rules.onExhausted === "stop" && each.because !== "skipped") || away.size >= room) {
        stopped ??= { reason: "exhausted", position: one.position, key: one.key } satisfies GroupStopped;
        return true;
      }
      away.add(one.position);
      if (one.barrier && one.position > cleared) cleared = one.position;
      return false;
    });
    return open.length === lane.open.length ? lane : { ...lane, open };
  });
  return { state: { ...state, lanes, cleared, ...compact({ stopped }) }, away };
}

/** A parked event is to be sent again: its lane lends it before all others. */
export function withReplayed(state: GroupState, lane: number, event: Pick<Replayed, "id" | "position">): GroupState {
  const lanes = state.lanes.map((each, index) => {
    const others = each.replayed.filter(({ id, taken }) => id !== event.id || taken !== true);
    if (index !== lane || others.some(({ id }) => id === event.id)) return { ...each, replayed: others };
    return { ...each, replayed: [...others, { ...event, lent: false }] };
  });
  return { ...state, lanes };
}

/** A consumer took these failed events. What is kept of them is to be deleted, also when this process dies before it is. */
export function withTaken(state: GroupState, ids: readonly string[]): GroupState {
  if (ids.length === 0) return state;
  const added = ids.map((id) => ({ id, position: "", lent: false, taken: true }) as const);
  const lanes = state.lanes.map((lane, at) => (at === 0 ? { ...lane, replayed: [...lane.replayed, ...added] } : lane));
  return { ...state, lanes };
}

/** The failed events that consumers took, of which something may still be kept. */
export const takenIn = ({ lanes }: Pick<GroupState, "lanes">): readonly string[] =>
  lanes.flatMap(({ replayed }) => replayed.flatMap(({ id, taken }) => (taken === true ? [id] : [])));

/** Nothing is kept of them any more. */
export function withoutTaken(state: GroupState): GroupState {
  if (takenIn(state).length === 0) return state;
  const lanes = state.lanes.map((lane) => ({ ...lane, replayed: lane.replayed.filter(({ taken }) => taken !== true) }));
  return { ...state, lanes };
}

/** A stopped group goes on: the event that stopped it is tried from its first attempt on, or `skip` hands it to a person. */
export function resumedGroup({ stopped, ...state }: GroupState, skip: boolean): GroupState {
  if (stopped === undefined || stopped.reason === "position_gone") return { ...state, ...(stopped && { stopped }) };
  const lanes = state.lanes.map((lane) => ({
    ...lane,
    open: lane.open.map((one) => {
      if (one.position !== stopped.position) return one;
      return skip ? { ...one, skipped: true as const } : { ...one, tryAt: 0, attempts: 0 };
    }),
  }));
  return { ...state, lanes };
}

/** When the last lease ends, ms since 1970; undefined: no consumer has a lane. */
export function leasedUntil({ lanes }: GroupState, now: number): number | undefined {
  const times = lanes.flatMap((lane) => (isLeased(lane, now) ? [lane.lease?.until ?? now] : []));
  return times.length === 0 ? undefined : Math.max(...times);
}
