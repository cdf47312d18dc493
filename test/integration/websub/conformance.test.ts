/** The assertions of the hub tests 100 to 104 (and 106) of websub.rocks, as its subscriber makes them. */
import { createHmac } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { HubWorld, type Got } from "./hub-world.ts";

let hub: HubWorld;
beforeEach(async () => {
  hub = await new HubWorld().open();
});

/** The URLs of a Link header by their relation. */
function linksOf(header: string | undefined): Record<string, string> {
  const links = [...(header ?? "").matchAll(/<([^>]*)>; rel="([^"]*)"/g)];
  return Object.fromEntries(links.map(([, url = "", rel = ""]) => [rel, url]));
}

/** Discovery: by the header of a GET, or of a HEAD. */
async function discover(method: string): Promise<{ hub: string; self: string }> {
  const { headers } = await hub.world.ask(method, hub.topic());
  const { hub: hubUrl = "", self = "" } = linksOf(headers["link"]);
  return { hub: hubUrl, self };
}

async function request(hubUrl: string, fields: Record<string, string>): Promise<number> {
  const { status } = await hub.world.ask("POST", hubUrl, {
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
  await hub.work();
  return status;
}

/** What the subscriber checks of a distribution. */
async function checkDistribution(got: Got | undefined, found: { hub: string; self: string }): Promise<void> {
  const topic = await hub.world.ask("GET", found.self);
  expect(got?.text).toBe(topic.text);
  expect(got?.type).toBe(topic.headers["content-type"]);
  expect(linksOf(got?.headers["link"])).toEqual(found);
}

describe.each([["GET"], ["HEAD"]])("a subscriber that discovers the hub by %s", (method) => {
  let found: { hub: string; self: string };
  let fields: Record<string, string>;
  beforeEach(async () => {
    found = await discover(method);
    expect(found).toEqual({ hub: `${hub.alice.root}/hub`, self: hub.topic() });
    fields = { "hub.mode": "subscribe", "hub.topic": found.self, "hub.callback": "https://s.example/cb/100" };
  });

  it("100: subscribes with mode, topic and callback, and gets the whole topic without a signature", async () => {
    expect(await request(found.hub, fields)).toBe(202);
    const [asked] = hub.asked;
    expect([asked?.get("hub.mode"), asked?.get("hub.topic")]).toEqual(["subscribe", found.self]);
    expect(asked?.get("hub.challenge")).toMatch(/^.{20,}$/);
    expect(Number(asked?.get("hub.lease_seconds"))).toBe(864_000);
    await hub.put("blog", { title: "new" });
    await hub.work();
    expect(hub.sent).toHaveLength(1);
    await checkDistribution(hub.sent[0], found);
    expect(hub.sent[0]?.headers["x-hub-signature"]).toBeUndefined();
  });

  it("101: subscribes with a secret, and gets the topic with a valid signature", async () => {
    expect(await request(found.hub, { ...fields, "hub.secret": "a secret of 20 bytes" })).toBe(202);
    await hub.put("blog", "new");
    await hub.work();
    await checkDistribution(hub.sent[0], found);
    const [algorithm = "", signature] = (hub.sent[0]?.headers["x-hub-signature"] ?? "").split("=");
    expect(algorithm).toBe("sha256");
    expect(signature).toBe(createHmac(algorithm, "a secret of 20 bytes").update("new").digest("hex"));
  });

  it("102: sends further parameters, which are ignored", async () => {
    expect(await request(found.hub, { ...fields, foo: "bar", "hub.foo": "hub.bar" })).toBe(202);
    await hub.put("blog", "new");
    await hub.work();
    await checkDistribution(hub.sent[0], found);
  });

  it("103: subscribes again before its lease ends, and stays one subscription", async () => {
    expect(await request(found.hub, fields)).toBe(202);
    await hub.put("blog", "second");
    await hub.work();
    expect(await request(found.hub, fields)).toBe(202);
    expect(hub.asked).toHaveLength(2);
    await hub.put("blog", "third");
    await hub.work();
    expect(hub.bodies).toEqual(["second", "third"]);
    await checkDistribution(hub.sent[1], found);
  });

  it("104: unsubscribes, and gets nothing any more", async () => {
    expect(await request(found.hub, fields)).toBe(202);
    await hub.put("blog", "second");
    await hub.work();
    expect(await request(found.hub, { ...fields, "hub.mode": "unsubscribe" })).toBe(202);
    const last = hub.asked.at(-1);
    expect([last?.get("hub.mode"), last?.get("hub.topic")]).toEqual(["unsubscribe", found.self]);
    await hub.put("blog", "third");
    await hub.work();
    expect(hub.bodies).toEqual(["second"]);
  });

  it("106: gets JSON with the type of JSON", async () => {
    await hub.put("blog", { title: "x" });
    await hub.work();
    expect(await request(found.hub, fields)).toBe(202);
    await hub.put("blog", { title: "y" });
    await hub.work();
    expect(hub.sent[0]?.type).toBe("application/json");
    await checkDistribution(hub.sent[0], found);
  });
});
