/** What the clients of AWS do with connections that have been free, and with services that do not answer. */
import { GetItemCommand } from "@aws-sdk/client-dynamodb";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { LOCAL_CREDENTIALS } from "../../../infra/local/credentials.ts";
import { createTableClient } from "../../../lib/dynamodb/client.ts";
import type { Clock } from "../../../lib/system/ports.ts";
import { SqsDelayQueue } from "../../../lib/queue/sqs-delay-queue.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A service that answers every call, or none, or begins an answer that never ends. */
async function service(answers: boolean | "half"): Promise<{ endpoint: string; connections: () => number }> {
  let connections = 0;
  const server = http.createServer((request, response) => {
    request.resume();
    if (answers === "half") request.on("end", () => void response.writeHead(200).write('{"Mess'));
    else if (answers) request.on("end", () => response.end('{"MessageId": "m", "MD5OfMessageBody": "none"}'));
  });
  server.keepAliveTimeout = 600_000;
  server.on("connection", () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    connections: () => connections,
  };
}

interface Options {
  readonly clock: Clock;
  readonly requestTimeoutMs?: number;
}

const table = (endpoint: string, options: Options): (() => Promise<unknown>) => {
  const client = createTableClient({
    region: "local",
    credentials: LOCAL_CREDENTIALS,
    endpoint,
    ...options,
  });
  return async () => await client.send(new GetItemCommand({ TableName: "t", Key: { pk: { S: "a" }, sk: { S: "b" } } }));
};

const SILENT = { warn: () => undefined };

const queue = (endpoint: string, options: Options): (() => Promise<unknown>) => {
  const made = new SqsDelayQueue({
    queueUrl: `${endpoint}/1/q`,
    region: "local",
    credentials: LOCAL_CREDENTIALS,
    log: SILENT,
    endpoint,
    ...options,
  });
  // The answer's digest is not that of the message, which the client notices after the answer has come.
  return async () => await made.send({ kind: "due", pk: "p", sk: "s", dueAt: 0 }, 0).catch(() => undefined);
};

describe.each([
  ["the table", table],
  ["the queue", queue],
])("the client of %s", (_, clientOf) => {
  it("uses no connection again that has been free for more than a minute", async () => {
    const { endpoint, connections } = await service(true);
    let now = Date.UTC(2026, 0, 1);
    const ask = clientOf(endpoint, { clock: { now: () => now } });
    for (const [later, expected] of [
      [0, 1],
      [60_000, 1],
      [60_001, 2],
      [1, 2],
      // After the clock was set back the age of a connection is unknown.
      [-60_002, 3],
      [60_000, 3],
    ] as const) {
      now += later;
      await ask();
      expect([later, connections()]).toEqual([later, expected]);
    }
  });
});

describe.each([
  ["takes the connection and answers nothing", false],
  ["begins an answer that never ends", "half"],
] as const)("a service that %s", (_, answers) => {
  const clock = { now: () => Date.UTC(2026, 0, 1) };

  it("does not delay the table's client", async () => {
    const { endpoint } = await service(answers);
    await expect(table(endpoint, { clock, requestTimeoutMs: 20 })()).rejects.toMatchObject({ name: "TimeoutError" });
  });

  it("does not delay the queue's client", async () => {
    const { endpoint } = await service(answers);
    const made = new SqsDelayQueue({
      queueUrl: `${endpoint}/1/q`,
      region: "local",
      credentials: LOCAL_CREDENTIALS,
      log: SILENT,
      endpoint,
      clock,
      requestTimeoutMs: 20,
    });
    await expect(made.send({ kind: "due", pk: "p", sk: "s", dueAt: 0 }, 0)).rejects.toMatchObject({
      name: "TimeoutError",
    });
  });
});
