/**
 * Raw requests in a process of their own, until its standard input ends: `node raw-process.ts <endpoint>`. It answers a line
 * of `{ lanes, each }` with a `RawReport`.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from "@aws-sdk/lib-dynamodb";
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
/** A callback makes three writes, and every third one a read, which it begins with. */
const ORDER = [
  "acquire",
  "value",
  "commit",
  "acquire",
  "value",
  "commit",
  "read",
  "acquire",
  "value",
  "commit",
] as const;

const client = DynamoDBDocumentClient.from(
  // Region, credentials and endpoint of the emulator; all else is the default.
  new DynamoDBClient({ region: "local", credentials: LOCAL_CREDENTIALS, endpoint: process.argv[2] ?? "" }),
);

/** The requests of callbacks to one stream, in their order, as the service makes them of items as it stores them. */
class RawLane {
  readonly #head: { readonly pk: string; readonly sk: string };
  readonly #value: { readonly pk: string; readonly sk: string };
  #sent = 0;
  #sequence = 0;

  private constructor(lane: number) {
    const [actor, peer] = [`${String(lane)}${ID.slice(1)}`, ID];
    this.#head = { pk: `A#${actor}`, sk: `OUT#${peer}#${ID}` };
    this.#value = { pk: `P#${actor}#${peer}`, sk: "V#color" };
  }

  static async open(lane: number): Promise<RawLane> {
    const made = new RawLane(lane);
    const Item = { ...made.#head, ...STREAM, lastSeq: 0 };
    await client.send(new PutCommand({ TableName: TABLE, Item }));
    return made;
  }

  /** The next request. */
  async send(): Promise<void> {
    const kind = ORDER[this.#sent % ORDER.length];
    this.#sent += 1;
    if (kind === "read")
      await client.send(new GetCommand({ TableName: TABLE, Key: this.#value, ConsistentRead: true }));
    else if (kind === "value") await this.#put();
    else await this.#update(kind === "commit" ? this.#commit() : this.#acquire());
  }

  async #update(input: Omit<UpdateCommandInput, "TableName" | "Key">): Promise<void> {
    const how = { ReturnValues: "ALL_NEW", ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;
    await client.send(new UpdateCommand({ TableName: TABLE, Key: this.#head, ...how, ...input }));
  }

  #acquire(): Omit<UpdateCommandInput, "TableName" | "Key"> {
    const names = ["leaseToken", "leaseUntil", "incarnation", "begun", "version", "starts"];
    return {
      UpdateExpression: "SET #n0 = :v0, #n1 = :v1, #n2 = :v2, #n3 = if_not_exists(#n3, :v3) ADD #n4 :v4, #n5 :v4",
      ConditionExpression:
        "#n6 = :v5 AND #n7 = :v6 AND #n8 = :v7 AND attribute_not_exists(#n9) AND #n10 = :v8 AND " +
        "(attribute_not_exists(#n0) OR #n1 <= :v9 OR #n2 <> :v2)",
      ExpressionAttributeNames: named([...names, "state", "auth", "lastSeq", "replacing", "target"]),
      ExpressionAttributeValues: valued([
        ...[TOKEN, Date.now() + 30_000, "local", `${String(this.#sequence + 1)}=${DIGEST}`, 1, STREAM.state],
        ...[STREAM.auth, this.#sequence, STREAM.target, Date.now()],
      ]),
    };
  }

  #commit(): Omit<UpdateCommandInput, "TableName" | "Key"> {
    this.#sequence += 1;
    const set = ["lastSeq", "starts", "activeAt", "doneToken", "digests", "lastTimestamp", "timestampOf"];
    const removed = ["begun", "leaseToken", "leaseUntil", "incarnation"];
    return {
      UpdateExpression:
        "SET #n0 = :v0, #n1 = :v1, #n2 = :v2, #n3 = :v3, #n4 = :v4, #n5 = :v5, #n6 = :v0 " +
        "REMOVE #n8, #n9, #n10, #n11 ADD #n7 :v6",
      ConditionExpression: "#n12 = :v7 AND #n9 = :v8 AND attribute_not_exists(#n13)",
      ExpressionAttributeNames: named([...set, "version", ...removed, "state", "buffered"]),
      ExpressionAttributeValues: valued([
        ...[this.#sequence, 0, Date.now(), `${TOKEN}.${String(this.#sequence)}`, STREAM.digests],
        ...[STREAM.lastTimestamp, 1, STREAM.state, TOKEN],
      ]),
    };
  }

  async #put(): Promise<void> {
    const sequence = this.#sequence + 1;
    const watermark = String(sequence).padStart(31, "0");
    const text = `"color ${String(sequence)}"`;
    const about = { type: "value", place: '["color"]', watermark, sequence, updatedAt: Date.now(), bytes: text.length };
    await client.send(
      new PutCommand({
        TableName: TABLE,
        Item: { ...this.#value, ...about, text },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        ConditionExpression: "attribute_not_exists(#n0) OR (#n1 < :v0 AND #n2 <> :v1 AND attribute_not_exists(#n3))",
        ExpressionAttributeNames: named(["pk", "watermark", "type", "parts"]),
        ExpressionAttributeValues: valued([watermark, "list"]),
      }),
    );
  }
}

const ID = "dbdd592a7f42ec5d47ad49319307b965";
const DIGEST = "b1c0d2a81c68";
const TOKEN = "6729559550761022";
/** The attributes of a stream that has taken many callbacks. */
const STREAM = {
  ...{ target: "properties", granularity: "high", createdAt: 1_795_919_164_491, state: "live", auth: ID.repeat(2) },
  ...{ epoch: 1, stateVersion: 1_795_919_164_491, starts: 0, activeAt: 1_795_919_164_491, version: 1 },
  ...{ dueAt: 1_795_922_764_491, reconcileAt: 1_795_922_764_491, dueShard: "due#15", excludedScopes: [] },
  ...{ ownershipRevision: 1, doneToken: `${TOKEN}.0`, digests: DIGEST.repeat(16), timestampOf: 0 },
  lastTimestamp: "2026-01-01T00:00:00.001000000Z",
};

const named = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, index) => [`#n${String(index)}`, name]));

const valued = (values: readonly (string | number)[]): Record<string, string | number> =>
  Object.fromEntries(values.map((value, index) => [`:v${String(index)}`, value]));

const opened: RawLane[] = [];

async function measured(lanes: number, each: number): Promise<RawReport> {
  while (opened.length < lanes) opened.push(await RawLane.open(opened.length));
  const before = process.threadCpuUsage();
  const paced = await times(lanes, each, async (lane) => await opened[lane]?.send());
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
