import { beforeEach, describe, expect, it } from "vitest";
import { Network, basic, bearer } from "../support/in-process.ts";
import { TrustWorld } from "./trust-world.ts";
import { secretDigest } from "../../lib/domain/wire/secret-digest.ts";

let network: Network;
let a: TrustWorld;
let b: TrustWorld;

beforeEach(() => {
  network = new Network();
  a = new TrustWorld(network, "https://a.example");
  b = new TrustWorld(network, "https://b.example");
});

async function pair() {
  const alice = await a.actor("alice");
  const bob = await b.actor("bob");
  return { alice, bob };
}

async function trusting(relationship = "friend") {
  const { alice, bob } = await pair();
  const made = await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json: { url: alice.root, relationship } });
  expect(made.status).toBe(201);
  const secret = made.json.secret as string;
  const atA = `/${alice.id}/trust/${relationship}/${bob.id}`;
  const atB = `/${bob.id}/trust/${relationship}/${alice.id}`;
  return { alice, bob, secret, atA, atB, made };
}

describe("the handshake between two of our services", () => {
  it("leaves the initiator approved and the receiver verified but unapproved", async () => {
    const { alice, bob, made, secret, atA } = await trusting();
    expect(made.headers["location"]).toBe(`${b.origin}/${bob.id}/trust/friend/${alice.id}`);
    expect(made.json).toMatchObject({
      id: bob.id,
      peerid: alice.id,
      baseuri: alice.root,
      relationship: "friend",
      approved: true,
      peer_approved: false,
    });
    expect(made.json.verification_token).toBe(made.json.verificationToken);
    const granted = await a.ask("GET", atA, { headers: alice.as });
    expect(granted.status).toBe(202);
    expect(granted.json).toMatchObject({ approved: false, peer_approved: true, verified: true, secret });
  });

  it("notifies the other side of an approval before it answers", async () => {
    const { alice, bob, atA, atB, secret } = await trusting();
    const put = await a.ask("PUT", atA, { headers: alice.as, json: { approved: true } });
    expect(put.status).toBe(204);
    expect(put.text).toBe("");
    const shown = await b.ask("GET", atB, { headers: bob.as });
    expect(shown.json).toMatchObject({ approved: true, peer_approved: true });
    expect((await a.ask("GET", atA, { headers: bearer(secret) })).status).toBe(200);
    expect(a.consequences.map((call) => call.what)).toEqual(["approved"]);
    expect(a.consequences[0]?.args.slice(0, 2)).toEqual([{ actorId: alice.id, peerId: bob.id }, secretDigest(secret)]);
  });

  it("approves the deployment's relationships automatically, and answers 201", async () => {
    a = new TrustWorld(network, a.origin, { environment: { TRUST_AUTO_APPROVE: "friend" } });
    const { made, atA, alice } = await trusting();
    expect(made.json.peer_approved).toBe(true);
    expect((await a.ask("GET", atA, { headers: alice.as })).status).toBe(200);
    expect(a.consequences.map((call) => call.what)).toEqual(["approved"]);
  });

  it("answers with a conflict, and leaves the trust that exists as it is", async () => {
    const { alice, bob, secret } = await trusting();
    const again = await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json: { url: alice.root } });
    expect(again.status).toBe(409);
    const list = await b.ask("GET", `/${bob.id}/trust`, { headers: bob.as });
    expect(list.json).toHaveLength(1);
    expect(list.json[0].secret).toBe(secret);
  });

  it("ends both sides when one is deleted, and the second deletion is 404", async () => {
    const { alice, bob, atA, atB } = await trusting();
    expect((await b.ask("DELETE", atB, { headers: bob.as })).status).toBe(204);
    expect((await b.ask("GET", `/${bob.id}/trust`, { headers: bob.as })).json).toEqual([]);
    expect((await a.ask("GET", `/${alice.id}/trust`, { headers: alice.as })).json).toEqual([]);
    expect((await b.ask("DELETE", atB)).status).toBe(404);
    expect((await a.ask("DELETE", atA, { headers: alice.as })).status).toBe(404);
    expect(a.consequences.at(-1)).toEqual({
      what: "ended",
      args: [{ actorId: alice.id, peerId: bob.id }, { keepData: false }],
    });
  });

  it("does not notify the peer that asked for the deletion, nor any with ?peer=true", async () => {
    const { atA, secret, alice } = await trusting();
    network.sent.length = 0;
    expect((await a.ask("DELETE", atA, { headers: bearer(secret) })).status).toBe(204);
    expect(network.sent).toEqual([]);
    const second = await trusting();
    network.sent.length = 0;
    expect((await a.ask("DELETE", `${second.atA}?peer=true`, { headers: second.alice.as })).status).toBe(204);
    expect(network.sent).toEqual([]);
    expect(alice.id).not.toBe(second.alice.id);
  });

  it("carries the request id to the other side", async () => {
    const { alice, bob } = await pair();
    const headers = { ...bob.as, "x-request-id": "chosen-by-client" };
    const made = await b.ask("POST", `/${bob.id}/trust`, { headers, json: { url: alice.root } });
    expect(made.headers["x-request-id"]).toBe("chosen-by-client");
    expect(network.sent.every((request) => request.requestId === "chosen-by-client")).toBe(true);
    expect(made.json.relationship).toBe("associate");
  });
});

describe("who may do what with a trust", () => {
  it("answers 401 without credentials and 403 with wrong ones", async () => {
    const { atA, alice, bob, atB } = await trusting();
    const none = await a.ask("GET", atA);
    expect(none.status).toBe(401);
    expect(none.headers["www-authenticate"]).toContain("Basic");
    expect((await a.ask("GET", atA, { headers: bearer("0".repeat(40)) })).status).toBe(403);
    expect((await a.ask("GET", atA, { headers: basic("alice", "wrong") })).status).toBe(403);
    expect((await a.ask("GET", atA, { headers: bob.as })).status).toBe(403);
    expect((await b.ask("POST", atB, { headers: bob.as, json: { approved: true } })).status).toBe(403);
    expect((await a.ask("DELETE", atA)).status).toBe(401);
    expect((await a.ask("GET", atA, { headers: alice.as })).status).toBe(202);
  });

  it("lets a peer change its own address and description but not approve itself", async () => {
    const { atA, alice, secret } = await trusting();
    const approve = await a.ask("PUT", atA, { headers: bearer(secret), json: { approved: true } });
    expect(approve.status).toBe(403);
    const describe = await a.ask("PUT", atA, { headers: bearer(secret), json: { desc: "me" } });
    expect(describe.status).toBe(204);
    expect((await a.ask("GET", atA, { headers: alice.as })).json).toMatchObject({ desc: "me", approved: false });
  });

  it("lets an approved admin peer act, and hides the secrets of others from it", async () => {
    const { alice, bob, secret, atA } = await trusting("admin");
    const carol = await b.actor("carol");
    const other = await b.ask("POST", `/${carol.id}/trust`, { headers: carol.as, json: { url: alice.root } });
    expect(other.status).toBe(201);
    expect((await a.ask("GET", `/${alice.id}/trust`, { headers: bearer(secret) })).status).toBe(403);
    await a.ask("PUT", atA, { headers: alice.as, json: { approved: "true" } });
    const list = await a.ask("GET", `/${alice.id}/trust`, { headers: bearer(secret) });
    expect(list.status).toBe(200);
    const byPeer = new Map(list.json.map((each: { peerid: string }) => [each.peerid, each]));
    expect(byPeer.get(bob.id)).toHaveProperty("secret");
    expect(byPeer.get(carol.id)).not.toHaveProperty("secret");
  });

  it("filters the list by relationship, peer and type", async () => {
    const { alice, bob } = await trusting();
    const of = async (query: string) => (await a.ask("GET", `/${alice.id}/trust${query}`, { headers: alice.as })).json;
    expect(await of("?relationship=friend")).toHaveLength(1);
    expect(await of("?relationship=partner")).toEqual([]);
    expect(await of(`?peerid=${bob.id}&type=`)).toHaveLength(1);
    expect(await of("/friend")).toHaveLength(1);
    expect(await of("/partner")).toEqual([]);
  });

  it("revokes in the record first, then in what depends on it", async () => {
    const { atA, alice, secret } = await trusting();
    await a.ask("PUT", atA, { headers: alice.as, json: { approved: true } });
    expect((await a.ask("PUT", atA, { headers: alice.as, json: { approved: false } })).status).toBe(204);
    expect(a.consequences.map((call) => call.what)).toEqual(["approved", "revoked"]);
    expect((await a.ask("GET", atA, { headers: bearer(secret) })).status).toBe(202);
    expect((await a.ask("PUT", atA, { headers: bearer(secret), json: { desc: "x" } })).status).toBe(204);
  });
});

describe("a start that fails", () => {
  async function start(
    host: (
      path: string,
      method: string,
    ) => { status: number; text: string; headers?: Record<string, string> } | undefined,
  ) {
    const bob = await b.actor("bob");
    network.hosts.set("https://odd.example", (request) => {
      const answer = host(new URL(request.url).pathname, request.method);
      if (answer === undefined) return Promise.reject(new Error("unexpected"));
      return Promise.resolve({ headers: {}, json: undefined, ...answer });
    });
    const made = await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json: { url: "https://odd.example/x" } });
    const list = await b.ask("GET", `/${bob.id}/trust`, { headers: bob.as });
    expect(list.json).toEqual([]);
    return made;
  }
  const meta = { status: 200, text: JSON.stringify({ id: "odd", type: "urn:odd" }) };

  it("is 408 when the peer does not answer", async () => {
    const bob = await b.actor("bob");
    const json = { url: "https://nobody.example/x" };
    const made = await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json });
    expect(made.status).toBe(408);
    expect(made.json.error).toMatchObject({ code: "peer_unreachable" });
  });

  it("is 502 when the answer is nonsense", async () => {
    expect((await start(() => ({ status: 200, text: "<html>" }))).status).toBe(502);
    expect((await start(() => ({ status: 200, text: '{"id": "../x"}' }))).status).toBe(502);
    expect((await start((path) => (path.endsWith("/meta") ? meta : { status: 500, text: "" }))).status).toBe(502);
  });

  it("is 403 when the peer refuses", async () => {
    expect((await start((path) => (path.endsWith("/meta") ? meta : { status: 403, text: "" }))).status).toBe(403);
  });

  it("passes on the Retry-After of the peer", async () => {
    const busy = { status: 503, text: "", headers: { "retry-after": "120" } };
    for (const host of [() => busy, (path: string) => (path.endsWith("/meta") ? meta : busy)]) {
      const made = await start(host);
      expect([made.status, made.headers["retry-after"], made.json.error.peerStatus]).toEqual([502, "120", 503]);
    }
  });

  it("sends no deletion to a peer that takes no more requests, because the peer has stored nothing", async () => {
    const asked: string[] = [];
    const made = await start((path, method) => {
      asked.push(method);
      return path.endsWith("/meta") ? meta : { status: 429, text: "", headers: { "retry-after": "9999" } };
    });
    expect([made.status, made.headers["retry-after"]]).toEqual([502, "3600"]);
    expect(asked).toEqual(["GET", "POST"]);
  });

  it("is 400 for a URL that is none", async () => {
    const bob = await b.actor("bob");
    for (const url of [
      "nonsense",
      "ftp://x/y",
      "https://user:pw@x/y",
      "https://x/y?z=1",
      "https://x/y?",
      "https://x/y#",
    ]) {
      expect((await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json: { url } })).status).toBe(400);
    }
  });
});

describe("a trust that is asked for again", () => {
  it("is replaced, unapproved, when the request verifies from the same address", async () => {
    const { alice, bob, atA, atB, secret } = await trusting();
    await a.ask("PUT", atA, { headers: alice.as, json: { approved: true } });
    // Bob deletes its trust without a notification, and asks for a new one.
    await b.ask("DELETE", `${atB}?peer=true`, { headers: bob.as });
    const json = { url: alice.root, relationship: "friend" };
    const again = await b.ask("POST", `/${bob.id}/trust`, { headers: bob.as, json });
    expect(again.status).toBe(201);
    expect(again.json.secret).not.toBe(secret);
    const granted = await a.ask("GET", atA, { headers: alice.as });
    expect(granted.json).toMatchObject({ approved: false, secret: again.json.secret });
    expect(a.consequences.map((call) => call.what)).toEqual(["approved", "revoked"]);
    expect((await a.ask("GET", atA, { headers: bearer(secret) })).status).toBe(403);
  });

  it("stays untouched when someone else claims to be that peer", async () => {
    const { alice, bob, atA, secret } = await trusting();
    const json = { baseuri: "https://evil.example/x", id: bob.id, type: "t", secret: "e".repeat(40), verify: "v" };
    expect((await a.ask("POST", `/${alice.id}/trust/friend`, { json })).status).toBe(409);
    expect((await a.ask("GET", atA, { headers: alice.as })).json).toMatchObject({ secret, verified: true });
  });

  it("is not verified by another token of the same length", async () => {
    const { alice } = await pair();
    const answer = { verification_token: "t".repeat(32), verificationToken: "t".repeat(32) };
    network.hosts.set("https://carol.example", () =>
      Promise.resolve({ status: 200, headers: {}, text: JSON.stringify(answer), json: undefined }),
    );
    const json = { baseuri: "https://carol.example/c", id: "carol", type: "t", secret: "c".repeat(40) };
    const path = `/${alice.id}/trust/friend`;
    const wrong = await a.ask("POST", path, { json: { ...json, verify: `${"t".repeat(31)}u` } });
    expect(wrong.json).toMatchObject({ verified: false, peer_approved: false });
    const right = await a.ask("POST", path, { json: { ...json, verify: "t".repeat(32) } });
    expect(right.json).toMatchObject({ verified: true, peer_approved: true });
  });

  it("stores an unverified request, and lets a better one take its place", async () => {
    const { alice, bob } = await pair();
    const json = { baseuri: "https://evil.example/x", id: bob.id, type: "t", secret: "e".repeat(40), verify: "v" };
    const first = await a.ask("POST", `/${alice.id}/trust/friend`, { json });
    expect(first.status).toBe(202);
    expect(first.json).toMatchObject({ verified: false, approved: false });
    const real = await b.ask("POST", `/${bob.id}/trust`, {
      headers: bob.as,
      json: { url: alice.root, relationship: "friend" },
    });
    expect(real.status).toBe(201);
    const granted = await a.ask("GET", `/${alice.id}/trust/friend/${bob.id}`, { headers: alice.as });
    expect(granted.json).toMatchObject({ verified: true, baseuri: bob.root });
  });
});

describe("permissions", () => {
  it("are set, shown, sent to the peer, and reset", async () => {
    const { alice, bob, atA, secret } = await trusting();
    await a.ask("PUT", atA, { headers: alice.as, json: { approved: true } });
    const at = `${atA}/permissions`;
    const before = await a.ask("GET", at, { headers: alice.as });
    expect(before.json).toMatchObject({ actor_id: alice.id, peer_id: bob.id, source: "trust_type_default" });
    network.sent.length = 0;
    const json = { properties: { patterns: ["*"], operations: ["read"], excluded_patterns: ["hidden"] } };
    network.hosts.set(b.origin, () => Promise.resolve({ status: 204, headers: {}, text: "", json: undefined }));
    expect((await a.ask("PUT", at, { headers: alice.as, json })).status).toBe(201);
    expect((await a.ask("PUT", at, { headers: alice.as, json })).status).toBe(200);
    expect(network.sent[0]).toMatchObject({
      method: "POST",
      url: `${bob.root}/callbacks/permissions/${alice.id}`,
      json: {
        id: alice.id,
        target: "permissions",
        type: "permission",
        data: { properties: { excluded_patterns: ["private/*", "security/*", "_internal/*", "hidden"] } },
      },
    });
    expect((await a.ask("GET", at, { headers: alice.as })).json).toMatchObject({
      source: "custom_override",
      permissions: json,
    });
    const effective = await a.ask("GET", `/${alice.id}/permissions/${bob.id}`, { headers: bearer(secret) });
    expect(effective.json).toMatchObject({
      trust_type: "friend",
      permissions: { properties: { operations: ["read"] } },
    });
    expect((await a.ask("GET", `/${alice.id}/permissions/${bob.id}`, { headers: alice.as })).status).toBe(403);
    expect((await a.ask("DELETE", at, { headers: alice.as })).status).toBe(204);
    expect((await a.ask("GET", at, { headers: alice.as })).json.source).toBe("trust_type_default");
  });
});
