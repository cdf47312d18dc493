/** Everything the functions need, put together over one runtime. */
import { runHook, type SubscriptionLifecycle } from "../actors/application.ts";
import type { ActingWebApp } from "../application/acting-web-app.ts";
import { Actor } from "../application/actor.ts";
import { StateHooks } from "../application/state-hooks.ts";
import { ActorDeletion } from "../operations/deletion.ts";
import { TopicStates } from "../listeners/websub/topic-states.ts";
import { InboundReading } from "../publishing/snapshots/inbound-reading.ts";
import type { PositionedReadsDeps } from "../publishing/snapshots/positioned-reads.ts";
import { readSnapshot, type SnapshotDeps } from "../publishing/snapshots/state-snapshot.ts";
import type { RunDue } from "../scheduler/due-work.ts";
import { Sweep } from "../scheduler/sweep.ts";
import { rootUri, type TrustServices } from "../trust/trust-services.ts";
import { composeDueWork } from "./due-work.ts";
import { composeGroups, composeRootGroups, composeWebhooks } from "./listeners.ts";
import type { Groups } from "../listeners/groups/groups.ts";
import type { RootGroups } from "../listeners/groups/root-groups.ts";
import type { Webhooks } from "../listeners/webhooks/webhooks.ts";
import { composePublishing, type PublishingServices } from "./publishing.ts";
import { composeReceiving, type ReceivingServices } from "./receiving.ts";
import { composeRuntime, systemPorts, type Ports, type Runtime } from "./runtime.ts";
import { composeTrust } from "./trust.ts";

export interface Service extends Runtime, ReceivingServices, PublishingServices {
  readonly app: ActingWebApp;
  readonly trust: TrustServices;
  readonly deletion: ActorDeletion;
  readonly runDue: RunDue;
  readonly sweep: Sweep;
  readonly stateHooks: StateHooks;
  readonly topicStates: TopicStates;
  readonly inboundReading: InboundReading;
  readonly positioned: PositionedReadsDeps;
  readonly actorOf: (actorId: string) => Actor;
  readonly webhooks: Webhooks;
  readonly groups: Groups;
  readonly rootGroups: RootGroups;
}

/** Puts the service together over the given ports. Each part is made from those before it. */
export function composeService(app: ActingWebApp, ports: Ports): Service {
  const base = composeRuntime(app, ports);
  const { table, config, log } = base;
  const lifecycle: SubscriptionLifecycle = async (name, event) =>
    await runHook(log, name, async () => await app.runSubscriptionHook(name, event));
  const receiving = composeReceiving(base, app, lifecycle);
  const publishing = composePublishing(base, app, lifecycle);
  const trust = composeTrust(base, receiving, publishing);

  const actorServices = { ...base, ...receiving, ...publishing, trust };
  const actorOf = (actorId: string): Actor => new Actor(actorId, actorServices);
  app.bind(actorOf, base.bus);

  const { changeLog, properties, cursors } = publishing;
  const stateHooks = new StateHooks({ ...base, app, actorOf, timeoutMs: config.hookTimeoutSeconds * 1_000 });
  const topicStates = new TopicStates({ table, properties, ownTargets: stateHooks });
  const hub = { ...base, topicStates, incarnation: config.incarnation };
  const snapshotDeps: SnapshotDeps = {
    table,
    log: changeLog,
    properties,
    ownTarget: async (actorId, peerId, scope) => await stateHooks.text(actorId, peerId, scope),
  };
  const inboundReading = new InboundReading({
    cursors,
    permissions: publishing.permissionsOf,
    snapshot: async (actorId, of, reads) => await readSnapshot(snapshotDeps, actorId, of, reads),
    rootOf: (actorId) => rootUri(config, actorId),
  });
  const rootGroups = composeRootGroups(base, publishing);
  const deletion = new ActorDeletion({
    ...base,
    trust,
    leaveGroups: async (actorId) => await rootGroups.leave(actorId),
    removePeerData: async (actorId, peerId) => await receiving.store(actorId, peerId).deleteAll(),
  });
  const webhooks = composeWebhooks(base, publishing);
  const groups = composeGroups(base, publishing);
  return {
    ...actorServices,
    webhooks,
    groups,
    rootGroups,
    app,
    deletion,
    runDue: composeDueWork({ ...actorServices, webhooks, groups, rootGroups, deletion, hub }),
    sweep: new Sweep({ ...base, dueShards: config.dueShards }),
    stateHooks,
    topicStates,
    inboundReading,
    positioned: { table, log: changeLog, properties, positions: cursors },
    actorOf,
  };
}

let shared: Service | undefined;

/** The service of this instance, made at the first call. @throws ConfigError when the environment is not usable */
export function service(app: ActingWebApp): Service {
  shared ??= composeService(app, systemPorts(app));
  return shared;
}
