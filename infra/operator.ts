/**
 * What the deployer says: operator variables and the few knobs of the stacks themselves, from the CDK context
 * (`cdk synth -c GAP_TIMEOUT_SECONDS=3`) or else from the environment of the command. Checked here, so that a bad value
 * stops the synthesis and never reaches a function.
 */
import { app } from "../functions/app.ts";
import { readConfig, variableNames } from "../lib/config.ts";

/** What the stacks themselves, the local stack or Lambda set, and the one secret. */
const NOT_PASSED_ON = [
  "TABLE_NAME",
  "QUEUE_URL",
  "DYNAMODB_ENDPOINT",
  "SQS_ENDPOINT",
  "CLAIM_FENCE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "ACTOR_CREATION_TOKEN",
] as const satisfies readonly (typeof variableNames)[number][];

export type OperatorVariable = Exclude<(typeof variableNames)[number], (typeof NOT_PASSED_ON)[number]>;

/** Every operator variable a function understands, except the secret one. Each is passed on only when it was given. */
export const operatorVariables = variableNames.filter(
  (name): name is OperatorVariable => !(NOT_PASSED_ON as readonly string[]).includes(name),
);

/** Everything the stacks take from the deployer, checked. */
export interface Deployment {
  /** Begins the names of both stacks; two names in one account are two services. */
  readonly name: string;
  /** Operator variables that were given, as text. */
  readonly variables: Readonly<Partial<Record<OperatorVariable, string>>>;
  /** Name or ARN of an existing Secrets Manager secret that holds `ACTOR_CREATION_TOKEN`. One is made when absent and needed. */
  readonly actorCreationTokenSecret?: string;
  /** What the functions will use, from the environment or by default. */
  readonly gapTimeoutSeconds: number;
  readonly actorCreation: "open" | "token" | "closed";
  /** Requests a second the whole API takes in the long run, and at once. */
  readonly throttlingRateLimit: number;
  readonly throttlingBurstLimit: number;
  /** Where alarms are mailed to; absent: the alarms only show. */
  readonly alarmEmail?: string;
}

/** One value by name, as it was given; `undefined` when it was not. */
export type Given = (name: string) => unknown;

/** Makes a `Given` from CDK context and environment. The context wins; the stacks' own knobs are taken from it alone. */
export function givenBy(
  context: (name: string) => unknown,
  environment: Readonly<Record<string, string | undefined>>,
): Given {
  return (name) => context(name) ?? (/^[A-Z_]+$/.test(name) ? environment[name] : undefined);
}

/**
 * Reads what the deployer said.
 *
 * @throws Error that names the value, what was given (never a secret) and what is allowed.
 */
export function readDeployment(given: Given): Deployment {
  if (text(given, "ACTOR_CREATION_TOKEN") !== undefined) {
    throw new Error(
      "ACTOR_CREATION_TOKEN would stand in the template for everyone to read. Put it into a Secrets Manager secret and " +
        "name that in ACTOR_CREATION_TOKEN_SECRET, or leave both out and one is made when ACTOR_CREATION is token.",
    );
  }
  const variables = Object.fromEntries(
    operatorVariables.map((name) => [name, text(given, name)]).filter(([, value]) => value !== undefined),
  ) as Deployment["variables"];
  // As the functions will read it when they start, so that they cannot refuse what was accepted here.
  const environment = {
    BASE_URL: "https://stands.for.the.endpoint",
    ...variables,
    TABLE_NAME: "known at deploy",
    AWS_LAMBDA_FUNCTION_NAME: "known at deploy",
    ACTOR_CREATION_TOKEN: "known at deploy",
  };
  const config = readConfig(environment, app.options);
  const secret = text(given, "ACTOR_CREATION_TOKEN_SECRET");
  const alarmEmail = text(given, "alarmEmail");
  if (alarmEmail !== undefined && !/^[^@\s]+@[^@\s]+$/.test(alarmEmail)) {
    throw new Error(`alarmEmail is "${alarmEmail}". Allowed: one mail address.`);
  }
  const name = text(given, "name") ?? "ActingWeb";
  if (!/^[A-Za-z][A-Za-z0-9-]{0,39}$/.test(name)) {
    throw new Error(`name is "${name}". Allowed: up to 40 letters, digits and hyphens, beginning with a letter.`);
  }
  return {
    name,
    variables,
    gapTimeoutSeconds: config.gapTimeoutSeconds,
    actorCreation: config.actorCreation,
    throttlingRateLimit: whole(given, "throttlingRateLimit", 200),
    throttlingBurstLimit: whole(given, "throttlingBurstLimit", 400),
    ...(secret === undefined ? {} : { actorCreationTokenSecret: secret }),
    ...(alarmEmail === undefined ? {} : { alarmEmail }),
  };
}

function text(given: Given, name: string): string | undefined {
  const value = given(name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return String(value);
  throw new Error(`${name} is ${JSON.stringify(value)}. Allowed: one text, number or boolean.`);
}

function whole(given: Given, name: string, otherwise: number): number {
  const value = text(given, name);
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 10_000) return number;
  throw new Error(`${name} is "${value}". Allowed: a whole number from 1 to 10000.`);
}
