/**
 * What people change in a listener's stored state, each as a function of the state. It is stored on the condition that the
 * state is as it was read, `numbered` included: a session that works meanwhile adopts it.
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
 * Another selection for every event that has no number yet, and lies beyond `from` where that is given: a session without a
 * lease may have sent an event up to there, and stores its number afterwards.
 *
 * @returns undefined when entries still need too many earlier selections: the change has to wait for them
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

/** Events to send again: those beyond `from` up to `upTo`, at most `most`. */
export interface RedriveRange extends Pick<Redrive, "id" | "source" | "from" | "upTo"> {
  readonly most: number;
}

/**
 * Sends events again that are done: their numbers and positions stay. Events of the log that are older than the oldest
 * anchor cannot be numbered and are left out. @returns undefined while another redrive runs
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

/** Without the redrive, where it is that one. */
export function withoutRedrive<S>(state: KeeperState<S>, id: string): KeeperState<S> {
  const { redrive, ...rest } = state;
  return redrive?.id === id ? rest : state;
}

/**
 * What a stopped listener continues with: the event that stopped it is tried again from its first attempt on, or with `skip`
 * handed to a person. One that lost its position continues with `restarted`.
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

/** After a change of what the endpoint is: the breaker closes, no `Retry-After` holds, and what is blocked is due. */
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
 * The failures of an event that a session knows, beside what people made of them meanwhile.
 *
 * @param before as the session stored it last
 * @param changed the same as people left it
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

/** Where a listener that lost its position begins again. */
export interface Restart<E extends OrderedEvent, S> {
  readonly after: string;
  /** Every event of the log beyond `after` up to `numbered`; none where `after` is not before that. */
  readonly events: readonly E[];
  readonly selects: Selects<E, S>;
  /** Ms since 1970. */
  readonly at: number;
}

/**
 * A listener that lost its position begins again after another one, not before its floor; what lies between is skipped.
 * Numbers continue: an event that had one keeps it, and what can no longer be counted takes none.
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
