/** Signals about event hooks: log lines, some of which an alarm counts, and `$sys` events. */
import { LISTENER_TROUBLE } from "../../system/metric-names.ts";
import type { JsonObject, Log } from "../../system/ports.ts";
import type { SysEvent } from "../listener-head.ts";

/** News about an event hook. */
export type HookSignal = "lagging" | "overtaken" | "failed" | "full";

/** `line`: for the log. `trouble`: an alarm counts the line. `event`: the topic below `$sys`; absent: there is no event. */
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

/** Writes the log line of a signal. @returns its `$sys` event, if it has one */
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
