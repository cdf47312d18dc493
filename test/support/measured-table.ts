import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { itemBytes } from "../../lib/dynamodb/attributes.ts";
import { refusal } from "../../lib/dynamodb/refusals.ts";
import { ConditionFailed, TransactionRefused, type Item } from "../../lib/dynamodb/table.ts";

const WRITE_UNIT_BYTES = 1024;
/** What a write costs more within a transaction. */
const TRANSACTION_FACTOR = 2;
const READS: readonly string[] = ["GetItem", "BatchGetItem", "Query"];

export interface Cost {
  /** HTTP requests, retries included; a batch or a transaction is one. */
  readonly requests: number;
  /** The same by DynamoDB's name of the operation, such as `UpdateItem`. */
  readonly byOperation: Readonly<Record<string, number>>;
  /** The longest chain of commands of which each began after the one before it had ended. */
  readonly steps: number;
  readonly readUnits: number;
  /** Of the table alone. Refused writes are in it, at what the item they met weighs. */
  readonly writeUnits: number;
  /** Of the indexes: one for each small entry that appears or leaves, so two for one whose time changes. */
  readonly indexWriteUnits: number;
}

export interface Measurement {
  /** Forgets everything so far; what is still under way counts no more. */
  reset(): void;
  report(): Cost;
}

/**
 * Counts what everything sent through this client costs, from now on: requests and steps as they are seen here, units as
 * DynamoDB or the local emulator reports them. For tests and benchmarks.
 */
export function measure(client: DynamoDBClient): Measurement {
  // Each request gets its own steps, those of below among them, and a context of its own.
  client.config.cacheMiddleware = false;
  let tally = new Tally();
  const tallies = new WeakMap<object, Tally>();

  client.middlewareStack.add(
    (next, context) => async (args) => {
      const current = tally;
      tallies.set(context, current);
      const step = current.begin();
      try {
        const result = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: "INDEXES" } });
        current.answered(operationOf(context), result.output);
        return result;
      } catch (error) {
        current.refused(error);
        throw error;
      } finally {
        current.end(step);
      }
    },
    { step: "initialize", priority: "high" },
  );
  client.middlewareStack.add(
    (next, context) => async (args) => {
      tallies.get(context)?.request(operationOf(context));
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

  answered(operation: string, output: object): void {
    for (const capacity of capacitiesIn(output)) {
      const total = capacity.CapacityUnits ?? 0;
      const indexes = Object.values(capacity.GlobalSecondaryIndexes ?? {});
      const ofIndexes = indexes.reduce((sum, index) => sum + (index.CapacityUnits ?? 0), 0);
      if (READS.includes(operation)) {
        this.#readUnits += total;
      } else {
        this.#writeUnits += total - ofIndexes;
        this.#indexWriteUnits += ofIndexes;
      }
    }
  }

  /** The service reports no capacity with an error, but a write whose condition fails costs as if it had happened. */
  refused(error: unknown): void {
    const refused = refusal(error);
    if (refused instanceof ConditionFailed) this.#writeUnits += writeUnits(refused.item);
    if (!(refused instanceof TransactionRefused)) return;
    for (const { item } of refused.reasons) this.#writeUnits += TRANSACTION_FACTOR * writeUnits(item);
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

function writeUnits(item: Item | undefined): number {
  return item ? Math.max(1, Math.ceil(itemBytes(item) / WRITE_UNIT_BYTES)) : 1;
}

interface Capacity {
  readonly CapacityUnits?: number;
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, { readonly CapacityUnits?: number }>>;
}

function capacitiesIn(output: object): readonly Capacity[] {
  const { ConsumedCapacity: notified } = output as { readonly ConsumedCapacity?: Capacity | readonly Capacity[] };
  if (notified === undefined) return [];
  return Array.isArray(notified) ? (notified as readonly Capacity[]) : [notified as Capacity];
}
