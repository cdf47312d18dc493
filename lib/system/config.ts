import { compact } from "./compact.ts";
import * as z from "zod/mini";

/** What the deployer's code says; the environment goes before it. */
export interface CodeOptions {
  readonly autoSequence?: boolean;
  readonly autoStorage?: boolean;
  readonly autoCleanup?: boolean;
  readonly gapTimeoutSeconds?: number;
  readonly maxPending?: number;
  /** Deliveries are awaited before an answer goes out; false: they go on behind it, which Lambda cannot do. */
  readonly syncCallbacks?: boolean;
}

/** Everything the service is told from outside, checked. Times are in the unit that the name ends with. */
export interface Config {
  /** What root URIs begin with; without a slash at the end. */
  readonly baseUrl: string;
  readonly tableName: string;
  /** Absent where a function has no queue: the sweep is enough. */
  readonly queueUrl?: string;
  readonly dynamodbEndpoint?: string;
  readonly sqsEndpoint?: string;
  /** Leases of another incarnation are those of a dead process. */
  readonly incarnation: string;
  readonly onLambda: boolean;
  /** Lambda sets it; a local endpoint takes any. */
  readonly region: string;
  readonly gapTimeoutSeconds: number;
  readonly maxPending: number;
  readonly autoSequence: boolean;
  readonly autoStorage: boolean;
  readonly autoCleanup: boolean;
  readonly callbackSuccessStatus: 201 | 204;
  readonly nestedDiffs: "merge" | "replace";
  readonly hookMaxAttempts: number;
  readonly hookTimeoutSeconds: number;
  /** 0 is off. */
  readonly reconcileIntervalSeconds: number;
  readonly callbackMode: "sync" | "async";
  readonly maxConcurrentDeliveries: number;
  readonly deliveryTimeoutSeconds: number;
  /** The same for a `FanOutManager` that was given none: an application's own deliveries may take longer by default. */
  readonly fanOutTimeoutSeconds: number;
  readonly deliveryRetries: number;
  readonly breakerFailureThreshold: number;
  readonly breakerRecoverySeconds: number;
  readonly backlogReplayMax: number;
  readonly deliveredKeepSeconds: number;
  readonly diffRetentionDays: number;
  /** Callbacks over 1 KiB go out compressed to peers that say they undo it. */
  readonly callbackGzip: boolean;
  readonly actorCreation: "open" | "token" | "closed";
  /** A secret. Set when `actorCreation` is `token`. */
  readonly actorCreationToken?: string;
  /** Relationships. */
  readonly trustAutoApprove: readonly string[];
  readonly autoDeleteOnRevocation: boolean;
  /** A subscription that its publisher has forgotten is made again there. */
  readonly resubscribe: boolean;
  readonly allowHttpPeers: boolean;
  readonly allowPrivatePeers: boolean;
}

/** One variable: how its text is read, and what to tell the operator when it cannot be. */
interface Variable<T> {
  readonly schema: z.ZodMiniType<T, string>;
  readonly allowed: string;
  readonly secret?: boolean;
}

/** Plain decimal digits only: `1e3`, `0x10`, `Infinity` and blanks are more likely slips than intended. */
const DECIMAL = /^-?\d+(\.\d+)?$/;

const number = (least: number, most: number, whole: boolean): Variable<number> => ({
  schema: z.pipe(
    z.pipe(z.string().check(z.regex(DECIMAL)), z.transform(Number)),
    (whole ? z.int() : z.number()).check(z.minimum(least), z.maximum(most)),
  ),
  allowed: `a ${whole ? "whole " : ""}number from ${String(least)} to ${String(most)}`,
});
const whole = (least: number, most: number): Variable<number> => number(least, most, true);
const decimal = (least: number, most: number): Variable<number> => number(least, most, false);

function oneOf<const T extends string>(...values: readonly T[]): Variable<T> {
  return { schema: z.enum(values as [T, ...T[]]), allowed: values.join(" or ") };
}

const trueOrFalse: Variable<boolean> = {
  schema: z.pipe(
    z.enum(["true", "false"]),
    z.transform((text) => text === "true"),
  ),
  allowed: "true or false",
};

const text: Variable<string> = { schema: z.string().check(z.minLength(1)), allowed: "a text that is not empty" };

const isHttpUrl = (value: string): boolean => {
  const url = URL.parse(value);
  return url !== null && ["http:", "https:"].includes(url.protocol) && url.search === "" && url.hash === "";
};

const httpUrl: Variable<string> = {
  schema: z.pipe(
    z.string().check(z.refine(isHttpUrl)),
    z.transform((value) => value.replace(/\/+$/, "")),
  ),
  allowed: "an http or https URL without query or fragment",
};

const relationships: Variable<readonly string[]> = {
  schema: z.pipe(
    z.pipe(
      z.string(),
      z.transform((value) => value.split(",").map((name) => name.trim())),
    ),
    z.array(z.string().check(z.regex(/^[A-Za-z0-9._~-]{1,128}$/))),
  ),
  allowed: "relationships with commas between them, each 1 to 128 of A-Z a-z 0-9 . _ ~ -",
};

/** Every variable the service reads. Ranges and defaults are those of the wire contract's list. */
const VARIABLES = {
  BASE_URL: httpUrl,
  TABLE_NAME: text,
  QUEUE_URL: httpUrl,
  DYNAMODB_ENDPOINT: httpUrl,
  SQS_ENDPOINT: httpUrl,
  INCARNATION: text,
  AWS_LAMBDA_FUNCTION_NAME: text,
  GAP_TIMEOUT_SECONDS: decimal(0.1, 3600),
  MAX_PENDING: whole(1, 1000),
  AUTO_SEQUENCE: trueOrFalse,
  AUTO_STORAGE: trueOrFalse,
  AUTO_CLEANUP: trueOrFalse,
  CALLBACK_SUCCESS_STATUS: oneOf("201", "204"),
  NESTED_DIFFS: oneOf("merge", "replace"),
  HOOK_MAX_ATTEMPTS: whole(1, 100),
  HOOK_TIMEOUT_SECONDS: decimal(0.1, 25),
  RECONCILE_INTERVAL_SECONDS: decimal(0, 604_800),
  CALLBACK_MODE: oneOf("sync", "async"),
  MAX_CONCURRENT_DELIVERIES: whole(1, 100),
  DELIVERY_TIMEOUT_SECONDS: decimal(0.5, 29),
  DELIVERY_RETRIES: whole(0, 10),
  BREAKER_FAILURE_THRESHOLD: whole(1, 100),
  BREAKER_RECOVERY_SECONDS: decimal(1, 3600),
  BACKLOG_REPLAY_MAX: whole(1, 1000),
  DELIVERED_KEEP_SECONDS: decimal(0, 86_400),
  DIFF_RETENTION_DAYS: decimal(1, 365),
  CALLBACK_GZIP: trueOrFalse,
  ACTOR_CREATION: oneOf("open", "token", "closed"),
  ACTOR_CREATION_TOKEN: { ...text, secret: true },
  TRUST_AUTO_APPROVE: relationships,
  AUTO_DELETE_ON_REVOCATION: trueOrFalse,
  RESUBSCRIBE: trueOrFalse,
  ALLOW_HTTP_PEERS: trueOrFalse,
  ALLOW_PRIVATE_PEERS: trueOrFalse,
} as const satisfies Readonly<Record<string, Variable<unknown>>>;

type Name = keyof typeof VARIABLES;
type Value<N extends Name> = z.output<(typeof VARIABLES)[N]["schema"]>;

/** The names of every variable the service reads, for those who pass them on to the functions. */
export const variableNames = Object.keys(VARIABLES) as readonly Name[];

/** Every fault of the configuration in one message, so that one look is enough to mend them all. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `- ${fault}`).join("\n")}`);
    this.faults = faults;
  }
}

/** What is wrong with an option of the code, by the rule of its variable; undefined when nothing is. */
export function codeFault(name: Name, option: string, value: boolean | number | undefined): string | undefined {
  if (value === undefined) return undefined;
  const variable: Variable<unknown> = VARIABLES[name];
  if (typeof value !== "string" && variable.schema.safeParse(String(value)).success) return undefined;
  return `the option ${option} is ${String(value)}; allowed is ${variable.allowed}.`;
}

/**
 * Reads and checks the configuration: environment, then code, then default. An empty variable counts as absent.
 * @throws ConfigError which names every variable at fault, its value (a secret's never) and what is allowed.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>, code: CodeOptions = {}): Config {
  const faults: string[] = [];
  const read = <N extends Name>(name: N): Value<N> | undefined => {
    const given = environment[name];
    if (given === undefined || given === "") return undefined;
    const variable: Variable<unknown> = VARIABLES[name];
    const parsed = variable.schema.safeParse(given);
    if (parsed.success) return parsed.data as Value<N>;
    const shown = variable.secret === true ? "(hidden)" : JSON.stringify(given);
    faults.push(`${name} is ${shown}; allowed is ${variable.allowed}.`);
    return undefined;
  };
  const demand = (name: "BASE_URL" | "TABLE_NAME"): string => {
    const before = faults.length;
    const value = read(name);
    if (value === undefined && faults.length === before) {
      faults.push(`${name} is missing; allowed is ${VARIABLES[name].allowed}.`);
    }
    return value ?? "";
  };
  for (const fault of [
    codeFault("AUTO_SEQUENCE", "autoSequence", code.autoSequence),
    codeFault("AUTO_STORAGE", "autoStorage", code.autoStorage),
    codeFault("AUTO_CLEANUP", "autoCleanup", code.autoCleanup),
    codeFault("GAP_TIMEOUT_SECONDS", "gapTimeoutSeconds", code.gapTimeoutSeconds),
    codeFault("MAX_PENDING", "maxPending", code.maxPending),
  ]) {
    if (fault !== undefined) faults.push(fault);
  }

  const deliveryTimeoutSeconds = read("DELIVERY_TIMEOUT_SECONDS");
  const queueUrl = read("QUEUE_URL");
  const dynamodbEndpoint = read("DYNAMODB_ENDPOINT");
  const sqsEndpoint = read("SQS_ENDPOINT");
  const actorCreationToken = read("ACTOR_CREATION_TOKEN");
  const config: Config = compact({
    baseUrl: demand("BASE_URL"),
    tableName: demand("TABLE_NAME"),
    queueUrl,
    dynamodbEndpoint,
    sqsEndpoint,
    incarnation: read("INCARNATION") ?? "aws",
    region: environment["AWS_REGION"] ?? "local",
    onLambda: read("AWS_LAMBDA_FUNCTION_NAME") !== undefined,
    gapTimeoutSeconds: read("GAP_TIMEOUT_SECONDS") ?? code.gapTimeoutSeconds ?? 5,
    maxPending: read("MAX_PENDING") ?? code.maxPending ?? 100,
    autoSequence: read("AUTO_SEQUENCE") ?? code.autoSequence ?? true,
    autoStorage: read("AUTO_STORAGE") ?? code.autoStorage ?? true,
    autoCleanup: read("AUTO_CLEANUP") ?? code.autoCleanup ?? true,
    callbackSuccessStatus: read("CALLBACK_SUCCESS_STATUS") === "204" ? 204 : 201,
    nestedDiffs: read("NESTED_DIFFS") ?? "merge",
    hookMaxAttempts: read("HOOK_MAX_ATTEMPTS") ?? 5,
    hookTimeoutSeconds: read("HOOK_TIMEOUT_SECONDS") ?? 10,
    reconcileIntervalSeconds: read("RECONCILE_INTERVAL_SECONDS") ?? 3600,
    callbackMode: read("CALLBACK_MODE") ?? (code.syncCallbacks === false ? "async" : "sync"),
    maxConcurrentDeliveries: read("MAX_CONCURRENT_DELIVERIES") ?? 5,
    deliveryTimeoutSeconds: deliveryTimeoutSeconds ?? 10,
    fanOutTimeoutSeconds: deliveryTimeoutSeconds ?? 30,
    deliveryRetries: read("DELIVERY_RETRIES") ?? 0,
    breakerFailureThreshold: read("BREAKER_FAILURE_THRESHOLD") ?? 5,
    breakerRecoverySeconds: read("BREAKER_RECOVERY_SECONDS") ?? 60,
    backlogReplayMax: read("BACKLOG_REPLAY_MAX") ?? 100,
    deliveredKeepSeconds: read("DELIVERED_KEEP_SECONDS") ?? 300,
    diffRetentionDays: read("DIFF_RETENTION_DAYS") ?? 30,
    callbackGzip: read("CALLBACK_GZIP") ?? true,
    actorCreation: read("ACTOR_CREATION") ?? "closed",
    actorCreationToken,
    trustAutoApprove: read("TRUST_AUTO_APPROVE") ?? [],
    autoDeleteOnRevocation: read("AUTO_DELETE_ON_REVOCATION") ?? false,
    resubscribe: read("RESUBSCRIBE") ?? true,
    allowHttpPeers: read("ALLOW_HTTP_PEERS") ?? false,
    allowPrivatePeers: read("ALLOW_PRIVATE_PEERS") ?? false,
  });
  if (config.onLambda && config.callbackMode === "async") {
    const asked = code.syncCallbacks === false ? "withSyncCallbacks(false) asks for async" : 'CALLBACK_MODE is "async"';
    faults.push(
      `${asked}; allowed on Lambda is sync: a function is frozen once it has answered, and what it still meant to deliver would be lost.`,
    );
  }
  if (config.actorCreation === "token" && config.actorCreationToken === undefined) {
    faults.push("ACTOR_CREATION_TOKEN is missing; ACTOR_CREATION=token needs it.");
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** The configuration of this process. The only reader of the environment. @throws ConfigError */
export function loadConfig(code: CodeOptions = {}): Config {
  return readConfig(process.env, code);
}
