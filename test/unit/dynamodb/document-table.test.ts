import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
  type CancellationReason,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { DocumentTable } from "../../../lib/dynamodb/document-table.ts";
import { always, ConditionFailed, itemMissing, TableBusy, TransactionRefused } from "../../../lib/dynamodb/table.ts";
import { plainForm, wireForm } from "../../support/wire-form.ts";

const KEY = { pk: "p", sk: "s" };
const METADATA = { $metadata: {}, message: "" };
const conflict = new TransactionConflictException(METADATA);

/** A table whose client gives these answers, one after another, the last one for ever; errors are thrown. */
function tableAnswering(...answers: readonly unknown[]) {
  return tableWithin(() => undefined, ...answers);
}

/** The same for a request that has so much time left, less with each pause. */
function tableWithin(remaining: (paused: number) => number | undefined, ...answers: readonly unknown[]) {
  const sent: Record<string, unknown>[] = [];
  const pauses: number[] = [];
  const send = async (command: { input: Record<string, unknown> }) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)];
    sent.push(plainForm(command.input) as Record<string, unknown>);
    if (answer instanceof Error) throw answer;
    return wireForm(answer);
  };
  const client = { send } as unknown as DynamoDBClient;
  const sleep = async (ms: number) => void pauses.push(ms);
  const left = (): number | undefined => remaining(pauses.reduce((sum, ms) => sum + ms, 0));
  let tokens = 0;
  const ids = { id: () => `token-${String((tokens += 1))}` };
  const table = new DocumentTable({ client, tableName: "t", ids, random: () => 0.5, sleep, remaining: left });
  return { table, sent, pauses };
}

describe("DocumentTable", () => {
  it("asks for the item as it was and as it is, and nothing else", async () => {
    const { table, sent } = tableAnswering({ Attributes: { ...KEY, n: 1 } });
    expect(await table.update({ ...KEY, more: 1 } as never, { add: { n: 1 } }, always)).toEqual({ ...KEY, n: 1 });
    expect(sent).toEqual([
      {
        TableName: "t",
        Key: KEY,
        UpdateExpression: "ADD #n0 :v0",
        ExpressionAttributeNames: { "#n0": "n" },
        ExpressionAttributeValues: { ":v0": 1 },
        ReturnValues: "ALL_NEW",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    ]);
  });

  it("reads strongly consistent by default", async () => {
    const { table, sent } = tableAnswering({});
    await table.get(KEY);
    await table.get(KEY, { consistent: false });
    await table.query({ pk: "p", prefix: "" });
    await table.query({ pk: "p", prefix: "", consistent: false });
    expect(sent.map((input) => input["ConsistentRead"])).toEqual([true, false, true, false]);
  });

  it("gives the item of a failed condition from the wire's form", async () => {
    const wire = { pk: { S: "p" }, sk: { S: "s" }, n: { N: "9007199254740993" }, s: { NS: ["1"] }, m: { M: {} } };
    const { table } = tableAnswering(new ConditionalCheckFailedException({ ...METADATA, Item: wire }));
    const failure: unknown = await table.put(KEY, itemMissing).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConditionFailed);
    expect((failure as ConditionFailed).item).toEqual({ ...KEY, n: 2 ** 53, s: new Set([1]), m: {} });
  });

  it("retries a single write that met a transaction, with growing pauses", async () => {
    const { table, sent, pauses } = tableAnswering(conflict, conflict, conflict, { Attributes: KEY });
    expect(await table.update(KEY, {}, always)).toEqual(KEY);
    expect(sent).toHaveLength(4);
    expect(pauses).toEqual([25, 50, 100]);
  });

  it("sends nothing more when its time is over after a pause, as for a process that was frozen meanwhile", async () => {
    const { table, sent } = tableWithin((paused) => (paused === 0 ? 5_000 : 0), conflict);
    await expect(table.delete(KEY, always)).rejects.toBe(conflict);
    expect(sent).toHaveLength(1);
  });

  it("gives up on conflicts in the end", async () => {
    const { table, sent, pauses } = tableAnswering(conflict);
    await expect(table.delete(KEY, always)).rejects.toBe(conflict);
    expect(sent).toHaveLength(8);
    expect(Math.max(...pauses)).toBe(500);
  });

  it("retries a transaction that only met others, and no other refusal", async () => {
    const refused = (...codes: string[]) => canceled(codes.map((Code) => ({ Code })));
    const writes = [{ put: KEY, condition: always }];
    const patient = tableAnswering(refused("None", "TransactionConflict"), {});
    await patient.table.transact(writes);
    expect(patient.sent).toHaveLength(2);
    for (const [code, failure] of [
      ["ConditionalCheckFailed", TransactionRefused],
      ["ValidationError", TransactionCanceledException],
      ["ItemCollectionSizeLimitExceeded", TransactionCanceledException],
    ] as const) {
      const { table, sent } = tableAnswering(refused("TransactionConflict", code));
      await expect(table.transact(writes)).rejects.toThrow(failure);
      expect(sent).toHaveLength(1);
    }
  });

  it.each(["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"])(
    "retries a transaction cancelled for %s, with growing pauses",
    async (Code) => {
      const busy = canceled([{ Code: "None" }, { Code }]);
      const { table, sent, pauses } = tableAnswering(busy, busy, {});
      await table.transact([{ put: KEY, condition: always }]);
      expect([sent.length, pauses]).toEqual([3, [25, 50]]);
    },
  );

  it("rejects with TableBusy, and no other cause, when transactions stay throttled", async () => {
    const { table, pauses } = tableAnswering(canceled([{ Code: "TransactionConflict" }, { Code: "ThrottlingError" }]));
    await expect(table.transact([{ put: KEY, condition: always }])).rejects.toThrow(TableBusy);
    expect(sum(pauses)).toSatisfy((ms: number) => ms > 9_000 && ms <= 10_000);
  });

  it("takes a condition that failed for the cause, whatever else was throttled", async () => {
    const { table, sent } = tableAnswering(canceled([{ Code: "ThrottlingError" }, { Code: "ConditionalCheckFailed" }]));
    const failure: unknown = await table.transact([{ put: KEY, condition: always }]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TransactionRefused);
    expect(sent).toHaveLength(1);
  });

  it("retries nothing for which the request has no time left", async () => {
    const busy = canceled([{ Code: "ThrottlingError" }]);
    const { table, sent, pauses } = tableWithin((paused) => 1_100 - paused, busy);
    await expect(table.transact([{ put: KEY, condition: always }])).rejects.toThrow(TableBusy);
    expect([sent.length, pauses]).toEqual([3, [25, 50]]);
    const late = tableWithin(() => 900, { Responses: {}, UnprocessedKeys: { t: { Keys: [KEY] } } });
    await expect(late.table.getMany([KEY])).rejects.toThrow(TableBusy);
    expect(late.sent).toHaveLength(1);
  });

  it("gives the reasons of a refused transaction in order, with the items found", async () => {
    const item = { pk: { S: "p" }, sk: { S: "s" } };
    const reasons = [{ Code: "None" }, { Code: "ConditionalCheckFailed", Item: item }, { Code: "ThrottlingError" }];
    const { table } = tableAnswering(canceled(reasons));
    const failure: unknown = await table.transact([{ put: KEY, condition: always }]).catch((error: unknown) => error);
    expect((failure as TransactionRefused).reasons).toEqual([
      { code: "none" },
      { code: "condition", item: KEY },
      { code: "throttled" },
    ]);
  });

  it("asks again for what a batch left unread, and pauses only when it got nothing", async () => {
    const other = { pk: "p", sk: "t" };
    const rest = { t: { Keys: [other] } };
    const { table, sent, pauses } = tableAnswering(
      { Responses: { t: [KEY] }, UnprocessedKeys: rest },
      { Responses: { t: [] }, UnprocessedKeys: rest },
      { Responses: { t: [other] } },
    );
    expect(await table.getMany([KEY, other, KEY])).toEqual([KEY, other]);
    const asked = sent.map((input) => (input["RequestItems"] as { t: { Keys: unknown[] } }).t.Keys);
    expect(asked).toEqual([[KEY, other], [other], [other]]);
    expect(pauses).toEqual([25]);
  });

  it("gives up on a batch that is never done", async () => {
    const reads = tableAnswering({ Responses: {}, UnprocessedKeys: { t: { Keys: [KEY] } } });
    await expect(reads.table.getMany([KEY])).rejects.toThrow(TableBusy);
    expect(sum(reads.pauses)).toSatisfy((ms: number) => ms > 9_000 && ms <= 10_000);
    const deletions = tableAnswering({ UnprocessedItems: { t: [{ DeleteRequest: { Key: KEY } }] } });
    await expect(deletions.table.deleteMany([KEY])).rejects.toThrow(TableBusy);
    expect(sum(deletions.pauses)).toSatisfy((ms: number) => ms > 9_000 && ms <= 10_000);
  });

  it("sends one request per 100 keys read and per 25 deleted", async () => {
    const keys = Array.from({ length: 250 }, (_, at) => ({ pk: "p", sk: String(at) }));
    const { table, sent } = tableAnswering({});
    await table.getMany(keys);
    expect(sent).toHaveLength(3);
    await table.deleteMany(keys.slice(0, 60));
    expect(sent).toHaveLength(6);
  });

  it("sends nothing for a range that nothing can lie in", async () => {
    const { table, sent } = tableAnswering({});
    expect(await table.query({ pk: "p", prefix: "Q#", after: "R" })).toEqual({ items: [] });
    expect(sent).toEqual([]);
  });
});

/** Every request of the port, with an answer to it. */
const REQUESTS: readonly (readonly [name: string, run: (table: DocumentTable) => Promise<unknown>, answer: object])[] =
  [
    ["get", (table) => table.get(KEY), {}],
    ["getMany", (table) => table.getMany([KEY]), {}],
    ["query", (table) => table.query({ pk: "p", prefix: "" }), {}],
    ["queryDue", (table) => table.queryDue("0", 1, 1), {}],
    ["put", (table) => table.put(KEY, always), {}],
    ["update", (table) => table.update(KEY, {}, always), { Attributes: KEY }],
    ["delete", (table) => table.delete(KEY, always), {}],
    ["transact", (table) => table.transact([{ put: KEY, condition: always }]), {}],
    ["deleteMany", (table) => table.deleteMany([KEY]), {}],
  ];
const THROTTLING = ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"];
const named = (name: string): Error => Object.assign(new Error(name), { name });
const lost = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });

describe("a throttled request", () => {
  const cases = REQUESTS.flatMap(([name, run, answer]) =>
    THROTTLING.map((error) => ({ name, error: named(error), run, answer })),
  );

  it.each(cases)("goes through after pauses: $name, $error.name", async ({ run, answer, error }) => {
    const { table, sent, pauses } = tableAnswering(error, error, error, answer);
    await run(table);
    expect([sent.length, pauses]).toEqual([4, [25, 50, 100]]);
  });

  it.each(cases)("is TableBusy when it is for ever: $name, $error.name", async ({ run, error }) => {
    const { table, pauses } = tableWithin((paused) => 28_000 - paused, error);
    await expect(run(table)).rejects.toThrow(TableBusy);
    expect(sum(pauses)).toSatisfy((ms: number) => ms > 26_000 && ms <= 27_000);
  });

  it("ends also where no time passes and the jitter is always 0", async () => {
    const send = async () => await Promise.reject(named("ThrottlingException"));
    const client = { send } as unknown as DynamoDBClient;
    const ids = { id: () => "token" };
    const sleep = async () => await Promise.resolve();
    const table = new DocumentTable({ client, tableName: "t", ids, random: () => 0, sleep, remaining: () => 28_000 });
    await expect(table.get(KEY)).rejects.toThrow(TableBusy);
  });
});

describe("a request whose answer is lost", () => {
  it.each(REQUESTS.map(([name, run, answer]) => ({ name, run, answer })))(
    "is sent four times at most: $name",
    async ({ run, answer }) => {
      const once = tableAnswering(lost, answer);
      await run(once.table);
      expect(once.sent).toHaveLength(2);
      const never = tableAnswering(lost);
      await expect(run(never.table)).rejects.toBe(lost);
      expect(never.sent).toHaveLength(4);
    },
  );

  it("is never said to have done nothing, whatever came of its other attempts", async () => {
    const after = tableAnswering(named("ThrottlingException"), lost, named("ThrottlingException"));
    await expect(after.table.put(KEY, always)).rejects.toBe(lost);
    const met = tableAnswering(lost, canceled([{ Code: "TransactionConflict" }]));
    await expect(met.table.transact([{ put: KEY, condition: always }])).rejects.toBe(lost);
  });

  it("keeps its token if it is a transaction, and only then", async () => {
    const busy = canceled([{ Code: "ThrottlingError" }]);
    const { table, sent } = tableAnswering(busy, lost, busy, named("TransactionInProgressException"), {});
    await table.transact([{ put: KEY, condition: always }]);
    const tokens = sent.map((input) => input["ClientRequestToken"]);
    expect(tokens).toEqual(["token-1", "token-2", "token-2", "token-2", "token-2"]);
  });
});

it.each(["AccessDeniedException", "ValidationException", "ResourceNotFoundException", "ExpiredTokenException"])(
  "no request is sent again after %s",
  async (name) => {
    for (const [, run] of REQUESTS) {
      const { table, sent } = tableAnswering(named(name));
      await expect(run(table)).rejects.toThrow(name);
      expect(sent).toHaveLength(1);
    }
  },
);

const sum = (each: readonly number[]): number => each.reduce((all, one) => all + one, 0);

function canceled(CancellationReasons: CancellationReason[]): TransactionCanceledException {
  return new TransactionCanceledException({ ...METADATA, CancellationReasons });
}
