import process from "node:process";
import { expect, it, vi } from "vitest";
import type * as KeeperStates from "../../lib/domain/events/keeper-state.ts";
import { KeeperSchedule } from "../support/events-world/keeper-schedule.ts";
import { countFrom } from "../support/sizes.ts";

// Short schedules meet short limits.
vi.mock("../../lib/domain/events/keeper-state.ts", async (original) => {
  const real = await original<typeof KeeperStates>();
  return { ...real, MAX_ENTRIES: 4, MAX_AHEAD: 5, MAX_QUEUE: 2, MAX_SELECTIONS: 3 };
});

/** Random schedules. */
const SCHEDULES = countFrom("KEEPER_SCHEDULES", 20_000, 1_000_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

it(`keeps order, numbers and every event over ${String(SCHEDULES)} random schedules with crashes`, () => {
  let taken = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    const schedule = new KeeperSchedule(seed);
    try {
      schedule.play();
    } catch (error) {
      const again = new KeeperSchedule(seed, { tracing: true });
      try {
        again.play();
      } catch {
        // The same as above.
      }
      throw new Error([...again.trace, `seed ${String(seed)}: ${String(error)}`].join("\n"), { cause: error });
    }
    taken += schedule.taken;
  }
  expect(taken).toBeGreaterThan(3 * SCHEDULES);
});
