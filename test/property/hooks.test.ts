import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isServiceError } from "../../lib/system/errors.ts";
import { Verdict, type HookEvent } from "../../lib/failed-events/hook-event.ts";
import type { Receiving } from "../../lib/receiving/intake/receiving.ts";
import { InjectedFault, type Effect } from "../support/faulty-table.ts";
import { HookWorld } from "../unit/receiving/hooks/hook-world.ts";
import { sized } from "../support/sizes.ts";

/** The outcome of one start of the hook; `die` ends its process. */
type Outcome = "fine" | "throw" | "retry" | "park" | "skip" | "stop" | "die";

type Step =
  | { readonly do: "again"; readonly fault?: { readonly at: number; readonly effect: Effect } }
  | { readonly do: "deliver"; readonly fault?: { readonly at: number; readonly effect: Effect } }
  | {
      readonly do: "sweep";
      readonly minutes: number;
      readonly fault?: { readonly at: number; readonly effect: Effect };
    }
  | { readonly do: "replay"; readonly which: number }
  | { readonly do: "drop"; readonly which: number };

const outcome = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Outcome>("fine") },
  { weight: 5, arbitrary: fc.constantFrom<Outcome>("throw", "retry", "park", "skip", "stop", "stop", "stop", "die") },
);
const fault = fc.option(
  fc.record({
    at: fc.nat(8),
    effect: fc.constantFrom<Effect>("crash", "crash_after", "throttle", "lost_answer", "repeat"),
  }),
  { nil: undefined, freq: 3 },
);
const withFault = <T extends object>(step: T) => fault.map((f) => (f === undefined ? step : { ...step, fault: f }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: withFault({ do: "deliver" as const }) },
  { weight: 1, arbitrary: withFault({ do: "again" as const }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1, 5, 120).chain((minutes) => withFault({ do: "sweep" as const, minutes })),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("replay" as const, "drop" as const), which: fc.nat(10) }),
  },
);

describe("hooks under random verdicts, deaths and faults", () => {
  it("have first runs in order, run for every event at least once, and wait behind an event that stopped them", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.array(outcome, { maxLength: 60 }), play), {
      numRuns: sized(300, 10_000),
    });
  });
});

async function play(steps: readonly Step[], outcomes: readonly Outcome[]): Promise<void> {
  const script = [...outcomes];
  const world = await new HookWorld().open();
  const dropped = new Set<number>();
  /** Events that a person retried before their stream reached them: their order is the person's. */
  const byHand = new Set<number>();
  const first: number[] = [];
  const overtaking: number[] = [];
  let died = (): void => undefined;
  world.hook = async (event: HookEvent) => {
    // An event that a person began before its stream reached it may come in any order.
    if (!first.includes(event.sequence) && !byHand.has(event.sequence)) {
      first.push(event.sequence);
      if (stoppedBefore(world, event.sequence)) overtaking.push(event.sequence);
    }
    await Promise.resolve();
    const next = script.shift() ?? "fine";
    if (next === "die") {
      died();
      await new Promise<never>(() => undefined);
    }
    if (next === "skip") dropped.add(event.sequence);
    if (next === "throw") throw new Error("no");
    if (next !== "fine" && next !== "die") throw new Verdict(next);
  };

  /** Runs work on an instance of its own until it ends or the instance dies. */
  const live = async (
    work: (receiving: Receiving) => Promise<unknown>,
    fault?: { readonly at: number; readonly effect: Effect },
  ): Promise<void> => {
    let operations = 0;
    let dead = false;
    const end = new Promise<void>((resolve) => {
      died = () => {
        dead = true;
        resolve();
      };
      const receiving = world.instance(async () => {
        if (dead) return await new Promise<never>(() => undefined);
        const effect = operations === fault?.at ? fault.effect : "ok";
        operations += 1;
        if (effect === "crash" || effect === "crash_after") setImmediate(died);
        return effect;
      });
      work(receiving).then(
        () => {
          resolve();
        },
        (error: unknown) => {
          if (!(error instanceof InjectedFault) && !isServiceError(error)) throw error;
          resolve();
        },
      );
    });
    await end;
    world.limits.clear();
  };

  const deliver = async (sequence: number, fault?: { readonly at: number; readonly effect: Effect }): Promise<void> => {
    await live(async (receiving) => await world.deliver(sequence, receiving), fault);
    // The next instance comes when the lease of the dead one has expired.
    world.now += 120_000;
  };

  for (const each of steps) {
    if (each.do === "deliver") await deliver(world.head().lastSeq + 1, each.fault);
    else if (each.do === "again") await deliver(Math.max(1, world.head().lastSeq), each.fault);
    else if (each.do === "sweep") {
      await live(async (receiving) => {
        await world.sweep(each.minutes, receiving);
      }, each.fault);
    } else {
      const all = await world.failedEvents();
      const failed = all[each.which % Math.max(1, all.length)];
      // A waiting event runs in its order; the routes refuse to replay it.
      if (failed === undefined || (failed.status === "waiting" && each.do === "replay")) continue;
      const { sequence } = failed.event;
      if (!first.includes(sequence)) byHand.add(sequence);
      if (each.do === "drop") {
        if (await world.receiving.hooks.skip(failed)) dropped.add(sequence);
      } else await live(async (receiving) => await receiving.hooks.retry(failed));
    }
    inOrder(first);
    expect(overtaking).toEqual([]);
    await waitsBehindTheStopped(world);
  }

  // From here on nothing fails: the scheduler and a person resolve what is left.
  script.length = 0;
  for (let round = 0; round < 12; round += 1) {
    await world.sweep(120);
    for (const failed of await world.failedEvents()) {
      if (failed.status === "parked" || failed.status === "stopped") {
        if (!first.includes(failed.event.sequence)) byHand.add(failed.event.sequence);
        await world.receiving.hooks.retry(failed);
      }
    }
  }
  inOrder(first);
  expect((await world.failedEvents()).map(({ status, event }) => [status, event.sequence])).toEqual([]);
  expect(world.head()).toMatchObject({ hooksPaused: false, hooksResuming: false });
  const handled = new Set(world.done.map(({ sequence }) => sequence));
  for (let n = 1; n <= world.head().lastSeq; n += 1) expect([n, handled.has(n) || dropped.has(n)]).toEqual([n, true]);
}

function inOrder(first: readonly number[]): void {
  expect(first).toEqual([...first].sort((one, other) => one - other));
}

/** True when an earlier event stopped the stream, and has neither been resolved nor, when it came again, succeeded. */
function stoppedBefore(world: HookWorld, sequence: number): boolean {
  const done = new Set(world.done.map((event) => event.sequence));
  const items = world.table.all().filter(({ sk }) => sk.startsWith("FAILED#"));
  return items.some((item) => {
    const number = Number(item["sequence"]);
    return item["stops"] === true && number < sequence && !done.has(number);
  });
}

/** Demands that no later event was done while the stream's hooks are paused and nothing resumes them. */
async function waitsBehindTheStopped(world: HookWorld): Promise<void> {
  const failed = await world.failedEvents();
  const stopping = failed.filter(({ stops }) => stops);
  const waiting = failed.filter(({ status }) => status === "waiting");
  if (waiting.length > 0)
    expect([world.head().hooksPaused, stopping.length > 0 || world.head().hooksResuming]).toEqual([true, true]);
}
