/**
 * How large the large runs are: enough to show the behaviour in `npm test`, the whole of it in `npm run test:heavy`. The
 * test files that import this one are those that `test:heavy` runs (vitest.config.ts).
 */
import process from "node:process";

const HEAVY = process.env["TEST_SIZE"] === "heavy";

/** The first in `npm test`, the second in `npm run test:heavy`. */
export const sized = <T>(usual: T, heavy: T): T => (HEAVY ? heavy : usual);

/** The same for a count that a variable of the environment may overrule: `SIMULATION_SCHEDULES=1` and the like. */
export function countFrom(variable: string, usual: number, heavy: number): number {
  return Number(process.env[variable] ?? sized(usual, heavy));
}
