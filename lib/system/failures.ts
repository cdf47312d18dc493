/**
 * What a failed request to a service of AWS says about another attempt. By the names of errors alone, so that an error of
 * any of its clients is understood, however often its class was bundled.
 */

/** Answers of a service that did nothing because it is asked too often. */
const THROTTLED = new Set([
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
]);
const UNKNOWN = new Set([
  // An earlier attempt with the same token is under way.
  "TransactionInProgressException",
  "InternalServerError",
  "InternalServerErrorException",
  "InternalFailure",
  "ServiceUnavailable",
  "ServiceUnavailableException",
  "TimeoutError",
  "RequestTimeout",
  "RequestTimeoutException",
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
 * `throttled`: the service did nothing, for lack of capacity. `unknown`: it failed, did not answer in time, or was not
 * reached; a write may have happened or not. Undefined: another attempt gets the same answer, such as no permission,
 * missing or expired credentials, no such table, an invalid request.
 */
export function failureOf(error: unknown): "throttled" | "unknown" | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, code, $retryable, $metadata } = error as Sdk;
  const status = $metadata?.httpStatusCode ?? 0;
  if (THROTTLED.has(name) || status === 429 || $retryable?.throttling === true) return "throttled";
  if (UNKNOWN.has(name) || (typeof code === "string" && CONNECTION.has(code))) return "unknown";
  // Every exception of the SDK has the field; only some have a value in it.
  return $retryable !== undefined || $metadata?.clockSkewCorrected === true || status >= 500 ? "unknown" : undefined;
}

interface Sdk extends Error {
  readonly code?: unknown;
  readonly $retryable?: { readonly throttling?: boolean };
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
}
