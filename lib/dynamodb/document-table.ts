import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type DynamoDBClient,
  type TransactWriteItem,
} from "@aws-sdk/client-dynamodb";
import { itemFromWire, itemToWire, type WireItem } from "./attributes.ts";
import { checkExpressions, projection, queryExpressions, writeExpressions } from "./expressions.ts";
import { Retries, type RetryDeps } from "./retries.ts";
import {
  feedTimes,
  type Change,
  type Condition,
  type FeedItem,
  type Item,
  type Key,
  type Page,
  type QueryRange,
  type Table,
  type Write,
} from "./table.ts";
import type { Ids } from "../system/ports.ts";

const GET_BATCH = 100;
const DELETE_BATCH = 25;
/** Batches of one call that are under way at once. */
const PARALLEL_BATCHES = 4;

interface DocumentTableOptions extends RetryDeps {
  /** From `createTableClient`. */
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Names each transaction, so that it happens once, however often it is sent. */
  readonly ids: Pick<Ids, "id">;
}

/**
 * The table port over DynamoDB. Every request that failed for the moment is repeated, with growing, jittered pauses and
 * within the time that is left: one that was throttled until then, one that met a transaction or whose answer was lost a
 * bounded number of times. The unprocessed rest of a batch counts as throttled.
 *
 * A write whose answer was lost may be repeated after it has happened: its condition then fails because of the first one.
 * A transaction does not, because it keeps its token from then on.
 */
export class DocumentTable implements Table {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #ids: Pick<Ids, "id">;
  readonly #retries: RetryDeps;

  constructor({ client, tableName, ids, ...retries }: DocumentTableOptions) {
    this.#client = client;
    this.#table = tableName;
    this.#ids = ids;
    this.#retries = retries;
  }

  async get(key: Key, options: Parameters<Table["get"]>[1] = {}): Promise<Item | undefined> {
    const request = {
      TableName: this.#table,
      Key: wireKey(key),
      ConsistentRead: options.consistent ?? true,
      ...(options.only && projection(options.only)),
    };
    const { Item: found } = await this.#repeating(() => this.#client.send(new GetItemCommand(request)));
    return found && itemFromWire(found);
  }

  async getMany(keys: readonly Key[], options: Parameters<Table["getMany"]>[1] = {}): Promise<readonly Item[]> {
    const batches = inBatches(distinct(keys), GET_BATCH);
    const found = await mapConcurrent(batches, (batch) => this.#getBatch(batch, options.consistent ?? true));
    return found.flat();
  }

  async query(range: QueryRange): Promise<Page> {
    const expressions = queryExpressions(range);
    if (!expressions) return { items: [] };
    const request = {
      TableName: this.#table,
      ConsistentRead: range.consistent ?? true,
      ScanIndexForward: !range.descending,
      Limit: range.limit,
      ...expressions,
    };
    const answer = await this.#repeating(() => this.#client.send(new QueryCommand(request)));
    const { Items: items = [], LastEvaluatedKey: last } = answer;
    const page = items.map(itemFromWire);
    return last ? { items: page, next: last["sk"]?.S ?? "" } : { items: page };
  }

  async queryDue(...[shard, until, limit, after]: Parameters<Table["queryDue"]>): ReturnType<Table["queryDue"]> {
    const request = {
      TableName: this.#table,
      IndexName: "due",
      KeyConditionExpression: "#shard = :shard AND #at <= :until",
      ExpressionAttributeNames: { "#shard": "dueShard", "#at": "dueAt" },
      ExpressionAttributeValues: { ":shard": { S: shard }, ":until": { N: String(until) } },
      Limit: limit,
      ...(after && {
        ExclusiveStartKey: { ...wireKey(after), dueShard: { S: shard }, dueAt: { N: String(after.dueAt) } },
      }),
    };
    const { Items: items = [] } = await this.#repeating(() => this.#client.send(new QueryCommand(request)));
    return items.map((item) => ({
      pk: item["pk"]?.S ?? "",
      sk: item["sk"]?.S ?? "",
      dueAt: Number(item["dueAt"]?.N),
    }));
  }

  async queryFeed(...[index, shard, after, next]: Parameters<Table["queryFeed"]>): ReturnType<Table["queryFeed"]> {
    const at = feedTimes[index];
    const request = {
      TableName: this.#table,
      IndexName: index,
      KeyConditionExpression: "#shard = :shard AND #at > :after",
      ExpressionAttributeNames: { "#shard": "feedShard", "#at": at },
      ExpressionAttributeValues: { ":shard": { S: shard }, ":after": { N: String(after) } },
      ...(next && {
        ExclusiveStartKey: { ...wireKey(next), feedShard: { S: shard }, [at]: { N: String(next.feedAt) } },
      }),
    };
    const { Items = [], LastEvaluatedKey: last } = await this.#repeating(() =>
      this.#client.send(new QueryCommand(request)),
    );
    const itemOf = (item: (typeof Items)[number]): FeedItem => ({
      pk: item["pk"]?.S ?? "",
      sk: item["sk"]?.S ?? "",
      feedAt: Number(item[at]?.N),
    });
    return { items: Items.map(itemOf), ...(last && { next: itemOf(last) }) };
  }

  async put(item: Item, condition: Condition): Promise<void> {
    const write = { TableName: this.#table, Item: itemToWire(item), ...writeExpressions(condition), ...OLD_IMAGE };
    await this.#repeating(() => this.#client.send(new PutItemCommand(write)));
  }

  async update(key: Key, change: Change, condition: Condition): Promise<Item> {
    const write = {
      TableName: this.#table,
      Key: wireKey(key),
      ...writeExpressions(condition, change),
      ReturnValues: "ALL_NEW",
      ...OLD_IMAGE,
    } as const;
    const { Attributes: now } = await this.#repeating(() => this.#client.send(new UpdateItemCommand(write)));
    return itemFromWire({ ...now });
  }

  async delete(key: Key, condition: Condition): Promise<Item | undefined> {
    const write = {
      TableName: this.#table,
      Key: wireKey(key),
      ...writeExpressions(condition),
      ReturnValues: "ALL_OLD",
      ...OLD_IMAGE,
    } as const;
    const { Attributes: was } = await this.#repeating(() => this.#client.send(new DeleteItemCommand(write)));
    return was && itemFromWire(was);
  }

  async transact(writes: readonly Write[]): Promise<void> {
    const TransactItems = writes.map((write) => this.#transactItem(write));
    let token: string | undefined;
    await this.#repeating((inDoubt) => {
      // A cancelled transaction is sent as a new one; one whose answer was lost keeps its token, for it may have happened.
      token = inDoubt && token !== undefined ? token : this.#ids.id();
      return this.#client.send(new TransactWriteItemsCommand({ TransactItems, ClientRequestToken: token }));
    });
  }

  async deleteMany(keys: readonly Key[]): Promise<void> {
    await mapConcurrent(inBatches(distinct(keys), DELETE_BATCH), (batch) => this.#deleteBatch(batch));
  }

  #transactItem(write: Write): TransactWriteItem {
    const common = { TableName: this.#table, ...OLD_IMAGE };
    if ("put" in write) {
      return { Put: { ...common, Item: itemToWire(write.put), ...writeExpressions(write.condition) } };
    }
    if ("delete" in write) {
      return { Delete: { ...common, Key: wireKey(write.delete), ...writeExpressions(write.condition) } };
    }
    if ("check" in write) {
      return { ConditionCheck: { ...common, Key: wireKey(write.check), ...checkExpressions(write.condition) } };
    }
    const { UpdateExpression = "", ...rest } = writeExpressions(write.condition, write.change);
    if (UpdateExpression === "") throw new TypeError("An update in a transaction changes nothing; use a check.");
    return { Update: { ...common, Key: wireKey(write.update), UpdateExpression, ...rest } };
  }

  async #getBatch(batch: readonly Key[], consistent: boolean): Promise<Item[]> {
    const retries = new Retries(this.#retries);
    const found: Item[] = [];
    for (let requested = batch.map(wireKey); ;) {
      const request = { RequestItems: { [this.#table]: { Keys: requested, ConsistentRead: consistent } } };
      const answer = await retries.untilAnswered(() => this.#client.send(new BatchGetItemCommand(request)));
      const items = (answer.Responses?.[this.#table] ?? []).map(itemFromWire);
      found.push(...items);
      requested = answer.UnprocessedKeys?.[this.#table]?.Keys ?? [];
      if (requested.length === 0) return found;
      // A full answer of 16 MB leaves the rest for the next request: no sign of overload, and progress.
      if (items.length > 0) retries.progressed();
      else await retries.beforeRest();
    }
  }

  async #deleteBatch(batch: readonly Key[]): Promise<void> {
    const retries = new Retries(this.#retries);
    for (let requests = batch.map((key) => ({ DeleteRequest: { Key: wireKey(key) } })); ;) {
      const request = { RequestItems: { [this.#table]: requests } };
      const answer = await retries.untilAnswered(() => this.#client.send(new BatchWriteItemCommand(request)));
      const rest = (answer.UnprocessedItems?.[this.#table] ?? []) as typeof requests;
      if (rest.length === 0) return;
      if (rest.length < requests.length) retries.progressed();
      requests = rest;
      await retries.beforeRest();
    }
  }

  async #repeating<T>(send: (inDoubt: boolean) => Promise<T>): Promise<T> {
    return await new Retries(this.#retries).untilAnswered(send);
  }
}

const OLD_IMAGE = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;

/** The key of an item as requests carry it. */
function wireKey({ pk, sk }: Key): WireItem {
  return { pk: { S: pk }, sk: { S: sk } };
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
