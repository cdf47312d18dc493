/** The hooks of the application on actors' own events, put together over one runtime. */
import type { ActingWebApp } from "../application/acting-web-app.ts";
import type { ChangeLog } from "../change-log/change-log.ts";
import type { Commits } from "../change-log/log-commits.ts";
import { FailedEventStore } from "../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../failed-events/hook-event.ts";
import { HookRuns } from "../failed-events/hook-runs.ts";
import { EventHookListener } from "../listeners/event-hooks/event-hook-listener.ts";
import { EventHookWay } from "../listeners/event-hooks/event-hook-way.ts";
import { eventHookPauses, eventHookRunner } from "../listeners/event-hooks/failed-own-events.ts";
import { rootUri } from "../trust/trust-services.ts";
import type { Runtime } from "./runtime.ts";
import { DAY_MS } from "../system/units.ts";

export interface EventHookServices {
  readonly listener: EventHookListener;
  /** Events that hooks gave up, and another attempt at one. */
  readonly failedEvents: FailedEventStore<ListenerEvent>;
  readonly hooks: HookRuns<ListenerEvent>;
}

export function composeEventHooks(
  base: Runtime,
  app: ActingWebApp,
  { changeLog, unpublished }: { readonly changeLog: ChangeLog; readonly unpublished: Commits },
): EventHookServices {
  const { table, clock, ids, config } = base;
  const failedEvents = new FailedEventStore<ListenerEvent>({
    table,
    clock,
    epoch: config.logEpoch,
    source: eventHookPauses(table, ids),
  });
  const settings = { maxAttempts: config.hookMaxAttempts, timeoutMs: config.hookTimeoutSeconds * 1_000 };
  return {
    failedEvents,
    hooks: new HookRuns<ListenerEvent>({ ...base, runner: eventHookRunner(app), failedEvents, settings }),
    listener: new EventHookListener({
      ...base,
      runner: app,
      way: new EventHookWay({ ...base, runner: app, rootOf: (actorId) => rootUri(config, actorId) }),
      changeLog,
      commits: unpublished,
      failedEvents,
      incarnation: config.incarnation,
      keepMs: config.parkedKeepDays * DAY_MS,
      settings: { ...settings, epoch: config.logEpoch, retentionMs: config.diffRetentionDays * DAY_MS },
    }),
  };
}
