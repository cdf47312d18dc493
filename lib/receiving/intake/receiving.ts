/** The receiving side put together: one engine per instance, over the ports it is given. */
import { placeOf } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { After, Clock, DelayQueue, Ids, Json, Log } from "../../system/ports.ts";
import { CallbackAccess } from "./callback-access.ts";
import type { Authenticator } from "./callback-access.ts";
import { DueStreams } from "../recovery/due-streams.ts";
import type { DueStreamsDeps } from "../recovery/due-streams.ts";
import type { Head } from "../stream/head.ts";
import { resumeHooks } from "../hooks/resume-hooks.ts";
import type { HookEvent, HookRunner } from "../hooks/hook-event.ts";
import { HookRuns } from "../hooks/hook-runs.ts";
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
import type { StreamSettings } from "../stream/stream-store.ts";

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
  /** The hooks' time limit. */
  readonly after: After;
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
  readonly resumeHooks: DueStreamsDeps["resumeHooks"];
  readonly streams: StreamStore;
  readonly wakeUps: WakeUps;
  readonly stale: StaleParts;
  readonly staleReads: StaleReads;
}

/** What storing one event may take besides its hook, ms: a few requests, with the client's own repetitions. */
const STORE_RESERVE_MS = 4_000;

/** The records of streams, and the messages that bring their due work forward. */
export function createStreams(
  deps: Pick<ReceivingDeps, "table" | "clock" | "ids" | "log" | "queue"> & { readonly settings: StreamSettings },
): Pick<Receiving, "streams" | "wakeUps"> {
  const wakeUps = new WakeUps(deps);
  return { wakeUps, streams: new StreamStore({ ...deps, wake: async (head) => await wakeUps.schedule(head) }) };
}

/** Builds the engine. Nothing is read or sent by it. */
export function createReceiving(deps: ReceivingDeps, { streams, wakeUps } = createStreams(deps)): Receiving {
  const { table, clock, ids, log, settings, publishers, data, openTo } = deps;
  const failedEvents = new FailedEventStore(table);
  const reserveMs = settings.hookTimeoutMs + STORE_RESERVE_MS;
  const hooks = new HookRuns({
    ...{ runner: deps.runner, failedEvents, wakeUps, clock, ids, log },
    state: deps.state,
    random: deps.random,
    after: deps.after,
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
  const resumeDeps = { streams, failedEvents, hooks, wakeUps, clock, reserveMs };
  const resume: Receiving["resumeHooks"] = async (...resumed) => await resumeHooks(resumeDeps, ...resumed);
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
      resumeHooks: resume,
      sequencer: ofHead,
      settings,
      purgeEnded: deps.purgeEnded,
    }),
    failedEvents,
    hooks,
    resumeHooks: resume,
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
