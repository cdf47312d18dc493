/** The parts of dynalite that the emulator uses, typed here because dynalite has no types. */
import { createRequire } from "node:module";
import { remembering, type Parse } from "./parsed-expressions.ts";

const require = createRequire(import.meta.url);

/** A value on the wire: `{S: "…"}`, `{N: "1"}`, `{M: {…}}` and so on. */
export type WireValue = Readonly<Record<string, unknown>>;
export type WireItem = Readonly<Record<string, WireValue>>;

/** The error of a failed operation: dynalite's errors have the body of the answer. */
export interface WireError extends Error {
  statusCode?: number;
  body?: { __type: string; message?: string } & Record<string, unknown>;
}

export type Callback<T = unknown> = (error: WireError | null, result?: T) => void;

interface IndexDefinition {
  readonly IndexName: string;
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly Projection: { readonly ProjectionType: string; readonly NonKeyAttributes?: readonly string[] };
}

export interface TableDefinition {
  readonly TableName: string;
  TableStatus: string;
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly GlobalSecondaryIndexes?: readonly (IndexDefinition & { IndexStatus: string })[];
}

/** One kind of entry (a table's items, an index's entries) within the one LevelDB. */
export interface Section {
  lock(key: string, work: (release: (callback: Callback) => Callback) => void): void;
  get(key: string, callback: Callback): void;
  put(key: string, value: unknown, callback: Callback): void;
  del(key: string, callback: Callback): void;
  batch(operations: readonly object[], callback: Callback): void;
  createValueStream(range: object): unknown;
  createKeyStream(range?: object): unknown;
}

/** The one LevelDB with all data of a folder. */
export interface Level {
  open(): Promise<void>;
  close(): Promise<void>;
  get(key: string): Promise<unknown>;
  getSync(key: string): unknown;
  iterator(range: object): AsyncIterable<[string, unknown]>;
  values(range: object): AsyncIterable<unknown>;
  keys(range: object): AsyncIterable<string>;
}

/** The storage that dynalite's actions need. */
export interface Store {
  readonly db: Level;
  getItemDb(table: string): Section;
  getIndexDb(type: string, table: string, index: string): Section;
  readonly getTable: (name: string, callback: Callback<TableDefinition>) => void;
}

interface Database {
  create(options: { path?: string; createTableMs: number; deleteTableMs: number; updateTableMs: number }): Store;
  createKey(item: WireItem, table: TableDefinition): string;
  getIndexActions(
    indexes: readonly IndexDefinition[],
    old: WireItem | undefined,
    item: WireItem | undefined,
    table: TableDefinition,
  ): { puts: { index: string; item: WireItem }[]; deletes: { index: string }[] };
  checkConditional(data: object, item: WireItem | undefined): WireError | null | undefined;
  validateKey(key: WireItem, table: TableDefinition): WireError | null | undefined;
  validationError(message: string): WireError;
}

interface Validation {
  readonly types: object;
  readonly custom?: (data: object, store: Store) => string | undefined;
}

interface Validations {
  checkTypes(data: object, types: object): Request;
  checkValidations(data: object, types: object, custom: Validation["custom"], store: Store): void;
}

/** A request after validation: dynalite has parsed its expressions into it. */
export type Request = Record<string, unknown> & { TableName: string };
export type Action = (store: Store, data: Request, callback: Callback<Record<string, unknown>>) => void;

export const database = require("dynalite/db") as Database;
const validations = require("dynalite/validations") as Validations;

for (const name of ["conditionParser", "projectionParser", "updateParser"]) {
  const parser = require(`dynalite/db/${name}`) as { parse: Parse };
  parser.parse = remembering(parser.parse);
}

/**
 * The operations that dynalite runs; `operations.ts` adds transactions and TTL. No function uses `Scan` or the operations on
 * tables and tags: the local stack creates its table with them, and people read it with the AWS CLI or an SDK.
 */
const OPERATIONS: ReadonlySet<string> = new Set([
  "BatchGetItem",
  "BatchWriteItem",
  "CreateTable",
  "DeleteItem",
  "DeleteTable",
  "DescribeTable",
  "GetItem",
  "ListTables",
  "PutItem",
  "Query",
  "Scan",
  "UpdateItem",
  "TagResource",
  "UntagResource",
  "ListTagsOfResource",
]);

const fileName = (operation: string): string => operation.charAt(0).toLowerCase() + operation.slice(1);

/** Whether dynalite knows the operation. */
export const isKnown = (operation: string): boolean => OPERATIONS.has(operation);

/** Checks a request as the service would and parses its expressions. @throws WireError with the service's message. */
export function validate(operation: string, input: object, store: Store): Request {
  const validation = require(`dynalite/validations/${fileName(operation)}`) as Validation;
  // The validation deletes unknown fields from its argument.
  const data = validations.checkTypes({ ...input }, validation.types);
  validations.checkValidations(data, validation.types, validation.custom, store);
  return data;
}

/** Runs one of dynalite's actions. Rejects with a WireError, or with an unknown error for a fault of dynalite. */
export function run(operation: string, store: Store, data: Request): Promise<Record<string, unknown>> {
  const action = require(`dynalite/actions/${fileName(operation)}`) as Action;
  return new Promise((resolve, reject) => {
    action(store, data, (error, result) => {
      if (error) reject(error);
      else resolve(result ?? {});
    });
  });
}

/** An error of the service, with its full name and its wording. */
export function serviceError(name: string, message: string, more: Record<string, unknown> = {}): WireError {
  const error: WireError = new Error(message);
  error.statusCode = 400;
  error.body = { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message, ...more };
  return error;
}
