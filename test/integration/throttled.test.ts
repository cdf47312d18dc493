/** A table that throttles each request of a flow in turn, for a moment or for long: nothing is lost, every answer is right. */
import { describe, expect, it } from "vitest";
import type { Reply } from "../../lib/http/reply.ts";
import { TableBusy } from "../../lib/dynamodb/table.ts";
import { currentDeadline } from "../../lib/system/request-context.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { ThrottlingTable } from "../support/throttling-table.ts";
import { DeliveryWorld } from "./delivery/delivery-world.ts";
import { ACTOR, SUB, Subscriber } from "./receiving/subscriber.ts";

const MINUTE = 60_000;

/** Throttles attempts from the one of that number on, the first being 0: so many of them. */
class Throttle {
  #attempts = 0;
  #from = Number.POSITIVE_INFINITY;
  #left = 0;
  /** An attempt was throttled. */
  struck = false;
  /** Nothing waits, unless a test lets time pass. */
  pass: (ms: number) => void = () => undefined;

  begin(from: number, many: number): void {
    [this.#attempts, this.#from, this.#left, this.struck] = [0, from, many, false];
  }

  end(): void {
    this.#left = 0;
  }

  over(inner: MemoryTable): ThrottlingTable {
    const admits = (): boolean => {
      const strikes = this.#attempts >= this.#from && this.#left > 0;
      this.#attempts += 1;
      if (strikes) this.#left -= 1;
      this.struck ||= strikes;
      return !strikes;
    };
    const sleep = async (ms: number): Promise<void> => {
      await Promise.resolve();
      this.pass(ms);
    };
    const remaining = (): number | undefined => currentDeadline()?.remaining();
    return new ThrottlingTable(inner, { admits }, { random: () => 0.9, sleep, remaining });
  }
}

/** Runs a flow with its first request throttled, then with its second, and so on; `run` says whether one was. */
async function eachRequest(run: (from: number) => Promise<boolean>): Promise<number> {
  let from = 0;
  while (await run(from)) from += 1;
  return from;
}

/** A subscriber over a throttled table, with number 1 applied. */
async function subscriber(throttle: Throttle): Promise<Subscriber> {
  const us = await new Subscriber({ table: (inner) => throttle.over(inner) }).subscribed();
  await us.diff(1, { a: 1 });
  us.hookRuns.length = 0;
  return us;
}

const isBusy = ({ status, headers }: Reply): boolean => status === 503 && "retry-after" in lowerCase(headers);
const lowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const sequences = (us: Subscriber): number[] => us.hookRuns.map(({ sequence }) => sequence);

describe("a callback", () => {
  it.each([1, 4])("is answered as ever when a request is throttled %i times", async (many) => {
    const requests = await eachRequest(async (from) => {
      const throttle = new Throttle();
      const us = await subscriber(throttle);
      throttle.begin(from, many);
      const statuses = [await us.diff(3, { a: 3 }), await us.diff(2, { b: 2 }), await us.diff(2, { b: 2 })];
      expect([from, statuses.map(({ status }) => status)]).toEqual([from, [202, 201, 200]]);
      expect(sequences(us)).toEqual([2, 3]);
      expect(await us.stored()).toEqual({ a: 3, b: 2 });
      return throttle.struck;
    });
    expect(requests).toBeGreaterThan(10);
  });

  it("is a 503 with Retry-After when the table throttles until the end, and arrives once it is sent again", async () => {
    let busy = 0;
    await eachRequest(async (from) => {
      const throttle = new Throttle();
      const us = await subscriber(throttle);
      throttle.begin(from, Number.POSITIVE_INFINITY);
      for (const [sequence, data] of [
        [3, { a: 3 }],
        [2, { b: 2 }],
      ] as const) {
        const first = await us.diff(sequence, data);
        if (first.status >= 300) expect([from, isBusy(first)]).toEqual([from, true]);
        if (!isBusy(first)) continue;
        busy += 1;
        throttle.end();
        // The lease of a request that could not give it back has ended by then.
        us.now += MINUTE;
        expect([from, (await us.diff(sequence, data)).status]).toSatisfy(([, status]) => status < 300);
      }
      const { struck } = throttle;
      throttle.end();
      us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = {
        status: 200,
        json: { sequence: 3, data: [2, 3].map((n) => ({ sequence: n, data: n === 2 ? { b: 2 } : { a: 3 } })) },
      };
      for (let minute = 0; minute < 3; minute += 1) {
        us.now += MINUTE;
        await us.sweep();
      }
      expect([from, await us.stored()]).toEqual([from, { a: 3, b: 2 }]);
      expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
      expect([...new Set(sequences(us))]).toEqual([2, 3]);
      return struck;
    });
    expect(busy).toBeGreaterThan(5);
  });
});

/** A publisher over a throttled table, with one change delivered to two peers. */
async function publisher(throttle: Throttle) {
  const world = await DeliveryWorld.begin({ table: throttle.over(new MemoryTable()) });
  const subscribed = [];
  for (const name of ["p1", "p2"]) subscribed.push(await world.subscriber(name));
  await world.set("n", 0);
  return { world, peers: subscribed.map(({ peer }) => peer) };
}

describe("a change", () => {
  it("reaches every subscriber when a request is throttled some times", async () => {
    const requests = await eachRequest(async (from) => {
      const throttle = new Throttle();
      const { world, peers } = await publisher(throttle);
      throttle.begin(from, 4);
      const { status } = await world.set("n", 1);
      expect([from, status, ...peers.map((peer) => peer.sequences())]).toEqual([from, 204, [1, 2], [1, 2]]);
      return throttle.struck;
    });
    expect(requests).toBeGreaterThan(5);
  });

  it("is a 503 with Retry-After or delivered later when the table throttles until the end", async () => {
    let [busy, later] = [0, 0];
    await eachRequest(async (from) => {
      const throttle = new Throttle();
      const { world, peers } = await publisher(throttle);
      throttle.begin(from, Number.POSITIVE_INFINITY);
      const { status, headers } = await world.set("n", 1);
      const { struck } = throttle;
      if (status !== 204) expect([from, status, headers["retry-after"]]).toEqual([from, 503, "1"]);
      throttle.end();
      const committed = status === 204 ? 2 : 1;
      if (status === 503) busy += 1;
      else if (peers.some((peer) => peer.sequences().length < 2)) later += 1;
      for (let minute = 0; minute < 3; minute += 1) await world.pass(MINUTE);
      for (const peer of peers) {
        expect([from, [...new Set(peer.sequences())]]).toEqual([from, [1, 2].slice(0, committed)]);
      }
      expect((await world.set("n", 2)).status).toBe(204);
      for (const peer of peers) expect([from, peer.sequences().at(-1)]).toEqual([from, committed + 1]);
      return struck;
    });
    expect([busy > 0, later > 0]).toEqual([true, true]);
  });
});

it("a commit that is throttled is given up within 5 s, and delivers nothing", async () => {
  const throttle = new Throttle();
  const { world, peers } = await publisher(throttle);
  const begun = world.host.now;
  throttle.pass = (ms) => (world.host.now += ms);
  // The actor is read, for the credentials, before the log is.
  throttle.begin(1, Number.POSITIVE_INFINITY);
  const { status, headers } = await world.set("n", 1);
  expect([status, headers["retry-after"]]).toEqual([503, "1"]);
  expect(world.host.now - begun).toSatisfy((ms: number) => ms > 2_000 && ms <= 5_000);
  expect(peers.map((peer) => peer.sequences())).toEqual([[1], [1]]);
});

it("a change that is committed is answered so in time, whatever the table does with its deliveries", async () => {
  let later = 0;
  await eachRequest(async (from) => {
    const throttle = new Throttle();
    const { world, peers } = await publisher(throttle);
    const end = world.host.now + 28_000;
    throttle.pass = (ms) => (world.host.now += ms);
    throttle.begin(from, Number.POSITIVE_INFINITY);
    const { status } = await world.host.ask("PUT", `${world.actor.root}/properties/n`, {
      headers: world.actor.as,
      json: 1,
      remaining: () => Math.max(0, end - world.host.now),
    });
    throttle.end();
    const stored = await world.host.ask("GET", `${world.actor.root}/properties/n`, { headers: world.actor.as });
    expect([from, status]).toEqual([from, stored.json === 1 ? 204 : 503]);
    expect(end - world.host.now).toBeGreaterThanOrEqual(1_000);
    if (status === 204 && peers.some((peer) => peer.sequences().length < 2)) later += 1;
    return throttle.struck;
  });
  expect(later).toBeGreaterThan(0);
});

describe("due work", () => {
  /** A gap that has timed out, which the publisher's backlog closes. */
  async function gap(throttle: Throttle): Promise<Subscriber> {
    const us = await subscriber(throttle);
    await us.diff(3, { a: 3 });
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = {
      status: 200,
      json: { sequence: 3, data: [{ sequence: 2, data: { b: 2 }, overwritten: [] }] },
    };
    us.now += MINUTE;
    return us;
  }

  const ways = [
    ["the worker", async (us: Subscriber) => await us.arriveMessages()],
    ["the sweep", async (us: Subscriber) => await us.sweep()],
  ] as const;

  it.each(ways)("is done by %s when a request is throttled some times", async (_, run) => {
    const requests = await eachRequest(async (from) => {
      const throttle = new Throttle();
      const us = await gap(throttle);
      throttle.begin(from, 4);
      await run(us);
      expect([from, await us.stored(), sequences(us)]).toEqual([from, { a: 3, b: 2 }, [2, 3]]);
      return throttle.struck;
    });
    expect(requests).toBeGreaterThan(5);
  });

  it.each(ways)("of %s that is throttled until the end is done by a later sweep", async (_, run) => {
    let later = 0;
    await eachRequest(async (from) => {
      const throttle = new Throttle();
      const us = await gap(throttle);
      throttle.begin(from, Number.POSITIVE_INFINITY);
      // A sweep that can read no shard at all fails, so that the alarm rings.
      const failure: unknown = await run(us).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure !== undefined) expect([from, failure]).toEqual([from, expect.any(TableBusy)]);
      const { struck } = throttle;
      throttle.end();
      if (((await us.state())["lastSeq"] as number) < 3) later += 1;
      for (let minute = 0; minute < 3; minute += 1) {
        us.now += MINUTE;
        await us.sweep();
      }
      expect([from, await us.stored()]).toEqual([from, { a: 3, b: 2 }]);
      expect([...new Set(sequences(us))]).toEqual([2, 3]);
      expect(await us.state()).toMatchObject({ lastSeq: 3, pendingCount: 0 });
      return struck;
    });
    expect(later).toBeGreaterThan(5);
  });
});
