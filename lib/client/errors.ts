/** The errors of the client: classes to catch, each with a code to compare. */
import type { Schemas } from "./routes.ts";

/** A code of the wire, or one for an answer that is not the service's own, such as a proxy's page. */
export type ErrorCode = Schemas["ErrorCode"] | `http_${number}`;

/** What the service says about a request that it refuses. */
export type ErrorDetails = Omit<Schemas["Error"]["error"], "code" | "requestId"> & {
  readonly code: ErrorCode;
  readonly requestId?: string;
};

/** A request is refused; `code` is the wire's (`forbidden`, `not_found`, …), and some have a class of their own. */
export class ServiceError extends Error {
  override readonly name: string = "ServiceError";
  readonly code: ErrorCode;
  readonly status: number;
  /** The headers of the answer. */
  readonly headers: Headers;
  /** The members of the answer's `error`. */
  readonly details: ErrorDetails;
  /** After this long it is worth asking again, ms; undefined: the service did not say. */
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

/** 409: the lease belongs to another consumer by now; nothing was changed. */
export class Fenced extends ServiceError {
  override readonly name = "Fenced";
}

/** 423: other consumers have every lane. */
export class Held extends ServiceError {
  override readonly name = "Held";

  /** Who has a lane, when the service says so. */
  get holder(): string | undefined {
    return this.details.holder;
  }

  /** When that lease ends, ISO 8601, when the service says so. */
  get until(): string | undefined {
    return this.details.until;
  }
}

/** 410: nothing can be read from this position any more. */
export class PositionGone extends ServiceError {
  override readonly name = "PositionGone";

  /** Where the state can be read instead. */
  get snapshot(): string | undefined {
    return /<([^>]*)>\s*;[^,]*\brel="?snapshot\b/.exec(this.headers.get("link") ?? "")?.[1];
  }
}

/** 412 or 428: a resource of this name has other settings, or had by the time they were to be changed. */
export class ConfigDiffers extends ServiceError {
  override readonly name = "ConfigDiffers";

  /** The settings that differ. */
  get fields(): readonly string[] {
    return this.details.fields ?? [];
  }
}

/** 429, at the last attempt too. */
export class RateLimited extends ServiceError {
  override readonly name = "RateLimited";
}

/** No attempt got an answer that can be read; `cause` is the last failure. */
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

/** The error that an answer is. @param body what it says, read as JSON where that can be */
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

/** A failure after which the same request may succeed. */
export const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable ||
  error instanceof RateLimited ||
  error instanceof Fenced ||
  (error instanceof ServiceError && (error.status >= 500 || error.status === 409));
