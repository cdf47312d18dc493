import { isAscii, isUtf8 } from "node:buffer";
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { ServiceError } from "../system/errors.ts";

export interface BodyLimits {
  /** Most bytes as sent [256 KiB]. */
  readonly maxEncoded?: number;
  /** Most bytes after decompression [1 MiB]. */
  readonly maxDecoded?: number;
}

/** Most codings on one body; honest senders use one. */
const MAX_CODINGS = 3;

type Decoder = (bytes: Uint8Array, limit: { readonly maxOutputLength: number }) => Uint8Array;

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gunzipSync],
  ["x-gzip", gunzipSync],
  ["br", brotliDecompressSync],
  ["deflate", inflateEither],
]);

/**
 * Undoes a request's `Content-Encoding`: gzip, br, deflate (with or without its zlib frame), identity, or a list of
 * them.
 *
 * @throws ServiceError request.too_large when the body is over a limit before or after decompression, which stops there;
 *   request.invalid when it is broken; request.unsupported_media_type for another coding, and for a compressed body that
 *   arrived as text (see `arrivedAsText`), which the sender then sends plain
 */
export function decodeBody(
  bytes: Uint8Array,
  contentEncoding: string | undefined,
  limits: BodyLimits = {},
): Uint8Array {
  const maxEncoded = limits.maxEncoded ?? 256 * 1024;
  const maxDecoded = limits.maxDecoded ?? 1024 * 1024;
  if (bytes.byteLength > maxEncoded) throw tooLarge(`The body is over ${maxEncoded} bytes.`);
  const codings = (contentEncoding ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  const decoders = codings.map((coding) => DECODERS.get(coding));
  if (codings.length > MAX_CODINGS || decoders.includes(undefined)) {
    throw unsupported("Content-Encoding must be gzip, br, deflate or identity.", "gzip, br, deflate");
  }
  // The header lists them in the order in which they were applied.
  let decoded = bytes;
  for (const decode of decoders.reverse()) decoded = undo(decode ?? inflateEither, decoded, maxDecoded);
  if (decoded.byteLength > maxDecoded) throw tooLarge(`The body is over ${maxDecoded} bytes.`);
  return decoded;
}

function undo(decode: Decoder, bytes: Uint8Array, maxDecoded: number): Uint8Array {
  try {
    return decode(bytes, { maxOutputLength: maxDecoded });
  } catch (error) {
    if (isOverLimit(error)) throw tooLarge(`The body is over ${maxDecoded} bytes after decompression.`);
    if (arrivedAsText(bytes)) {
      throw unsupported(
        "A gateway on the way has turned the compressed body into text; send it uncompressed.",
        "identity",
      );
    }
    throw new ServiceError("request.invalid", "The body does not decompress as its Content-Encoding says.");
  }
}

/**
 * True when a body that should be compressed is UTF-8 text beyond ASCII: a gateway on the way took it for text and
 * replaced or recoded its bytes. A compressed body is not well-formed UTF-8 (a gzip body never is).
 */
const arrivedAsText = (bytes: Uint8Array): boolean => isUtf8(bytes) && !isAscii(bytes);

/** Senders disagree on whether `deflate` has the zlib frame; both are accepted. */
function inflateEither(bytes: Uint8Array, limit: { readonly maxOutputLength: number }): Uint8Array {
  try {
    return inflateSync(bytes, limit);
  } catch (error) {
    if (isOverLimit(error)) throw error;
    return inflateRawSync(bytes, limit);
  }
}

function isOverLimit(error: unknown): boolean {
  return error instanceof RangeError && (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
}

function unsupported(message: string, accepted: string): ServiceError {
  return new ServiceError("request.unsupported_media_type", message, { headers: { "accept-encoding": accepted } });
}

function tooLarge(message: string): ServiceError {
  return new ServiceError("request.too_large", message);
}
