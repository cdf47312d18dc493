/** Names of errors by which DynamoDB, SQS and their SDK say: not now, ask again. */
const TRANSIENT = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "Throttling",
  "RequestLimitExceeded",
  "InternalServerError",
  "InternalServerErrorException",
  "ServiceUnavailable",
  "ServiceUnavailableException",
  "TransactionInProgressException",
  "TimeoutError",
  "RequestTimeout",
  "LimitExceededException",
  // Lost against a concurrent writer after bounded retries.
  "ConditionFailed",
  "TransactionRefused",
]);
const CONNECTION = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN"]);

/** True when the same request may well succeed in a moment. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return TRANSIENT.has(error.name) || CONNECTION.has(code) || "$retryable" in error;
}
