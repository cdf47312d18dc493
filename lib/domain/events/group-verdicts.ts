/** How the verdicts of a consumer, and the limits of a group, change the group's state. */
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
  /** With `retry` and `release`: the event is lent again after this time at the earliest. */
  readonly delayMs?: number;
}

export interface Acknowledgement {
  readonly token: string;
  /** Acknowledges every event that was lent up to this position and has no verdict of its own. */
  readonly upTo?: string;
  readonly items: readonly VerdictItem[];
  /** Gives the lease its full time again. */
  readonly extend: boolean;
  /** Ends the lease. Events without a verdict are lent again, and their deliveries do not count as failed. */
  readonly done: boolean;
}

/**
 * The effect of a verdict. `early`: none, because an earlier event of the key is not done. `not_lent`: none, because the
 * consumer does not have the event under this token. `late`: none, because too many events go to a person at once; send it
 * again.
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
  /** Events that go to a person. */
  readonly given: readonly GivenEvent[];
  /** Replayed events that got a verdict; `isDone`: the event is done, else it stays with a person. */
  readonly replayed: readonly (Pick<Replayed, "id"> & { readonly isDone: boolean })[];
}

/** What an acknowledgement depends on beside the state. */
interface VerdictInput {
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

/**
 * Carries out the verdicts of an acknowledgement.
 *
 * @returns undefined when no lane has a lease with the token: the consumer is fenced, and nothing changes
 */
export function acknowledged(
  state: GroupState,
  acknowledgement: Acknowledgement,
  input: VerdictInput,
): Acknowledged | undefined {
  if (!state.lanes.some(({ lease }) => lease?.token === acknowledgement.token)) return undefined;
  return new LeaseVerdicts(state, acknowledgement, input).carryOut();
}

/** The verdicts of one acknowledgement while they are carried out, lane by lane. Its state: what they have changed so far. */
class LeaseVerdicts {
  readonly #state: GroupState;
  readonly #acknowledgement: Acknowledgement;
  readonly #input: VerdictInput;
  readonly #items: ReadonlyMap<string, VerdictItem>;
  readonly #outcomes = new Map<string, VerdictOutcome>();
  readonly #given: GivenEvent[] = [];
  readonly #replayed: { id: string; isDone: boolean }[] = [];
  #cleared: string;
  #stopped: GroupStopped | undefined;
  /** The open events of the present lane that stay open. */
  #left: OpenEvent[] = [];

  constructor(state: GroupState, acknowledgement: Acknowledgement, input: VerdictInput) {
    this.#state = state;
    this.#acknowledgement = acknowledgement;
    this.#input = input;
    this.#items = new Map(acknowledgement.items.map((item) => [item.position, item]));
    this.#cleared = state.cleared;
    this.#stopped = state.stopped;
  }

  carryOut(): Acknowledged {
    const lanes = this.#state.lanes.map((lane) => this.#laneAfter(lane));
    const outcomes = this.#outcomes;
    for (const position of this.#items.keys()) if (!outcomes.has(position)) outcomes.set(position, "not_lent");
    return {
      state: { ...this.#state, lanes, cleared: this.#cleared, ...compact({ stopped: this.#stopped }) },
      outcomes: [...outcomes].map(([position, outcome]) => ({ position, outcome })),
      given: this.#given,
      replayed: this.#replayed,
    };
  }

  #laneAfter(lane: LaneState): LaneState {
    const { token, extend, done } = this.#acknowledgement;
    const { rules, now, endsBy = Infinity } = this.#input;
    if (lane.lease?.token !== token) return lane;
    this.#left = [];
    for (const one of lane.open) {
      const outcome = this.#decide(one);
      if (outcome !== undefined) this.#outcomes.set(one.position, outcome);
    }
    const replayed = lane.replayed.flatMap((each) => this.#leftOf(each));
    const next: LaneState = { ...lane, open: this.#left, replayed };
    const isIdle = ![...next.open, ...replayed].some(({ lent }) => lent);
    if (done || isIdle || this.#stopped !== undefined) return ended(next, 0);
    return extend ? { ...next, lease: { ...lane.lease, until: Math.min(now + rules.leaseMs, endsBy) } } : next;
  }

  /** The verdict on an event: its own, or the one that `upTo` implies. */
  #verdictOn(position: string): Verdict | undefined {
    const { upTo } = this.#acknowledgement;
    return this.#items.get(position)?.verdict ?? (upTo !== undefined && position <= upTo ? "ack" : undefined);
  }

  #decide(one: OpenEvent): VerdictOutcome | undefined {
    const verdict = this.#verdictOn(one.position);
    if (verdict === undefined || !one.lent) {
      this.#keep(one);
      return verdict === undefined ? undefined : "not_lent";
    }
    switch (verdict) {
      case "skip":
        return this.#finish(one, "skipped");
      case "park":
        return this.#give(one, "consumer");
      case "ack":
        if (!this.#left.some(({ key }) => key === one.key)) return this.#finish(one, "done");
        this.#keep(one);
        return "early";
      case "stop":
        this.#stopAt(one);
        this.#left.push({ ...one, lent: false, tryAt: 0 });
        return "stopped";
      case "retry":
      case "release":
        return this.#lendLater(one, verdict);
    }
  }

  /** Keeps an event open. When an earlier event of its key is to be lent again, it is lent again too, after that one. */
  #keep(one: OpenEvent): void {
    const returns = one.lent && this.#left.some(({ key, lent }) => key === one.key && !lent);
    this.#left.push(returns ? { ...one, lent: false, tryAt: 0 } : one);
  }

  #lendLater(one: OpenEvent, verdict: "retry" | "release"): VerdictOutcome {
    const { rules, now, random } = this.#input;
    const attempts = one.attempts + (verdict === "retry" ? 1 : 0);
    if (verdict === "retry" && attempts >= rules.maxAttempts) return this.#give(one, "attempts", attempts);
    const asked = this.#items.get(one.position)?.delayMs;
    const pause = asked ?? (verdict === "retry" ? schedulePause(attempts, random()) : 0);
    this.#left.push({ ...one, attempts, lent: false, tryAt: pause === 0 ? 0 : now + pause });
    return verdict === "retry" ? "retried" : "released";
  }

  /** Hands the event to a person, or stops the group. `attempts`: the failed ones, with this delivery. */
  #give(before: OpenEvent, because: GivenEvent["because"], attempts = before.attempts): VerdictOutcome {
    const { rules, room, most = MOST_GIVEN_UP } = this.#input;
    const one = { ...before, attempts };
    const isToStop = rules.onExhausted === "stop" && because === "attempts";
    if (isToStop || this.#given.length >= room) {
      const { position } = this.#stopAt(one);
      // A group stops at one event. Another one keeps its last attempt until a person has resumed the group.
      this.#left.push({ ...(position === one.position ? one : before), lent: false });
      return "stopped";
    }
    if (this.#given.length >= most) {
      this.#left.push(before);
      return "late";
    }
    this.#given.push({ ...one, attempts: one.attempts + (because === "consumer" ? 1 : 0), because });
    return this.#finish(one, "parked");
  }

  #stopAt({ position, key }: OpenEvent): GroupStopped {
    this.#stopped ??= { reason: "exhausted", position, key };
    return this.#stopped;
  }

  #finish({ barrier, position }: OpenEvent, outcome: VerdictOutcome): VerdictOutcome {
    if (barrier && position > this.#cleared) this.#cleared = position;
    return outcome;
  }

  /** What is left of a replayed event: nothing once it has a verdict other than `release`. */
  #leftOf(each: Replayed): readonly Replayed[] {
    const { id, position } = each;
    const verdict = each.lent ? this.#verdictOn(position) : undefined;
    if (verdict === undefined) return [each];
    if (verdict === "release") {
      this.#outcomes.set(position, "released");
      return [{ ...each, lent: false }];
    }
    const isDone = verdict === "ack" || verdict === "skip";
    this.#replayed.push({ id, isDone });
    this.#outcomes.set(position, verdict === "ack" ? "done" : isDone ? "skipped" : "parked");
    return [];
  }
}

/**
 * The state without the events that go to a person. The group stops at the first one for which there is no room, or at
 * which its settings say so. @returns `away`: the positions of the events that are removed
 */
export function withoutExhausted(
  state: GroupState,
  given: readonly { readonly lane: number; readonly position: string; readonly because: Exhaustion }[],
  { rules, room }: Pick<VerdictInput, "rules" | "room">,
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

/** When the last lease ends, ms since 1970; undefined: no consumer has a lane. */
export function leasedUntil({ lanes }: GroupState, now: number): number | undefined {
  const times = lanes.flatMap((lane) => (isLeased(lane, now) ? [lane.lease?.until ?? now] : []));
  return times.length === 0 ? undefined : Math.max(...times);
}
