import process from "node:process";
import { expect, it } from "vitest";
import type { Condition } from "../../lib/dynamodb/table.ts";
import { Violation } from "../support/simulation/receiving-checks.ts";
import { ReceivingWorld, type Sabotage } from "../support/simulation/receiving-world.ts";
import {
  askedAgain,
  breaking,
  forgetting,
  forgettingLeaseEnds,
  names,
  takenForAbsent,
  without,
} from "../support/simulation/sabotage.ts";
import { seeded } from "../support/simulation/scheduler.ts";
import { modesOf } from "../support/simulation/world-modes.ts";
import { countFrom } from "../support/sizes.ts";

/** Random schedules. */
const SCHEDULES = countFrom("SIMULATION_SCHEDULES", 400, 100_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

/** Schedules of one test, so that none outlasts its time on a busy machine. */
const TOGETHER = 10_000;
const BLOCKS = Array.from({ length: Math.ceil(SCHEDULES / TOGETHER) }, (_, index) => {
  const from = FIRST_SEED + index * TOGETHER;
  return { from, to: Math.min(from + TOGETHER, FIRST_SEED + SCHEDULES) - 1 };
});

it.each(BLOCKS)("holds R1 to R5 over random schedules of faults, crashes and clocks: $from to $to", async (block) => {
  for (let seed = block.from; seed <= block.to; seed += 1) {
    try {
      await new ReceivingWorld(seed).play();
    } catch (error) {
      const again = `SIMULATION_SEED=${String(seed)} SIMULATION_SCHEDULES=1 npm run test:heavy -- receiving`;
      throw new Error(`${again} plays it again.`, { cause: error });
    }
  }
  expect(block.to).toBeGreaterThanOrEqual(block.from);
});

it.each([
  ["a recovery that fails puts off what is next", 42_217],
  ["a publisher is restored while its state is read in several runs", 54_253],
  ["a clock goes back, time after time, below the time at which a lease began", 89_535],
])("holds in a schedule that once showed how %s", async (_, seed) => {
  expect(await new ReceivingWorld(seed).play()).toBeUndefined();
});

/** A lease is lost only where clocks jump over it, and then rarely. */
const LOST_LEASE = "a commit goes through although the lease was lost";
const ENDED_EPOCH = "a number is buffered in an epoch that has ended";
/** For what few schedules show: one that did. The search begins there, and continues when it no longer does. */
const SHOWN_BY: Readonly<Record<string, number>> = { [LOST_LEASE]: 5_073, [ENDED_EPOCH]: 899 };

/** Conditions that make the engine right, each left out in turn. */
const SABOTAGE: Readonly<Record<string, (condition: Condition) => Condition>> = {
  "a lease is acquired although another is live": without(
    (part) => part.is === "any" && names(part).includes("leaseToken"),
  ),
  [LOST_LEASE]: without((part) => part.is === "equals" && part.name === "leaseToken"),
  "the buffer is emptied although a number was added meanwhile": without(
    (part) => (part.is === "sizeEquals" || part.is === "missing") && part.name === "buffered",
  ),
  "a lease is granted for another number than the next": without(
    (part) => part.is === "equals" && part.name === "lastSeq",
  ),
  "a number that became next meanwhile is due as its gap was": without(
    (part) => part.is === "not" && names(part).includes("buffered"),
  ),
  "a number is buffered although the buffer is full": without(
    (part) => part.is === "any" && names(part).includes("buffered"),
  ),
  [ENDED_EPOCH]: without((part) => part.is === "equals" && part.name === "epoch"),
};

const conditions = Object.entries(SABOTAGE).map(([name, broken]): [string, Sabotage] => [
  name,
  { table: (table) => breaking(table, broken) },
]);

/** What else makes it right: each is taken away in turn. */
const OTHERS: readonly (readonly [string, Sabotage])[] = [
  ["a failed read is taken for the absence of data", { publisher: takenForAbsent }],
  ["a backlog that cannot be read is asked for again and again", { publisher: askedAgain }],
  ["what a dead holder left to be applied waits as if it were behind a gap", { table: forgettingLeaseEnds }],
  ["a second content under a number is forgotten", { table: (table) => forgetting(table, "contradicted") }],
];

it.each([...conditions, ...OTHERS])("would see it when %s", async (what, sabotage) => {
  const first = SHOWN_BY[what] ?? 1;
  let seen: unknown;
  for (let seed = first; seed < first + 30_000 && seen === undefined; seed += 1) {
    if (what === LOST_LEASE && !modesOf(seeded(seed)).jumpy) continue;
    seen = await new ReceivingWorld(seed, sabotage).play().then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  expect(seen).toBeInstanceOf(Violation);
});
