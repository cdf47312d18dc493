import { printJson } from "../domain/json/json-text.ts";
import type { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";

/** An answer as the service speaks of it. Header names in lower case. */
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

/** An answer without a body, 204 unless said otherwise. */
export function empty(status = 204, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers };
}

/** What passes by itself says when to come back, where the error does not. */
const SOON = { "retry-after": "1" };

/** The wire form of an error: what every client meets. */
export function errorReply(error: ServiceError, requestId: string): Reply {
  const field = error.field === undefined ? {} : { field: error.field };
  const body = { ...error.extra, ...field, code: error.wire, message: error.message, requestId };
  const usual = error.status === 503 ? SOON : {};
  return json(error.status, { error: body }, { ...usual, ...lowerCaseNames(error.headers) });
}

/** The answer to what nobody foresaw; the log has the cause under the same request id. */
export function unknownErrorReply(requestId: string): Reply {
  const message = "The service failed in a way it did not foresee; quote the request id to whoever operates it.";
  return json(500, { error: { code: "internal_error", message, requestId } });
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
