import { printJson } from "../domain/json/json-text.ts";
import { compact } from "../system/compact.ts";
import type { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/** An answer of the service. Header names are in lower case. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** One sentence on what the client can ask for instead, when the body proves too large for any answer. */
  readonly tooLarge?: string;
}

/** An answer with a JSON body. */
export function json(status: number, value: Json, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { "content-type": "application/json", ...headers }, body: printJson(value) };
}

/** An answer with a body of plain text. */
export function text(status: number, value: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body: value };
}

/** An answer without a body. */
export function empty(status = 204, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers };
}

/** An error as text, its message alone. */
export function textErrorReply(error: ServiceError): Reply {
  const usual = compact({ "retry-after": error.status === 503 ? "1" : undefined });
  return text(error.status, `${error.message}\n`, { ...usual, ...lowerCaseNames(error.headers) });
}

/** The wire form of an error. A 503 without a `Retry-After` of its own asks the client to come back in a second. */
export function errorReply(error: ServiceError, requestId: string): Reply {
  const { status, field } = error;
  const body = { ...error.extra, ...compact({ field }), code: error.wire, message: error.message, requestId };
  const usual = compact({ "retry-after": status === 503 ? "1" : undefined });
  return json(status, { error: body }, { ...usual, ...lowerCaseNames(error.headers) });
}

/** The answer to an unhandled error; the log has the cause under the same request id. */
export function unknownErrorReply(requestId: string): Reply {
  const message = "The service failed unexpectedly; give the request id to its operator.";
  return json(500, { error: { code: "internal_error", message, requestId } });
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
