/** Processes that die, and tables that fail, at every step of a hub. */
import { describe, expect, it } from "vitest";
import { OneFault, type Effect } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { sized } from "../../support/sizes.ts";
import { CALLBACK, confirming, HubWorld, MINUTE } from "./hub-world.ts";

const ALL: readonly Effect[] = ["crash", "crash_after", "lost_answer", "throttle", "repeat", "condition"];
const EFFECTS = sized<readonly Effect[]>(["crash_after", "condition"], ALL);
const MOST_STEPS = 60;

/** Does `work` in a process whose table fails once; then another process, which gets no message of the first, goes on. */
async function withFault(hub: HubWorld, at: number, effect: Effect, work: () => Promise<unknown>): Promise<boolean> {
  const healthy = hub.world;
  const fault = new OneFault(healthy.table, at, effect);
  hub.world = hub.instance(fault.table);
  const { service } = hub.world;
  await fault.during(work());
  expect(service).toBeDefined();
  const { now } = hub.world;
  hub.world = hub.instance();
  hub.world.now = now;
  return fault.struck;
}

/** Sweeps until everything that is due soon is done. */
async function recover(hub: HubWorld, minutes = 15): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) await hub.sweep(MINUTE);
}

/** Tries each step of the work in turn, on a fresh hub. */
async function eachStep(
  effect: Effect,
  prepare: (hub: HubWorld) => Promise<void>,
  work: (hub: HubWorld) => Promise<unknown>,
  check: (hub: HubWorld, step: number) => Promise<void>,
): Promise<void> {
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const hub = await new HubWorld({ table: new MemoryTable() }).open();
    await prepare(hub);
    const struck = await withFault(hub, step, effect, async () => await work(hub));
    await recover(hub);
    expect(await hub.contradictions(), `step ${String(step)}`).toEqual([]);
    await check(hub, step);
    if (!struck) return;
  }
  throw new Error("the work has more steps than were tried");
}

const nothing = async (): Promise<void> => {
  await Promise.resolve();
};

describe.each(EFFECTS)("a fault (%s) at any step", (effect) => {
  it("of a request and its verification leaves a subscription or none, and a later request makes one", async () => {
    await eachStep(
      effect,
      nothing,
      async (hub) => {
        await hub.ask();
        await hub.work();
      },
      async (hub) => {
        hub.got.splice(0);
        await hub.subscribe();
        await hub.put("blog", "second");
        await hub.work();
        expect(hub.bodies).toEqual(["second"]);
        expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
      },
    );
  });

  it("of a verification, once the request was taken, leaves the subscription", async () => {
    await eachStep(
      effect,
      async (hub) => {
        await hub.ask();
      },
      async (hub) => {
        await hub.sweep(MINUTE);
      },
      async (hub) => {
        expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
        await hub.put("blog", "second");
        await hub.work();
        expect(hub.bodies).toEqual(["second"]);
      },
    );
  });

  it("of a change and its distribution delivers the newest state to all", async () => {
    await eachStep(
      effect,
      async (hub) => {
        for (const name of ["1", "2", "3"]) await hub.subscribe({ "hub.callback": `${CALLBACK}/${name}` });
      },
      async (hub) => {
        await hub.put("blog", "second");
        await hub.work();
      },
      async (hub, step) => {
        const state = (await hub.world.ask("GET", hub.topic())).text;
        const taken = (name: string): string[] =>
          hub.sent.filter(({ url }) => url.pathname === `/cb/${name}`).map(({ text }) => text);
        for (const name of ["1", "2", "3"]) {
          const bodies = taken(name);
          expect(new Set(bodies), `step ${String(step)}, ${name}`).toEqual(
            new Set(state === "second" ? ["second"] : []),
          );
          // Once more only when the process died between the answer and its note.
          expect(bodies.length).toBeLessThanOrEqual(2);
        }
        expect(hub.sent.length).toBeLessThanOrEqual(4);
      },
    );
  });

  it("of an unsubscription leaves the counts as they must be", async () => {
    await eachStep(
      effect,
      async (hub) => {
        await hub.subscribe();
      },
      async (hub) => {
        await hub.ask({ "hub.mode": "unsubscribe" });
        await hub.work();
      },
      async (hub) => {
        await hub.unsubscribe();
        await recover(hub, 3);
        expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
        expect(await hub.items("TOPIC#")).toEqual([]);
        await hub.subscribe();
        await hub.put("blog", "second");
        await hub.work();
        expect(hub.bodies).toEqual(["second"]);
      },
    );
  });

  it("of a withdrawal denies every subscriber, and leaves nothing", async () => {
    await eachStep(
      effect,
      async (hub) => {
        for (const name of ["1", "2"]) await hub.subscribe({ "hub.callback": `${CALLBACK}/${name}` });
        hub.got.splice(0);
      },
      async (hub) => {
        await hub.makePublic([]);
        await hub.work();
      },
      async (hub, step) => {
        const isPublic = (await hub.world.ask("GET", hub.topic())).status === 200;
        if (isPublic) return;
        expect(await hub.counts(), `step ${String(step)}`).toEqual({ subscriptions: 0, pending: 0 });
        expect(new Set(hub.got.map(({ url }) => url.pathname))).toEqual(new Set(["/cb/1", "/cb/2"]));
        expect(hub.got.length).toBeLessThanOrEqual(3);
        expect(await hub.items("TOPIC#")).toEqual([]);
      },
    );
  });
});

it("a subscriber that answers as another request for the topic comes is counted once", async () => {
  const hub = await new HubWorld().open();
  hub.answering = (got) => {
    if (got.method === "GET") void hub.ask({ "hub.mode": "unsubscribe" });
    return confirming(got);
  };
  await hub.subscribe();
  hub.answering = confirming;
  await recover(hub);
  expect(await hub.contradictions()).toEqual([]);
});
