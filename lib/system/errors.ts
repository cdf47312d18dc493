/**
 * Every error that a client can receive, in one list: a dotted code, its status, its wire code. An error is recognised by
 * `code`, never by class identity or name, because bundling may duplicate classes.
 */
export const CATALOGUE = {
  "request.invalid": [400, "bad_request"],
  "request.unsupported_media_type": [415, "unsupported_media_type"],
  "request.too_large": [413, "payload_too_large"],
  "auth.missing": [401, "unauthorized"],
  "auth.forbidden": [403, "forbidden"],
  "auth.limited": [429, "too_many_attempts"],
  "auth.token_invalid": [403, "token_invalid"],
  "resource.not_found": [404, "not_found"],
  "resource.conflict": [409, "conflict"],
  "resource.gone": [410, "gone"],
  "request.topic_mismatch": [400, "topic_mismatch"],
  "request.digest_mismatch": [400, "digest_mismatch"],
  "request.idempotency_conflict": [422, "idempotency_conflict"],
  "request.precondition_failed": [412, "precondition_failed"],
  "request.precondition_required": [428, "precondition_required"],
  "resource.position_gone": [410, "position_gone"],
  "group.lease_ended": [409, "fenced"],
  "group.taken": [423, "held"],
  "limit.reached": [409, "limit_reached"],
  "limit.rate": [429, "rate_limited"],
  "method.not_allowed": [405, "method_not_allowed"],
  "callback.queue_full": [429, "pending_queue_full"],
  "callback.busy": [503, "busy"],
  "callback.fetch_failed": [503, "fetch_failed"],
  "peer.unreachable": [408, "peer_unreachable"],
  "peer.invalid_answer": [502, "peer_invalid_answer"],
  "peer.refused": [502, "peer_refused"],
  "service.unavailable": [503, "service_unavailable"],
} as const satisfies Record<string, readonly [status: number, wire: string]>;

export type ErrorCode = keyof typeof CATALOGUE;

export interface ErrorDetails {
  /** Answer headers that belong to the error: `Allow`, `WWW-Authenticate`, `Retry-After` (seconds). */
  readonly headers?: Readonly<Record<string, string>>;
  /** The field that is wrong, as the client named it. The message names it too. */
  readonly field?: string;
  /** More members of the wire form's `error` object; never secrets. */
  readonly extra?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly cause?: unknown;
}

/** The error type of the service. `message` is one sentence that a person can act on, and is safe to send. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly field: string | undefined;
  readonly extra: NonNullable<ErrorDetails["extra"]>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.headers = details.headers ?? {};
    this.field = details.field;
    this.extra = details.extra ?? {};
  }

  get status(): number {
    return CATALOGUE[this.code][0];
  }

  /** The `code` of the wire form. */
  get wire(): string {
    return CATALOGUE[this.code][1];
  }
}

/** True for this service's own errors, also when the class was bundled twice. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code in CATALOGUE;
}
