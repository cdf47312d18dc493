/**
 * `$sys` events about a listener, for the listeners that hear `$sys`. The note from which such an event follows stores it
 * in the head (unsaid), and one later transaction moves it into the log. So it is published once, even if the process dies
 * in between.
 */
import type { Commits } from "../change-log/log-commits.ts";
import type { SysChange } from "../domain/diff/change-record.ts";
import { printJson } from "../domain/json/json-text.ts";
import { listenerKey } from "../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { equals } from "../dynamodb/table.ts";
import { wakeUp, type WakeUpDeps } from "../system/wake-up.ts";
import { unsaidOf, type ListenerHead } from "./listener-head.ts";

/** An unsaid event is in the log within this time, ms, or its head is due. */
export const SAID_MS = 60_000;

export interface SayDeps extends WakeUpDeps {
  /** Commits that are not delivered at once, because the caller is a delivery itself. */
  readonly commits: Pick<Commits, "commit">;
}

/** The listener's name in the keys of `$sys` events. */
const listenerName = ({ kind, id }: Pick<ListenerHead, "kind" | "id">): string => `${kind}:${id}`;

/**
 * Moves the unsaid events of a head into the log, and lets the worker deliver them. 2 requests if there are some; does
 * nothing when another process has moved them. Never rejects: the head stays due until they are moved.
 */
export async function sayUnsaid(
  deps: SayDeps,
  head: Pick<ListenerHead, "actorId" | "kind" | "id" | "unsaid">,
): Promise<void> {
  if (head.unsaid.length === 0) return;
  const key = listenerKey(head);
  try {
    const commit = await deps.commits.commit(head.actorId, [key], ({ item }) => {
      const unsaid = unsaidOf(item(key));
      if (unsaid.length === 0) return undefined;
      const text = printJson(unsaid);
      const changes = unsaid.map(({ event, data }): SysChange => ({
        do: "sys",
        event,
        listener: listenerName(head),
        data,
      }));
      return {
        records: [{ kind: "change", changes }],
        writes: [
          { update: key, change: { remove: ["unsaid"], add: { version: 1 } }, condition: equals("unsaid", text) },
        ],
      };
    });
    if (commit !== undefined) await wakeUp(deps, logHeadKey(head.actorId), deps.clock.now());
  } catch (error) {
    const { actorId, kind, id } = head;
    deps.log.warn("$sys events about a listener are not in the log yet; the head is due for them", {
      actorId,
      kind,
      id,
      error,
    });
  }
}
