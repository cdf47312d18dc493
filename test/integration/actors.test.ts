import { beforeEach, describe, expect, it } from "vitest";
import { Network, basic, bearer } from "../support/in-process.ts";
import { TrustWorld } from "./trust-world.ts";
import { actorPartition } from "../../lib/dynamodb/keys/partition.ts";

let network: Network;
let service: TrustWorld;

beforeEach(() => {
  network = new Network();
  service = new TrustWorld(network, "https://a.example");
});

describe("making an actor", () => {
  it("mints an id and a passphrase that opens the root, and shows it only this once", async () => {
    const made = await service.ask("POST", "/", { json: {} });
    expect(made.status).toBe(201);
    const { id, creator, passphrase } = made.json as Record<string, string>;
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(creator).toBe("creator");
    expect(passphrase).toMatch(/^[0-9a-f]{40}$/);
    expect(made.headers["location"]).toBe(`${service.origin}/${id}`);
    const root = await service.ask("GET", `/${id}`, { headers: basic("creator", passphrase!) });
    expect(root.json).toEqual({ id, creator: "creator" });
    const stored = await service.table.query({ pk: actorPartition(id!), prefix: "" });
    expect(JSON.stringify(stored.items)).not.toContain(passphrase);
    expect(JSON.stringify(service.logged)).not.toContain(passphrase);
  });

  it("takes a form, an empty body, and a chosen passphrase with its trustee root", async () => {
    const form = await service.ask("POST", "/", {
      body: "creator=alice%40example.com&passphrase=pw-alice&trustee_root=",
      headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    });
    expect(form.json).toMatchObject({ creator: "alice@example.com", passphrase: "pw-alice" });
    expect(form.json).not.toHaveProperty("trustee_root");
    const as = basic("alice@example.com", "pw-alice");
    expect((await service.ask("GET", `/${form.json.id}`, { headers: as })).status).toBe(200);
    expect((await service.ask("GET", `/${form.json.id}`, { headers: basic("alice", "pw-alice") })).status).toBe(403);
    expect((await service.ask("POST", "/")).status).toBe(201);
    const rooted = await service.ask("POST", "/", { json: { trustee_root: "https://t.example/x" } });
    expect(rooted.json).toMatchObject({ trustee_root: "https://t.example/x" });
  });

  it.each([
    ["[]", 400],
    ["{", 400],
    ['{"creator": 7}', 400],
    ['{"creator": "a:b"}', 400],
    ['{"creator": "\\ud800"}', 400],
    [`{"creator": ${"[".repeat(5000)}`, 400],
    [`{"creator": "${"x".repeat(1024 * 1024)}"}`, 413],
  ])("refuses a body like %.30s", async (body, status) => {
    const made = await service.ask("POST", "/", { body, headers: { "content-type": "application/json" } });
    expect(made.status).toBe(status);
    expect(made.json.error).toMatchObject({ code: expect.any(String), requestId: made.headers["x-request-id"] });
  });

  it("refuses other content types", async () => {
    const made = await service.ask("POST", "/", { body: "<x/>", headers: { "content-type": "text/xml" } });
    expect(made.status).toBe(415);
  });

  it("needs the deployment's bearer, or is closed, by the operator's setting", async () => {
    const closed = new TrustWorld(network, "https://c.example", { environment: { ACTOR_CREATION: "closed" } });
    expect((await closed.ask("POST", "/", { json: {} })).status).toBe(403);
    const environment = { ACTOR_CREATION: "token", ACTOR_CREATION_TOKEN: "let-me-in" };
    const token = new TrustWorld(network, "https://t.example", { environment });
    expect((await token.ask("POST", "/", { json: {} })).status).toBe(401);
    expect((await token.ask("POST", "/", { json: {}, headers: bearer("wrong") })).status).toBe(403);
    expect((await token.ask("POST", "/", { json: {}, headers: bearer("let-me-in") })).status).toBe(201);
  });

  it("runs the application's hook, and succeeds when the hook throws", async () => {
    const events: unknown[] = [];
    service = new TrustWorld(network, "https://h.example", {
      application: {
        runActorHook: (name, event) => {
          events.push([name, event.creator]);
          return Promise.reject(new Error("hook broke"));
        },
      },
    });
    expect((await service.ask("POST", "/", { json: { creator: "zoe" } })).status).toBe(201);
    expect(events).toEqual([["actor_created", "zoe"]]);
  });
});

describe("the routes without credentials", () => {
  it("names the service and its version at /", async () => {
    expect((await service.ask("GET", "/")).json).toMatchObject({ version: expect.any(String) });
    expect((await service.ask("GET", "/healthz")).json).toMatchObject({ status: "ok" });
  });

  it("describes an actor in both forms, and leaf by leaf as one line of text", async () => {
    const { id } = await service.actor();
    const meta = await service.ask("GET", `/${id}/meta`);
    expect(meta.json).toMatchObject({ id, aw_version: "1.4", actingweb: { version: "1.4", formats: "json" } });
    expect(meta.json.aw_supported).toBe(meta.json.actingweb.supported);
    expect(meta.json.aw_trust_types).toEqual(["admin", "associate", "friend", "partner"]);
    const version = await service.ask("GET", `/${id}/meta/actingweb/version`);
    expect([version.text, version.headers["content-type"]]).toEqual(["1.4", "text/plain; charset=utf-8"]);
    for (const leaf of ["id", "type", "version", "desc", "info", "actingweb/supported", "actingweb/formats"]) {
      const answer = await service.ask("GET", `/${id}/meta/${leaf}`);
      expect([leaf, answer.status, answer.text.includes("\n")]).toEqual([leaf, 200, false]);
    }
    expect((await service.ask("GET", `/${id}/meta/nonexistent`)).status).toBe(404);
    expect((await service.ask("GET", `/${id}/meta/constructor`)).status).toBe(404);
    expect((await service.ask("GET", `/unknown/meta`)).status).toBe(404);
  });

  it("shows every member of /meta as a leaf, which is one line of text", async () => {
    const { id } = await service.actor();
    const { json } = await service.ask("GET", `/${id}/meta`);
    for (const [leaf, value] of Object.entries(json as Record<string, unknown>)) {
      const answer = await service.ask("GET", `/${id}/meta/${leaf}`);
      const line = typeof value === "string" ? value : Array.isArray(value) ? value.join(",") : JSON.stringify(value);
      const said = [answer.status, answer.headers["content-type"], answer.text];
      expect(said, leaf).toEqual([200, "text/plain; charset=utf-8", line]);
    }
    expect((await service.ask("GET", `/${id}/meta/aw_version`)).text).toBe("1.4");
    expect((await service.ask("GET", `/${id}/meta/aw_trust_types`)).text).toBe("admin,associate,friend,partner");
    for (const leaf of ["aw_trust_types/0", "actingweb/nonexistent", "id/x", "__proto__", "actingweb/toString"]) {
      expect((await service.ask("GET", `/${id}/meta/${leaf}`)).status, leaf).toBe(404);
    }
  });

  it("advertises what works, and nothing without a route", async () => {
    const { id } = await service.actor();
    const tags = (await service.ask("GET", `/${id}/meta/actingweb/supported`)).text.split(",");
    expect(tags).toEqual(tags.toSorted());
    for (const tag of [
      "callbacks",
      "listproperties",
      "permissioncallback",
      "subscriptionbatch",
      "subscriptionresync",
      "subscriptions",
    ]) {
      expect(tags).toContain(tag);
    }
    for (const tag of ["subscriptionhealth", "subscriptionstats", "www"]) expect(tags).not.toContain(tag);
  });
});

describe("methods", () => {
  it("answers HEAD like GET without a body, and 405 with the allowed methods", async () => {
    const { id, as } = await service.actor();
    const head = await service.ask("HEAD", `/${id}`, { headers: as });
    expect([head.status, head.text]).toEqual([200, ""]);
    const patch = await service.ask("PATCH", `/${id}`);
    expect([patch.status, patch.headers["allow"]]).toEqual([405, "DELETE, GET, HEAD"]);
    expect((await service.ask("PATCH", "/unknown")).status).toBe(404);
    expect((await service.ask("GET", `/${id}/nothing/here`)).status).toBe(404);
    expect((await service.ask("GET", `/%2e%2e`)).status).toBe(200);
  });

  it("lets a POST or GET stand for DELETE", async () => {
    const one = await service.actor();
    expect((await service.ask("POST", `/${one.id}?_method=DELETE`, { headers: one.as })).status).toBe(204);
    const two = await service.actor();
    const headers = { ...two.as, "x-http-method-override": "delete" };
    expect((await service.ask("GET", `/${two.id}`, { headers })).status).toBe(204);
    expect((await service.ask("GET", `/${two.id}`, { headers: two.as })).status).toBe(404);
  });
});

describe("a trustee", () => {
  it("opens the root with a strong passphrase as bearer, and only that", async () => {
    const strong = await service.ask("POST", "/", { json: { creator: "trustee" } });
    const { id, passphrase } = strong.json as { id: string; passphrase: string };
    expect((await service.ask("GET", `/${id}`, { headers: bearer(passphrase) })).status).toBe(200);
    expect((await service.ask("GET", `/${id}/trust`, { headers: bearer(passphrase) })).status).toBe(200);
    const json = { trustee_root: "https://t.example" };
    const put = await service.ask("PUT", `/${id}/trust/trustee`, { headers: bearer(passphrase), json });
    expect(put.status).toBe(403);
    const weak = await service.ask("POST", "/", { json: { creator: "trustee", passphrase: "short1" } });
    expect((await service.ask("GET", `/${weak.json.id}`, { headers: bearer("short1") })).status).toBe(403);
    const other = await service.ask("POST", "/", { json: { creator: "alice" } });
    expect((await service.ask("GET", `/${other.json.id}`, { headers: bearer(other.json.passphrase) })).status).toBe(
      403,
    );
  });

  it("is set by the creator", async () => {
    const { id, as } = await service.actor();
    const json = { trustee_root: "https://t.example/x" };
    expect((await service.ask("PUT", `/${id}/trust/trustee`, { headers: as, json })).status).toBe(204);
    expect((await service.ask("GET", `/${id}`, { headers: as })).json).toMatchObject(json);
    expect((await service.ask("PUT", `/${id}/trust/friend`, { headers: as, json })).status).toBe(404);
  });
});

describe("deleting an actor", () => {
  it("notifies every peer, removes everything, and leaves 404", async () => {
    const other = new TrustWorld(network, "https://b.example");
    const alice = await service.actor("alice");
    const bob = await other.actor("bob");
    const made = await service.ask("POST", `/${alice.id}/trust`, { headers: alice.as, json: { url: bob.root } });
    expect(made.status).toBe(201);
    expect((await service.ask("DELETE", `/${alice.id}`)).status).toBe(401);
    expect((await service.ask("DELETE", `/${alice.id}`, { headers: alice.as })).status).toBe(204);
    for (const path of ["", "/meta", "/trust"]) {
      expect((await service.ask("GET", `/${alice.id}${path}`, { headers: alice.as })).status).toBe(404);
    }
    expect((await service.table.query({ pk: actorPartition(alice.id), prefix: "" })).items).toEqual([]);
    expect((await other.ask("GET", `/${bob.id}/trust`, { headers: bob.as })).json).toEqual([]);
    expect(service.consequences.at(-1)).toEqual({
      what: "ended",
      args: [{ actorId: alice.id, peerId: bob.id }, { keepData: false }],
    });
  });

  it("finds data that was kept when its trust ended", async () => {
    service = new TrustWorld(network, "https://k.example", { environment: { AUTO_CLEANUP: "false" } });
    const other = new TrustWorld(network, "https://b.example");
    const alice = await service.actor("alice");
    const bob = await other.actor("bob");
    await service.ask("POST", `/${alice.id}/trust`, { headers: alice.as, json: { url: bob.root } });
    await service.ask("DELETE", `/${alice.id}/trust/associate/${bob.id}`, { headers: alice.as });
    expect(service.consequences.at(-1)?.args[1]).toEqual({ keepData: true });
    await service.ask("DELETE", `/${alice.id}`, { headers: alice.as });
    expect(service.removed).toEqual([`${alice.id} ${bob.id}`]);
  });

  it("may be repeated while it runs, and is gone for everyone else meanwhile", async () => {
    let release = (): void => undefined;
    const ending = new Promise<void>((resolve) => (release = resolve));
    const slow = { approved: () => Promise.resolve(), revoked: () => Promise.resolve(), ended: () => ending };
    service = new TrustWorld(network, "https://s.example", { consequences: slow });
    const other = new TrustWorld(network, "https://b.example");
    const alice = await service.actor("alice");
    const bob = await other.actor("bob");
    await service.ask("POST", `/${alice.id}/trust`, { headers: alice.as, json: { url: bob.root } });
    const first = service.ask("DELETE", `/${alice.id}`, { headers: alice.as });
    const second = service.ask("DELETE", `/${alice.id}`, { headers: alice.as });
    await expect.poll(async () => (await service.ask("GET", `/${alice.id}`, { headers: alice.as })).status).toBe(404);
    release();
    expect([(await first).status, (await second).status]).toEqual([204, 204]);
    expect((await service.ask("DELETE", `/${alice.id}`, { headers: alice.as })).status).toBe(404);
  });
});
