/** Fetches and drains that wait. Waiting lets the service's clock pass, and nothing else. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../../support/in-process.ts";
import { ReaderWorld } from "../readers/reader-world.ts";

let world: ReaderWorld;
beforeEach(async () => {
  world = await ReaderWorld.begin();
  await world.ask("PUT", "/groups/billing", { json: { topics: ["properties.>"] } });
});

const fetched = async (consumer: string, waitSeconds = 0): Promise<Answer> =>
  await world.ask("POST", "/groups/billing/fetch", { json: { consumer, waitSeconds } });
/** Does something once so many pauses have passed. */
const after = (pauses: number, act: () => Promise<unknown>): void => {
  world.meanwhile = async () => {
    if (world.waits.length === pauses) await act();
  };
};

describe("a fetch with waitSeconds", () => {
  it("answers when an event comes", async () => {
    after(3, async () => await world.put("a", 1));
    const lent = await fetched("one", 20);
    expect([lent.status, lent.json.events.length, world.waits]).toEqual([200, 1, [1_000, 1_000, 1_000]]);
  });

  it("answers that there is nothing when the time is over", async () => {
    const empty = await fetched("one", 5);
    expect([empty.status, empty.headers["retry-after"], world.waits.length]).toEqual([204, "1", 5]);
    expect((await fetched("one")).status).toBe(204);
    expect(world.waits).toHaveLength(5);
  });

  it("gets a lane that another consumer gives back, and else the answer that others have it", async () => {
    await world.put("a", 1);
    const lent = await fetched("one");
    const { token } = lent.json.leases[0];
    const refused = await fetched("two", 2);
    expect([refused.status, world.waits.length]).toEqual([423, 2]);
    after(4, async () => await world.ask("POST", "/groups/billing/ack", { json: { token, done: true } }));
    const second = await fetched("two", 20);
    expect([second.status, second.json.events[0].attempt, world.waits.length]).toEqual([200, 1, 4]);
  });

  it("gets an event again when its time has come", async () => {
    await world.put("a", 1);
    const lent = await fetched("one");
    const items = [{ position: lent.json.events[0].event.position, verdict: "retry", delaySeconds: 4 }];
    await world.ask("POST", "/groups/billing/ack", { json: { token: lent.json.leases[0].token, items } });
    const again = await fetched("one", 20);
    expect([again.json.events[0].attempt, world.waits.length]).toEqual([2, 4]);
  });
});

describe("a drain", () => {
  it("waits for the last lease, and ends with it", async () => {
    await world.put("a", 1);
    const { token } = (await fetched("one")).json.leases[0];
    const early = await world.ask("DELETE", "/groups/billing?drainSeconds=2");
    expect([early.status, early.json, world.waits.length]).toEqual([202, { drained: false }, 2]);
    after(5, async () => await world.ask("POST", "/groups/billing/ack", { json: { token, done: true } }));
    const late = await world.ask("DELETE", "/groups/billing?drainSeconds=20");
    expect([late.status, late.json, world.waits.length]).toEqual([200, { drained: true }, 5]);
  });
});
