/**
 * How large an answer may be. A function's result is at most 6 MB of JSON, in which the body is a string: every `"` and
 * `\` of it counts twice. A larger result must not leave the handler, because the gateway would answer 500.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { printJson } from "../domain/json/json-text.ts";
import { ServiceError } from "../system/errors.ts";
import type { Reply } from "./reply.ts";
import type { ServiceRequest } from "./request.ts";

const MIB = 1_024 * 1_024;
/** Most bytes of a body, counted as `bytesInResult`. */
export const MAX_ANSWER_BYTES = 5 * MIB;
/** A larger body is compressed for a client that accepts it. */
const COMPRESS_ABOVE_BYTES = 4 * MIB;
/** Most bytes of a compressed body, as base64. */
const MAX_BASE64_BYTES = 4 * MIB;
/** Most bytes that are gathered for an answer which may be compressed. */
const MAX_GATHERED_BYTES = 16 * MIB;

const compressed = promisify(gzip);

type Asked = Pick<ServiceRequest, "headers">;

/** The bytes that a text takes in a function's result. */
export const bytesInResult = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;

/** The bytes that a value takes in the body of a function's result. */
export const jsonBytesInResult = (value: unknown): number => bytesInResult(printJson(value));

/** The most bytes to gather for the answer to a request; `fitted` decides whether they fit. */
export const gatherable = (asked: Asked): number => (acceptsGzip(asked) ? MAX_GATHERED_BYTES : MAX_ANSWER_BYTES);

/**
 * The answer as the gateway can carry it: as it is, or compressed.
 * @throws ServiceError request.too_large when neither fits, with the answer's own hint if it has one
 */
export async function fitted(reply: Reply, asked: Asked): Promise<Reply> {
  const { body } = reply;
  // In the JSON of the result no character takes more than six bytes.
  if (typeof body !== "string" || body.length * 6 <= COMPRESS_ABOVE_BYTES) return reply;
  const bytes = bytesInResult(body);
  if (bytes <= COMPRESS_ABOVE_BYTES) return reply;
  if (acceptsGzip(asked)) {
    const packed = await compressed(body);
    if (Math.ceil(packed.byteLength / 3) * 4 <= MAX_BASE64_BYTES) {
      return {
        ...reply,
        headers: { ...reply.headers, "content-encoding": "gzip", vary: "accept-encoding" },
        body: packed,
      };
    }
  }
  if (bytes <= MAX_ANSWER_BYTES) return reply;
  throw new ServiceError("request.too_large", reply.tooLarge ?? "The answer is too large; ask for a part of it.");
}

/** Whether an `Accept-Encoding` header allows gzip. */
export function acceptsGzip({ headers }: Asked): boolean {
  const weights = new Map(
    (headers["accept-encoding"] ?? "").split(",").map((each): [string, number] => {
      const [coding = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [coding, weight === undefined ? 1 : Number(weight)];
    }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}
