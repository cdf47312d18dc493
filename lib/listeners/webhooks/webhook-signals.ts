/** What a person may want to know of a webhook. */
import type { KeeperSignal } from "../../domain/events/keeper-steps.ts";
import type { Log } from "../../system/ports.ts";
import type { Noted } from "../listener-way.ts";
import type { Webhook } from "./webhook-item.ts";

/** The signals of a note, as log lines say them. */
const LINES: Readonly<Record<KeeperSignal, string>> = {
  failing: "a webhook is failing: its breaker has opened",
  recovered: "a webhook has recovered",
  stopped: "a webhook has stopped",
  gone: "the receiver of a webhook wants no more events",
};

/** One line for each signal, and one for events that are kept because they were not taken. */
export function logSignals(log: Log, { actorId, id }: Webhook, { signals, kept }: Noted): void {
  for (const signal of signals) {
    const line = { actorId, webhookId: id };
    if (signal === "recovered") log.info(LINES[signal], line);
    else log.warn(LINES[signal], line);
  }
  if (kept > 0) log.warn("a webhook has failed events", { actorId, webhookId: id, kept });
}
