/**
 * What the service says of a listener to those who listen to `$sys`. The note from which it follows keeps it in the head,
 * and one transaction moves it into the log: so it is said once, also when the instance dies between the two.
 */
import type { Commits } from "../change-log/log-commits.ts";
import type { SysChange } from "../domain/diff/change-record.ts";
import { printJson } from "../domain/json/json-text.ts";
import { listenerKey } from "../dynamodb/keys/listeners.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { equals } from "../dynamodb/table.ts";
import { wakeUp, type WakeUpDeps } from "../system/wake-up.ts";
import { unsaidOf, type ListenerHead } from "./listener-head.ts";

export interface SayDeps extends WakeUpDeps {
  /** They publish nothing: the caller is a delivery. */
  readonly commits: Pick<Commits, "commit">;
}

/** The listener's name in `$sys` events, and in the failed events that it has. */
export const listenerName = ({ kind, id }: Pick<ListenerHead, "kind" | "id">): string => `${kind}:${id}`;

/**
 * Moves into the log what the head has unsaid, and lets the worker deliver it. 2 requests, when there is something; does
 * nothing when another has done it. Never rejects: the head is due until it is done.
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
    deps.log.warn("what is to be said of a listener is not in the log yet", { actorId, kind, id, error });
  }
}
