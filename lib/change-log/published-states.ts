/** The states of public targets whose state no hook gives: the newest event at each place. */
import { publishedStateKey } from "../dynamodb/keys/hub.ts";
import { always, type Item, type Table, type Write } from "../dynamodb/table.ts";
import { contentOf } from "../domain/events/envelope.ts";
import type { NotifyChange } from "../domain/diff/change-record.ts";
import { placeOf, type Place } from "../domain/terms/scope.ts";
import type { LogHead } from "./change-log.ts";

/** What was published: its bytes and their media type. At most 256 KiB, so that it fits into one item. */
export interface PublishedState {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * The writes that keep the newest of these events at each place as the state of the place, for the transaction of their
 * record; none where the target is not public.
 */
export function publishedStateWrites(
  actorId: string,
  { publicTargets, newest }: Pick<LogHead, "publicTargets" | "newest">,
  events: readonly NotifyChange[],
): readonly Write[] {
  if (publicTargets.length === 0) return [];
  const states = events
    .filter(({ target }) => publicTargets.includes(target))
    .map(({ data, attributes = {}, ...scope }): [string, Item] => {
      const path = [scope.target, ...placeOf(scope)];
      const { contentType, bytes: body } = contentOf({ data, attributes });
      const item = { ...publishedStateKey(actorId, path), path: path.join("/"), record: newest + 1, contentType, body };
      return [item.sk, item];
    });
  // The condition of the log's head orders the events of an actor.
  return [...new Map(states).values()].map((put) => ({ put, condition: always }));
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
