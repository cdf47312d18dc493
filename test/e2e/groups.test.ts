import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

const EVENTS = sized(90, 10_000);
const KILLS = sized(2, 50);
const CONSUMERS = 3;
const LANES = 8;
const KEYS = 40;
/** Most events of one request. */
const BATCH = 90;

/** What consumers were given. */
interface Delivery {
  readonly id: string;
  readonly subject: string;
  readonly position: string;
  readonly n: number;
}

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  await service.dispose();
});

describe("a group whose consumers and service are killed", () => {
  it("loses no event, keeps each key in order, and repeats only under the same id", async () => {
    const actor = await service.createActor();
    const ask = async (method: string, path: string, body?: unknown, type = "application/json"): Promise<any> => {
      const headers = { authorization: actor.basic, "content-type": type };
      const answer = await fetch(`${actor.uri}${path}`, {
        ...{ method, headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, json: text === "" ? undefined : (JSON.parse(text) as unknown) };
    };
    /** The same where the service may be away: undefined when there was no answer. */
    const perhaps = async (...asked: Parameters<typeof ask>): Promise<any> =>
      await ask(...asked).catch(() => undefined);
    const settings = { topics: ["orders.>"], lanes: LANES, leaseSeconds: 1, maxAttempts: 20 };
    expect((await ask("PUT", "/groups/workers", settings)).status).toBe(201);

    const delivered: Delivery[] = [];
    let isOver = false as boolean;
    /** Consumers die with a batch in hand while this is above 0. */
    let dying = 0;
    const consume = async (consumer: string): Promise<void> => {
      for (let life = 1; !isOver; life += 1) {
        const lent = await perhaps("POST", "/groups/workers/fetch", {
          ...{ consumer: `${consumer}-${String(life)}`, max: 25, waitSeconds: 1 },
        });
        if (lent?.status !== 200) continue;
        const events: readonly any[] = lent.json.events.map(({ event }: any) => event);
        for (const { id, subject, position, data } of events) delivered.push({ id, subject, position, n: data.n });
        if (dying > 0) {
          dying -= 1;
          continue;
        }
        const positions = events.map(({ position }) => String(position)).toSorted();
        await perhaps("POST", "/groups/workers/ack", { token: lent.json.leases[0].token, upTo: positions.at(-1) });
      }
    };
    const publish = async (): Promise<void> => {
      for (let from = 0; from < EVENTS; from += BATCH) {
        const batch = Array.from({ length: Math.min(BATCH, EVENTS - from) }, (_, index) => ({
          ...{ specversion: "1.0", id: String(from + index), source: "urn:test", type: "com.example.order" },
          ...{ subject: `orders.o${String((from + index) % KEYS)}`, data: { n: from + index } },
        }));
        let status = 0;
        while (status !== 201 && status !== 200) {
          status = (await perhaps("POST", "/events", batch, "application/cloudevents-batch+json"))?.status ?? 0;
        }
      }
    };
    const consumers = Array.from({ length: CONSUMERS }, async (_, at) => await consume(`c${String(at)}`));
    const publishing = publish();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const before = delivered.length;
      const enough = before + Math.floor(EVENTS / KILLS / 2);
      const seen = (): number => new Set(delivered.map(({ n }) => n)).size;
      await until("some load", () => delivered.length >= enough || seen() === EVENTS);
      dying += 1;
      if (kill % 2 === 1) {
        await service.kill();
        await service.start();
      }
    }
    await publishing;
    const isDone = async (): Promise<boolean> => (await perhaps("GET", "/groups/workers"))?.json?.lag === 0;
    for (let rounds = 0; rounds < 10_000 && !(await isDone()); rounds += 1) await ask("GET", "/groups");
    isOver = true;
    await Promise.all(consumers);

    expect((await ask("GET", "/groups/workers")).json).toMatchObject({ lag: 0, parked: 0, status: "active" });
    expect(new Set(delivered.map(({ n }) => n)).size).toBe(EVENTS);
    const ids = Map.groupBy(delivered, ({ position, n }) => `${position} ${String(n)}`);
    for (const same of ids.values()) expect(new Set(same.map(({ id }) => id)).size).toBe(1);
    expect(ids.size).toBe(EVENTS);
    for (const [subject, events] of Map.groupBy(delivered, (each) => each.subject)) {
      const firsts = [...new Set(events.map(({ n }) => n))];
      expect(firsts, subject).toEqual(firsts.toSorted((one, other) => one - other));
    }
  });
});
