import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/app/acting-web-app.ts";
import { defaultPermissions } from "../../../lib/domain/permissions.ts";
import { rulesDigest } from "../../../lib/permissions/relationship-rules.ts";
import { bearer } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";
import { DeliveryWorld } from "../delivery/delivery-world.ts";
import type { Subscribed } from "../delivery/delivery-world.ts";

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
function release(relationships: ConstructorParameters<typeof ActingWebApp>[0]["relationships"] = NARROW): WholeService {
  const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test", relationships });
  const next = new WholeService(world.network, world.origin, { app, table: world.table });
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
    expect(await kinds()).toEqual(["scopes", "change", "permissions", "change", "change"]);
    await world.set("open", 2, next);
    expect((await kinds()).slice(5)).toEqual(["change"]);
  });

  it("hides it at once in what is read of the subscription, though nothing was changed since", async () => {
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

  it("is no matter where nobody subscribed", async () => {
    const next = release();
    const quiet = await next.actor();
    const set = async (name: string, json: unknown) =>
      await next.ask("PUT", `${quiet.root}/properties/${name}`, { headers: quiet.as, json });
    await set("open", 1);
    const { changeLog } = next.service;
    expect(await changeLog.newest(quiet.id)).toBe(1);
  });

  it("comes after a change that began before it: both are there, in order", async () => {
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

describe("what stands for a release's rules", () => {
  it("is the same for the same rules in any order, and another for others", () => {
    const { friend } = NARROW;
    expect(rulesDigest({ friend, family: friend })).toBe(rulesDigest({ family: friend, friend }));
    expect(rulesDigest({})).not.toBe(rulesDigest(NARROW));
    expect(rulesDigest({})).toMatch(/^[0-9a-f]{16}$/);
  });
});
