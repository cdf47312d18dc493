import { en } from "zod/locales";
import type * as z from "zod/mini";
import { decodeUtf8, parseJson } from "../domain/json/json.ts";
import { ServiceError } from "../system/errors.ts";
import type { Json } from "../system/ports.ts";
import type { ServiceRequest } from "./request.ts";

/** The most bytes a JSON or form body may have, unless a route says otherwise. */
const MAX_BODY_BYTES = 1024 * 1024;

/** `zod/mini` says of every fault only that there is one, unless it is told in which language. */
const inEnglish = en().localeError;

export interface BodyOptions {
  readonly maxBytes?: number;
  /** Also takes `application/x-www-form-urlencoded`. */
  readonly form?: boolean;
  /** What an empty body stands for; without it an empty body is 400. */
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
    field === "" ? {} : { field },
  );
}

function rawBody(request: ServiceRequest, options: BodyOptions): Json {
  const limit = options.maxBytes ?? MAX_BODY_BYTES;
  if (request.body.byteLength > limit) {
    throw new ServiceError("request.too_large", `The body has more than ${String(limit)} bytes.`);
  }
  if ((request.headers["content-encoding"] ?? "identity").trim().toLowerCase() !== "identity") {
    throw new ServiceError("request.unsupported_media_type", "This route takes no compressed body.");
  }
  const type = mediaType(request);
  if (request.body.byteLength === 0 && options.whenEmpty !== undefined) return options.whenEmpty;
  if (type === "" || isJson(type)) return parseJson(request.body);
  if (options.form === true && type === "application/x-www-form-urlencoded") {
    return Object.fromEntries(new URLSearchParams(formText(request.body)));
  }
  throw new ServiceError("request.unsupported_media_type", "The body must be application/json.");
}

/** The media type of the body, in lower case and without parameters; empty when none is named. */
function mediaType(request: ServiceRequest): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

const isJson = (type: string): boolean => type === "application/json" || /^application\/[\w.-]+\+json$/.test(type);

/** The text of a form. What is percent-encoded in it must be UTF-8 too: parsing would alter it without a word. */
function formText(bytes: Uint8Array): string {
  try {
    const text = decodeUtf8(bytes);
    for (const [run] of text.matchAll(/(?:%[0-9a-f]{2})+/gi)) decodeUtf8(Buffer.from(run.replaceAll("%", ""), "hex"));
    return text;
  } catch (cause) {
    throw new ServiceError("request.invalid", "The body is not valid UTF-8.", { cause });
  }
}
