import { en } from "zod/locales";
import type * as z from "zod/mini";
import { compact } from "../system/compact.ts";
import { decodeUtf8, parseJson } from "../domain/json/json.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";
import type { ServiceRequest } from "./request.ts";

/** The most bytes a JSON or form body may have, unless a route says otherwise. */
const MAX_BODY_BYTES = 1024 * 1024;

const FORM = "application/x-www-form-urlencoded";

/** Without a language `zod/mini` gives every fault the same message. */
const inEnglish = en().localeError;

export interface BodyOptions {
  readonly maxBytes?: number;
  /** Also takes `application/x-www-form-urlencoded`. */
  readonly form?: boolean;
  /** The value of an empty body; without this option an empty body is 400. */
  readonly whenEmpty?: Json;
}

/**
 * The body, parsed and checked against a schema.
 * @throws ServiceError request.invalid (names the field), request.too_large, request.unsupported_media_type
 */
export function readBody<T>(request: ServiceRequest, schema: z.ZodMiniType<T>, options: BodyOptions = {}): T {
  return checked(rawBody(request, options), schema);
}

/** A value, checked against a schema. @throws ServiceError request.invalid (names the field) */
export function checked<T>(value: unknown, schema: z.ZodMiniType<T>): T {
  const parsed = schema.safeParse(value, { error: inEnglish });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  const place = field === "" ? "The body" : `The field ${JSON.stringify(field)}`;
  throw new ServiceError(
    "request.invalid",
    `${place} is not valid: ${issue?.message ?? "unknown"}.`,
    compact({ field: field || undefined }),
  );
}

/**
 * A body that is a form. @throws ServiceError request.unsupported_media_type for any other; request.too_large,
 * request.invalid
 */
export function readForm(request: ServiceRequest, maxBytes: number): URLSearchParams {
  if (mediaType(request) !== FORM) {
    throw new ServiceError("request.unsupported_media_type", `The body must be ${FORM}.`);
  }
  return new URLSearchParams(formText(plainBody(request, maxBytes)));
}

function rawBody(request: ServiceRequest, options: BodyOptions): Json {
  const body = plainBody(request, options.maxBytes);
  const type = mediaType(request);
  if (body.byteLength === 0 && options.whenEmpty !== undefined) return options.whenEmpty;
  if (type === "" || isJson(type)) return parseJson(body);
  if (options.form === true && type === FORM) {
    return Object.fromEntries(new URLSearchParams(formText(body)));
  }
  throw new ServiceError("request.unsupported_media_type", "The body must be application/json.");
}

/** The bytes of a body. @throws ServiceError request.too_large, request.unsupported_media_type for a compressed one */
export function plainBody({ body, headers }: ServiceRequest, maxBytes = MAX_BODY_BYTES): Uint8Array {
  if (body.byteLength > maxBytes) {
    throw new ServiceError("request.too_large", `The body has more than ${String(maxBytes)} bytes.`);
  }
  if ((headers["content-encoding"] ?? "identity").trim().toLowerCase() !== "identity") {
    throw new ServiceError("request.unsupported_media_type", "This route takes no compressed body; send it plain.");
  }
  return body;
}

/** The media type of the body, in lower case and without parameters; empty without one. */
export function mediaType(request: ServiceRequest): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

export const isJson = (type: string): boolean =>
  type === "application/json" || /^application\/[\w.-]+\+json$/.test(type);

/** The text of a form. Its percent-encoded bytes must be UTF-8 too, because parsing would silently replace others. */
function formText(bytes: Uint8Array): string {
  const text = textOf(bytes);
  for (const [run] of text.matchAll(/(?:%[0-9a-f]{2})+/gi)) textOf(Buffer.from(run.replaceAll("%", ""), "hex"));
  return text;
}

/** The bytes of a body, or of a part of it, as text. @throws ServiceError request.invalid when they are not UTF-8 */
export function textOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new ServiceError("request.invalid", "The body is not valid UTF-8.", { cause });
  }
}
