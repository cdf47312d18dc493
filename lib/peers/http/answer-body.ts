import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { PeerFailure } from "../../system/ports.ts";

/** The codings that `readAnswerBody` decodes, for `Accept-Encoding`. */
export const ACCEPTED_CODINGS = "gzip, deflate, br";

/**
 * Reads an answer's body and undoes its `Content-Encoding`. Rejects with `PeerFailure` `too_large` as soon as more than
 * `maxBytes` have come, before or after decompression, and with `garbage` for an unknown or broken coding. An answer that
 * breaks off rejects with the stream's own error.
 */
export async function readAnswerBody(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(answer.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const coding = (answer.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  const chunks: Buffer[] = [];
  let decodedBytes = 0;
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) {
      decodedBytes += chunk.byteLength;
      if (decodedBytes > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  };
  const metered = meter(answer, maxBytes);
  const decoder = coding === "identity" || coding === "" ? undefined : await decoderFor(coding, metered);
  try {
    if (decoder === undefined) await collect(metered);
    else if (decoder !== "empty") await pipeline(decoder.source, decoder.stream, collect);
  } catch (error) {
    if (isCodingError(error)) throw new PeerFailure("garbage", "The peer's answer does not decompress.");
    throw error;
  }
  return Buffer.concat(chunks);
}

/** A body that is not read costs its connection when it is longer than this, in bytes or ms. */
const DROPPED = { bytes: 64 * 1_024, ms: 1_000 };

/**
 * The beginning of a body, as it is on the wire: at most `maxBytes`, and what comes within a second. The rest is dropped.
 * Never rejects: how a body ends changes nothing about the status.
 */
export async function readAnswerStart(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  return await new Promise((resolve) => {
    let bytes = 0;
    const end = (): void => {
      resolve(Buffer.concat(chunks).subarray(0, maxBytes));
    };
    answer.on("data", (chunk: Buffer) => {
      if (bytes < maxBytes) chunks.push(chunk);
      bytes += chunk.byteLength;
    });
    answer.once("end", end);
    answer.once("close", end);
    dropAnswerBody(answer, maxBytes);
  });
}

/** Drops a body that is not read. After a short one the connection can be used again. Never throws. */
export function dropAnswerBody(answer: IncomingMessage, mostBytes = DROPPED.bytes): void {
  let bytes = 0;
  const giveUp = (): void => {
    answer.destroy();
  };
  const late = setTimeout(giveUp, DROPPED.ms);
  late.unref();
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) giveUp();
  });
  // An error of the body changes nothing about the status.
  answer.on("error", () => undefined);
  answer.on("close", () => {
    clearTimeout(late);
  });
}

async function* meter(answer: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/** The decoder of a coding; `empty` for an answer without a body (204, 304), which may still name a coding. */
async function decoderFor(coding: string, encoded: AsyncGenerator<Buffer, void, undefined>) {
  const first = await encoded.next();
  if (first.done === true) return "empty";
  const source = (async function* () {
    yield first.value;
    yield* encoded;
  })();
  if (coding === "gzip" || coding === "x-gzip") return { source, stream: createGunzip() };
  if (coding === "br") return { source, stream: createBrotliDecompress() };
  // Senders disagree on whether deflate has the zlib frame, whose first byte always ends in 8.
  const framed = ((first.value[0] ?? 0) & 0x0f) === 8;
  if (coding === "deflate") return { source, stream: framed ? createInflate() : createInflateRaw() };
  throw new PeerFailure("garbage", "The peer's answer has a content coding that was not asked for.");
}

function isCodingError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return (
    code.startsWith("Z_") || code.startsWith("ERR__ERROR") || code.startsWith("ERR_BROTLI") || code.startsWith("BROTLI")
  );
}

function tooLarge(maxBytes: number): PeerFailure {
  return new PeerFailure("too_large", `The peer's answer is over ${maxBytes} bytes.`);
}
