import { writeCapacity } from "./capacity.ts";
import { database, isKnown, run, serviceError, validate, type Request, type WireError } from "./dynalite.ts";
import { Gate } from "./gate.ts";
import type { Staging, Storage } from "./storage.ts";
import { staleTokens, transactGet, transactWrite, type OnStep } from "./transactions.ts";

type Input = Readonly<Record<string, unknown>>;

const SINGLE_WRITES: ReadonlySet<string> = new Set(["PutItem", "UpdateItem", "DeleteItem"]);
const EXPIRED_AT_ONCE = 100;

/** The operations of the service: dynalite's, and those that dynalite lacks. */
export class Operations {
  readonly #storage: Storage;
  readonly #gate = new Gate();
  readonly #onStep: OnStep | undefined;

  constructor(storage: Storage, onStep?: OnStep) {
    this.#storage = storage;
    this.#onStep = onStep;
  }

  /** Runs one operation. Rejects with a WireError for a request that the service refuses. */
  perform(operation: string, input: Input): Promise<object> {
    switch (operation) {
      case "TransactWriteItems":
        return this.#gate.exclusive(() => transactWrite(this.#storage, input, Date.now(), this.#onStep));
      case "TransactGetItems":
        return this.#gate.exclusive(() => transactGet(this.#storage, input));
      case "BatchWriteItem":
        return this.#gate.exclusive(() => this.#batchWrite(input));
      case "CreateTable":
      case "DeleteTable":
        return this.#gate.exclusive(() => this.#changeTables(operation, input));
      case "UpdateTimeToLive":
      case "DescribeTimeToLive":
        return this.#gate.exclusive(() => this.#timeToLive(operation, input));
      default:
        if (SINGLE_WRITES.has(operation)) return this.#gate.shared(() => this.#write(operation, input));
        return this.#gate.shared(() => this.#read(operation, input));
    }
  }

  /** Deletes the items whose time was before `now` (ms since 1970). @returns the number of deleted items */
  async expire(now: number): Promise<number> {
    let count = 0;
    for (;;) {
      const removed = await this.#gate.exclusive(() => this.#expireSome(now));
      count += removed;
      if (removed < EXPIRED_AT_ONCE) return count;
    }
  }

  /** Resolves when no operation runs any more. */
  idle(): Promise<void> {
    return this.#gate.exclusive(() => Promise.resolve());
  }

  async #read(operation: string, input: Input): Promise<object> {
    if (!isKnown(operation)) throw unknownOperation();
    const { store } = this.#storage.stage(true);
    return run(operation, store, validate(operation, input, store));
  }

  async #write(operation: string, input: Input): Promise<object> {
    const staging = this.#storage.stage(false);
    const data = validate(operation, input, staging.store);
    try {
      const result = await run(operation, staging.store, data);
      return { ...result, ...consumed(data, staging) };
    } catch (error) {
      const body = (error as WireError).body;
      const failed = body?.__type.endsWith("#ConditionalCheckFailedException") ?? false;
      const [item] = staging.reads.values();
      if (failed && item && input["ReturnValuesOnConditionCheckFailure"] === "ALL_OLD") {
        throw serviceError("ConditionalCheckFailedException", body?.message ?? "", { Item: item });
      }
      throw error;
    }
  }

  async #batchWrite(input: Input): Promise<object> {
    const staging = this.#storage.stage(true);
    const data = validate("BatchWriteItem", input, staging.store);
    const result = await run("BatchWriteItem", staging.store, data);
    await this.#storage.commit(staging.operations);
    const requested = data["ReturnConsumedCapacity"];
    if (requested !== "TOTAL" && requested !== "INDEXES") return result;
    return { ...result, ConsumedCapacity: writeCapacity(staging.effects, [], 1, requested) };
  }

  async #changeTables(operation: string, input: Input): Promise<object> {
    const { base } = this.#storage;
    const data = validate(operation, input, base);
    const result = await run(operation, base, data);
    this.#storage.forgetTable(data.TableName);
    // dynalite finishes in the background, but a client may use the table as soon as it has the answer.
    const requested = operation === "CreateTable" ? "ACTIVE" : undefined;
    while ((await this.#status(data.TableName)) !== requested) await new Promise((resolve) => setTimeout(resolve, 1));
    if (operation === "DeleteTable") await this.#storage.expiry.set(data.TableName, undefined);
    return result;
  }

  async #status(table: string): Promise<string | undefined> {
    const found = (await this.#storage.base.db.get(`table~${table}`)) as { TableStatus: string } | undefined;
    return found?.TableStatus;
  }

  async #timeToLive(operation: string, input: Input): Promise<object> {
    const { TableName: name } = validate("DescribeTimeToLive", input, this.#storage.base);
    await this.#storage.table(name);
    if (operation === "UpdateTimeToLive") {
      const { AttributeName: attribute, Enabled: enabled } = (input["TimeToLiveSpecification"] ?? {}) as Input;
      if (typeof attribute !== "string" || attribute === "" || typeof enabled !== "boolean") {
        throw database.validationError("TimeToLiveSpecification needs an AttributeName and Enabled");
      }
      await this.#storage.expiry.set(name, enabled ? attribute : undefined);
      return { TimeToLiveSpecification: { AttributeName: attribute, Enabled: enabled } };
    }
    const attribute = this.#storage.expiry.attribute(name);
    const status = attribute === undefined ? "DISABLED" : "ENABLED";
    const named = attribute === undefined ? {} : { AttributeName: attribute };
    return { TimeToLiveDescription: { TimeToLiveStatus: status, ...named } };
  }

  async #expireSome(now: number): Promise<number> {
    const staging = this.#storage.stage(true);
    const { store } = staging;
    const expired = await this.#storage.expiry.due(now, EXPIRED_AT_ONCE);
    for (const { table: name, key, entry } of expired) {
      const item = (await store.db.get(`item-${name}~${key}`)) as Readonly<Record<string, object>> | undefined;
      const table = await this.#storage.table(name);
      const names = table.KeySchema.map(({ AttributeName }) => AttributeName);
      if (item)
        await run("DeleteItem", store, { TableName: name, Key: Object.fromEntries(names.map((n) => [n, item[n]])) });
      staging.operations.push({ type: "del", key: entry });
    }
    await this.#storage.commit([...staging.operations, ...(await staleTokens(this.#storage, now))]);
    return expired.length;
  }
}

function consumed(data: Request, staging: Staging): object {
  const requested = data["ReturnConsumedCapacity"];
  if (requested !== "TOTAL" && requested !== "INDEXES") return {};
  // Deleting a missing item writes nothing, but costs one unit.
  const untouched = staging.effects.length === 0 ? [data.TableName] : [];
  return { ConsumedCapacity: writeCapacity(staging.effects, untouched, 1, requested)[0] };
}

function unknownOperation(): WireError {
  const error: WireError = new Error("The emulator does not know this operation");
  error.statusCode = 400;
  error.body = { __type: "com.amazon.coral.service#UnknownOperationException", message: error.message };
  return error;
}
