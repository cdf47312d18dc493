/** The pauses between the tries of one callback, as they are asked for; no time passes here. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { DeliveryWorld, type Peer } from "./delivery-world.ts";

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
  readonly status?: number;
}

/** One change that its subscriber refuses every time, and the pauses that were asked for. */
async function refused({ random, retryAfter, status = 503 }: Story): Promise<[Peer, readonly number[]]> {
  // Before the service is put together, which takes the function as it is then.
  if (random !== undefined) vi.spyOn(Math, "random").mockReturnValue(random);
  const world = await DeliveryWorld.begin({ environment: { DELIVERY_RETRIES: "2" } });
  const { peer } = await world.subscriber("p1");
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

  it.each(["0", "1", "7", "Thu, 01 Jan 2026 00:00:07 GMT", "Wed, 31 Dec 2025 23:59:00 GMT"])(
    "not at once where the peer answers with Retry-After: %s",
    async (retryAfter) => {
      const [peer, waited] = await refused({ retryAfter });
      expect(peer.sequences()).toEqual([1]);
      expect(waited).toEqual([]);
    },
  );

  it("after its own pauses where the Retry-After of the peer is no time", async () => {
    const [peer, waited] = await refused({ retryAfter: "soon", random: 0.999_999 });
    expect(peer.sequences()).toEqual([1, 1, 1]);
    expect(waited).toEqual([500, 1_000]);
  });

  it.each([404, 410])("not at once after %i, which is about its subscription alone", async (status) => {
    const [peer, waited] = await refused({ status });
    expect(peer.sequences()).toEqual([1]);
    expect(waited).toEqual([]);
  });

  it("not at once after 429", async () => {
    const [peer, waited] = await refused({ status: 429 });
    expect(peer.sequences()).toEqual([1]);
    expect(waited).toEqual([]);
  });
});
