/** Closing a peer's streams that broke off half-way: the table says so, and the sweep finishes it. */
import { expect, it } from "vitest";
import type { MemoryTable } from "../../support/memory-table.ts";
import { FaultyTable } from "../../support/faulty-table.ts";
import { changeTrust } from "../../../lib/trust/changes.ts";
import { receiveTrust } from "../../../lib/trust/handshake.ts";
import { ACTOR, bodyOf, PEER, SECRET, Subscriber } from "./subscriber.ts";

/** A subscriber whose subscriptions' heads cannot be updated while `broken` says so. */
async function breakable(): Promise<{ us: Subscriber; breaks: (now: boolean) => void }> {
  let broken = false;
  const table = (inner: MemoryTable) =>
    new FaultyTable(inner, (operation, keys) =>
      broken && operation === "update" && keys[0]?.sk.startsWith("OUT#") === true ? "throttle" : "ok",
    );
  const us = await new Subscriber({ table }).subscribed();
  return { us, breaks: (now) => (broken = now) };
}

async function trustOf(us: Subscriber) {
  const trust = await us.service.trusts.get(ACTOR, PEER);
  if (trust === undefined) throw new Error("no trust");
  return trust;
}

/** The owner's approval, given or taken back. */
async function approve(us: Subscriber, approved: boolean): Promise<void> {
  const body = { approved, desc: undefined, baseuri: undefined };
  await changeTrust(us.service.trust, await trustOf(us), body, {});
}

it("a revocation that broke off is finished by the sweep: the bearer opens nothing any more", async () => {
  const { us, breaks } = await breakable();
  breaks(true);
  await expect(approve(us, false)).rejects.toThrow();
  breaks(false);
  us.now += 60_000;
  await us.sweep();
  expect((await us.diff(1, { a: 1 })).status).toBe(403);
  expect(await us.stored()).toEqual({});
});

it("a replacement that broke off is finished by the sweep: the old secret opens nothing any more", async () => {
  const { us, breaks } = await breakable();
  us.script[`GET /trust/friend/${ACTOR}`] = { status: 200, json: { verification_token: "token" } };
  const asked = { baseuri: "https://peer.example/peer", id: PEER, type: "", desc: "" };
  const body = { ...asked, secret: "n".repeat(40), verify: "token" };
  breaks(true);
  await expect(receiveTrust(us.service.trust, { actorId: ACTOR, relationship: "friend" }, body, {})).rejects.toThrow();
  breaks(false);
  us.now += 60_000;
  await us.sweep();
  expect((await us.diff(1, { a: 1 })).status).toBe(401);
});

it("an approval that broke off is finished by the sweep, and what was refused meanwhile is asked for", async () => {
  const { us, breaks } = await breakable();
  await approve(us, false);
  breaks(true);
  await expect(approve(us, true)).rejects.toThrow();
  breaks(false);
  us.asked.length = 0;
  us.now += 60_000;
  await us.sweep();
  await us.sweep();
  expect(us.asked.some(({ method, url }) => method === "GET" && url.endsWith(`/subscriptions/${ACTOR}/sub`))).toBe(
    true,
  );
  expect((await us.diff(1, { a: 1 })).status).toBe(201);
});

it("a change of approval that was carried through leaves nothing due", async () => {
  const { us } = await breakable();
  await approve(us, false);
  const item = us.table.all().find(({ sk }) => sk === `TRUST#${PEER}`);
  expect(item).not.toHaveProperty("dueAt");
  expect(item).not.toHaveProperty("unsettled");
});

it("an actor whose deletion runs out of time takes no callback any more", async () => {
  const { us } = await breakable();
  const actor = await us.service.actors.get(ACTOR);
  if (actor === undefined) throw new Error("no actor");
  expect(await us.service.deletion.delete(actor, { remaining: () => 1_000 })).toBe(false);
  expect(us.asked.filter(({ method }) => method === "DELETE")).toEqual([]);
  const refused = await us.callback({ sequence: 1, target: "properties", data: { a: 1 } }, { bearer: SECRET });
  expect(refused.status).toBe(404);
  expect(bodyOf(refused)).toMatchObject({ error: { message: "There is no such actor." } });
  us.now += 60_000;
  await us.sweep();
  expect(await us.service.actors.get(ACTOR)).toBeUndefined();
  expect(us.table.all().filter(({ pk }) => pk.startsWith("P#"))).toEqual([]);
});
