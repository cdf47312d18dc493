/**
 * The keys of failed events. The source in them says at which listener an event failed. Ids match `[A-Za-z0-9._~-]`, so `:`
 * separates safely inside a source, and `#` around it.
 */
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { Key } from "../table.ts";
import { actorOfKey, actorPartition, number16 } from "./partition.ts";

/**
 * Where an event failed: at the hooks of a subscription of ours, at a webhook, at an event hook, in a consumer group of the
 * actor, in one over all actors.
 */
export type FailureSource =
  | { readonly kind: "hook"; readonly peerId: string; readonly subscriptionId: string }
  | { readonly kind: "webhook" | "event-hook" | "group" | "root-group"; readonly id: string };

/** The source as it stands in keys, and in the operator's route `/parked`. */
export const sourceText = (source: FailureSource): string =>
  source.kind === "hook" ? `hook:${source.peerId}:${source.subscriptionId}` : `${source.kind}:${source.id}`;

/** The source of events that failed at the hooks of a subscription of ours. */
export const hookSource = ({ peerId, subscriptionId }: Omit<StreamRef, "actorId">): string =>
  sourceText({ kind: "hook", peerId, subscriptionId });

/** The source that a text names; undefined when the text names none. */
export function sourceOf(text: string): FailureSource | undefined {
  const [kind, id = "", subscriptionId, ...more] = text.split(":");
  if (id === "" || more.length > 0) return undefined;
  if (kind === "hook") {
    return subscriptionId === undefined || subscriptionId === "" ? undefined : { kind, peerId: id, subscriptionId };
  }
  if (subscriptionId !== undefined) return undefined;
  const isKnown = kind === "webhook" || kind === "event-hook" || kind === "group" || kind === "root-group";
  return isKnown ? { kind, id } : undefined;
}

/** A failed event, in the order of its source. Put when it fails, retried through the due index or by its listener. */
export const failedEventKey = (
  actorId: string,
  source: string,
  event: { readonly epoch: number; readonly sequence: number; readonly id: string },
): Key => ({
  pk: actorPartition(actorId),
  sk: `${failedEventPrefix({ source })}${number16(event.epoch)}#${number16(event.sequence)}#${event.id}`,
});

/** Prefix of an actor's failed events; of one source, or of all subscriptions of ours to one peer, when given. */
export function failedEventPrefix(of: { readonly source?: string; readonly peerId?: string } = {}): string {
  if (of.source !== undefined) return `${FAILED}${of.source}#`;
  return of.peerId === undefined ? FAILED : `${FAILED}hook:${of.peerId}:`;
}

const FAILED = "FAILED#";

/** The source in a failed event's key, as text. */
export const sourceOfFailedEventKey = (key: Key): string => key.sk.split("#")[1] ?? "";

/** The key when it is that of an event that failed at a source of this kind; else undefined. */
export const failedAt = (key: Key, kind: FailureSource["kind"]): Key | undefined =>
  key.sk.startsWith(FAILED) && sourceOf(sourceOfFailedEventKey(key))?.kind === kind ? key : undefined;

/** The cursor of a listing of failed events: an event's key, encoded, with no more than the event's source, ids and number. */
export const failedEventCursor = (sortKey: string): string =>
  Buffer.from(sortKey.slice(FAILED.length)).toString("base64url");

/** The sort key that a cursor stands for; undefined when it was not made by `failedEventCursor`. */
export function failedEventSortKey(cursor: string): string | undefined {
  const rest = Buffer.from(cursor, "base64url").toString("utf8");
  return /^[A-Za-z0-9._~:#-]+$/.test(rest) ? FAILED + rest : undefined;
}

/** Finds a failed event by its id: one small item, written and deleted in the transactions of the event. */
export const failedEventIdKey = (actorId: string, eventId: string): Key => ({
  pk: actorPartition(actorId),
  sk: `FAILEDID#${eventId}`,
});

/** The same key of a failed event, of a part of its body, or of a stale read, from the key of that. */
export function failedEventIdKeyOf(key: Key): Key {
  const [, , place, readId = "", eventId = ""] = key.sk.split("#");
  return failedEventIdKey(actorOfKey(key), place === STALE_READ ? readId : eventId);
}

/**
 * A place of a peer's state that could not be read: in the due index while the read is retried, then parked. Sorts behind the
 * failed events of its stream, so that listing, ending or deleting those includes it. One put, one update for each further
 * read, one delete.
 */
export const staleReadKey = ({ actorId, ...stream }: StreamRef, id: string): Key => ({
  pk: actorPartition(actorId),
  sk: `${failedEventPrefix({ source: hookSource(stream) })}${STALE_READ}#${id}`,
});

const STALE_READ = "READ";

/** The ids in a stale read's key; undefined when the key is another's. */
export function staleReadOf(key: Key): (StreamRef & { readonly id: string }) | undefined {
  const [prefix, text = "", kind, id] = key.sk.split("#");
  if (prefix !== "FAILED" || kind !== STALE_READ || id === undefined) return undefined;
  const source = sourceOf(text);
  if (source?.kind !== "hook") return undefined;
  return { actorId: actorOfKey(key), peerId: source.peerId, subscriptionId: source.subscriptionId, id };
}
