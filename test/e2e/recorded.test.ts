import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Answered } from "../support/publisher/wire.ts";
import { recordedExchanges } from "../support/recorded/exchanges.ts";
import { ReplayedPublisher, type RecordedPair } from "./replayed-publisher.ts";
import { startService, until, type Service } from "../support/service.ts";

const exchanges = recordedExchanges();

let service: Service;
/** Leaves gaps alone: what fills them here is the record. */
let patient: Service;
const peers: ReplayedPublisher[] = [];
beforeAll(async () => {
  [service, patient] = await Promise.all([
    startService({ GAP_TIMEOUT_SECONDS: "1" }),
    startService({ GAP_TIMEOUT_SECONDS: "3600" }),
  ]);
});
afterAll(async () => {
  await Promise.all([service.dispose(), patient.dispose()]);
  for (const { publisher } of peers) await publisher.close();
});

/** The recorded peer, and an actor of ours that asked it for trust. */
async function meet(pair: RecordedPair, at = service): Promise<ReplayedPublisher> {
  const peer = new ReplayedPublisher(exchanges, pair, await at.createActor());
  peers.push(peer);
  await peer.publisher.listen();
  const desc = { url: peer.publisher.baseUri, relationship: "friend", desc: "interop" };
  await peer.actor.expect("POST", "/trust", 201, desc);
  return peer;
}

const replayed = new Set<number>();

function replay(peer: ReplayedPublisher, index: number): Promise<Answered> {
  replayed.add(index);
  return peer.replay(exchanges[index]!);
}

async function expectProcessed(peer: ReplayedPublisher, index: number, sequence: number): Promise<void> {
  const answer = await replay(peer, index);
  expect([answer.status, answer.json], exchanges[index]!.label).toEqual([201, { result: "processed", sequence }]);
}

const replica = (peer: ReplayedPublisher) => peer.actor.replica(peer.publisher.id);

const lastSeq = (peer: ReplayedPublisher, id: string) => async () =>
  (await peer.actor.state(peer.publisher.subscription(id), peer.publisher)).lastSeq;

const MAIN: RecordedPair = {
  publisher: "035cf854515458ac9654554eb3888aa2",
  subscriber: "0e489fb0487759ed801ba4c5bb39b4bf",
  secret: "1ab3d287deaa7879fb517adce4eb1a3cdbbec052",
  subscriptions: [
    "86a7d9793f555dfebfc8886139dc62fc",
    "1b4fa63cedc25eb5becf36a04ab01d3f",
    "3b6b104c165e52f99a91d00456b86e4f",
    "b574b767f20d53b6a05262e3e8bc055d",
  ],
};

describe("the recorded life of a subscription", () => {
  it("goes as the contract says, from trust to its end", async () => {
    const peer = await meet(MAIN);
    const { actor, publisher } = peer;
    const [, low = ""] = MAIN.subscriptions;

    expect(publisher.trusts.need(actor.id).verified, "the reference could verify us").toBe(true);
    const seen = await replay(peer, 8);
    expect(seen).toMatchObject({ status: 200, json: { approved: true, verification_token: expect.any(String) } });
    publisher.trusts.need(actor.id).approved = true;
    expect((await replay(peer, 13)).status).toBe(204);
    expect(await actor.expect("GET", "/trust", 200)).toMatchObject([{ approved: true, peer_approved: true }]);

    peer.moveTo(exchanges[21]!);
    await actor.subscribe(publisher);
    expect(await replica(peer), "the baseline").toEqual({ color: "blue", n: 1 });
    await expectProcessed(peer, 26, 1);
    expect(await replica(peer), "an empty string deletes").toEqual({ n: 1 });
    await expectProcessed(peer, 28, 2);
    await expectProcessed(peer, 30, 3);
    expect(await replica(peer)).toEqual({ color: "red", n: 1, size: { w: 1, h: 2 } });
    await expectProcessed(peer, 32, 4);
    expect(await replica(peer), "a nested change").toMatchObject({ size: { w: { deep: 9 }, h: 2 } });
    await expectProcessed(peer, 34, 5);
    expect(await replica(peer)).toEqual({ color: "red", n: 1 });

    await expectProcessed(peer, 73, 6);
    expect(await replica(peer), "a resync with a url").toEqual({ color: { v: "suspended-change" }, n: 1 });
    await expectProcessed(peer, 75, 7);
    await expectProcessed(peer, 78, 8);
    const other = { v: "not-suspended" };
    expect(await replica(peer), "a resync of one place").toEqual({ color: { v: "sub-suspended" }, n: 1, other });
    await expectProcessed(peer, 79, 9);
    await expectProcessed(peer, 82, 10);
    await expectProcessed(peer, 84, 11);
    expect(await replica(peer), "a diff of a list that is no operation has the list read again").toEqual({
      color: { v: "sub-suspended" },
      n: 1,
      other,
      index: "1",
      memo: [{ t: "hi" }],
    });
    await expectProcessed(peer, 91, 12);
    expect(await replica(peer)).toMatchObject({ color: { v: "after" }, n: 1, other, index: "1" });

    peer.moveTo(exchanges[95]!);
    await actor.subscribe(publisher, { subtarget: "color", granularity: "low" });
    await expectProcessed(peer, 98, 1);
    expect(await replica(peer), "fetched from the url").toMatchObject({ color: { v: "low1" } });
    expect(publisher.received("PUT", new RegExp(low)).at(-1)?.body, "acknowledged").toEqual({ sequence: 1 });
    await expectProcessed(peer, 99, 13);
    await actor.subscribe(publisher, { subtarget: "other", granularity: "none" });
    await expectProcessed(peer, 104, 14);
    expect(await replica(peer)).toMatchObject({ color: { v: "low1" }, other: { v: "none1" } });

    peer.moveTo(exchanges[111]!);
    await actor.unsubscribe(publisher.subscription(low), publisher);
    expect((await replay(peer, 112)).status, "after unsubscribing").toBe(404);
    expect((await replay(peer, 113)).status, "the publisher ends it").toBe(204);
    expect(await actor.expect("GET", "/subscriptions", 200)).toMatchObject({ data: [{ granularity: "none" }] });

    peer.moveTo(exchanges[119]!);
    await actor.subscribe(publisher);
    expect(await replica(peer), "the baseline of a new one").toMatchObject({ n: 1, index: 1, memo: [{ t: "hi" }] });

    const trust = publisher.trusts.need(actor.id);
    await actor.expect("DELETE", `/trust/friend/${publisher.id}`, 204);
    expect(publisher.trusts.all.size, "the peer was notified").toBe(0);
    publisher.trusts.all.set(actor.id, trust);
    expect((await replay(peer, 126)).status, "after the trust").toBe(403);
    await actor.expect("GET", `/peers/${publisher.id}/properties`, 404);

    expectSameCalls(peer);
    const bearers = new Set(publisher.received("POST", /\/subscriptions\//).map((call) => call.bearer));
    expect(bearers).toEqual(new Set([trust.secret]));
  });
});

/** Recorded calls of the subscriber that ours makes otherwise, and how. */
const OTHERWISE: Record<number, { path: RegExp }> = {
  // Our subscriber ends the subscription by its own path, not by the callbacks' path.
  110: { path: /^\/subscriptions\/[0-9a-f]+\/1b4fa63c/ },
};

/** Every call that the recorded subscriber made in this life was made by ours too: same method, path and fields. */
function expectSameCalls({ publisher, actor }: ReplayedPublisher): void {
  const made = exchanges.filter(
    ({ index, to, from, path }) => index < 127 && to === "A" && from === "peer" && path.includes(MAIN.publisher),
  );
  expect(made.length).toBeGreaterThan(20);
  const root = `/${publisher.id}`;
  for (const { index, label, method, path, requestBody } of made) {
    const today = path.slice(root.length).replaceAll(MAIN.subscriber, actor.id);
    const requested = OTHERWISE[index]?.path;
    const alike = publisher.calls.filter((call) => {
      const below = call.path.slice(root.length);
      return call.method === method && (requested === undefined ? below === today : requested.test(below));
    });
    expect(alike.length, `${index} ${label}: ${method} ${today}`).toBeGreaterThan(0);
    if (requestBody === "") continue;
    const fields = (body: unknown): string[] => Object.keys(body as object);
    const then = fields(JSON.parse(requestBody));
    const ours = alike.map(({ body }) => fields(body));
    // `id` beside the bearer says nothing that the path does not.
    const missing = then.filter((field) => field !== "id" && !ours.some((have) => have.includes(field)));
    expect(missing, `${index} ${label}`).toEqual([]);
  }
}

const OUTAGE: RecordedPair = {
  publisher: "6d3702836d275420b74fef5092e26afa",
  subscriber: "4eb1ec9d6a175768a689c293c3c9e4ad",
  secret: "",
  subscriptions: ["bf905f81d333576e827bbf3ecf35c152"],
};
OUTAGE.secret = /Bearer (.+)/.exec(exchanges[131]!.requestHeaders["authorization"] ?? "")![1]!;

describe("the recorded outages", () => {
  it("are recovered, and a callback that arrives late is a duplicate", async () => {
    const peer = await meet(OUTAGE);
    const { actor, publisher } = peer;
    const [id = ""] = OUTAGE.subscriptions;
    await publisher.trusts.approve(actor.id);
    const subscription = await actor.subscribe(publisher);
    for (const v of [1, 2, 3]) {
      publisher.state.set(["p"], { v });
      publisher.subscriptions.recordRaw(subscription, Date.parse("2026-11-20T23:57:18.530Z"), { p: { v } });
    }
    await publisher.deliver({ drop: [3] });
    const reach = (sequence: number) =>
      until(`lastSeq ${sequence}`, async () => (await lastSeq(peer, id)()) === sequence);

    expect(await replay(peer, 131)).toMatchObject({ status: 202, json: { result: "pending", expected: 3 } });
    await reach(4);
    expect(await replay(peer, 129), "the lost one, late").toMatchObject({ status: 200, json: { result: "duplicate" } });
    await expectProcessed(peer, 135, 5);
    await expectProcessed(peer, 137, 6);
    publisher.subscriptions.recordRaw(subscription, Date.parse("2026-11-20T23:57:18.530Z"), { p: { v: 7 } });
    for (const index of [142, 144, 149]) {
      const answer = await replay(peer, index);
      expect([202, 201], exchanges[index]!.requestBody).toContain(answer.status);
    }
    await reach(10);
    expect(await replica(peer)).toEqual({ p: { v: 10 } });
    expect((await replay(peer, 140)).json).toEqual({ result: "duplicate", sequence: 10 });
    publisher.subscriptions.recordRaw(subscription, Date.parse("2026-11-20T23:57:18.530Z"), { p: { v: 11 } });
    expect((await replay(peer, 154)).status).toBe(202);
    await reach(12);
    expect(await replica(peer)).toEqual({ p: { v: 12 } });
    expect((await replay(peer, 152)).json).toEqual({ result: "duplicate", sequence: 12 });
    expect((await replay(peer, 156)).json, "the tool's copy").toEqual({ result: "duplicate", sequence: 12 });

    expect((await replay(peer, 165)).status, "the publisher ends the trust").toBe(204);
    expect(await actor.expect("GET", "/subscriptions", 200)).toMatchObject({ data: [] });
    await actor.expect("GET", `/peers/${publisher.id}/properties`, 404);
  });
});

function pairOf(index: number, publisher: string, subscriber: string, subscription?: string): RecordedPair {
  const secret = /Bearer (.+)/.exec(exchanges[index]!.requestHeaders["authorization"] ?? "")![1]!;
  return { publisher, subscriber, secret, subscriptions: subscription === undefined ? [] : [subscription] };
}

describe("the recorded single cases", () => {
  it("a publisher that has not approved us refuses the subscription, and we say so", async () => {
    const subscriber = "4eb1ec9d6a175768a689c293c3c9e4ad";
    const peer = await meet(pairOf(159, "a0689aed554f5696a03a5fe62ffbf705", subscriber));
    expect(await replay(peer, 159)).toMatchObject({ status: 200, json: { approved: true, peer_approved: false } });
    const json = { peerid: peer.publisher.id, target: "properties", granularity: "high" };
    const answer = await peer.actor.fetch("POST", "/subscriptions", { json });
    expect(answer.status).toBe(502);
    expect(answer.text).toContain("403");
  });

  it("a permission callback is taken", async () => {
    const pair = pairOf(178, "c14524194dc15ed1830f710eab270d6a", "dc49d3efad34577ab8546d6a9649d737");
    const peer = await meet(pair);
    expect((await replay(peer, 171)).status).toBe(200);
    peer.publisher.trusts.need(peer.actor.id).approved = true;
    expect((await replay(peer, 174)).status).toBe(204);
    expect((await replay(peer, 178)).status).toBe(204);
  });

  it("the object of a sub-target stands under the sub-target", async () => {
    const subscription = "82df774755455fa08f9737b58e0bce07";
    const pair = pairOf(181, "3a23048199b45c8f93c0352abced6439", "a2935a29a03959478890af6a2872ed81", subscription);
    const peer = await meet(pair);
    await peer.publisher.trusts.approve(peer.actor.id);
    await peer.actor.subscribe(peer.publisher, { subtarget: "color" });
    await expectProcessed(peer, 181, 1);
    expect(await replica(peer)).toEqual({ color: { v: 1 } });
    await peer.actor.unsubscribe(peer.publisher.subscription(subscription), peer.publisher);
    expect(peer.publisher.subscriptions.all.size).toBe(0);
  });

  it("a number that permissions hid is a gap, and the gap is closed", async () => {
    const subscription = "20c39016b6c153bdaf9d00088a1597a5";
    const pair = pairOf(189, "e4fb7176f275529cbca1632947c2ddde", "fcd98e96a3535e22a2d14a745048d94d", subscription);
    const peer = await meet(pair);
    await peer.publisher.trusts.approve(peer.actor.id);
    expect((await replay(peer, 186)).status).toBe(204);
    await peer.actor.subscribe(peer.publisher);
    await expectProcessed(peer, 189, 1);
    expect((await replay(peer, 191)).status).toBe(202);
    await until("the gap closed", async () => (await lastSeq(peer, subscription)()) === 3);
    expect(await replica(peer)).toMatchObject({ open: { v: "open" } });
  });
});

describe("what a person's tool tried on the callback route", () => {
  it("gets the answers of the contract, not those of the reference", async () => {
    const peer = await meet(MAIN, patient);
    await peer.publisher.trusts.approve(peer.actor.id);
    peer.moveTo(exchanges[21]!);
    await peer.actor.subscribe(peer.publisher);
    for (const index of [26, 28, 30, 32, 34]) await replay(peer, index);
    const expected: [index: number, status: number, body?: object][] = [
      [42, 202, { result: "pending", expected: 6 }],
      [43, 201, { result: "processed", sequence: 7 }],
      [47, 401],
      [48, 401],
      [49, 404],
      [51, 400],
      [52, 400],
      [53, 400],
      [54, 400],
      [55, 400],
      [56, 400],
      [57, 400],
      [58, 400],
      [59, 400],
      [60, 202, { result: "pending", expected: 8 }],
      [61, 400],
      [62, 400],
      [63, 405],
      [44, 202, { result: "pending", expected: 8 }],
      [45, 202, { result: "pending", expected: 8 }],
    ];
    for (const [index, status, body] of expected) {
      const answer = await replay(peer, index);
      expect(answer.status, `${exchanges[index]!.label}: ${answer.text}`).toBe(status);
      if (body) expect(answer.json, exchanges[index]!.label).toEqual(body);
    }
    // Its number had two contents: the first is kept, and the state is read once nothing is pending, which 60 is.
    const subscription = peer.publisher.subscription();
    expect(await peer.actor.state(subscription, peer.publisher)).toMatchObject({ contradicted: true });
    expect((await replay(peer, 46)).json).toEqual({ result: "processed", sequence: 9 });
    expect(await replica(peer), "the first content of a number is kept").toMatchObject({ color: "p1" });
    // Its timestamp is a newer one: it makes us ask whether the publisher was reset, so it comes last.
    expect((await replay(peer, 41)).json).toEqual({ result: "duplicate", sequence: 9 });
  });
});

describe("the record", () => {
  it("has no request of a peer to the subscriber that was not replayed above", () => {
    const toUs = exchanges.filter((one) => one.to === "B" && one.from === "peer");
    expect(toUs.length).toBeGreaterThan(30);
    expect(toUs.filter(({ index }) => !replayed.has(index)).map(({ label }) => label)).toEqual([]);
  });
});
