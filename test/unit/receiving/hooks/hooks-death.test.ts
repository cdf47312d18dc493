import { describe, expect, it } from "vitest";
import { Verdict } from "../../../../lib/failed-events/hook-event.ts";
import { HookWorld, numbersOf } from "./hook-world.ts";
import { idle } from "../../../support/idle.ts";

/** Time after which the lease of a dead process has expired, ms. */
const LEASE_MS = 120_000;

/** The hook of callback 1 fails in a process that dies once the failure is recorded, before the head advances. */
async function failAndCrash(world: HookWorld): Promise<void> {
  world.hook = () => {
    throw new Error("once");
  };
  let isRecorded = false;
  const dying = world.instance((operation) => {
    if (operation === "update" && isRecorded) return "crash";
    isRecorded ||= operation === "transact";
    return "ok";
  });
  void world.deliver(1, dying);
  await idle();
}

describe("a hook whose process dies in it", () => {
  it("is run again with the same event id when the publisher sends again", async () => {
    const world = await new HookWorld().open();
    await world.deliverAndDie(1);
    world.now += LEASE_MS;
    expect(await world.deliver(1)).toBe(201);
    expect(world.started.map(({ id }) => id)).toEqual([world.started[0]?.id, world.started[0]?.id]);
    expect(numbersOf(world.done)).toEqual([1]);
  });

  it("has every start counted before it runs: after the last allowed start the event is parked without a run", async () => {
    const world = await new HookWorld().open();
    for (let death = 0; death < 5; death += 1) {
      await world.deliverAndDie(1);
      world.now += LEASE_MS;
    }
    expect(await world.deliver(1)).toBe(201);
    expect(world.started).toHaveLength(5);
    expect(await world.failedEvents()).toMatchObject([{ status: "parked", starts: 5 }]);
    await world.deliver(2);
    expect(numbersOf(world.done)).toEqual([2]);
  });

  it("is parked by the sweep when its retries keep ending the process, because they count too", async () => {
    const world = await new HookWorld().open();
    world.hook = () => {
      throw new Error("once");
    };
    await world.deliver(1);
    for (let death = 0; death < 8; death += 1) {
      world.hook = () => new Promise<never>(() => undefined);
      void world.sweep(120, world.instance());
      await idle();
      world.limits.clear();
    }
    expect(world.started).toHaveLength(5);
    expect(await world.failedEvents()).toMatchObject([{ status: "parked", starts: 5 }]);
  });

  it("leaves nothing recorded when the attempt that the crash repeated succeeds", async () => {
    const world = await new HookWorld().open();
    await failAndCrash(world);
    expect(await world.failedEvents()).toHaveLength(1);
    expect(world.head().lastSeq).toBe(0);
    world.hook = () => undefined;
    world.now += LEASE_MS;
    await world.deliver(1);
    expect(await world.failedEvents()).toEqual([]);
    await world.sweep(60);
    expect(world.started).toHaveLength(2);
  });

  it("pauses the hooks when it stops the stream, also when a crash had recorded the event with another status", async () => {
    const world = await new HookWorld().open();
    await failAndCrash(world);
    world.now += LEASE_MS;
    world.hook = () => {
      throw new Verdict("stop");
    };
    await world.deliver(1);
    await world.deliver(2);
    expect((await world.failedEvents()).map(({ status }) => status)).toEqual(["stopped", "waiting"]);
    world.hook = () => undefined;
    const [first] = await world.failedEvents();
    if (first !== undefined) await world.receiving.hooks.retry(first);
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 2]);
  });
});
