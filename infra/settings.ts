/**
 * The settings of the stacks themselves, from the CDK context alone (`cdk deploy -c memoryMb=1024`): each with its
 * default and its allowed values. `docs/deploying.md` describes each.
 */
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { functions, type FunctionName } from "./functions.ts";

/** One setting. `read` gives undefined for a value that is not allowed. */
interface Setting<T> {
  readonly otherwise: T;
  /** The allowed values, as text behind "Allowed: ". */
  readonly allowed: string;
  readonly read: (text: string) => T | undefined;
}

/** The retention periods of CloudWatch Logs, in days. */
const RETENTION_DAYS = Object.values(RetentionDays)
  .filter((days) => typeof days === "number")
  .filter((days) => days !== RetentionDays.INFINITE);
const LOG_LEVELS = ["DEBUG", "INFO", "WARN", "ERROR"] as const;

type LogLevel = (typeof LOG_LEVELS)[number];

const setting = <T>(of: Setting<T>): Setting<T> => of;

const whole = (otherwise: number, least: number, most: number): Setting<number> => ({
  otherwise,
  allowed: `a whole number from ${String(least)} to ${String(most)}`,
  read: (text) => wholeIn(text, least, most),
});

function wholeIn(text: string, least: number, most: number): number | undefined {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

const matching = <const T extends string | undefined>(otherwise: T, pattern: RegExp, allowed: string) => ({
  otherwise: otherwise as string | T,
  allowed,
  read: (text: string) => (pattern.test(text) ? text : undefined),
});

/** What Lambda allows a function, MB. */
const [LEAST_MEMORY_MB, MOST_MEMORY_MB] = [128, 10_240];

type MemoryByFunction = Readonly<Partial<Record<FunctionName, number>>>;

function memoryIn(text: string): MemoryByFunction | undefined {
  const read: Partial<Record<FunctionName, number>> = {};
  for (const pair of text.split(",")) {
    const [name = "", memory = "", ...more] = pair.split("=").map((part) => part.trim());
    const mb = wholeIn(memory, LEAST_MEMORY_MB, MOST_MEMORY_MB);
    if (!isFunctionName(name) || mb === undefined || more.length > 0 || Object.hasOwn(read, name)) return undefined;
    read[name] = mb;
  }
  return read;
}

const isFunctionName = (name: string): name is FunctionName => Object.hasOwn(functions, name);

/** A tag's key and value, of the characters that every service accepts. */
const TAG = /^\s*(?<key>[\p{L}\p{N} _.:/+@-]{1,128})=(?<value>[\p{L}\p{N} _.:/=+@-]{0,256})$/u;
const MOST_TAGS = 40;

function tagsIn(text: string): Readonly<Record<string, string>> | undefined {
  const pairs = text.split(",").map((pair) => TAG.exec(pair)?.groups);
  if (pairs.length > MOST_TAGS || pairs.some((pair) => pair === undefined || /^aws:/i.test(pair["key"] ?? ""))) {
    return undefined;
  }
  return Object.fromEntries(pairs.map((pair) => [pair?.["key"] ?? "", pair?.["value"] ?? ""]));
}

/** Every setting by its name in the context. */
export const settings = {
  name: matching(
    "ActingWeb",
    /^[A-Za-z][A-Za-z0-9-]{0,39}$/,
    "up to 40 letters, digits and hyphens, beginning with a letter",
  ),
  domainName: matching(
    undefined,
    /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "one host name in lower case, such as actors.example.com",
  ),
  certificateArn: matching(
    undefined,
    /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[A-Za-z0-9-]+$/,
    "the ARN of a certificate in AWS Certificate Manager",
  ),
  tableName: matching(
    undefined,
    /^[A-Za-z0-9_.-]{3,255}$/,
    "the name of a table: 3 to 255 letters, digits, underscores, dots and hyphens",
  ),
  memoryMb: whole(512, LEAST_MEMORY_MB, MOST_MEMORY_MB),
  functionMemoryMb: setting<MemoryByFunction>({
    otherwise: {},
    allowed:
      `function=number with commas between them, each of ${Object.keys(functions).join(", ")} at most once, ` +
      `whole numbers from ${String(LEAST_MEMORY_MB)} to ${String(MOST_MEMORY_MB)}`,
    read: memoryIn,
  }),
  workerConcurrency: whole(10, 2, 1_000),
  throttlingRateLimit: whole(200, 1, 10_000),
  throttlingBurstLimit: whole(400, 1, 10_000),
  logRetentionDays: setting<RetentionDays>({
    otherwise: RetentionDays.ONE_MONTH,
    allowed: `a number of days that CloudWatch Logs knows: ${RETENTION_DAYS.join(", ")}`,
    read: (text: string) => RETENTION_DAYS.find((days) => String(days) === text),
  }),
  logLevel: setting<LogLevel>({
    otherwise: "INFO",
    allowed: LOG_LEVELS.join(", "),
    read: (text: string) => LOG_LEVELS.find((level) => level === text),
  }),
  tracing: setting<boolean>({
    otherwise: false,
    allowed: "true or false",
    read: (text: string) => (text === "true" ? true : text === "false" ? false : undefined),
  }),
  alarmEmail: matching(undefined, /^[^@\s]+@[^@\s]+$/, "one mail address"),
  tags: setting<Readonly<Record<string, string>>>({
    otherwise: {},
    allowed:
      `up to ${String(MOST_TAGS)} of key=value with commas between them; keys of 1 to 128 and values of up to 256 letters, ` +
      "digits, spaces and _ . : / + @ -, no key beginning with aws:",
    read: tagsIn,
  }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof settings;

/** The settings that the deployer chose, or the defaults. */
export type Settings = { readonly [N in SettingName]: (typeof settings)[N]["otherwise"] };

export const settingNames = Object.keys(settings) as readonly SettingName[];

/**
 * Reads every setting. `given` gives the text of a setting, undefined when it was not set.
 * @throws Error that names the setting, its text and the allowed values
 */
export function readSettings(given: (name: string) => string | undefined): Settings {
  const entries = settingNames.map((name): [SettingName, unknown] => {
    const setting: Setting<unknown> = settings[name];
    const text = given(name);
    if (text === undefined) return [name, setting.otherwise];
    const value = setting.read(text);
    if (value === undefined) throw new Error(`${name} is ${JSON.stringify(text)}. Allowed: ${setting.allowed}.`);
    return [name, value];
  });
  const read = Object.fromEntries(entries) as Settings;
  if ((read.domainName === undefined) !== (read.certificateArn === undefined)) {
    throw new Error(
      `domainName is ${shown(read.domainName)} and certificateArn is ${shown(read.certificateArn)}. Allowed: both, the ` +
        "certificate being one for that name in the region of the stacks, or neither.",
    );
  }
  return read;
}

const shown = (value: string | undefined): string => (value === undefined ? "missing" : JSON.stringify(value));
