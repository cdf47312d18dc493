/** Values of properties as requests carry them. */
import * as z from "zod/mini";
import { parseText } from "../domain/json/json-text.ts";
import { isObject, parseJson } from "../domain/json/json.ts";
import { ServiceError } from "../system/errors.ts";
import { isJson, mediaType, plainBody, readBody, textOf } from "../http/body.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { Json, JsonObject } from "../system/ports.ts";
import { MAX_PROPERTIES_AT_ONCE, checkName } from "../properties/limits.ts";
import { itemsRequest, type ItemsRequest } from "../properties/list-requests.ts";

const operationSchema = z.custom<JsonObject>(isObject, "it must be an object");
const valuesBody = z.custom<JsonObject>(isObject, "it must be an object of properties");

/**
 * The properties of a `POST`, JSON or form.
 * @throws ServiceError request.invalid, request.too_large
 */
export function valuesOf(request: ServiceRequest): ReadonlyMap<string, Json> {
  const body = readBody(request, valuesBody, { form: true });
  const values = new Map(Object.entries(body));
  for (const name of values.keys()) checkName(name);
  if (values.size <= MAX_PROPERTIES_AT_ONCE) return values;
  throw new ServiceError(
    "request.too_large",
    `One request changes at most ${String(MAX_PROPERTIES_AT_ONCE)} properties.`,
  );
}

/**
 * The value of a `PUT`: a body of a JSON type is parsed, any other one when it parses as an object or array; the rest is
 * text. Undefined for an empty body or `""`, which delete the place.
 */
export function valueOf(request: ServiceRequest): Json | undefined {
  const value = sentValue(request);
  return value === "" ? undefined : value;
}

/** The item of a `POST` to a list, read like the value of a `PUT`; `""` is an item. @throws ServiceError request.invalid for an empty body */
export function itemOf(request: ServiceRequest): Json {
  if (request.body.byteLength > 0) return sentValue(request);
  throw new ServiceError("request.invalid", "The body is empty: it must be the item to append.");
}

/** The body of a `POST` to a list's `items`. */
export function itemsBody(request: ServiceRequest): ItemsRequest {
  return itemsRequest(readBody(request, operationSchema));
}

function sentValue(request: ServiceRequest): Json {
  const body = plainBody(request);
  if (body.byteLength === 0) return "";
  if (isJson(mediaType(request))) return parseJson(body);
  const text = textOf(body);
  return looksStructured(text) ? parseJson(text) : text;
}

/** Whether the text is an object or array, also one that `parseJson` then refuses. */
function looksStructured(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    parseText(text.replace(/^\ufeff/, ""));
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
}
