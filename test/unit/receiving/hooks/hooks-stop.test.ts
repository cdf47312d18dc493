import { resumeHooks } from "../../../../lib/receiving/hooks/resume-hooks.ts";
import { describe, expect, it } from "vitest";
import { Verdict } from "../../../../lib/failed-events/hook-event.ts";
import type { FailedEvent } from "../../../../lib/failed-events/failed-event.ts";
import { HookWorld, numbersOf, STREAM } from "./hook-world.ts";
import { InjectedFault } from "../../../support/faulty-table.ts";

/** A stream whose event 2 stopped its hooks; 3 to `upTo` have arrived since. */
async function stopped(upTo = 5): Promise<HookWorld> {
  const world = await new HookWorld().open();
  world.hook = ({ sequence }) => {
    if (sequence === 2) throw new Verdict("stop");
  };
  for (let n = 1; n <= upTo; n += 1) await world.deliver(n);
  world.hook = () => undefined;
  return world;
}

async function eventOf(world: HookWorld, sequence: number): Promise<FailedEvent> {
  const found = (await world.failedEvents()).find(({ event }) => event.sequence === sequence);
  if (found === undefined) throw new Error(`${String(sequence)} has not failed`);
  return found;
}

const statuses = async (world: HookWorld): Promise<string[]> =>
  (await world.failedEvents()).map(({ status }) => status);

describe("a stopped stream", () => {
  it("continues to store and to number, and its later events wait without a start", async () => {
    const world = await stopped();
    expect(world.head()).toMatchObject({ lastSeq: 5, hooksPaused: true });
    expect(numbersOf(world.started)).toEqual([1, 2]);
    expect(await statuses(world)).toEqual(["stopped", "waiting", "waiting", "waiting"]);
    await world.sweep(600);
    expect(numbersOf(world.started)).toEqual([1, 2]);
  });

  it("runs the waiting events in order once the event that stopped it has been retried", async () => {
    const world = await stopped();
    expect(await world.receiving.hooks.retry(await eventOf(world, 2))).toBe("done");
    expect(world.head().hooksResuming).toBe(true);
    await world.sweep(0);
    expect(numbersOf(world.started)).toEqual([1, 2, 2, 3, 4, 5]);
    expect(await world.failedEvents()).toEqual([]);
    expect(world.head()).toMatchObject({ hooksPaused: false, hooksResuming: false });
    await world.deliver(6);
    expect(numbersOf(world.done)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is stopped by a retry too, and stays so until every event that stopped it is resolved", async () => {
    const world = await new HookWorld().open();
    world.hook = () => {
      throw new Error("once");
    };
    await world.deliver(1);
    world.hook = () => {
      throw new Verdict("stop");
    };
    await world.deliver(2);
    await world.sweep(5);
    await world.deliver(3);
    expect(await statuses(world)).toEqual(["stopped", "stopped", "waiting"]);
    world.hook = () => undefined;
    await world.receiving.hooks.retry(await eventOf(world, 1));
    await world.sweep(0);
    expect(await statuses(world)).toEqual(["stopped", "waiting"]);
    await world.receiving.hooks.retry(await eventOf(world, 2));
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 2, 3]);
  });

  it("runs the waiting events when that event is dropped", async () => {
    const world = await stopped();
    expect(await world.receiving.hooks.skip(await eventOf(world, 2))).toBe(true);
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 3, 4, 5]);
    expect(world.head().hooksPaused).toBe(false);
  });

  it("runs events that arrive while its hooks resume after the waiting ones", async () => {
    const world = await stopped(3);
    let status: number | undefined;
    world.hook = async ({ sequence }) => {
      if (sequence === 3) status = await world.deliver(4);
    };
    await world.receiving.hooks.skip(await eventOf(world, 2));
    await world.sweep(0);
    expect(status).toBe(202);
    expect(numbersOf(world.started)).toEqual([1, 2, 3, 4]);
    expect(world.head()).toMatchObject({ lastSeq: 4, hooksPaused: false });
    expect(world.head().buffered.size).toBe(0);
  });

  it("stays due for what arrived while its hooks resumed with no time left to drain the buffer", async () => {
    const world = await stopped(3);
    world.hook = async ({ sequence }) => {
      if (sequence === 3) await world.deliver(4);
    };
    await world.receiving.hooks.skip(await eventOf(world, 2));
    const asked = world.head();
    await resumeHooks(world.receiving, asked, world.deadline());
    const head = world.head();
    expect([...head.buffered]).toEqual([4]);
    expect(head.dueAt).toBeLessThanOrEqual(world.now);
    await world.sweep(0);
    expect(world.head()).toMatchObject({ lastSeq: 4 });
  });

  it("is stopped again by a waiting event, and only that one and later ones stay", async () => {
    const world = await stopped();
    world.hook = ({ sequence }) => {
      if (sequence === 4) throw new Verdict("stop");
    };
    await world.receiving.hooks.retry(await eventOf(world, 2));
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 2, 3]);
    expect(await statuses(world)).toEqual(["stopped", "waiting"]);
    expect(world.head()).toMatchObject({ hooksPaused: true, hooksResuming: false });
    await world.receiving.hooks.skip(await eventOf(world, 4));
    world.hook = () => undefined;
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 2, 3, 5]);
  });

  it("continues past a waiting event that fails, which is then retried", async () => {
    const world = await stopped();
    world.hook = ({ sequence }) => {
      if (sequence === 3) throw new Error("not yet");
    };
    await world.receiving.hooks.skip(await eventOf(world, 2));
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 4, 5]);
    expect(await statuses(world)).toEqual(["retrying"]);
    expect(world.head().hooksPaused).toBe(false);
  });

  it("stays stopped while a retry by hand fails, and resumes when the sweep's retry succeeds", async () => {
    const world = await stopped();
    world.hook = () => {
      throw new Error("still not");
    };
    expect(await world.receiving.hooks.retry(await eventOf(world, 2))).toBe("retrying");
    await world.sweep(0);
    expect(await statuses(world)).toEqual(["retrying", "waiting", "waiting", "waiting"]);
    world.hook = () => undefined;
    await world.sweep(60);
    await world.sweep(1);
    expect(numbersOf(world.done)).toEqual([1, 2, 3, 4, 5]);
  });

  it("stays stopped when the attempts of the retried event are used up", async () => {
    const world = await stopped(3);
    world.hook = () => {
      throw new Error("still not");
    };
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await world.receiving.hooks.retry(await eventOf(world, 2));
    }
    expect(await statuses(world)).toEqual(["stopped", "waiting"]);
    expect(world.head().hooksPaused).toBe(true);
  });

  it("resumes although the process of the retry died before it resolved the event", async () => {
    const world = await stopped();
    const dying = world.instance((operation) => (operation === "transact" ? "crash" : "ok"));
    void dying.hooks.retry(await eventOf(world, 2));
    await new Promise((resolve) => setImmediate(resolve));
    expect(numbersOf(world.started)).toEqual([1, 2, 2]);
    await world.sweep(1);
    await world.sweep(1);
    expect(numbersOf(world.started)).toEqual([1, 2, 2, 2, 3, 4, 5]);
    expect(world.head().hooksPaused).toBe(false);
  });

  it("resumes whether or not the answer to the resolving write was lost", async () => {
    const world = await stopped();
    const losing = world.instance((operation) => (operation === "transact" ? "lost_answer" : "ok"));
    await expect(losing.hooks.retry(await eventOf(world, 2))).rejects.toThrow(InjectedFault);
    await world.sweep(0);
    expect(numbersOf(world.done)).toEqual([1, 2, 3, 4, 5]);
    expect(world.head().hooksPaused).toBe(false);
  });

  it("continues resuming where a process died; a waiting event that keeps ending the process is parked", async () => {
    const world = await stopped();
    await world.receiving.hooks.skip(await eventOf(world, 2));
    for (let death = 0; death < 7; death += 1) {
      world.hook = ({ sequence }) => (sequence === 3 ? new Promise<never>(() => undefined) : undefined);
      const before = world.started.length;
      void world.sweep(2, world.instance());
      for (let round = 0; round < 50 && world.started.length === before; round += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      world.limits.clear();
    }
    world.hook = () => undefined;
    await world.sweep(5);
    await world.sweep(5);
    expect(numbersOf(world.started).filter((n) => n === 3)).toHaveLength(5);
    expect(numbersOf(world.done)).toEqual([1, 4, 5]);
    expect(await statuses(world)).toEqual(["parked"]);
    expect(world.head()).toMatchObject({ hooksPaused: false, lastSeq: 5 });
  });

  it("leaves nothing that is due once its hooks have resumed", async () => {
    const world = await stopped();
    await world.receiving.hooks.skip(await eventOf(world, 2));
    await world.sweep(0);
    expect(world.head().dueAt).toBe(world.head().reconcileAt);
  });

  it("lets its event be resolved when the subscription has ended meanwhile", async () => {
    const world = await stopped(2);
    const failed = await eventOf(world, 2);
    await world.table.deleteMany([STREAM]);
    expect(await world.receiving.hooks.retry(failed)).toBe("done");
    expect(await world.failedEvents()).toEqual([]);
  });
});
