/** The receiving side put together over the ports it is given. */
import type { After, DelayQueue, Ids } from "../../system/ports.ts";
import { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { HookRunner } from "../../failed-events/hook-event.ts";
import { HookRuns } from "../../failed-events/hook-runs.ts";
import { hookPauses } from "../hooks/hook-pauses.ts";
import type { ReceivingPorts, RecoveryDeps, RecoverySettings } from "../recovery/recovery-settings.ts";
import { StaleReads } from "../recovery/stale-reads.ts";
import { Sequencer } from "../stream/sequencer.ts";
import { StaleParts } from "../stream/stale-parts.ts";
import { StreamStore, type StreamSettings } from "../stream/stream-store.ts";
import { wakeStreamBy } from "../stream/wake-stream.ts";
import { CallbackAccess, type Authenticator } from "./callback-access.ts";
import { SubscriptionApplier } from "./subscription-applier.ts";

export interface ReceivingSettings extends RecoverySettings {
  readonly nestedDiffs: "merge" | "replace";
  readonly hookTimeoutMs: number;
}

export interface ReceivingDeps extends ReceivingPorts {
  readonly ids: Ids;
  readonly queue: DelayQueue;
  /** The hooks' time limit. */
  readonly after: After;
  readonly runner: HookRunner;
  readonly authenticator: Authenticator;
  readonly settings: ReceivingSettings;
  /** The deployment's `LOG_EPOCH`. */
  readonly logEpoch: number;
}

/**
 * The engine: what `receiveCallback`, `recoverStream`, `runDueStream` and the parts beside them work with. One for each
 * instance of the service; the engine has no state of its own.
 */
export interface Receiving extends RecoveryDeps {
  readonly access: CallbackAccess;
  readonly staleReads: StaleReads;
}

/** The time that storing one event may take besides its hook, ms: a few requests, with the client's own repetitions. */
const STORE_RESERVE_MS = 4_000;

/** The records of streams, and the messages that bring their due work forward. */
export function createStreams(
  deps: Pick<ReceivingDeps, "table" | "clock" | "ids" | "log" | "queue"> & { readonly settings: StreamSettings },
): Pick<Receiving, "streams" | "wake"> {
  const wake = wakeStreamBy(deps);
  return { wake, streams: new StreamStore({ ...deps, wake }) };
}

/** Builds the engine. Makes no request. */
export function createReceiving(deps: ReceivingDeps, streaming = createStreams(deps)): Receiving {
  const { table, settings } = deps;
  const reserveMs = settings.hookTimeoutMs + STORE_RESERVE_MS;
  const maxAttempts = settings.hookMaxAttempts;
  const { streams, wake } = streaming;
  const failedEvents = new FailedEventStore({ ...deps, epoch: deps.logEpoch, source: hookPauses(table) });
  const hooks = new HookRuns({
    ...deps,
    failedEvents,
    settings: { maxAttempts, timeoutMs: settings.hookTimeoutMs },
  });
  const stale = new StaleParts({ ...deps, wake, maxAttempts });
  const applier = new SubscriptionApplier({ ...deps, streams, hooks, stale });
  const sequencer = new Sequencer({ ...deps, streams, wake, applier, reserveMs });
  const recovery = { ...deps, streams, wake, failedEvents, hooks, stale, applier, sequencer, reserveMs };
  const access = new CallbackAccess(deps);
  return { ...recovery, access, staleReads: new StaleReads(recovery) };
}
