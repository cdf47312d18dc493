/** The errors of the client: classes to catch, with codes to compare. */
import type { Schemas } from "./routes.ts";

/** An error code of the service, or `http_<status>` for an answer that is not the service's, such as a proxy's page. */
export type ErrorCode = Schemas["ErrorCode"] | `http_${number}`;

/** The members of an error answer. */
export type ErrorDetails = Omit<Schemas["Error"]["error"], "code" | "requestId"> & {
  readonly code: ErrorCode;
  readonly requestId?: string;
};

/** The service refused a request. `code` says why (`forbidden`, `not_found`, …); some codes have a class of their own. */
export class ServiceError extends Error {
  override readonly name: string = "ServiceError";
  readonly code: ErrorCode;
  readonly status: number;
  /** The headers of the answer. */
  readonly headers: Headers;
  /** The members of the answer's `error`. */
  readonly details: ErrorDetails;
  /** When the request may succeed, in ms from now; undefined: the service did not say. */
  readonly retryAfterMs: number | undefined;

  constructor({ status, headers }: Response, details: ErrorDetails, retryAfterMs?: number) {
    super(details.message);
    this.code = details.code;
    this.status = status;
    this.headers = headers;
    this.details = details;
    this.retryAfterMs = retryAfterMs;
  }
}

/** 409: the lease has ended, and another consumer may have the events. Nothing was changed. */
export class Fenced extends ServiceError {
  override readonly name = "Fenced";
}

/** 423: other consumers have all lanes of the group. */
export class Held extends ServiceError {
  override readonly name = "Held";

  /** The consumer whose lease ends first, if the service says so. */
  get holder(): string | undefined {
    return this.details.holder;
  }

  /** When that lease ends, ISO 8601, if the service says so. */
  get until(): string | undefined {
    return this.details.until;
  }
}

/** 410: events can no longer be read from this position. */
export class PositionGone extends ServiceError {
  override readonly name = "PositionGone";

  /** Where the state can be read instead. */
  get snapshot(): string | undefined {
    return /<([^>]*)>\s*;[^,]*\brel="?snapshot\b/.exec(this.headers.get("link") ?? "")?.[1];
  }
}

/** 412 or 428: a resource of this name has other settings, or another writer changed them meanwhile. */
export class ConfigDiffers extends ServiceError {
  override readonly name = "ConfigDiffers";

  /** The settings that differ. */
  get fields(): readonly string[] {
    return this.details.fields ?? [];
  }
}

/** 429, also at the last attempt. */
export class RateLimited extends ServiceError {
  override readonly name = "RateLimited";
}

/** No attempt got a complete answer; `cause` is the last failure. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  readonly code = "unreachable";
}

const CLASSES: { readonly [Code in ErrorCode]?: typeof ServiceError } = {
  fenced: Fenced,
  held: Held,
  position_gone: PositionGone,
  precondition_failed: ConfigDiffers,
  precondition_required: ConfigDiffers,
};

/** The error for an answer. @param body its body, as JSON if it is JSON */
export function errorOf(answer: Response, body: unknown, retryAfterMs: number | undefined): ServiceError {
  const details = detailsOf(answer, body);
  const Class = answer.status === 429 ? RateLimited : (CLASSES[details.code] ?? ServiceError);
  return new Class(answer, details, retryAfterMs);
}

function detailsOf({ status }: Response, body: unknown): ErrorDetails {
  const { error } = Object(body) as { readonly error?: Partial<ErrorDetails> };
  if (typeof error?.code === "string" && typeof error.message === "string") return error as ErrorDetails;
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  return { code: `http_${status}`, message: `The answer was ${status}: ${text.slice(0, 200)}` };
}

/** True for a failure after which the same request may succeed. */
export const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable ||
  error instanceof RateLimited ||
  error instanceof Fenced ||
  (error instanceof ServiceError && (error.status >= 500 || error.status === 409));
