import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Handling } from "../support/group-workers/employment.ts";
import { exchangesIn, handlingsIn, WorkerProcess } from "../support/group-workers/worker-process.ts";
import { noteExchange } from "../support/openapi/exchanges.ts";
import type { OwnedActor } from "../support/owned-actor.ts";
import { seeded } from "../support/publisher/random.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

const EVENTS = sized(200, 10_000);
const KILLS = sized(3, 51);
/** Events that no worker gets done with at their first delivery: a worker that begins one is killed in the midst of it. */
const ENDLESS = sized(1, 20);
const LANES = 8;
const KEYS = 40;
/** Most events of one request. */
const BATCH = 90;
const KINDS = ["a worker", "the service", "both"] as const;

let service: Service;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "actingweb-workers-"));
  service = await startService();
});
afterAll(async () => {
  await service.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe("a group whose workers and service are killed", () => {
  it("loses no event, keeps each key in order, and repeats only under the same id", async () => {
    const actor = await service.createActor();
    const file = join(folder, "handled");
    const exchanges = join(folder, "exchanges");
    await mkdir(exchanges);
    const settings = { topics: ["orders.>"], lanes: LANES, leaseSeconds: 1, maxAttempts: 20 };
    const options = { concurrency: 4, max: 25, waitSeconds: 1 };
    await actor.expect("PUT", "/groups/workers", 201, settings);
    const random = seeded(11);
    const handlings = new Counter();
    const interrupted: Promise<void>[] = [];
    const onHandling = (handling: Handling, by: WorkerProcess): void => {
      handlings.add();
      if (isEndless(handling)) interrupted.push(interrupt(actor, by));
    };
    const crew = { actor, group: "workers", settings, file, exchanges, options, onHandling };
    const workers = ["one", "two", "three"].map((name) => new WorkerProcess(crew, name).start());
    const killService = async (): Promise<void> => {
      expect(await service.kill()).toBe("SIGKILL");
      await service.start();
    };
    let servicesKilled = 0;
    const killAll = async (): Promise<void> => {
      for (let kill = 0; kill < KILLS; kill += 1) {
        // Somewhere in its share of the work. Every event is handled, so this many handlings come.
        await handlings.reach(Math.floor((EVENTS * (kill + random.next())) / KILLS));
        const kind = KINDS[kill % KINDS.length];
        const worker = workers[random.below(workers.length)] as WorkerProcess;
        if (kind !== "a worker") servicesKilled += 1;
        await Promise.all([kind !== "the service" && worker.restart(), kind !== "a worker" && killService()]);
      }
    };
    try {
      await Promise.all([publishAll(actor), killAll()]);
      await until("everything done", async () => (await standing(actor)).lag === 0);
      await Promise.all(interrupted);
    } finally {
      await Promise.all(workers.map(async (worker) => await worker.stop()));
    }

    // Each run of a worker was killed but its last one, which drained.
    for (const { ends, log } of workers) {
      expect(ends, log.join("\n")).toEqual([...Array.from({ length: ends.length - 1 }, () => "SIGKILL"), 0]);
    }
    const exchanged = await exchangesIn(exchanges);
    expect(exchanged.filter(({ url, status }) => url.endsWith("/ack") && status === 200)).not.toEqual([]);
    // What the OpenAPI document does not describe of them fails the test.
    for (const exchange of exchanged) noteExchange(exchange);
    const handled = await handlingsIn(file);
    expect(new Set(handled.map(({ consumer }) => consumer)).size).toBeGreaterThan(1);
    expect(new Set(handled.map(numberOf))).toEqual(new Set(Array.from({ length: EVENTS }, (_, n) => n)));
    expectSameIds(handled);
    for (const { id } of handled.filter(isEndless)) {
      expect(handled.some((each) => each.id === id && each.attempt > 1)).toBe(true);
    }
    expectOrder(handled);
    // The leases of those that were killed end with their time.
    const lanes = await until("no lane leased", async () => {
      const group = await standing(actor);
      return group.lanes.every(({ holder }) => holder === undefined) && group.lanes;
    });
    expect(lanes).toHaveLength(LANES);
    for (const lane of lanes) expect(lane).toMatchObject({ lent: 0, blocked: [] });
    expect((await actor.fetch("POST", "/groups/workers/fetch", { json: { consumer: "late" } })).status).toBe(204);
    const atEnd = await standing(actor);
    expect(atEnd).toMatchObject({ status: "active", lag: 0, parked: 0 });
    // A fetch that finds nothing stores where the lanes are once the floor has moved by 100 records.
    expect(recordIn(atEnd.newest) - recordIn(atEnd.floor)).toBeLessThan(100);
    const workersKilled = workers.reduce((sum, { ends }) => sum + ends.length - 1, 0);
    const kills = `${String(workersKilled)} kills of workers, ${String(servicesKilled)} of the service`;
    process.stdout.write(`\n${kills}: ${String(handled.length)} handlings of ${String(EVENTS)} events\n`);
  });
});

/** A count that can be waited for. */
class Counter {
  #count = 0;
  #awaited: { readonly count: number; readonly done: () => void } | undefined;

  add(): void {
    this.#count += 1;
    if (this.#awaited !== undefined && this.#count >= this.#awaited.count) this.#awaited.done();
  }

  /** Resolves at once when it is there. One caller at a time. */
  async reach(count: number): Promise<void> {
    if (this.#count < count) await new Promise<void>((done) => (this.#awaited = { count, done }));
  }
}

/** Kills a worker that is in the midst of an event, once what it has said meanwhile has come to the service. */
async function interrupt(actor: OwnedActor, worker: WorkerProcess): Promise<void> {
  /** Undefined while the service is away. */
  const leases = async (): Promise<string | undefined> => {
    const { status, json } = await actor.fetch("GET", "/groups/workers");
    if (status !== 200) return undefined;
    const { lanes } = json as unknown as Standing;
    return lanes.flatMap(({ holder, until: end }) => (holder === worker.consumer ? [end] : [])).join();
  };
  const before = await until("a first look at the leases", leases);
  await until("another lease, or none", async () => {
    const now = await leases();
    return now === "" || (now !== undefined && now !== before);
  });
  await worker.restart();
}

/** The service may be away: a batch is sent until it is answered, and its events are published once. */
async function publishAll(actor: OwnedActor): Promise<void> {
  for (let from = 0; from < EVENTS; from += BATCH) {
    const json = Array.from({ length: Math.min(BATCH, EVENTS - from) }, (_, index) => ({
      ...{ specversion: "1.0", id: String(from + index), source: "urn:test", type: "com.example.order" },
      ...{ subject: `orders.o${String((from + index) % KEYS)}`, data: dataOf(from + index) },
    }));
    const headers = { "content-type": "application/cloudevents-batch+json" };
    await until("a batch published", async () => {
      const { status, text } = await actor.fetch("POST", "/events", { json, headers });
      if (status >= 400 && status < 500) throw new Error(`not published: ${text}`);
      return status === 201 || status === 200;
    });
  }
}

const dataOf = (n: number) => ({ n, ...(n % Math.floor(EVENTS / ENDLESS) === 0 && { endless: true }) });

const recordIn = (position: string): number => Number(position.split("-")[1]);

interface Standing {
  readonly floor: string;
  readonly newest: string;
  readonly lag: number;
  readonly lanes: readonly {
    readonly holder?: string;
    readonly until?: string;
    readonly lent: number;
    readonly blocked: readonly unknown[];
  }[];
}

const standing = async (actor: OwnedActor): Promise<Standing> =>
  (await actor.expect("GET", "/groups/workers", 200)) as unknown as Standing;

const numberOf = ({ data }: Handling): number => (data as { n: number }).n;
const isEndless = ({ data, attempt }: Handling): boolean =>
  (data as { endless?: true }).endless === true && attempt === 1;

/** One event has one id, one position and one key, however often it comes. */
function expectSameIds(handled: readonly Handling[]): void {
  const events = new Set(handled.map(({ id, position, key, data }) => JSON.stringify([id, position, key, data])));
  expect(events.size).toBe(EVENTS);
  expect(new Set(handled.map(({ id }) => id)).size).toBe(EVENTS);
  expect(new Set(handled.map(({ position }) => position)).size).toBe(EVENTS);
}

/** The first handlings of each key, whichever worker had them, are in the order of positions and of publication. */
function expectOrder(handled: readonly Handling[]): void {
  for (const [key, events] of Map.groupBy(handled, (each) => each.key)) {
    const firsts = [...new Set(events.map(({ position }) => position))];
    expect(firsts, key).toEqual(firsts.toSorted());
    const numbers = [...new Set(events.map(numberOf))];
    expect(numbers, key).toEqual(numbers.toSorted((one, other) => one - other));
  }
}
