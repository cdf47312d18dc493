import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import type { Random } from "./publisher/random.ts";

const COMPRESSORS = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync };

/** Texts that have broken parsers before. None of them is a callback, a trust request or any other valid body. */
const TEXTS = [
  "",
  " ",
  "null",
  "[]",
  "{}",
  '"x"',
  "0",
  "-0",
  "1e999",
  "{not json",
  '{"a":',
  "\u0000",
  "\ufeff{}",
  '{"__proto__":{"approved":true}}',
  '{"constructor":{"prototype":{"approved":true}}}',
  '{"sequence":9007199254740993,"data":{}}',
  '{"sequence":1e400,"data":{}}',
  '{"sequence":18446744073709551616,"data":{"a":1}}',
  '{"sequence":1e20,"data":{"a":1}}',
  `{"sequence":2,"data":{"a":${"9".repeat(4_301)}}}`,
  `{"sequence":2,"data":{"a":-${"9".repeat(300_000)}}}`,
  '{"operation":"update","index":18446744073709551616,"old_item":1,"item":2}',
  '{"url":18446744073709551616}',
  '{"peerid":18446744073709551616,"target":18446744073709551616}',
  '{"approved":18446744073709551616}',
  "18446744073709551616",
  "[18446744073709551616]",
  '{"sequence":"1","data":{}}',
  '{"sequence":-1,"data":{"a":1}}',
  '{"sequence":0,"data":{"a":1}}',
  '{"sequence":1.5,"data":{"a":1}}',
  '{"sequence":null,"data":{"a":1}}',
  '{"sequence":[1],"data":{"a":1}}',
  '{"sequence":2,"data":"text"}',
  '{"sequence":2,"data":[]}',
  '{"sequence":2,"type":"nonsense","data":{}}',
  '{"sequence":2,"url":"file:///etc/passwd"}',
  '{"sequence":2,"url":"http://169.254.169.254/latest"}',
  '{"sequence":2,"url":7}',
  '{"sequence":2,"timestamp":"yesterday","data":{}}',
  '{"sequence":2,"timestamp":{},"data":{}}',
  '{"sequence":2,"overwritten":"all","data":{"a":1}}',
  '{"sequence":2,"overwritten":["no-pointer"],"data":{"a":1}}',
  '{"url":"javascript:alert(1)"}',
  '{"url":"http://"}',
  '{"url":{}}',
  '{"baseuri":"not a url","id":"x","secret":"y","verify":"z"}',
  '{"baseuri":1,"id":{},"secret":[],"verify":null}',
  '{"peerid":"../../etc","target":"properties"}',
  '{"peerid":"nobody","target":{}}',
  '{"approved":"maybe"}',
  '{"action":"explode"}',
  '{"creator":{"a":1}}',
  '{"passphrase":17}',
];

/** One random body, most of them wrong in a way that has a name. */
export function junkBody(random: Random): Uint8Array {
  const kind = random.below(10);
  if (kind < 6) return Buffer.from(TEXTS[random.below(TEXTS.length)]!);
  if (kind === 6) return Buffer.from(random.hex(2 * random.below(600)), "hex");
  if (kind === 7) return Buffer.from("[".repeat(1 + random.below(20_000)));
  if (kind === 8) return Buffer.from(`{"sequence":2,"data":${'{"a":'.repeat(5000)}1${"}".repeat(5001)}`);
  return Buffer.alloc(random.below(400_000), 0x20);
}

const TYPES = [
  "application/json",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "",
  "a/b;;",
];
const ENCODINGS = ["gzip", "br", "deflate", "identity", "zstd", "gzip, gzip", "GZIP", ""];

/** Headers of a request, now and then with an encoding that the body really has. */
export function junkHeaders(random: Random, body: Uint8Array): { headers: Record<string, string>; body: Uint8Array } {
  const headers: Record<string, string> = {};
  const pick = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
  if (random.below(3) > 0) headers["content-type"] = pick(TYPES);
  if (random.below(6) === 0)
    headers["x-http-method-override"] = pick(["DELETE", "PUT", "TRACE", "get", "💥".slice(0, 0)]);
  if (random.below(8) === 0) headers["x-request-id"] = pick(["a", "x".repeat(3000), "'; drop table", "\u00e9"]);
  if (random.below(8) === 0) headers["traceparent"] = pick(["00-0-0-00", "x", "00-" + "a".repeat(32) + "-b-01"]);
  if (random.below(8) === 0) headers["cookie"] = "a=b; ".repeat(50);
  if (random.below(4) > 0) return { headers, body };
  const encoding = pick(ENCODINGS);
  headers["content-encoding"] = encoding;
  const honest = encoding in COMPRESSORS && random.below(2) === 0;
  return { headers, body: honest ? COMPRESSORS[encoding as keyof typeof COMPRESSORS](body) : body };
}

/** Credentials that open nothing. */
export function junkCredentials(random: Random): string | undefined {
  const all = [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    `Bearer ${random.hex(40)}`,
    "Bearer \u00ff\u00fe",
    "Basic",
    "Basic ####",
    `Basic ${Buffer.from("creator").toString("base64")}`,
    `Basic ${Buffer.from("creator:").toString("base64")}`,
    `Basic ${Buffer.from("creator:wrong").toString("base64")}`,
    `Basic ${Buffer.from("trustee:wrong").toString("base64")}`,
    "Digest username=creator",
    `Bearer ${"x".repeat(7000)}`,
  ];
  return all[random.below(all.length)];
}

/** A path segment that no actor, peer or subscription has. */
export function junkSegment(random: Random): string {
  const all = [
    "%",
    "%00",
    "%2e%2e",
    "..%2f",
    "%ff%fe",
    "a%20b",
    "*",
    "__proto__",
    "x".repeat(129),
    "%F0%9F%92%A9",
    "",
    "#",
  ];
  return all[random.below(all.length)]!;
}
