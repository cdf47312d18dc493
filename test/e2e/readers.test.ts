import { stream } from "@durable-streams/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

const KILLS = sized(2, 50);
const CHANGES = sized(40, 1_000);
const KEYS = 4;

interface Event {
  readonly id: string;
  readonly subject: string;
  readonly position: string;
  readonly data: { readonly value: number };
}

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  await service.dispose();
});

describe("the published client of Durable Streams", () => {
  it("tails an actor while its properties change and the service is killed: each event once, in order", async () => {
    const actor = await service.createActor();
    const headers = { authorization: actor.basic };
    const read: Event[] = [];
    const stop = new AbortController();
    // The client tries again where there is no connection; a body that breaks off ends its stream, and it begins a new one.
    const tail = async (): Promise<void> => {
      let offset = "-1";
      while (!stop.signal.aborted) {
        const options = { url: `${actor.uri}/events`, live: "long-poll", headers, signal: stop.signal } as const;
        const backoffOptions = { initialDelay: 10, maxDelay: 200, multiplier: 1.5, maxRetries: Infinity };
        try {
          const followed = await stream<Event>({ ...options, offset, backoffOptions });
          followed.subscribeJson((batch) => {
            read.push(...batch.items);
            ({ offset } = batch);
          });
          await followed.closed;
        } catch {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    };
    const tailing = tail();

    /** Of those of which the answer came: a change whose request was cut off may stand or not, and is made again. */
    let committed = 0;
    let isOver = false as boolean;
    const change = async (key: number): Promise<void> => {
      for (let value = key; value < CHANGES; value += KEYS) {
        const put = async (): Promise<boolean> => {
          const { status } = await actor.fetch("PUT", `/properties/k${String(key)}`, { json: value });
          return status >= 200 && status < 300;
        };
        while (!(await put()));
        committed += 1;
      }
    };
    const changes = Promise.all(Array.from({ length: KEYS }, async (_, key) => await change(key))).then(() => {
      isOver = true;
    });
    for (let kill = 1; kill <= KILLS && !isOver; kill += 1) {
      const before = committed;
      await until("some load", () => isOver || committed >= before + Math.floor(CHANGES / KILLS / 2));
      await service.kill();
      await service.start();
    }
    await changes;

    await until("everything read", () => new Set(read.map(({ data }) => data.value)).size === CHANGES);
    stop.abort();
    await tailing;
    expect(new Set(read.map(({ id }) => id)).size).toBe(read.length);
    const positions = read.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted());
    const last = read.at(-1)?.position ?? "";
    const whole = await actor.fetch("GET", `/events?limit=1000`);
    const all = (whole.json as unknown as Event[]).filter(({ position }) => position <= last);
    // The whole of it fits one answer in the usual size.
    if (all.length < 1_000) expect(read).toEqual(all);
    for (const events of Map.groupBy(read, ({ subject }) => subject).values()) {
      const values = events.map(({ data }) => data.value);
      expect(values).toEqual(values.toSorted((one, other) => one - other));
    }
  });
});
