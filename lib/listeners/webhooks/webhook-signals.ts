/** Signals about webhooks: log lines, some of which an alarm counts, and `$sys` events. */
import type { KeeperSignal } from "../../domain/events/keeper-steps.ts";
import { compact } from "../../system/compact.ts";
import { LISTENER_TROUBLE } from "../../system/metric-names.ts";
import type { Log } from "../../system/ports.ts";
import type { SysEvent } from "../listener-head.ts";
import type { Noted } from "../listener-way.ts";
import type { Webhook } from "./webhook-item.ts";

/** The log line of each signal, and the topic of its event below `$sys`. */
const SIGNALS: Readonly<Record<KeeperSignal, { readonly line: string; readonly event: string }>> = {
  failing: { line: "a webhook is failing: its breaker has opened", event: "webhook.failing" },
  recovered: { line: "a webhook has recovered", event: "webhook.recovered" },
  stopped: { line: "a webhook has stopped at an event that it did not take", event: "webhook.stopped" },
  gone: { line: "the receiver of a webhook wants no more events", event: "webhook.gone" },
  lagging: {
    line: "a webhook has not taken an event for half of the time that records stay",
    event: "listener.lagging",
  },
  overtaken: { line: "a webhook has stopped: records that it has not heard have expired", event: "listener.overtaken" },
};

/** Signals that may need an operator: an alarm counts their lines. */
const TROUBLE: ReadonlySet<KeeperSignal> = new Set(["stopped", "gone", "lagging", "overtaken"]);

/** Writes one log line for each signal, and one if failed events were kept. */
export function logSignals(
  log: Log,
  { actorId, id }: Webhook,
  { signals, kept }: Pick<Noted, "signals" | "kept">,
): void {
  for (const signal of signals) {
    const line = { actorId, webhookId: id, ...(TROUBLE.has(signal) && { trouble: LISTENER_TROUBLE }) };
    if (signal === "recovered") log.info(SIGNALS[signal].line, line);
    else log.warn(SIGNALS[signal].line, line);
  }
  if (kept > 0) log.warn("a webhook has failed events", { actorId, webhookId: id, kept });
}

/** The `$sys` event about a webhook whose breaker its owner has closed, by changing urls, signature or credentials. */
export const recoveredOf = ({ id }: Pick<Webhook, "id">): SysEvent => ({
  event: SIGNALS.recovered.event,
  data: { webhook: id },
});

/** The `$sys` events of a note: one for each signal, and one when the first failed event is kept. */
export function sysEventsOf(
  { id }: Pick<Webhook, "id">,
  { signals, kept, keptBefore }: Pick<Noted, "signals" | "kept" | "keptBefore">,
): readonly SysEvent[] {
  const said = signals.map((signal) => ({ event: SIGNALS[signal].event, data: { webhook: id } }));
  const isFirst = kept > 0 && keptBefore === 0;
  return [...said, ...(isFirst ? [{ event: "event.parked", data: compact({ webhook: id, parked: kept }) }] : [])];
}
