/** What the functions of recovery work with: their ports, the parts beside them, and their settings. */
import type { Table } from "../../dynamodb/table.ts";
import type { Clock, Deadline, Json, Log } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import type { HookEvent } from "../../failed-events/hook-event.ts";
import type { HookRuns } from "../../failed-events/hook-runs.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { OpenPlaces } from "./place-reads.ts";
import type { Publishers, ReadFailure } from "../../peers/publisher.ts";
import type { ReceivedData } from "../stream/ports.ts";
import type { Sequencer } from "../stream/sequencer.ts";
import type { StaleParts } from "../stream/stale-parts.ts";
import type { Prepared, StreamEvent } from "../stream/stream-event.ts";
import type { EventApplier } from "../stream/event-applier.ts";
import type { WakeStream } from "../stream/wake-stream.ts";
import type { StreamSettings, StreamStore } from "../stream/stream-store.ts";

/** How large the pieces are in which a state is read. */
export interface StatePieces {
  /** Places read and written at a time, and about how many bytes of them. */
  readonly places: number;
  readonly bytes: number;
  /** Places written between two notes of the progress. */
  readonly noteEvery: number;
  /** With less time left, ms, no further piece is begun. */
  readonly leastMs: number;
}

/** What fits a function's memory, and its time. */
export const STATE_PIECES: StatePieces = { places: 200, bytes: 8 * 1024 * 1024, noteEvery: 1_000, leastMs: 8_000 };

export interface RecoverySettings extends StreamSettings {
  /** How often an idle subscription asks for the newest number, ms; 0 never. */
  readonly reconcileMs: number;
  readonly autoStorage: boolean;
  readonly hookMaxAttempts: number;
  readonly pieces: StatePieces;
}

/** Handles a subscription that its publisher does not know any more. */
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

/** The dependencies of receiving: ports, and the services of the rooms around it. */
export interface ReceivingPorts {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 ≤ random < 1, for jitter. */
  readonly random: () => number;
  readonly publishers: Publishers;
  readonly data: (actorId: string, peerId: string) => ReceivedData;
  /** The state a resync event is about, as the store has it now: for its replay, and for what no memory holds. */
  readonly state: (event: HookEvent) => Promise<Json>;
  readonly openTo: OpenPlaces;
  readonly forgotten: Forgotten;
  /** Ends what is left of an ended subscription: deletes its data again, then its head. */
  readonly purgeEnded: (head: Head) => Promise<void>;
  readonly settings: RecoverySettings;
}

/** The same, and the parts of receiving that are made of it. */
export interface RecoveryDeps extends ReceivingPorts {
  readonly streams: StreamStore;
  readonly wake: WakeStream;
  readonly failedEvents: FailedEventStore;
  readonly hooks: HookRuns;
  readonly stale: StaleParts;
  readonly applier: EventApplier<StreamEvent, Prepared | undefined>;
  readonly sequencer: Sequencer<StreamEvent, Prepared | undefined>;
  /** Time one more event may take, ms. */
  readonly reserveMs: number;
}
