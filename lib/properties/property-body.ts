/** Values of properties as requests carry them. */
import * as z from "zod/mini";
import { decodeUtf8, isArray, isObject, own, parseJson } from "../domain/json.ts";
import { ServiceError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { Json, JsonObject } from "../ports.ts";
import { MAX_PROPERTIES_AT_ONCE, checkName } from "./limits.ts";

const MAX_BODY_BYTES = 1_024 * 1_024;
const JSON_TYPE = /^application\/([\w.-]+\+)?json$/;

const valuesBody = z.custom<JsonObject>(isObject, "it must be an object of properties");

/**
 * The properties of a `POST`, JSON or form.
 * @throws ServiceError request.invalid, request.too_large, method.not_implemented for a list property
 */
export function valuesOf(request: ServiceRequest): ReadonlyMap<string, Json> {
  const body = readBody(request, valuesBody, { form: true, maxBytes: MAX_BODY_BYTES });
  const values = new Map(Object.entries(body));
  for (const [name, value] of values) {
    checkName(name);
    refuseList(value);
  }
  if (values.size <= MAX_PROPERTIES_AT_ONCE) return values;
  throw new ServiceError(
    "request.too_large",
    `One request changes at most ${String(MAX_PROPERTIES_AT_ONCE)} properties.`,
  );
}

/**
 * The value of a `PUT`: a JSON type is parsed, else a body that parses as an object or array is that, and everything
 * else is text. Undefined when the place is to be deleted: an empty body or `""`.
 */
export function valueOf(request: ServiceRequest): Json | undefined {
  const value = sentValue(request);
  refuseList(value);
  return value === "" ? undefined : value;
}

function sentValue(request: ServiceRequest): Json {
  const { body, headers } = request;
  if (body.byteLength > MAX_BODY_BYTES) {
    throw new ServiceError("request.too_large", `The body has more than ${String(MAX_BODY_BYTES)} bytes.`);
  }
  if ((headers["content-encoding"] ?? "identity").trim().toLowerCase() !== "identity") {
    throw new ServiceError("request.unsupported_media_type", "This route takes no compressed body.");
  }
  if (body.byteLength === 0) return "";
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (JSON_TYPE.test(type)) return parseJson(body);
  const text = textOf(body);
  return looksStructured(text) ? parseJson(text) : text;
}

function textOf(body: Uint8Array): string {
  try {
    return decodeUtf8(body);
  } catch (cause) {
    throw new ServiceError("request.invalid", "The body is not valid UTF-8.", { cause });
  }
}

function looksStructured(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) || isArray(parsed);
  } catch {
    return false;
  }
}

function refuseList(value: Json): void {
  if (!isObject(value) || own(value, "_type") !== "list") return;
  throw new ServiceError("method.not_implemented", "List properties cannot be made here yet.");
}
