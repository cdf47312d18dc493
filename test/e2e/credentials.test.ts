import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, until, type Service } from "../support/service.ts";
import { openStream, type Stream } from "./stream.ts";

let service: Service;
const streams: Stream[] = [];
const strangers: Publisher[] = [];
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  await service.dispose();
  for (const one of [...streams.map(({ publisher }) => publisher), ...strangers]) await one.close();
});

/** A stream with one processed callback and a second one made. */
async function running(seed: number): Promise<Stream> {
  const stream = await openStream(service, { seed });
  streams.push(stream);
  stream.publisher.set({ color: "red" });
  await stream.publisher.deliver();
  stream.publisher.set({ color: "green" });
  return stream;
}

async function expectUnchanged(stream: Stream): Promise<void> {
  expect(await stream.actor.state(stream.subscription, stream.publisher)).toMatchObject({
    lastSeq: 1,
    pendingCount: 0,
  });
  expect(await stream.replica()).toEqual({ color: "red" });
}

describe("a callback", () => {
  it.each([
    ["without a bearer", null],
    ["with an empty bearer", ""],
    ["with a wrong bearer", "0".repeat(40)],
    ["with a bearer of another length", "x"],
  ])("%s is 401 and changes nothing", async (_name, bearer) => {
    const stream = await running(11);
    const answer = await stream.publisher.send(2, { bearer });
    expect(answer).toMatchObject({ status: 401, body: { error: { code: "unauthorized" } } });
    expect(answer.headers).toHaveProperty("www-authenticate");
    await expectUnchanged(stream);
  });

  it("with another peer's bearer is 401 and changes nothing", async () => {
    const stream = await running(21);
    const other = await startPublisher({ style: "ours", seed: 22 });
    strangers.push(other);
    await stream.actor.trust(other);
    const { secret } = other.trusts.need(stream.actor.id);
    expect((await stream.publisher.send(2, { bearer: secret })).status).toBe(401);
    await expectUnchanged(stream);
  });

  it("with the owner's passphrase is 401", async () => {
    const stream = await running(31);
    const headers = { authorization: stream.actor.basic };
    expect((await stream.publisher.send(2, { bearer: null, headers })).status).toBe(401);
    await expectUnchanged(stream);
  });

  it("is 403 as soon as the approval is revoked, and accepted when it is given again", async () => {
    const stream = await running(41);
    const { actor, publisher } = stream;
    const path = `/trust/friend/${publisher.id}`;
    await actor.expect("PUT", path, 204, { approved: false });
    expect((await publisher.send(2)).status).toBe(403);
    await actor.expect("PUT", path, 204, { approved: true });
    // The approval has the publisher asked for what was missed: that may come first, or be under way.
    expect([200, 201, 202]).toContain((await publisher.send(2)).status);
    await until("number 2", async () => (await stream.lastSeq()) === 2);
  });

  it("is 403 as soon as the trust was deleted, by the owner or by the peer", async () => {
    for (const seed of [51, 52]) {
      const { actor, publisher, subscription } = await running(seed);
      const trust = publisher.trusts.need(actor.id);
      const byPeer = seed === 52;
      if (byPeer) expect(await publisher.trusts.end(actor.id)).toBe(204);
      else await actor.expect("DELETE", `/trust/friend/${publisher.id}`, 204);
      publisher.trusts.all.set(actor.id, trust);
      const answer = await publisher.send(2, { subscription });
      expect(answer.status, byPeer ? "by the peer" : "by the owner").toBe(403);
      expect(await actor.expect("GET", "/subscriptions", 200)).toMatchObject({ data: [] });
      expect(await actor.expect("GET", "/trust", 200)).toEqual([]);
      await actor.expect("GET", `/peers/${publisher.id}/properties`, 404);
      await actor.trust(publisher);
      expect(await actor.replica(publisher.id), "nothing was kept").toEqual({});
    }
  });

  it("for an unapproved trust is 403", async () => {
    const actor = await service.createActor();
    const publisher = await startPublisher({ style: "ours", seed: 61 });
    strangers.push(publisher);
    const asked = await publisher.trusts.initiate(actor.uri, "friend");
    expect(asked.status).toBe(202);
    const subscription = publisher.subscriptions.create(actor.id, {
      target: "properties",
      subtarget: null,
      resource: null,
      granularity: "high",
    });
    publisher.set({ color: "red" });
    expect((await publisher.send(1, { subscription })).status).toBe(403);
    expect(await actor.replica(publisher.id)).toEqual({});
  });

  it("for an unknown subscription or actor is 404 with the right bearer", async () => {
    const { actor, publisher, subscription } = await running(71);
    const send = (path: string) =>
      service.fetch(path, {
        method: "POST",
        bearer: publisher.trusts.need(actor.id).secret,
        json: { id: publisher.id, target: "properties", sequence: 2, timestamp: "2026-11-21T00:00:00Z", data: {} },
      });
    const unknown = "0".repeat(32);
    expect((await send(`/${actor.id}/callbacks/subscriptions/${publisher.id}/${unknown}`)).status).toBe(404);
    expect((await send(`/${unknown}/callbacks/subscriptions/${publisher.id}/${subscription.id}`)).status).toBe(404);
  });
});

describe("a peer's bearer", () => {
  it("opens nothing of the owner's", async () => {
    const { actor, publisher } = await running(81);
    const { secret } = publisher.trusts.need(actor.id);
    for (const path of ["", "/trust", "/subscriptions", "/peers", "/parked", `/peers/${publisher.id}/properties`]) {
      const answer = await service.fetch(`/${actor.id}${path}`, { bearer: secret });
      expect([401, 403], path).toContain(answer.status);
    }
  });
});
