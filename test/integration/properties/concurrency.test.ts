import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { applyChange } from "../../../lib/domain/diff/change-record.ts";
import type { Json } from "../../../lib/system/ports.ts";
import type { Effect } from "../../support/faulty-table.ts";
import { PropertyWorld } from "./world.ts";

/** The properties that follow from the log: all records from the first, applied one after another. */
async function replayed(world: PropertyWorld): Promise<Record<string, Json>> {
  const values = new Map<string, Json | undefined>();
  for (const { record } of await world.records()) {
    if (record.kind !== "change") continue;
    for (const change of record.changes) {
      const names = new Set(values.keys());
      if (change.do === "set" || change.do === "delete") change.path.slice(0, 1).forEach((name) => names.add(name));
      for (const name of names) values.set(name, applyChange(name, values.get(name), change));
    }
  }
  return Object.fromEntries([...values].filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

/** Runs the jobs, at most `limit` at the same time. */
async function inFlight(count: number, jobs: (() => Promise<unknown>)[]): Promise<void> {
  const work = async (): Promise<void> => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: count }, work));
}

/** A generator of whole numbers below a limit, repeatable by its seed. */
function seeded(seed: number): (limit: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return (state >>> 8) % limit;
  };
}

/** Requests one random change from an instance of its own. Resolves with the status. */
function change(world: PropertyWorld, below: (limit: number) => number, n: number): Promise<number> {
  const name = `p${below(3)}`;
  const on = world.instance();
  switch (below(8)) {
    case 0:
      return world.status("DELETE", name, { on });
    case 1:
      return world.status("DELETE", "", { on });
    case 2:
      return world.status("POST", "", { on, json: { [name]: { n }, [`q${below(3)}`]: n } });
    case 3:
      return world.status("DELETE", `${name}/k0`, { on });
    case 4:
      return world.status("PUT", name, { on, body: `text ${n}` });
    default:
      return world.status("PUT", `${name}/k${below(2)}/deep`, { on, json: n });
  }
}

describe("writers at the same time", () => {
  it("make exactly 40 records of 40 writes with 8 in flight, numbered 1 to 40, and lose none", async () => {
    const world = await PropertyWorld.open();
    const statuses: number[] = [];
    const jobs = Array.from({ length: 40 }, (_, n) => async () => {
      statuses.push(await world.status("PUT", `shared/k${n}`, { json: n }));
    });
    await inFlight(8, jobs);
    expect(statuses).toEqual(new Array(40).fill(204));
    const records = await world.records();
    expect(records.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    const all = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, n]));
    expect((await world.state())["shared"]).toEqual(all);
    expect(await replayed(world)).toEqual({ shared: all });
  });

  it("leave each property as its last record has it", async () => {
    const world = await PropertyWorld.open();
    await inFlight(
      8,
      Array.from({ length: 40 }, (_, n) => () => world.ask("POST", "", { json: { [`p${n % 3}`]: n, last: n } })),
    );
    expect(await world.records()).toHaveLength(40);
    expect(await world.state()).toEqual(await replayed(world));
  });
});

describe("whatever request fails, and whichever writer dies", () => {
  const EFFECTS: readonly Effect[] = [
    "throttle",
    "lost_answer",
    "condition",
    "conflict",
    "crash",
    "crash_after",
    "repeat",
  ];

  it.each(Array.from({ length: 60 }, (_, seed) => seed))(
    "the properties are those that follow from the log: seed %i",
    async (seed) => {
      const world = await PropertyWorld.open();
      const below = seeded(seed);
      let begun = 0;
      // A writer that died sends no answer any more. The context of a request to the table identifies its writer.
      const writer = new AsyncLocalStorage<() => void>();
      const mortal = (n: number): Promise<void> =>
        new Promise((resolve, reject) => {
          writer.run(resolve, () => void change(world, below, n).then(() => resolve(), reject));
        });
      world.decide = () => {
        const effect = below(6) === 0 ? EFFECTS[below(EFFECTS.length)]! : "ok";
        if (effect === "crash" || effect === "crash_after") setImmediate(() => writer.getStore()?.());
        return effect;
      };
      const jobs = Array.from({ length: 24 }, () => () => mortal((begun += 1)));
      await inFlight(4, jobs);
      world.decide = () => "ok";
      expect(await world.state()).toEqual(await replayed(world));
      await world.services.properties.clean(world.actorId);
      expect(await world.state()).toEqual(await replayed(world));
    },
  );
});
