import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { Json } from "./json.ts";

export type Compression = "gzip" | "br" | "deflate";

export interface Ask {
  method?: string;
  bearer?: string | undefined;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: Json;
  /** Sent as it is, instead of `json`. */
  raw?: string | Uint8Array;
  compress?: Compression | undefined;
  timeoutMs?: number;
}

export interface Answered {
  /** 0 when there was no answer: connection refused, broken, or out of time. */
  status: number;
  headers: Record<string, string>;
  text: string;
  /** The body parsed, or undefined when it is no JSON. */
  json: Json | undefined;
}

const COMPRESSORS = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync };
const DEFAULT_TIMEOUT_MS = 30_000;

/** One request. Never throws: a broken connection is an answer with status 0. */
export async function ask(url: string, options: Ask = {}): Promise<Answered> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.bearer !== undefined) headers["authorization"] = `Bearer ${options.bearer}`;
  let body: string | Uint8Array | undefined = options.raw;
  if (options.json !== undefined && body === undefined) {
    body = JSON.stringify(options.json);
    headers["content-type"] ??= "application/json";
  }
  if (options.compress && body !== undefined) {
    body = COMPRESSORS[options.compress](body);
    headers["content-encoding"] = options.compress;
  }
  try {
    const response = await fetch(url, {
      method: options.method ?? "GET",
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
    });
    const text = await response.text();
    return { status: response.status, headers: Object.fromEntries(response.headers), text, json: parsed(text) };
  } catch (error) {
    return { status: 0, headers: {}, text: String(error), json: undefined };
  }
}

/** JSON of a text, or undefined. */
export function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
