/** The keys of listeners: who, beside peers, hears an actor's change log. Each access pattern is documented here. */
import { actorOfKey } from "./partition.ts";
import { scopePartition, scopePrefix } from "./publishing.ts";
import type { Key } from "../table.ts";

/** The kinds of listeners. The heads of one kind lie together. */
export type ListenerKind = "webhook" | "event-hooks" | "group";

/** One listener of an actor. An id matches `[A-Za-z0-9._~-]`. */
export interface ListenerRef {
  readonly actorId: string;
  readonly kind: ListenerKind;
  readonly id: string;
}

/** The partition of an actor's listeners. Queried whole by maintenance of the log and when the actor is deleted. */
export const listenerPartition = (actorId: string): string => `W#${actorId}`;

/**
 * The head of a listener: how far it has heard the log. Made and deleted in one transaction with its markers and the log's
 * head; written by updates conditional on `version`, by the holder of its lease, or by a delivery that is alone. In the due
 * index while something is left to do at a time of its own. What is written seldom and by others, such as settings, lies in
 * items of its own, so that no such write meets a delivery.
 */
export const listenerKey = ({ actorId, kind, id }: ListenerRef): Key => ({
  pk: listenerPartition(actorId),
  sk: `${listenerPrefix(kind)}${id}`,
});

/** Prefix of the heads of one kind. */
export const listenerPrefix = (kind: ListenerKind): string => `${kind}#`;

/** The listener that a key names; undefined when the key is another's. */
export function listenerOfKey(key: Key): ListenerRef | undefined {
  if (!key.pk.startsWith("W#")) return undefined;
  const name = nameOf(key.sk);
  return name === undefined ? undefined : { actorId: actorOfKey(key), ...name };
}

function nameOf(text: string): Omit<ListenerRef, "actorId"> | undefined {
  const [kind, id, more] = text.split("#");
  if (id === undefined || more !== undefined) return undefined;
  return kind === "webhook" || kind === "event-hooks" || kind === "group" ? { kind, id } : undefined;
}

/** Where a marker stands: at the target and the name that a pattern begins with, or among those that begin with a wildcard. */
export type MarkerPlace = { readonly target: string; readonly name: string } | "wildcard";

/** Prefix of the markers of listeners whose patterns begin with a wildcard: no target begins with it. */
export const WILDCARD_PREFIX = "\u0002";

/** Tells a listener's marker from a peer's: no peer's id begins with it. */
const LISTENER = "@";

/**
 * The marker of a listener at one place: by it a change finds the listener, with the query that finds peers, or with that of
 * the wildcards. Written in the transactions that make, change and delete the listener.
 */
export const listenerMarkerKey = ({ actorId, kind, id }: ListenerRef, place: MarkerPlace): Key => ({
  pk: scopePartition(actorId),
  sk: `${place === "wildcard" ? WILDCARD_PREFIX : scopePrefix(place.target, place.name)}${LISTENER}${kind}#${id}`,
});

/** The listener that a marker names; undefined for a marker of a peer. */
export function listenerOfMarker({ sk }: Pick<Key, "sk">): Omit<ListenerRef, "actorId"> | undefined {
  const from = sk.lastIndexOf(LISTENER);
  return from < 0 ? undefined : nameOf(sk.slice(from + 1));
}
