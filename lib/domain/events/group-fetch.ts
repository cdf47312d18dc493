/** Decides which events of a stretch of the log a fetch lends to its consumer. */
import { MOST_GIVEN_UP, selectionAt, type Exhaustion, type OrderedEvent } from "./keeper-state.ts";
import type { Selection } from "./selection.ts";
import {
  allNotedBytes,
  before,
  laneOf,
  MAX_BEHIND,
  MAX_NOTED_BYTES,
  MAX_OPEN,
  notedBytes,
  type Behind,
  type GroupRules,
  type GroupState,
  type LaneLease,
  type LaneState,
  type OpenEvent,
} from "./group-state.ts";
import { exhaustionOf, freeLanes, isBlocked, isDue } from "./group-lanes.ts";

/** A part of the log: every event beyond `after` up to `upTo`, in order, also those that are not selected. */
export interface GroupStretch<E extends OrderedEvent> {
  readonly after: string;
  readonly upTo: string;
  readonly events: readonly E[];
}

/** An event that is lent to a consumer, or that goes to a person. */
export interface LentEvent<E extends OrderedEvent> {
  readonly lane: number;
  readonly event: E;
  readonly number: number;
  /** Earlier deliveries that failed. */
  readonly attempts: number;
}

export interface Fetched<E extends OrderedEvent> {
  readonly state: GroupState;
  readonly lent: readonly LentEvent<E>[];
  readonly exhausted: readonly (LentEvent<E> & { readonly because: Exhaustion })[];
  /** The size of all lent events, as `sizeOf` measures it. */
  readonly bytes: number;
}

/** The state of a lane while a fetch goes through a stretch. */
interface Pass {
  readonly index: number;
  /** `after` of the lane before the fetch. */
  readonly was: string;
  after: string;
  number: number;
  open: OpenEvent[];
  behind: Behind[];
  /** Keys behind with an event that could not be lent: later events of the key are not lent either. */
  readonly stalled: Set<string>;
  /** The lane advances no further in this fetch. */
  halted: boolean;
  lends: boolean;
}

/** How a fetch lends. */
export interface Lending<E extends OrderedEvent> {
  readonly rules: GroupRules;
  /** Says whether a selection lets an event through. */
  readonly selects: (selection: Selection, event: E) => boolean;
  readonly lease: LaneLease;
  /** Ms since 1970. */
  readonly now: number;
  /** Most events. */
  readonly max: number;
  /** No further event is lent once the lent ones have this size [no limit]. */
  readonly most?: number;
  readonly sizeOf?: (event: E) => number;
}

/**
 * Lends events of a stretch that begins where `readFrom` said.
 *
 * @param state without leases whose time is over (`withoutExpired`)
 */
export const lend = <E extends OrderedEvent>(
  state: GroupState,
  stretch: GroupStretch<E>,
  how: Lending<E>,
): Fetched<E> => new Lender<E>(state, stretch, how).run();

/**
 * One fetch, which goes through a stretch event by event. Its state: a pass for each lane that it may lease, and the
 * position and the number that it has reached.
 *
 * Invariants: an event is lent only while each earlier event of its key is done or lent; at most half of the free lanes are
 * leased, so that the next consumer finds some even when there are many events.
 */
class Lender<E extends OrderedEvent> {
  readonly #state: GroupState;
  readonly #stretch: GroupStretch<E>;
  readonly #how: Lending<E>;
  /** By the index of the lane; undefined: the lane takes no part. */
  readonly #passes: readonly (Pass | undefined)[];
  readonly #lent: LentEvent<E>[] = [];
  readonly #exhausted: (LentEvent<E> & { because: Exhaustion })[] = [];
  /** How many more lanes may be leased. */
  #leasable: number;
  /** The position of the last event, and the group's newest number up to there. */
  #reached: string;
  #number: number;
  /** The size of the lent events, and the bytes that the state notes of events. */
  #bytes = 0;
  #noted: number;

  constructor(state: GroupState, stretch: GroupStretch<E>, how: Lending<E>) {
    this.#state = state;
    this.#stretch = stretch;
    this.#how = how;
    const free = new Set(freeLanes(state, how.now));
    this.#passes = state.lanes.map((lane, index) => (free.has(index) ? passOf(lane, index, stretch.after) : undefined));
    this.#leasable = Math.ceil(free.size / 2);
    this.#reached = stretch.after;
    this.#number = 0;
    this.#noted = allNotedBytes(state);
  }

  run(): Fetched<E> {
    const { max, most = Infinity, selects } = this.#how;
    const known = numbersIn(this.#state);
    this.#number = known.get(this.#stretch.after) ?? 0;
    let isFull = false;
    for (const event of this.#stretch.events) {
      const isSelected = selects(selectionAt(this.#state.selections, event), event);
      this.#number = known.get(event.position) ?? this.#number + (isSelected ? 1 : 0);
      if (isSelected) this.#visit(event);
      this.#reached = event.position;
      isFull = this.#lent.length >= max || this.#bytes >= most;
      if (isFull) break;
    }
    const end = isFull ? this.#reached : this.#stretch.upTo;
    const lanes = this.#state.lanes.map((lane, index) => this.#laneAfter(lane, this.#passes[index], end));
    const state = { ...this.#state, lanes, next: this.#state.next + 1 };
    return { state, lent: this.#lent, exhausted: this.#exhausted, bytes: this.#bytes };
  }

  #visit(event: E): void {
    const { order } = this.#how.rules;
    const owner = this.#passes[laneOf(event.key, { order, lanes: this.#passes.length })];
    if (this.#isBarrier(event)) {
      for (const pass of this.#passes) {
        if (pass !== undefined && pass !== owner && !pass.halted && event.position > pass.was)
          this.#haltBefore(pass, event);
      }
    }
    const key = order === "strict" ? "" : event.key;
    if (owner !== undefined && event.position <= owner.was) this.#visitAgain(owner, event, key);
    else if (owner?.halted === false) this.#visitNext(owner, event, key);
  }

  /** Handles an event that the lane has read past in an earlier fetch. */
  #visitAgain(pass: Pass, event: E, key: string): void {
    const { now, rules } = this.#how;
    const at = pass.open.findIndex(({ position }) => position === event.position);
    const one = pass.open[at];
    if (one === undefined) {
      const behind = pass.behind.findIndex((each) => each.key === key && each.after < event.position);
      if (behind >= 0) this.#lendBehind(pass, event, { key, behind });
      return;
    }
    const because = exhaustionOf(one, rules, now);
    if (because !== undefined) {
      if (this.#exhausted.length < MOST_GIVEN_UP) this.#exhausted.push({ lane: pass.index, event, ...one, because });
    } else if (isDue(one, now) && !isBlocked(pass.open, one) && this.#mayLend(pass)) {
      pass.open[at] = { ...one, lent: true };
      this.#lendOne(pass, event, one);
    }
  }

  /** Handles the next event of the lane. */
  #visitNext(pass: Pass, event: E, key: string): void {
    const isBarrier = this.#isBarrier(event);
    const point = previousOf(event.position, this.#reached);
    if (isBarrier && !this.#isAlone(event, point)) return this.#haltBefore(pass, event);
    const behind = pass.behind.findIndex((each) => each.key === key);
    if (behind >= 0) this.#lendBehind(pass, event, { key, behind });
    else if (isBlocked(pass.open, { key, position: event.position })) {
      if (pass.behind.length >= MAX_BEHIND || this.#noted >= MAX_NOTED_BYTES) return this.#haltBefore(pass, event);
      this.#noted += notedBytes({ key });
      pass.behind.push({ key, after: point, number: this.#number - 1 });
      pass.stalled.add(key);
    } else if (!this.#mayOpen(pass)) return this.#haltBefore(pass, event);
    else {
      const one = this.#opened(event, key);
      pass.open.push(one);
      this.#lendOne(pass, event, one);
    }
    if (isBarrier) halt(pass, event.position, this.#number);
  }

  #lendBehind(pass: Pass, event: E, { key, behind }: { readonly key: string; readonly behind: number }): void {
    if (pass.stalled.has(key)) return;
    if (isBlocked(pass.open, { key, position: event.position }) || !this.#mayOpen(pass)) {
      pass.stalled.add(key);
      return;
    }
    const one = this.#opened(event, key);
    pass.open = [...pass.open, one].toSorted((a, b) => (a.position < b.position ? -1 : 1));
    pass.behind[behind] = { key, after: event.position, number: this.#number };
    this.#lendOne(pass, event, one);
  }

  #lendOne(pass: Pass, event: E, { number, attempts }: OpenEvent): void {
    this.#lent.push({ lane: pass.index, event, number, attempts });
    if (!pass.lends) this.#leasable -= 1;
    pass.lends = true;
    this.#bytes += this.#how.sizeOf?.(event) ?? 0;
  }

  #opened(event: E, key: string): OpenEvent {
    const { position, barrier, expiresAt } = event;
    this.#noted += notedBytes({ key });
    const isBarrier = barrier && this.#how.rules.order === "key";
    return { position, number: this.#number, key, barrier: isBarrier, expiresAt, attempts: 0, tryAt: 0, lent: true };
  }

  #mayLend({ lends }: Pass): boolean {
    return lends || this.#leasable > 0;
  }

  #mayOpen(pass: Pass): boolean {
    return this.#mayLend(pass) && pass.open.length < MAX_OPEN && this.#noted < MAX_NOTED_BYTES;
  }

  /** True for a barrier that is not done. */
  #isBarrier({ barrier, position }: E): boolean {
    return barrier && this.#how.rules.order === "key" && position > this.#state.cleared;
  }

  /** True when every lane has reached the barrier, and every earlier event with a key below its key is done. */
  #isAlone({ key }: E, point: string): boolean {
    return this.#state.lanes.every((lane, index) => {
      const pass = this.#passes[index];
      const { open, behind } = pass ?? lane;
      const after = pass === undefined || pass.halted ? (pass ?? lane).after : point;
      return after >= point && [...open, ...behind].every((each) => !each.key.startsWith(`${key}.`));
    });
  }

  #haltBefore(pass: Pass, { position }: E): void {
    halt(pass, previousOf(position, this.#reached), this.#number - 1);
  }

  /** The lane after the fetch has come to `end`. */
  #laneAfter(lane: LaneState, pass: Pass | undefined, end: string): LaneState {
    if (pass === undefined) return lane;
    const number = this.#number;
    if (!pass.halted && end > pass.after) [pass.after, pass.number] = [end, number];
    const isWhole = end >= pass.was;
    const behind = pass.behind.flatMap((each): Behind[] => {
      if (pass.stalled.has(each.key) || (each.after >= end && !isWhole)) return [each];
      return isWhole ? [] : [{ key: each.key, after: end, number }];
    });
    const moved = { ...lane, after: pass.after, number: pass.number, open: pass.open, behind };
    return pass.lends ? { ...moved, lease: this.#how.lease } : moved;
  }
}

/**
 * The pass of a lane through a stretch after a position; undefined: the lane is not there yet, so its numbers would be
 * wrong.
 */
function passOf(lane: LaneState, index: number, from: string): Pass | undefined {
  const { after, number, open, behind } = lane;
  if (after < from) return undefined;
  const stalled = new Set(behind.filter((each) => each.after < from).map(({ key }) => key));
  const halted = open.some(({ barrier }) => barrier);
  return { index, was: after, after, number, open: [...open], behind: [...behind], stalled, halted, lends: false };
}

/** Lets a lane advance to a position, where that is further, and no further in this fetch. */
function halt(pass: Pass, at: string, number: number): void {
  pass.halted = true;
  if (at > pass.after) [pass.after, pass.number] = [at, number];
}

/** The position right before an event, where `reached` is the position of the event before: the same for every reader. */
function previousOf(position: string, reached: string): string {
  const recordOf = (text: string): string => text.slice(0, text.lastIndexOf("-"));
  const isSame = recordOf(position) === recordOf(reached);
  return isSame ? reached : before(`${recordOf(position)}-000000`);
}

/** The newest number up to each position that the state knows. */
function numbersIn({ lanes }: GroupState): ReadonlyMap<string, number> {
  return new Map(
    lanes.flatMap(({ after, number, open, behind }) => [
      [after, number] as const,
      ...open.map((each) => [each.position, each.number] as const),
      ...behind.map((each) => [each.after, each.number] as const),
    ]),
  );
}
