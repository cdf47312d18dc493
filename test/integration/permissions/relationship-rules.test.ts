import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { defaultPermissions } from "../../../lib/domain/policy/permissions.ts";
import { rulesDigest } from "../../../lib/trust/relationship-rules.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { FaultyTable, type Effect } from "../../support/faulty-table.ts";
import { bearer } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";
import { DeliveryWorld, type Subscribed } from "../delivery/delivery-world.ts";

const NARROW = {
  friend: {
    ...defaultPermissions("friend"),
    properties: { patterns: ["*"], excluded_patterns: ["diary"], operations: ["read"] },
  },
};

let world: DeliveryWorld;
let bob: Subscribed;
beforeEach(async () => {
  world = await DeliveryWorld.begin();
  bob = await world.subscriber("bob");
});

/** The same deployment, with its next release. */
function release(
  relationships: ConstructorParameters<typeof ActingWebApp>[0]["relationships"] = NARROW,
  table: Table = world.table,
): WholeService {
  const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test", relationships });
  const next = new WholeService(world.network, world.origin, { app, table });
  next.now = world.host.now;
  return next;
}

const kinds = async (): Promise<string[]> => {
  const { changeLog } = world.host.service;
  const { records } = await changeLog.read(world.actor.id, 0, await changeLog.newest(world.actor.id));
  return records.map(({ record }) => record.kind);
};

describe("a release that narrows what a relationship allows", () => {
  it("hides it in subscriptions that began before, from its first change on", async () => {
    await world.set("diary", "before");
    const next = release();
    await world.set("diary", "classified", next);
    await world.set("open", 1, next);
    expect(bob.peer.seen.map(({ body }) => [body["sequence"], body["data"]])).toEqual([
      [1, { diary: "before" }],
      [2, { open: 1 }],
    ]);
    expect(await kinds()).toEqual(["subscriptions", "change", "permissions", "change", "change"]);
    await world.set("open", 2, next);
    expect((await kinds()).slice(5)).toEqual(["change"]);
  });

  it("hides a property at once in reads of the subscription, without a change since", async () => {
    bob.peer.mood = 500;
    await world.set("diary", "classified");
    await world.set("open", 1);
    const next = release();
    const at = `${world.actor.root}/subscriptions/bob/${bob.id}`;
    const read = async (path = "") => await next.ask("GET", `${at}${path}`, { headers: bearer(bob.peer.secret) });
    expect((await read()).json.data.map(({ data }: { data: unknown }) => data)).toEqual([{}, { open: 1 }]);
    expect((await read("/1")).json).toMatchObject({ sequence: 1, data: {}, overwritten: [] });
    await release({}).service.suspensions.suspend(world.actor.id, { target: "properties" });
    await release({}).service.suspensions.resume(world.actor.id, { target: "properties" });
    expect((await read("/3")).json).toMatchObject({ type: "resync", data: { open: 1 } });
    expect((await read()).text).not.toContain("classified");
  });

  it("is recorded for every subscribing peer, and for none whose trust is gone", async () => {
    for (let index = 0; index < 60; index += 1) await world.subscriber(`peer-${String(index)}`);
    const next = release();
    await world.set("diary", "classified", next);
    const named = (await kinds()).filter((kind) => kind === "permissions");
    expect(named).toHaveLength(61);
    expect(world.results.flatMap(({ failures }) => failures)).toEqual([]);
    expect(bob.peer.seen).toEqual([]);
  });

  it("writes nothing where there is no subscription", async () => {
    const next = release();
    const quiet = await next.actor();
    const set = async (name: string, json: unknown) =>
      await next.ask("PUT", `${quiet.root}/properties/${name}`, { headers: quiet.as, json });
    await set("open", 1);
    const { changeLog } = next.service;
    expect(await changeLog.newest(quiet.id)).toBe(1);
  });

  it("is recorded after a change that began before it: both records exist, in order", async () => {
    const next = release();
    await Promise.all([
      ...Array.from({ length: 5 }, async (_, index) => await world.set("open", index, next)),
      ...Array.from({ length: 5 }, async (_, index) => await world.set(`late${String(index)}`, index, next)),
    ]);
    const all = await kinds();
    expect(all.indexOf("permissions")).toBeLessThan(all.indexOf("change"));
    const numbers = bob.peer.sequences(bob.id).toSorted((one, other) => one - other);
    expect(numbers).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
  });
});

describe("releases that are at work at the same time", () => {
  const excluded = async (peerId: string): Promise<readonly string[] | undefined> => {
    const { changeLog } = world.host.service;
    const { records } = await changeLog.read(world.actor.id, 0, await changeLog.newest(world.actor.id));
    const said = records.flatMap(({ record }) =>
      record.kind === "permissions" && record.peerId === peerId ? [record.permissions.excluded_patterns] : [],
    );
    return said.at(-1);
  };
  const confirmed = async (): Promise<number> => (await kinds()).filter((kind) => kind === "permissions").length;

  it("replace each other's records at most once in five minutes, and those of the remaining one stay", async () => {
    for (let index = 0; index < 20; index += 1) await world.subscriber(`peer-${String(index)}`);
    const [next, old] = [release(), release({})];
    const alternately = async () => {
      for (let index = 0; index < 10; index += 1) await world.set("open", index, index % 2 === 0 ? next : old);
    };
    await alternately();
    expect(await confirmed()).toBe(21);
    next.now += 300_000;
    old.now += 300_000;
    await alternately();
    await alternately();
    expect(await confirmed()).toBe(42);
    expect(await excluded("bob")).not.toContain("diary");
    next.now += 300_000;
    await world.set("diary", "classified", next);
    expect(await confirmed()).toBe(63);
    expect(await excluded("bob")).toEqual(["diary"]);
    const { sequence } = (await world.head(bob)).state;
    await world.set("diary", "still", next);
    await world.set("open", 1, next);
    await next.sweep();
    expect((await world.head(bob)).state.sequence).toBe(sequence + 1);
  });

  it("leave no record of the older one, which lets a peer subscribe after the newer one's record", async () => {
    const [next, old] = [release(), release({})];
    await world.set("open", 1, next);
    const peer = await world.peer("late");
    const at = `${world.actor.root}/subscriptions/late`;
    const json = { target: "properties", granularity: "high" };
    expect((await old.ask("POST", at, { headers: bearer(peer.secret), json })).status).toBe(201);
    next.now += 300_000;
    await world.set("diary", "classified", next);
    await world.set("open", 2, next);
    expect(await excluded("late")).toEqual(["diary"]);
    expect(peer.seen.map(({ body }) => [body["sequence"], body["data"]])).toEqual([[1, { open: 2 }]]);
  });

  it("are recorded once for each peer, however many write at the same time", async () => {
    for (let index = 0; index < 120; index += 1) await world.subscriber(`peer-${String(index)}`);
    const slow = new FaultyTable(world.table, async (): Promise<Effect> => {
      await new Promise((resolve) => setImmediate(resolve));
      return "ok";
    });
    const next = release(NARROW, slow);
    const names = Array.from({ length: 8 }, (_, index) => `open-${String(index)}`);
    const answers = await Promise.all(names.map(async (name) => await world.set(name, 1, next)));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 204));
    expect(await confirmed()).toBe(121);
    const all = await kinds();
    expect(all.lastIndexOf("permissions")).toBeLessThan(all.indexOf("change"));
  });

  it("are recorded for the rest by the commit after one that broke off", async () => {
    for (let index = 0; index < 120; index += 1) await world.subscriber(`peer-${String(index)}`);
    let transactions = 0;
    const broken = new FaultyTable(world.table, (operation): Effect => {
      transactions += operation === "transact" ? 1 : 0;
      return transactions > 1 ? "throttle" : "ok";
    });
    expect((await world.set("diary", "classified", release(NARROW, broken))).status).toBeGreaterThanOrEqual(500);
    const some = await confirmed();
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(121);
    await world.set("diary", "classified", release());
    expect(await confirmed()).toBe(121);
    expect(bob.peer.seen).toEqual([]);
  });
});

describe("the digest of a release's rules", () => {
  it("is the same for the same rules in any order, and another for others", () => {
    const { friend } = NARROW;
    expect(rulesDigest({ friend, family: friend })).toBe(rulesDigest({ family: friend, friend }));
    expect(rulesDigest({})).not.toBe(rulesDigest(NARROW));
    expect(rulesDigest({})).toMatch(/^[0-9a-f]{16}$/);
  });
});
