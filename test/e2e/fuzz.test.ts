import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { routes } from "../../lib/api/route-table.ts";
import { junkBody, junkCredentials, junkHeaders, junkSegment } from "../support/junk.ts";
import { seeded, type Random } from "../support/publisher/random.ts";
import { rawRequest } from "./raw-request.ts";
import { startService, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import { openStream, type Stream } from "./stream.ts";

const SEED = 4711;
const PER_ROUTE = sized(2, 12);
/** Twice the gateway's limit: a request that takes longer hangs. */
const ANSWER_MS = 60_000;

let service: Service;
let stream: Stream;
beforeAll(async () => {
  service = await startService({ GAP_TIMEOUT_SECONDS: "3600" });
  stream = await openStream(service, { seed: 5 });
  stream.publisher.set({ color: "red" });
  await stream.publisher.deliver();
});
afterAll(async () => {
  await service.dispose();
  await stream.publisher.close();
});

/** Everything an owner can see that a stranger must not be able to change. */
async function everything(): Promise<unknown> {
  const { actor, publisher, subscription } = stream;
  const { lastSeq, pendingCount, pendingSequences, epoch } = await actor.state(subscription, publisher);
  const about = ["", "/trust", "/subscriptions", "/parked"].map((path) => actor.expect("GET", path, 200));
  return {
    lastSeq,
    pendingCount,
    pendingSequences,
    epoch,
    replica: await stream.replica(),
    about: await Promise.all(about),
  };
}

/** The route's path with real ids, or with junk in one of its places. */
function filled(path: string, { actor, publisher, subscription }: Stream, random: Random, wild: boolean): string {
  const real: Record<string, string> = {
    actorId: actor.id,
    peerId: publisher.id,
    subscriptionId: subscription.id,
    relationship: "friend",
    name: "color",
    eventId: "0".repeat(32),
    leaf: "id",
  };
  return path.replace(/\{(\w+)\+?\}/g, (_all, name: string) =>
    wild && random.below(5) === 0 ? junkSegment(random) : (real[name] ?? "x"),
  );
}

type Route = (typeof routes)[number];

interface Fuzz {
  seed: number;
  /** Whose actor, peer and subscription the paths name [`stream`'s]. */
  at?: Stream;
  which: (route: Route) => boolean;
  /** The `Authorization` of each request. */
  who: (random: Random) => string | undefined;
  /** Also other methods, queries and paths than the route's own. */
  wild: boolean;
  /** Statuses below this are wrong: 400 when everything has to be refused. */
  atLeast: number;
}

async function fuzz({ seed, at = stream, which, who, wild, atLeast }: Fuzz): Promise<void> {
  const random = seeded(seed);
  for (const route of routes.filter(which)) {
    for (let round = 0; round < PER_ROUTE; round++) {
      const method = wild && random.below(5) === 0 ? pick(random, ["PATCH", "OPTIONS", "HEAD", "TRACE"]) : route.method;
      const query =
        wild && random.below(4) === 0 ? pick(random, ["?", "?limit=-1&after=%", "?_method=DELETE", "?a=1&a=2"]) : "";
      const path = (filled(route.path, at, random, wild) + query).replaceAll(/[^\x21-\x7e]/g, encodeURIComponent);
      const { headers, body } = junkHeaders(random, junkBody(random));
      if (!wild) delete headers["x-http-method-override"];
      const authorization = who(random);
      if (authorization !== undefined) headers["authorization"] = authorization;
      const answer = await rawRequest(service.url, {
        method,
        path,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, latin1(value)])),
        ...(["GET", "HEAD", "TRACE"].includes(method) ? {} : { body }),
        timeoutMs: ANSWER_MS,
      });
      const sent = `${method} ${path} ${JSON.stringify(headers)} ${Buffer.from(body).toString()}`;
      const about = `seed ${seed}, round ${round}: ${sent.slice(0, 600)}\nanswered ${answer.status} ${answer.text}`;
      expect(answer.status, about).toBeGreaterThanOrEqual(atLeast);
      expect(answer.status, about).toBeLessThan(500);
    }
  }
}

/** The stream, when its actor, trust and subscription are all still there. Closes its publisher otherwise. */
async function isWhole(one: Stream | undefined): Promise<Stream | undefined> {
  if (one === undefined) return undefined;
  const { actor, publisher, subscription } = one;
  const trust = await actor.fetch("GET", `/trust/friend/${publisher.id}`);
  const state = await actor.fetch("GET", `/subscriptions/${publisher.id}/${subscription.id}/state`);
  if (trust.status === 200 && state.status === 200) return one;
  await publisher.close();
  return undefined;
}

function pick<T>(random: Random, all: readonly T[]): T {
  return all[random.below(all.length)]!;
}

function latin1(text: string): string {
  return text.replaceAll(/[^\x20-\x7e\xa0-\xff]/g, "?");
}

describe("random requests on every route", () => {
  it("from strangers are answered below 500, in time, and change nothing", async () => {
    const before = await everything();
    await fuzz({ seed: SEED, which: () => true, who: junkCredentials, wild: true, atLeast: 200 });
    expect(await everything()).toEqual(before);
  });

  it("from the peer itself are refused on the callback routes and change nothing", async () => {
    const before = await everything();
    const { secret } = stream.publisher.trusts.need(stream.actor.id);
    // A grant is the peer's own to send, however odd.
    const which = ({ area, method, path }: Route): boolean =>
      area === "callbacks" && method !== "DELETE" && !path.includes("permissions");
    for (let seed = SEED; seed < SEED + 5; seed++) {
      await fuzz({ seed, which, who: () => `Bearer ${secret}`, wild: false, atLeast: 400 });
    }
    expect(await everything()).toEqual(before);
  });

  const bearer = ({ publisher, actor }: Stream): string => `Bearer ${publisher.trusts.need(actor.id).secret}`;
  it.each([
    ["owner", ({ actor }: Stream) => actor.basic],
    ["peer", bearer],
  ])("from the %s of one actor are answered below 500, and change nothing of another", async (_who, credentials) => {
    const before = await everything();
    let throwAway: Stream | undefined;
    for (const [index, route] of routes.entries()) {
      // Requests that delete something do delete it.
      throwAway = (await isWhole(throwAway)) ?? (await openStream(service));
      const authorization = credentials(throwAway);
      const seed = SEED + index;
      const which = (other: Route): boolean => other === route;
      await fuzz({ seed, at: throwAway, which, who: () => authorization, wild: true, atLeast: 200 });
    }
    await throwAway?.publisher.close();
    expect(await everything()).toEqual(before);
  });
});

describe("a compressed body", () => {
  const bomb = Buffer.alloc(96 * 1024 * 1024, 0x20);
  const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

  it.each([
    ["gzip", gzipSync(bomb)],
    ["deflate", deflateSync(bomb)],
    ["br", brotliCompressSync(bomb, QUICK)],
  ])("that grows beyond 1 MiB is stopped there (%s)", async (encoding, raw) => {
    const headers = { "content-encoding": encoding, "content-type": "application/json" };
    const before = await everything();
    const { publisher, subscription } = stream;
    const answer = await publisher.callbacks.post(subscription, { raw, headers });
    expect(answer).toMatchObject({ status: 413, json: { error: { code: "payload_too_large" } } });
    expect(await everything()).toEqual(before);
  });

  it.each(["gzip", "deflate", "br"] as const)("of an honest callback is undone (%s)", async (compress) => {
    const { publisher, subscription } = stream;
    publisher.set({ note: `${compress} ${"x".repeat(5000)}` });
    const answer = await publisher.send(subscription.sequence, { compress });
    expect(answer.status).toBe(201);
    expect(await stream.replica()).toEqual(publisher.state.snapshot());
  });

  it("that is broken is 400, of an unknown kind 415, too large as sent 413", async () => {
    const { publisher, subscription } = stream;
    const post = async (encoding: string, raw: Uint8Array) =>
      (await publisher.callbacks.post(subscription, { raw, headers: { "content-encoding": encoding } })).status;
    expect(await post("gzip", gzipSync("{}").subarray(0, 12))).toBe(400);
    expect(await post("zstd", Buffer.from("{}"))).toBe(415);
    expect(await post("identity", Buffer.alloc(257 * 1024, 0x20))).toBe(413);
  });
});
