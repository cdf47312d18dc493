/** The states of public targets whose state no hook gives: the newest event at each place. */
import { publishedStateKey } from "../dynamodb/keys/hub.ts";
import { always, type Table, type Write } from "../dynamodb/table.ts";
import type { Place } from "../domain/terms/scope.ts";
import type { LogHead } from "./change-log.ts";

/** What was published: its bytes and their media type. At most 256 KiB, so that it fits into one item. */
export interface PublishedState {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * The write that keeps an event as the state of its place, for the transaction of the event's record; none when its
 * target is not public. `path`: the target, and the place below it.
 */
export function publishedStateWrites(
  actorId: string,
  { publicTargets, newest }: Pick<LogHead, "publicTargets" | "newest">,
  path: Place,
  { contentType, body }: PublishedState,
): readonly Write[] {
  if (!publicTargets.includes(path[0] ?? "")) return [];
  // The condition of the log's head orders the events of an actor.
  return [
    {
      put: { ...publishedStateKey(actorId, path), path: path.join("/"), record: newest + 1, contentType, body },
      condition: always,
    },
  ];
}

/** The newest event at a place; undefined when none was published there since its target is public. One request. */
export async function publishedState(
  table: Pick<Table, "get">,
  actorId: string,
  path: Place,
): Promise<PublishedState | undefined> {
  const item = await table.get(publishedStateKey(actorId, path));
  const body = item?.["body"];
  return body instanceof Uint8Array ? { contentType: String(item?.["contentType"]), body } : undefined;
}
