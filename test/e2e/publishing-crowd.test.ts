import { ConditionalCheckFailedException, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, QueryCommand, UpdateCommand } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEmulator, type Emulator } from "../../infra/local/emulator.ts";
import { LOCAL_CREDENTIALS } from "../../infra/local/credentials.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { gather } from "../support/subscriber-peer/crowd.ts";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";

const SUBSCRIBERS = sized(25, 1000);
/** Goes out by its place: with what is around it a callback would be over 64 KiB. */
const LARGE = "x".repeat(64 * 1024);
/** Goes out whole. */
const SMALL = "y".repeat(1024);
const TABLE = "actingweb";

let emulator: Emulator;
let client: DynamoDBDocumentClient;
let service: Service;
let host: SubscriberHost;
beforeAll(async () => {
  // The table is the test's own here, so that it can look into it.
  emulator = await startEmulator({ dataDir: ":memory:" });
  const { endpoint } = emulator;
  client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ region: "local", credentials: LOCAL_CREDENTIALS, endpoint }),
  );
  host = await new SubscriberHost().listen();
  service = await startService({
    DYNAMODB_ENDPOINT: endpoint,
    TRUST_AUTO_APPROVE: "friend",
    SWEEP_INTERVAL_SECONDS: "1",
    CALLBACK_MODE: "sync",
    DELIVERED_KEEP_SECONDS: "1",
  });
});
afterAll(async () => {
  await service.dispose();
  client.destroy();
  await emulator.close();
  await host.close();
});

type Item = Record<string, unknown> & { pk: string; sk: string };

/** All that the table holds of an actor's publishing: its heads, its records, its markers. */
async function everythingOf(actorId: string): Promise<Item[]> {
  const items: Item[] = [];
  const buckets = Array.from({ length: Math.ceil(SUBSCRIBERS / 100) }, (_, n) => `B#${actorId}#${String(n)}`);
  for (const pk of [...["A", "H", "R", "S"].map((letter) => `${letter}#${actorId}`), ...buckets]) {
    let from: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: TABLE,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": pk },
          ConsistentRead: true,
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      items.push(...((page.Items ?? []) as Item[]));
      from = page.LastEvaluatedKey;
    } while (from);
  }
  return items;
}

/** What is still to be done within the hour; later is what happens every day. */
const due = (items: readonly Item[]): Item[] =>
  items.filter((item) => typeof item["dueAt"] === "number" && item["dueAt"] < Date.now() + 3_600_000);

/** Makes what is due soon due now, so that the next sweep does it. */
async function bringForward(items: readonly Item[]): Promise<void> {
  for (const { pk, sk, dueAt } of due(items)) {
    const change = new UpdateCommand({
      TableName: TABLE,
      Key: { pk, sk },
      UpdateExpression: "SET dueAt = :now",
      ConditionExpression: "dueAt = :was",
      ExpressionAttributeValues: { ":now": Date.now(), ":was": dueAt },
    });
    // The sweep may have done it meanwhile.
    await client.send(change).catch((error: unknown) => {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    });
  }
}

const bytesOf = (items: readonly Item[]): number => JSON.stringify(items).length;

describe(`${SUBSCRIBERS} subscribers to one property of 64 KiB`, () => {
  it("are all served within the gateway's limit, and no record is left", async () => {
    const actor = await service.createActor();
    const members = await gather(host, actor, SUBSCRIBERS, {
      scope: { subtarget: "big" },
      numbersOnly: true,
      acknowledges: true,
    });
    const before = bytesOf(await everythingOf(actor.id));

    // The gateway ends a request that takes too long with another status.
    for (const value of [LARGE, SMALL]) await actor.expect("PUT", "/properties/big", 204, value);
    const served = () => members.filter(({ stream }) => stream.arrivals.includes(2)).length;
    await until("every one served", () => served() === SUBSCRIBERS).catch(() => undefined);
    expect(served()).toBe(SUBSCRIBERS);
    const wrong = members.filter(({ stream }) => stream.arrivals.join() !== "1,2");
    expect(wrong.map(({ peer, stream }) => [peer.id, ...stream.arrivals])).toEqual([]);
    expect(members.flatMap(({ stream }) => stream.faults)).toEqual([]);

    // A fan-out is looked after some seconds later, whether it ended well or not.
    await bringForward(await everythingOf(actor.id));
    let items: Item[] = [];
    const clean = async (): Promise<boolean> => due((items = await everythingOf(actor.id))).length === 0;
    await until("nothing due", clean).catch(() => undefined);
    expect(due(items)).toEqual([]);
    const heads = items.filter(({ sk }) => sk.startsWith("IN#"));
    expect(heads).toHaveLength(SUBSCRIBERS);
    expect(heads.filter((head) => head["leaseToken"] !== undefined)).toEqual([]);
    const newest = heads.map(({ state }) => (JSON.parse(String(state)) as { sequence: number }).sequence);
    expect(newest.filter((sequence) => sequence !== 2)).toEqual([]);
    const records = items.filter(({ pk }) => pk.startsWith("R#"));
    expect(bytesOf(records), "records that were delivered are deleted").toBeLessThan(SMALL.length * 2);
    expect(bytesOf(items) - before, "what is left of two changes for each subscriber").toBeLessThan(SUBSCRIBERS * 250);
    expect(await polled(members[0]!.stream), "the backlog is empty").toEqual([]);
  });
});

async function polled(stream: { poll: () => Promise<{ entries: { sequence: number }[] }> }): Promise<number[]> {
  return (await stream.poll()).entries.map(({ sequence }) => sequence);
}
