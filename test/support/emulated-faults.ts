/** Answers of the service for which the emulator never has a cause: those of a busy or misconfigured table. */
import { serviceError, type WireError } from "../../infra/local/dynamodb/dynalite.ts";

/** A cancelled transaction with one reason for each write: `None`, `ThrottlingError`, `TransactionConflict` and so on. */
export function transactionCancelled(codes: readonly string[]): WireError {
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes.join(", ")}]`;
  const reasons = codes.map((Code) => (Code === "None" ? { Code } : { Code, Message: `Injected: ${Code}` }));
  return serviceError("TransactionCanceledException", message, { Message: message, CancellationReasons: reasons });
}

/** An error by its name, in the form of the service. `status`: 400 for a client's mistake, 500 and more for the service's faults. */
export function refusedWith(name: string, status = 400): WireError {
  const error = serviceError(name, `Injected: ${name}`);
  error.statusCode = status;
  return error;
}
