/** What a PUT at a trust changes: all of it in one step, and nothing that it does not do. */
import { beforeEach, describe, expect, it } from "vitest";
import { randomIds } from "../../../lib/system/ids.ts";
import { PeerFailure, type JsonObject, type PeerRequest } from "../../../lib/system/ports.ts";
import type { LogRecord } from "../../../lib/domain/diff/change-record.ts";
import { FaultyTable, type Decide } from "../../support/faulty-table.ts";
import { bearer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { DeliveryWorld } from "../delivery/delivery-world.ts";

const SECRET = "secret-of-bob";
const BOB = "https://bob.example.com/bob";
const MOVED = "https://moved.example.com/bob";
const HIDDEN = ["private/*", "security/*", "_internal/*"];
const only = (excluded: readonly string[]) => ({ properties: { excluded_patterns: excluded } });

let world: DeliveryWorld;
let decide: Decide;
let received: PeerRequest[];
beforeEach(async () => {
  decide = () => "ok";
  received = [];
  world = await DeliveryWorld.begin({ table: new FaultyTable(new MemoryTable(), (...asked) => decide(...asked)) });
  for (const baseUri of [BOB, MOVED]) {
    world.network.hosts.set(new URL(baseUri).origin, (request) => {
      received.push(request);
      return Promise.resolve({ status: 204, headers: {}, text: "", json: undefined });
    });
  }
});

async function trusted(approved: boolean): Promise<void> {
  await world.host.service.trusts.create({
    ...{ actorId: world.actor.id, peerId: "bob", baseUri: BOB, type: "urn:bob", relationship: "friend" },
    ...{ secret: SECRET, desc: "was", approved, peerApproved: true, verified: true, verificationToken: "token-of-bob" },
    ...{ createdAt: world.host.now, revision: 1, ending: false },
  });
}

const path = (): string => `${world.actor.root}/trust/friend/bob`;
const put = async (json: unknown, as: Record<string, string> = world.actor.as) =>
  await world.host.ask("PUT", path(), { headers: as, json });
const record = async (): Promise<JsonObject> =>
  (await world.host.ask("GET", path(), { headers: world.actor.as })).json as JsonObject;
const set = async (): Promise<unknown> =>
  (await world.host.ask("GET", `${path()}?permissions=true`, { headers: world.actor.as })).json.permissions;

async function records(): Promise<readonly LogRecord[]> {
  const { changeLog } = world.host.service;
  const newest = await changeLog.newest(world.actor.id);
  return (await changeLog.read(world.actor.id, 0, newest)).records.map(({ record: each }) => each);
}

async function admin(): Promise<Record<string, string>> {
  const secret = randomIds.secret();
  await world.host.trusts(world.actor.id, "boss", "https://boss.example.com/boss", secret, "admin");
  return bearer(secret);
}

/** The requests to bob, in order: the path, and the excluded patterns of a permission callback. */
const sent = () =>
  received.map(({ url, json }) => {
    const data = (json as { data?: { properties: { excluded_patterns: unknown } } } | undefined)?.data;
    return data === undefined ? [url, json] : [url, data.properties.excluded_patterns];
  });
const callback = (base = BOB): string => `${base}/callbacks/permissions/${world.actor.id}`;
const approval = (base = BOB): string => `${base}/trust/friend/${world.actor.id}`;

describe("permissions given with PUT at a trust", () => {
  it("hold like those of the permissions route: one record, one callback, and the peer is restricted", async () => {
    await trusted(true);
    await world.set("secret", "s");
    expect((await put({ permissions: only(["secret"]) })).status).toBe(204);
    const [, made, ...more] = await records();
    expect(more).toEqual([]);
    expect(made).toMatchObject({ kind: "permissions", peerId: "bob" });
    expect(sent()).toEqual([[callback(), [...HIDDEN, "secret"]]]);
    expect((received[0]?.json as JsonObject)["timestamp"]).toBe(made?.at);
    const shown = await world.host.ask("GET", `${path()}/permissions`, { headers: world.actor.as });
    expect(shown.json).toMatchObject({ source: "custom_override", permissions: only(["secret"]) });
    const read = await world.host.ask("GET", `${world.actor.root}/properties/secret`, { headers: bearer(SECRET) });
    expect(read.status).toBe(404);
    expect((await put({ permissions: only(["other"]) })).status).toBe(204);
    expect(await set()).toEqual(only(["other"]));
  });

  it("may be a bare array of patterns, which leaves the right to read", async () => {
    await trusted(true);
    const permissions = { properties: ["notes"], publish: ["orders.>"] };
    expect((await put({ permissions })).status).toBe(204);
    expect(await set()).toEqual({ ...permissions, properties: { patterns: ["notes"], operations: ["read"] } });
    const data = (received[0]?.json as { data: JsonObject }).data;
    expect(data).toMatchObject({ properties: { operations: ["read"] }, publish: ["orders.>"] });
    const changed = await world.host.ask("PUT", `${world.actor.root}/properties/notes`, {
      headers: bearer(SECRET),
      json: 1,
    });
    expect(changed.status).toBe(403);
  });

  it("are the owner's and an admin's to set, not the peer's own", async () => {
    await trusted(true);
    expect((await put({ permissions: only(["a"]) }, await admin())).status).toBe(204);
    const mine = await put({ desc: "me", permissions: { properties: { operations: ["write"] } } }, bearer(SECRET));
    expect([mine.status, mine.json.error.field]).toEqual([403, "permissions"]);
    expect(await set()).toEqual(only(["a"]));
    expect(await record()).toMatchObject({ desc: "was" });
  });

  it("change together with approval, description and address in one step, and notify the peer at its new address", async () => {
    await trusted(false);
    const json = { approved: true, desc: "is", baseuri: `${MOVED}/`, permissions: only(["secret"]) };
    expect((await put(json)).status).toBe(204);
    expect((await records()).map(({ kind }) => kind)).toEqual(["permissions"]);
    expect(await record()).toMatchObject({ approved: true, desc: "is", baseuri: MOVED });
    expect(await set()).toEqual(only(["secret"]));
    expect((await world.host.service.trusts.get(world.actor.id, "bob"))?.revision).toBe(2);
    expect(sent()).toEqual([
      [approval(MOVED), { approved: true }],
      [callback(MOVED), [...HIDDEN, "secret"]],
    ]);
  });

  it("reach the peer with a first approval although they are what the relationship allows", async () => {
    await trusted(false);
    expect((await put({ approved: true, permissions: {} })).status).toBe(204);
    expect(sent().map(([url]) => url)).toEqual([approval(), callback()]);
  });

  it("do not reach a peer that loses its approval with them, nor one that is not approved", async () => {
    await trusted(true);
    expect((await put({ approved: false, permissions: only(["secret"]) })).status).toBe(204);
    expect((await put({ permissions: only(["other"]) })).status).toBe(204);
    expect(received).toEqual([]);
    expect((await records()).map(({ kind }) => kind)).toEqual(["permissions", "permissions"]);
    expect(await record()).toMatchObject({ approved: false });
  });

  it.each([
    ["baseuri", { desc: "is", baseuri: "ftp://x/y", permissions: only(["a"]) }],
    ["permissions.properties.operations.0", { approved: true, permissions: { properties: { operations: ["fly"] } } }],
    ["permissions.properties.denied", { desc: "is", permissions: { properties: { denied: ["a"] } } }],
    ["permissions.properties.patterns.1", { desc: "is", permissions: { properties: ["a", 1] } }],
    ["permissions.publish.0", { desc: "is", permissions: { publish: ["a..b"] } }],
    ["approved", { approved: "perhaps", permissions: only(["a"]) }],
    ["relationship", { approved: true, relationship: "admin", permissions: only(["a"]) }],
  ])("change nothing when the field %s is wrong", async (field, json) => {
    await trusted(false);
    const before = await record();
    const answer = await put(json);
    expect([answer.status, answer.json.error.field]).toEqual([400, field]);
    expect(await record()).toEqual(before);
    expect([await set(), await records(), received]).toEqual([null, [], []]);
  });

  it.each(["throttle", "condition"] as const)("change nothing when the table fails: %s", async (effect) => {
    await trusted(false);
    const before = await record();
    decide = (operation) => (operation === "transact" ? effect : "ok");
    const json = { approved: true, desc: "is", baseuri: MOVED, permissions: only(["secret"]) };
    const asked = put(json);
    // A refused commit is retried until its time limit.
    if (effect === "condition") setImmediate(() => (world.host.now += 60_000));
    expect((await asked).status).toBeGreaterThanOrEqual(500);
    decide = () => "ok";
    expect(await record()).toEqual(before);
    expect([await set(), await records(), received]).toEqual([null, [], []]);
  });
});

describe("the notification of a change", () => {
  it("takes at most 5 s, the approval and what it allows together", async () => {
    await trusted(false);
    const begun = world.host.now;
    world.network.hosts.set(new URL(BOB).origin, (request) => {
      received.push(request);
      // The approval arrives late, the callback hangs.
      const takes = request.url === approval() ? 3_000 : (request.timeoutMs ?? 10_000);
      world.host.now += takes;
      if (request.url === approval()) return Promise.resolve({ status: 204, headers: {}, text: "", json: undefined });
      throw new PeerFailure("timeout", "No answer in time.");
    });
    expect((await put({ approved: true, permissions: only(["secret"]) })).status).toBe(204);
    expect(received.map(({ url }) => url)).toEqual([approval(), callback()]);
    expect(world.host.now - begun).toBe(5_000);
  });
});

describe("a field that is known and that a PUT at a trust does not change", () => {
  it.each([
    ["id", "x"],
    ["peerid", "carol"],
    ["type", "urn:other"],
    ["relationship", "associate"],
    ["secret", "another-secret"],
    ["peer_approved", false],
    ["verified", "false"],
    ["verification_token", "x"],
    ["verificationToken", "x"],
    ["created_at", "2020-01-01T00:00:00.000Z"],
    ["relationship", { any: 1 }],
  ])("is refused when it would become another: %s", async (field, value) => {
    await trusted(true);
    const before = await record();
    for (const as of [world.actor.as, bearer(SECRET), await admin()]) {
      const answer = await put({ desc: "is", [field]: value }, as);
      expect([answer.status, answer.json.error.field]).toEqual([400, field]);
      expect(answer.text).not.toContain(SECRET);
    }
    expect(await record()).toEqual(before);
  });

  it("may stand in the record that is put back", async () => {
    await trusted(true);
    const whole = await record();
    expect((await put({ ...whole, desc: "is", verified: "true", unknown: 1, type: null })).status).toBe(204);
    expect(await record()).toEqual({ ...whole, desc: "is" });
    expect(await records()).toEqual([]);
  });
});

describe("reading trusts", () => {
  it("shows what was set for a peer when asked, to the peer only once it is approved", async () => {
    await trusted(false);
    expect(await set()).toBeNull();
    await put({ permissions: only(["a"]) });
    expect(await record()).not.toHaveProperty("permissions");
    const asPeer = async () =>
      (await world.host.ask("GET", `${path()}?permissions=true`, { headers: bearer(SECRET) })).json;
    expect(await asPeer()).not.toHaveProperty("permissions");
    await put({ approved: true });
    expect(await asPeer()).toMatchObject({ permissions: only(["a"]) });
  });

  it("narrows those of one relationship too", async () => {
    await trusted(true);
    await world.host.trusts(world.actor.id, "carol", "https://carol.example.com/carol", "secret-of-carol", "friend");
    const found = async (query: string): Promise<string[]> => {
      const answer = await world.host.ask("GET", `${world.actor.root}/trust/friend${query}`, {
        headers: world.actor.as,
      });
      return (answer.json as { peerid: string }[]).map(({ peerid }) => peerid).toSorted();
    };
    expect(await found("")).toEqual(["bob", "carol"]);
    expect(await found("?peerid=bob")).toEqual(["bob"]);
    expect(await found("?type=urn:bob")).toEqual(["bob"]);
    expect(await found("?relationship=admin")).toEqual([]);
  });
});

describe("a field that another route does not act on", () => {
  it.each([
    ["POST", "/trust", { url: BOB, permissions: only(["a"]) }, "permissions"],
    ["POST", "/trust", { url: BOB, approved: false }, "approved"],
    ["POST", "/suspensions", { target: "properties", subtarget: "a", resource: "b" }, "resource"],
  ])("is refused by %s %s: %j", async (method, at, json, field) => {
    const answer = await world.host.ask(method, `${world.actor.root}${at}`, { headers: world.actor.as, json });
    expect([answer.status, answer.json.error.field]).toEqual([400, field]);
    expect(received).toEqual([]);
  });

  it("is refused beside a batch of subscriptions, of which each has its own", async () => {
    await trusted(true);
    const ask = async (json: JsonObject) =>
      await world.host.ask("POST", `${world.actor.root}/subscriptions/bob`, { headers: bearer(SECRET), json });
    const subscriptions = [{ target: "properties" }];
    const answer = await ask({ subscriptions, granularity: "high" });
    expect([answer.status, answer.json.error.field]).toEqual([400, "granularity"]);
    expect((await ask({ id: "bob", subscriptions, target: null })).status).toBe(207);
  });

  it("is refused in the query of POST /, where a passphrase would be logged", async () => {
    for (const field of ["creator", "passphrase", "trustee_root"]) {
      const answer = await world.host.ask("POST", `/?${field}=alice`);
      expect([answer.status, answer.json.error.field]).toEqual([400, field]);
    }
  });
});
