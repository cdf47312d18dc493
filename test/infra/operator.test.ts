import { describe, expect, it } from "vitest";
import { functionsByName, serviceTemplates } from "../support/service-templates.ts";
import { operatorVariables, type OperatorVariable } from "../../infra/operator.ts";

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
  LOG_EPOCH: "2",
  PARKED_KEEP_DAYS: "7",
  CALLBACK_GZIP: "false",
  HUB_LEASE_MIN_SECONDS: "60",
  HUB_LEASE_MAX_SECONDS: "86400",
  DUE_SHARDS: "8",
  ACTOR_CREATION: "open",
  TRUST_AUTO_APPROVE: "friend,partner",
  AUTO_DELETE_ON_REVOCATION: "true",
  RESUBSCRIBE: "false",
  ALLOW_HTTP_PEERS: "true",
  ALLOW_PRIVATE_PEERS: "true",
  BUS: "memory",
  ALL_EVENTS: "true",
} as const satisfies Readonly<Record<OperatorVariable, string>>;

type Templates = ReturnType<typeof serviceTemplates>;

function variables({ api }: Templates): Readonly<Record<string, unknown>>[] {
  return [...variablesByName({ api }).values()];
}

function variablesByName({ api }: Pick<Templates, "api">): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const functions = [...functionsByName(api)];
  return new Map(functions.map(([name, { Properties }]) => [name, Properties["Environment"].Variables]));
}

describe("the operator's variables", () => {
  it("go from the environment into every function, but those on creating actors only into the one that creates them", () => {
    const { ACTOR_CREATION, ...others } = OTHERS;
    for (const [name, found] of variablesByName(serviceTemplates(OTHERS))) {
      expect(found).toMatchObject(others);
      expect([name, found["ACTOR_CREATION"]]).toEqual([name, name === "api" ? ACTOR_CREATION : undefined]);
    }
  });

  it("go from the context into every function, and the context wins", () => {
    const templates = serviceTemplates({ GAP_TIMEOUT_SECONDS: "9", MAX_PENDING: "8" }, { GAP_TIMEOUT_SECONDS: 3 });
    for (const found of variables(templates))
      expect(found).toMatchObject({ GAP_TIMEOUT_SECONDS: "3", MAX_PENDING: "8" });
  });

  it("are left to the functions' defaults when they are not given", () => {
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

describe("the settings of the stacks", () => {
  it("come from the context alone: an environment may have a `name` for other reasons", () => {
    for (const found of variables(serviceTemplates({ name: "shell" }))) {
      expect(found["POWERTOOLS_SERVICE_NAME"]).toBe("ActingWeb-Api");
    }
  });

  it("are one text each", () => {
    expect(() => serviceTemplates({}, { MAX_PENDING: { nested: true } })).toThrow(/MAX_PENDING.*nested.*Allowed/);
  });

  it("that do not exist stop the synthesis, because they would have no effect", () => {
    expect(() => serviceTemplates({}, { memory: 1024 })).toThrow(/There is no setting memory\. Allowed: .*memoryMb/);
    expect(() => serviceTemplates({}, { MAX_PENDINGS: 3 })).toThrow(/There is no setting MAX_PENDINGS/);
  });
});

describe("the token that may create actors", () => {
  const VERSION = "11111111-2222-3333-4444-555555555555";
  const tokens = (environment: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      [...variablesByName(serviceTemplates(environment))]
        .filter(([, found]) => "ACTOR_CREATION_TOKEN" in found)
        .map(([name, found]) => [name, JSON.stringify(found["ACTOR_CREATION_TOKEN"])]),
    );

  it("is a reference to a secret made for it, in the one function that needs it", () => {
    const { api } = serviceTemplates({ ACTOR_CREATION: "token" });
    api.resourceCountIs("AWS::SecretsManager::Secret", 1);
    api.hasOutput("ActorCreationTokenSecret", {
      Value: { Ref: Object.keys(api.findResources("AWS::SecretsManager::Secret"))[0] },
    });
    expect(tokens({ ACTOR_CREATION: "token" })).toEqual({
      api: expect.stringMatching(/\{\{resolve:secretsmanager:.*"Ref":"ActorCreationToken.*:SecretString:::\}\}/),
    });
  });

  it("is a reference to the secret the deployer names", () => {
    const environment = { ACTOR_CREATION: "token", ACTOR_CREATION_TOKEN_SECRET: "my/token" };
    serviceTemplates(environment).api.resourceCountIs("AWS::SecretsManager::Secret", 0);
    expect(tokens(environment)).toEqual({
      api: expect.stringContaining("{{resolve:secretsmanager:my/token:SecretString:::}}"),
    });
  });

  it.each([
    ["a secret of its own", {}],
    ["one the deployer names", { ACTOR_CREATION_TOKEN_SECRET: "my/token" }],
  ])("takes effect when it is changed: the version stands in the reference to %s", (_, more) => {
    const before = { ACTOR_CREATION: "token", ...more };
    const after = { ...before, ACTOR_CREATION_TOKEN_VERSION: VERSION };
    expect(tokens(after)["api"]).toContain(`:SecretString:::${VERSION}}}`);
    // Only the function that has the variable changes.
    const functions = (environment: Record<string, string>) =>
      [...variablesByName(serviceTemplates(environment))].map(
        ([name, found]) => [name, JSON.stringify(found)] as const,
      );
    const old = new Map(functions(before));
    expect(functions(after).flatMap(([name, found]) => (old.get(name) === found ? [] : [name]))).toEqual(["api"]);
  });

  it("is in no function when creation needs none", () => {
    expect(tokens({ ACTOR_CREATION: "open" })).toEqual({});
  });

  it.each([
    ["ACTOR_CREATION_TOKEN_SECRET", "a secret"],
    ["ACTOR_CREATION_TOKEN_SECRET", "name:with:colons"],
    ["ACTOR_CREATION_TOKEN_VERSION", "7"],
  ])("is refused for a %s of %j, with what is allowed", (name, value) => {
    expect(() => serviceTemplates({ ACTOR_CREATION: "token", [name]: value })).toThrow(
      new RegExp(`${name} is ${JSON.stringify(value)}\\. Allowed: `),
    );
  });

  it.each([
    ["ACTOR_CREATION_TOKEN_SECRET", "my/token"],
    ["ACTOR_CREATION_TOKEN_VERSION", VERSION],
  ])("has no %s while creation needs none", (name, value) => {
    expect(() => serviceTemplates({ [name]: value })).toThrow(/unless ACTOR_CREATION is token/);
  });

  it("is refused in the clear, without being repeated", () => {
    const given = { ACTOR_CREATION: "token", ACTOR_CREATION_TOKEN: "correct-horse" };
    expect(() => serviceTemplates(given)).toThrow(/ACTOR_CREATION_TOKEN_SECRET/);
    expect(() => serviceTemplates(given)).not.toThrow(/correct-horse/);
  });
});

describe("the operator's token", () => {
  it("is a reference to a secret, made or named, in the one function that answers for all actors", () => {
    for (const [given, reference] of [
      [{}, /"Ref":"OperatorToken.*:SecretString:::\}\}/],
      [{ OPERATOR_TOKEN_SECRET: "my/operator" }, /\{\{resolve:secretsmanager:my\/operator:SecretString:::\}\}/],
    ] as const) {
      const found = [...variablesByName(serviceTemplates({ ALL_EVENTS: "true", ...given }))];
      const having = found.filter(([, one]) => "OPERATOR_TOKEN" in one);
      expect(having.map(([name]) => name)).toEqual(["api"]);
      // Each function that may commit a change says in the indexes that the actor has changed.
      const committing = found.filter(([name]) => name !== "scheduler");
      expect(committing.map(([, one]) => one["ALL_EVENTS"])).toEqual(["true", "true", "true"]);
      expect(JSON.stringify(having[0]?.[1]["OPERATOR_TOKEN"])).toMatch(reference);
    }
  });

  it("is refused as text, and where no events of all actors are read", () => {
    expect(() => serviceTemplates({ ALL_EVENTS: "true", OPERATOR_TOKEN: "hush" })).toThrow(/OPERATOR_TOKEN_SECRET/);
    expect(() => serviceTemplates({ OPERATOR_TOKEN_SECRET: "my/operator" })).toThrow(/nothing, unless ALL_EVENTS/);
  });
});
