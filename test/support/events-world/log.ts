/** A log of events, and the listener's selections over it: a selection is the set of the kinds that it lets through. */
import type { OrderedEvent } from "../../../lib/domain/events/keeper-state.ts";
import type { Stretch, StretchRequest } from "../../../lib/domain/events/keeper-steps.ts";

export interface WorldEvent extends OrderedEvent {
  /** Its place in the log, from 0. */
  readonly at: number;
  /** What selections tell apart. */
  readonly kind: number;
}

/** Bits of the kinds that are let through. */
export type WorldSelection = number;
export const selects = (selection: WorldSelection, { kind }: WorldEvent): boolean => (selection & (1 << kind)) !== 0;

const POSITIONS: string[] = [];
/** The position after the event of that place. */
export function positionAt(at: number): string {
  return (POSITIONS[at] ??= String(at).padStart(9, "0"));
}
/** Before every event. */
export const BEGINNING = "";

export class WorldLog {
  readonly events: WorldEvent[] = [];
  /** Events before this place have expired. */
  oldest = 0;

  append(event: Omit<WorldEvent, "at" | "position">): WorldEvent {
    const at = this.events.length;
    const made = { ...event, at, position: positionAt(at) };
    this.events.push(made);
    return made;
  }

  /** At most `most` events of the stretch; undefined when its beginning has expired. */
  read({ after, upTo }: StretchRequest, most: number): Stretch<WorldEvent> | undefined {
    const from = after === BEGINNING ? 0 : Number(after) + 1;
    if (from < this.oldest) return undefined;
    const last = upTo === undefined ? this.events.length : Number(upTo) + 1;
    const events = this.events.slice(from, Math.min(last, from + most));
    const end = from + events.length;
    return { after, upTo: end === 0 ? BEGINNING : positionAt(end - 1), events, atEnd: end >= this.events.length };
  }
}
