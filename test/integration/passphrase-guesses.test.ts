/** Guessing a passphrase, at one instance and at several. */
import * as crypto from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ActorFactory } from "../../lib/actors/factory.ts";
import { actorPartition } from "../../lib/dynamodb/keys/partition.ts";
import { FaultyTable, type Effect, type TableOperation } from "../support/faulty-table.ts";
import { Network, basic, bearer } from "../support/in-process.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { WholeService } from "../support/whole-service.ts";

/** Not slow here, and counted: what matters is whether it is computed at all. */
vi.mock("node:crypto", async (importActual) => {
  const actual = await importActual<typeof crypto>();
  const scrypt = (passphrase: string, salt: Uint8Array, ...rest: unknown[]): void => {
    const callback = rest.at(-1) as (error: null, hash: Buffer) => void;
    const hash = actual.createHash("sha256").update(salt).update(passphrase).digest();
    setImmediate(() => callback(null, hash));
  };
  return { ...actual, scrypt: vi.fn(scrypt) };
});

const RIGHT = "correct horse";
const MINUTE = 60_000;
const scrypt = vi.mocked(crypto.scrypt);

let stored: MemoryTable;
let network: Network;
let now: number;
let asked: TableOperation[];
let effect: (operation: TableOperation) => Effect;
let actorId: string;
let first: WholeService;

/** Another process of the same deployment. */
function instance(): WholeService {
  const table = new FaultyTable(stored, (operation) => {
    asked.push(operation);
    return effect(operation);
  });
  const made = new WholeService(network, "https://us.example.com", { table });
  Object.defineProperty(made, "now", { get: () => now });
  return made;
}

beforeEach(async () => {
  stored = new MemoryTable();
  network = new Network();
  now = Date.UTC(2026, 0, 1, 0, 0, 17);
  asked = [];
  effect = () => "ok";
  first = instance();
  const creation = { creator: "alice", passphrase: RIGHT, trustee_root: undefined };
  actorId = (await new ActorFactory(first.service).create(creation)).id;
  asked.length = 0;
  scrypt.mockClear();
});

const ask = async (passphrase: string, options: { at?: WholeService; from?: string } = {}) => {
  const { at = first, from = "192.0.2.1" } = options;
  return await at.ask("GET", `/${actorId}`, { headers: basic("alice", passphrase), from });
};

/** The statuses of this many different wrong guesses, one after another. */
async function guess(count: number, options: Parameters<typeof ask>[1] = {}): Promise<number[]> {
  const statuses: number[] = [];
  for (let n = 0; n < count; n += 1) statuses.push((await ask(`guess ${n} at ${now}`, options)).status);
  return statuses;
}

const times = (count: number, status: number): number[] => new Array<number>(count).fill(status);

describe("wrong passphrases", () => {
  it("are limited to 10 a minute from one address, at all instances, before anything is computed", async () => {
    expect(await guess(4)).toEqual(times(4, 403));
    expect(await guess(6, { at: instance() })).toEqual(times(6, 403));
    now += 40_000;
    scrypt.mockClear();
    for (const at of [first, instance()]) {
      const limited = await ask("guess", { at });
      expect([limited.status, limited.json.error.code]).toEqual([429, "too_many_attempts"]);
      expect(limited.headers["retry-after"]).toBe("20");
    }
    expect(scrypt).not.toHaveBeenCalled();
    expect(await guess(1, { from: "192.0.2.2" })).toEqual([403]);
    now += 20_000;
    expect(await guess(11)).toEqual([...times(10, 403), 429]);
  });

  it("are limited to 100 a minute for an actor, from however many addresses", async () => {
    const from = (n: number) => ({ from: `198.51.100.${n}`, at: n % 3 === 0 ? instance() : first });
    for (let n = 0; n < 10; n += 1) expect(await guess(10, from(n))).toEqual(times(10, 403));
    scrypt.mockClear();
    expect(await guess(3, from(200))).toEqual(times(3, 429));
    expect(scrypt).not.toHaveBeenCalled();
    const other = await new ActorFactory(first.service).create({
      ...{ creator: "alice", passphrase: RIGHT, trustee_root: undefined },
    });
    expect((await first.ask("GET", `/${other.id}`, { headers: basic("alice", RIGHT) })).status).toBe(200);
  });

  it("are limited in each minute in which they continue", async () => {
    let computed = 0;
    for (let minute = 0; minute < 15; minute += 1) {
      scrypt.mockClear();
      expect(await guess(12)).toEqual([...times(10, 403), 429, 429]);
      computed += scrypt.mock.calls.length;
      now += MINUTE;
    }
    expect(computed).toBe(150);
    now += 60 * MINUTE;
    expect(await guess(11)).toEqual([...times(10, 403), 429]);
  });

  it("that are asked at once are counted before they are computed, too", async () => {
    const all = Array.from({ length: 30 }, async (_, n) => (await ask(`guess ${n}`)).status);
    const statuses = await Promise.all(all);
    expect(statuses.filter((status) => status === 403).length).toBeLessThanOrEqual(10);
    expect(statuses.every((status) => status === 403 || status === 429)).toBe(true);
    expect(scrypt.mock.calls.length).toBeLessThanOrEqual(10);
  });

  it("that come all at once, each at an instance of its own, are counted before they are computed, and so is the right one", async () => {
    const guesses = [...Array.from({ length: 60 }, (_, n) => `guess ${n}`), RIGHT];
    const statuses = await Promise.all(guesses.map(async (each) => (await ask(each, { at: instance() })).status));
    expect(statuses).toEqual([...times(10, 403), ...times(51, 429)]);
    expect(scrypt).toHaveBeenCalledTimes(10);
  });

  it("at a warm instance are counted although nothing is computed", async () => {
    expect((await ask(RIGHT)).status).toBe(200);
    scrypt.mockClear();
    expect(await guess(12)).toEqual([...times(10, 403), 429, 429]);
    expect(scrypt).not.toHaveBeenCalled();
  });

  it("of another user's name count as well, and the right one does not open with it", async () => {
    const headers = basic("bob", "wrong");
    for (let n = 0; n < 10; n += 1) expect((await first.ask("GET", `/${actorId}`, { headers })).status).toBe(403);
    expect((await first.ask("GET", `/${actorId}`, { headers })).status).toBe(429);
    expect((await first.ask("GET", `/${actorId}`, { headers: basic("bob", RIGHT), from: "192.0.2.9" })).status).toBe(
      403,
    );
  });

  it("leave only counts, which expire and are deleted with the actor", async () => {
    await guess(3);
    const items = (await stored.query({ pk: actorPartition(actorId), prefix: "GUESS#" })).items;
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ count: 3, ttl: Math.ceil(now / 1_000) + 3_600 });
    expect(JSON.stringify(items)).not.toMatch(/192\.0\.2|guess [0-9]/);
    expect(JSON.stringify(first.logged)).not.toMatch(/guess [0-9]/);
    const headers = basic("alice", RIGHT);
    expect((await first.ask("DELETE", `/${actorId}`, { headers, from: "192.0.2.9" })).status).toBe(204);
    expect((await stored.query({ pk: actorPartition(actorId), prefix: "" })).items).toEqual([]);
  });
});

describe("the right passphrase", () => {
  it("is never limited where it was verified; elsewhere it waits for the end of the minute", async () => {
    expect((await ask(RIGHT)).status).toBe(200);
    await guess(12);
    const cold = instance();
    scrypt.mockClear();
    expect((await ask(RIGHT)).status).toBe(200);
    expect((await ask(RIGHT, { at: cold })).status).toBe(429);
    expect(scrypt).not.toHaveBeenCalled();
    expect((await ask(RIGHT, { at: cold, from: "192.0.2.2" })).status).toBe(200);
    now += MINUTE;
    expect((await ask(RIGHT, { at: instance() })).status).toBe(200);
  });

  it("takes no place from wrong ones, at however many instances it is checked", async () => {
    await guess(9);
    for (let n = 0; n < 15; n += 1) expect((await ask(RIGHT, { at: instance() })).status).toBe(200);
    expect(await guess(2)).toEqual([403, 429]);
  });

  it("is computed once for all who bring it at the same time, and none of them is limited", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, async () => (await ask(RIGHT)).status));
    expect(answers).toEqual(times(40, 200));
    expect(scrypt).toHaveBeenCalledTimes(1);
  });
});

describe("what counting costs", () => {
  const cost = async (passphrase: string, at: WholeService): Promise<TableOperation[]> => {
    asked.length = 0;
    await ask(passphrase, { at });
    return [...asked];
  };

  it("is one request for a wrong guess, and two for the right passphrase where it was not verified before", async () => {
    expect(await cost(RIGHT, first)).toEqual(["get", "transact", "update"]);
    expect(await cost(RIGHT, first)).toEqual(["get"]);
    expect(await cost(RIGHT, instance())).toEqual(["get", "update", "update"]);
    expect(await cost("wrong", instance())).toEqual(["get", "update"]);
    expect(await cost("wrong", first)).toEqual(["get", "update"]);
    expect(await cost(RIGHT, first)).toEqual(["get"]);
    expect(await cost(RIGHT, instance())).toEqual(["get", "update", "update"]);
    now += 11 * MINUTE;
    expect(await cost("wrong", instance())).toEqual(["get", "transact"]);
  });

  it("does not apply to a minted passphrase, nor to bearers, however many are wrong", async () => {
    const minted = await first.actor("carol");
    await first.trusts(minted.id, "bob", "https://bob.example.com/bob", "secret-of-bob");
    for (const headers of [basic("carol", "wrong"), bearer("wrong")]) {
      for (let n = 0; n < 120; n += 1) {
        expect((await first.ask("GET", `/${minted.id}/trust/friend/bob`, { headers })).status).toBe(403);
      }
    }
    expect((await stored.query({ pk: actorPartition(minted.id), prefix: "GUESS#" })).items).toEqual([]);
    expect(scrypt).not.toHaveBeenCalled();
  });
});

describe("when the table fails", () => {
  it.each(["throttle", "lost_answer"] as const)(
    "a guess that cannot be counted is not answered as wrong: %s",
    async (bad) => {
      effect = (operation) => (operation === "get" ? "ok" : bad);
      expect((await ask("wrong")).status).toBeGreaterThanOrEqual(500);
      effect = () => "ok";
      await guess(1);
      effect = (operation) => (operation === "get" ? "ok" : bad);
      scrypt.mockClear();
      expect((await ask(RIGHT, { at: instance() })).status).toBeGreaterThanOrEqual(500);
      expect(scrypt).not.toHaveBeenCalled();
    },
  );

  it("instances that begin a minute at the same time count in the same one", async () => {
    const all = Array.from({ length: 12 }, async (_, n) => (await ask(`guess ${n}`, { at: instance() })).status);
    const statuses = await Promise.all(all);
    expect(statuses.toSorted()).toEqual([...times(10, 403), 429, 429]);
    const items = (await stored.query({ pk: actorPartition(actorId), prefix: "GUESS#" })).items;
    expect(items.map((item) => item["count"])).toEqual([10]);
  });
});
