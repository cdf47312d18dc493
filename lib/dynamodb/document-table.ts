import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type DynamoDBDocumentClient,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import { fromDocument, isEmptySet, members, toDocument } from "./attributes.ts";
import { checkExpressions, projection, queryExpressions, writeExpressions } from "./expressions.ts";
import { isRepeatable, isThrottled, refusal } from "./refusals.ts";
import {
  TableBusy,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Page,
  type QueryRange,
  type Table,
  type Write,
} from "./table.ts";

const GET_BATCH = 100;
const DELETE_BATCH = 25;
/** Batches of one call that are under way at once. */
const PARALLEL_BATCHES = 4;
/** Retries of a conflict, a throttled transaction, or the unprocessed rest of a batch: about three seconds at most. */
const MAX_RETRIES = 7;
/** With less time left than this (ms) nothing is retried, so that the request can still be answered. */
const LEAST_LEFT_MS = 1_000;
const FIRST_BACKOFF_MS = 25;
const MAX_BACKOFF_MS = 1000;

interface DocumentTableOptions {
  /** From `createDocumentClient`. */
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  /** 0 ≤ random < 1, for the jitter of retries. */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Milliseconds that the request being answered may still take; undefined in background work. */
  readonly remaining?: () => number | undefined;
}

/**
 * The table port over DynamoDB. The client retries throttling and lost answers; this class retries conflicts with
 * transactions, throttled transactions and the unprocessed rest of batches, with growing, jittered pauses, a bounded number of
 * times and within the time that is left.
 */
export class DocumentTable implements Table {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;
  readonly #random: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #remaining: () => number | undefined;

  constructor(options: DocumentTableOptions) {
    this.#client = options.client;
    this.#table = options.tableName;
    this.#random = options.random;
    this.#sleep = options.sleep;
    this.#remaining = options.remaining ?? (() => undefined);
  }

  async get(key: Key, options: Parameters<Table["get"]>[1] = {}): Promise<Item | undefined> {
    const { Item: found } = await this.#client.send(
      new GetCommand({
        TableName: this.#table,
        Key: plain(key),
        ConsistentRead: options.consistent ?? true,
        ...(options.only && projection(options.only)),
      }),
    );
    return found && itemOf(found);
  }

  async getMany(keys: readonly Key[], options: Parameters<Table["getMany"]>[1] = {}): Promise<readonly Item[]> {
    const batches = inBatches(distinct(keys), GET_BATCH);
    const found = await mapConcurrent(batches, (batch) => this.#getBatch(batch, options.consistent ?? true));
    return found.flat();
  }

  async query(range: QueryRange): Promise<Page> {
    const expressions = queryExpressions(range);
    if (!expressions) return { items: [] };
    const { Items: items = [], LastEvaluatedKey: last } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        ConsistentRead: range.consistent ?? true,
        ScanIndexForward: !range.descending,
        ...(range.limit !== undefined && { Limit: range.limit }),
        ...expressions,
      }),
    );
    const page = items.map(itemOf);
    return last ? { items: page, next: last["sk"] as string } : { items: page };
  }

  async queryDue(...[shard, until, limit, after]: Parameters<Table["queryDue"]>): ReturnType<Table["queryDue"]> {
    const { Items: items = [] } = await this.#client.send(
      new QueryCommand({
        TableName: this.#table,
        IndexName: "due",
        KeyConditionExpression: "#shard = :shard AND #at <= :until",
        ExpressionAttributeNames: { "#shard": "dueShard", "#at": "dueAt" },
        ExpressionAttributeValues: { ":shard": shard, ":until": until },
        Limit: limit,
        ...(after && { ExclusiveStartKey: { ...plain(after), dueShard: shard, dueAt: after.dueAt } }),
      }),
    );
    return items.map((item) => ({
      pk: item["pk"] as string,
      sk: item["sk"] as string,
      dueAt: item["dueAt"] as number,
    }));
  }

  async put(item: Item, condition: Condition): Promise<void> {
    const write = { TableName: this.#table, Item: documentOf(item), ...writeExpressions(condition), ...OLD_IMAGE };
    await this.#repeating(() => this.#client.send(new PutCommand(write)));
  }

  async update(key: Key, change: Change, condition: Condition): Promise<Item> {
    const write = {
      TableName: this.#table,
      Key: plain(key),
      ...writeExpressions(condition, change),
      ReturnValues: "ALL_NEW",
      ...OLD_IMAGE,
    } as const;
    const { Attributes: now } = await this.#repeating(() => this.#client.send(new UpdateCommand(write)));
    return itemOf({ ...now });
  }

  async delete(key: Key, condition: Condition): Promise<Item | undefined> {
    const write = {
      TableName: this.#table,
      Key: plain(key),
      ...writeExpressions(condition),
      ReturnValues: "ALL_OLD",
      ...OLD_IMAGE,
    } as const;
    const { Attributes: was } = await this.#repeating(() => this.#client.send(new DeleteCommand(write)));
    return was && itemOf(was);
  }

  async transact(writes: readonly Write[]): Promise<void> {
    const items = writes.map((write) => this.#transactItem(write));
    await this.#repeating(() => this.#client.send(new TransactWriteCommand({ TransactItems: items })));
  }

  async deleteMany(keys: readonly Key[]): Promise<void> {
    await mapConcurrent(inBatches(distinct(keys), DELETE_BATCH), (batch) => this.#deleteBatch(batch));
  }

  #transactItem(write: Write): NonNullable<TransactWriteCommandInput["TransactItems"]>[number] {
    const common = { TableName: this.#table, ...OLD_IMAGE };
    if ("put" in write) {
      return { Put: { ...common, Item: documentOf(write.put), ...writeExpressions(write.condition) } };
    }
    if ("delete" in write) {
      return { Delete: { ...common, Key: plain(write.delete), ...writeExpressions(write.condition) } };
    }
    if ("check" in write) {
      return { ConditionCheck: { ...common, Key: plain(write.check), ...checkExpressions(write.condition) } };
    }
    const { UpdateExpression = "", ...rest } = writeExpressions(write.condition, write.change);
    if (UpdateExpression === "") throw new TypeError("An update in a transaction changes nothing; use a check.");
    return { Update: { ...common, Key: plain(write.update), UpdateExpression, ...rest } };
  }

  async #getBatch(batch: readonly Key[], consistent: boolean): Promise<Item[]> {
    const found: Item[] = [];
    let requested = batch.map(plain);
    for (let retry = 0; requested.length > 0; retry += 1) {
      if (retry > 0 && !(await this.#paused(retry))) throw undone();
      const answer = await this.#client.send(
        new BatchGetCommand({ RequestItems: { [this.#table]: { Keys: requested, ConsistentRead: consistent } } }),
      );
      const items = (answer.Responses?.[this.#table] ?? []).map(itemOf);
      found.push(...items);
      requested = (answer.UnprocessedKeys?.[this.#table]?.Keys ?? []) as Key[];
      // A full answer of 16 MB leaves the rest for the next request: no sign of overload, and progress.
      if (items.length > 0) retry = -1;
    }
    return found;
  }

  async #deleteBatch(batch: readonly Key[]): Promise<void> {
    let requests = batch.map((key) => ({ DeleteRequest: { Key: plain(key) } }));
    for (let retry = 0; requests.length > 0; retry += 1) {
      if (retry > 0 && !(await this.#paused(retry))) throw undone();
      const answer = await this.#client.send(new BatchWriteCommand({ RequestItems: { [this.#table]: requests } }));
      requests = (answer.UnprocessedItems?.[this.#table] ?? []) as typeof requests;
    }
  }

  async #repeating<T>(send: () => Promise<T>): Promise<T> {
    for (let retry = 1; ; retry += 1) {
      try {
        return await send();
      } catch (error) {
        const refused = refusal(error);
        if (!isRepeatable(refused)) throw refused;
        if (await this.#paused(retry)) continue;
        throw isThrottled(refused) ? new TableBusy("The table throttles this transaction.", { cause: error }) : refused;
      }
    }
  }

  /** Waits before the next attempt; false, at once, when there is none. */
  async #paused(retry: number): Promise<boolean> {
    const wait = this.#random() * Math.min(FIRST_BACKOFF_MS * 2 ** retry, MAX_BACKOFF_MS);
    const left = this.#remaining() ?? Number.POSITIVE_INFINITY;
    if (retry > MAX_RETRIES || left - wait < LEAST_LEFT_MS) return false;
    await this.#sleep(wait);
    return true;
  }
}

const undone = (): TableBusy => new TableBusy("The table left a part of a batch undone, however often it was asked.");

const OLD_IMAGE = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;

/** The key of an item. */
function plain({ pk, sk }: Key): { pk: string; sk: string } {
  return { pk, sk };
}

function documentOf(item: Item): Record<string, unknown> {
  const present = members(item).filter(([, value]) => !isEmptySet(value));
  return Object.fromEntries(present.map(([name, value]) => [name, toDocument(value)]));
}

function itemOf(document: Readonly<Record<string, unknown>>): Item {
  return fromDocument(document) as Item;
}

/** Each key once: a batch that names one twice is refused. */
function distinct(keys: readonly Key[]): Key[] {
  const seen = new Map(keys.map((key) => [JSON.stringify([key.pk, key.sk]), key]));
  return [...seen.values()];
}

function inBatches<T>(things: readonly T[], size: number): T[][] {
  const count = Math.ceil(things.length / size);
  return Array.from({ length: count }, (_, at) => things.slice(at * size, (at + 1) * size));
}

/** The results in order, with at most `PARALLEL_BATCHES` under way. */
async function mapConcurrent<T, R>(things: readonly T[], run: (thing: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = things.entries();
  const worker = async () => {
    for (const [at, thing] of queue) results[at] = await run(thing);
  };
  await Promise.all(Array.from({ length: PARALLEL_BATCHES }, worker));
  return results;
}
