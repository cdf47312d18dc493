/**
 * Finds the peers' subscriptions and the listeners that a commit concerns, by the markers of the places that it touches.
 */
import type { Change, Granularity, LogRecord } from "../domain/diff/change-record.ts";
import { PROPERTIES } from "../domain/terms/scope.ts";
import { eventsOf, type RecordEvent } from "../domain/events/record-events.ts";
import { selects, type Selection } from "../domain/events/selection.ts";
import { SYS } from "../domain/events/topic.ts";
import { parseText } from "../domain/json/json-text.ts";
import type { LogHead } from "../change-log/change-log.ts";
import { listenerOfMarker, WILDCARD_PREFIX, type ListenerRef } from "../dynamodb/keys/listeners.ts";
import { scopePartition, scopePrefix } from "../dynamodb/keys/publishing.ts";
import { queryAll } from "../dynamodb/paging.ts";
import type { Item, Table } from "../dynamodb/table.ts";

/** Up to this many names of one target are queried one by one; for more names one query reads the whole target. */
const MOST_NAMES = 3;
/**
 * The markers of up to this many subscriptions take a few read units in all: one query for a target is cheaper than two.
 */
const FEW_MARKERS = 50;

/** A peer's subscription to an actor, with the granularity of its callbacks. */
export interface SubscriberName {
  readonly peerId: string;
  readonly id: string;
  readonly granularity: Granularity;
}

/** A listener that hears at least one event of a commit. */
export interface FoundListener extends ListenerRef {
  /** The patterns of the listener whose markers were read, with its types. */
  readonly selection: Selection;
}

/** The subscriptions and the listeners that a commit concerns. */
export interface InScope {
  readonly subscribers: readonly SubscriberName[];
  readonly listeners: readonly FoundListener[];
}

/**
 * The subscriptions for which one of the records may make a number, and the listeners that hear an event of one, each once.
 *
 * All queries run at the same time. For each target: one for the markers of the whole target and one for each of up to
 * three names; or a single one, when there are more names or the actor has few markers. One for the wildcards, if there are
 * any. A record of the kind `subscriptions` names its subscriptions, so they need no query.
 *
 * @param head says how many markers there are, approximately
 */
export async function findInScope(
  table: Pick<Table, "query">,
  actorId: string,
  records: readonly LogRecord[],
  head: Pick<LogHead, "subscribers" | "listeners">,
): Promise<InScope> {
  const pk = scopePartition(actorId);
  const query = async (prefix: string): Promise<readonly Item[]> => await queryAll(table, { pk, prefix });
  const { named, wildcard } = head.listeners;
  const places = head.subscribers + named === 0 ? [] : records.flatMap(touchedBy);
  const pages = [...new Set(places.map(({ target }) => target))].flatMap((target) => {
    const names = new Set(places.flatMap((place) => (place.target === target ? [place.name] : [])));
    if (!names.has(undefined) && names.size <= MOST_NAMES && head.subscribers + named > FEW_MARKERS) {
      return ["", ...names].map(async (name) => await query(scopePrefix(target, name)));
    }
    const all = query(scopePrefix(target));
    return [names.has(undefined) ? all : all.then((items) => items.filter((item) => isAmong(item, names)))];
  });
  const hasChanges = records.some(({ kind }) => kind === "change");
  if (wildcard > 0 && hasChanges) pages.push(query(WILDCARD_PREFIX));
  const markers = (await Promise.all(pages)).flat();
  return { subscribers: subscribersOf(markers, records), listeners: listenersOf(actorId, markers, records) };
}

/** A part of a target that a change touches; without a name the whole target. */
interface Touched {
  readonly target: string;
  readonly name: string | undefined;
}

function touchedBy(record: LogRecord): readonly Touched[] {
  if (record.kind === "change") return record.changes.map(placeOf);
  return record.kind === "resume" ? [{ target: record.target, name: record.subtarget }] : [];
}

function placeOf(change: Change): Touched {
  if (change.do === "sys") return { target: SYS, name: change.event.split(".", 1)[0] };
  if (change.do === "notify") return { target: change.target, name: change.subtarget };
  return { target: PROPERTIES, name: change.do === "list" ? change.name : change.path[0] };
}

const isAmong = (item: Item, names: ReadonlySet<string | undefined>): boolean =>
  item["subtarget"] === undefined || names.has(String(item["subtarget"]));

function subscribersOf(markers: readonly Item[], records: readonly LogRecord[]): readonly SubscriberName[] {
  const named = [
    ...markers.flatMap((item): SubscriberName[] => {
      if (listenerOfMarker(item) !== undefined) return [];
      const granularity = String(item["granularity"]) as Granularity;
      return [{ peerId: String(item["peerId"]), id: String(item["subscriptionId"]), granularity }];
    }),
    ...records.flatMap((record) => {
      if (record.kind !== "subscriptions") return [];
      return record.subscriptions.map(({ id, granularity }) => ({ peerId: record.peerId, id, granularity }));
    }),
  ];
  return [...new Map(named.map((name) => [`${name.peerId}#${name.id}`, name])).values()];
}

/** A listener with several patterns has several markers; it is returned once, with the patterns of all of them. */
function listenersOf(
  actorId: string,
  markers: readonly Item[],
  records: readonly LogRecord[],
): readonly FoundListener[] {
  const found = new Map<string, FoundListener>();
  let events: readonly RecordEvent[] | undefined;
  for (const item of markers) {
    const name = listenerOfMarker(item);
    if (name === undefined) continue;
    events ??= records.flatMap(eventsOf);
    const selection = parseText(String(item["selection"])) as Selection;
    if (!events.some((event) => selects(selection, event))) continue;
    const id = `${name.kind}#${name.id}`;
    const topics = [...(found.get(id)?.selection.topics ?? []), ...selection.topics];
    found.set(id, { actorId, ...name, selection: { ...selection, topics } });
  }
  return [...found.values()];
}
