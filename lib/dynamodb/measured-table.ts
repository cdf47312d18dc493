import { GetCommand } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { itemBytes } from "./attributes.ts";
import { refusal } from "./refusals.ts";
import { ConditionFailed } from "./table.ts";
import type { Item, Key } from "./table.ts";

const WRITE_UNIT_BYTES = 1024;
const TRANSACTION_FACTOR = 2;
const INDEX_ATTRIBUTES = ["dueShard", "dueAt"] as const;

export interface Cost {
  /** HTTP requests, retries included; a batch or a transaction is one. */
  readonly requests: number;
  /** The same by DynamoDB's name of the operation, such as `UpdateItem`. */
  readonly byOperation: Readonly<Record<string, number>>;
  /** The longest chain of commands of which each began after the one before it had ended. */
  readonly steps: number;
  readonly readUnits: number;
  /** Of the table alone, refused writes included. */
  readonly writeUnits: number;
  /** Of the due index: one for each entry that appears in it or leaves it, so two for one whose time changes. */
  readonly indexWriteUnits: number;
}

export interface Measurement {
  /** Forgets everything so far. */
  reset(): void;
  report(): Cost;
}

/**
 * Counts what everything sent through this client costs, from now on. For tests and benchmarks: the emulator reports
 * neither what a write does to the index nor what a transaction costs, so the items of writes that may touch the index
 * are read before and after, uncounted. Exact only while no two writes of one item overlap.
 */
export function measure(client: DynamoDBDocumentClient): Measurement {
  let tally = new Tally();
  const uncounted = new WeakSet();
  const counted = new WeakMap<object, Tally>();

  const read = async (table: string, keys: readonly Key[]): Promise<Images> => {
    const reads = keys.map(async ({ pk, sk }) => {
      const command = new GetCommand({ TableName: table, Key: { pk, sk }, ConsistentRead: true });
      uncounted.add(command.input);
      return (await client.send(command)).Item as Item | undefined;
    });
    return Promise.all(reads);
  };

  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (uncounted.has(args.input)) return next(args);
      const current = tally;
      counted.set(context, current);
      const input = { ...args.input, ReturnConsumedCapacity: "INDEXES" } as typeof args.input;
      const write = writeOf(operationOf(context), input as Sent);
      const watch = async () => (write?.watched ? read(write.table, write.keys) : []);
      const step = current.begin();
      try {
        const before = await watch();
        const result = await next({ ...args, input }).catch((error: unknown) => {
          current.refused(error, before);
          throw error;
        });
        const reported = reportedUnits(result.output);
        if (write) current.wrote(reported, before, await watch());
        else current.read(reported ?? 0);
        return result;
      } finally {
        current.end(step);
      }
    },
    { step: "initialize", priority: "high" },
  );
  client.middlewareStack.add(
    (next, context) => async (args) => {
      counted.get(context)?.request(operationOf(context));
      return next(args);
    },
    // Behind the retries, so that each attempt counts.
    { step: "finalizeRequest", priority: "low" },
  );
  return { reset: () => void (tally = new Tally()), report: () => tally.cost() };
}

function operationOf(context: { readonly commandName?: string }): string {
  return (context.commandName ?? "").replace(/Command$/, "");
}

/** Items as they were before or after a write; none where nothing was watched. */
type Images = readonly (Item | undefined)[];

class Tally {
  readonly #byOperation: Record<string, number> = {};
  #endedStep = 0;
  #steps = 0;
  #readUnits = 0;
  #writeUnits = 0;
  #indexWriteUnits = 0;

  /** The number of the step that begins, to be given back at its end. */
  begin(): number {
    const step = this.#endedStep + 1;
    this.#steps = Math.max(this.#steps, step);
    return step;
  }

  end(step: number): void {
    this.#endedStep = Math.max(this.#endedStep, step);
  }

  request(operation: string): void {
    this.#byOperation[operation] = (this.#byOperation[operation] ?? 0) + 1;
  }

  read(units: number): void {
    this.#readUnits += units;
  }

  wrote(reported: number | undefined, before: Images, after: Images): void {
    this.#writeUnits += reported ?? transactionUnits(before, after);
    after.forEach((item, at) => (this.#indexWriteUnits += indexUnits(before[at], item)));
  }

  /** A refused condition costs as much as writing the item that was found. */
  refused(error: unknown, before: Images): void {
    const refused = refusal(error);
    if (refused instanceof ConditionFailed) this.#writeUnits += writeUnits(refused.item);
    else if (refused !== error) this.#writeUnits += transactionUnits(before, []);
  }

  cost(): Cost {
    return {
      requests: Object.values(this.#byOperation).reduce((sum, count) => sum + count, 0),
      byOperation: { ...this.#byOperation },
      steps: this.#steps,
      readUnits: this.#readUnits,
      writeUnits: this.#writeUnits,
      indexWriteUnits: this.#indexWriteUnits,
    };
  }
}

function writeUnits(...images: Images): number {
  const bytes = images.map((item) => (item ? itemBytes(item) : 0));
  return Math.max(1, ...bytes.map((size) => Math.ceil(size / WRITE_UNIT_BYTES)));
}

function transactionUnits(before: Images, after: Images): number {
  const units = before.map((item, at) => writeUnits(item, after[at]) * TRANSACTION_FACTOR);
  return units.reduce((sum, one) => sum + one, 0);
}

function indexUnits(before: Item | undefined, after: Item | undefined): number {
  const [was, is] = [before, after].map(indexEntry);
  if (was === is) return 0;
  return (was === undefined ? 0 : 1) + (is === undefined ? 0 : 1);
}

/** What the index holds for the item; nothing unless both attributes are there. */
function indexEntry(item: Item | undefined): string | undefined {
  const values = INDEX_ATTRIBUTES.map((name) => item?.[name]);
  return values.includes(undefined) ? undefined : JSON.stringify(values);
}

interface Capacity {
  readonly CapacityUnits?: number;
  readonly Table?: { readonly CapacityUnits?: number };
  readonly GlobalSecondaryIndexes?: unknown;
}

/** Units as the answer tells them: of the table for writes, of table and index for reads, where only one is used. */
function reportedUnits(output: object): number | undefined {
  const { ConsumedCapacity: told } = output as { readonly ConsumedCapacity?: Capacity | readonly Capacity[] };
  if (told === undefined) return undefined;
  const capacities = Array.isArray(told) ? (told as readonly Capacity[]) : [told as Capacity];
  if (capacities.length === 0) return undefined;
  return capacities.reduce((sum, one) => sum + (one.Table?.CapacityUnits || (one.CapacityUnits ?? 0)), 0);
}

/** The parts of a command's input that tell what it writes. */
interface Sent {
  readonly TableName?: string;
  readonly Item?: Key;
  readonly Key?: Key;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly TransactItems?: readonly Readonly<Record<string, Sent>>[];
  readonly RequestItems?: Readonly<Record<string, readonly Readonly<Record<string, Sent>>[]>>;
}

interface DescribedWrite {
  readonly table: string;
  readonly keys: readonly Key[];
  /** Whether its items must be looked at before and after. */
  readonly watched: boolean;
}

const READS: readonly string[] = ["GetItem", "BatchGetItem", "Query"];

/** What the command writes; undefined for one that reads. */
function writeOf(operation: string, input: Sent): DescribedWrite | undefined {
  if (READS.includes(operation)) return undefined;
  if (input.TransactItems) {
    const writes = input.TransactItems.flatMap((item) => Object.values(item));
    return { table: writes[0]?.TableName ?? "", keys: writes.flatMap(keysOf), watched: true };
  }
  const [batch] = Object.entries(input.RequestItems ?? {});
  if (batch) {
    const writes = batch[1].flatMap((request) => Object.values(request));
    return { table: batch[0], keys: writes.flatMap(keysOf), watched: true };
  }
  const named = Object.values(input.ExpressionAttributeNames ?? {});
  const touches = INDEX_ATTRIBUTES.some((name) => named.includes(name));
  return { table: input.TableName ?? "", keys: keysOf(input), watched: operation !== "UpdateItem" || touches };
}

function keysOf(write: Sent): Key[] {
  const key = write.Key ?? write.Item;
  return key ? [key] : [];
}
