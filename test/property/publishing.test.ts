import process from "node:process";
import { expect, it, vi } from "vitest";
import { logHeadKey, recordPartition } from "../../lib/dynamodb/keys/publishing.ts";
import { always, type Condition, type Key, type Table, type Write } from "../../lib/dynamodb/table.ts";
import type * as LostRaces from "../../lib/publishing/delivery/lost-race.ts";
import type { FoundHead } from "../../lib/publishing/delivery/lost-race.ts";
import { LONE_SABOTAGES } from "../support/publishing-world/lone-sabotages.ts";
import { breakingAll, SABOTAGES } from "../support/publishing-world/sabotages.ts";
import type { StageOptions } from "../support/publishing-world/stage.ts";
import { virtualPause } from "../support/publishing-world/virtual-time.ts";
import { ACTOR, Violation } from "../support/publishing-world/violation.ts";
import { PublishingWorld } from "../support/publishing-world/world.ts";
import { countFrom } from "../support/sizes.ts";
import { breaking, without } from "../support/simulation/sabotage.ts";

const broken = vi.hoisted(() => ({ found: (found: FoundHead): FoundHead => found }));
vi.mock("../../lib/publishing/delivery/lost-race.ts", async (original) => {
  const { afterLostRace } = await original<typeof LostRaces>();
  return { afterLostRace: (found: FoundHead) => afterLostRace(broken.found(found)) };
});
vi.mock("node:timers/promises", () => ({ setTimeout: virtualPause }));

/** Random schedules. */
const SCHEDULES = Math.min(countFrom("SIMULATION_SCHEDULES", 80, 5_000), 1_000_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);
/** Says step by step what happened in a schedule that failed. */
const TRACING = process.env["SIMULATION_TRACE"] === "1";

it(`holds P1 to P6 over ${String(SCHEDULES)} random schedules of writers, peers, faults and crashes`, async () => {
  let numbers = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    const world = new PublishingWorld(seed, { tracing: TRACING });
    try {
      await world.play();
      numbers += world.numbers;
    } catch (error) {
      const again = `SIMULATION_SEED=${String(seed)} SIMULATION_SCHEDULES=1 npm run test:heavy -- property/publishing`;
      throw new Error([...world.trace, `${again} plays it again.`].join("\n"), { cause: error });
    }
  }
  // A world in which nothing happens holds everything.
  if (SCHEDULES >= 50) expect(numbers).toBeGreaterThan(2 * SCHEDULES);
});

/** Conditions that make the publisher right, each left out in turn. */
const SABOTAGE: Readonly<Record<string, (condition: Condition) => Condition>> = {
  "a subscription moves although another has moved it meanwhile": without(
    (part) => part.is === "equals" && part.name === "version",
  ),
};

/**
 * Commits to the actor's log do not ask any more whether they are the next ones: neither its head nor, behind that, the
 * records of those numbers. (Without the head's condition alone it takes far more schedules, for the records catch
 * a late writer, until they are deleted.)
 */
function unordered(table: Table): Table {
  const head = logHeadKey(ACTOR);
  const isLog = ({ pk, sk }: Key): boolean => (pk === head.pk && sk === head.sk) || pk === recordPartition(ACTOR);
  const free = (write: Write): Write => {
    if ("update" in write && isLog(write.update)) return { ...write, condition: always };
    return "put" in write && isLog(write.put) ? { ...write, condition: always } : write;
  };
  return {
    ...breaking(table, (condition) => condition),
    transact: async (writes) => {
      await table.transact(writes.map(free));
    },
  };
}

/** `troubled`: in schedules of only peers and subscriptions that do not take their callbacks. */
type Sabotaged = readonly [what: string, sabotage: (table: Table) => Table, troubled: boolean];

const SABOTAGED: readonly Sabotaged[] = [
  ...Object.entries(SABOTAGES).map(([what, sabotage]): Sabotaged => [what, sabotage, true]),
  ...Object.entries(SABOTAGE).map(([what, broken]): Sabotaged => [what, (table) => breakingAll(table, broken), false]),
  ["a change is committed although others have come first", unordered, false],
];

/**
 * For sabotages that few schedules show: one that did. The search begins there, and continues when it no longer does.
 */
const SHOWN_BY: Readonly<Record<string, number>> = {
  "a pause that a peer has asked for is not heeded": 5,
  "a shorter pause takes the place of a longer one": 393,
  "a pause that has just begun goes with the one before it": 83,
  "a subscription that its peer asks for again is put off by what the peer answered before": 29,
  "a subscription that its peer knows again is put off as if it did not": 381,
  "an open breaker is tried with the same subscription every time": 37,
  "a subscription moves although another has moved it meanwhile": 96,
  "a change is committed although others have come first": 5,
  "a delivery without a lease is noted although its head has moved": 49,
  "a delivery without a lease is noted beside a live one": 20,
  "a delivery without a lease is added to what it has read, not to what it has found": 49,
  "the holder of a lease stores what it knows over what it finds": 706,
  "every change is delivered as if it were alone": 382,
  "a number that is cleared is noted": 181,
  "a resync is no record of the log": 25,
  "a resync takes the number that is next where the head is stored": 60,
};

/** What the first schedule that shows a sabotage throws. */
async function firstSeen(what: string, options: StageOptions): Promise<unknown> {
  const first = SHOWN_BY[what] ?? 1;
  for (let seed = first; seed < first + 10_000; seed += 1) {
    try {
      await new PublishingWorld(seed, options).play();
    } catch (error) {
      if (process.env["SIMULATION_SEEDS"] === "1") console.log(`${what}: ${String(seed)} ${String(error)}`);
      return error;
    }
  }
  return undefined;
}

it.each(SABOTAGED)("would see it when %s", async (what, sabotage, troubled) => {
  expect(await firstSeen(what, { sabotage, troubled })).toBeInstanceOf(Violation);
});

it.each(Object.entries(LONE_SABOTAGES))("would see it when %s", async (what, { table, service, found }) => {
  broken.found = found ?? ((each) => each);
  try {
    const options = { ...(table && { sabotage: table }), ...(service && { spoil: service }), paced: true };
    expect(await firstSeen(what, options)).toBeInstanceOf(Violation);
  } finally {
    broken.found = (each) => each;
  }
});
