import { describe, expect, it } from "vitest";
import { functionsByArea, serviceTemplates } from "../support/service-templates.ts";
import { operatorVariables, readDeployment } from "../../infra/operator.ts";
import type { OperatorVariable } from "../../infra/operator.ts";

/** One allowed value other than the default for each variable. */
const OTHERS = {
  BASE_URL: "https://actors.example.com",
  GAP_TIMEOUT_SECONDS: "3",
  MAX_PENDING: "7",
  AUTO_SEQUENCE: "false",
  AUTO_STORAGE: "false",
  AUTO_CLEANUP: "false",
  CALLBACK_SUCCESS_STATUS: "204",
  NESTED_DIFFS: "replace",
  HOOK_MAX_ATTEMPTS: "2",
  HOOK_TIMEOUT_SECONDS: "1",
  RECONCILE_INTERVAL_SECONDS: "60",
  CALLBACK_MODE: "sync",
  MAX_CONCURRENT_DELIVERIES: "1",
  DELIVERY_TIMEOUT_SECONDS: "2",
  DELIVERY_RETRIES: "1",
  BREAKER_FAILURE_THRESHOLD: "2",
  BREAKER_RECOVERY_SECONDS: "3",
  BACKLOG_REPLAY_MAX: "4",
  DELIVERED_KEEP_SECONDS: "5",
  DIFF_RETENTION_DAYS: "6",
  CALLBACK_GZIP: "false",
  ACTOR_CREATION: "open",
  TRUST_AUTO_APPROVE: "friend,partner",
  AUTO_DELETE_ON_REVOCATION: "true",
  ALLOW_HTTP_PEERS: "true",
  ALLOW_PRIVATE_PEERS: "true",
} as const satisfies Readonly<Record<OperatorVariable, string>>;

type Templates = ReturnType<typeof serviceTemplates>;

function variables({ api }: Templates): Readonly<Record<string, unknown>>[] {
  return [...functionsByArea(api).values()].map(({ Properties }) => Properties["Environment"].Variables);
}

describe("the operator's variables", () => {
  it("go from the environment into every function", () => {
    for (const found of variables(serviceTemplates(OTHERS))) expect(found).toMatchObject(OTHERS);
  });

  it("go from the context into every function, and the context wins", () => {
    const templates = serviceTemplates({ GAP_TIMEOUT_SECONDS: "9", MAX_PENDING: "8" }, { GAP_TIMEOUT_SECONDS: 3 });
    for (const found of variables(templates))
      expect(found).toMatchObject({ GAP_TIMEOUT_SECONDS: "3", MAX_PENDING: "8" });
  });

  it("are left to the functions' defaults when nobody gave them", () => {
    const alwaysThere = ["BASE_URL"];
    for (const found of variables(serviceTemplates({ GAP_TIMEOUT_SECONDS: "" }))) {
      expect(operatorVariables.filter((name) => name in found)).toEqual(alwaysThere);
    }
  });

  it("stop the synthesis when a value is not allowed, naming variable and value", () => {
    expect(() => serviceTemplates({ GAP_TIMEOUT_SECONDS: "soon" })).toThrow(/GAP_TIMEOUT_SECONDS.*soon.*0\.1/);
    expect(() => serviceTemplates({}, { MAX_PENDING: 0 })).toThrow(/MAX_PENDING.*"0"/);
  });

  it("refuse asynchronous callbacks on Lambda", () => {
    expect(() => serviceTemplates({ CALLBACK_MODE: "async" })).toThrow(/CALLBACK_MODE.*async/);
  });
});

describe("the knobs of the stacks", () => {
  it("name both stacks", () => {
    const { api } = serviceTemplates({}, { name: "Second" });
    for (const found of variables({ api, data: api })) expect(found["POWERTOOLS_SERVICE_NAME"]).toBe("Second-Api");
  });

  it("come from the context alone: an environment may hold a `name` for other reasons", () => {
    for (const found of variables(serviceTemplates({ name: "shell" }))) {
      expect(found["POWERTOOLS_SERVICE_NAME"]).toBe("ActingWeb-Api");
    }
  });

  it.each([
    ["name", "1st"],
    ["throttlingRateLimit", "fast"],
    ["throttlingBurstLimit", 0],
    ["alarmEmail", "nobody"],
    ["MAX_PENDING", { nested: true }],
  ])("refuse a %s of %j", (name, value) => {
    expect(() => readDeployment((asked) => (asked === name ? value : undefined))).toThrow(name);
  });
});

describe("the token that may create actors", () => {
  const tokens = (environment: Record<string, string>): string[] =>
    variables(serviceTemplates(environment)).map((found) => JSON.stringify(found["ACTOR_CREATION_TOKEN"] ?? "none"));

  it("is a reference to a secret made for it", () => {
    const { api } = serviceTemplates({ ACTOR_CREATION: "token" });
    api.resourceCountIs("AWS::SecretsManager::Secret", 1);
    for (const token of tokens({ ACTOR_CREATION: "token" })) {
      expect(token).toMatch(/\{\{resolve:secretsmanager:.*"Ref":"ActorCreationToken/);
    }
  });

  it("is a reference to the secret the deployer names", () => {
    const environment = { ACTOR_CREATION: "token", ACTOR_CREATION_TOKEN_SECRET: "my/token" };
    serviceTemplates(environment).api.resourceCountIs("AWS::SecretsManager::Secret", 0);
    for (const token of tokens(environment)) expect(token).toContain("{{resolve:secretsmanager:my/token:");
  });

  it("is in no function when creation needs none", () => {
    for (const token of tokens({ ACTOR_CREATION: "open" })) expect(token).toBe('"none"');
  });

  it("is refused in the clear, without being repeated", () => {
    const given = { ACTOR_CREATION: "token", ACTOR_CREATION_TOKEN: "correct-horse" };
    expect(() => serviceTemplates(given)).toThrow(/ACTOR_CREATION_TOKEN_SECRET/);
    expect(() => serviceTemplates(given)).not.toThrow(/correct-horse/);
  });
});
