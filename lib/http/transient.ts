import { failureOf } from "../system/failures.ts";

/** Errors by which a concurrent writer won after bounded retries, or the table has no capacity. */
const BUSY = new Set(["ConditionFailed", "TransactionRefused", "TransactionConflictException", "TableBusy"]);

/**
 * True when the same request may succeed in a moment: throttling, a fault or time-out of the table, no connection to it.
 * False for what only an operator can mend: no permission, missing or expired credentials, no such table, an invalid
 * request.
 */
export function isTransient(error: unknown): boolean {
  return error instanceof Error && (BUSY.has(error.name) || failureOf(error) !== undefined);
}
