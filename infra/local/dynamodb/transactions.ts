import { compact } from "../../../lib/system/compact.ts";
import { createHash } from "node:crypto";
import { writeCapacity } from "./capacity.ts";
import {
  database,
  run,
  serviceError,
  validate,
  type Request,
  type TableDefinition,
  type WireError,
  type WireItem,
} from "./dynalite.ts";
import { itemBytes } from "./item-size.ts";
import type { Operation, Staging, Storage } from "./storage.ts";

const MAX_ITEMS = 100;
const MAX_BYTES = 4 * 1024 * 1024;
/** The service keeps a transaction's token this long. */
const TOKEN_MS = 10 * 60_000;

/** Called at each step of a transaction, so that a test can end the process between any two. */
export type OnStep = (step: string) => Promise<void> | void;

interface Step {
  readonly operation: "PutItem" | "UpdateItem" | "DeleteItem" | "ConditionCheck";
  readonly data: Request;
  readonly returnsItem: boolean;
  readonly table: TableDefinition;
  /** The item's full key in the storage. */
  readonly key: string;
}

interface Reason {
  readonly Code: string;
  readonly Message?: string;
  readonly Item?: WireItem;
}

const OPERATIONS = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheck",
} as const;

/**
 * TransactWriteItems: every condition is evaluated and every write staged before anything is written; then all of it
 * is one batch (see Storage). The caller ensures that nothing else runs meanwhile. Answers and errors are the
 * service's: ValidationException, ResourceNotFoundException, IdempotentParameterMismatchException, and
 * TransactionCanceledException with one reason per write.
 */
export async function transactWrite(
  storage: Storage,
  input: Readonly<Record<string, unknown>>,
  now: number,
  onStep: OnStep = () => undefined,
): Promise<object> {
  const { ClientRequestToken: token, ReturnConsumedCapacity: detail, TransactItems: items } = input;
  const remembered = typeof token === "string" && token !== "" ? await recall(storage, token, items, now) : undefined;
  if (remembered === "done") return {};
  const steps = await parse(storage, items);
  const staging = storage.stage(true);
  const reasons: Reason[] = [];
  for (const [index, step] of steps.entries()) {
    reasons.push(await stageOne(staging, step));
    await onStep(`staged ${index + 1} of ${steps.length}`);
  }
  refuseIfAny(reasons);
  refuseIfTooLarge(staging);
  if (remembered) staging.operations.push(remembered);
  await onStep("before the batch");
  await storage.commit(staging.operations, true);
  await onStep("after the batch");
  const requested = detail === "TOTAL" || detail === "INDEXES";
  return requested ? { ConsumedCapacity: writeCapacity(staging.effects, [], 2, detail) } : {};
}

/** TransactGetItems: all items as of one moment. The caller ensures that nothing is written meanwhile. */
export async function transactGet(storage: Storage, input: Readonly<Record<string, unknown>>): Promise<object> {
  const staging = storage.stage(true);
  const items = checkCount(input["TransactItems"]);
  const requests = items.map((item) => {
    const get = item["Get"] ?? missing();
    return validate("GetItem", { ...get, ReturnConsumedCapacity: "TOTAL" }, staging.store);
  });
  const responses: object[] = [];
  const units = new Map<string, number>();
  for (const data of requests) {
    const { Item, ConsumedCapacity } = await run("GetItem", staging.store, { ...data, ConsistentRead: true });
    responses.push(compact({ Item }));
    const consumed = 2 * (ConsumedCapacity as { CapacityUnits: number }).CapacityUnits;
    units.set(data.TableName, (units.get(data.TableName) ?? 0) + consumed);
  }
  const detail = input["ReturnConsumedCapacity"];
  if (detail !== "TOTAL" && detail !== "INDEXES") return { Responses: responses };
  const capacity = [...units].map(([TableName, count]) => ({
    TableName,
    CapacityUnits: count,
    ReadCapacityUnits: count,
  }));
  return { Responses: responses, ConsumedCapacity: capacity };
}

/** The keys of expired tokens. */
export async function staleTokens(storage: Storage, now: number): Promise<Operation[]> {
  const stale: Operation[] = [];
  for await (const [key, value] of storage.base.db.iterator({ gte: "token~", lt: "token~\xff" })) {
    if ((value as { at: number }).at <= now - TOKEN_MS) stale.push({ type: "del", key });
  }
  return stale;
}

async function parse(storage: Storage, items: unknown): Promise<Step[]> {
  const steps: Step[] = [];
  const seen = new Set<string>();
  for (const item of checkCount(items)) {
    const step = await parseOne(storage, item);
    if (seen.has(step.key)) {
      throw database.validationError("Transaction request cannot include multiple operations on one item");
    }
    seen.add(step.key);
    steps.push(step);
  }
  return steps;
}

async function parseOne(storage: Storage, item: Readonly<Record<string, object>>): Promise<Step> {
  const kinds = Object.keys(OPERATIONS).filter(
    (kind) => (item[kind] ?? undefined) !== undefined,
  ) as (keyof typeof OPERATIONS)[];
  const kind = kinds[0];
  if (kind === undefined || kinds.length > 1) return missing();
  const operation = OPERATIONS[kind];
  const input = item[kind] as Readonly<Record<string, unknown>>;
  if (operation === "ConditionCheck" && !input["ConditionExpression"]) missing();
  if (operation === "UpdateItem" && !input["UpdateExpression"]) missing();
  // A check has the fields of a deletion.
  const validated = operation === "ConditionCheck" ? "DeleteItem" : operation;
  const data = validate(validated, { ...input, ReturnValues: "NONE" }, storage.base);
  const table = await storage.table(data.TableName);
  const holder = (operation === "PutItem" ? data["Item"] : data["Key"]) as WireItem;
  if (operation !== "PutItem") throwIf(database.validateKey(holder, table));
  for (const { AttributeName: name } of table.KeySchema) {
    const type = Object.keys(holder[name] ?? {})[0];
    if (type === undefined || holder[name]?.["S"] === "") {
      throw database.validationError(
        "One or more parameter values were invalid: " +
          (type === undefined ? `Missing the key ${name} in the item` : `The key ${name} cannot be an empty string`),
      );
    }
  }
  const key = `item-${data.TableName}~${database.createKey(holder, table)}`;
  const returnsItem = input["ReturnValuesOnConditionCheckFailure"] === "ALL_OLD";
  return { operation, data, returnsItem, table, key };
}

async function stageOne(staging: Staging, step: Step): Promise<Reason> {
  try {
    if (step.operation === "ConditionCheck") await check(staging, step);
    else await run(step.operation, staging.store, step.data);
    return { Code: "None" };
  } catch (error) {
    const { __type: type = "", message = "" } = (error as WireError).body ?? {};
    if (type.endsWith("#ConditionalCheckFailedException")) {
      const item = step.returnsItem ? staging.reads.get(step.key) : undefined;
      return { Code: "ConditionalCheckFailed", Message: message, ...compact({ Item: item }) };
    }
    if (type.endsWith("#ValidationException")) return { Code: "ValidationError", Message: message };
    throw error;
  }
}

async function check(staging: Staging, step: Step): Promise<void> {
  const item = staging.store.db.getSync(step.key) as WireItem | undefined;
  staging.reads.set(step.key, item);
  throwIf(database.checkConditional(step.data, item));
  // A check costs as much as a write that changes nothing.
  staging.effects.push({ table: step.table, before: item, after: item });
}

function refuseIfAny(reasons: readonly Reason[]): void {
  if (reasons.every((reason) => reason.Code === "None")) return;
  const codes = reasons.map((reason) => reason.Code).join(", ");
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  throw serviceError("TransactionCanceledException", message, { Message: message, CancellationReasons: reasons });
}

function refuseIfTooLarge(staging: Staging): void {
  const bytes = staging.effects.reduce(
    (sum, { before, after }) => sum + Math.max(before ? itemBytes(before) : 0, after ? itemBytes(after) : 0),
    0,
  );
  if (bytes > MAX_BYTES) {
    throw database.validationError("Transaction request cannot be larger than 4 MB: its items together exceed it");
  }
}

function checkCount(items: unknown): Readonly<Record<string, object>>[] {
  const count = Array.isArray(items) ? items.length : 0;
  if (Array.isArray(items) && count >= 1 && count <= MAX_ITEMS) return items as Record<string, object>[];
  const rule = count > MAX_ITEMS ? `less than or equal to ${MAX_ITEMS}` : "greater than or equal to 1";
  throw database.validationError(
    "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: " +
      `Member must have length ${rule}`,
  );
}

/** The operation that stores the token; `done` when the same transaction has succeeded before. */
async function recall(storage: Storage, token: string, items: unknown, now: number): Promise<Operation | "done"> {
  const key = `token~${token}`;
  const hash = createHash("sha256").update(JSON.stringify(items)).digest("hex");
  const known = storage.base.db.getSync(key) as { hash: string; at: number } | undefined;
  if (known && known.at > now - TOKEN_MS) {
    if (known.hash === hash) return "done";
    throw serviceError(
      "IdempotentParameterMismatchException",
      "The request uses a client token that was used before for a different transaction",
    );
  }
  return { type: "put", key, value: { hash, at: now } };
}

function missing(): never {
  throw database.validationError(
    "Invalid Request: TransactItems should contain one of Put, Update, Delete, ConditionCheck or Get, with its expression",
  );
}

function throwIf(error: WireError | null | undefined): void {
  if (error) throw error;
}
