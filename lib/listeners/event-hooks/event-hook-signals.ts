/** What a person may want to know of event hooks: as log lines, which an alarm counts, and as `$sys` events. */
import { LISTENER_TROUBLE } from "../../system/metric-names.ts";
import type { JsonObject, Log } from "../../system/ports.ts";
import type { SysEvent } from "../listener-head.ts";

/** What happens to a hook that somebody should know. */
export type HookSignal = "lagging" | "overtaken" | "failed" | "full";

/** `event`: below `$sys`. A line without `trouble` is news and no alarm. */
const SIGNALS: Readonly<Record<HookSignal, { line: string; trouble: boolean; event?: string }>> = {
  lagging: {
    line: "an event hook has not taken an event for half of the time that records stay",
    trouble: true,
    event: "listener.lagging",
  },
  overtaken: {
    line: "an event hook has lost events, which have expired; it continues with the oldest that can be read",
    trouble: true,
    event: "listener.overtaken",
  },
  failed: { line: "an event hook has parked events", trouble: false, event: "event.parked" },
  full: { line: "an event hook has stopped: it has as many parked events as are kept", trouble: true },
};

/** Writes the line. @returns what those who listen to `$sys` hear, if anything */
export function signalled(
  log: Pick<Log, "warn" | "error">,
  { actorId, hook }: { readonly actorId: string; readonly hook: string },
  signal: HookSignal,
  more: JsonObject = {},
): SysEvent | undefined {
  const { line, trouble, event } = SIGNALS[signal];
  if (trouble) log.error(line, { actorId, hook, ...more, trouble: LISTENER_TROUBLE });
  else log.warn(line, { actorId, hook, ...more });
  return event === undefined ? undefined : { event, data: { hook, ...more } };
}
