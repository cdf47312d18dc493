import { describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { bearer } from "../../support/in-process.ts";
import { PublisherWorld } from "./publisher-world.ts";

const ID = /^0-[0-9a-f]{32}$/;

describe("a peer's subscription", () => {
  it("is made with what was asked for, and begins at 0", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const made = await peer.ask("POST", "", { id: "bob", target: "properties", subtarget: null, granularity: "high" });
    expect([made.status, made.json]).toEqual([
      201,
      {
        ...{ subscriptionid: expect.stringMatching(ID), target: "properties", subtarget: "", resource: "" },
        ...{ granularity: "high", sequence: 0 },
      },
    ]);
    expect(made.headers["location"]).toBe(`${world.actor.root}/subscriptions/bob/${made.json.subscriptionid}`);
  });

  it("wants no callbacks unless it says so", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    expect((await peer.ask("POST", "", { target: "properties" })).json).toMatchObject({ granularity: "none" });
    expect((await peer.ask("POST", "", { target: "properties", granularity: null })).json.granularity).toBe("none");
  });

  it.each([
    [{}, "target"],
    [{ target: "" }, "target"],
    [{ target: "a/b" }, "target"],
    [{ target: "properties", granularity: "some" }, "granularity"],
    [{ target: "properties", subtarget: "a/b" }, "subtarget"],
    [{ target: "properties", subtarget: 5 }, "subtarget"],
    [{ target: "properties", resource: "a" }, "resource"],
    [{ target: "properties", subtarget: "a", resource: "../b" }, "resource"],
    [{ target: "properties", subtarget: "a", resource: "b\u0007" }, "resource"],
    [{ target: "properties", accept_encoding: 1 }, "accept_encoding"],
    [{ subscriptions: "all" }, "subscriptions"],
  ])("is refused for %j, which names the field", async (requested, field) => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const refused = await peer.ask("POST", "", requested);
    expect([refused.status, refused.json.error.message]).toEqual([400, expect.stringContaining(field)]);
    expect(world.stored().log).toBeUndefined();
  });

  it("is only for the approved peer the path names", async () => {
    const world = await PublisherWorld.open();
    const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
    const requested = { target: "properties" };
    const path = `subscriptions/${bob.id}`;
    expect((await world.ask("POST", path, requested, bearer(eve.secret))).status).toBe(403);
    expect((await world.ask("POST", path, requested, {})).status).toBe(401);
    expect((await world.ask("POST", path, requested)).status).toBe(403);
    const sub = await bob.subscribe();
    for (const [method, below] of [
      ...[["GET", ""] as const, ["PUT", ""] as const, ["DELETE", ""] as const, ["GET", "/1"] as const],
    ]) {
      const asked = await world.ask(method, `${path}/${sub}${below}`, undefined, bearer(eve.secret));
      expect([method, below, asked.status]).toEqual([method, below, 403]);
    }
    expect((await eve.ask("GET", sub)).status).toBe(404);
  });

  it("for the same place again keeps its id and takes the new granularity", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const first = await peer.subscribe({ subtarget: "a", granularity: "low" });
    const again = await peer.ask("POST", "", { target: "properties", subtarget: "a", granularity: "high" });
    expect([again.status, again.json]).toMatchObject([201, { subscriptionid: first, granularity: "high" }]);
    expect(await peer.subscribe({ subtarget: "a", resource: "b" })).not.toBe(first);
    const { heads, markers, log } = world.stored();
    expect([heads.length, markers.length, log?.["subscribers"]]).toEqual([2, 2, 2]);
    expect(markers.find((marker) => marker["subscriptionId"] === first)).toMatchObject({ granularity: "high" });
    const before = (await world.records()).length;
    await peer.subscribe({ subtarget: "a", granularity: "high" });
    expect((await world.records()).length).toBe(before);
  });

  it("is one, however often it is asked for at the same time", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const ids = await Promise.all(Array.from({ length: 8 }, () => peer.subscribe({ subtarget: "a" })));
    expect(new Set(ids).size).toBe(1);
    const { heads, log } = world.stored();
    expect([heads.length, log?.["subscribers"]]).toEqual([1, 1]);
  });

  it("keeps the encodings that its peer takes", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const sub = await peer.subscribe({ accept_encoding: "gzip" });
    const head = await world.host.service.inboundHeads.get({ actorId: world.actor.id, peerId: "bob", id: sub });
    expect(head?.acceptEncoding).toBe("gzip");
  });

  it("calls the application's hooks at its making and its end", async () => {
    const events: unknown[] = [];
    const app = new ActingWebApp({ awType: "urn:test", desc: "test" })
      .lifecycleHook("subscription_created", ({ actor: _actor, ...event }) => void events.push(["created", event]))
      .lifecycleHook("subscription_deleted", ({ actor: _actor, ...event }) => void events.push(["deleted", event]));
    const world = await PublisherWorld.open({ app });
    const peer = await world.peer("bob");
    const sub = await peer.subscribe({ subtarget: "a" });
    await peer.subscribe({ subtarget: "a", granularity: "low" });
    await peer.ask("DELETE", sub);
    const event = { peerId: "bob", subscriptionId: sub, target: "properties", subtarget: "a" };
    expect(events).toEqual([
      ["created", event],
      ["deleted", event],
    ]);
  });
});

describe("a peer's subscriptions", () => {
  it("end where all of them together would be too much to note with each", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const statuses = new Set<number>();
    for (let batch = 0; batch < 3; batch += 1) {
      const subscriptions = Array.from({ length: 80 }, (_, n) => ({
        ...{ target: "properties", subtarget: `${String(batch)}-${String(n)}-${"x".repeat(240)}` },
      }));
      const { json } = await peer.ask("POST", "", { subscriptions });
      for (const { status } of json.results as { status: number }[]) statuses.add(status);
    }
    expect([...statuses]).toEqual([201, 409]);
    expect(world.stored().log?.["subscribers"]).toBe(world.stored().heads.length);
  });

  it("lend their ids to none of ours", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const id = await peer.subscribe();
    world.network.hosts.set("https://bob.example", () => {
      const json = { subscriptionid: id, granularity: "high", sequence: 0 };
      return Promise.resolve({ status: 201, headers: {}, text: JSON.stringify(json), json });
    });
    const refused = await world.ask("POST", "subscriptions", { peerid: "bob", target: "properties" });
    expect(refused.status).toBe(502);
    expect((await world.ask("GET", "subscriptions")).json.data).toHaveLength(1);
  });
});

describe("several subscriptions in one request", () => {
  it("have one result each, in order", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const answer = await peer.ask("POST", "", {
      subscriptions: [
        { target: "properties", granularity: "high" },
        { target: "properties", granularity: "sometimes" },
        { target: "properties", subtarget: "a", resource: "b", granularity: "low" },
        "nonsense",
        { target: "properties", granularity: "low" },
      ],
    });
    expect(answer.status).toBe(207);
    const [first, second, third, fourth, fifth] = answer.json.results;
    expect(first).toMatchObject({ status: 201, subscriptionid: expect.stringMatching(ID), subtarget: "", sequence: 0 });
    expect(first.location).toBe(`${world.actor.root}/subscriptions/bob/${first.subscriptionid}`);
    const requestId = answer.headers["x-request-id"];
    expect(second).toMatchObject({
      status: 400,
      error: { message: expect.stringContaining("granularity"), requestId },
    });
    expect(third).toMatchObject({ status: 201, subtarget: "a", resource: "b", granularity: "low" });
    expect(fourth).toMatchObject({ status: 400, error: { code: "bad_request" } });
    expect(fifth).toMatchObject({ status: 201, subscriptionid: first.subscriptionid, granularity: "low" });
    expect(world.stored().log?.["subscribers"]).toBe(2);
  });

  it("may be a hundred, listed in the order asked for", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const subscriptions = Array.from({ length: 100 }, (_, n) => ({ target: "properties", subtarget: `p${String(n)}` }));
    const { status, json } = await peer.ask("POST", "", { subscriptions });
    expect([status, json.results.map((result: { status: number }) => result.status)]).toEqual([
      207,
      subscriptions.map(() => 201),
    ]);
    const listed = (await peer.ask("GET")).json.data.map((each: { subtarget: string }) => each.subtarget);
    expect(listed).toEqual(subscriptions.map(({ subtarget }) => subtarget));
    const over = [...subscriptions, { target: "properties", subtarget: "more" }];
    const refused = await peer.ask("POST", "", { subscriptions: over });
    expect([refused.status, refused.json.error.message]).toEqual([400, expect.stringContaining("at most 100")]);
  });

  it("may be none at all", async () => {
    const peer = await (await PublisherWorld.open()).peer("bob");
    const { status, json } = await peer.ask("POST", "", { subscriptions: [] });
    expect([status, json]).toEqual([207, { results: [] }]);
  });

  it("asked for again says its newest number, whether its cursor was there or not", async () => {
    const world = await PublisherWorld.open();
    const peer = await world.peer("bob");
    const id = await peer.subscribe({ subtarget: "a" });
    for (let n = 1; n <= 3; n += 1) await world.set("a", n);
    const requested = { target: "properties", subtarget: "a" };
    const again = await peer.ask("POST", "", requested);
    expect(again.json).toMatchObject({ subscriptionid: id, sequence: 3 });
    await world.set("a", 4);
    const batch = await peer.ask("POST", "", { subscriptions: [{ ...requested, granularity: "low" }] });
    expect(batch.json.results).toMatchObject([{ subscriptionid: id, sequence: 4 }]);
  });
});

describe("a subscription of ours", () => {
  it("is refused when the peer gives it the id of one that it has with us, which stays", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const inbound = await bob.subscribe({ subtarget: "a" });
    world.network.hosts.set("https://bob.example", () => {
      const json = { subscriptionid: inbound, granularity: "high", sequence: 0 };
      return Promise.resolve({ status: 201, headers: {}, text: JSON.stringify(json), json });
    });
    const asked = await world.ask("POST", "subscriptions", { peerid: "bob", target: "properties" });
    expect([asked.status, asked.json.error.code]).toEqual([502, "peer_refused"]);
    const { data } = (await world.ask("GET", "subscriptions")).json;
    expect(data).toMatchObject([{ subscriptionid: inbound, callback: false, subtarget: "a" }]);
  });
});

describe("lists of subscriptions", () => {
  it("show both directions in order of creation, filtered", async () => {
    const world = await PublisherWorld.open();
    const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
    const inbound = await bob.subscribe({ subtarget: "a", granularity: "low" });
    world.host.now += 1_000;
    world.network.hosts.set("https://bob.example", (request) => {
      const json = request.method === "POST" ? { subscriptionid: "theirs", granularity: "high", sequence: 0 } : {};
      return Promise.resolve({ status: 201, headers: {}, text: JSON.stringify(json), json });
    });
    expect((await world.ask("POST", "subscriptions", { peerid: "bob", target: "properties" })).status).toBe(204);
    world.host.now += 1_000;
    const other = await eve.subscribe({ target: "things" });
    const { status, json } = await world.ask("GET", "subscriptions");
    expect([status, json.id]).toEqual([200, world.actor.id]);
    const wire = { id: world.actor.id, target: "properties", subtarget: "", resource: "", sequence: 0 };
    expect(json.data).toEqual([
      { ...wire, peerid: "bob", subscriptionid: inbound, subtarget: "a", granularity: "low", callback: false },
      { ...wire, peerid: "bob", subscriptionid: "theirs", granularity: "high", callback: true },
      { ...wire, peerid: "eve", subscriptionid: other, target: "things", granularity: "none", callback: false },
    ]);
    const ids = async (query: string) =>
      (await world.ask("GET", `subscriptions${query}`)).json.data.map(
        (each: { subscriptionid: string }) => each.subscriptionid,
      );
    expect(await ids("?peerid=bob")).toEqual([inbound, "theirs"]);
    expect(await ids("?target=things")).toEqual([other]);
    expect(await ids("?subtarget=a")).toEqual([inbound]);
    expect(await ids("?peerid=nobody")).toEqual([]);
    expect(await ids("?peerid=&target=")).toEqual([inbound, "theirs", other]);
    expect(await ids("?peerid=bob&target=properties&subtarget=&resource=")).toEqual(["theirs"]);
    expect(await ids("/bob?peerid=eve")).toEqual([]);
    expect((await world.ask("GET", "subscriptions?peerid=no/id")).json.error).toMatchObject({ field: "peerid" });
    expect(await ids("/bob")).toEqual([inbound, "theirs"]);
    expect(await ids("/nobody")).toEqual([]);
    expect((await bob.ask("GET")).json).toMatchObject({ peerid: "bob", data: [{ subscriptionid: inbound }] });
    const things = await world.ask("GET", "subscriptions/bob?target=things", undefined, bearer(bob.secret));
    expect([things.status, things.json.data]).toEqual([200, []]);
  });

  it("say the newest number, also of subscriptions that were never polled", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const sub = await bob.subscribe({ subtarget: "a" });
    await world.set("a", 1);
    await world.set("b", 1);
    await world.set("a", 2);
    expect((await bob.ask("GET")).json.data).toMatchObject([{ subscriptionid: sub, sequence: 2 }]);
  });
});

describe("the end of a subscription", () => {
  it("comes by its peer once, and leaves nothing", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const sub = await bob.subscribe();
    await world.set("a", 1);
    expect((await bob.ask("DELETE", sub)).status).toBe(204);
    expect((await bob.ask("DELETE", sub)).status).toBe(404);
    expect((await bob.ask("GET", sub)).status).toBe(404);
    expect((await bob.ask("GET", `${sub}/1`)).status).toBe(404);
    expect((await bob.ask("PUT", sub, { sequence: "no number" })).status).toBe(404);
    expect(world.stored()).toMatchObject({ heads: [], markers: [], peers: [], log: { subscribers: 0 } });
    expect(world.network.sent).toEqual([]);
  });

  it("is sent to the peer when the owner ends it", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const sub = await bob.subscribe();
    expect((await world.ask("DELETE", `subscriptions/bob/${sub}`)).status).toBe(204);
    expect(world.network.sent.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `DELETE https://bob.example/bob/subscriptions/${world.actor.id}/${sub}`,
    ]);
    expect((await world.ask("DELETE", `subscriptions/bob/${sub}`)).status).toBe(404);
  });

  it("by the owner is 410 to its peer's poll until the peer is notified, and 404 to everyone else", async () => {
    const world = await PublisherWorld.open();
    const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
    const unnotified = async () => (await world.inner.query({ pk: `A#${world.actor.id}`, prefix: "END#" })).items;
    const [sub, other] = [await bob.subscribe(), await bob.subscribe({ subtarget: "a" })];
    // No server answers for bob.
    expect((await world.ask("DELETE", `subscriptions/bob/${sub}`)).status).toBe(204);
    const polled = await bob.ask("GET", sub);
    expect([polled.status, polled.json.error.code]).toEqual([410, "gone"]);
    expect((await bob.ask("GET", `${sub}?after=x`)).status).toBe(410);
    expect((await bob.ask("GET", sub)).status).toBe(410);
    expect((await bob.ask("GET", "unknown")).status).toBe(404);
    expect((await eve.ask("GET", sub)).status).toBe(404);
    expect((await world.ask("GET", `subscriptions/bob/${sub}`)).status).toBe(404);
    expect((await world.ask("DELETE", `subscriptions/bob/${sub}`)).status).toBe(404);
    for (const [method, below] of [["PUT", ""] as const, ["GET", "/1"] as const, ["DELETE", ""] as const]) {
      expect((await bob.ask(method, `${sub}${below}`, { sequence: 0 })).status, method).toBe(404);
    }
    expect(await unnotified()).toHaveLength(1);
    world.network.hosts.set("https://bob.example", () =>
      Promise.resolve({ status: 204, headers: {}, text: "", json: undefined }),
    );
    expect((await world.ask("DELETE", `subscriptions/bob/${other}`)).status).toBe(204);
    expect((await bob.ask("GET", other)).status).toBe(404);
    expect(await unnotified()).toHaveLength(1);
    // The end is kept as long as a backlog.
    world.host.now += 31 * 86_400_000;
    expect((await bob.ask("GET", sub)).status).toBe(404);
  });

  it("by its peer is no end by the owner, and nothing of one stays when the trust ends", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const [left, ended] = [await bob.subscribe(), await bob.subscribe({ subtarget: "a" })];
    await bob.ask("DELETE", left);
    expect((await bob.ask("GET", left)).status).toBe(404);
    await world.ask("DELETE", `subscriptions/bob/${ended}`);
    expect((await bob.ask("GET", ended)).status).toBe(410);
    await world.ask("DELETE", "trust/friend/bob");
    expect((await world.inner.query({ pk: `A#${world.actor.id}`, prefix: "END#" })).items).toEqual([]);
  });

  it("comes by the callback's path too, as peers in the field leave", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const sub = await bob.subscribe();
    const leave = async (as?: Record<string, string>) =>
      (await world.ask("DELETE", `callbacks/subscriptions/bob/${sub}`, undefined, as ?? bearer(bob.secret))).status;
    expect(await leave({})).toBe(401);
    expect(await leave(bearer("wrong"))).toBe(401);
    expect([await leave(), await leave()]).toEqual([204, 404]);
  });

  it("of one gives a broader one what it covered, by one resync", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    const broad = await bob.subscribe({ granularity: "low" });
    const narrow = await bob.subscribe({ subtarget: "a", granularity: "low" });
    await world.set("a", 1);
    await world.set("b", 2);
    expect([await bob.diffsOf(broad), await bob.diffsOf(narrow)]).toEqual([[{ b: 2 }], [1]]);
    await bob.ask("DELETE", narrow);
    const { data } = await bob.poll(broad);
    expect(data).toMatchObject([
      { sequence: 1, data: { b: 2 } },
      { sequence: 2, type: "resync", data: { a: 1, b: 2 }, overwritten: [""] },
    ]);
  });

  it("comes with the trust, however many there are", async () => {
    const world = await PublisherWorld.open();
    const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
    const subscriptions = Array.from({ length: 100 }, (_, n) => ({ target: "properties", subtarget: `p${String(n)}` }));
    await bob.ask("POST", "", { subscriptions });
    await eve.subscribe();
    expect((await world.ask("DELETE", "trust/friend/bob")).status).toBe(204);
    const { heads, markers, log } = world.stored();
    expect([heads.length, markers.length, log?.["subscribers"]]).toEqual([1, 1, 1]);
    expect((await bob.ask("GET")).status).toBe(403);
    await world.set("a", 1);
    expect(world.stored().heads).toHaveLength(1);
  });

  it("comes with the actor, of which nothing stays", async () => {
    const world = await PublisherWorld.open();
    const bob = await world.peer("bob");
    await bob.subscribe();
    await world.set("a", 1);
    expect((await world.host.ask("DELETE", `/${world.actor.id}`, { headers: world.actor.as })).status).toBe(204);
    expect(world.stored()).toEqual({ heads: [], markers: [], peers: [], log: undefined });
    expect(await world.records()).toEqual([]);
  });
});
