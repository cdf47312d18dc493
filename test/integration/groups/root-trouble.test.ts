/** Consumers of a group over all actors, over a table that fails: at each request in turn, in each way. */
import { describe, expect, it } from "vitest";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import type { Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { sized } from "../../support/sizes.ts";
import { RootWorld, tokenOf } from "./root-world.ts";

const EFFECTS: readonly Effect[] = ["throttle", "lost_answer", "repeat", "condition", "conflict"];
const READS = new Set(["get", "getMany", "query", "queryFeed"]);
const MOST_TRIES = 6;
const ACTORS = [0, 1, 2];

/** A world in which one request about groups, counted from when faults are armed, has this effect. */
class TroubledWorld {
  readonly world: RootWorld;
  readonly #state: { armed: boolean; count: number };

  private constructor(world: RootWorld, state: { armed: boolean; count: number }) {
    this.world = world;
    this.#state = state;
  }

  static async begin(at: number, effect: Effect): Promise<TroubledWorld> {
    const state = { armed: false, count: 0 };
    const table = new FaultyTable(new MemoryTable(), (operation, keys) => {
      const concerns = keys.some(({ pk }) => pk === "GROUPS" || pk.startsWith("G#") || pk.startsWith("M#"));
      if (!state.armed || !(concerns || operation === "queryFeed")) return "ok";
      if (READS.has(operation) && effect !== "throttle" && effect !== "lost_answer") return "ok";
      state.count += 1;
      return state.count === at ? effect : "ok";
    });
    return new TroubledWorld(await RootWorld.begin(ACTORS.length, { table }), state);
  }

  arm(isArmed = true): void {
    this.#state.armed = isArmed;
  }

  /** Requests that could have failed. */
  get count(): number {
    return this.#state.count;
  }

  /** As a client does: again after an answer that says nothing of what happened. */
  async ask(method: string, path: string, json?: object): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.world.ask(method, path, json);
      if (answer.status < 500 || tries === MOST_TRIES) return answer;
    }
  }

  async own(...asked: Parameters<RootWorld["own"]>): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.world.own(...asked);
      if (answer.status < 500 || tries === MOST_TRIES) return answer;
    }
  }
}

/** Fetches and answers until nothing is left. Events named `poison` are never taken. */
async function workOff({ world, ...troubled }: Pick<TroubledWorld, "world" | "ask">, poison: string) {
  const done: (readonly [actor: string, name: string, value: unknown])[] = [];
  for (let idle = 0; idle < 3;) {
    const lent = await troubled.ask("POST", "/groups/all/fetch", { consumer: "c", max: 4 });
    if (lent.status !== 200) {
      idle += 1;
      world.whole.now += 31_000;
      continue;
    }
    idle = 0;
    const events = world.taken(lent);
    const items = events.map(({ position, name }) => ({
      position,
      verdict: name === poison ? "retry" : "ack",
      ...(name === poison && { delaySeconds: 1 }),
    }));
    const said = await troubled.ask("POST", "/groups/all/ack", { token: tokenOf(lent), items, done: true });
    // An answer that got lost may have been carried out: then the lease has ended, and what it had is done.
    if (said.status !== 200) continue;
    for (const { position, outcome } of said.json.outcomes) {
      const event = events.find((each) => each.position === position);
      if (outcome === "done" && event !== undefined) done.push([event.actor, event.name, event.value]);
    }
  }
  return done;
}

async function play(at: number, effect: Effect): Promise<number> {
  const troubled = await TroubledWorld.begin(at, effect);
  const { world } = troubled;
  const ask = troubled.ask.bind(troubled);
  const where = `${effect} at ${String(at)}`;
  troubled.arm();
  await ask("PUT", "/groups/all", { topics: ["*.properties.*"], lanes: 2, maxAttempts: 3 });
  for (const value of [1, 2]) {
    for (const actor of ACTORS) for (const name of ["a", "p"]) await world.put(actor, name, value);
  }
  const done = await workOff({ world, ask }, "p");
  for (const actor of ACTORS) {
    const values = done.filter(([of]) => of === String(actor)).map(([, , value]) => value);
    // One that was carried out and whose answer got lost is not seen here.
    expect(values, where).toEqual([1, 2].filter((value) => values.includes(value)));
  }
  expect((await ask("GET", "/groups/all")).json, where).toMatchObject({
    lag: 0,
    parked: 6,
    lanes: [{ lent: 0 }, { lent: 0 }],
  });
  const listed = await troubled.own(1, "GET", "/parked?source=root-group:all");
  expect(listed.json.data, where).toHaveLength(2);
  await troubled.own(1, "POST", `/parked/${String(listed.json.data[0].id)}`, { action: "retry" });
  const again = await workOff({ world, ask }, "none");
  expect(again.length, where).toBeLessThanOrEqual(1);
  expect((await ask("GET", "/groups/all")).json.parked, where).toBe(5);
  expect((await ask("POST", "/groups/all/reset", { to: "earliest", lanes: 1 })).status, where).toBe(200);
  const lent = await ask("POST", "/groups/all/fetch", { consumer: "c" });
  if (lent.status === 423) world.whole.now += 31_000;
  const all = lent.status === 200 ? lent : await ask("POST", "/groups/all/fetch", { consumer: "c" });
  expect(world.taken(all), where).toHaveLength(12);
  await ask("DELETE", "/groups/all?drainSeconds=0");
  await world.pass(61_000);
  await world.pass(61_000);
  expect((await ask("GET", "/groups/all")).status, where).toBe(404);
  expect((await troubled.own(0, "GET", "/parked?source=root-group:all")).json.data, where).toEqual([]);
  troubled.arm(false);
  for (const pk of ["G#all", ...Array.from({ length: 16 }, (_, part) => `M#all#${String(part)}`)]) {
    expect((await world.whole.table.query({ pk, prefix: "" })).items, where).toEqual([]);
  }
  return troubled.count;
}

describe("a group over all actors whose table fails once", () => {
  it.each(EFFECTS)("by %s, at any request, loses no event, keeps the order and ends", async (effect) => {
    const requests = await play(0, effect);
    expect(requests).toBeGreaterThan(20);
    // An odd number of steps: reads and writes are met alike.
    for (let at = 1; at <= requests; at += sized(effect === "throttle" || effect === "lost_answer" ? 29 : 11, 1)) {
      await play(at, effect);
    }
  });
});
