/** A consumer takes an event that a person sent again, and the service dies meanwhile: at each request in turn. */
import { describe, expect, it } from "vitest";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { ofAllActors, ofOneActor, type EitherGroup } from "./either-group.ts";
import { tokenOf } from "./root-world.ts";

/** A table of a service that dies: from some request on nothing happens, and the last one may have happened before. */
class DyingTable {
  readonly table = new FaultyTable(new MemoryTable(), () => this.#effect());
  readonly #at: number;
  readonly #last: Effect;
  #count: number | undefined;

  constructor(at: number, last: Effect) {
    this.#at = at;
    this.#last = last;
  }

  #effect(): Effect {
    if (this.#count === undefined) return "ok";
    this.#count += 1;
    if (this.#count < this.#at) return "ok";
    return this.#count === this.#at ? this.#last : "throttle";
  }

  /** @returns how many requests were made, dead or alive */
  async during(work: () => Promise<unknown>): Promise<number> {
    this.#count = 0;
    await work();
    const count = this.#count;
    this.#count = undefined;
    return count;
  }
}

/** Fetches, and takes everything, until nothing is left. */
async function takeAll({ ask }: EitherGroup): Promise<void> {
  for (;;) {
    const lent = await ask("POST", "/fetch", { consumer: "next" });
    if (lent.status === 204) return;
    const items = lent.json.events.map(({ event }: any) => ({ position: event.position, verdict: "ack" }));
    expect((await ask("POST", "/ack", { token: tokenOf(lent), items })).status).toBe(200);
  }
}

async function play(
  begin: (table: FaultyTable) => Promise<EitherGroup>,
  how: { readonly at: number; readonly last: Effect; readonly isReset: boolean; readonly isStored?: boolean },
): Promise<number> {
  const { at, last, isReset, isStored = false } = how;
  const dying = new DyingTable(at, last);
  const group = await begin(dying.table);
  const { ask, own, pass, put, source, topics } = group;
  await ask("PUT", "", { topics, lanes: 2 });
  await put("a", 1);
  await put("b", 1);
  const failed = async (): Promise<readonly any[]> => (await own("GET", `/parked?source=${source}`)).json.data;
  for (let lent = await ask("POST", "/fetch", { consumer: "c" }); lent.status === 200;) {
    const items = lent.json.events.map(({ event }: any) => ({
      ...{ position: event.position, verdict: event.data.name === "a" ? "park" : "ack" },
    }));
    await ask("POST", "/ack", { token: tokenOf(lent), items, done: true });
    lent = await ask("POST", "/fetch", { consumer: "c" });
  }
  const [one] = await failed();
  expect((await own("POST", `/parked/${String(one.id)}`, { action: "retry" })).status).toBe(200);
  const again = await ask("POST", "/fetch", { consumer: "c" });
  const [{ event }] = again.json.events;
  const said = { token: tokenOf(again), upTo: event.position };
  const answers: any[] = [];
  const requests = await dying.during(async () => answers.push(await ask("POST", "/ack", said)));

  const where = `${last} at ${String(at)}`;
  // The last request only deletes what is kept of the event: what is stored was acknowledged, whatever comes of it.
  if (isStored) expect(answers[0].status, where).toBe(200);
  const isTaken = (await ask("GET", "")).json.lanes.every(({ holder }: any) => holder === undefined);
  if (isReset) expect((await ask("POST", "/reset", { to: "earliest", lanes: 1 })).status).toBe(200);
  await pass(31_000);
  await takeAll(group);
  if (isReset && !isTaken) return requests;
  expect([(await failed()).length, (await ask("GET", "")).json], where).toMatchObject([0, { parked: 0, lag: 0 }]);
  // What says that it was taken is over: the event can fail again.
  await ask("POST", "/reset", { to: "earliest" });
  const later = await ask("POST", "/fetch", { consumer: "c" });
  const items = later.json.events.map((each: any) => ({ position: each.event.position, verdict: "park" }));
  await ask("POST", "/ack", { token: tokenOf(later), items, done: true });
  await takeAll(group);
  expect([(await failed()).length, (await ask("GET", "")).json.parked], where).toEqual([items.length, items.length]);
  return requests;
}

describe.each([
  ["one actor", ofOneActor],
  ["all actors", ofAllActors],
])("a group of %s whose service dies while an event that was sent again is taken", (_, begin) => {
  it.each([
    ["the next fetch", false],
    ["a reset, and the fetch after it", true],
  ])("leaves it with no person after %s", async (__, isReset) => {
    const requests = await play(begin, { at: Infinity, last: "ok", isReset });
    expect(requests).toBeGreaterThan(6);
    for (const last of ["throttle", "lost_answer"] as const) {
      for (let at = 1; at <= requests; at += 1) await play(begin, { at, last, isReset, isStored: at === requests });
    }
  });
});
