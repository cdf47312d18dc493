import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { handlingCount, handlingsIn, WorkerProcess, type Handling } from "../support/group-workers/worker-process.ts";
import type { OwnedActor } from "../support/owned-actor.ts";
import { seeded } from "../support/publisher/random.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

const EVENTS = sized(200, 10_000);
const KILLS = sized(3, 51);
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
    const began = Date.now();
    const actor = await service.createActor();
    const file = join(folder, "handled");
    const settings = { topics: ["orders.>"], lanes: LANES, leaseSeconds: 1, maxAttempts: 20 };
    const options = { concurrency: 4, max: 25, waitSeconds: 1 };
    await actor.expect("PUT", "/groups/workers", 201, settings);
    const crew = { actor, group: "workers", settings, file, options };
    const workers = ["one", "two", "three"].map((name) => new WorkerProcess(crew, name).start());
    const random = seeded(11);
    const killed = { workers: 0, services: 0 };
    const killWorker = async (): Promise<void> => {
      killed.workers += 1;
      const worker = workers[random.below(workers.length)] as WorkerProcess;
      await worker.kill();
      worker.start();
    };
    const killService = async (): Promise<void> => {
      killed.services += 1;
      expect(await service.kill()).toBe("SIGKILL");
      await service.start();
    };
    const killAll = async (): Promise<void> => {
      for (let kill = 0; kill < KILLS; kill += 1) {
        // Somewhere in a share of the work of its own; every event is handled, so this many handlings come.
        const moment = Math.floor((EVENTS * (kill + random.next())) / KILLS);
        await until("some load", async () => (await handlingCount(file)) >= moment);
        const kind = KINDS[kill % KINDS.length];
        await Promise.all([kind !== "the service" && killWorker(), kind !== "a worker" && killService()]);
      }
    };
    try {
      await Promise.all([publishAll(actor), killAll()]);
      await until("everything done", async () => (await standing(actor)).lag === 0);
    } finally {
      await Promise.all(workers.map(async (worker) => await worker.stop()));
    }

    // Each run of a worker was killed but its last one, which drained.
    for (const { ends, log } of workers) {
      expect(ends, log.join("\n")).toEqual([...Array.from({ length: ends.length - 1 }, () => "SIGKILL"), 0]);
    }
    expect(workers.reduce((sum, { ends }) => sum + ends.length - 1, 0)).toBe(killed.workers);
    const handled = await handlingsIn(file);
    expect(new Set(handled.map(numberOf))).toEqual(new Set(Array.from({ length: EVENTS }, (_, n) => n)));
    expectSameIds(handled);
    expectOrder(handled);
    // The leases of those that were killed end with their time.
    const lanes = await until("no lane leased", async () => {
      const group = await standing(actor);
      return group.lanes.every(({ holder }) => holder === undefined) && group.lanes;
    });
    expect(lanes).toHaveLength(LANES);
    for (const lane of lanes) expect(lane).toMatchObject({ lent: 0, blocked: [] });
    expect(await standing(actor)).toMatchObject({ status: "active", lag: 0, parked: 0 });
    expect((await actor.fetch("POST", "/groups/workers/fetch", { json: { consumer: "late" } })).status).toBe(204);
    process.stdout.write(
      `\n${String(killed.workers)} kills of workers, ${String(killed.services)} of the service: ` +
        `${String(handled.length)} handlings of ${String(EVENTS)} events in ${String(Math.round((Date.now() - began) / 1_000))} s\n`,
    );
  });
});

/** The service may be away: a batch is sent until it is answered, and its events are published once. */
async function publishAll(actor: OwnedActor): Promise<void> {
  for (let from = 0; from < EVENTS; from += BATCH) {
    const json = Array.from({ length: Math.min(BATCH, EVENTS - from) }, (_, index) => ({
      ...{ specversion: "1.0", id: String(from + index), source: "urn:test", type: "com.example.order" },
      ...{ subject: `orders.o${String((from + index) % KEYS)}`, data: { n: from + index } },
    }));
    const headers = { "content-type": "application/cloudevents-batch+json" };
    await until("a batch published", async () => {
      const { status, text } = await actor.fetch("POST", "/events", { json, headers });
      if (status >= 400 && status < 500) throw new Error(`not published: ${text}`);
      return status === 201 || status === 200;
    });
  }
}

interface Standing {
  readonly lag: number;
  readonly lanes: readonly { readonly holder?: string; readonly lent: number; readonly blocked: readonly unknown[] }[];
}

const standing = async (actor: OwnedActor): Promise<Standing> =>
  (await actor.expect("GET", "/groups/workers", 200)) as unknown as Standing;

const numberOf = ({ data }: Handling): number => (data as { n: number }).n;

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
