/** The errors of the client: classes to catch, each with a code to compare. */

/** What the service says about a request that it refuses. */
export interface ErrorDetails {
  readonly code: string;
  readonly message: string;
  readonly requestId?: string;
  readonly [member: string]: unknown;
}

/** The service refused a request; `code` is the wire's (`forbidden`, `not_found`, …), and subclasses have what one adds. */
export class ServiceError extends Error {
  override readonly name: string = "ServiceError";
  readonly code: string;
  readonly status: number;
  /** The members of the answer's `error`. */
  readonly details: ErrorDetails;

  constructor(status: number, details: ErrorDetails) {
    super(details.message);
    this.code = details.code;
    this.status = status;
    this.details = details;
  }
}

/** 409: the lease belongs to another consumer by now; nothing was changed. */
export class Fenced extends ServiceError {
  override readonly name = "Fenced";
}

/** 423: other consumers have every lane. */
export class Held extends ServiceError {
  override readonly name = "Held";
  /** After this long it is worth asking again, ms; undefined: the service did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, details: ErrorDetails, retryAfterMs?: number) {
    super(status, details);
    this.retryAfterMs = retryAfterMs;
  }

  /** Who has a lane, when the service says so. */
  get holder(): string | undefined {
    return text(this.details["holder"]);
  }

  /** When that lease ends, ISO 8601, when the service says so. */
  get until(): string | undefined {
    return text(this.details["until"]);
  }
}

/** 410: nothing can be read from this position any more. */
export class PositionGone extends ServiceError {
  override readonly name = "PositionGone";
  /** Where the state can be read instead. */
  readonly snapshot: string | undefined;

  constructor(status: number, details: ErrorDetails, snapshot?: string) {
    super(status, details);
    this.snapshot = snapshot;
  }
}

/** 412 or 428: a resource of this name has other settings, or had by the time they were to be changed. */
export class ConfigDiffers extends ServiceError {
  override readonly name = "ConfigDiffers";

  /** The settings that differ. */
  get fields(): readonly string[] {
    const { fields } = this.details;
    return Array.isArray(fields) ? fields.map(String) : [];
  }
}

/** 429, at the last attempt too. */
export class RateLimited extends ServiceError {
  override readonly name = "RateLimited";
  /** What `Retry-After` asked for, ms. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, details: ErrorDetails, retryAfterMs?: number) {
    super(status, details);
    this.retryAfterMs = retryAfterMs;
  }
}

/** No attempt got an answer; `cause` is the last failure. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  readonly code = "unreachable";
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** The error that an answer is. Reads its body. */
export async function errorOf(answer: Response, retryAfterMs: number | undefined): Promise<ServiceError> {
  const { status } = answer;
  const details = await detailsOf(answer);
  if (status === 409 && details.code === "fenced") return new Fenced(status, details);
  if (status === 423) return new Held(status, details, retryAfterMs);
  if (status === 410 && details.code === "position_gone") {
    const link = /<([^>]*)>\s*;[^,]*\brel="?snapshot\b/.exec(answer.headers.get("link") ?? "")?.[1];
    return new PositionGone(status, details, link);
  }
  if (status === 412 || status === 428) return new ConfigDiffers(status, details);
  if (status === 429) return new RateLimited(status, details, retryAfterMs);
  return new ServiceError(status, details);
}

async function detailsOf(answer: Response): Promise<ErrorDetails> {
  const body = await answer.text().catch(() => "");
  try {
    const { error } = JSON.parse(body) as { error?: Partial<ErrorDetails> };
    if (typeof error?.code === "string" && typeof error.message === "string") return error as ErrorDetails;
  } catch {
    // Not the service's own answer: a proxy's page, say.
  }
  return { code: `http_${answer.status}`, message: `The answer was ${answer.status}: ${body.slice(0, 200)}` };
}
