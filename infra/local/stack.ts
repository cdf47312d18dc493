import { compact } from "../../lib/system/compact.ts";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readConfig, variableNames } from "../../lib/system/config.ts";
import { STACK_VARIABLES } from "../stack-variables.ts";
import { LOCAL_CREDENTIALS } from "./credentials.ts";
import { startDelayQueue, type DelayQueue } from "./delay-queue.ts";
import { startEmulator } from "./emulator.ts";
import { checkLayout, markLayout } from "./layout.ts";
import { inProcess, WorkerFunction, type Handler, type LocalFunction } from "./functions.ts";
import { startGateway } from "./gateway.ts";
import { startSchedule } from "./schedule.ts";
import { prepareTable } from "./table.ts";
import { readTemplates, resolve, type FunctionDefinition, type Service, type Template } from "./template.ts";

export interface LocalStackOptions {
  /** The gateway's port; 0 [default] takes any free one. */
  readonly port?: number;
  /** A loopback address [127.0.0.1]. */
  readonly host?: string;
  /** The folder that keeps all data between runs, or `:memory:` [default]. */
  readonly dataDir?: string;
  /** Operator variables, and DYNAMODB_ENDPOINT, QUEUE_DISABLED, SWEEP_INTERVAL_SECONDS. This process' own environment is ignored. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Handlers by function that run in this process instead of the bundles; they see this process' environment. */
  readonly handlers?: Readonly<Record<string, Handler>>;
  /** The folder with the bundles and `template/` [dist]. */
  readonly dist?: string;
  /** Writes one line of the log [to the standard error]. */
  readonly log?: (line: string) => void;
}

export interface LocalStack {
  /** The gateway's origin, which is the default of BASE_URL. */
  readonly url: string;
  /** DynamoDB's endpoint. */
  readonly endpoint: string;
  readonly tableName: string;
  readonly queueUrl: string | undefined;
  /** Runs the sweep now, or joins the one under way. Rejects when it failed. */
  runSweep(): Promise<void>;
  /** Delivers the delayed messages that are due, and resolves when their deliveries have ended. */
  deliverDue(): Promise<void>;
  /** Removes what TTL says has ended; returns how many items. */
  expire(now?: number): Promise<number>;
  /** Stops accepting, finishes what is in flight, and lets go of the folder. */
  close(): Promise<void>;
}

/** The stack cannot start: what happened, why, and what to do about it. */
export class CannotStart extends Error {
  override readonly name = "CannotStart";
}

const TABLE_NAME = "actingweb";
const SWEEP_INTERVAL_SECONDS = 60;
/** Operator variables whose default is another here than on AWS. */
const LOCAL_DEFAULTS = {
  ACTOR_CREATION: "open",
  DUE_SHARDS: "4",
  ALLOW_HTTP_PEERS: "true",
  ALLOW_PRIVATE_PEERS: "true",
  CALLBACK_MODE: "async",
} as const;
/** The only transport of the event bus here: its events appear in the log. EventBridge is out of reach. */
const LOCAL_BUS = "memory";
const FROM_THIS_PROCESS = ["PATH", "TMPDIR", "TZ", "NODE_COMPILE_CACHE"] as const;
/** Used only with an endpoint other than the embedded emulator's. */
const AWS_ACCESS = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;

/**
 * Starts the whole service in this process, on loopback: gateway, functions, table, delay queue and schedule, from the
 * synthesized templates. Resolves when the service answers requests.
 *
 * @throws CannotStart, FolderUnusable, ConfigError; a system error when the port is taken
 */
export async function startLocalStack(options: LocalStackOptions = {}): Promise<LocalStack> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await start(options, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(options: LocalStackOptions, closers: (() => Promise<void>)[]): Promise<Omit<LocalStack, "close">> {
  const log = options.log ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const { port = 0, host = "127.0.0.1", dataDir = ":memory:", environment = {} } = options;
  const dist = options.dist ?? fileURLToPath(new URL("../../dist/", import.meta.url));
  const [data, api] = [readTemplate(dist, "data"), readTemplate(dist, "api")] as const;
  const service = readTemplates(data, api);
  const operator = operatorVariables(environment);
  const known = { TABLE_NAME, EVENT_BUS_NAME: "none here" };
  readConfig({ BASE_URL: "http://stands.for.the.own", ...operator, ...known });

  const functions = new Map<string, LocalFunction>();
  const timeouts = new Map(service.functions.map((definition) => [definition.name, definition.timeoutMs]));
  const invoke = (name: string, event: object): Promise<unknown> => {
    const found = functions.get(name);
    return found
      ? found.invoke(event, timeouts.get(name) ?? 30_000)
      : Promise.reject(new Error(`The function ${name} is not built.`));
  };

  const ownEndpoint = environment["DYNAMODB_ENDPOINT"];
  if (!ownEndpoint) checkLayout(dataDir);
  const emulator = ownEndpoint ? undefined : await startEmulator({ dataDir: inside(dataDir, "table"), log });
  if (emulator) {
    closers.push(() => emulator.close());
    markLayout(dataDir);
  }
  const endpoint = emulator?.endpoint ?? ownEndpoint ?? "";
  await prepareTable(service, TABLE_NAME, emulator ?? endpoint);

  const queue = await startQueue(service, dataDir, environment, invoke, log);
  if (queue) closers.push(() => queue.close());
  closers.push(async () => {
    await Promise.all([...functions.values()].map((one) => one.close()));
  });
  if (queue) closers.push(() => queue.stop());

  const started = Promise.withResolvers<undefined>();
  const gateway = await startGateway({
    routes: service.routes,
    host,
    port,
    log,
    // The gateway listens first, because the functions' BASE_URL contains its port.
    invoke: (name, event) => started.promise.then(() => invoke(name, event)),
  });
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${gateway.port}`;
  const queueUrl = queue?.queueUrl;
  const places = { tableName: TABLE_NAME, queueUrl, baseUrl: operator["BASE_URL"] ?? url };
  // No other process can have the embedded table open, so a lease of another start is that of a dead process. A table at
  // another endpoint may be shared: there a lease ends with its time.
  const incarnation = emulator ? `local-${randomUUID()}` : "shared";
  const environmentOf = (definition: FunctionDefinition): Record<string, string> => {
    const fromTemplate = Object.entries(definition.environment).map(([name, value]) => [
      name,
      resolve(value, places, data, api),
    ]);
    return {
      ...(Object.fromEntries(fromTemplate) as Record<string, string>),
      ...LOCAL_DEFAULTS,
      ...operator,
      ...surroundings(environment),
      DYNAMODB_ENDPOINT: endpoint,
      INCARNATION: incarnation,
      ...(operator["BUS"] !== "none" && { BUS: LOCAL_BUS }),
      ...compact({ SQS_ENDPOINT: queue?.endpoint }),
    };
  };
  try {
    await startFunctions(service, options.handlers ?? {}, dist, environmentOf, functions, log);
  } catch (error) {
    await gateway.close();
    throw error;
  }
  const schedule = startSchedule({
    intervalMs: sweepSeconds(environment) * 1000,
    invoke: (event) => (service.scheduled === undefined ? Promise.resolve() : invoke(service.scheduled, event)),
    log,
  });
  closers.push(() => schedule.close());
  closers.push(async () => {
    for (const one of functions.values()) one.hurry();
    await gateway.close();
  });
  started.resolve(undefined);
  return {
    url,
    endpoint,
    tableName: TABLE_NAME,
    queueUrl,
    runSweep: async () => {
      await schedule.run();
      await queue?.deliver();
    },
    deliverDue: () => queue?.deliver() ?? Promise.resolve(),
    expire: (now) => emulator?.expire(now) ?? Promise.resolve(0),
  };
}

const inside = (dataDir: string, name: string): string => (dataDir === ":memory:" ? dataDir : join(dataDir, name));

function readTemplate(dist: string, name: "data" | "api"): Template {
  const file = join(dist, "template", `${name}.template.json`);
  if (!existsSync(file)) {
    throw new CannotStart(
      `${file} is missing, so the routes are not known: nothing was built yet. Run \`npm run build\`.`,
    );
  }
  return JSON.parse(readFileSync(file, "utf8")) as Template;
}

/** The operator's variables. An empty variable counts as absent. */
function operatorVariables(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given: Record<string, string> = {};
  const ours: readonly string[] = STACK_VARIABLES;
  for (const name of variableNames) {
    const value = environment[name];
    if (!ours.includes(name) && value !== undefined && value !== "") given[name] = value;
  }
  return given;
}

/** The variables that Lambda puts into every function's environment, as far as functions use them, and where Node finds its files. */
function surroundings(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const elsewhere = environment["DYNAMODB_ENDPOINT"]
    ? AWS_ACCESS.map((name) => [name, environment[name]] as const)
    : [];
  const given = [...FROM_THIS_PROCESS.map((name) => [name, process.env[name]] as const), ...elsewhere];
  return {
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
    ...definedOf(given),
  };
}

function definedOf(pairs: readonly (readonly [string, string | undefined])[]): Record<string, string> {
  return Object.fromEntries(pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function sweepSeconds(environment: Readonly<Record<string, string | undefined>>): number {
  const given = environment["SWEEP_INTERVAL_SECONDS"] ?? "";
  const seconds = given === "" ? SWEEP_INTERVAL_SECONDS : Number(given);
  if (seconds >= 0.1 && seconds <= 86_400) return seconds;
  throw new CannotStart(`SWEEP_INTERVAL_SECONDS is ${JSON.stringify(given)}; allowed is a number from 0.1 to 86400.`);
}

async function startQueue(
  service: Service,
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
  invoke: (name: string, event: object) => Promise<unknown>,
  log: (line: string) => void,
): Promise<DelayQueue | undefined> {
  const { queue } = service;
  if (!queue) return undefined;
  return startDelayQueue({
    name: queue.logicalId,
    file: dataDir === ":memory:" ? undefined : join(dataDir, "queue.jsonl"),
    visibilitySeconds: queue.visibilitySeconds,
    maxReceives: queue.maxReceives,
    batchSize: queue.batchSize,
    concurrency: queue.concurrency,
    consume: (event) => invoke(queue.consumer, event),
    disabled: ["1", "true"].includes(environment["QUEUE_DISABLED"] ?? ""),
    log,
  });
}

async function startFunctions(
  service: Service,
  handlers: Readonly<Record<string, Handler>>,
  dist: string,
  environmentOf: (definition: FunctionDefinition) => Record<string, string>,
  functions: Map<string, LocalFunction>,
  log: (line: string) => void,
): Promise<void> {
  const [first] = service.routes;
  for (const definition of service.functions) {
    const { name } = definition;
    const handler = handlers[name];
    const file = join(dist, name, "index.mjs");
    if (handler) {
      functions.set(name, inProcess(name, handler));
    } else if (existsSync(file)) {
      const worker = new WorkerFunction({ name, file, environment: environmentOf(definition), log });
      functions.set(name, worker);
      // One shows whether the app can be loaded; the others are started by their first events.
      if (name === first?.functionName) await worker.start();
    } else {
      log(`The function ${name} is not built; what it serves answers 500.`);
    }
  }
}
