/**
 * Raw requests in a process of their own, until its standard input ends: `node raw-process.ts <endpoint>`. It answers a line
 * of `{ lanes, each }` with a `RawReport`.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import process from "node:process";
import { createInterface } from "node:readline";
import { LOCAL_CREDENTIALS } from "../../infra/local/credentials.ts";
import { createTable } from "../support/create-table.ts";
import { times } from "./pace.ts";

/** The times of requests, ms, the duration of all together, and their CPU time, ms. */
export interface RawReport {
  readonly times: readonly number[];
  readonly durationMs: number;
  readonly cpuMs: number;
}

const TABLE = "raw";

const client = DynamoDBDocumentClient.from(
  // Region, credentials and endpoint of the emulator; all else is the default.
  new DynamoDBClient({ region: "local", credentials: LOCAL_CREDENTIALS, endpoint: process.argv[2] ?? "" }),
);
let sent = 0;

/** One update of the lane's item. */
async function update(lane: number): Promise<void> {
  sent += 1;
  await client.send(
    new UpdateCommand({
      TableName: TABLE,
      Key: { pk: `lane ${String(lane)}`, sk: "head" },
      UpdateExpression: "SET lastSeq = :n",
      ConditionExpression: "attribute_not_exists(pk) OR lastSeq <> :n",
      ExpressionAttributeValues: { ":n": sent },
      ReturnValues: "ALL_NEW",
    }),
  );
}

async function measured(lanes: number, each: number): Promise<RawReport> {
  const before = process.threadCpuUsage();
  const paced = await times(lanes, each, update);
  const { user, system } = process.threadCpuUsage(before);
  return { ...paced, cpuMs: (user + system) / 1000 };
}

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
await createTable(client, TABLE);
say(true);
createInterface({ input: process.stdin }).on("line", (line) => {
  const { lanes, each } = JSON.parse(line) as { lanes: number; each: number };
  void measured(lanes, each).then(say);
});
