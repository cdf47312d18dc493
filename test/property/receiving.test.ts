import process from "node:process";
import { expect, it } from "vitest";
import type { Condition, Table } from "../../lib/dynamodb/table.ts";
import { Violation } from "../support/simulation/receiving-checks.ts";
import { ReceivingWorld } from "../support/simulation/receiving-world.ts";
import { countFrom } from "../support/sizes.ts";
import { breaking, names, without } from "../support/simulation/sabotage.ts";

/** Random schedules. */
const SCHEDULES = countFrom("SIMULATION_SCHEDULES", 10_000, 100_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

it(`holds R1 to R5 over ${String(SCHEDULES)} random schedules of faults, crashes and clocks`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    try {
      await new ReceivingWorld(seed).play();
    } catch (error) {
      const again = `SIMULATION_SEED=${String(seed)} SIMULATION_SCHEDULES=1 npm run test:heavy -- receiving`;
      throw new Error(`${again} plays it again.`, { cause: error });
    }
  }
  expect(SCHEDULES).toBeGreaterThan(0);
});

/** Conditions that make the engine right, each left out in turn. */
const SABOTAGE: Readonly<Record<string, (condition: Condition) => Condition>> = {
  "a claim is taken although another holds it": without(
    (part) => part.is === "any" && names(part).includes("claimToken"),
  ),
  "a commit goes through although the claim was lost": without(
    (part) => part.is === "equals" && part.name === "claimToken",
  ),
  "the last slot is emptied although one was taken meanwhile": without(
    (part) => (part.is === "sizeEquals" || part.is === "missing") && part.name === "pending",
  ),
  "a claim is granted for another number than the next": without(
    (part) => part.is === "equals" && part.name === "lastSeq",
  ),
  "a slot is taken although all are": without((part) => part.is === "any" && names(part).includes("pending")),
  "a slot is taken in an epoch that has ended": without((part) => part.is === "equals" && part.name === "epoch"),
};

it.each(Object.entries(SABOTAGE))("would see it when %s", async (_, broken) => {
  const sabotage = (table: Table): Table => breaking(table, broken);
  let seen: unknown;
  for (let seed = 1; seed <= 30_000 && seen === undefined; seed += 1) {
    seen = await new ReceivingWorld(seed, sabotage).play().then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  expect(seen).toBeInstanceOf(Violation);
});
