/** How a listener comes to the change log, changes what it hears, and leaves: its markers, and its count in the log's head. */
import { compact } from "../system/compact.ts";
import type { Selection } from "../domain/events/selection.ts";
import { SYS } from "../domain/events/topic.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { LISTENER_ATTRIBUTES, type ListenerCounts } from "../change-log/change-log.ts";
import type { LogPlan } from "../change-log/log-commits.ts";
import { listenerMarkerKey, type ListenerRef, type MarkerPlace } from "../dynamodb/keys/listeners.ts";
import { always, type Write } from "../dynamodb/table.ts";

/** What of a listener the log has to know. */
export interface Registered {
  /** What it hears; absent: the release itself knows, and there are no markers. */
  readonly selection?: Selection;
  /** It reads the records, so that these stay until they expire. */
  readonly reads: boolean;
  /** It asks for its events itself, so that no change looks for it: it has no markers. */
  readonly pulls?: boolean;
}

/**
 * The writes of a listener's markers, and the change of the log's head. They belong into one commit (`Commits.commit`) with
 * the write of the listener's own head, whose condition says that `before` is what stands. No record is needed: a commit
 * that has read the log's head before is planned again.
 *
 * @param change `before` absent: the listener is made; `after` absent: it is deleted
 */
export function registering(
  ref: ListenerRef,
  { before, after }: { readonly before?: Registered; readonly after?: Registered },
): Pick<LogPlan, "writes"> & { readonly head: NonNullable<LogPlan["head"]> } {
  const [old, next] = [markersOf(before), markersOf(after)];
  const writes = [...new Set([...old.keys(), ...next.keys()])].flatMap((name): Write[] => {
    const [was, is] = [old.get(name), next.get(name)];
    const marker = is ?? was;
    if (marker === undefined || printed(was) === printed(is)) return [];
    const key = listenerMarkerKey(ref, marker.place);
    // A marker says no more than the listener's own head, which this transaction writes on a condition.
    if (is === undefined) return [{ delete: key, condition: always }];
    return [{ put: { ...key, selection: printJson(is.selection) }, condition: always }];
  });
  const counts = { before: countsOf(before), after: countsOf(after) };
  const add = Object.entries(LISTENER_ATTRIBUTES).flatMap(([name, attribute]) => {
    if (name === "revision") return [[attribute, 1]];
    const count = name as keyof Counted;
    const more = counts.after[count] - counts.before[count];
    return more === 0 ? [] : [[attribute, more]];
  });
  return { writes, head: { add: Object.fromEntries(add) as Record<string, number> } };
}

/** The part of a selection that stands at one place. */
interface Marker {
  readonly place: MarkerPlace;
  readonly selection: Selection;
}

const printed = (marker: Marker | undefined): string => (marker === undefined ? "" : printJson(marker.selection));

/** By the name of the place. */
function markersOf(registered: Registered | undefined): ReadonlyMap<string, Marker> {
  const { topics = [], types } = (registered?.pulls === true ? undefined : registered?.selection) ?? {};
  return new Map(
    [...Map.groupBy(topics, (pattern) => JSON.stringify(placeOf(pattern)))].map(([name, some]) => [
      name,
      { place: parseText(name) as MarkerPlace, selection: compact({ topics: some, types }) },
    ]),
  );
}

/** A name that stands encoded in a pattern is none that a change is looked up by: the marker stands one step further out. */
function placeOf(pattern: string): MarkerPlace {
  const [target = "", name] = pattern.split(".", 2);
  if (!isName(target)) return "wildcard";
  return { target, name: name !== undefined && isName(name) ? name : "" };
}

const isName = (token: string): boolean => token !== "*" && token !== ">" && !token.includes("%");

type Counted = Omit<ListenerCounts, "revision">;

function countsOf(registered: Registered | undefined): Counted {
  if (registered === undefined) return { named: 0, wildcard: 0, unmarked: 0, reading: 0, sys: 0 };
  const { selection, reads, pulls = false } = registered;
  const places = pulls ? [] : (selection?.topics ?? []).map(placeOf);
  const one = (is: boolean): number => (is ? 1 : 0);
  return {
    named: one(places.some((place) => place !== "wildcard")),
    wildcard: one(places.includes("wildcard")),
    unmarked: one(selection === undefined),
    reading: one(reads),
    sys: one((selection?.topics ?? []).some((pattern) => pattern.split(".", 1)[0] === SYS)),
  };
}
