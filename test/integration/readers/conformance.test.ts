/**
 * The conformance suite of Durable Streams, over a shim that makes and fills streams by publishing events. What reads runs:
 * offsets, catch-up, long poll, JSON mode, ETag, HEAD, consistency with writers. Each test that is left out has its reason.
 */
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { StreamShim } from "./stream-shim.ts";

const WRITES = "it tests how streams are made and appended to, which is the shim's here: events are published";
const SSE = "there is no live=sse: a function answers once, and long poll is what readers wait with";
const CLOSED = "an actor's log is never closed";
const FORKS = "there are no forks of an actor's log";
const EXPIRY = "an actor's log has no time to live of its own: records expire by DIFF_RETENTION_DAYS";
const BYTES = "it reads bytes at any offset, and events are JSON in whole messages";

/** The first that matches the full name of a test counts. */
const LEFT_OUT: readonly (readonly [RegExp, string])[] = [
  [/SSE|base64/i, SSE],
  [/Stream Closure/, CLOSED],
  [/> Fork - /, FORKS],
  [/TTL|Expiry|Expires-At/, EXPIRY],
  [/Idempotent Producer|seq ordering|sequence ordering|seq values|sequence numbers|incrementing seq/i, WRITES],
  [
    / (PUT|POST|DELETE)\b|different config|content-type mismatch|match on append|isolate recreated|empty JSON arrays/,
    WRITES,
  ],
  [
    /Basic Stream Operations|Append Operations|Location header|Operation Sequence|Sequence Ordering|concurrent (writers|appends)/,
    WRITES,
  ],
  [/CORS preflight/, "the service answers no other origin's scripts"],
  [/security headers on error/, "errors are the service's own, the same on every route"],
  [/Binary|binary|Byte-Exactness|single byte|chunk-size/, BYTES],
  [/Large Payloads|nested arrays|Case-Insensitivity|Content-Type Validation/, WRITES],
  [/Reserved subscription/, "subscriptions of that protocol are not part of reading"],
];

const shim = new StreamShim();
/** The suite waits as long as its server does, and a second. */
const config = { baseUrl: "", longPollTimeoutMs: 600_000 };
beforeAll(async () => {
  config.baseUrl = await shim.listen();
});
afterAll(async () => {
  await shim.close();
});

describe("the read side of Durable Streams", () => {
  beforeEach(({ task, skip }) => {
    const names = [task.name];
    for (let suite = task.suite; suite !== undefined; suite = suite.suite) names.unshift(suite.name);
    const name = names.join(" > ");
    const [, reason] = LEFT_OUT.find(([left]) => left.test(name)) ?? [];
    if (reason !== undefined) skip(reason);
  });
  runConformanceTests(config);
});
