import process from "node:process";
import { expect, it } from "vitest";
import {
  RootGroupSchedule,
  RootGroupViolation,
  type RootGroupSabotage,
} from "../support/events-world/root-group-schedule.ts";
import { countFrom } from "../support/sizes.ts";

const SCHEDULES = countFrom("ROOT_GROUP_SCHEDULES", 400, 40_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

it(`keeps order, actors and leases over ${String(SCHEDULES)} schedules of consumers, deaths and late entries`, () => {
  let done = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    try {
      done += new RootGroupSchedule(seed).play();
    } catch (error) {
      const again = `SIMULATION_SEED=${String(seed)} ROOT_GROUP_SCHEDULES=1 npm exec -- vitest run test/property/root-groups.test.ts`;
      throw new Error(`${again} plays it again.`, { cause: error });
    }
  }
  expect(done).toBeGreaterThan(3 * SCHEDULES);
});

/** Conditions that make a group over all actors right, each left out in turn; `from`: where schedules that show it are near. */
const SABOTAGES: Readonly<Record<string, RootGroupSabotage & { readonly from?: number }>> = {
  "an actor leaves with work": { isDone: () => true },
  "a lane passes the time of a clock that is 6 s ahead": { settled: (now) => now + 6_000 },
  "a lane with a full list passes the rest of a span": {
    met: ({ within, ...lane }, until) =>
      within?.actorId === undefined ? { ...lane, ...(within && { within }) } : { ...lane, after: until },
  },
  "a lane is written that another has written": { anyLane: true, from: 850 },
  "a member is written that another has written": { anyMember: true, anyLane: true },
  "logs are read before the indexes": { readsFirst: true, from: 2_000 },
  "a new member begins now": { begins: (_, now) => now },
  "a replay leaves its actor where it is": { replayAlone: true, from: 1 },
  "one index is enough": { oneIndex: true },
  "an acknowledgement of an earlier lease counts": { token: (token, lane) => lane?.lease?.token ?? token },
};

it.each(Object.entries(SABOTAGES))("would see it when %s", (_, { from = 1, ...sabotage }) => {
  const seen = (): void => {
    for (let seed = from; seed <= from + 4_000; seed += 1) new RootGroupSchedule(seed, sabotage).play();
  };
  expect(seen).toThrow(RootGroupViolation);
});
