/** Answers of a busy, broken or misconfigured table, through the real client, and the service's answers to its clients. */
import { expect, it, describe, onTestFinished } from "vitest";
import { refusedWith, transactionCancelled } from "../support/emulated-faults.ts";
import type { Fault } from "../../infra/local/emulator.ts";
import { LOCAL_CREDENTIALS } from "../../infra/local/credentials.ts";
import { createTableClient } from "../../lib/dynamodb/client.ts";
import { DocumentTable } from "../../lib/dynamodb/document-table.ts";
import { platform } from "../../lib/system/platform.ts";
import { secretDigest } from "../../lib/domain/wire/secret-digest.ts";
import { startEmulatedTable } from "../support/emulated-table.ts";
import { FaultyTable } from "../support/faulty-table.ts";
import { Network } from "../support/in-process.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { WholeService } from "../support/whole-service.ts";

/** A service over the emulator, whose faults begin when `fault` is set. No pause is waited for. */
async function serving() {
  const failing: { fault?: Fault; pauses: number } = { pauses: 0 };
  const emulated = await startEmulatedTable((...asked) => failing.fault?.(...asked));
  onTestFinished(() => emulated.close());
  const client = createTableClient({
    region: "eu-west-1",
    credentials: LOCAL_CREDENTIALS,
    endpoint: emulated.endpoint,
  });
  onTestFinished(() => client.destroy());
  const sleep = async (): Promise<void> => void (failing.pauses += 1);
  const table = new DocumentTable({
    client,
    tableName: emulated.tableName,
    ids: platform.ids,
    random: Math.random,
    sleep,
  });
  const world = new WholeService(new Network(), "https://a.example", { table });
  const alice = await world.actor();
  const put = async () =>
    await world.ask("PUT", `/${alice.id}/properties/color`, { headers: alice.as, json: { of: "the sky" } });
  return { failing, world, put };
}

const wherever =
  (name: string, status?: number): Fault =>
  (operation) =>
    operation === "DescribeTable" ? undefined : refusedWith(name, status);

describe("a fault that only the operator can mend", () => {
  it.each([
    "AccessDeniedException",
    "ValidationException",
    "ResourceNotFoundException",
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "IncompleteSignatureException",
  ])("is a 500 without Retry-After, and logged as an unhandled error: %s", async (name) => {
    const { failing, put, world } = await serving();
    failing.fault = wherever(name);
    const answer = await put();
    expect([answer.status, answer.headers["retry-after"]]).toEqual([500, undefined]);
    expect(answer.json.error).toMatchObject({ code: "internal_error" });
    expect(answer.text).not.toContain(name);
    const errors = world.logged.filter(({ level }) => level === "error");
    expect(errors).toMatchObject([{ message: "unhandled error", fields: { error: { name } } }]);
  });

  it("is a 500 too when there are no credentials at all", async () => {
    const missing = new DocumentTable({
      ...platform,
      client: createTableClient({
        region: "eu-west-1",
        credentials: () => Promise.reject(new Error("There are no credentials in the environment.")),
      }),
      tableName: "t",
    });
    const world = new WholeService(new Network(), "https://a.example", { table: missing });
    const answer = await world.ask("GET", `/${"a".repeat(32)}/properties`);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([500, undefined]);
  });

  it("includes a transaction that can never be carried out", async () => {
    const { failing, put } = await serving();
    failing.fault = (operation) =>
      operation === "TransactWriteItems" ? transactionCancelled(["None", "ValidationError"]) : undefined;
    expect((await put()).status).toBe(500);
    expect(failing.pauses).toBe(0);
  });
});

describe("what passes", () => {
  it.each([
    ["ThrottlingException", 400],
    ["ProvisionedThroughputExceededException", 400],
    ["RequestLimitExceeded", 400],
    ["TransactionInProgressException", 400],
    ["InternalServerError", 500],
    ["SomethingNewOfTheirs", 500],
    ["ServiceUnavailable", 503],
  ])("is a 503 with Retry-After: %s", async (name, status) => {
    const { failing, put } = await serving();
    failing.fault = wherever(name, status);
    const answer = await put();
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(answer.json.error).toMatchObject({ code: "service_unavailable" });
  });
});

describe("a throttled transaction", () => {
  it.each(["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"])(
    "is tried again until it goes through: %s",
    async (code) => {
      const { failing, put } = await serving();
      let left = 3;
      failing.fault = (operation) =>
        operation === "TransactWriteItems" && left-- > 0 ? transactionCancelled(["None", code]) : undefined;
      expect((await put()).status).toBe(204);
      expect(failing.pauses).toBe(3);
    },
  );

  it("is a 503 with Retry-After when it never succeeds", async () => {
    const { failing, put } = await serving();
    let tries = 0;
    failing.fault = (operation) => {
      if (operation !== "TransactWriteItems") return undefined;
      tries += 1;
      return transactionCancelled(["None", "ThrottlingError"]);
    };
    const answer = await put();
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(tries).toBeGreaterThan(8);
  });
});

it("an unsubscription that meets another writer is a 503, and not taken for that of a missing subscription", async () => {
  let effect: "ok" | "conflict" = "ok";
  const table = new FaultyTable(new MemoryTable(), (operation) => (operation === "transact" ? effect : "ok"));
  const world = new WholeService(new Network(), "https://a.example", { table });
  const alice = await world.actor();
  await world.trusts(alice.id, "bob", "https://b.example/bob", "s".repeat(40));
  const auth = secretDigest("s".repeat(40));
  await world.service.heads.make({
    ...{ actorId: alice.id, peerId: "bob", subscriptionId: "sub", scope: { target: "properties" } },
    ...{
      granularity: "high",
      auth,
      reconcileMs: 0,
      trusted: world.service.authenticator.approvedCheck({ actorId: alice.id, peerId: "bob" }, auth),
    },
  });
  const path = `/${alice.id}/subscriptions/bob/sub`;
  effect = "conflict";
  expect((await world.ask("DELETE", path, { headers: alice.as })).status).toBe(503);
  effect = "ok";
  expect((await world.ask("DELETE", path, { headers: alice.as })).status).toBe(204);
  expect((await world.ask("DELETE", path, { headers: alice.as })).status).toBe(404);
});
