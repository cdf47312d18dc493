/** The whole state that an inbound subscription covers, as its peer sees it. */
import { valueAt } from "../../domain/json/json-path.ts";
import { parseText } from "../../domain/json/json-text.ts";
import { PROPERTIES, placeOf, type Place, type Scope } from "../../domain/terms/scope.ts";
import { visiblePart, type Reads } from "../../domain/policy/visibility.ts";
import { isServiceError } from "../../system/errors.ts";
import type { Json } from "../../system/ports.ts";
import { bytesInResult, jsonBytesInResult, MAX_ANSWER_BYTES } from "../../http/answer-size.ts";
import { PositionedProperties, type PositionedDeps } from "./positioned-properties.ts";
import type { ReadProperty } from "../../properties/property-reads.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";

/** Which peer's view, of which scope. */
export interface SnapshotOf extends Scope {
  readonly peerId: string;
}

/** Most bytes of a state in a function's result. The rest of the answer around it takes less than what this leaves. */
const MAX_STATE_BYTES = MAX_ANSWER_BYTES - 64 * 1_024;

/** A state, and the record of the log that it is of, when there is one. */
export interface Snapshot {
  /** Undefined: there is nothing at the place. Null: the state cannot be given. */
  readonly data: Json | undefined;
  readonly record?: number;
}

export interface SnapshotDeps extends PositionedDeps {
  readonly log: Pick<ChangeLog, "read" | "newest">;
  /** The state of an own target as JSON text; undefined when there is none. Rejects when the application's code fails. */
  readonly ownTarget: (actorId: string, peerId: string, scope: Scope) => Promise<string | undefined>;
}

/**
 * Reads the state that a subscription covers, without the places closed to its peer, for resync numbers whose receiver cannot
 * read it itself: at target level an object by name, below it the bare value, a list as
 * `{_list: true, count, items, description, explanation}`. The state of an own target is what its state hook returns. Null
 * for an own target without a hook or whose hook fails, and for more than an answer can carry.
 */
export async function readSnapshot(
  deps: SnapshotDeps,
  actorId: string,
  of: SnapshotOf,
  reads: Reads,
): Promise<Snapshot> {
  if (of.target !== PROPERTIES) return { data: await ownTarget(deps, actorId, of) };
  const from = await deps.log.newest(actorId);
  const properties = new PositionedProperties(deps, from, { items: true });
  const place = placeOf(of);
  const data = await nullWhenTooLarge(async () =>
    place.length === 0 ? await everything(properties, actorId, reads) : await part(properties, actorId, place, reads),
  );
  const { position } = properties;
  return position === undefined ? { data } : { data, record: position };
}

async function ownTarget(deps: SnapshotDeps, actorId: string, of: SnapshotOf): Promise<Json> {
  try {
    const text = await deps.ownTarget(actorId, of.peerId, of);
    if (text === undefined || bytesInResult(text) > MAX_STATE_BYTES) return null;
    return parseText(text) as Json;
  } catch {
    // The failure is logged already. A poll answers that there is no state, rather than fail.
    return null;
  }
}

async function nullWhenTooLarge(read: () => Promise<Json | undefined>): Promise<Json | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isServiceError(error) && error.code === "request.too_large") return null;
    throw error;
  }
}

async function everything(properties: PositionedProperties, actorId: string, reads: Reads): Promise<Json> {
  const members: [string, Json][] = [];
  let bytes = 2;
  for await (const property of properties.all(actorId)) {
    const visible = visibleOf(property, [property.name], reads);
    if (visible === undefined) continue;
    // More is stored than can be read at one record, and so more than an answer can carry.
    if (property.list !== undefined && property.items === undefined) return null;
    if (bytes + property.bytes > MAX_STATE_BYTES) return null;
    bytes += bytesInResult(JSON.stringify(property.name)) + jsonBytesInResult(visible) + 2;
    if (bytes > MAX_STATE_BYTES) return null;
    members.push([property.name, visible]);
  }
  return Object.fromEntries(members);
}

async function part(
  properties: PositionedProperties,
  actorId: string,
  place: Place,
  reads: Reads,
): Promise<Json | undefined> {
  const property = await properties.whole(actorId, place[0] ?? "");
  if (property === undefined) return undefined;
  if (property.bytes > MAX_STATE_BYTES) return null;
  const visible = visibleOf(property, place, reads);
  return visible !== undefined && jsonBytesInResult(visible) > MAX_STATE_BYTES ? null : visible;
}

/** A list is one place: it is visible with all its items or not at all. */
function visibleOf({ text, list, items = [] }: ReadProperty, place: Place, reads: Reads): Json | undefined {
  if (list === undefined) {
    const value = valueAt(parseText(text) as Json, place.slice(1));
    return value === undefined ? undefined : visiblePart(value, place, reads);
  }
  if (place.length > 1 || !reads.at(place)) return undefined;
  const { description, explanation } = list;
  return { _list: true, count: items.length, items, description, explanation };
}
