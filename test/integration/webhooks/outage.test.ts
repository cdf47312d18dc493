import { describe, expect, it } from "vitest";
import { seeded } from "../../support/simulation/scheduler.ts";
import { sized } from "../../support/sizes.ts";
import { HOUR, MINUTE, SECOND, TroubledWebhook, WAYS, type Made } from "./troubled-webhook.ts";

const BEGINS = 10 * MINUTE;
const ENDS = BEGINS + 12 * HOUR;
const EVENTS = sized(60, 10_000);

/** So many that ten thousand are not what takes the 16 min. */
const RATE = { limit: 1_000, periodSeconds: 1 };

/** Events of so many keys, evenly until the end of the outage. */
function evenly(keys: number): readonly Made[] {
  const random = seeded(1);
  return Array.from({ length: EVENTS }, (_, at) => ({
    ...{ at: Math.round((at * ENDS) / EVENTS), key: `k${String(Math.floor(random() * keys))}` },
  }));
}

type Name = keyof typeof WAYS;
const names = Object.keys(WAYS) as Name[];
const small: readonly (readonly [keys: number, way: Name, isWatched: boolean])[] = [
  [1, "400", true],
  [50, "503", false],
];
const all = [1, 50].flatMap((keys) => names.map((way) => [keys, way, true] as const));

describe("an endpoint that is dead for 12 h", () => {
  it.each(sized(small, [...all, [50, "404", false], [1, "503", false]]))(
    "with %i keys by %s: nothing is parked, all comes in order within 16 min (watched: %s)",
    async (keys, way, isWatched) => {
      const world = await new TroubledWebhook({
        ...{ makes: evenly(keys), isWatched, settings: { rate: RATE } },
        fails: (_, now) => (now >= BEGINS && now < ENDS ? WAYS[way] : undefined),
      }).play(({ delivered, deployment }) => delivered.length === EVENTS && deployment.isIdle, ENDS + 24 * HOUR);
      const last = Math.max(...world.delivered.map(({ takenAt }) => takenAt));
      expect(world.delivered).toHaveLength(EVENTS);
      expect(world.disordered).toEqual([]);
      expect(await world.parked()).toEqual([]);
      expect(last - ENDS).toBeLessThanOrEqual(16 * MINUTE);
      expect(await world.seen()).toMatchObject({ status: "active", blocked: [], lag: 0 });
      expect(world.said).toEqual(isWatched ? ["$sys.webhook.failing", "$sys.webhook.recovered"] : []);
      expect(await world.records()).toBe(EVENTS + world.said.length);
      // No message brings forth more than the one after it.
      expect(world.deployment.runs.worker).toBeLessThanOrEqual(2 * world.attempts);
    },
  );
});

/** Of fifty keys: the first fails for ever, and as many more events of that key come behind its first one. */
const BEHIND = sized(200, 10_000);
const ATTEMPTS = sized(4, 10);
/** Longer than the schedule of so many attempts, ms. */
const PATIENCE = sized(3, 100) * HOUR;

describe.each([
  ["busy", sized(2 * MINUTE, 30 * SECOND)],
  ["idle", HOUR],
])("one event of fifty keys that a %s webhook never takes", (_what, every) => {
  it.each(sized<readonly Name[]>(["400"], names))("by %s holds back its key alone, until it is parked", async (way) => {
    const others = Array.from({ length: Math.floor(PATIENCE / every) }, (_, at) => ({
      ...{ at: at * every, key: `k${String(1 + (at % 49))}` },
    }));
    const begins = Math.round(1.3 * every);
    const poison = { at: begins, key: "k0" };
    const makes = [...others, poison, { at: begins + SECOND, key: "k0", count: BEHIND }];
    makes.sort((one, other) => one.at - other.at);
    const number = makes.indexOf(poison);
    const world = await new TroubledWebhook({
      ...{ makes, isWatched: false, settings: { maxAttempts: ATTEMPTS } },
      fails: (event) => (event.number === number ? WAYS[way] : undefined),
    }).play(({ delivered }) => delivered.length === others.length + BEHIND, PATIENCE + 10 * HOUR);
    const late = world.delivered.filter(({ key, madeAt, takenAt }) => key !== "k0" && takenAt - madeAt > MINUTE);
    expect(late).toEqual([]);
    expect(world.delivered).toHaveLength(others.length + BEHIND);
    expect(world.disordered).toEqual([]);
    expect(await world.parked()).toMatchObject([{ topic: "orders.k0", sequence: number + 1 }]);
    expect(await world.seen()).toMatchObject({ status: "active", blocked: [], lag: 0 });
  });
});
