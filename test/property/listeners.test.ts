/**
 * Random schedules of commits, maintenance and workers of several instances on one log, with faults of the table and deaths:
 * each event that a listener hears is taken, under one number, and none of a key first after a later one.
 */
import { expect, it } from "vitest";
import type { Commit } from "../../lib/change-log/log-commits.ts";
import type { ListenerRef } from "../../lib/dynamodb/keys/listeners.ts";
import type { TargetEvent } from "../../lib/listeners/listener-way.ts";
import type { Effect } from "../support/faulty-table.ts";
import { idle } from "../support/idle.ts";
import { seeded, type Random } from "../support/publisher/random.ts";
import { countFrom } from "../support/sizes.ts";
import { ListenerWorld } from "../unit/listeners/listener-world.ts";

const SCHEDULES = countFrom("SIMULATION_SCHEDULES", 60, 3_000);
const FIRST = Number(process.env["SIMULATION_SEED"] ?? 1);
const KEYS = ["a", "b", "c", "d"];
/** Longer than any delivery without a lease, and any lease. */
const QUIET_MS = 120_000;

/** One process: how its requests to the table end, and its death. */
interface Instance {
  readonly decide: () => Promise<Effect>;
  readonly death: Promise<undefined>;
}

/** One schedule, and what its listeners were given. */
class Schedule {
  readonly random: Random;
  readonly faults: boolean;
  world = new ListenerWorld();
  #running: Promise<unknown>[] = [];
  readonly #taken = new Map<string, TargetEvent[]>();
  #failsLeft = new Map<string, number>();
  #refs: ListenerRef[] = [];
  /** Something may have been given twice for a good reason. */
  doubled = false;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.faults = this.random.below(3) > 0;
  }

  async run(): Promise<void> {
    const { random, world } = this;
    await world.open();
    const patterns = [["properties.>"], ["properties.a", "properties.c"], ["*.b"]];
    const order = (["key", "strict", "none"] as const)[random.below(3)] ?? "key";
    for (const [at, topics] of patterns.entries()) {
      const ref = await world.listen(`l${String(at)}`, topics, { rules: rulesOf(order, 1 + random.below(4)) });
      this.#refs.push(ref);
      this.#taken.set(ref.id, []);
    }
    world.script = async (event) => {
      for (let wait = random.below(4); wait > 0; wait -= 1) await tick();
      const left = this.#failsLeft.get(event.event.id) ?? (this.faults && random.below(4) === 0 ? random.below(3) : 0);
      this.#failsLeft.set(event.event.id, left - 1);
      if (left <= 0) return this.#took(event, "taken");
      const kind = random.below(3);
      if (kind === 0) return "failed";
      if (kind === 1) return "unavailable";
      this.doubled = true;
      return this.#took(event, "ambiguous");
    };
    for (let step = 0; step < 25; step += 1) await this.#step();
    await this.#settle();
    this.#check(order);
  }

  #took(event: TargetEvent, outcome: "taken" | "ambiguous"): "taken" | "ambiguous" {
    this.#takenOf(event).push(event);
    return outcome;
  }

  /** Which listener it was given to follows from the attempt's target, which the world notes. */
  #takenOf(event: TargetEvent): TargetEvent[] {
    const { id } = this.world.targetOf(event);
    const taken = this.#taken.get(id);
    if (taken === undefined) throw new Error("an event was given to a listener that is none");
    return taken;
  }

  async #step(): Promise<void> {
    const { random, world } = this;
    switch (random.below(8)) {
      case 0:
        // Time passes while nothing is under way.
        await this.#wait();
        world.now += QUIET_MS;
        return;
      case 1: {
        const instance = this.#instance();
        this.#begin(instance, world.catchUp(instance.decide));
        return;
      }
      case 2: {
        const ref = this.#refs[random.below(this.#refs.length)] as ListenerRef;
        const instance = this.#instance();
        this.#begin(instance, world.instance(instance.decide).delivery.runDue(ref, world.deadline()));
        return;
      }
      case 3:
        for (let rounds = random.below(30); rounds > 0; rounds -= 1) await tick();
        return;
      default:
        await this.#commit();
    }
  }

  async #commit(): Promise<void> {
    const { random, world } = this;
    world.now += 10;
    const changes = Array.from({ length: 1 + random.below(2) }, () => KEYS[random.below(KEYS.length)] as string);
    const commit: Commit = await world.commit(
      ...changes.map((name) => ({ do: "set" as const, path: [name], value: world.now })),
    );
    const alone = commit.head.at / 1_000 < world.now - QUIET_MS / 2;
    // A crash before anything is delivered.
    if (this.faults && random.below(6) === 0) return;
    const instance = this.#instance();
    this.#begin(instance, world.publish(commit, { alone, decide: instance.decide }));
  }

  /** One instance with its faults: single ones, and its death. */
  #instance(): Instance {
    const { random } = this;
    const death = Promise.withResolvers<undefined>();
    let dead = false;
    const dies = this.faults && random.below(4) === 0 ? random.below(8) : Infinity;
    let operations = 0;
    const decide = async (): Promise<Effect> => {
      for (let wait = random.below(5); wait > 0; wait -= 1) await tick();
      operations += 1;
      dead ||= operations > dies;
      if (dead) {
        this.doubled = true;
        death.resolve(undefined);
        return random.below(2) === 0 && operations === dies + 1 ? "crash_after" : "crash";
      }
      if (!this.faults || random.below(15) > 0) return "ok";
      this.doubled = true;
      return (["throttle", "lost_answer", "repeat", "conflict"] as const)[random.below(4)] ?? "ok";
    };
    return { decide, death: death.promise };
  }

  #begin({ death }: Instance, work: Promise<unknown>): void {
    this.#running.push(Promise.race([work.catch(() => undefined), death]));
  }

  /** Until everything has ended, or died. */
  async #wait(): Promise<void> {
    await Promise.all(this.#running);
    await idle();
    this.#running = [];
  }

  async #settle(): Promise<void> {
    const { world } = this;
    for (let round = 0; round < 40; round += 1) {
      await this.#wait();
      world.now += QUIET_MS;
      await world.catchUp();
      for (const ref of this.#refs) {
        const { dueAt } = world.head(ref);
        if (dueAt === undefined || dueAt <= world.now) {
          await world.instance().delivery.runDue(ref, world.deadline());
        }
      }
      if (this.#refs.every((ref) => world.isDone(ref))) return;
      world.now += 3_600_000;
    }
    throw new Error("the listeners did not come to the end of the log");
  }

  #check(order: "key" | "strict" | "none"): void {
    const { world } = this;
    for (const ref of this.#refs) {
      const taken = this.#taken.get(ref.id) ?? [];
      const all = world.idsFor(ref);
      const first = [...new Map(taken.toReversed().map((each) => [each.number, each])).keys()].toReversed();
      expect([...new Set(taken.map(({ number }) => number))].toSorted((one, other) => one - other)).toEqual(
        all.map((_, index) => index + 1),
      );
      for (const { number, event } of taken) expect(event.id).toBe(all[number - 1]);
      if (!this.doubled) expect(taken).toHaveLength(all.length);
      if (order === "none") continue;
      const keys = order === "strict" ? [undefined] : KEYS.map((key) => `properties.${key}`);
      for (const key of keys) {
        const seen = new Set<number>();
        let highest = 0;
        for (const { number, event } of taken) {
          if ((key !== undefined && event.key !== key) || seen.has(number)) continue;
          seen.add(number);
          expect(number).toBeGreaterThan(highest);
          highest = number;
        }
      }
      expect(first.length).toBe(all.length);
    }
  }
}

const tick = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

const rulesOf = (order: "key" | "strict" | "none", parallel: number) => ({
  ...{ order, parallel, maxAttempts: 20, onExhausted: "park" as const, retryAmbiguous: true },
  ...{ breaker: { threshold: 5, recoveryMs: 60_000 }, retentionMs: 30 * 86_400_000 },
});

it(`gives each listener every event in order, in ${String(SCHEDULES)} random schedules`, async () => {
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed += 1) {
    try {
      await new Schedule(seed).run();
    } catch (error) {
      throw new Error(`seed ${String(seed)}`, { cause: error });
    }
  }
});
