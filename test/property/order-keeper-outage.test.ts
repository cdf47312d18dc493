import { describe, expect, it, vi } from "vitest";
import type * as Failures from "../../lib/domain/events/keeper-failures.ts";
import type { EndpointHealth } from "../../lib/domain/events/keeper-state.ts";
import type { WorldEvent } from "../support/events-world/log.ts";
import { HOUR, MINUTE, SECOND, TimedWorld, WAYS, type Made } from "../support/events-world/timed-world.ts";
import { seeded } from "../support/simulation/scheduler.ts";
import { sized } from "../support/sizes.ts";

const EVENTS = sized(250, 10_000);
const BEGINS = 10 * MINUTE;
const ENDS = BEGINS + 12 * HOUR;

const broken = vi.hoisted(() => ({ few: false, pace: false, evidence: false, atOnce: false }));
vi.mock("../../lib/domain/events/keeper-failures.ts", async (original) => {
  const real = await original<typeof Failures>();
  return {
    ...real,
    fewKeys: (policy: Parameters<typeof real.fewKeys>[0]) => (broken.few ? 0 : real.fewKeys(policy)),
    afterFailure: (...given: Parameters<typeof real.afterFailure>) => {
      const result = real.afterFailure(...given);
      return broken.pace ? { ...result, health: withoutPace(result.health) } : result;
    },
    afterTaken: (...[failing, how]: Parameters<typeof real.afterTaken>) => {
      const after = real.afterTaken(failing, broken.atOnce ? { ...how, atOnce: false } : how);
      return broken.evidence ? { ...after, evidence: "none" as const } : after;
    },
  };
});
const withoutPace = ({ pace: _, ...health }: EndpointHealth): EndpointHealth => health;

/** Events of so many keys, evenly over the outage and 10 min before it. */
function evenly(keys: number, seed: number): readonly Made[] {
  const random = seeded(seed);
  return Array.from({ length: EVENTS }, (_, at) => ({
    at: Math.round((at * ENDS) / EVENTS),
    key: `key${String(Math.floor(random() * keys))}`,
  }));
}

/** What an outage of 12 h leaves. */
function outage(keys: number, way: string) {
  const world = new TimedWorld({
    seed: 1,
    until: ENDS + 24 * HOUR,
    makes: evenly(keys, 1),
    fails: (_event, now) => (now >= BEGINS && now < ENDS ? WAYS[way] : undefined),
  }).play();
  const { delivered, exhausted, signals, state } = world;
  const isLate = delivered.some(({ takenAt }) => takenAt - ENDS > 16 * MINUTE);
  return { delivered: delivered.length, exhausted: exhausted.length, isLate, signals, entries: state.entries.length };
}

const RECOVERED = { delivered: EVENTS, exhausted: 0, isLate: false, signals: ["failing", "recovered"], entries: 0 };

describe.each([1, 3, 50])("an endpoint of %i keys that is dead for 12 h", (keys) => {
  it.each(Object.keys(WAYS))("by %s: nothing is given up, all comes in order within 16 min", (way) => {
    expect(outage(keys, way)).toEqual(RECOVERED);
  });
});

const WAITING = sized(200, 10_000);

/** What one poison event of fifty keys leaves, on a listener with an event of the others so often. */
function poisoned(way: string, every: number) {
  const begins = (5 + 1 / 3) * every;
  const others = Array.from({ length: Math.floor((110 * HOUR) / every) }, (_, at) => ({
    at: at * every,
    key: `key${String(1 + (at % 49))}`,
  }));
  const behind = Array.from({ length: WAITING }, (_, at) => ({ at: begins + at, key: "key0" }));
  const makes = [...others, { at: begins, key: "key0" }, ...behind].toSorted((one, other) => one.at - other.at);
  const poison = makes.findIndex(({ key }) => key === "key0");
  const fails = (event: WorldEvent) => (event.at === poison ? WAYS[way] : undefined);
  const { delivered, exhausted } = new TimedWorld({ seed: 1, until: 200 * HOUR, makes, fails }).play();
  const late = delivered.filter(({ event, madeAt, takenAt }) => event.key !== "key0" && takenAt - madeAt > MINUTE);
  return {
    missing: makes.length - delivered.length,
    givenUp: exhausted.map(({ at }) => at - poison),
    late: late.length,
  };
}

const ONLY_THE_POISON = { missing: 1, givenUp: [0], late: 0 };
const BUSY = sized(2 * MINUTE, 5 * SECOND);

describe.each([
  ["busy", BUSY],
  ["idle", HOUR],
])("one key of fifty on a %s listener fails for ever", (_what, every) => {
  it.each(Object.keys(WAYS))("by %s: the others do not wait, and the key continues", (way) => {
    expect(poisoned(way, every)).toEqual(ONLY_THE_POISON);
  });
});

describe("the simulation would see it when", () => {
  const breaking = (what: keyof typeof broken, run: () => unknown): unknown => {
    broken[what] = true;
    try {
      return run();
    } finally {
      broken[what] = false;
    }
  };

  it("a key that no failure accuses waits for an open breaker", () => {
    expect(breaking("few", () => poisoned("503", HOUR))).not.toEqual(ONLY_THE_POISON);
  });

  it("failures before and after a success are not the event's own", () => {
    expect(breaking("evidence", () => poisoned("503", HOUR))).not.toEqual(ONLY_THE_POISON);
  });

  it("the only key that waits is tried by the schedule alone", () => {
    expect(breaking("pace", () => outage(1, "400"))).not.toEqual(RECOVERED);
  });

  it("blocked events wait for their schedule when the endpoint is back", () => {
    expect(breaking("atOnce", () => outage(3, "400"))).not.toEqual(RECOVERED);
  });
});
