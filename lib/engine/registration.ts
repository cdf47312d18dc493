/** How a listener is registered at the change log, changed and removed: its markers, and its counts in the log's head. */
import { compact } from "../system/compact.ts";
import type { Selection } from "../domain/events/selection.ts";
import { SYS } from "../domain/events/topic.ts";
import { parseText, printJson } from "../domain/json/json-text.ts";
import { LISTENER_ATTRIBUTES, type ListenerCounts } from "../change-log/change-log.ts";
import type { LogPlan } from "../change-log/log-commits.ts";
import { listenerMarkerKey, type ListenerRef, type MarkerPlace } from "../dynamodb/keys/listeners.ts";
import { always, type Write } from "../dynamodb/table.ts";

/** The properties of a listener that the log needs. */
export interface Registered {
  /** The events that it hears. Absent: the code of the release says so (event hooks), and the listener has no markers. */
  readonly selection?: Selection;
  /** It reads the records, so the log keeps them until they expire. */
  readonly reads: boolean;
  /** It fetches its events itself (groups). No commit has to find it, so it has no markers. */
  readonly pulls?: boolean;
}

/**
 * The writes of a listener's markers, and the change of the log's head. The caller commits them (`Commits.commit`) with the
 * write of the listener's own head, whose condition is that the listener still is `before`. A record is not needed: another
 * commit that has read the log's head earlier finds it changed, and is planned again.
 *
 * @param change `before` absent: the listener is created; `after` absent: it is deleted
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
    // A marker repeats the listener's own head, and the same transaction writes that on a condition.
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

/** The patterns of a selection that are found at one place. */
interface Marker {
  readonly place: MarkerPlace;
  readonly selection: Selection;
}

const printed = (marker: Marker | undefined): string => (marker === undefined ? "" : printJson(marker.selection));

/** The markers of a listener, by the text of their places. */
function markersOf(registered: Registered | undefined): ReadonlyMap<string, Marker> {
  const { topics = [], types } = (registered?.pulls === true ? undefined : registered?.selection) ?? {};
  return new Map(
    [...Map.groupBy(topics, (pattern) => JSON.stringify(placeOf(pattern)))].map(([name, some]) => [
      name,
      { place: parseText(name) as MarkerPlace, selection: compact({ topics: some, types }) },
    ]),
  );
}

/**
 * Commits look markers up by plain names. A name that is encoded in the pattern is not one, so its marker is the target's.
 */
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
