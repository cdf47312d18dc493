import { describe, expect, it } from "vitest";
import { HOUR, MINUTE, SECOND, TimedWorld, WAYS, type Made } from "../support/events-world/timed-world.ts";
import { seeded } from "../support/simulation/scheduler.ts";
import { sized } from "../support/sizes.ts";

const EVENTS = sized(600, 10_000);
const BEGINS = 10 * MINUTE;
const ENDS = BEGINS + 12 * HOUR;

/** Events of so many keys, evenly over the outage and 10 min before it. */
function evenly(keys: number, seed: number): readonly Made[] {
  const random = seeded(seed);
  return Array.from({ length: EVENTS }, (_, at) => ({
    at: Math.round((at * ENDS) / EVENTS),
    key: `key${String(Math.floor(random() * keys))}`,
  }));
}

describe.each([1, 3, 50])("an endpoint of %i keys that is dead for 12 h", (keys) => {
  it.each(Object.keys(WAYS))("by %s: nothing is given up, all comes in order within 16 min", (way) => {
    const world = new TimedWorld({
      seed: 1,
      makes: evenly(keys, 1),
      fails: (_event, now) => (now >= BEGINS && now < ENDS ? WAYS[way] : undefined),
    }).play();
    expect(world.exhausted).toEqual([]);
    expect(world.delivered).toHaveLength(EVENTS);
    expect(Math.max(...world.delivered.map(({ takenAt }) => takenAt)) - ENDS).toBeLessThan(16 * MINUTE);
    expect(world.signals).toEqual(["failing", "recovered"]);
    expect(world.state.entries).toEqual([]);
  });
});

const WAITING = sized(500, 10_000);

describe.each([
  ["busy", sized(2 * MINUTE, 5 * SECOND)],
  ["idle", HOUR],
])("one key of fifty on a %s listener fails for ever", (_what, every) => {
  it.each(Object.keys(WAYS))("by %s: the others do not wait, and the key continues", (way) => {
    const poison = 5;
    const others = Array.from({ length: Math.floor((110 * HOUR) / every) }, (_, at) => ({
      at: at * every,
      key: `key${String(1 + (at % 49))}`,
    }));
    const behind = Array.from({ length: WAITING }, (_, at) => ({ at: 5 * every + at, key: "key0" }));
    const makes = [...others.slice(0, poison), { at: 5 * every, key: "key0" }, ...behind, ...others.slice(poison)];
    makes.sort((one, other) => one.at - other.at);
    const at = makes.findIndex(({ key }) => key === "key0");
    const world = new TimedWorld({
      seed: 1,
      makes,
      fails: (event) => (event.at === at ? WAYS[way] : undefined),
    }).play();
    expect(world.exhausted.map((event) => event.at)).toEqual([at]);
    expect(world.delivered).toHaveLength(makes.length - 1);
    const late = world.delivered.filter(
      ({ event, madeAt, takenAt }) => event.key !== "key0" && takenAt - madeAt > MINUTE,
    );
    expect(late).toEqual([]);
  });
});
