/** Names of errors by which DynamoDB, SQS and their SDK ask to be called again later. */
const TRANSIENT = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "LimitExceededException",
  "ThrottlingException",
  "Throttling",
  "ThrottledException",
  "RequestThrottled",
  "RequestThrottledException",
  "TooManyRequestsException",
  "PriorRequestNotComplete",
  "SlowDown",
  "BandwidthLimitExceeded",
  "TransactionInProgressException",
  "TransactionConflictException",
  "InternalServerError",
  "InternalServerErrorException",
  "InternalFailure",
  "ServiceUnavailable",
  "ServiceUnavailableException",
  "TimeoutError",
  "RequestTimeout",
  "RequestTimeoutException",
  // Of the table port: a concurrent writer won after bounded retries, or the table has no capacity.
  "ConditionFailed",
  "TransactionRefused",
  "TableBusy",
]);
const CONNECTION = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/**
 * True when the same request may succeed in a moment: throttling, a fault or time-out of the table, no connection to it.
 * False for what only an operator can mend: no permission, missing or expired credentials, no such table, an invalid
 * request.
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, $retryable, $metadata } = error as Sdk;
  if (TRANSIENT.has(error.name) || (typeof code === "string" && CONNECTION.has(code))) return true;
  // Every exception of the SDK has the field; only some have a value in it.
  return $retryable !== undefined || ($metadata?.httpStatusCode ?? 0) >= 500;
}

interface Sdk extends Error {
  readonly code?: unknown;
  readonly $retryable?: object;
  readonly $metadata?: { readonly httpStatusCode?: number };
}
