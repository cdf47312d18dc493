import { cpSync, readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import {
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  type DynamoDBDocumentClient,
} from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { startEmulator } from "../../../infra/local/emulator.ts";
import { createTable } from "../../support/create-table.ts";
import { clientOf, forkEmulator, TABLE, temporaryFolder } from "./emulated.ts";

/** Changes three of the first items and makes one, index entries included. */
const TRANSACTION = {
  TransactItems: [
    { Put: { TableName: TABLE, Item: { pk: "a", sk: "1", to: "new", dueShard: "due#0", dueAt: 2 } } },
    {
      Update: {
        TableName: TABLE,
        Key: { pk: "a", sk: "2" },
        UpdateExpression: "SET #to = :to REMOVE dueShard, dueAt",
        ExpressionAttributeNames: { "#to": "to" },
        ExpressionAttributeValues: { ":to": "new" },
      },
    },
    { Delete: { TableName: TABLE, Key: { pk: "a", sk: "3" } } },
    { Put: { TableName: TABLE, Item: { pk: "b", sk: "4", to: "new" } } },
  ],
};

async function begin(folder: string): Promise<void> {
  const emulator = await startEmulator({ dataDir: folder });
  const client = clientOf(emulator.endpoint);
  await createTable(client, TABLE);
  for (const sk of ["1", "2", "3"]) {
    await client.send(
      new PutCommand({ TableName: TABLE, Item: { pk: "a", sk, to: "old", dueShard: "due#0", dueAt: 1 } }),
    );
  }
  await emulator.close();
}

/** All items of the table and all entries of its index, as one line. */
async function contents(client: DynamoDBDocumentClient): Promise<string> {
  const items: string[] = [];
  for (const pk of ["a", "b"]) {
    const page = await client.send(
      new QueryCommand({
        TableName: TABLE,
        ConsistentRead: true,
        KeyConditionExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": pk },
      }),
    );
    for (const item of page.Items ?? []) items.push(`${item["sk"]}:${item["to"]}`);
  }
  const due = await client.send(
    new QueryCommand({
      TableName: TABLE,
      IndexName: "due",
      KeyConditionExpression: "dueShard = :s",
      ExpressionAttributeValues: { ":s": "due#0" },
    }),
  );
  const entries = (due.Items ?? []).map((item) => `${item["sk"]}@${item["dueAt"]}`).sort();
  return `${items.join(" ")} | ${entries.join(" ")}`;
}

const BEFORE = "1:old 2:old 3:old | 1@1 2@1 3@1";
const AFTER = "1:new 2:new 4:new | 1@2";

async function contentsOf(folder: string): Promise<string> {
  const emulator = await startEmulator({ dataDir: folder });
  try {
    return await contents(clientOf(emulator.endpoint));
  } finally {
    await emulator.close();
  }
}

describe("a transaction cut short by kill -9", () => {
  const steps = [
    ...TRANSACTION.TransactItems.map((_, index) => `staged ${index + 1} of ${TRANSACTION.TransactItems.length}`),
    "before the batch",
  ];
  it.each(steps)("leaves nothing of itself when it ends at: %s", async (step) => {
    const folder = await temporaryFolder();
    await begin(folder);
    const child = await forkEmulator(folder, step);
    await expect(clientOf(child.endpoint).send(new TransactWriteCommand(TRANSACTION))).rejects.toThrow();
    await child.ended;
    expect(await contentsOf(folder)).toBe(BEFORE);
  });

  it("is there as a whole once it was written, although it was not answered", async () => {
    const folder = await temporaryFolder();
    await begin(folder);
    const child = await forkEmulator(folder, "after the batch");
    await expect(clientOf(child.endpoint).send(new TransactWriteCommand(TRANSACTION))).rejects.toThrow();
    await child.ended;
    expect(await contentsOf(folder)).toBe(AFTER);
  });

  it("is all or nothing wherever the journal's last record is torn", async () => {
    const folder = await temporaryFolder();
    await begin(folder);
    const child = await forkEmulator(folder);
    const log = journalOf(folder);
    const start = statSync(log).size;
    await clientOf(child.endpoint).send(new TransactWriteCommand(TRANSACTION));
    child.process.kill("SIGKILL");
    await child.ended;
    const end = statSync(log).size;
    expect(end).toBeGreaterThan(start);
    const seen = new Map<string, number>();
    const cuts = Array.from({ length: 40 }, (_, at) => start + Math.round(((end - start) * at) / 40));
    for (const cut of [...cuts, end - 1]) {
      const copy = await temporaryFolder();
      cpSync(folder, copy, { recursive: true });
      truncateSync(journalOf(copy), cut);
      const found = await contentsOf(copy);
      seen.set(found, (seen.get(found) ?? 0) + 1);
    }
    expect([...seen.keys()]).toEqual([BEFORE]);
    expect(await contentsOf(folder)).toBe(AFTER);
  });

  it("can be sent again under the same token without happening twice", async () => {
    const folder = await temporaryFolder();
    await begin(folder);
    const increment = {
      ClientRequestToken: "one-and-the-same",
      TransactItems: [
        {
          Update: {
            TableName: TABLE,
            Key: { pk: "n", sk: "n" },
            UpdateExpression: "ADD n :one",
            ExpressionAttributeValues: { ":one": 1 },
          },
        },
      ],
    };
    const child = await forkEmulator(folder, "after the batch");
    await expect(clientOf(child.endpoint).send(new TransactWriteCommand(increment))).rejects.toThrow();
    await child.ended;
    const emulator = await startEmulator({ dataDir: folder });
    const client = clientOf(emulator.endpoint);
    await client.send(new TransactWriteCommand(increment));
    const { Item } = await client.send(new GetCommand({ TableName: TABLE, Key: { pk: "n", sk: "n" } }));
    await emulator.close();
    expect(Item).toEqual({ pk: "n", sk: "n", n: 1 });
  });
});

describe("a folder under load after kill -9", () => {
  it("has every write that was answered, each with its index entry", async () => {
    const folder = await temporaryFolder();
    await begin(folder);
    const child = await forkEmulator(folder);
    const client = clientOf(child.endpoint);
    const answered: number[] = [];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = writer; ; n += 8) {
        const item = { pk: "load", sk: String(n).padStart(6, "0"), dueShard: "due#1", dueAt: n };
        await client.send(new PutCommand({ TableName: TABLE, Item: item }));
        answered.push(n);
        if (answered.length === 200) child.process.kill("SIGKILL");
      }
    });
    await Promise.allSettled(writers);
    await child.ended;
    const emulator = await startEmulator({ dataDir: folder });
    const reader = clientOf(emulator.endpoint);
    const [items, index] = await Promise.all([
      reader.send(
        new QueryCommand({
          TableName: TABLE,
          KeyConditionExpression: "pk = :k",
          ExpressionAttributeValues: { ":k": "load" },
        }),
      ),
      reader.send(
        new QueryCommand({
          TableName: TABLE,
          IndexName: "due",
          KeyConditionExpression: "dueShard = :k",
          ExpressionAttributeValues: { ":k": "due#1" },
        }),
      ),
    ]);
    await emulator.close();
    const stored = (items.Items ?? []).map((item) => Number(item["dueAt"]));
    expect(stored).toEqual(expect.arrayContaining(answered));
    expect((index.Items ?? []).map((item) => Number(item["dueAt"]))).toEqual(stored);
  });
});

function journalOf(folder: string): string {
  const logs = readdirSync(folder).filter((name) => name.endsWith(".log"));
  return join(folder, logs.sort().at(-1) ?? "");
}
