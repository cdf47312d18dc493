/** What recovery is made from; shared by its two ways. */
import type { Table } from "../dynamodb/table.ts";
import type { Clock, Log } from "../ports.ts";
import type { Head } from "./head.ts";
import type { HookRuns } from "./hook-runs.ts";
import type { Publishers, ReceivedData } from "./ports.ts";
import type { Sequencer } from "./sequencer.ts";
import type { Prepared, StreamEvent, SubscriptionSink } from "./subscription-sink.ts";
import type { Timers } from "./timers.ts";
import type { StreamSettings, Turns } from "./turns.ts";

export interface RecoverySettings extends StreamSettings {
  /** How often an idle subscription asks for the newest number, ms; 0 never. */
  readonly reconcileMs: number;
  readonly autoStorage: boolean;
}

export interface RecoveryDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly turns: Turns;
  readonly timers: Timers;
  readonly hooks: HookRuns;
  readonly publishers: Publishers;
  readonly data: (actorId: string, peerId: string) => ReceivedData;
  readonly sink: (head: Head) => SubscriptionSink;
  readonly sequencer: (head: Head) => Sequencer<StreamEvent, Prepared | undefined>;
  readonly settings: RecoverySettings;
  /** Time one more event may take, ms. */
  readonly reserveMs: number;
}

/** When the next reconciliation is due, if they are on. */
export function reconciled(
  now: number,
  settings: Pick<RecoverySettings, "reconcileMs">,
): { readonly reconcileAt?: number } {
  return settings.reconcileMs === 0 ? {} : { reconcileAt: now + settings.reconcileMs };
}
