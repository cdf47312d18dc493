import { compact } from "./compact.ts";
import * as z from "zod/mini";

/** Options of the deployer's code. The environment has precedence over them. */
export interface CodeOptions {
  readonly autoSequence?: boolean;
  readonly autoStorage?: boolean;
  readonly autoCleanup?: boolean;
  readonly gapTimeoutSeconds?: number;
  readonly maxPending?: number;
  /** Deliveries are awaited before an answer goes out. False: they continue after it, which Lambda does not allow. */
  readonly syncCallbacks?: boolean;
}

/** The configuration of the service, checked. Times are in the unit that their name ends with. */
export interface Config {
  /** What root URIs begin with; without a slash at the end. */
  readonly baseUrl: string;
  readonly tableName: string;
  /** Absent where a function has no queue: the sweep finds all due work. */
  readonly queueUrl?: string;
  readonly dynamodbEndpoint?: string;
  readonly sqsEndpoint?: string;
  /** Names the start of the service that leases belong to; a lease of another one is that of a dead process. */
  readonly incarnation: string;
  readonly onLambda: boolean;
  /** Set by Lambda; a local endpoint accepts any. */
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
  /** `DELIVERY_TIMEOUT_SECONDS` for a `FanOutManager` without a time-out of its own, with a longer default. */
  readonly fanOutTimeoutSeconds: number;
  readonly deliveryRetries: number;
  readonly breakerFailureThreshold: number;
  readonly breakerRecoverySeconds: number;
  readonly backlogReplayMax: number;
  readonly deliveredKeepSeconds: number;
  readonly diffRetentionDays: number;
  /** Raised by hand after a restore: positions of an earlier epoch are gone. */
  readonly logEpoch: number;
  /** How long an event that a listener did not take is kept for a person. */
  readonly parkedKeepDays: number;
  /** Callbacks over 1 KiB are compressed for peers that advertise it. */
  readonly callbackGzip: boolean;
  /** Shards of the due index into which items go. */
  readonly dueShards: number;
  /** Leases of subscriptions at the hub are at least and at most this long; the second wins. */
  readonly hubLeaseMinSeconds: number;
  readonly hubLeaseMaxSeconds: number;
  readonly actorCreation: "open" | "token" | "closed";
  /** A secret. Set when `actorCreation` is `token`. */
  readonly actorCreationToken?: string;
  /** The events of all actors can be read at the root. */
  readonly allEvents: boolean;
  /** A secret: the bearer that reads them. Only the function that answers has it. */
  readonly operatorToken?: string;
  /** Relationships. */
  readonly trustAutoApprove: readonly string[];
  readonly autoDeleteOnRevocation: boolean;
  /** A subscription that its publisher has forgotten is made again. */
  readonly resubscribe: boolean;
  readonly allowHttpPeers: boolean;
  readonly allowPrivatePeers: boolean;
  /** The transport of the event bus. */
  readonly bus: "none" | "memory" | "eventbridge";
  /** The bus of the data stack. Set when `bus` is `eventbridge`. */
  readonly eventBusName?: string;
}

/** How the text of a variable is read, and what the error message says is allowed. */
interface Kind<T> {
  readonly schema: z.ZodMiniType<T, string>;
  readonly allowed: string;
}

/** Plain decimal digits only: `1e3`, `0x10`, `Infinity` and blanks are more likely slips than intended. */
const DECIMAL = /^-?\d+(\.\d+)?$/;

const number = (least: number, most: number, whole: boolean): Kind<number> => ({
  schema: z.pipe(
    z.pipe(z.string().check(z.regex(DECIMAL)), z.transform(Number)),
    (whole ? z.int() : z.number()).check(z.minimum(least), z.maximum(most)),
  ),
  allowed: `a ${whole ? "whole " : ""}number from ${String(least)} to ${String(most)}`,
});
const whole = (least: number, most: number): Kind<number> => number(least, most, true);
const decimal = (least: number, most: number): Kind<number> => number(least, most, false);

const oneOf = <const T extends string>(...values: readonly T[]): Kind<T> => ({
  schema: z.enum(values as [T, ...T[]]),
  allowed: values.join(" or "),
});

/** One of some texts that stand for other values. */
const meaning = <T>(values: Readonly<Record<string, T>>): Kind<T> => ({
  schema: z.pipe(
    z.string().check(z.refine((text) => Object.hasOwn(values, text))),
    z.transform((text) => values[text] as T),
  ),
  allowed: Object.keys(values).join(" or "),
});
const trueOrFalse = meaning({ true: true, false: false });

const text: Kind<string> = { schema: z.string().check(z.minLength(1)), allowed: "a text that is not empty" };
const present: Kind<boolean> = {
  ...text,
  schema: z.pipe(
    z.string(),
    z.transform(() => true),
  ),
};

const isHttpUrl = (value: string): boolean => {
  const url = URL.parse(value);
  return url !== null && ["http:", "https:"].includes(url.protocol) && url.search === "" && url.hash === "";
};

const httpUrl: Kind<string> = {
  schema: z.pipe(
    z.string().check(z.refine(isHttpUrl)),
    z.transform((value) => value.replace(/\/+$/, "")),
  ),
  allowed: "an http or https URL without query or fragment",
};

const relationships: Kind<readonly string[]> = {
  schema: z.pipe(
    z.pipe(
      z.string(),
      z.transform((value) => value.split(",").map((name) => name.trim())),
    ),
    z.array(z.string().check(z.regex(/^[A-Za-z0-9._~-]{1,128}$/))),
  ),
  allowed: "relationships with commas between them, each 1 to 128 of A-Z a-z 0-9 . _ ~ -",
};

/** One variable: the field of the configuration that it sets, and the value of that field without it. */
interface Variable<F extends keyof Config> {
  readonly field: F;
  readonly kind: Kind<Exclude<Config[F], undefined>>;
  readonly missing: { readonly default?: Config[F] } | "fault";
  readonly secret?: boolean;
}

const variable = <F extends keyof Config>(
  field: F,
  kind: Variable<F>["kind"],
  ...[value]: undefined extends Config[F] ? [] : [Config[F]]
): Variable<F> => ({ field, kind, missing: compact({ default: value }) });

const demanded = <F extends keyof Config>(field: F, kind: Variable<F>["kind"]): Variable<F> => ({
  field,
  kind,
  missing: "fault",
});

/** Every variable that the service reads. docs/tuning.md describes them, and a test compares the defaults. */
const VARIABLES = {
  BASE_URL: demanded("baseUrl", httpUrl),
  TABLE_NAME: demanded("tableName", text),
  QUEUE_URL: variable("queueUrl", httpUrl),
  DYNAMODB_ENDPOINT: variable("dynamodbEndpoint", httpUrl),
  SQS_ENDPOINT: variable("sqsEndpoint", httpUrl),
  INCARNATION: variable("incarnation", text, "aws"),
  AWS_LAMBDA_FUNCTION_NAME: variable("onLambda", present, false),
  GAP_TIMEOUT_SECONDS: variable("gapTimeoutSeconds", decimal(0.1, 3600), 5),
  MAX_PENDING: variable("maxPending", whole(1, 1000), 100),
  AUTO_SEQUENCE: variable("autoSequence", trueOrFalse, true),
  AUTO_STORAGE: variable("autoStorage", trueOrFalse, true),
  AUTO_CLEANUP: variable("autoCleanup", trueOrFalse, true),
  CALLBACK_SUCCESS_STATUS: variable("callbackSuccessStatus", meaning({ 201: 201, 204: 204 } as const), 201),
  NESTED_DIFFS: variable("nestedDiffs", oneOf("merge", "replace"), "merge"),
  HOOK_MAX_ATTEMPTS: variable("hookMaxAttempts", whole(1, 100), 5),
  HOOK_TIMEOUT_SECONDS: variable("hookTimeoutSeconds", decimal(0.1, 25), 10),
  RECONCILE_INTERVAL_SECONDS: variable("reconcileIntervalSeconds", decimal(0, 604_800), 3600),
  CALLBACK_MODE: variable("callbackMode", oneOf("sync", "async"), "sync"),
  MAX_CONCURRENT_DELIVERIES: variable("maxConcurrentDeliveries", whole(1, 100), 5),
  DELIVERY_TIMEOUT_SECONDS: variable("deliveryTimeoutSeconds", decimal(0.5, 29), 10),
  DELIVERY_RETRIES: variable("deliveryRetries", whole(0, 10), 0),
  BREAKER_FAILURE_THRESHOLD: variable("breakerFailureThreshold", whole(1, 100), 5),
  BREAKER_RECOVERY_SECONDS: variable("breakerRecoverySeconds", decimal(1, 3600), 60),
  BACKLOG_REPLAY_MAX: variable("backlogReplayMax", whole(1, 1000), 100),
  DELIVERED_KEEP_SECONDS: variable("deliveredKeepSeconds", decimal(0, 86_400), 300),
  DIFF_RETENTION_DAYS: variable("diffRetentionDays", decimal(1, 365), 30),
  LOG_EPOCH: variable("logEpoch", whole(1, 9_999), 1),
  PARKED_KEEP_DAYS: variable("parkedKeepDays", decimal(1, 365), 30),
  CALLBACK_GZIP: variable("callbackGzip", trueOrFalse, true),
  HUB_LEASE_MIN_SECONDS: variable("hubLeaseMinSeconds", whole(1, 31_536_000), 3600),
  HUB_LEASE_MAX_SECONDS: variable("hubLeaseMaxSeconds", whole(1, 31_536_000), 2_592_000),
  DUE_SHARDS: variable("dueShards", whole(1, 256), 16),
  ACTOR_CREATION: variable("actorCreation", oneOf("open", "token", "closed"), "closed"),
  ACTOR_CREATION_TOKEN: { ...variable("actorCreationToken", text), secret: true },
  ALL_EVENTS: variable("allEvents", trueOrFalse, false),
  OPERATOR_TOKEN: { ...variable("operatorToken", text), secret: true },
  TRUST_AUTO_APPROVE: variable("trustAutoApprove", relationships, []),
  AUTO_DELETE_ON_REVOCATION: variable("autoDeleteOnRevocation", trueOrFalse, false),
  RESUBSCRIBE: variable("resubscribe", trueOrFalse, true),
  ALLOW_HTTP_PEERS: variable("allowHttpPeers", trueOrFalse, false),
  ALLOW_PRIVATE_PEERS: variable("allowPrivatePeers", trueOrFalse, false),
  BUS: variable("bus", oneOf("none", "memory", "eventbridge"), "none"),
  EVENT_BUS_NAME: variable("eventBusName", text),
} as const;

type Name = keyof typeof VARIABLES;
/** The fields that variables set. */
type Read = Pick<Config, (typeof VARIABLES)[Name]["field"]>;

/** The names of every variable that the service reads, for those who pass them on to the functions. */
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

/** The fault of an option of the code, by the rule of its variable; undefined when the option is allowed. */
export function codeFault(name: Name, option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const { kind } = VARIABLES[name];
  const fits = typeof value === "number" || typeof value === "boolean";
  if (fits && kind.schema.safeParse(String(value)).success) return undefined;
  return `the option ${option} is ${String(value)}; allowed is ${kind.allowed}.`;
}

/**
 * Reads and checks the configuration: environment, then code, then default. An empty variable counts as absent.
 * @throws ConfigError which names every variable at fault, its value (a secret's never) and what is allowed.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>, code: CodeOptions = {}): Config {
  const { syncCallbacks, ...options } = code;
  const checked: Readonly<Partial<Record<keyof Config, unknown>>> = options;
  const byCode = { ...checked, callbackMode: syncCallbacks === false ? "async" : undefined };
  const faults = variableNames.flatMap((name) => {
    const { field } = VARIABLES[name];
    return codeFault(name, field, checked[field]) ?? [];
  });
  const read = Object.fromEntries(
    variableNames.map((name) => {
      const { field, kind, missing, secret }: Variable<keyof Config> = VARIABLES[name];
      const without = byCode[field] ?? (missing === "fault" ? "" : missing.default);
      const given = environment[name] ?? "";
      if (given === "") {
        if (missing === "fault") faults.push(`${name} is missing; allowed is ${kind.allowed}.`);
        return [field, without];
      }
      const parsed = kind.schema.safeParse(given);
      if (parsed.success) return [field, parsed.data];
      const shown = secret === true ? "(hidden)" : JSON.stringify(given);
      faults.push(`${name} is ${shown}; allowed is ${kind.allowed}.`);
      return [field, without];
    }),
  ) as unknown as Read;
  const config: Config = compact({
    ...read,
    region: environment["AWS_REGION"] ?? "local",
    fanOutTimeoutSeconds: (environment["DELIVERY_TIMEOUT_SECONDS"] ?? "") === "" ? 30 : read.deliveryTimeoutSeconds,
  });
  if (config.onLambda && config.callbackMode === "async") {
    const asked = syncCallbacks === false ? "withSyncCallbacks(false) asks for async" : 'CALLBACK_MODE is "async"';
    faults.push(
      `${asked}; allowed on Lambda is sync: a function is frozen once it has answered, and what it still meant to deliver would be lost.`,
    );
  }
  if (config.actorCreation === "token" && config.actorCreationToken === undefined) {
    faults.push("ACTOR_CREATION_TOKEN is missing; ACTOR_CREATION=token needs it.");
  }
  if (config.bus === "eventbridge" && config.eventBusName === undefined) {
    faults.push("EVENT_BUS_NAME is missing; BUS=eventbridge needs it, and the stacks set it.");
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return config;
}

/** The configuration of this process, from the only reader of the environment. @throws ConfigError */
export function loadConfig(code: CodeOptions = {}): Config {
  return readConfig(process.env, code);
}
