import { describe, expect, it } from "vitest";
import { RemoteActor } from "../../../lib/peers/remote-actor.ts";
import { subscribe, unsubscribe } from "../../../lib/peers/remote-subscriptions.ts";
import {
  readMeta,
  requestTrust,
  sendApproval,
  sendTrustDeleted,
  verifyTrust,
} from "../../../lib/peers/remote-trust.ts";
import { RemotePublisher } from "../../../lib/peers/remote-publisher.ts";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { BASE, ScriptedPeer } from "./scripted-peer.ts";

const diff = (sequence: number, data: object = { p: sequence }) => ({
  sequence,
  timestamp: "2026-11-20T23:57:18.530588Z",
  data: { ...data },
});

describe("RemoteActor", () => {
  it("sends the bearer only with its base, and the ids of the request along", async () => {
    const peer = new ScriptedPeer({});
    const remote = new RemoteActor({
      http: peer,
      baseUri: BASE,
      bearer: "s3cret",
      ourId: "me",
      requestId: "r1",
      traceparent: "t1",
    });
    await remote.call({ method: "GET", at: ["properties", "a b"] });
    expect(peer.requests[0]).toMatchObject({
      url: `${BASE}/properties/a%20b`,
      credentials: { bearer: "s3cret", baseUri: BASE },
      requestId: "r1",
      traceparent: "t1",
    });
  });

  it.each([
    [{ status: 400 }, "refused"],
    [{ status: 403 }, "refused"],
    [{ status: 413 }, "too_large"],
    [{ status: 500 }, "server"],
    [{ status: 503 }, "server"],
    [{ status: 302, headers: { location: "/" } }, "nonsense"],
    [{ status: 700 }, "nonsense"],
    [new PeerFailure("refused", "x"), "blocked"],
    [new PeerFailure("timeout", "x"), "unreachable"],
    [new PeerFailure("unreachable", "x"), "unreachable"],
    [new PeerFailure("too_large", "x"), "too_large"],
    [new PeerFailure("garbage", "x"), "nonsense"],
  ])("turns %j into a failure that is %s", async (says, kind) => {
    const called = await new ScriptedPeer({ "GET x": says }).actor().call({ method: "GET", at: ["x"] });
    expect(called).toMatchObject({ ok: false, kind });
  });

  it("sends no request without time left, nor for a name that no URL can carry", async () => {
    const peer = new ScriptedPeer({});
    const late = new RemoteActor({ http: peer, baseUri: BASE, ourId: "me", deadline: { remaining: () => 0 } });
    expect(await late.call({ method: "GET", at: ["x"] })).toMatchObject({ ok: false, kind: "unreachable" });
    expect(await peer.actor().call({ method: "GET", at: ["properties", ".."] })).toMatchObject({ kind: "blocked" });
    expect(peer.calls).toEqual([]);
  });

  it("cuts a call to the time that is left", async () => {
    const peer = new ScriptedPeer({});
    const hurried = new RemoteActor({ http: peer, baseUri: BASE, ourId: "me", deadline: { remaining: () => 1234 } });
    await hurried.call({ method: "GET", at: ["x"], timeoutMs: 5000 });
    expect(peer.requests[0]?.timeoutMs).toBe(1234);
  });
});

describe("a peer's trust", () => {
  it("reads both forms of /meta", async () => {
    const flat = { id: "p", type: "urn:x", aw_version: "1.0", aw_supported: "trust, callbacks,,trust" };
    const nested = { id: "p", type: "urn:x", actingweb: { version: "1.4", supported: "www" } };
    const read = async (json: object) => readMeta(new ScriptedPeer({ "GET meta": { json: { ...json } } }).actor());
    expect(await read(flat)).toMatchObject({ value: { id: "p", version: "1.0", supported: ["callbacks", "trust"] } });
    expect(await read(nested)).toMatchObject({ value: { version: "1.4", supported: ["www"] } });
  });

  it.each([{ json: [] }, { json: {} }, { json: { id: "a/b" } }, { json: { id: 5 } }, { text: "<html>" }])(
    "takes %j for no /meta",
    async (says) =>
      expect(await readMeta(new ScriptedPeer({ "GET meta": says }).actor())).toMatchObject({ kind: "nonsense" }),
  );

  it("asks for a trust and reads booleans written as strings", async () => {
    const json = { approved: "false", peer_approved: "true", verified: "true", verification_token: "t", peerid: "me" };
    const peer = new ScriptedPeer({ "POST trust/friend": { status: 202, json } });
    const body = { baseuri: "https://us.example/me", id: "me", type: "urn:x", secret: "s", desc: "", verify: "v" };
    expect(await requestTrust(peer.actor(), "friend", body)).toMatchObject({
      ok: true,
      status: 202,
      value: { approved: false, peerApproved: true, verified: true, verificationToken: "t" },
    });
    expect(peer.requests[0]?.json).toEqual(body);
  });

  it("verifies a request only when the peer's own record has its token", async () => {
    const answering = (json: object) => new ScriptedPeer({ "GET trust/friend/me": { json: { ...json } } }).actor();
    expect(await verifyTrust(answering({ verification_token: "t" }), "friend", "t")).toMatchObject({ value: true });
    expect(await verifyTrust(answering({ verificationToken: "t" }), "friend", "t")).toMatchObject({ value: true });
    expect(await verifyTrust(answering({ verificationToken: "other" }), "friend", "t")).toMatchObject({ value: false });
    expect(await verifyTrust(answering({ verificationToken: "u" }), "friend", "t")).toMatchObject({ value: false });
    expect(await verifyTrust(answering({}), "friend", "")).toMatchObject({ value: false });
    expect(await verifyTrust(new ScriptedPeer({}).actor(), "friend", "t")).toMatchObject({ kind: "refused" });
  });

  it("notifies of approval and deletion within five seconds; a trust that the peer does not have is no failure", async () => {
    const peer = new ScriptedPeer({ "POST trust/friend/me": { status: 204 } });
    expect(await sendApproval(peer.actor(), "friend")).toMatchObject({ ok: true });
    expect(await sendTrustDeleted(peer.actor(), "friend")).toMatchObject({ ok: true });
    expect(peer.requests.map((request) => request.timeoutMs)).toEqual([5000, 5000]);
    expect(peer.requests[0]?.json).toEqual({ approved: true });
    const broken = new ScriptedPeer({ "DELETE trust/friend/me": { status: 500 } });
    expect(await sendTrustDeleted(broken.actor(), "friend")).toMatchObject({ ok: false, kind: "server" });
  });
});

describe("a subscription at a peer", () => {
  it("is made as the reference's subscribers make it", async () => {
    const json = { subscriptionid: "s1", target: "properties", subtarget: "color", resource: null, sequence: 0 };
    const location = `${BASE}/subscriptions/me/s1`;
    const peer = new ScriptedPeer({ "POST subscriptions/me": { status: 201, json, headers: { location } } });
    const made = await subscribe(peer.actor(), { target: "properties", subtarget: "color" }, "high");
    expect(made).toMatchObject({ value: { subscriptionId: "s1", granularity: "high", sequence: 0, location } });
    expect(peer.requests[0]?.json).toEqual({
      id: "me",
      target: "properties",
      subtarget: "color",
      granularity: "high",
    });
  });

  it("takes the id from Location when the body has none, and never a Location elsewhere", async () => {
    const said = async (says: object) =>
      subscribe(new ScriptedPeer({ "POST subscriptions/me": says }).actor(), { target: "x" }, "low");
    expect(await said({ status: 201, headers: { location: "/peer1/subscriptions/me/s2" } })).toMatchObject({
      value: { subscriptionId: "s2", location: `${BASE}/subscriptions/me/s2` },
    });
    for (const json of [{}, { subscriptionid: "a b" }, { subscriptionid: ".." }, { subscriptionid: 4 }, []]) {
      expect(await said({ status: 201, json })).toMatchObject({ kind: "nonsense" });
    }
  });

  it("gives the backlog sorted, each number once, without what makes no sense", async () => {
    const data = [
      diff(10),
      diff(6),
      diff(7),
      diff(7, { other: 1 }),
      { sequence: "8", data: {} },
      null,
      { sequence: 9 },
    ];
    const peer = new ScriptedPeer({ "GET subscriptions/me/s1": { json: { sequence: 10, data } } });
    const polled = await new RemotePublisher(peer.actor()).poll("s1");
    expect(polled).toMatchObject({
      is: "backlog",
      sequence: 10,
      others: [{ sequence: 7, data: { other: 1 } }],
    });
    if (polled.is !== "backlog") throw new Error(polled.is);
    expect(polled.diffs.map((one) => [one.sequence, one.data])).toEqual([
      [6, { p: 6 }],
      [7, { p: 7 }],
      [10, { p: 10 }],
    ]);
  });

  it("follows pages, and stops at a peer that repeats itself", async () => {
    const peer = new ScriptedPeer({
      "GET subscriptions/me/s1": { json: { sequence: 5, data: [diff(1), diff(2)], next: 2 } },
      "GET subscriptions/me/s1?after=2": { json: { sequence: 6, data: [diff(3), diff(4)], next: 4 } },
      "GET subscriptions/me/s1?after=4": { json: { sequence: 6, data: [diff(5), diff(6)] } },
    });
    const polled = await new RemotePublisher(peer.actor()).poll("s1");
    expect(polled).toMatchObject({ is: "backlog", sequence: 6 });
    expect(polled.is === "backlog" && polled.diffs.length).toBe(6);
    const stuck = { json: { sequence: 9, data: [diff(1)], next: 1 } };
    const looping = new ScriptedPeer({ "GET subscriptions/me/s1": stuck, "GET subscriptions/me/s1?after=1": stuck });
    expect(await new RemotePublisher(looping.actor()).poll("s1")).toEqual({
      is: "unreadable",
      reason: "The backlog is too large to be read.",
      sequence: 9,
    });
    expect(looping.calls.length).toBe(2);
  });

  it.each([[[]], [{}], [{ sequence: -1, data: [] }], [{ sequence: 1.5, data: [] }], [{ sequence: 1, data: {} }]])(
    "takes %j for no backlog",
    async (json) => {
      const peer = new ScriptedPeer({ "GET subscriptions/me/s1": { json } });
      expect(await new RemotePublisher(peer.actor()).poll("s1")).toMatchObject({ is: "unreadable" });
    },
  );

  it("still knows the newest number of a backlog that is too large", async () => {
    const peer = new ScriptedPeer({
      "GET subscriptions/me/s1": new PeerFailure("too_large", "x"),
      "GET subscriptions/me": {
        json: {
          data: [
            { subscriptionid: "s0", sequence: 1 },
            { subscriptionid: "s1", sequence: 77 },
          ],
        },
      },
    });
    expect(await new RemotePublisher(peer.actor()).poll("s1")).toMatchObject({ is: "unreadable", sequence: 77 });
  });

  it("is unknown when the peer does not know it, ended when it is gone, and failed when the peer is broken", async () => {
    expect(await new RemotePublisher(new ScriptedPeer({}).actor()).poll("s1")).toEqual({ is: "unknown" });
    const gone = new ScriptedPeer({ "GET subscriptions/me/s1": { status: 410 } });
    expect(await new RemotePublisher(gone.actor()).poll("s1")).toEqual({ is: "ended" });
    const broken = new ScriptedPeer({ "GET subscriptions/me/s1": { status: 500 } });
    expect(await new RemotePublisher(broken.actor()).poll("s1")).toMatchObject({ is: "failed" });
  });

  it("reads the one diff that a URL names, and no other", async () => {
    const json = { id: "peer1", subscriptionid: "s1", ...diff(1, { v: "low1" }) };
    const publisher = new RemotePublisher(new ScriptedPeer({ "GET subscriptions/me/s1/1": { json } }).actor());
    const url = `${BASE}/subscriptions/me/s1/1`;
    expect(await publisher.fetchDiff(url, 1)).toEqual({ is: "content", content: { data: { v: "low1" } } });
    expect(await publisher.fetchDiff(url, 2)).toMatchObject({ is: "refused" });
  });

  it("distinguishes a fetch that may be retried from one that may not", async () => {
    const fetch = (says: object) =>
      new RemotePublisher(new ScriptedPeer({ "GET d": says }).actor()).fetchDiff(`${BASE}/d`);
    expect(await fetch({ status: 500 })).toMatchObject({ is: "failed" });
    expect(await fetch(new PeerFailure("timeout", "x"))).toMatchObject({ is: "failed" });
    expect(await fetch({ status: 404 })).toMatchObject({ is: "refused" });
    expect(await fetch({ status: 302 })).toMatchObject({ is: "refused" });
    expect(await fetch({ text: "hello" })).toMatchObject({ is: "refused" });
    expect(await fetch({ json: diff(1) })).toEqual({ is: "content", content: { data: { p: 1 } } });
  });

  it("is acknowledged with a PUT", async () => {
    const peer = new ScriptedPeer({ "PUT subscriptions/me/s1": { status: 204 } });
    expect(await new RemotePublisher(peer.actor()).acknowledge("s1", 5)).toBeUndefined();
    expect(peer.requests[0]?.json).toEqual({ sequence: 5 });
  });

  it("is ended the protocol's way, else the reference's; a missing one counts as ended", async () => {
    const leave = async (script: Record<string, { status: number }>) => {
      const peer = new ScriptedPeer(script);
      return { left: await unsubscribe(peer.actor(), "s1", { now: () => 0 }), calls: peer.calls };
    };
    const [own, reference] = ["DELETE subscriptions/me/s1", "DELETE callbacks/subscriptions/me/s1"];
    expect(await leave({ [own]: { status: 204 } })).toMatchObject({ left: { ok: true }, calls: [own] });
    expect(await leave({ [reference]: { status: 204 } })).toMatchObject({
      left: { ok: true },
      calls: [own, reference],
    });
    expect(await leave({})).toMatchObject({ left: { ok: true } });
    expect(await leave({ [own]: { status: 500 } })).toMatchObject({
      left: { ok: false, kind: "server" },
      calls: [own],
    });
    expect(await leave({ [own]: { status: 403 }, [reference]: { status: 403 } })).toMatchObject({
      left: { ok: false },
    });
  });

  it.each([
    [429, {}],
    [429, { "retry-after": "60" }],
    [403, { "retry-after": "60" }],
  ])("is ended in one way only when the peer wants no more requests now (%i %j)", async (status, headers) => {
    const peer = new ScriptedPeer({ "DELETE subscriptions/me/s1": { status, headers } });
    expect(await unsubscribe(peer.actor(), "s1", { now: () => 0 })).toMatchObject({ ok: false, status });
    expect(peer.calls).toHaveLength(1);
  });

  it("is ended within five seconds, both ways together", async () => {
    const after = async (ms: number) => {
      let now = 1_000;
      const slow = () => {
        now += ms;
        return { status: 403 };
      };
      const peer = new ScriptedPeer({ "DELETE subscriptions/me/s1": slow });
      await unsubscribe(peer.actor(), "s1", { now: () => now });
      return peer.requests.map(({ timeoutMs }) => timeoutMs);
    };
    expect(await after(3_000)).toEqual([5_000, 2_000]);
    expect(await after(5_000)).toEqual([5_000]);
  });
});
