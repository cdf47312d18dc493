import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import {
  DescribeTimeToLiveCommand,
  TransactionCanceledException,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { describe, expect, it, onTestFinished } from "vitest";
import { startEmulator } from "../../../infra/local/emulator.ts";
import { createTable } from "../../support/create-table.ts";
import { clientOf, forkEmulator, TABLE, temporaryFolder } from "./emulated.ts";

async function open(dataDir = ":memory:") {
  const emulator = await startEmulator({ dataDir });
  onTestFinished(() => emulator.close());
  const client = clientOf(emulator.endpoint);
  await createTable(client, TABLE);
  const put = (item: Record<string, unknown>) => client.send(new PutCommand({ TableName: TABLE, Item: item }));
  const get = async (pk: string, sk = "1") =>
    (await client.send(new GetCommand({ TableName: TABLE, Key: { pk, sk } }))).Item;
  const transact = (...items: NonNullable<TransactWriteCommandInput["TransactItems"]>) =>
    client.send(new TransactWriteCommand({ TransactItems: items }));
  return { emulator, client, put, get, transact };
}

const putOf = (pk: string, more: object = {}) => ({ Put: { TableName: TABLE, Item: { pk, sk: "1" }, ...more } });
const ABSENT = {
  ConditionExpression: "attribute_not_exists(pk)",
  ReturnValuesOnConditionCheckFailure: "ALL_OLD",
} as const;

describe("a failed condition", () => {
  it("gives the item it found, of a put, an update and a deletion, when asked", async () => {
    const { client, put } = await open();
    await put({ pk: "a", sk: "1", n: 1 });
    const key = { TableName: TABLE, Key: { pk: "a", sk: "1" } };
    const found = { Item: { pk: { S: "a" }, sk: { S: "1" }, n: { N: "1" } } };
    await expect(
      client.send(new PutCommand({ TableName: TABLE, Item: { pk: "a", sk: "1" }, ...ABSENT })),
    ).rejects.toMatchObject(found);
    await expect(
      client.send(
        new UpdateCommand({
          ...key,
          ...ABSENT,
          UpdateExpression: "SET n = :n",
          ExpressionAttributeValues: { ":n": 2 },
        }),
      ),
    ).rejects.toMatchObject(found);
    await expect(client.send(new DeleteCommand({ ...key, ...ABSENT }))).rejects.toMatchObject(found);
    const quiet = client.send(new DeleteCommand({ ...key, ConditionExpression: "attribute_not_exists(pk)" }));
    await expect(quiet).rejects.toSatisfy((error: object) => !("Item" in error) || error.Item === undefined);
  });
});

describe("a transaction", () => {
  it("names the reason for each refused write, with the item where it was requested", async () => {
    const { put, transact, get } = await open();
    await put({ pk: "there", sk: "1", n: 1 });
    const refused = await transact(putOf("new"), putOf("there", ABSENT)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(TransactionCanceledException);
    expect((refused as TransactionCanceledException).CancellationReasons).toEqual([
      { Code: "None" },
      {
        Code: "ConditionalCheckFailed",
        Message: "The conditional request failed",
        Item: { pk: { S: "there" }, sk: { S: "1" }, n: { N: "1" } },
      },
    ]);
    expect((refused as Error).message).toContain("[None, ConditionalCheckFailed]");
    expect(await get("new")).toBeUndefined();
  });

  it("names a write that cannot be done as a validation error of its own", async () => {
    const { put, transact } = await open();
    await put({ pk: "text", sk: "1", n: "not a number" });
    const add = {
      Update: {
        TableName: TABLE,
        Key: { pk: "text", sk: "1" },
        UpdateExpression: "ADD n :one",
        ExpressionAttributeValues: { ":one": 1 },
      },
    };
    await expect(transact(putOf("new"), add)).rejects.toMatchObject({
      name: "TransactionCanceledException",
      CancellationReasons: [{ Code: "None" }, { Code: "ValidationError" }],
    });
  });

  it("accepts 100 writes, and refuses 101 and none", async () => {
    const { transact, get } = await open();
    const writes = Array.from({ length: 101 }, (_, at) => putOf(`p${at}`));
    await transact(...writes.slice(0, 100));
    expect(await get("p99")).toBeDefined();
    await expect(transact(...writes)).rejects.toMatchObject({ name: "ValidationException" });
    await expect(transact()).rejects.toMatchObject({ name: "ValidationException" });
  });

  it("refuses two operations on one item", async () => {
    const { transact } = await open();
    const check = {
      ConditionCheck: { TableName: TABLE, Key: { pk: "a", sk: "1" }, ConditionExpression: "attribute_exists(pk)" },
    };
    await expect(transact(putOf("a"), check)).rejects.toMatchObject({
      name: "ValidationException",
      message: "Transaction request cannot include multiple operations on one item",
    });
  });

  it("refuses more than 4 MB, and writes nothing of it", async () => {
    const { transact, get } = await open();
    const big = (pk: string) => ({ Put: { TableName: TABLE, Item: { pk, sk: "1", text: "x".repeat(390 * 1024) } } });
    const writes = Array.from({ length: 11 }, (_, at) => big(`big${at}`));
    await transact(...writes.slice(0, 10));
    await expect(transact(...writes.map((_, at) => big(`more${at}`)))).rejects.toMatchObject({
      name: "ValidationException",
    });
    expect(await get("more0")).toBeUndefined();
  });

  it("refuses another request under a token that was used", async () => {
    const { client } = await open();
    const send = (pk: string) =>
      client.send(new TransactWriteCommand({ ClientRequestToken: "token", TransactItems: [putOf(pk)] }));
    await send("a");
    await send("a");
    await expect(send("b")).rejects.toMatchObject({ name: "IdempotentParameterMismatchException" });
  });

  it("is never visible in part", async () => {
    const { client, transact } = await open();
    const move = (n: number) =>
      transact(
        ...["left", "right"].map((pk) => ({
          Update: {
            TableName: TABLE,
            Key: { pk, sk: "1" },
            UpdateExpression: "SET n = :n",
            ExpressionAttributeValues: { ":n": n },
          },
        })),
      );
    await move(0);
    const moves = (async () => {
      for (let n = 1; n <= 60; n += 1) await move(n);
    })();
    const pairs: unknown[][] = [];
    for (let look = 0; look < 60; look += 1) {
      const { Responses } = await client.send(
        new TransactGetCommand({
          TransactItems: ["left", "right"].map((pk) => ({ Get: { TableName: TABLE, Key: { pk, sk: "1" } } })),
        }),
      );
      pairs.push((Responses ?? []).map((response) => response.Item?.["n"] as unknown));
    }
    await moves;
    expect(pairs.filter(([left, right]) => left !== right)).toEqual([]);
    expect(new Set(pairs.map(([left]) => left)).size).toBeGreaterThan(1);
  });

  it("consumes twice what its writes would, and an index's writes once", async () => {
    const { client } = await open();
    const { ConsumedCapacity } = await client.send(
      new TransactWriteCommand({
        ReturnConsumedCapacity: "INDEXES",
        TransactItems: [
          { Put: { TableName: TABLE, Item: { pk: "a", sk: "1", text: "x".repeat(1500), dueShard: "s", dueAt: 1 } } },
          putOf("b"),
        ],
      }),
    );
    expect(ConsumedCapacity).toMatchObject([
      { CapacityUnits: 7, Table: { CapacityUnits: 6 }, GlobalSecondaryIndexes: { due: { CapacityUnits: 1 } } },
    ]);
  });
});

describe("a write that DynamoDB refuses and dynalite accepts", () => {
  it("is an empty text as an index key", async () => {
    const { put, transact, get } = await open();
    const item = { pk: "a", sk: "1", dueShard: "", dueAt: 1 };
    await expect(put(item)).rejects.toMatchObject({ name: "ValidationException" });
    await expect(transact({ Put: { TableName: TABLE, Item: item } })).rejects.toMatchObject({
      CancellationReasons: [{ Code: "ValidationError" }],
    });
    expect(await get("a")).toBeUndefined();
  });

  it("is an item over 400 KB, counted in bytes", async () => {
    const { put } = await open();
    await expect(put({ pk: "a", sk: "1", text: "é".repeat(210 * 1024) })).rejects.toMatchObject({
      name: "ValidationException",
    });
  });
});

describe("a request that a web page could have sent", () => {
  const ask = async (headers: Record<string, string>) => {
    const { emulator } = await open();
    const { port } = new URL(emulator.endpoint);
    const all = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.ListTables",
      ...headers,
    };
    return new Promise<number | undefined>((resolve, reject) => {
      const sent = request({ port, host: "127.0.0.1", method: "POST", headers: all }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on("error", reject).end("{}");
    });
  };

  it("is refused by its content type or its host, unlike a client's", async () => {
    expect(await ask({})).toBe(200);
    expect(await ask({ "content-type": "text/plain" })).toBe(400);
    expect(await ask({ host: "rebound.example.org" })).toBe(400);
  });
});

describe("an attribute named __proto__", () => {
  it("is read as it was written, beside a text of the same name", async () => {
    const { emulator } = await open();
    const ask = async (operation: string, body: string) => {
      const headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `DynamoDB_20120810.${operation}`,
      };
      return (await fetch(emulator.endpoint, { method: "POST", headers, body })).text();
    };
    const map = '{"M":{"__proto__":{"S":"x"},"y":{"S":"__proto__"}}}';
    await ask("PutItem", `{"TableName":"${TABLE}","Item":{"pk":{"S":"a"},"sk":{"S":"1"},"map":${map}}}`);
    const found = await ask("GetItem", `{"TableName":"${TABLE}","Key":{"pk":{"S":"a"},"sk":{"S":"1"}}}`);
    expect(found).toBe(`{"Item":{"pk":{"S":"a"},"sk":{"S":"1"},"map":${map}}}`);
  });
});

describe("TTL", () => {
  it("removes expired items and keeps the others, also in the index", async () => {
    const { emulator, client, put, get } = await open();
    await put({ pk: "old", sk: "1", ttl: 100, dueShard: "s", dueAt: 1 });
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName: TABLE,
        TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
      }),
    );
    await put({ pk: "new", sk: "1", ttl: 300 });
    await put({ pk: "never", sk: "1" });
    await put({ pk: "moved", sk: "1", ttl: 100 });
    await put({ pk: "moved", sk: "1", ttl: 300 });
    expect(await emulator.expire(200_000)).toBe(1);
    expect(await get("old")).toBeUndefined();
    expect(await get("new")).toBeDefined();
    expect(await get("moved")).toBeDefined();
    const due = await client.send(
      new QueryCommand({
        TableName: TABLE,
        IndexName: "due",
        KeyConditionExpression: "dueShard = :s",
        ExpressionAttributeValues: { ":s": "s" },
      }),
    );
    expect(due.Items).toEqual([]);
    expect(await emulator.expire(400_000)).toBe(2);
    expect(await get("never")).toBeDefined();
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: TABLE }));
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: "ENABLED", AttributeName: "ttl" });
  });
});

describe("the data folder", () => {
  it("is kept, with its settings, until the next start", async () => {
    const folder = await temporaryFolder();
    const first = await open(folder);
    await first.client.send(
      new UpdateTimeToLiveCommand({
        TableName: TABLE,
        TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
      }),
    );
    await first.put({ pk: "kept", sk: "1" });
    await first.put({ pk: "ended", sk: "1", ttl: 1 });
    await first.emulator.close();
    const again = await startEmulator({ dataDir: folder });
    onTestFinished(() => again.close());
    const client = clientOf(again.endpoint);
    const get = async (pk: string) =>
      (await client.send(new GetCommand({ TableName: TABLE, Key: { pk, sk: "1" } }))).Item;
    expect(await get("kept")).toBeDefined();
    expect(await get("ended"), "removed at the start").toBeUndefined();
  });

  it("is refused while another process has it, with what to do", async () => {
    const folder = await temporaryFolder();
    const child = await forkEmulator(folder);
    await expect(startEmulator({ dataDir: folder })).rejects.toThrow(/in use: another running service.*DATA_DIR/);
    child.process.kill("SIGKILL");
    await child.ended;
    const emulator = await startEmulator({ dataDir: folder });
    await emulator.close();
  });

  it("is refused when it cannot be written, with what to do", async () => {
    const folder = await temporaryFolder();
    await mkdir(folder, { recursive: true });
    const file = join(folder, "a-file");
    await writeFile(file, "");
    await expect(startEmulator({ dataDir: join(file, "data") })).rejects.toThrow(/cannot be used: .*DATA_DIR/);
  });
});
