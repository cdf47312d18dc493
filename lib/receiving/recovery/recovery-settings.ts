/** What recovery is made from; shared by its two ways. */
import type { Table } from "../../dynamodb/table.ts";
import type { Clock, Deadline, Json, Log } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import type { HookEvent } from "../hooks/hook-event.ts";
import type { HookRuns } from "../hooks/hook-runs.ts";
import type { OpenPlaces } from "./place-reads.ts";
import type { Publishers, ReadFailure } from "../../peers/publisher.ts";
import type { ReceivedData } from "../stream/ports.ts";
import type { Sequencer } from "../stream/sequencer.ts";
import type { StaleParts } from "../stream/stale-parts.ts";
import type { StatePieces } from "./state-replacement.ts";
import type { Prepared, StreamEvent } from "../stream/stream-event.ts";
import type { EventApplier } from "../stream/event-applier.ts";
import type { WakeUps } from "../stream/wake-ups.ts";
import type { StreamSettings, StreamStore } from "../stream/stream-store.ts";

export interface RecoverySettings extends StreamSettings {
  /** How often an idle subscription asks for the newest number, ms; 0 never. */
  readonly reconcileMs: number;
  readonly autoStorage: boolean;
  readonly hookMaxAttempts: number;
  readonly pieces: StatePieces;
}

/** What is done about a subscription that its publisher does not know any more. */
export interface Forgotten {
  /**
   * The publisher has not known it for a while: it is made again there, where that may be.
   *
   * @returns the head that takes its place; `lost` when nothing can be done here; `later` when the publisher could not be
   *   asked now
   */
  again(
    head: Head,
    deadline: Deadline,
  ): Promise<
    | { readonly is: "moved"; readonly to: Head }
    | { readonly is: "lost" }
    | { readonly is: "later"; readonly failure?: ReadFailure }
  >;
  /** The publisher has ended it. */
  ended(head: Head): Promise<void>;
}

export interface RecoveryDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly streams: StreamStore;
  readonly wakeUps: WakeUps;
  readonly hooks: HookRuns;
  readonly publishers: Publishers;
  readonly data: (actorId: string, peerId: string) => ReceivedData;
  readonly stale: StaleParts;
  readonly openTo: OpenPlaces;
  /** The state a resync event is about, as the store has it now. */
  readonly state: (event: HookEvent) => Promise<Json>;
  readonly forgotten: Forgotten;
  readonly applier: (head: Head) => EventApplier<StreamEvent, Prepared | undefined>;
  readonly sequencer: (head: Head) => Sequencer<StreamEvent, Prepared | undefined>;
  readonly settings: RecoverySettings;
  /** Time one more event may take, ms. */
  readonly reserveMs: number;
}
