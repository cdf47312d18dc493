import { ActorStore } from "../actors/actor-store.ts";
import type { Application } from "../actors/application.ts";
import { PassphraseVerifier } from "../actors/passphrase.ts";
import { PassphraseGuesses } from "../actors/passphrase-guesses.ts";
import { compact } from "../system/compact.ts";
import { loadConfig, type Config } from "../system/config.ts";
import { printBigintsExactly } from "../domain/json/json-text.ts";
import { createTableClient } from "../dynamodb/client.ts";
import { environmentCredentials } from "../aws/environment-credentials.ts";
import { DocumentTable } from "../dynamodb/document-table.ts";
import { DueIndexTable } from "../dynamodb/keys/due-index.ts";
import type { Table } from "../dynamodb/table.ts";
import type { Gate } from "../http/access.ts";
import type { ServiceParties } from "../trust/callers.ts";
import { currentDeadline, currentTrace } from "../system/request-context.ts";
import { BUS_DROPPED } from "../system/metric-names.ts";
import { powertoolsLog } from "../system/log.ts";
import { PeerHttpClient } from "../peers/http/peer-http-client.ts";
import { platform } from "../system/platform.ts";
import type { BusEvent, EventBus, Log, PeerHttp, Platform, WorkQueue } from "../system/ports.ts";
import { EventBridgeBus, entryOf } from "../bus/event-bridge-bus.ts";
import { MemoryBus } from "../bus/memory-bus.ts";
import { NoBus } from "../bus/no-bus.ts";
import { SqsDelayQueue } from "../queue/sqs-delay-queue.ts";
import { RemoteActor, type RemoteOf } from "../peers/remote-actor.ts";
import { PermissionStore } from "../trust/permission-store.ts";
import { Authentication } from "../trust/authentication.ts";
import { TrustStore } from "../trust/trust-store.ts";

/** What comes from outside; tests pass their own. */
export interface Ports extends Platform {
  readonly config: Config;
  readonly table: Table;
  readonly http: PeerHttp;
  readonly queue: WorkQueue;
  readonly bus: EventBus;
  readonly log: Log;
}

/** The dependencies of every part of the service. */
export interface Runtime extends Ports {
  readonly application: Application;
  readonly actors: ActorStore;
  readonly trusts: TrustStore;
  /** The permissions of each peer. */
  readonly permissions: PermissionStore;
  /** The peer of a trust, called on behalf of the request that is being answered. */
  readonly remote: RemoteOf;
  readonly gate: Gate<ServiceParties>;
}

/** Puts the shared parts together over the given ports. */
export function composeRuntime(application: Application, given: Ports): Runtime {
  printBigintsExactly();
  const table = new DueIndexTable(given.table, given.config.dueShards);
  const ports = { ...given, table };
  const actors = new ActorStore(ports.table);
  const trusts = new TrustStore(ports.table);
  return {
    ...ports,
    application,
    actors,
    trusts,
    permissions: new PermissionStore(application.relationships),
    remote: ({ actorId, baseUri, secret }, deadline) =>
      new RemoteActor(
        compact({ http: ports.http, baseUri, bearer: secret, ourId: actorId, ...currentTrace(), deadline }),
      ),
    gate: new Authentication(actors, trusts, new PassphraseVerifier(), new PassphraseGuesses(ports)),
  };
}

/** The ports of a real instance: the environment's configuration, DynamoDB, SQS, the network. */
export function systemPorts(application: Application): Ports {
  const config = loadConfig(application.options);
  const client = createTableClient({
    region: config.region,
    credentials: environmentCredentials,
    ...compact({ endpoint: config.dynamodbEndpoint }),
  });
  const log = powertoolsLog("actingweb");
  return {
    ...platform,
    config,
    table: new DocumentTable({
      ...platform,
      client,
      tableName: config.tableName,
      remaining: () => currentDeadline()?.remaining(),
    }),
    http: new PeerHttpClient({ allowHttp: config.allowHttpPeers, allowPrivate: config.allowPrivatePeers }),
    queue: queueOf(config, log),
    bus: busOf(config, log),
    log,
  };
}

/** Where QUEUE_URL is missing: the sweep of another function finds all due work. */
const NO_QUEUE: WorkQueue = {
  send: () => Promise.resolve(),
  sendFound: (messages) => Promise.resolve(messages),
  depth: () => Promise.resolve({ waiting: 0, inFlight: 0 }),
};

/**
 * The queue's client is made with the first message, because most requests send none. Its module is imported at the start
 * all the same: what is imported later is bundled whole, and takes longer to start than it saves.
 */
function queueOf(config: Config, log: Log): WorkQueue {
  const { queueUrl, sqsEndpoint, region } = config;
  if (queueUrl === undefined) return NO_QUEUE;
  const options = {
    queueUrl,
    region,
    credentials: environmentCredentials,
    log,
    ...compact({ endpoint: sqsEndpoint }),
  };
  let queue: WorkQueue | undefined;
  const made = (): WorkQueue => (queue ??= new SqsDelayQueue(options));
  return {
    send: async (work, delaySeconds) => await made().send(work, delaySeconds),
    sendFound: async (messages) => await made().sendFound(messages),
    depth: async () => await made().depth(),
  };
}

type BusConfig = Pick<Config, "bus" | "eventBusName" | "region" | "onLambda">;

/** The transport that `BUS` names. Connections come with the first publication, so that it costs no start anything. */
export function busOf({ bus, eventBusName = "", region, onLambda }: BusConfig, log: Log): EventBus {
  if (bus === "none") return new NoBus();
  // The local stack's log shows a developer what EventBridge would be sent.
  if (bus === "memory") {
    const published = (_: string, event: BusEvent): void => log.info("event bus", entryOf(event));
    const dropped = (pattern: string, count: number): void => log.warn(BUS_DROPPED, { pattern, dropped: count });
    return new MemoryBus({ dropped, ...(!onLambda && { published }) });
  }
  return new EventBridgeBus({ busName: eventBusName, region, credentials: environmentCredentials, log, ...platform });
}
