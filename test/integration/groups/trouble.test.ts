/** Consumers of a group over a table that fails: at each request in turn, in each way. */
import { describe, expect, it } from "vitest";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import type { Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { sized } from "../../support/sizes.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";

const EFFECTS: readonly Effect[] = ["throttle", "lost_answer", "condition", "conflict"];
const MOST_TRIES = 6;

/** A world in which one request to the table, counted from when faults are armed, has this effect. */
class TroubledWorld {
  readonly world: WebhookWorld;
  readonly #table: { armed: boolean; count: number };

  private constructor(world: WebhookWorld, table: { armed: boolean; count: number }) {
    this.world = world;
    this.#table = table;
  }

  static async begin(at: number, effect: Effect): Promise<TroubledWorld> {
    const state = { armed: false, count: 0 };
    const table = new FaultyTable(new MemoryTable(), (operation, keys) => {
      if (!state.armed || !keys.some(({ pk }) => pk.startsWith("W#"))) return "ok";
      const isRead = operation === "get" || operation === "getMany" || operation === "query";
      if (isRead && (effect === "condition" || effect === "conflict")) return "ok";
      state.count += 1;
      return state.count === at ? effect : "ok";
    });
    return new TroubledWorld(await WebhookWorld.begin({ table }), state);
  }

  arm(): void {
    this.#table.armed = true;
  }

  /** Requests that could have failed. */
  get count(): number {
    return this.#table.count;
  }

  /** As a consumer does: again after an answer that says nothing of what happened. */
  async ask(method: string, path: string, json?: object): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.world.ask(method, path, json === undefined ? {} : { json });
      if (answer.status < 500 || tries === MOST_TRIES) return answer;
    }
  }
}

/** Fetches and answers until nothing is left. Events of `poison` are never taken. */
async function workOff(troubled: TroubledWorld, poison: string): Promise<readonly (readonly [string, number])[]> {
  const done: [string, number][] = [];
  for (let idle = 0; idle < 4;) {
    const lent = await troubled.ask("POST", "/groups/billing/fetch", { consumer: "c", max: 3 });
    if (lent.status !== 200) {
      idle += 1;
      await troubled.world.pass(31_000);
      continue;
    }
    idle = 0;
    const events = lent.json.events.map((each: any) => each.event);
    const items = events.map(({ position, data }: any) => ({
      position,
      verdict: data.name === poison ? "retry" : "ack",
      ...(data.name === poison && { delaySeconds: 1 }),
    }));
    const token: string = lent.json.leases[0].token;
    const said = await troubled.ask("POST", "/groups/billing/ack", { token, items, done: true });
    // An answer that got lost may have been carried out: then the lease has ended, and what it had is done.
    if (said.status !== 200) continue;
    for (const [index, { outcome }] of said.json.outcomes.entries()) {
      if (outcome === "done") done.push([events[index].data.name, events[index].data.value]);
    }
  }
  return done;
}

async function play(at: number, effect: Effect): Promise<number> {
  const troubled = await TroubledWorld.begin(at, effect);
  const { world } = troubled;
  await troubled.ask("PUT", "/groups/billing", { topics: ["properties.>"], lanes: 2, maxAttempts: 2 });
  for (let value = 1; value <= 3; value += 1) for (const name of ["a", "b", "p"]) await world.put(name, value);
  troubled.arm();
  const done = await workOff(troubled, "p");
  for (const name of ["a", "b"]) {
    const values = done.filter(([of]) => of === name).map(([, value]) => value);
    expect(values, `${effect} at ${String(at)}`).toEqual([...new Set(values)].toSorted((one, other) => one - other));
  }
  const seen = (await troubled.ask("GET", "/groups/billing")).json;
  expect(seen, `${effect} at ${String(at)}`).toMatchObject({ lag: 0, parked: 3 });
  const parked = (await troubled.ask("GET", "/parked?source=group:billing")).json.data;
  expect(parked).toHaveLength(3);
  await troubled.ask("POST", `/parked/${String(parked[1].id)}`, { action: "retry" });
  await workOff(troubled, "none");
  const after = (await troubled.ask("GET", "/groups/billing")).json;
  expect([after.floor, after.lag], "a replay moves nothing").toEqual([seen.floor, 0]);
  expect((await troubled.ask("POST", "/groups/billing/reset", { to: "earliest" })).status).toBe(200);
  const again = new Set<string>();
  for (let tries = 1; tries <= MOST_TRIES && again.size < 9; tries += 1) {
    const lent = await troubled.ask("POST", "/groups/billing/fetch", { consumer: `c${String(tries)}` });
    // An answer with a lease got lost, so that the lease has to run out.
    if (lent.status !== 200) await world.pass(31_000);
    for (const { event } of lent.json?.events ?? []) again.add(event.id);
  }
  expect(again.size).toBe(9);
  await troubled.ask("DELETE", "/groups/billing?drainSeconds=0");
  await world.pass(61_000);
  await world.pass(61_000);
  expect((await troubled.ask("GET", "/groups/billing")).status, `${effect} at ${String(at)}`).toBe(404);
  expect((await troubled.ask("GET", "/parked?source=group:billing")).json.data).toEqual([]);
  return troubled.count;
}

describe("a group whose table fails once", () => {
  it.each(EFFECTS)("by %s, at any request, loses no event, keeps the order and ends", async (effect) => {
    const requests = await play(0, effect);
    expect(requests).toBeGreaterThan(15);
    // An odd number of steps: reads and writes are met alike.
    for (let at = 1; at <= requests; at += sized(5, 1)) await play(at, effect);
  });
});
