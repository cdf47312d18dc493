import process from "node:process";
import { expect, it, vi } from "vitest";
import { virtualPause } from "../support/publishing-world/virtual-time.ts";
import { PublishingWorld } from "../support/publishing-world/world.ts";

vi.mock("node:timers/promises", () => ({ setTimeout: virtualPause }));

/** Random schedules in `npm test`; `npm run test:simulation` plays more. */
const SCHEDULES = Math.min(Number(process.env["SIMULATION_SCHEDULES"] ?? 2_000), 1_000_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

it(`holds P1 to P5 over ${String(SCHEDULES)} random schedules of writers, peers, faults and crashes`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    const world = new PublishingWorld(seed, { tracing: process.env["SIMULATION_TRACE"] === "1" });
    try {
      await world.play();
    } catch (error) {
      const again = `SIMULATION_SEED=${String(seed)} SIMULATION_SCHEDULES=1 npm run test:simulation plays it again.`;
      throw new Error([...world.trace, again].join("\n"), { cause: error });
    }
  }
  expect(SCHEDULES).toBeGreaterThan(0);
});
