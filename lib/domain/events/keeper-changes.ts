/**
 * Changes that people make to a listener's stored state, each as a pure function. The caller stores the result on the
 * condition that the state is as it was read, `numbered` included. A session that runs meanwhile adopts the change.
 */
import type { Json } from "../../system/ports.ts";
import { sameJson } from "../json/canonical-json.ts";
import { selectionsFrom } from "./keeper-notes.ts";
import {
  MAX_SELECTIONS,
  selectionAt,
  type Failing,
  type KeeperState,
  type OrderedEvent,
  type Redrive,
  type Selects,
} from "./keeper-state.ts";

/**
 * Another selection for every event that has no number yet.
 *
 * @param from the change applies beyond this position: a session without a lease may have sent an event up to there, and
 *   stores its number later
 * @returns undefined when entries still need `MAX_SELECTIONS` earlier selections: the change has to wait for them
 */
export function withSelection<S>(state: KeeperState<S>, selection: S, from = ""): KeeperState<S> | undefined {
  const after = from > state.numbered.after ? from : state.numbered.after;
  const selections = [...state.selections.filter((each) => each.after < after), { after, selection }];
  const redrive = state.redrive === undefined ? [] : [state.redrive];
  let { anchors } = state;
  for (;;) {
    const needed = selectionsFrom(selections, [state.floor, ...state.entries, ...redrive, ...anchors]);
    if (needed.length <= MAX_SELECTIONS) return { ...state, selections: needed, anchors };
    if (anchors.length === 0) return undefined;
    anchors = anchors.slice(1);
  }
}

/** Which events to send again: those beyond `from` up to `upTo`, at most `most`. */
export interface RedriveRange extends Pick<Redrive, "id" | "source" | "from" | "upTo"> {
  readonly most: number;
}

/**
 * Begins a redrive of events that are done; they keep their numbers and positions. Events of the log from before the oldest
 * anchor cannot be numbered, and are left out. @returns undefined while another redrive runs
 */
export function withRedrive<S>(
  state: KeeperState<S>,
  { id, source, from, upTo, most }: RedriveRange,
): KeeperState<S> | undefined {
  if (state.redrive !== undefined) return undefined;
  const begins = state.anchors.findLast(({ after }) => after <= from) ?? state.anchors[0] ?? state.floor;
  const start = source === "log" ? { after: begins.after, number: begins.number } : { after: from, number: 0 };
  const end = upTo < state.floor.after || source === "failed" ? upTo : state.floor.after;
  return {
    ...state,
    redrive: { ...start, id, source, from: max(from, start.after), upTo: end, left: most, done: 0, failed: 0 },
  };
}

const max = (one: string, other: string): string => (one > other ? one : other);

/** Ends the redrive with this id; another one stays. */
export function withoutRedrive<S>(state: KeeperState<S>, id: string): KeeperState<S> {
  const { redrive, ...rest } = state;
  return redrive?.id === id ? rest : state;
}

/**
 * Resumes a stopped listener. The event that stopped it gets all its attempts again, or with `skip` goes to a person. A
 * listener that stopped because its records expired is resumed by `restarted` instead, and stays as it is here.
 */
export function resumed<S>(
  state: KeeperState<S>,
  { now, skip }: { readonly now: number; readonly skip: boolean },
): KeeperState<S> {
  const { stopped, ...rest } = state;
  if (stopped === undefined || stopped.reason === "position_gone") return state;
  if (stopped.reason === "gone") return rest;
  return {
    ...rest,
    entries: state.entries.map((entry) => {
      if (entry.failing?.position !== stopped.position) return entry;
      const failing = skip ? { ...entry.failing, exhausted: "skipped" as const } : fresh(entry.failing, now);
      return { ...entry, failing };
    }),
  };
}

/**
 * Forgets the endpoint's failures, because it has changed: the breaker closes, no `Retry-After` counts, blocked events are
 * due.
 */
export function renewed<S>(state: KeeperState<S>, now: number): KeeperState<S> {
  const active = resumed(state, { now, skip: false });
  return {
    ...active,
    health: { failures: 0 },
    entries: active.entries.map((entry) => {
      if (entry.failing === undefined) return entry;
      const { retryAfter: _, ...failing } = entry.failing;
      return { ...entry, failing: { ...failing, run: false, inRun: 0, evidence: "none", tryAt: now } };
    }),
  };
}

/**
 * The failures of an event: what a session has counted, merged with what people have changed.
 *
 * @param known the failures as the session counts them
 * @param before the state as the session stored it last
 * @param changed that state after the change
 */
export function changedFailing<S>(known: Failing, before: KeeperState<S>, changed: KeeperState<S>): Failing {
  const of = ({ entries }: KeeperState<S>) => entries.find(({ failing }) => failing?.position === known.position);
  const [was, is] = [of(before)?.failing, of(changed)?.failing];
  if (was === undefined || is === undefined || sameState(was, is)) return known;
  return { ...is, attempts: Math.max(0, is.attempts + known.attempts - was.attempts) };
}

/** True for equal parts of states. */
export const sameState = (one: object, other: object): boolean => sameJson(one as Json, other as Json);

function fresh(failing: Failing, now: number): Failing {
  const { exhausted: _, retryAfter: __, ...rest } = failing;
  return { ...rest, attempts: 0, inRun: 0, run: false, evidence: "none", tryAt: now, countsAt: now };
}

/** Where a listener whose records expired begins again. */
export interface Restart<E extends OrderedEvent, S> {
  readonly after: string;
  /** Every event of the log beyond `after` up to `numbered`; empty when `after` lies beyond that. */
  readonly events: readonly E[];
  readonly selects: Selects<E, S>;
  /** Ms since 1970. */
  readonly at: number;
}

/**
 * A listener whose records expired begins again after a position that is not before its floor; the events between are
 * skipped. Events that have numbers keep them. Skipped events that can no longer be counted use up no numbers.
 */
export function restarted<E extends OrderedEvent, S>(
  state: KeeperState<S>,
  { after, events, selects, at }: Restart<E, S>,
): KeeperState<S> {
  const { stopped: _, redrive: __, ...rest } = state;
  const again = events.filter((event) => selects(selectionAt(state.selections, event), event)).length;
  const floor = { after, number: state.numbered.number - again };
  const numbered = after > state.numbered.after ? floor : state.numbered;
  const selections = selectionsFrom(state.selections, [floor]);
  return { ...rest, floor, numbered, entries: [], selections, anchors: [{ ...floor, at }], health: { failures: 0 } };
}
