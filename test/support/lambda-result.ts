import { gunzipSync } from "node:zlib";
import { parseText } from "../../lib/domain/json/json-text.ts";
import type { HttpResult } from "../../lib/http/area.ts";
import type { Answer } from "./in-process.ts";

/** Lambda's limit for what a function answers. */
const MAX_RESULT_BYTES = 6 * 1_024 * 1_024;

/** What a client receives of a handler's result. Throws where Lambda would refuse the result. */
export function received(result: HttpResult): Answer {
  const size = Buffer.byteLength(JSON.stringify(result));
  if (size > MAX_RESULT_BYTES) throw new RangeError(`Lambda refuses a result of ${String(size)} bytes.`);
  const headers = (result.headers ?? {}) as Record<string, string>;
  const body = Buffer.from(result.body ?? "", result.isBase64Encoded === true ? "base64" : "utf8");
  const text = (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
  const isJson = String(headers["content-type"]).startsWith("application/json") && text !== "";
  return { status: result.statusCode ?? 0, headers, text, json: isJson ? parseText(text) : undefined };
}
