/** The receiving side put together: one engine per instance, over the ports it is given. */
import { placeOf } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { Clock, DelayQueue, Ids, Json, Log } from "../../system/ports.ts";
import { CallbackAccess } from "./callback-access.ts";
import type { Authenticator } from "./callback-access.ts";
import { DueStreams } from "../recovery/due-streams.ts";
import type { Head } from "../stream/head.ts";
import { PausedHooks } from "../hooks/paused-hooks.ts";
import type { HookEvent, HookRunner } from "../hooks/hook-event.ts";
import { HookRuns } from "../hooks/hook-runs.ts";
import type { Later } from "../hooks/hook-runs.ts";
import { FailedEventStore } from "../hooks/failed-event-store.ts";
import { PlaceReads } from "../recovery/place-reads.ts";
import type { OpenPlaces } from "../recovery/place-reads.ts";
import type { Publishers } from "../../peers/publisher.ts";
import type { ReceivedData } from "../stream/ports.ts";
import { Receiver } from "./receiver.ts";
import { Recovery } from "../recovery/recovery.ts";
import type { Forgotten, RecoverySettings } from "../recovery/recovery-settings.ts";
import { Sequencer } from "../stream/sequencer.ts";
import { StaleParts } from "../stream/stale-parts.ts";
import { StaleReads } from "../recovery/stale-reads.ts";
import { SubscriptionApplier } from "./subscription-applier.ts";
import type { Prepared, StreamEvent } from "../stream/stream-event.ts";
import { WakeUps } from "../stream/wake-ups.ts";
import { pauseReadsUntil } from "../stream/stream-changes.ts";
import { StreamStore } from "../stream/stream-store.ts";

export interface ReceivingSettings extends RecoverySettings {
  readonly nestedDiffs: "merge" | "replace";
  readonly hookTimeoutMs: number;
}

export interface ReceivingDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly queue: DelayQueue;
  /** 0 ≤ random < 1, for jitter. */
  readonly random: () => number;
  /** Calls back after some ms; the hooks' time limit [setTimeout]. */
  readonly later?: Later;
  readonly runner: HookRunner;
  readonly publishers: Publishers;
  readonly authenticator: Authenticator;
  readonly data: (actorId: string, peerId: string) => ReceivedData;
  /** The state a resync event is about, as the store has it now: for its replay, and for what no memory holds. */
  readonly state: (event: HookEvent) => Promise<Json>;
  readonly openTo: OpenPlaces;
  readonly forgotten: Forgotten;
  /** Removes what an ended subscription left. */
  readonly purgeEnded: (head: Head) => Promise<void>;
  readonly settings: ReceivingSettings;
}

export interface Receiving {
  readonly receiver: Receiver;
  readonly access: CallbackAccess;
  readonly recovery: Recovery;
  readonly dueStreams: DueStreams;
  readonly failedEvents: FailedEventStore;
  readonly hooks: HookRuns;
  readonly pausedHooks: PausedHooks;
  readonly streams: StreamStore;
  readonly wakeUps: WakeUps;
  readonly stale: StaleParts;
  readonly staleReads: StaleReads;
}

/** What storing one event may take besides its hook, ms: a few requests, with the client's own repetitions. */
const STORE_RESERVE_MS = 4_000;

/** Builds the engine. Nothing is read or sent by it. */
export function createReceiving(deps: ReceivingDeps): Receiving {
  const { table, clock, ids, log, settings, publishers, data, openTo } = deps;
  const wakeUps = new WakeUps({ queue: deps.queue, clock, log });
  const wake = async (head: Head): Promise<void> => {
    await wakeUps.schedule(head);
  };
  const streams = new StreamStore({ table, clock, ids, settings, wake });
  const failedEvents = new FailedEventStore(table);
  const reserveMs = settings.hookTimeoutMs + STORE_RESERVE_MS;
  const hooks = new HookRuns({
    ...{ runner: deps.runner, failedEvents, wakeUps, clock, ids, log },
    state: deps.state,
    random: deps.random,
    later: deps.later ?? callLater,
    settings: { maxAttempts: settings.hookMaxAttempts, timeoutMs: settings.hookTimeoutMs },
  });
  const stale = new StaleParts({
    ...{ table, clock, log, wakeUps },
    random: deps.random,
    maxAttempts: settings.hookMaxAttempts,
  });
  const reads = new PlaceReads({ clock, log, publishers, data, stale, openTo });
  const pause = async (head: Head, until: number): Promise<void> => {
    await streams.amend(head.key, pauseReadsUntil(until));
  };
  const applierOf = (of: { readonly actorId: string; readonly peerId: string }, said?: Place): SubscriptionApplier =>
    new SubscriptionApplier({ clock, log, data, publishers, hooks, reads, openTo, pause, settings }, of, said);
  const sequencerOf = (
    of: { readonly actorId: string; readonly peerId: string },
    said?: Place,
  ): Sequencer<StreamEvent, Prepared | undefined> =>
    new Sequencer({ table, clock, streams, wakeUps, settings, applier: applierOf(of, said), log, reserveMs });
  const ofHead = (head: Head): Sequencer<StreamEvent, Prepared | undefined> => sequencerOf(head, scopeToRead(head));
  const recovery = new Recovery({
    ...{ table, clock, log, streams, wakeUps, hooks, publishers, data, stale, openTo, settings, reserveMs },
    random: deps.random,
    state: deps.state,
    forgotten: deps.forgotten,
    applier: (head) => applierOf(head, scopeToRead(head)),
    sequencer: ofHead,
  });
  const staleReads = new StaleReads({
    ...{ clock, streams, stale, hooks, publishers, data, openTo, settings, reserveMs },
    sequencer: ofHead,
  });
  const pausedHooks = new PausedHooks({ streams, failedEvents, hooks, wakeUps, clock, reserveMs });
  const access = new CallbackAccess({ table, authenticator: deps.authenticator });
  return {
    receiver: new Receiver({
      clock,
      log,
      access,
      streams,
      wakeUps,
      recovery,
      publishers,
      sequencer: sequencerOf,
      settings,
    }),
    access,
    recovery,
    dueStreams: new DueStreams({
      clock,
      log,
      streams,
      wakeUps,
      recovery,
      pausedHooks,
      sequencer: ofHead,
      settings,
      purgeEnded: deps.purgeEnded,
    }),
    failedEvents,
    hooks,
    pausedHooks,
    streams,
    wakeUps,
    stale,
    staleReads,
  };
}

function scopeToRead(head: Head): Place | undefined {
  if (head.scope.target !== "properties" || head.granularity === "none") return undefined;
  return placeOf(head.scope);
}

const callLater: Later = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  return () => {
    clearTimeout(timer);
  };
};
