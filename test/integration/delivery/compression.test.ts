/** Compressed callbacks that a peer, or a gateway before it, cannot undo. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ServiceError } from "../../../lib/system/errors.ts";
import { decodeBody } from "../../../lib/http/decode-body.ts";
import { trustKey } from "../../../lib/dynamodb/keys/actors.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { DeliveryWorld, later, type Mood, type Peer } from "./delivery-world.ts";

const LARGE = "x".repeat(2_000);
const DAY = 86_400_000;

/** One subscriber that says it undoes compressed callbacks. */
async function compressing(mood: Mood, options: ConstructorParameters<typeof DeliveryWorld>[0] = {}) {
  const world = await DeliveryWorld.begin(options);
  const peer = await world.peer("p1", ["callbackcompression"]);
  const subscribed = await world.subscribe(peer);
  peer.mood = mood;
  return { world, peer, subscribed };
}

/** Which of the callbacks were compressed, with their numbers. */
const forms = (peer: Peer) => peer.seen.map(({ sequence, request }) => [sequence, request.gzip === true]);
/** Answers compressed callbacks so, and takes plain ones. */
const unless = (status: number): Mood => {
  return ({ request }) => (request.gzip === true ? status : 200);
};

describe("a compressed callback", () => {
  test.each([400, 415])(
    "answered with %i is sent again plain at once, and the next ones go out plain",
    async (status) => {
      const { world, peer } = await compressing(unless(status));
      await world.set("n", LARGE);
      expect(forms(peer)).toEqual([
        [1, true],
        [1, false],
      ]);
      expect(world.results.at(-1)).toMatchObject({ totalCount: 1, successCount: 1, failureCount: 0 });
      expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 0 });
      await world.set("n", `${LARGE}2`);
      await world.set("n", `${LARGE}3`, world.instance());
      expect(forms(peer).slice(2)).toEqual([
        [2, false],
        [3, false],
      ]);
    },
  );

  test("is tried again once the peer's capabilities have been read again", async () => {
    const { world, peer } = await compressing(unless(415));
    await world.set("n", LARGE);
    world.host.now += DAY;
    const cache = world.host.service.actorOf(world.actor.id).capabilityCache("p1");
    await cache.read();
    await cache.save({ version: "1.4", supported: ["callbackcompression"], fetchedAt: world.host.now });
    peer.seen.length = 0;
    peer.mood = 200;
    await world.set("n", `${LARGE}2`);
    expect(forms(peer)).toEqual([[2, true]]);
  });

  test("that is refused plain for the same reason is one failure, and is not remembered", async () => {
    const { world, peer } = await compressing(400);
    await world.set("n", LARGE);
    expect(world.results.at(-1)).toMatchObject({ failureCount: 1, failures: [{ statusCode: 400 }] });
    expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 1 });
    expect(await world.trust(peer)).not.toHaveProperty("plainSince");
    peer.mood = 200;
    peer.seen.length = 0;
    await world.set("n", `${LARGE}2`);
    expect(forms(peer)).toEqual([[2, true]]);
  });

  test("that is refused plain for another reason is a failure of that, and remembered", async () => {
    const { world, peer } = await compressing(({ request }) => (request.gzip === true ? 415 : 503));
    await world.set("n", LARGE);
    expect(world.results.at(-1)).toMatchObject({ failureCount: 1, failures: [{ statusCode: 503 }] });
    expect(await world.trust(peer)).toHaveProperty("plainSince");
  });

  test.each([
    ["the approval ended", "", { approved: false }],
    ["its place was hidden", "/permissions", { properties: { excluded_patterns: ["n"] } }],
  ])("is not sent again when %s while the peer refused it", async (_, path, json) => {
    const { world, peer } = await compressing(200);
    const [other, at] = [world.instance(), `${world.actor.root}/trust/friend/p1${path}`];
    peer.mood = async () => {
      expect((await other.ask("PUT", at, { headers: world.actor.as, json })).status).toBeLessThan(300);
      world.host.now += 2_000;
      return 415;
    };
    await world.set("n", LARGE);
    expect(forms(peer)).toEqual([[1, true]]);
  });

  test("waits like any other where the peer says when to come back", async () => {
    const { world, peer } = await compressing(() => later(415, "30"));
    await world.set("n", LARGE);
    expect(forms(peer)).toEqual([[1, true]]);
  });

  test("is delivered although it could not be noted that the peer wants it plain", async () => {
    let failing = false;
    const inner = new MemoryTable();
    const table = new FaultyTable(inner, (operation, [key]) =>
      failing && operation === "update" && key?.sk.startsWith("TRUST#") === true ? "throttle" : "ok",
    );
    const { world, peer } = await compressing(unless(400), { table });
    failing = true;
    await world.set("n", LARGE);
    expect(world.results.at(-1)).toMatchObject({ successCount: 1 });
    failing = false;
    expect(inner.itemAt(trustKey(world.actor.id, peer.id))).not.toHaveProperty("plainSince");
  });

  test("of a service that may not compress goes out plain", async () => {
    const { world, peer } = await compressing(200, { environment: { CALLBACK_GZIP: "false" } });
    await world.set("n", LARGE);
    expect(forms(peer)).toEqual([[1, false]]);
  });

  test("that a gateway turns into text arrives all the same at a service like this one", async () => {
    const { world, peer } = await compressing(({ request }) => {
      const sent = gzipSync(request.jsonText ?? JSON.stringify(request.json));
      const arrived = request.gzip === true ? Buffer.from(sent.toString("utf8")) : Buffer.from("{}");
      try {
        decodeBody(arrived, request.gzip === true ? "gzip" : undefined);
        return 201;
      } catch (error) {
        return error instanceof ServiceError ? error.status : 500;
      }
    });
    await world.set("n", LARGE);
    expect(forms(peer)).toEqual([
      [1, true],
      [1, false],
    ]);
    expect(peer.taken).toHaveLength(1);
  });
});
