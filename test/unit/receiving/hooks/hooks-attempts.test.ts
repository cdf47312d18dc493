import { describe, expect, it } from "vitest";
import { isServiceError } from "../../../../lib/system/errors.ts";
import { Verdict } from "../../../../lib/failed-events/hook-event.ts";
import { HookWorld, numbersOf, type Hook } from "./hook-world.ts";

const FIRST = { starts: 1, hooksPaused: false };

const failing =
  (...sequences: number[]): Hook =>
  (event) => {
    if (sequences.includes(event.sequence)) throw new Error(`no ${String(event.sequence)}`);
  };

describe("a hook that fails", () => {
  it("does not stop the stream: its event is recorded with the error", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(2);
    for (const n of [1, 2, 3]) expect(await world.deliver(n)).toBe(201);
    expect(numbersOf(world.started)).toEqual([1, 2, 3]);
    expect(world.head().lastSeq).toBe(3);
    const [failed, ...others] = await world.failedEvents();
    expect(others).toEqual([]);
    expect(failed).toMatchObject({
      status: "retrying",
      starts: 1,
      attempts: [{ at: world.now, error: "Error: no 2" }],
    });
    expect(failed?.event).toMatchObject({ sequence: 2, data: { p2: 2 }, id: world.started[1]?.id });
  });

  it("is retried by the sweep with the same event id and growing pauses, until it succeeds", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    await world.deliver(1);
    const pauses: number[] = [];
    for (let retry = 0; retry < 3; retry += 1) {
      const [failed] = await world.failedEvents();
      pauses.push((failed?.dueAt ?? 0) - world.now);
      world.now = failed?.dueAt ?? 0;
      await world.sweep(0);
    }
    expect(pauses[1]).toBeGreaterThan(pauses[0] ?? 0);
    expect(pauses[2]).toBeGreaterThan(pauses[1] ?? 0);
    world.hook = () => undefined;
    await world.sweep(60);
    expect(await world.failedEvents()).toEqual([]);
    expect(world.table.all().filter(({ sk }) => sk.startsWith("FAILED"))).toEqual([]);
    expect(new Set(world.started.map(({ id }) => id)).size).toBe(1);
    expect(world.started).toHaveLength(5);
  });

  it("is not retried before its time", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    await world.deliver(1);
    await world.sweep(0);
    expect(world.started).toHaveLength(1);
  });

  it("stays parked after the last allowed start, with every attempt's error", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    await world.deliver(1);
    for (let minute = 0; minute < 20; minute += 1) await world.sweep(60);
    expect(world.started).toHaveLength(5);
    const [failed] = await world.failedEvents();
    expect(failed).toMatchObject({ status: "parked", starts: 5 });
    expect(failed?.dueAt).toBeUndefined();
    expect(failed?.attempts).toHaveLength(5);
  });

  it("may be retried by hand when its attempts are used up", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    await world.deliver(1);
    for (let minute = 0; minute < 6; minute += 1) await world.sweep(60);
    const [failed] = await world.failedEvents();
    if (failed === undefined) throw new Error("nothing has failed");
    expect(await world.receiving.hooks.retry(failed)).toBe("parked");
    const [again] = await world.failedEvents();
    expect(again).toMatchObject({ status: "parked", starts: 6 });
    world.hook = () => undefined;
    if (again !== undefined) expect(await world.receiving.hooks.retry(again)).toBe("done");
    expect(await world.failedEvents()).toEqual([]);
  });

  it("is recorded whatever it throws", async () => {
    const world = await new HookWorld().open();
    const things: unknown[] = [undefined, "text", Object.create(null), new Verdict("retry"), { message: "x" }, 7n];
    world.hook = ({ sequence }) => {
      throw things[sequence - 1];
    };
    for (const n of things.keys()) expect(await world.deliver(n + 1)).toBe(201);
    expect((await world.failedEvents()).map(({ attempts }) => typeof attempts[0]?.error)).toEqual(
      things.map(() => "string"),
    );
  });

  it("keeps a line of an error at most", async () => {
    const world = await new HookWorld().open();
    world.hook = () => {
      throw new Error("\ud800" + "x".repeat(100_000));
    };
    await world.deliver(1);
    const error = (await world.failedEvents())[0]?.attempts[0]?.error ?? "";
    expect(error.length).toBeLessThanOrEqual(500);
    expect(error.isWellFormed()).toBe(true);
  });

  it("keeps an event of many parts whole, and leaves nothing of it when it is resolved", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    // Data that does not compress, larger than several items.
    const noise = Array.from({ length: 90_000 }, (_, index) => Math.sin(index) * 1e9);
    const event = { ...IDENTITY, sequence: 1, data: noise };
    await world.receiving.failedEvents.record(event, { status: "parked", starts: 5, attempts: [] }, false);
    const [failed] = await world.failedEvents();
    expect(failed?.parts).toBeGreaterThan(1);
    expect(failed?.event).toEqual(event);
    world.hook = () => undefined;
    if (failed !== undefined) await world.receiving.hooks.retry(failed);
    expect(world.table.all().filter(({ sk }) => sk.startsWith("FAILED"))).toEqual([]);
  });
});

const IDENTITY = {
  id: "e".repeat(32),
  actorId: "actor",
  peerId: "peer",
  subscriptionId: "sub",
  target: "properties",
  epoch: 1,
  callbackType: "diff" as const,
};

describe("a hook that hangs", () => {
  it("is given up at its time limit, and recorded", async () => {
    const world = await new HookWorld().open();
    let aborted: AbortSignal | undefined;
    world.hook = (_event, signal) => {
      aborted = signal;
      setImmediate(() => {
        world.timeOut();
      });
      return new Promise<never>(() => undefined);
    };
    expect(await world.deliver(1)).toBe(201);
    expect(aborted?.aborted).toBe(true);
    expect((await world.failedEvents())[0]?.attempts[0]?.error).toContain("HOOK_TIMEOUT_SECONDS");
    world.hook = () => undefined;
    expect(await world.deliver(2)).toBe(201);
  });

  it("cancels its time limit when it ends in time", async () => {
    const world = await new HookWorld().open();
    await world.deliver(1);
    expect(world.limits.size).toBe(0);
  });
});

describe("a hook's verdict", () => {
  it("retry is retried as after any other error", async () => {
    const world = await new HookWorld().open();
    world.hook = () => {
      throw new Verdict("retry");
    };
    await world.deliver(1);
    expect((await world.failedEvents())[0]?.status).toBe("retrying");
  });

  it("park is kept for a retry by hand, and never run by the sweep", async () => {
    const world = await new HookWorld().open();
    world.hook = () => {
      throw new Verdict("park", "later");
    };
    await world.deliver(1);
    await world.sweep(600);
    expect(world.started).toHaveLength(1);
    expect(await world.failedEvents()).toMatchObject([{ status: "parked", attempts: [{ error: "Verdict: later" }] }]);
  });

  it("skip is dropped, at the first run and at a retry", async () => {
    const world = await new HookWorld().open();
    world.hook = () => {
      throw new Verdict("skip");
    };
    await world.deliver(1);
    expect(await world.failedEvents()).toEqual([]);
    world.hook = failing(2);
    await world.deliver(2);
    world.hook = () => {
      throw new Verdict("skip");
    };
    await world.sweep(60);
    expect(await world.failedEvents()).toEqual([]);
  });
});

describe("two retries of one event", () => {
  it("do not both run the hook", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    await world.deliver(1);
    const [failed] = await world.failedEvents();
    if (failed === undefined) throw new Error("nothing has failed");
    let end = (): void => undefined;
    world.hook = () =>
      new Promise<void>((resolve) => {
        end = resolve;
      });
    const first = world.receiving.hooks.retry(failed);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await world.receiving.hooks.retry(failed)).toBe("busy");
    // A retry that reads the event only now finds it begun too.
    const [seen] = await world.failedEvents();
    if (seen !== undefined) {
      expect(await world.receiving.hooks.retry(seen)).toBe("busy");
      expect(await world.receiving.hooks.skip(seen)).toBe(false);
    }
    end();
    expect(await first).toBe("done");
    expect(world.started).toHaveLength(2);
  });

  it("each recognise their own start when its answer was lost", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(1);
    await world.deliver(1);
    const [failed] = await world.failedEvents();
    world.hook = () => undefined;
    const repeating = world.instance((operation, [key]) =>
      operation === "update" && key?.sk.startsWith("FAILED#") === true ? "repeat" : "ok",
    );
    if (failed !== undefined) expect(await repeating.hooks.retry(failed)).toBe("done");
    expect(world.started).toHaveLength(2);
  });
});

describe("a resync's event", () => {
  it("is retried with the state that is stored then", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(7);
    const event = { ...IDENTITY, callbackType: "resync" as const, sequence: 7, data: { old: 1 } };
    await world.receiving.hooks.runFirst(event, { ...FIRST, stateStored: true });
    expect((await world.failedEvents())[0]?.event.data).toBeNull();
    world.state = { fresh: 2 };
    await world.sweep(1);
    expect(world.started.map(({ data }) => data)).toEqual([{ old: 1 }, { fresh: 2 }]);
  });

  it("keeps the data that it came with when the service does not store the state", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(7);
    const event = { ...IDENTITY, callbackType: "resync" as const, sequence: 7, data: { only: "here" } };
    await world.receiving.hooks.runFirst(event, FIRST);
    await world.sweep(1);
    expect(world.started.map(({ data }) => data)).toEqual([{ only: "here" }, { only: "here" }]);
  });

  it("is not begun when the state cannot be read", async () => {
    const world = await new HookWorld().open();
    world.hook = failing(7);
    await world.receiving.hooks.runFirst(
      { ...IDENTITY, callbackType: "resync", sequence: 7, data: {} },
      { ...FIRST, stateStored: true },
    );
    Object.defineProperty(world, "state", {
      get: () => {
        throw new Error("not now");
      },
    });
    await world.sweep(1).catch((error: unknown) => {
      if (!isServiceError(error)) throw error;
    });
    expect((await world.failedEvents())[0]?.starts).toBe(1);
  });
});
