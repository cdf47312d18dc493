import { isAscii, isUtf8 } from "node:buffer";
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { ServiceError } from "../system/errors.ts";

export interface BodyLimits {
  /** Most bytes as sent [256 KiB]. */
  readonly maxEncoded?: number;
  /** Most bytes after decompression [1 MiB]. */
  readonly maxDecoded?: number;
}

/** More codings on one body than anyone stacks in earnest. */
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
 * them. Throws `request.too_large` when the body is over a limit before or after (decompression stops there),
 * `request.invalid` when it is broken, `request.unsupported_media_type` for another coding, and for a compressed body that
 * came as text (see `cameAsText`): the sender is to send it plain.
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
  // Listed in the order they were applied; undone from the last.
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
    if (cameAsText(bytes)) {
      throw unsupported("The compressed body was turned into text on its way here; send it without.", "identity");
    }
    throw new ServiceError("request.invalid", "The body does not decompress as its Content-Encoding says.");
  }
}

/**
 * True when what should be compressed is UTF-8 text beyond ASCII: something between, a gateway that takes the body for
 * text, has replaced or recoded its bytes. A compressed body is not well-formed UTF-8 (a gzip body never is).
 */
const cameAsText = (bytes: Uint8Array): boolean => isUtf8(bytes) && !isAscii(bytes);

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
