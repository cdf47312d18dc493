/** Checks the headers that an owner adds to the requests of a webhook. */
import { ServiceError } from "../../system/errors.ts";

const MOST_HEADERS = 10;
/** Most bytes of all names and values. */
const MOST_BYTES = 2_048;

const NAME = /^[!#-'*+.^_`|~\w-]+$/;
const VALUE = /^[\t\x20-\x7e]*$/;

/** Headers that the service sets, or that belong to one connection. */
const REFUSED = new Set(
  (
    "host authorization cookie x-request-id traceparent accept-encoding " +
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade expect"
  ).split(" "),
);
const REFUSED_PREFIXES = ["content-", "webhook-", "ce-", "x-hub-"];

/**
 * The headers with their names in lower case.
 * @throws ServiceError request.invalid which names the header, never a value
 */
export function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const checked = new Map<string, string>();
  let bytes = 0;
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase();
    const why = faultOf(name, value) ?? (checked.has(name) ? "is there twice" : undefined);
    if (why !== undefined) throw invalid(`headers.${given}`, `The header ${JSON.stringify(given)} ${why}.`);
    checked.set(name, value);
    bytes += name.length + value.length;
  }
  if (checked.size > MOST_HEADERS) throw invalid("headers", `There are at most ${String(MOST_HEADERS)} headers.`);
  if (bytes > MOST_BYTES) {
    throw invalid("headers", `The names and values of the headers take at most ${String(MOST_BYTES)} bytes together.`);
  }
  return Object.fromEntries([...checked].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function faultOf(name: string, value: string): string | undefined {
  if (!NAME.test(name)) return "has a name that no header can have";
  if (REFUSED.has(name) || REFUSED_PREFIXES.some((prefix) => name.startsWith(prefix))) return "is set by the service";
  return VALUE.test(value) ? undefined : "has a value with other characters than printable ASCII";
}

const invalid = (field: string, message: string): ServiceError =>
  new ServiceError("request.invalid", message, { field });
