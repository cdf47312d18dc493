/** Groups of large events: an answer is one that the gateway can carry, and what is parked keeps its data. */
import { beforeEach, describe, expect, it } from "vitest";
import { bytesInResult, MAX_ANSWER_BYTES } from "../../../lib/http/answer-size.ts";
import type { Answer } from "../../support/in-process.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";
import { RootWorld, tokenOf } from "./root-world.ts";

const DAY_MS = 86_400_000;
/** Each character takes four in an answer. */
const LARGE = '"'.repeat(131_000);
let world: WebhookWorld;
beforeEach(async () => {
  world = await WebhookWorld.begin();
});

const fetched = async (json: object = {}): Promise<Answer> =>
  await world.ask("POST", "/groups/billing/fetch", { json: { consumer: "c", ...json } });
const acked = async (lent: Answer, verdict: string): Promise<Answer> => {
  const items = lent.json.events.map(({ event: { position } }: any) => ({ position, verdict }));
  return await world.ask("POST", "/groups/billing/ack", { json: { token: lent.json.leases[0].token, items } });
};
const published = async (data: unknown): Promise<void> => {
  const answer = await world.ask("POST", "/events/orders.new", { json: data as object });
  expect(answer.status).toBe(201);
};
const retried = async (id: unknown): Promise<void> => {
  const answer = await world.ask("POST", `/parked/${String(id)}`, { json: { action: "retry" } });
  expect([answer.status, answer.json]).toEqual([200, { id, result: "retry" }]);
};
/** Fetches everything there is, with one verdict for all. */
async function allFetched(verdict: string, attempt = 1): Promise<number> {
  let count = 0;
  for (let lent = await fetched(); lent.status !== 204; lent = await fetched()) {
    expect(lent.status).toBe(200);
    expect(bytesInResult(lent.text)).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
    for (const each of lent.json.events) expect(each.attempt).toBe(attempt);
    count += Number(lent.json.events.length);
    expect((await acked(lent, verdict)).status).toBe(200);
  }
  return count;
}

it("gives no more events at a time than an answer can carry, whatever is in them", async () => {
  await world.ask("PUT", "/groups/billing", { json: { topics: ["orders.>"] } });
  for (let count = 0; count < 12; count += 1) await published(LARGE);
  expect(await allFetched("park")).toBe(12);
  const { data } = (await world.ask("GET", "/parked?source=group:billing")).json;
  for (const { id } of data) await retried(id);
  expect(await allFetched("ack", 2)).toBe(12);
  expect((await world.ask("GET", "/groups/billing")).json).toMatchObject({ lag: 0, parked: 0 });
});

it("keeps the data of a large event that is parked, and gives a URL of now when it comes again", async () => {
  await world.ask("PUT", "/groups/billing", { json: { topics: ["properties.>"] } });
  await world.put("a", "x".repeat(262_142));
  const first = await fetched();
  await acked(first, "park");
  world.whole.now += 8 * DAY_MS;
  const [parked] = (await world.ask("GET", "/parked?source=group:billing")).json.data;
  await retried(parked.id);
  const again = await fetched();
  const { dataref, datadigest } = again.json.events[0].event;
  expect(datadigest).toBe(first.json.events[0].event.datadigest);
  const read = await world.whole.ask("GET", dataref);
  expect([read.status, read.json.value.length]).toEqual([200, 262_142]);
});

describe("a group over all actors", () => {
  let world: RootWorld;
  beforeEach(async () => {
    world = await RootWorld.begin(1);
    await world.group({ topics: ["*.orders.>"] });
  });
  it("gives no more events at a time than an answer can carry, also of those that are sent again", async () => {
    for (let count = 0; count < 12; count += 1) {
      expect((await world.own(0, "POST", "/events/orders.new", LARGE as never)).status).toBe(201);
    }
    const allFetched = async (verdict: string, attempt: number): Promise<number> => {
      let count = 0;
      for (let lent = await world.fetch(); lent.status !== 204; lent = await world.fetch()) {
        expect(lent.status).toBe(200);
        expect(bytesInResult(lent.text)).toBeLessThanOrEqual(MAX_ANSWER_BYTES);
        for (const each of lent.json.events) expect(each.attempt).toBe(attempt);
        count += Number(lent.json.events.length);
        const items = lent.json.events.map(({ event: { position } }: any) => ({ position, verdict }));
        expect((await world.ack({ token: tokenOf(lent), items })).json.leases).toEqual([]);
      }
      return count;
    };
    expect(await allFetched("park", 1)).toBe(12);
    const { data } = (await world.own(0, "GET", "/parked?source=root-group:all")).json;
    for (const { id } of data) {
      const answer = await world.own(0, "POST", `/parked/${String(id)}`, { action: "retry" });
      expect([answer.status, answer.json]).toEqual([200, { id, result: "retry" }]);
    }
    expect(await allFetched("ack", 2)).toBe(12);
    expect(await world.seen()).toMatchObject({ lag: 0, parked: 0 });
  });
});
