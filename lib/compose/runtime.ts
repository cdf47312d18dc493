import { ActorStore } from "../actors/actor-store.ts";
import type { Application } from "../actors/application.ts";
import { PassphraseVerifier } from "../actors/passphrase.ts";
import { PassphraseGuesses } from "../actors/passphrase-guesses.ts";
import { systemClock } from "../system/clock.ts";
import { compact } from "../system/compact.ts";
import { loadConfig } from "../system/config.ts";
import type { Config } from "../system/config.ts";
import { printBigintsExactly } from "../domain/json/json-text.ts";
import { createDocumentClient } from "../dynamodb/client.ts";
import { environmentCredentials } from "../dynamodb/environment-credentials.ts";
import { DocumentTable } from "../dynamodb/document-table.ts";
import type { Table } from "../dynamodb/table.ts";
import type { Gate } from "../http/access.ts";
import type { ServiceParties } from "../trust/callers.ts";
import { currentDeadline } from "../system/request-context.ts";
import { randomIds } from "../system/ids.ts";
import { powertoolsLog } from "../system/log.ts";
import { PeerHttpClient } from "../peers/http/peer-http-client.ts";
import type { Clock, DelayQueue, Ids, Log, PeerHttp } from "../system/ports.ts";
import { SqsDelayQueue } from "../queue/sqs-delay-queue.ts";
import { Authentication } from "../trust/authentication.ts";
import { TrustStore } from "../trust/trust-store.ts";

/** What comes from outside; tests pass their own. */
export interface Ports {
  readonly config: Config;
  readonly table: Table;
  readonly http: PeerHttp;
  readonly queue: DelayQueue;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
}

/** Everything the functions share, made once per instance. */
export interface Runtime extends Ports {
  readonly application: Application;
  readonly actors: ActorStore;
  readonly trusts: TrustStore;
  readonly gate: Gate<ServiceParties>;
}

/** Puts the shared parts together over the given ports. */
export function composeRuntime(application: Application, ports: Ports): Runtime {
  printBigintsExactly();
  const actors = new ActorStore(ports.table);
  const trusts = new TrustStore(ports.table);
  const gate = new Authentication(actors, trusts, new PassphraseVerifier(), new PassphraseGuesses(ports));
  return { ...ports, application, actors, trusts, gate };
}

let shared: Runtime | undefined;

/**
 * The runtime of this instance, made at the first call: configuration, table, peer client, queue, clock, ids and log.
 * @throws ConfigError when the environment is not usable
 */
export function runtime(application: Application): Runtime {
  shared ??= composeRuntime(application, systemPorts(application));
  return shared;
}

/** The ports of a real instance: the environment's configuration, DynamoDB, SQS, the network. */
export function systemPorts(application: Application): Ports {
  const config = loadConfig(application.options);
  const client = createDocumentClient({
    region: config.region,
    credentials: environmentCredentials,
    ...compact({ endpoint: config.dynamodbEndpoint }),
  });
  return {
    config,
    table: new DocumentTable({
      client,
      tableName: config.tableName,
      remaining: () => currentDeadline()?.remaining(),
    }),
    http: new PeerHttpClient({ allowHttp: config.allowHttpPeers, allowPrivate: config.allowPrivatePeers }),
    queue: queueOf(config),
    clock: systemClock,
    ids: randomIds,
    log: powertoolsLog("actingweb"),
  };
}

/**
 * The queue is made when the first message is sent: most requests send none. Its import is not put off as well: what is
 * loaded late bundles whole and takes longer to start than it spares.
 */
function queueOf(config: Config): DelayQueue {
  const { queueUrl, sqsEndpoint, region } = config;
  // Without a queue the sweep does all.
  if (queueUrl === undefined) return { send: () => Promise.resolve() };
  const options = {
    queueUrl,
    region,
    credentials: environmentCredentials,
    ...compact({ endpoint: sqsEndpoint }),
  };
  let queue: DelayQueue | undefined;
  return {
    async send(work, delaySeconds) {
      queue ??= new SqsDelayQueue(options);
      await queue.send(work, delaySeconds);
    },
  };
}
