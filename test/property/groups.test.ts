import process from "node:process";
import { expect, it } from "vitest";
import { ended } from "../../lib/domain/events/group-lanes.ts";
import { GroupSchedule, GroupViolation, type GroupSabotage } from "../support/events-world/group-schedule.ts";
import { countFrom } from "../support/sizes.ts";

const SCHEDULES = countFrom("GROUP_SCHEDULES", 20_000, 1_000_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

it(`keeps order, numbers and leases over ${String(SCHEDULES)} schedules of consumers, deaths and crashes`, () => {
  let done = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    try {
      done += new GroupSchedule(seed).play();
    } catch (error) {
      const again = `SIMULATION_SEED=${String(seed)} GROUP_SCHEDULES=1 npm exec -- vitest run test/property/groups.test.ts`;
      throw new Error(`${again} plays it again.`, { cause: error });
    }
  }
  expect(done).toBeGreaterThan(3 * SCHEDULES);
});

/** Conditions that make a group right, each left out in turn. */
const SABOTAGES: Readonly<Record<string, GroupSabotage>> = {
  "an acknowledgement of an earlier lease counts": {
    token: (token, { lanes }) => lanes.find(({ lease }) => lease !== undefined)?.lease?.token ?? token,
  },
  "events of one key go out side by side": { key: ({ topic, position }) => `${topic} ${position}` },
  "keys that are behind are forgotten": {
    store: (state) => ({ ...state, lanes: state.lanes.map((lane) => ({ ...lane, behind: [] })) }),
  },
  "events that were lent are forgotten": {
    store: (state) => ({
      ...state,
      lanes: state.lanes.map((lane) => ({ ...lane, open: lane.open.filter(({ lent }) => lent) })),
    }),
  },
  "a barrier waits for nothing": { store: (state) => ({ ...state, cleared: "9" }) },
  "a lane stands where a later event is": {
    store: (state) => ({ ...state, lanes: state.lanes.map((lane) => ({ ...lane, number: lane.number + 1 })) }),
  },
  "a barrier is an event like any other": {
    store: (state) => ({
      ...state,
      lanes: state.lanes.map((lane) => ({ ...lane, open: lane.open.map((one) => ({ ...one, barrier: false })) })),
    }),
  },
  "a lane forgets that a consumer has its events": {
    store: (state) => ({ ...state, lanes: state.lanes.map((lane) => ({ ...lane, open: [] })) }),
  },
  "a repetition finds nothing": { repeat: (state) => state },
  "a consumer's name alone takes a lease": {
    repeat: (state, consumer) => ({
      ...state,
      lanes: state.lanes.map((lane) => (lane.lease?.consumer === consumer ? ended(lane, 0) : lane)),
    }),
  },
  "a repetition counts as an attempt": {
    repeat: (state, _, { key }) => ({
      ...state,
      lanes: state.lanes.map((lane) => (lane.lease?.asked?.key === key ? ended(lane, 1) : lane)),
    }),
  },
  "a reset to before the beginning counts from 0": {
    reset: (state) => ({ ...state, lanes: state.lanes.map((lane) => ({ ...lane, number: Math.max(0, lane.number) })) }),
  },
  "a reset forgets how far events have numbers": { reset: ({ numbered: _, ...state }) => state },
};

it.each(Object.entries(SABOTAGES))("would see it when %s", (_, sabotage) => {
  const seen = (): void => {
    for (let seed = 1; seed <= 2_000; seed += 1) new GroupSchedule(seed, sabotage).play();
  };
  expect(seen).toThrow(GroupViolation);
});
