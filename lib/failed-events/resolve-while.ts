/** Resolves a failed event of a listener only while the listener is as it was read. */
import { failedEventIdKey } from "../dynamodb/keys/failed-events.ts";
import { refusedReasons } from "../dynamodb/outcomes.ts";
import { always, itemExists, type Table, type Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import { retryOnConflict } from "../system/retry-on-conflict.ts";
import { deleteBody } from "./body.ts";
import type { FailedEventStore } from "./failed-event-store.ts";
import type { ListenerEvent } from "./hook-event.ts";

/** More than the writers that one failed event can have at a time. */
const MOST_CONFLICTS = 8;

export interface ResolveWhileDeps {
  readonly table: Table;
  readonly failedEvents: Pick<FailedEventStore<ListenerEvent>, "find" | "read">;
}

/**
 * Deletes a failed event in one transaction with what that changes at its listener. May be called again.
 *
 * @param writesAt the writes at the listener; the condition of the first one says that it is as it was read
 * @returns `gone`: no such event is there; `changed`: the listener is another by now, and the event stays
 * @throws ServiceError service.unavailable when other writes come first again and again
 */
export async function resolveWhile(
  { table, failedEvents }: ResolveWhileDeps,
  { actorId, id }: { readonly actorId: string; readonly id: string },
  writesAt: () => readonly [Write, ...Write[]] | Promise<readonly [Write, ...Write[]]>,
): Promise<"resolved" | "gone" | "changed"> {
  const item = await failedEvents.find(actorId, id);
  const failed = item === undefined ? undefined : await failedEvents.read(item);
  if (failed === undefined) return "gone";
  const { key, parts } = failed;
  const done = await retryOnConflict(undefined, MOST_CONFLICTS, async () => {
    const refused = await refusedReasons(table, [
      { delete: key, condition: itemExists },
      { delete: failedEventIdKey(actorId, id), condition: always },
      ...(await writesAt()),
    ]);
    if (refused === undefined) {
      await deleteBody(table, key, parts);
      return { done: "resolved" as const };
    }
    if (refused[0]?.code === "condition") return { done: "gone" as const };
    return refused[2]?.code === "condition" ? { done: "changed" as const } : { found: undefined };
  });
  if (done !== undefined) return done;
  throw new ServiceError("service.unavailable", "This event is being worked on; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });
}
