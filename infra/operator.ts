/**
 * The deployer's configuration: operator variables, from the CDK context (`cdk synth -c GAP_TIMEOUT_SECONDS=3`) or else from
 * the environment of the command, and the settings of the stacks. Checked here, so that a bad value stops the synthesis and
 * never reaches a function.
 */
import { app } from "../functions/app.ts";
import { compact } from "../lib/system/compact.ts";
import { readConfig, variableNames } from "../lib/system/config.ts";
import { servedBy, type FunctionName } from "./functions.ts";
import { STACK_VARIABLES } from "./stack-variables.ts";
import { readSettings, settingNames, type Settings } from "./settings.ts";

/** Variables that no deployer gives to a function as text: those of the stacks, and the secrets. */
const NOT_PASSED_ON = [...STACK_VARIABLES, "ACTOR_CREATION_TOKEN", "OPERATOR_TOKEN"] as const;

export type OperatorVariable = Exclude<(typeof variableNames)[number], (typeof NOT_PASSED_ON)[number]>;

/** Every operator variable that a function understands, except the secret ones. Passed on only when it was given. */
export const operatorVariables = variableNames.filter(
  (name): name is OperatorVariable => !(NOT_PASSED_ON as readonly string[]).includes(name),
);

/** Variables for the function that creates actors alone. */
const FOR_CREATING_ACTORS: readonly string[] = ["ACTOR_CREATION", "ACTOR_CREATION_TOKEN"];

/** Whether a variable goes into a function: each function gets no secret but those that it needs. */
export const isFor = (variable: string, name: FunctionName): boolean =>
  variable === "OPERATOR_TOKEN"
    ? name === servedBy.events
    : !FOR_CREATING_ACTORS.includes(variable) || name === servedBy.actors;

/** The names of the settings for the secrets of tokens; from context or environment, like the variables. */
export const secretNames = [
  "ACTOR_CREATION_TOKEN_SECRET",
  "ACTOR_CREATION_TOKEN_VERSION",
  "OPERATOR_TOKEN_SECRET",
  "OPERATOR_TOKEN_VERSION",
] as const;

const TOKENS = ["ACTOR_CREATION_TOKEN", "OPERATOR_TOKEN"] as const;
/** When a token is needed. */
const ASKED_BY = { ACTOR_CREATION_TOKEN: "ACTOR_CREATION is token", OPERATOR_TOKEN: "ALL_EVENTS is true" } as const;

/** The deployer's configuration for the stacks, checked. */
export interface Deployment extends Settings {
  /** Operator variables that were given, as text. */
  readonly variables: Readonly<Partial<Record<OperatorVariable, string>>>;
  /** The address that actors' URLs begin with, when that is not the API's own endpoint. */
  readonly baseUrl?: string;
  /** Name or ARN of an existing Secrets Manager secret with `ACTOR_CREATION_TOKEN`. A new one is made when absent and needed. */
  readonly actorCreationTokenSecret?: string;
  /** The version of the secret that the function gets; the current one when absent. */
  readonly actorCreationTokenVersion?: string;
  /** The same for `OPERATOR_TOKEN`. */
  readonly operatorTokenSecret?: string;
  readonly operatorTokenVersion?: string;
  /** The values that the functions will use, from the environment or by default. */
  readonly gapTimeoutSeconds: number;
  readonly actorCreation: "open" | "token" | "closed";
  readonly allEvents: boolean;
  /** The name of the event bus, when there is one. */
  readonly eventBusName?: string;
}

/** One value by name, as it was given; `undefined` when none was. */
type Given = (name: string) => unknown;

/** Makes a `Given` from CDK context and environment. The context wins; the stacks' own settings are taken from it alone. */
export function givenBy(
  context: (name: string) => unknown,
  environment: Readonly<Record<string, string | undefined>>,
): Given {
  return (name) => context(name) ?? (/^[A-Z_]+$/.test(name) ? environment[name] : undefined);
}

/**
 * Refuses a name in the context that looks like a setting and is none: the setting would have no effect.
 * @throws Error that names it, and the settings that exist
 */
export function refuseUnknown(names: readonly string[]): void {
  const known: readonly string[] = [...settingNames, ...secretNames, ...TOKENS, ...operatorVariables];
  // CDK's own names have other characters.
  const unknown = names.find((name) => /^[A-Za-z_]+$/.test(name) && !known.includes(name));
  if (unknown === undefined) return;
  throw new Error(`There is no setting ${unknown}. Allowed: ${known.join(", ")}.`);
}

/**
 * Reads the deployer's configuration.
 *
 * @throws Error that names the value, what was given (never a secret) and what is allowed.
 */
export function readDeployment(given: Given): Deployment {
  for (const token of TOKENS) {
    if (text(given, token) === undefined) continue;
    throw new Error(
      `${token} would stand in the template for everyone to read. Put it into a Secrets Manager secret and ` +
        `name that in ${token}_SECRET, or leave both out and one is made when ${ASKED_BY[token]}.`,
    );
  }
  const variables = Object.fromEntries(
    operatorVariables.map((name) => [name, text(given, name)]).filter(([, value]) => value !== undefined),
  ) as Deployment["variables"];
  // Read like the functions read it when they start, so that they cannot refuse what was accepted here.
  const environment = {
    BASE_URL: "https://stands.for.the.endpoint",
    ...variables,
    TABLE_NAME: "known at deploy",
    AWS_LAMBDA_FUNCTION_NAME: "known at deploy",
    ACTOR_CREATION_TOKEN: "known at deploy",
    EVENT_BUS_NAME: "known at deploy",
  };
  const config = readConfig(environment, app.options);
  const settings = readSettings((name) => text(given, name));
  const { domainName } = settings;
  const ofDomain = domainName === undefined ? undefined : `https://${domainName}`;
  if (ofDomain !== undefined && isApiEndpoint(new URL(variables.BASE_URL ?? ofDomain).hostname)) {
    throw new Error(
      `BASE_URL is ${JSON.stringify(variables.BASE_URL)}. Allowed: no API's own endpoint together with domainName, which ` +
        "switches that off: no actor could be reached.",
    );
  }
  return {
    ...settings,
    variables,
    gapTimeoutSeconds: config.gapTimeoutSeconds,
    actorCreation: config.actorCreation,
    allEvents: config.allEvents,
    ...secretsOf(given, config),
    ...compact({
      baseUrl: variables.BASE_URL ?? ofDomain,
      // Both stacks know the name without a reference between them, so that the bus can be switched off: the data stack,
      // which is deployed first, could not give up an export that the API stack still uses.
      eventBusName: config.bus === "eventbridge" ? `${settings.name}-Events` : undefined,
    }),
  };
}

/** Whether a host is an API's own endpoint, which is deleted with the API. */
export const isApiEndpoint = (host: string): boolean => /\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/.test(host);

/** A secret's name, or its ARN. */
const SECRET = /^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}$/;
const SECRET_VERSION = /^[A-Za-z0-9-]{32,64}$/;

function secretsOf(
  given: Given,
  { actorCreation, allEvents }: Pick<Deployment, "actorCreation" | "allEvents">,
): Pick<
  Deployment,
  "actorCreationTokenSecret" | "actorCreationTokenVersion" | "operatorTokenSecret" | "operatorTokenVersion"
> {
  const isAsked = { ACTOR_CREATION_TOKEN: actorCreation === "token", OPERATOR_TOKEN: allEvents };
  const [creation, operator] = TOKENS.map((token) => {
    const named = (part: "SECRET" | "VERSION", pattern: RegExp, allowed: string): string | undefined => {
      const name = `${token}_${part}`;
      const value = text(given, name);
      if (value === undefined) return undefined;
      if (!pattern.test(value)) throw new Error(`${name} is ${JSON.stringify(value)}. Allowed: ${allowed}.`);
      if (isAsked[token]) return value;
      throw new Error(`${name} is ${JSON.stringify(value)}. Allowed: nothing, unless ${ASKED_BY[token]}.`);
    };
    const versions = "the id of one of the secret's versions, of 32 to 64 letters, digits and -";
    return {
      secret: named("SECRET", SECRET, "the name or the ARN of a secret in Secrets Manager"),
      version: named("VERSION", SECRET_VERSION, versions),
    };
  });
  return compact({
    actorCreationTokenSecret: creation?.secret,
    actorCreationTokenVersion: creation?.version,
    operatorTokenSecret: operator?.secret,
    operatorTokenVersion: operator?.version,
  });
}

function text(given: Given, name: string): string | undefined {
  const value = given(name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(`${name} is ${JSON.stringify(value)}. Allowed: one text, number or boolean.`);
}
