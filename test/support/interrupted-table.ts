import type { Key, Table } from "../../lib/dynamodb/table.ts";
import { FaultyTable, type Effect, type TableOperation } from "./faulty-table.ts";

/** A table at which something else happens right before an operation: another process comes between two steps of one. */
export class InterruptedTable extends FaultyTable {
  readonly #next: { work: (() => Promise<unknown>) | undefined };

  /** `at` chooses the operations, as `Decide` is asked; it is asked only while work waits. */
  constructor(inner: Table, at: (operation: TableOperation, keys: readonly Key[]) => boolean) {
    const next: { work: (() => Promise<unknown>) | undefined } = { work: undefined };
    super(inner, async (operation, keys): Promise<Effect> => {
      const { work } = next;
      if (work === undefined || !at(operation, keys)) return "ok";
      next.work = undefined;
      await work();
      return "ok";
    });
    this.#next = next;
  }

  /** Does the work once, before the next such operation. */
  meanwhile(work: () => Promise<unknown>): void {
    this.#next.work = work;
  }

  /** The work has not been done yet. */
  get isWaiting(): boolean {
    return this.#next.work !== undefined;
  }
}
