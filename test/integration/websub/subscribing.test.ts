/** What a hub does with requests and their verification, beyond the tests of websub.rocks. */
import { beforeEach, describe, expect, it } from "vitest";
import { itemExists } from "../../../lib/dynamodb/table.ts";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { CALLBACK, confirming, HubWorld, MINUTE, type Answering } from "./hub-world.ts";

const DAY = 24 * 60 * MINUTE;
let hub: HubWorld;
beforeEach(async () => {
  hub = await new HubWorld().open();
});

/** What is distributed of one more change. */
async function changed(value = "changed"): Promise<string[]> {
  const before = hub.bodies.length;
  await hub.put("blog", value);
  await hub.work();
  return hub.bodies.slice(before);
}

describe("a request", () => {
  it.each([
    ["hub.mode", { "hub.mode": undefined }],
    ["hub.topic", { "hub.topic": undefined }],
    ["hub.callback", { "hub.callback": undefined }],
    ["hub.callback", { "hub.callback": "not a URL" }],
    ["hub.callback", { "hub.callback": `${CALLBACK}#part` }],
    ["hub.secret", { "hub.secret": "s".repeat(200) }],
    ["hub.lease_seconds", { "hub.lease_seconds": "0" }],
    ["hub.lease_seconds", { "hub.lease_seconds": "never" }],
  ])("is refused with text that names %s", async (parameter, fields) => {
    const answer = await hub.ask(fields);
    expect([answer.status, answer.headers["content-type"]]).toEqual([400, "text/plain; charset=utf-8"]);
    expect(answer.text).toContain(parameter);
    await hub.work();
    expect(hub.got).toEqual([]);
  });

  it("is refused with a parameter twice", async () => {
    const form = new URLSearchParams({ "hub.mode": "subscribe", "hub.topic": hub.topic(), "hub.callback": CALLBACK });
    const answer = await hub.ask(`${form.toString()}&hub.callback=${encodeURIComponent(CALLBACK)}`);
    expect([answer.status, answer.text]).toEqual([400, "hub.callback must be given once.\n"]);
  });

  it("is a form, of at most 16 KiB", async () => {
    const json = await hub.world.ask("POST", `${hub.alice.root}/hub`, { json: { "hub.mode": "subscribe" } });
    expect([json.status, json.headers["content-type"]]).toEqual([415, "text/plain; charset=utf-8"]);
    expect((await hub.ask({ more: "x".repeat(17_000) })).status).toBe(413);
    expect((await hub.ask("hub.mode=%ff")).status).toBe(400);
    const none = await hub.world.ask("POST", "https://a.example/nobody/hub", { body: "x" });
    expect([none.status, none.headers["content-type"]]).toEqual([404, "text/plain; charset=utf-8"]);
  });

  it("is taken with a secret of 199 bytes, and refused with one of 200", async () => {
    expect((await hub.ask({ "hub.secret": "s".repeat(199) })).status).toBe(202);
    expect((await hub.ask({ "hub.secret": "s".repeat(200) })).status).toBe(400);
  });

  it("for a private, missing or foreign topic, and for what is none, is refused with one and the same text", async () => {
    await hub.put("secret", { a: 1 });
    await hub.owner("POST", "/properties", { list: { _type: "list" } });
    const item = "x".repeat(250_000);
    for (let count = 0; count < 5; count += 1) await hub.owner("POST", "/properties/list", item);
    const bob = await hub.world.actor("bob");
    const topics = [
      hub.topic("properties/secret"),
      hub.topic("properties/private/key"),
      hub.topic("properties/blog/missing"),
      hub.topic("properties/list"),
      hub.topic("properties"),
      hub.topic("trust"),
      hub.alice.root,
      `${hub.topic()}?x=1`,
      `${hub.topic()}#x`,
      `${bob.root}/properties/blog`,
      "https://other.example/feed",
      "blog",
    ];
    for (const mode of ["subscribe", "publish"]) {
      const answers = await Promise.all(
        topics.map(async (topic) => await hub.ask({ "hub.mode": mode, "hub.topic": topic })),
      );
      expect(new Set(answers.map(({ status, text }) => `${String(status)} ${text}`))).toEqual(
        new Set(["400 hub.topic is no topic of this hub.\n"]),
      );
    }
    await hub.work();
    expect(hub.got).toEqual([]);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
  });

  it("to publish an own topic is taken and does nothing", async () => {
    await hub.subscribe();
    expect((await hub.ask({ "hub.mode": "publish" })).status).toBe(202);
    await hub.work();
    expect(hub.sent).toEqual([]);
  });

  it("names its topic in any encoding; verification has it as it was sent, distribution in its own", async () => {
    await hub.put("blog", { "é ~": "x" });
    const sent = `https://A.example:443/${hub.alice.id}/%70roperties/blog/%c3%a9%20%7E`;
    await hub.subscribe({ "hub.topic": sent });
    expect(hub.asked[0]?.get("hub.topic")).toBe(sent);
    await hub.put("blog", { "é ~": "y" });
    await hub.work();
    expect(hub.bodies).toEqual(["y"]);
    expect(hub.sent[0]?.headers["link"]).toContain(`<${hub.topic("properties/blog/%C3%A9%20~")}>; rel="self"`);
    // The same subscription, however it is spelt.
    await hub.subscribe({
      "hub.topic": hub.topic("properties/blog/%C3%A9%20~"),
      "hub.callback": `${CALLBACK.slice(0, -1)}%62`,
    });
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
  });

  it("for a hostile callback is refused, or fails when its address is known", async () => {
    const closed = await new HubWorld({ environment: { ALLOW_HTTP_PEERS: "false" } }).open();
    for (const callback of [
      "http://s.example/cb",
      "https://127.0.0.1/cb",
      "https://[::1]/cb",
      "https://169.254.169.254/latest",
      "https://localhost/cb",
      "https://user:word@s.example/cb",
      "ftp://s.example/cb",
      "https://2130706433/cb",
    ]) {
      expect([callback, (await closed.ask({ "hub.callback": callback })).status]).toEqual([callback, 400]);
    }
    expect((await closed.ask({ "hub.callback": "https://inside.example/cb" })).status).toBe(202);
    closed.network.hosts.set("https://inside.example", () => {
      throw new PeerFailure("refused", "The peer's URL is not used: its address is not public.");
    });
    await closed.work();
    expect(await closed.counts()).toEqual({ subscriptions: 0, pending: 0 });
  });
});

describe("a lease", () => {
  it.each([
    [undefined, 864_000],
    ["1", 3_600],
    ["7200", 7_200],
    ["99999999", 2_592_000],
    ["9".repeat(400), 2_592_000],
  ])("of %s s becomes %i s", async (asked, given) => {
    await hub.subscribe({ "hub.lease_seconds": asked });
    expect(hub.asked[0]?.get("hub.lease_seconds")).toBe(String(given));
    await hub.pass(given * 1_000 - 1);
    expect(await changed()).toEqual(["changed"]);
    await hub.pass(1);
    expect(await changed("later")).toEqual([]);
  });

  it("is clamped to what the operator says", async () => {
    hub = await new HubWorld({
      environment: { HUB_LEASE_MIN_SECONDS: "60", HUB_LEASE_MAX_SECONDS: "120" },
    }).open();
    await hub.subscribe({ "hub.lease_seconds": "1" });
    await hub.subscribe();
    expect(hub.asked.map((each) => each.get("hub.lease_seconds"))).toEqual(["60", "120"]);
  });

  it("ends without the sweep, by the time alone", async () => {
    await hub.subscribe({ "hub.lease_seconds": "3600" });
    hub.world.now += 60 * MINUTE;
    expect(await changed()).toEqual([]);
    expect((await hub.items("SUB#")).length).toBe(1);
  });

  it("ends by the sweep, which leaves nothing", async () => {
    await hub.subscribe({ "hub.lease_seconds": "3600" });
    await hub.sweep(59 * MINUTE);
    expect((await hub.items("SUB#")).length).toBe(1);
    await hub.sweep(MINUTE);
    expect(await hub.items("SUB#")).toEqual([]);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
    // Then the topic goes, and with it what the log's head says.
    await hub.sweep(2 * MINUTE);
    expect(await hub.items("TOPIC#")).toEqual([]);
    const head = await hub.world.table.get({ pk: `H#${hub.alice.id}`, sk: "LOG" });
    expect(head?.["hubJoins"]).toBeUndefined();
    await hub.subscribe();
    expect(await changed()).toEqual(["changed"]);
  });

  it("that ends while a renewal waits makes it a new subscription, counted so", async () => {
    await hub.subscribe({ "hub.lease_seconds": "3600" });
    hub.answering = () => undefined;
    await hub.pass(55 * MINUTE);
    await hub.subscribe();
    await hub.pass(MINUTE);
    await hub.sweep(5 * MINUTE);
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 1 });
    hub.answering = confirming;
    await hub.sweep(20 * MINUTE);
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
    expect(await changed()).toEqual(["changed"]);
  });
});

describe("a verification", () => {
  it.each<[string, Answering]>([
    ["another challenge", ({ url }) => ({ status: 200, text: `${String(url.searchParams.get("hub.challenge"))}x` })],
    [
      "a challenge with a line's end",
      ({ url }) => ({ status: 200, text: `${String(url.searchParams.get("hub.challenge"))}\n` }),
    ],
    ["nothing", () => ({ status: 200 })],
    ["204", () => ({ status: 204 })],
    ["404", ({ url }) => ({ status: 404, text: url.searchParams.get("hub.challenge") ?? "" })],
    ["a redirect", () => ({ status: 302, headers: { location: `${CALLBACK}/other` } })],
  ])("fails for good with %s", async (_, answering) => {
    hub.answering = answering;
    await hub.subscribe();
    expect(hub.asked).toHaveLength(1);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
    hub.answering = confirming;
    await hub.pass(DAY);
    await hub.sweep();
    expect(hub.asked).toHaveLength(1);
    expect(await changed()).toEqual([]);
  });

  it.each<[string, Answering]>([
    ["cannot be reached", () => undefined],
    ["says 500", () => ({ status: 500 })],
    ["says 503", () => ({ status: 503 })],
    ["says 429", () => ({ status: 429 })],
  ])("is tried again after 1 and 10 min when the callback %s, and not after that", async (_, answering) => {
    hub.answering = answering;
    await hub.subscribe();
    await hub.pass(MINUTE - 1);
    expect(hub.asked).toHaveLength(1);
    await hub.pass(1);
    expect(hub.asked).toHaveLength(2);
    await hub.pass(10 * MINUTE - 1);
    expect(hub.asked).toHaveLength(2);
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 1 });
    await hub.pass(1);
    expect(hub.asked).toHaveLength(3);
    expect(new Set(hub.asked.map((each) => each.get("hub.challenge"))).size).toBe(3);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
    await hub.pass(DAY);
    await hub.sweep();
    expect(hub.asked).toHaveLength(3);
  });

  it("that passes late counts its lease from then on", async () => {
    hub.answering = () => undefined;
    await hub.subscribe({ "hub.lease_seconds": "3600" });
    await hub.pass(MINUTE);
    hub.answering = confirming;
    expect(await changed("meanwhile")).toEqual([]);
    await hub.pass(10 * MINUTE);
    expect(await changed("second")).toEqual(["second"]);
    await hub.pass(60 * MINUTE - 1);
    expect(await changed("third")).toEqual(["third"]);
    await hub.pass(1);
    expect(await changed("fourth")).toEqual([]);
  });

  it("is begun by the sweep when its message is lost", async () => {
    await hub.ask();
    await hub.sweep(MINUTE);
    expect(hub.asked).toHaveLength(1);
    expect(await changed()).toEqual(["changed"]);
  });

  it("by two workers at once sends a challenge of each, and takes effect once", async () => {
    await hub.ask();
    const { messages } = hub.world;
    const [message] = messages;
    if (message === undefined) throw new Error("no message begins the verification");
    // A queue delivers a message at least once: here it comes again while the first one is being worked on.
    const other = hub.instance();
    other.messages.push(message);
    await Promise.all([hub.work(), other.arriveMessages()]);
    expect(hub.asked).toHaveLength(2);
    expect(new Set(hub.asked.map((each) => each.get("hub.challenge"))).size).toBe(2);
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
    expect(await hub.contradictions()).toEqual([]);
    other.messages.push({ ...message });
    await other.arriveMessages();
    expect(hub.asked).toHaveLength(2);
    expect(await changed()).toEqual(["changed"]);
  });

  it("distributes nothing", async () => {
    await hub.subscribe();
    for (let minute = 0; minute < 10; minute += 1) await hub.sweep(MINUTE);
    expect(hub.sent).toEqual([]);
  });

  it("keeps the callback's query, with names that clash", async () => {
    const callback = `${CALLBACK}?id=7&hub.mode=mine&hub.topic&x=%20`;
    await hub.subscribe({ "hub.callback": callback });
    const [got] = hub.got;
    expect(got?.url.href.startsWith(`${callback}&hub.mode=subscribe&hub.topic=`)).toBe(true);
    expect(got?.url.searchParams.getAll("hub.mode")).toEqual(["mine", "subscribe"]);
    await changed();
    expect(hub.sent[0]?.url.href).toBe(callback);
  });

  it("before which another request comes is of the newest alone", async () => {
    await hub.ask({ "hub.secret": "one", "hub.lease_seconds": "7200" });
    await hub.ask({ "hub.secret": "two", "hub.lease_seconds": "3600" });
    await hub.work();
    expect(new Set(hub.asked.map((each) => each.get("hub.lease_seconds")))).toEqual(new Set(["3600"]));
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
    hub.got.splice(0);
    await hub.ask({ "hub.callback": `${CALLBACK}/2` });
    await hub.ask({ "hub.callback": `${CALLBACK}/2`, "hub.mode": "unsubscribe" });
    await hub.work();
    expect(new Set(hub.asked.map((each) => each.get("hub.mode")))).toEqual(new Set(["unsubscribe"]));
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
  });

  it("during which another request comes changes nothing; the newest is verified", async () => {
    let asked = 0;
    const ask = hub.ask.bind(hub);
    hub.network.hosts.set("https://slow.example", async (request) => {
      const url = new URL(request.url);
      asked += 1;
      if (asked === 1) await ask({ "hub.callback": "https://slow.example/cb", "hub.lease_seconds": "7200" });
      hub.got.push({ method: request.method, url, headers: {}, text: "", type: "" });
      const text = url.searchParams.get("hub.challenge") ?? "";
      return { status: 200, headers: {}, text, json: undefined };
    });
    await hub.subscribe({ "hub.callback": "https://slow.example/cb", "hub.lease_seconds": "3600" });
    expect(hub.asked.map((each) => each.get("hub.lease_seconds"))).toEqual(["3600", "7200"]);
    const [item] = await hub.items("SUB#");
    expect(item?.["active"]).toMatchObject({ leaseEnds: hub.now + 7_200_000 });
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
  });

  it("that fails changes nothing of what was verified", async () => {
    await hub.subscribe({ "hub.secret": "first" });
    const [before] = await hub.items("SUB#");
    hub.answering = () => ({ status: 404 });
    await hub.subscribe({ "hub.secret": "second", "hub.lease_seconds": "3600" });
    await hub.unsubscribe();
    expect(hub.asked.map((each) => each.get("hub.mode"))).toEqual(["subscribe", "subscribe", "unsubscribe"]);
    const [after] = await hub.items("SUB#");
    expect(after?.["active"]).toEqual(before?.["active"]);
    hub.answering = confirming;
    expect(await changed()).toEqual(["changed"]);
  });

  it("of a renewal without a secret drops the secret", async () => {
    await hub.subscribe({ "hub.secret": "first" });
    await changed("one");
    await hub.subscribe();
    await changed("two");
    await hub.subscribe({ "hub.secret": "second" });
    await changed("three");
    const signed = hub.sent.map(({ headers }) => headers["x-hub-signature"] !== undefined);
    expect(signed).toEqual([true, false, true]);
  });

  it("of an unsubscription names no lease, and leaves nothing", async () => {
    await hub.subscribe();
    await hub.unsubscribe({ "hub.lease_seconds": "ten", "hub.secret": "s".repeat(500) });
    expect(hub.asked[1]?.has("hub.lease_seconds")).toBe(false);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
    expect(await hub.items("SUB#")).toEqual([]);
  });

  it("of an unsubscription is of nothing where there is no subscription", async () => {
    await hub.unsubscribe();
    expect(hub.got).toEqual([]);
  });

  it("is denied when the topic has become private meanwhile", async () => {
    await hub.ask();
    await hub.makePublic([]);
    await hub.work();
    expect(hub.asked.map((each) => each.get("hub.mode"))).toEqual(["denied"]);
    expect(hub.asked[0]?.get("hub.topic")).toBe(hub.topic());
    expect(hub.asked[0]?.get("hub.reason")).toMatch(/not public/);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
  });
});

describe("the limits", () => {
  it("are 10 requests a minute for each callback origin", async () => {
    const answers: number[] = [];
    for (let index = 0; index < 11; index += 1) {
      answers.push((await hub.ask({ "hub.callback": `${CALLBACK}/${String(index)}` })).status);
    }
    expect(answers).toEqual([...Array<number>(10).fill(202), 429]);
    const refused = await hub.ask({ "hub.callback": `${CALLBACK}/0` });
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "60"]);
    expect((await hub.ask({ "hub.callback": "https://t.example/cb" })).status).toBe(202);
    await hub.work();
    // Verified ones are renewed at any time.
    expect((await hub.ask({ "hub.callback": `${CALLBACK}/0` })).status).toBe(202);
    await hub.pass(MINUTE);
    expect((await hub.ask({ "hub.callback": `${CALLBACK}/11` })).status).toBe(202);
  });

  it("are 100 verifications of new subscriptions that wait", async () => {
    await hub.subscribe({ "hub.callback": "https://s.example/verified" });
    const callback = (index: number): string => `https://h${String(index)}.example/cb`;
    for (let index = 0; index < 100; index += 1) {
      expect((await hub.ask({ "hub.callback": callback(index) })).status).toBe(202);
    }
    const refused = await hub.ask({ "hub.callback": callback(100) });
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "60"]);
    expect(await hub.counts()).toEqual({ subscriptions: 101, pending: 100 });
    expect((await hub.ask({ "hub.callback": "https://s.example/verified" })).status).toBe(202);
    expect((await hub.ask({ "hub.callback": callback(0) })).status).toBe(202);
    hub.serve(callback(1).slice(0, -3));
    await hub.work();
    expect((await hub.ask({ "hub.callback": callback(100) })).status).toBe(202);
  });

  it("are 50 subscriptions of a callback origin", async () => {
    for (let index = 0; index < 50; index += 1) {
      await hub.subscribe({ "hub.callback": `${CALLBACK}/${String(index)}` });
      if (index % 10 === 9) await hub.pass(MINUTE);
    }
    const refused = await hub.ask({ "hub.callback": `${CALLBACK}/50` });
    expect([refused.status, refused.headers["content-type"]]).toEqual([409, "text/plain; charset=utf-8"]);
    await hub.unsubscribe({ "hub.callback": `${CALLBACK}/0` });
    expect((await hub.ask({ "hub.callback": `${CALLBACK}/50` })).status).toBe(202);
  });

  it("are 2,000 subscriptions of an actor", async () => {
    await hub.subscribe();
    const [counts] = await hub.items("COUNTS");
    await hub.world.table.update(
      { pk: String(counts?.pk), sk: "COUNTS" },
      { add: { subscriptions: 1_999 } },
      itemExists,
    );
    const refused = await hub.ask({ "hub.callback": "https://t.example/cb" });
    expect([refused.status, refused.headers["content-type"]]).toEqual([409, "text/plain; charset=utf-8"]);
    expect((await hub.ask()).status).toBe(202);
    await hub.unsubscribe();
    expect((await hub.ask({ "hub.callback": "https://t.example/cb" })).status).toBe(202);
  });

  it("hold when requests come at the same time", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => await hub.ask({ "hub.callback": `${CALLBACK}/${String(index)}` })),
    );
    const taken = answers.filter(({ status }) => status === 202).length;
    expect(taken).toBeLessThanOrEqual(10);
    await hub.work();
    expect(await hub.counts()).toEqual({ subscriptions: taken, pending: 0 });
  });
});
