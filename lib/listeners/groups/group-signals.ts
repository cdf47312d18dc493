/** What a person may want to know of a group: as log lines, which an alarm counts, and as `$sys` events. */
import { LISTENER_TROUBLE } from "../../system/metric-names.ts";
import type { JsonObject, Log } from "../../system/ports.ts";
import type { SysEvent } from "../listener-head.ts";
import type { Group, GroupChange, GroupRef } from "./group-item.ts";

type Signal = "lagging" | "overtaken" | "stopped" | "parked";

/** What each signal is in the log, and as an event below `$sys`. A line without `trouble` is news and no alarm. */
const SIGNALS: Readonly<Record<Signal, { readonly line: string; readonly trouble: boolean; readonly event: string }>> =
  {
    lagging: {
      line: "an event of a group is not done after half of the time that records stay",
      trouble: true,
      event: "listener.lagging",
    },
    overtaken: {
      line: "a group has stopped: records that it has not read have expired",
      trouble: true,
      event: "listener.overtaken",
    },
    stopped: { line: "a group has stopped at an event that was not taken", trouble: true, event: "group.stopped" },
    parked: { line: "a group has parked events", trouble: false, event: "event.parked" },
  };

/** A signal, and what is said with it. */
export interface Signalled {
  readonly signal: Signal;
  readonly data: JsonObject;
}

/** What a change of a group is news of. */
export function signalsOf(
  { name, state: before, failedEvents }: Pick<Group, "name" | "state" | "failedEvents">,
  { state: after = before, moreFailed = 0 }: Pick<GroupChange, "state" | "moreFailed">,
): readonly Signalled[] {
  const said: Signalled[] = [];
  const say = (signal: Signal, more: JsonObject = {}): unknown => said.push({ signal, data: { group: name, ...more } });
  if (after.lagging === true && before.lagging === undefined) say("lagging");
  if (after.stopped !== undefined && before.stopped === undefined) {
    say(after.stopped.reason === "position_gone" ? "overtaken" : "stopped");
  }
  if (moreFailed > 0 && failedEvents === 0) say("parked", { parked: moreFailed });
  return said;
}

/** As those who listen to `$sys` hear it. */
export const sysEventOf = ({ signal, data }: Signalled): SysEvent => ({ event: SIGNALS[signal].event, data });

/** One line for each. */
export function logSignals(log: Pick<Log, "warn">, { actorId }: GroupRef, said: readonly Signalled[]): void {
  for (const { signal, data } of said) {
    const { line, trouble } = SIGNALS[signal];
    log.warn(line, { actorId, ...data, ...(trouble && { trouble: LISTENER_TROUBLE }) });
  }
}
