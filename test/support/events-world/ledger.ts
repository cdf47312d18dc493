/**
 * The sequential model of a listener: which event has which number, and which events were taken, in the order of the log.
 * It keeps the whole log in memory and shares nothing with the order keeper.
 */
import type { KeeperState } from "../../../lib/domain/events/keeper-state.ts";
import type { KeeperRules } from "../../../lib/domain/events/keeper-steps.ts";
import { selects, type WorldEvent, type WorldLog, type WorldSelection } from "./log.ts";
import { EventsViolation } from "./violation.ts";

interface Course {
  /** The endpoint took it. */
  taken: boolean;
  /** It may have been taken without the listener knowing, or it was sent again on request: once more is no fault. */
  again: boolean;
  /** A person has it. */
  given: boolean;
  failures: number;
}

const begins = (key: string, barrier: string): boolean => key.startsWith(`${barrier}.`);

/** True when the later event has to wait for the earlier one. */
export function isOrdered(earlier: WorldEvent, later: WorldEvent, order: KeeperRules["order"]): boolean {
  if (order === "none") return false;
  if (order === "strict" || earlier.key === later.key) return true;
  return (earlier.barrier && begins(later.key, earlier.key)) || (later.barrier && begins(earlier.key, later.key));
}

export class Ledger {
  readonly #log: WorldLog;
  /** Ascending: from which place on which selection holds. */
  readonly #selections: { from: number; selection: WorldSelection }[];
  readonly #courses: Course[] = [];
  /** Places of the events that were skipped when a position was lost. */
  skippedBelow = 0;
  order: KeeperRules["order"];

  constructor(log: WorldLog, selection: WorldSelection, order: KeeperRules["order"]) {
    this.#log = log;
    this.#selections = [{ from: 0, selection }];
    this.order = order;
  }

  select(from: number, selection: WorldSelection): void {
    while ((this.#selections.at(-1)?.from ?? -1) >= from) this.#selections.pop();
    this.#selections.push({ from, selection });
  }

  isLetThrough(event: WorldEvent): boolean {
    const all = this.#selections;
    let at = all.length - 1;
    while (at > 0 && (all[at] as { from: number }).from > event.at) at -= 1;
    return selects((all[at] as { selection: number }).selection, event);
  }

  numberOf(event: WorldEvent): number {
    let number = 0;
    for (let at = 0; at <= event.at; at += 1) if (this.isLetThrough(this.#log.events[at] as WorldEvent)) number += 1;
    return number;
  }

  course({ at }: WorldEvent): Course {
    return (this.#courses[at] ??= { taken: false, again: false, given: false, failures: 0 });
  }

  isDone(event: WorldEvent): boolean {
    const { taken, given } = this.course(event);
    return taken || given || event.at < this.skippedBelow;
  }

  /** An event begins; `again`: on request, although it is done. */
  begins(event: WorldEvent, number: number, again: boolean): void {
    if (!this.isLetThrough(event)) throw new EventsViolation(`event ${String(event.at)} is not selected`);
    const real = this.numberOf(event);
    if (number !== real) {
      throw new EventsViolation(`event ${String(event.at)} has the number ${String(number)}, not ${String(real)}`);
    }
    if (again) {
      if (!this.isDone(event)) throw new EventsViolation(`event ${String(event.at)} is redriven before it is done`);
      this.course(event).again = true;
      return;
    }
    if (this.course(event).given) throw new EventsViolation(`event ${String(event.at)} is a person's already`);
    this.#isNext(event);
  }

  /** Each earlier event that this one waits for is done. */
  #isNext(event: WorldEvent): void {
    if (this.course(event).taken || this.course(event).given) return;
    for (let at = 0; at < event.at; at += 1) {
      const earlier = this.#log.events[at] as WorldEvent;
      if (!isOrdered(earlier, event, this.order) || !this.isLetThrough(earlier) || this.isDone(earlier)) continue;
      throw new EventsViolation(
        `event ${String(event.at)} of ${event.key} comes before ${String(at)} of ${earlier.key}`,
      );
    }
  }

  /** The endpoint takes the event. */
  takes(event: WorldEvent): void {
    const course = this.course(event);
    if (course.taken && !course.again) throw new EventsViolation(`event ${String(event.at)} is taken twice`);
    this.#isNext(event);
    course.taken = true;
    course.again = false;
  }

  /** What a stored state says is what happened. */
  agreesWith(state: KeeperState<WorldSelection>): void {
    const { floor, entries } = state;
    let numbers = 0;
    const waiting = new Map(entries.map((entry) => [entry, 0]));
    for (const event of this.#log.events) {
      if (!this.isLetThrough(event)) continue;
      numbers += 1;
      const covering = entries.filter((entry) => {
        const inScope = event.key === entry.key || (entry.scope === "below" && begins(event.key, entry.key));
        if (!inScope || event.position <= entry.after) return false;
        if (entry.scope === "one" && entry.failing?.position !== event.position) return false;
        return !(entry.ahead ?? []).some(([from, to]) => from <= numbers && numbers <= to);
      });
      const isBeyond = event.position > floor.after;
      const isAhead = (floor.ahead ?? []).some(([from, to]) => from <= numbers && numbers <= to);
      const saysDone = isBeyond ? isAhead : covering.length === 0;
      if (saysDone && !this.isDone(event)) throw new EventsViolation(`event ${String(event.at)} is lost`);
      if (isBeyond || saysDone) continue;
      const rank = { one: 3, key: 2, below: 1 };
      const [owner] = covering.toSorted((one, other) => rank[other.scope] - rank[one.scope]);
      if (owner !== undefined) waiting.set(owner, (waiting.get(owner) ?? 0) + 1);
    }
    const total = (counts: Iterable<number>): number => [...counts].reduce((sum, count) => sum + count, 0);
    const isMoving = entries.some(({ countedTo }) => countedTo !== undefined);
    for (const [entry, count] of isMoving ? [] : waiting) {
      if (entry.waiting === count) continue;
      throw new EventsViolation(`${String(count)} events wait in ${entry.key}, not ${String(entry.waiting)}`);
    }
    if (total(waiting.values()) === total(entries.map((entry) => entry.waiting))) return;
    throw new EventsViolation("the entries do not count what waits");
  }

  /** Everything selected is done. */
  isFinished(): boolean {
    return this.#log.events.every((event) => !this.isLetThrough(event) || this.isDone(event));
  }
}
