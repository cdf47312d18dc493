import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../../../lib/system/config.ts";

const least = { BASE_URL: "https://me.example/", TABLE_NAME: "things" };

function faultsOf(environment: Record<string, string>, code = {}): readonly string[] {
  try {
    readConfig(environment, code);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe("configuration", () => {
  it("has a default for every variable that an operator may leave out", () => {
    expect(readConfig(least)).toMatchObject({
      baseUrl: "https://me.example",
      gapTimeoutSeconds: 5,
      maxPending: 100,
      autoCleanup: true,
      callbackSuccessStatus: 201,
      callbackMode: "sync",
      actorCreation: "closed",
      allowPrivatePeers: false,
      trustAutoApprove: [],
      incarnation: "aws",
    });
  });

  it("takes the environment before code, and code before the default", () => {
    const code = { gapTimeoutSeconds: 7, maxPending: 20, autoStorage: false };
    const config = readConfig({ ...least, MAX_PENDING: "30", AUTO_STORAGE: "true" }, code);
    expect(config).toMatchObject({ gapTimeoutSeconds: 7, maxPending: 30, autoStorage: true });
  });

  it.each([
    ["MAX_PENDING", "0"],
    ["MAX_PENDING", "1001"],
    ["MAX_PENDING", "2.5"],
    ["MAX_PENDING", "1e2"],
    ["MAX_PENDING", " 5"],
    ["GAP_TIMEOUT_SECONDS", "0.05"],
    ["GAP_TIMEOUT_SECONDS", "Infinity"],
    ["AUTO_STORAGE", "yes"],
    ["CALLBACK_SUCCESS_STATUS", "200"],
    ["ALLOW_HTTP_PEERS", "TRUE"],
    ["BASE_URL", "ftp://x"],
    ["TRUST_AUTO_APPROVE", "friend,,partner"],
    ["BUS", "kafka"],
  ])("names %s when it is %j, with its value and what is allowed", (name, value) => {
    const faults = faultsOf({ ...least, [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(name);
    expect(faults[0]).toContain(JSON.stringify(value));
    expect(faults[0]).toContain("allowed is");
  });

  it("reports all faults at once", () => {
    expect(faultsOf({ MAX_PENDING: "x", HOOK_MAX_ATTEMPTS: "y" })).toHaveLength(4);
  });

  it("checks what code says by the same rules", () => {
    expect(faultsOf(least, { maxPending: 0 })[0]).toContain("maxPending");
    expect(faultsOf(least, { gapTimeoutSeconds: Number.NaN })[0]).toContain("gapTimeoutSeconds");
  });

  it("refuses deliveries in the background on Lambda and says why", () => {
    const faults = faultsOf({ ...least, AWS_LAMBDA_FUNCTION_NAME: "f", CALLBACK_MODE: "async" });
    expect(faults[0]).toMatch(/CALLBACK_MODE.*frozen/);
  });

  it("demands a token where creation needs one, and never shows it", () => {
    expect(faultsOf({ ...least, ACTOR_CREATION: "token" })[0]).toContain("ACTOR_CREATION_TOKEN");
    const config = readConfig({ ...least, ACTOR_CREATION: "token", ACTOR_CREATION_TOKEN: "hush" });
    expect(config.actorCreationToken).toBe("hush");
  });

  it("demands the bus's name where there is one on EventBridge", () => {
    expect(readConfig(least).bus).toBe("none");
    expect(faultsOf({ ...least, BUS: "eventbridge" })[0]).toContain("EVENT_BUS_NAME");
    const config = readConfig({ ...least, BUS: "eventbridge", EVENT_BUS_NAME: "events" });
    expect(config).toMatchObject({ bus: "eventbridge", eventBusName: "events" });
  });

  it("reads a list of relationships", () => {
    expect(readConfig({ ...least, TRUST_AUTO_APPROVE: "friend, partner" }).trustAutoApprove).toEqual([
      "friend",
      "partner",
    ]);
  });
});
