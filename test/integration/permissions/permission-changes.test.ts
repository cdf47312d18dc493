import { beforeEach, describe, expect, it } from "vitest";
import type { JsonObject, PeerRequest } from "../../../lib/system/ports.ts";
import type { LogRecord } from "../../../lib/domain/diff/change-record.ts";
import type { PropertyPermissions } from "../../../lib/domain/policy/permissions.ts";
import type { Item, Key } from "../../../lib/dynamodb/table.ts";
import { endTrust } from "../../../lib/trust/ending.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { DeliveryWorld, type Peer } from "../delivery/delivery-world.ts";

let world: DeliveryWorld;
let bob: Peer;
beforeEach(async () => {
  world = await DeliveryWorld.begin();
  bob = await world.peer("bob");
});

const path = (peer: Peer, relationship = "friend"): string =>
  `${world.actor.root}/trust/${relationship}/${peer.id}/permissions`;

const put = async (peer: Peer, excluded: readonly string[]) =>
  await world.host.ask("PUT", path(peer), {
    headers: world.actor.as,
    json: { properties: { excluded_patterns: excluded } },
  });

const permissionCallbacks = (peer: Peer): PeerRequest[] =>
  world.network.sent.filter(({ url }) => url === `${peer.baseUri}/callbacks/permissions/${world.actor.id}`);

async function records(): Promise<readonly LogRecord[]> {
  const { changeLog } = world.host.service;
  const { records: numbered } = await changeLog.read(world.actor.id, 0, await changeLog.newest(world.actor.id));
  return numbered.map(({ record }) => record);
}

const approved = async (yes: boolean) =>
  await world.host.ask("PUT", `${world.actor.root}/trust/friend/bob`, {
    headers: world.actor.as,
    json: { approved: yes },
  });

/** The permissions of bob on properties. */
async function effective(): Promise<PropertyPermissions> {
  const { trusts, permissions } = world.host.service;
  const trust = await trusts.get(world.actor.id, "bob");
  if (trust === undefined) throw new Error("no trust");
  return permissions.of(trust).properties;
}

const excludedIn = (body: PeerRequest["json"]): unknown =>
  ((body as JsonObject)["data"] as { properties: { excluded_patterns: unknown } }).properties.excluded_patterns;

const HIDDEN = ["private/*", "security/*", "_internal/*"];

describe("a change of what a peer may do", () => {
  it("is one record, and one callback to the peer with the whole grant and the record's time", async () => {
    expect((await put(bob, ["secret"])).status).toBe(201);
    const [record, ...more] = await records();
    expect(more).toEqual([]);
    expect(record).toMatchObject({ kind: "permissions", peerId: "bob" });
    const [callback, ...others] = permissionCallbacks(bob);
    expect(others).toEqual([]);
    expect(callback).toMatchObject({
      method: "POST",
      credentials: { bearer: bob.secret },
      json: { id: world.actor.id, target: "permissions", type: "permission", timestamp: record?.at },
    });
    expect(record?.at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(excludedIn(callback?.json)).toEqual([...HIDDEN, "secret"]);
    expect(Object.keys((callback?.json as { data: object }).data)).toEqual([
      ...["properties", "publish", "methods", "actions", "tools", "resources", "prompts"],
    ]);
  });

  it("back to the relationship's defaults is another one; where nothing was set nothing happens", async () => {
    await put(bob, ["secret"]);
    const remove = async () => await world.host.ask("DELETE", path(bob), { headers: world.actor.as });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(204);
    expect((await records()).map(({ kind }) => kind)).toEqual(["permissions", "permissions"]);
    expect(permissionCallbacks(bob).map(({ json }) => excludedIn(json))).toEqual([[...HIDDEN, "secret"], HIDDEN]);
  });

  it.each([
    ["methods", { methods: "x" }],
    ["actions", { actions: null }],
    ["tools.allowed", { tools: { allowed: "search" } }],
    ["resources.operations.0", { resources: { operations: [1] } }],
    ["prompts.patterns.0", { prompts: [1] }],
    ["publish.0", { publish: [""] }],
    ["publish", { publish: { patterns: ["a.>"] } }],
    ["properties.patterns.1", { properties: ["notes", 5] }],
    ["properties.operations.1", { properties: { operations: ["read", "fly"] } }],
    ["properties.patterns.0", { properties: { patterns: [""] } }],
  ])("is refused for a value of another kind at %s", async (field, json) => {
    const answer = await world.host.ask("PUT", path(bob), { headers: world.actor.as, json });
    expect([answer.status, answer.json.error.details?.field ?? answer.json.error.field]).toEqual([400, field]);
    expect(await records()).toEqual([]);
  });

  it("takes a bare array for its patterns, with the right to read", async () => {
    const json = { properties: ["notes", "memory_*"], publish: ["orders.>"], methods: ["find"], prompts: [] };
    const answer = await world.host.ask("PUT", path(bob), { headers: world.actor.as, json });
    const set = {
      properties: { patterns: ["notes", "memory_*"], operations: ["read"] },
      publish: ["orders.>"],
      methods: { patterns: ["find"], operations: ["read"] },
      prompts: { patterns: [], operations: ["read"] },
    };
    expect([answer.status, answer.json.permissions]).toEqual([201, set]);
    expect(await effective()).toEqual({
      patterns: ["*", "notes", "memory_*"],
      excluded_patterns: HIDDEN,
      operations: ["read"],
    });
    const data = (permissionCallbacks(bob)[0]?.json as { data: JsonObject }).data;
    expect(data).toMatchObject({ publish: ["orders.>"], methods: set.methods });
    const as = { authorization: `Bearer ${bob.secret}` };
    const own = await world.host.ask("GET", `${world.actor.root}/permissions/bob`, { headers: as });
    expect(own.json.permissions).toEqual(data);
    const changed = await world.host.ask("PUT", `${world.actor.root}/properties/notes`, { headers: as, json: 1 });
    expect(changed.status).toBe(403);
  });

  it("is shown with the members of the permissions beside them, and whether they were set for this peer", async () => {
    const show = async () => (await world.host.ask("GET", path(bob), { headers: world.actor.as })).json;
    const names = { actor_id: world.actor.id, peer_id: "bob", trust_type: "friend" };
    const usual = await show();
    const { permissions } = usual;
    expect(usual).toEqual({ ...names, source: "trust_type_default", is_custom: false, permissions, ...permissions });
    expect(usual).toMatchObject({ properties: { patterns: ["*"], operations: ["read", "write"] }, publish: [] });
    await put(bob, ["secret"]);
    const properties = { excluded_patterns: ["secret"] };
    const custom = { source: "custom_override", is_custom: true, permissions: { properties }, properties };
    expect(await show()).toEqual({ ...names, ...custom });
    const as = { authorization: `Bearer ${bob.secret}` };
    const own = (await world.host.ask("GET", `${world.actor.root}/permissions/bob`, { headers: as })).json;
    expect(own).toMatchObject({ ...names, is_custom: true, properties: own.permissions.properties });
    expect(own.properties.excluded_patterns).toEqual([...HIDDEN, "secret"]);
  });

  it("passes unknown members of the permissions on unchanged", async () => {
    const json = { methods: { allowed: ["a"], denied: [], note: { any: 1 } }, tools: {}, other: "ignored" };
    const answer = await world.host.ask("PUT", path(bob), { headers: world.actor.as, json });
    expect([answer.status, answer.json.permissions]).toEqual([201, { methods: json.methods, tools: {} }]);
  });

  it("stands although the peer does not answer", async () => {
    world.network.hosts.delete(new URL(bob.baseUri).origin);
    expect((await put(bob, ["secret"])).status).toBe(201);
    expect((await put(bob, ["other"])).status).toBe(200);
    const shown = await world.host.ask("GET", path(bob), { headers: world.actor.as });
    expect(shown.json.permissions.properties.excluded_patterns).toEqual(["other"]);
  });

  it("is sent only to a peer that is approved", async () => {
    expect((await approved(false)).status).toBe(204);
    await put(bob, ["secret"]);
    expect(permissionCallbacks(bob)).toEqual([]);
    // The peer gets the notification of its approval.
    world.network.hosts.set(new URL(bob.baseUri).origin, () =>
      Promise.resolve({ status: 204, headers: {}, text: "", json: undefined }),
    );
    expect((await approved(true)).status).toBe(204);
    expect(permissionCallbacks(bob).map(({ json }) => excludedIn(json))).toEqual([[...HIDDEN, "secret"]]);
    expect((await records()).map(({ kind }) => kind)).toEqual(["permissions", "permissions", "permissions"]);
  });

  it("does not touch a trust that replaced the one that was meant", async () => {
    const trust = await world.host.service.trusts.get(world.actor.id, "bob");
    if (trust === undefined) throw new Error("no trust");
    const { trust: all, trusts } = world.host.service;
    await world.table.transact(trusts.replacingWrites(trust, { ...trust, secret: "another-secret" }, world.host.now));
    await expect(all.trustCommits.setCustom(trust, {})).rejects.toMatchObject({ code: "resource.not_found" });
    expect(await records()).toEqual([]);
  });
});

describe("a revoked approval", () => {
  it("leaves the numbers of the peer's subscriptions dense, and all of them are delivered after a new approval", async () => {
    const { id } = await world.subscribe(bob);
    await world.set("color", "red");
    expect((await approved(false)).status).toBe(204);
    await world.set("color", "green");
    await world.pass(60_000);
    await world.set("color", "blue");
    expect(bob.sequences(id)).toEqual([1]);
    expect((await approved(true)).status).toBe(204);
    await world.pass(60_000);
    expect(bob.seen.map(({ body }) => [body["sequence"], body["data"]])).toEqual([
      [1, { color: "red" }],
      [2, { color: "green" }],
      [3, { color: "blue" }],
    ]);
  });
});

describe("a trust that takes the place of one with another relationship", () => {
  it("has its permissions in the log, and sends them once the trust is approved", async () => {
    const json = { baseuri: bob.baseUri, id: "bob", type: "", secret: "another-secret", verify: "token" };
    world.network.hosts.set(new URL(bob.baseUri).origin, ({ url }) => {
      const text = JSON.stringify({ verification_token: url.includes("/trust/admin/") ? "token" : "" });
      const headers = { "content-type": "application/json" };
      return Promise.resolve({ status: 200, headers, text, json: JSON.parse(text) as unknown });
    });
    await world.subscribe(bob);
    await put(bob, ["secret"]);
    const before = permissionCallbacks(bob).length;
    expect((await world.host.ask("POST", `${world.actor.root}/trust/admin`, { json })).status).toBe(202);
    const excluded = async (): Promise<unknown> => {
      const record = (await records()).at(-1);
      return record?.kind === "permissions" ? record.permissions.excluded_patterns : record?.kind;
    };
    // The defaults are another relationship's, what was set for this peer stays.
    expect(await excluded()).toEqual(["secret"]);
    expect(permissionCallbacks(bob)).toHaveLength(before);
    const approve = { headers: world.actor.as, json: { approved: true } };
    expect((await world.host.ask("PUT", `${world.actor.root}/trust/admin/bob`, approve)).status).toBe(204);
    expect(
      permissionCallbacks(bob)
        .slice(before)
        .map(({ json: sent }) => excludedIn(sent)),
    ).toEqual([["secret"]]);
  });
});

/** A batch of reads is no snapshot: the items are read one by one, here the log's head last, with time in between. */
class TornTable extends MemoryTable {
  /** Runs once, before a log's head is read. */
  beforeHead: (() => Promise<unknown>) | undefined;

  override async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
    const found: Item[] = [];
    for (const key of keys.toReversed()) {
      const run = key.sk === "LOG" ? this.beforeHead : undefined;
      if (run !== undefined) this.beforeHead = undefined;
      await run?.();
      const item = await this.get(key);
      if (item !== undefined) found.push(item);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return found;
  }
}

describe("changes on instances whose clocks differ", () => {
  it("have times in the order of the log, so that the peer keeps the last", async () => {
    const [ahead, behind] = [world.host, world.instance()];
    ahead.now += 3_000;
    const set = async (host: typeof ahead, name: string) =>
      await host.ask("PUT", path(bob), {
        headers: world.actor.as,
        json: { properties: { excluded_patterns: [name] } },
      });
    await set(ahead, "first");
    await world.set("color", "red", behind);
    await set(behind, "second");
    const [first, second] = permissionCallbacks(bob).map(({ json }) => json as { timestamp: string });
    expect(excludedIn(permissionCallbacks(bob)[1]?.json)).toContain("second");
    const times = (await records()).map(({ at }) => at);
    expect(times).toHaveLength(3);
    expect(times).toEqual([...new Set(times)].toSorted());
    expect([first?.timestamp, second?.timestamp]).toEqual([times[0], times[2]]);
    expect(times[2]).toBe(times[0]?.replace("000Z", "002Z"));
  });
});

describe("what was set for a peer", () => {
  it("is read with its trust, by a request for it alone", async () => {
    await put(bob, ["secret"]);
    const [item] = await world.table.getMany([{ pk: `A#${world.actor.id}`, sk: "TRUST#bob" }]);
    expect(JSON.parse(String(item?.["custom"]))).toEqual({ properties: { excluded_patterns: ["secret"] } });
    expect((await effective()).excluded_patterns).toEqual([...HIDDEN, "secret"]);
  });

  it("does not come back with a new trust after its end", async () => {
    await put(bob, ["secret"]);
    const { trust, trusts } = world.host.service;
    const standing = await trusts.get(world.actor.id, "bob");
    if (standing === undefined) throw new Error("no trust");
    await endTrust(trust, standing, { notify: false });
    const { custom: _custom, ...fresh } = standing;
    await trusts.create({ ...fresh, revision: 1 });
    expect((await effective()).excluded_patterns).toEqual(HIDDEN);
    const shown = await world.host.ask("GET", path(bob), { headers: world.actor.as });
    expect(shown.json.source).toBe("trust_type_default");
  });
});

describe("permissions that several change at the same time", () => {
  it.each([
    ["an approval", async () => await approved(false)],
    ["another change of them", async () => await put(bob, ["other"])],
    ["their end", async () => await world.host.ask("DELETE", path(bob), { headers: world.actor.as })],
  ])("are never recorded by %s as they were before the log's head was read", async (_name, change) => {
    const table = new TornTable();
    world = await DeliveryWorld.begin({ table });
    bob = await world.peer("bob");
    await put(bob, ["secret"]);
    table.beforeHead = async () => await put(bob, ["meanwhile"]);
    expect((await change()).status).toBeLessThan(300);
    const said = (await records()).flatMap((record) => (record.kind === "permissions" ? [record.permissions] : []));
    expect(said).toHaveLength(3);
    expect(said.at(-1)).toEqual(await effective());
  });

  it("end as the last record of the log says, approvals and other changes between them", async () => {
    world = await DeliveryWorld.begin({ table: new TornTable() });
    bob = await world.peer("bob");
    const headers = world.actor.as;
    const names = Array.from({ length: 8 }, (_, index) => `hidden-${String(index)}`);
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all([
        ...names.map(async (name) => await put(bob, [name, String(round)])),
        ...names.map(async (name) => await world.set(name, round)),
        world.host.ask("DELETE", path(bob), { headers }),
        approved(false).then(async () => await approved(true)),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status >= 300)).toEqual([]);
      const said = (await records()).filter((record) => record.kind === "permissions");
      expect(said.at(-1)?.permissions).toEqual(await effective());
    }
    // A peer that gets the callbacks in another order keeps the newest.
    const times = (await records()).flatMap((record) => (record.kind === "permissions" ? [record.at] : []));
    expect(times).toEqual([...new Set(times)].toSorted());
  });
});
