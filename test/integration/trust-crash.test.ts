/** Operations that broke off, and how the sweep finishes them. */
import { describe, expect, it } from "vitest";
import { ActorDeletion } from "../../lib/operations/deletion.ts";
import { actorPartition } from "../../lib/dynamodb/keys/partition.ts";
import { readDuePage } from "../../lib/dynamodb/keys/due-index.ts";
import { dueShards } from "../../lib/dynamodb/keys/due.ts";
import { trustServices, type TrustConsequences } from "../../lib/trust/trust-services.ts";
import { Network, bearer } from "../support/in-process.ts";
import { TrustWorld } from "./trust-world.ts";
import { resumeTrust } from "../../lib/trust/ending.ts";

const nothing = (): Promise<void> => Promise.resolve();

async function standing(consequences: TrustConsequences) {
  const network = new Network();
  const service = new TrustWorld(network, "https://a.example", { consequences });
  const other = new TrustWorld(network, "https://b.example");
  const alice = await service.actor("alice");
  const bob = await other.actor("bob");
  const made = await service.ask("POST", `/${alice.id}/trust`, { headers: alice.as, json: { url: bob.root } });
  const path = `/${alice.id}/trust/associate/${bob.id}`;
  return { network, service, other, alice, bob, path, secret: made.json.secret as string };
}

async function dueKeys(service: TrustWorld): Promise<readonly string[]> {
  const found = await Promise.all(
    dueShards(16).map((shard) => service.table.queryDue(shard, service.now + 60_000, 10)),
  );
  return found.flatMap((page) => readDuePage(page).due).map((key) => key.sk);
}

describe("a trust's deletion that broke off", () => {
  it("opens nothing any more, and the sweep finishes it", async () => {
    let broken = true;
    const ended = (): Promise<void> => (broken ? Promise.reject(new Error("crash")) : nothing());
    const { service, alice, bob, path, secret, other } = await standing({ approved: nothing, revoked: nothing, ended });
    expect((await service.ask("DELETE", path, { headers: alice.as })).status).toBe(500);
    expect((await service.ask("GET", path, { headers: bearer(secret) })).status).toBe(403);
    expect((await service.ask("GET", path, { headers: alice.as })).status).toBe(404);
    expect(await dueKeys(service)).toEqual([`TRUST#${bob.id}`]);

    broken = false;
    service.now += 60_000;
    const trust = trustServices(service.runtime, { approved: nothing, revoked: nothing, ended });
    await resumeTrust(trust, { actorId: alice.id, peerId: bob.id });
    await resumeTrust(trust, { actorId: alice.id, peerId: bob.id });
    expect(await dueKeys(service)).toEqual([]);
    expect((await service.table.query({ pk: actorPartition(alice.id), prefix: "TRUST#" })).items).toEqual([]);
    expect((await service.table.query({ pk: actorPartition(alice.id), prefix: "SECRET#" })).items).toEqual([]);
    expect((await other.ask("GET", `/${bob.id}/trust`, { headers: bob.as })).json).toEqual([]);
  });

  it("may be asked for again by the owner", async () => {
    let broken = true;
    const ended = (): Promise<void> => (broken ? Promise.reject(new Error("crash")) : nothing());
    const { service, alice, path } = await standing({ approved: nothing, revoked: nothing, ended });
    await service.ask("DELETE", path, { headers: alice.as });
    broken = false;
    expect((await service.ask("DELETE", path, { headers: alice.as })).status).toBe(204);
    expect((await service.ask("DELETE", path, { headers: alice.as })).status).toBe(404);
  });
});

describe("a start that broke off", () => {
  it("is deleted by the sweep, but not before its time and not when it succeeded", async () => {
    const all = { approved: nothing, revoked: nothing, ended: nothing };
    const { service, alice, bob, network } = await standing(all);
    const trust = trustServices(service.runtime, all);
    service.now += 120_000;
    await resumeTrust(trust, { actorId: alice.id, peerId: bob.id });
    expect(await service.runtime.trusts.get(alice.id, bob.id)).toBeDefined();

    const carol = await service.actor("carol");
    let asked = (): void => undefined;
    const reached = new Promise<void>((resolve) => (asked = resolve));
    network.hosts.set("https://hangs.example", (request) => {
      if (request.method === "GET") {
        const text = JSON.stringify({ id: "hangs", type: "t" });
        return Promise.resolve({ status: 200, headers: {}, text, json: undefined });
      }
      asked();
      return new Promise(() => undefined);
    });
    const json = { url: "https://hangs.example/hangs" };
    void service.ask("POST", `/${carol.id}/trust`, { headers: carol.as, json });
    await reached;
    await resumeTrust(trust, { actorId: carol.id, peerId: "hangs" });
    expect(await service.runtime.trusts.get(carol.id, "hangs")).toBeDefined();
    service.now += 60_000;
    network.hosts.delete("https://hangs.example");
    await resumeTrust(trust, { actorId: carol.id, peerId: "hangs" });
    expect(await service.runtime.trusts.get(carol.id, "hangs")).toBeUndefined();
  });
});

describe("an approval that a revocation overtook", () => {
  it("leaves what depends on the trust revoked, by the later revision", async () => {
    const calls: [string, number][] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let reached = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (reached = resolve));
    const { service, alice, path } = await standing({
      approved: async (_peer, _digest, revision) => {
        reached();
        await gate;
        calls.push(["approved", revision]);
      },
      revoked: (_peer, revision) => {
        calls.push(["revoked", revision]);
        return nothing();
      },
      ended: nothing,
    });
    const approving = service.ask("PUT", path, { headers: alice.as, json: { approved: true } });
    await waiting;
    await service.ask("PUT", path, { headers: alice.as, json: { approved: false } });
    release();
    await approving;
    expect(calls.at(-1)?.[0]).toBe("revoked");
    const approvedAt = calls.find(([what]) => what === "approved")?.[1];
    const revokedAt = calls.find(([what]) => what === "revoked")?.[1];
    expect(approvedAt).toBeLessThan(revokedAt!);
  });
});

describe("an actor's deletion that ran out of time", () => {
  it("is gone for everyone, and the sweep removes the rest", async () => {
    const all = { approved: nothing, revoked: nothing, ended: nothing };
    const { service, alice, bob } = await standing(all);
    const { runtime } = service;
    const trust = trustServices(runtime, all);
    const deletion = new ActorDeletion({ ...runtime, trust, removePeerData: nothing, leaveGroups: nothing });
    const actor = await runtime.actors.get(alice.id);
    expect(await deletion.delete(actor!, { remaining: () => 0 })).toBe(false);
    expect((await service.ask("GET", `/${alice.id}/meta`)).status).toBe(404);
    expect((await dueKeys(service)).toSorted()).toEqual(["ACTOR", `TRUST#${bob.id}`]);
    await deletion.resume(alice.id, { remaining: () => 30_000 });
    expect((await service.table.query({ pk: actorPartition(alice.id), prefix: "" })).items).toEqual([]);
    await deletion.resume(alice.id, { remaining: () => 30_000 });
  });
});
