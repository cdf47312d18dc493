/** The pauses between the tries of one callback, as they are asked for; no time passes here. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { DeliveryWorld } from "./delivery-world.ts";
import type { Peer } from "./delivery-world.ts";

const { asked } = vi.hoisted(() => ({ asked: [] as number[] }));
vi.mock("node:timers/promises", () => ({
  setTimeout: (ms: number) => {
    asked.push(ms);
    return Promise.resolve();
  },
}));

afterEach(() => {
  vi.restoreAllMocks();
});

interface Story {
  /** What every pause draws; real chances when it is absent. */
  readonly random?: number;
  readonly retryAfter?: string;
  /** ms after the world's first moment. */
  readonly after?: number;
  readonly status?: number;
}

/** One change that its subscriber refuses every time, and the pauses that were asked for. */
async function refused({ random, retryAfter, after = 0, status = 503 }: Story): Promise<[Peer, readonly number[]]> {
  // Before the service is put together, which takes the function as it is then.
  if (random !== undefined) vi.spyOn(Math, "random").mockReturnValue(random);
  const world = await DeliveryWorld.begin({ environment: { DELIVERY_RETRIES: "2" } });
  const { peer } = await world.subscriber("p1");
  world.host.now += after;
  peer.mood = status;
  if (retryAfter !== undefined) peer.answerHeaders = { "retry-after": retryAfter };
  asked.length = 0;
  expect((await world.set("color", "red")).status).toBe(204);
  expect(world.results.at(-1)).toMatchObject({ totalCount: 1, failureCount: 1 });
  return [peer, [...asked]];
}

describe("a callback that fails is tried again", () => {
  it.each([
    [0, [0, 0]],
    [0.5, [250, 500]],
    [0.999_999, [500, 1_000]],
  ])("after a random part of a ceiling that doubles (%d)", async (random, pauses) => {
    const [peer, waited] = await refused({ random });
    expect(peer.sequences()).toEqual([1, 1, 1]);
    expect(waited).toEqual(pauses);
  });

  it("with chances of its own for every pause, within those ceilings", async () => {
    const firsts = new Set<number | undefined>();
    for (let change = 0; change < 20; change += 1) {
      const [, [first = -1, second = -1, ...more]] = await refused({});
      expect(first).toBeGreaterThanOrEqual(0);
      expect(first).toBeLessThanOrEqual(500);
      expect(second).toBeGreaterThanOrEqual(0);
      expect(second).toBeLessThanOrEqual(1_000);
      expect(more).toEqual([]);
      firsts.add(first);
    }
    expect(firsts.size).toBeGreaterThan(3);
  });

  it.each([
    ["seconds", "7", 0, 7_000],
    ["a date", "Thu, 01 Jan 2026 00:00:07 GMT", 0, 7_000],
    ["a date between two full seconds of ours", "Thu, 01 Jan 2026 00:00:07 GMT", 400, 6_600],
  ])("not before the peer's Retry-After: %s", async (_, retryAfter, after, least) => {
    const [peer, waited] = await refused({ retryAfter, after, random: 0 });
    expect(peer.sequences()).toEqual([1, 1, 1]);
    expect(waited).toHaveLength(2);
    for (const pause of waited) {
      expect(pause).toBeGreaterThanOrEqual(least);
      expect(pause).toBeLessThan(least + 1_000);
    }
  });

  it.each([
    ["0", [500, 1_000]],
    ["Wed, 31 Dec 2025 23:59:00 GMT", [500, 1_000]],
    ["soon", [500, 1_000]],
    ["1", [1_000, 1_000]],
  ])("no sooner than its own pause for a Retry-After of %s", async (retryAfter, pauses) => {
    const [, waited] = await refused({ retryAfter, random: 0.999_999 });
    expect(waited).toEqual(pauses);
  });

  it("not at all where the peer wants it later than there is time for", async () => {
    const [peer, waited] = await refused({ retryAfter: "60" });
    expect(peer.sequences()).toEqual([1]);
    expect(waited).toEqual([]);
  });

  it("not on the spot after 429, however soon the peer would have it", async () => {
    const [peer, waited] = await refused({ retryAfter: "1", status: 429 });
    expect(peer.sequences()).toEqual([1]);
    expect(waited).toEqual([]);
  });
});
