import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { WebhookWorld } from "./webhook-world.ts";

const SECRET = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;
const HUSH = { bearer: "hush-bearer", headers: { "X-Key": "hush-header" }, secret: SECRET };
const secretsIn = (text: string): readonly string[] =>
  [SECRET, SECRET.slice(6), "hush-bearer", "hush-header"].filter((secret) => text.includes(secret));

describe("a webhook", () => {
  it("is made, is the same again, and is changed only by those who know what it is", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example");
    const json = { url, topics: ["properties.>"] };
    const made = await world.ask("PUT", "/webhooks/one", { json });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      ...{ id: "one", url, topics: ["properties.>"], order: "key", parallel: 4, signature: "v1", maxAttempts: 10 },
      ...{ onExhausted: "park", retryAmbiguous: true, timeoutSeconds: 15, rate: { limit: 100, periodSeconds: 10 } },
      ...{ status: "active", sequence: 0, lag: 0, oldestSeconds: 0, blocked: [] },
      breaker: { state: "closed", failures: 0 },
    });
    expect(made.json.secret).toMatch(/^whsec_/);
    expect(made.headers["cache-control"]).toBe("no-store");

    const same = await world.ask("PUT", "/webhooks/one", { json });
    expect([same.status, same.json.secret, same.headers["etag"]]).toEqual([200, true, made.headers["etag"]]);

    const other = { ...json, order: "strict", topics: ["a"] };
    const unknown = await world.ask("PUT", "/webhooks/one", { json: other });
    expect([unknown.status, unknown.json.error]).toMatchObject([
      428,
      { code: "precondition_required", fields: ["order", "topics"] },
    ]);
    const stale = await world.ask("PUT", "/webhooks/one", { json: other, headers: { "if-match": '"other"' } });
    expect([stale.status, stale.json.error.code]).toEqual([412, "precondition_failed"]);
    const faulty = { json: { ...other, parallel: 99 }, headers: { "if-match": '"other"' } };
    expect((await world.ask("PUT", "/webhooks/one", faulty)).json.error).toMatchObject({ field: "parallel" });
    const etag = made.headers["etag"] ?? "";
    const changed = await world.ask("PUT", "/webhooks/one", { json: other, headers: { "if-match": etag } });
    expect([changed.status, changed.json.order]).toEqual([200, "strict"]);
    expect(changed.headers["etag"]).not.toBe(etag);
    const missing = await world.ask("PUT", "/webhooks/two", { json, headers: { "if-match": "*" } });
    expect(missing.status).toBe(412);
  });

  it("answers whether its settings are still these, whatever its deliveries did", async () => {
    const world = await WebhookWorld.begin();
    const made = await world.webhook("one", { url: world.receiver("hooks.example"), topics: ["properties.>"] });
    await world.put("a", 1);
    const etag = made.headers["etag"] ?? "";
    const same = await world.ask("GET", "/webhooks/one", { headers: { "if-none-match": `"x", ${etag}` } });
    expect([same.status, same.text, same.headers["etag"]]).toEqual([304, "", etag]);
    await world.ask("POST", "/webhooks/one/rotate");
    const other = await world.ask("GET", "/webhooks/one", { headers: { "if-none-match": etag } });
    expect([other.status, other.json.sequence]).toEqual([200, 1]);
  });

  it("shows its secrets in no answer, log line or error", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example", () => 500);
    const answers = [await world.webhook("one", { url, topics: ["properties.>"], ...HUSH })];
    expect(answers[0]?.json).toMatchObject({ secret: true, bearer: true, headers: { "x-key": true } });
    await world.put("a", 1);
    expect(world.received[0]?.headers["x-key"]).toBe("hush-header");
    for (const [method, path] of [
      ["GET", "/webhooks/one"],
      ["GET", "/webhooks"],
      ["GET", "/webhooks/one/attempts"],
      ["POST", "/webhooks/one/test"],
      ["POST", "/webhooks/one/pause"],
      ["POST", "/webhooks/one/resume"],
    ] as const) {
      answers.push(await world.ask(method, path));
    }
    const json = { url, topics: ["b"], ...HUSH, bearer: "hush-bearer 2" };
    answers.push(await world.ask("PUT", "/webhooks/one", { json }));
    answers.push(await world.ask("PUT", "/webhooks/one", { json: { ...json, bearer: "hush-bearer", parallel: 0 } }));
    answers.push(await world.ask("PUT", "/webhooks/one", { json: { ...json, bearer: "hush-bearer" } }));
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 200, 200, 200, 400, 400, 428]);
    for (const { text, headers } of answers) expect(secretsIn(text + JSON.stringify(headers))).toEqual([]);
    expect(secretsIn(JSON.stringify(world.whole.logged))).toEqual([]);
  });

  it("is the owner's alone, and needs an id", async () => {
    const world = await WebhookWorld.begin();
    expect((await world.whole.ask("GET", `${world.owner.root}/webhooks`)).status).toBe(401);
    expect((await world.ask("PUT", "/webhooks/a b", { json: {} })).status).toBe(400);
    for (const path of ["/webhooks/none", "/webhooks/none/attempts"]) {
      expect((await world.ask("GET", path)).status).toBe(404);
    }
    for (const path of ["test", "rotate", "pause", "resume"]) {
      expect((await world.ask("POST", `/webhooks/none/${path}`)).status).toBe(404);
    }
    expect((await world.ask("DELETE", "/webhooks/none")).status).toBe(404);
  });

  it("is one of at most 100, and one of at most 100 that begin with a wildcard, also when they are made at once", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example");
    const make = async (id: string, topics = [">"]) =>
      (await world.ask("PUT", `/webhooks/${id}`, { json: { url, topics } })).status;
    for (let made = 0; made < 98; made += 1) expect(await make(`w${String(made)}`)).toBe(201);
    const raced = await Promise.all(Array.from({ length: 6 }, async (_, at) => await make(`r${String(at)}`)));
    expect(raced.toSorted()).toEqual([201, 201, 409, 409, 409, 409]);
    const refused = await world.ask("PUT", "/webhooks/more", { json: { url, topics: ["a"] } });
    expect(refused.json.error.code).toBe("limit_reached");
    expect((await world.ask("GET", "/webhooks")).json.data).toHaveLength(100);
    await world.ask("DELETE", "/webhooks/w1");
    expect(await make("more")).toBe(201);
  });

  it("goes with its failed events and attempts, and another of its name has nothing of it", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example", () => 400);
    const json = { url, topics: ["properties.>"], maxAttempts: 1 };
    await world.webhook("one", json);
    await world.webhook("two", { ...json, secret: SECRET, url: world.receiver("two.example", () => 400) });
    await world.put("a", 1);
    const failedSources = async () => (await world.ask("GET", "/parked")).json.data.map((each: any) => each.source);
    expect(await failedSources()).toEqual(["webhook:one", "webhook:two"]);
    expect((await world.ask("DELETE", "/webhooks/one")).status).toBe(204);
    expect(await failedSources()).toEqual(["webhook:two"]);
    expect((await world.ask("GET", "/webhooks/one")).status).toBe(404);
    const [kept] = (await world.ask("GET", "/parked")).json.data;
    expect((await world.ask("POST", `/parked/${kept.id}`, { json: { action: "skip" } })).status).toBe(200);
    await world.put("b", 2);
    expect(world.received.filter(({ url: at }) => at === url)).toHaveLength(1);
    expect((await world.webhook("one", json)).status).toBe(201);
    expect((await world.ask("GET", "/webhooks/one/attempts")).json.data).toEqual([]);
    expect(await world.seen("one")).toMatchObject({ sequence: 0 });
  });

  it("begins now, at the earliest record, or after a position; elsewhere is 410", async () => {
    const world = await WebhookWorld.begin();
    const first = world.receiver("first.example");
    await world.webhook("first", { url: first, topics: ["properties.>"] });
    for (const name of ["a", "b", "c"]) await world.put(name, 1);
    const positions = world.received.map(({ event }) => event.position as string);
    const given = async (id: string, from: string) => {
      const url = world.receiver(`${id}.example`);
      expect((await world.webhook(id, { url, topics: ["properties.>"], from })).status).toBe(201);
      await world.pass(1_000);
      return world.received.filter((each) => each.url === url).map(({ event }) => [event.data.name, event.sequence]);
    };
    const all = ["a", "b", "c"].map((name, at) => [name, `000000000000000${String(at + 1)}`]);
    expect(await given("now", "now")).toEqual([]);
    expect(await given("earliest", "earliest")).toEqual(all);
    expect(await given("after", positions[1] ?? "")).toEqual([["c", "0000000000000001"]]);
    for (const from of ["nowhere", "0009-0000000000000001-z", "0001-0000000000000099-z"]) {
      const gone = await world.ask("PUT", "/webhooks/x", { json: { url: first, topics: ["a"], from } });
      expect([gone.status, gone.json.error.code]).toEqual([410, "position_gone"]);
      expect(gone.headers["link"]).toBe(`<${world.owner.root}/properties>; rel="snapshot"`);
    }
  });
});

describe("a webhook's secret", () => {
  it("is rotated: both sign meanwhile, and the new one alone afterwards", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example");
    await world.webhook("one", { url, topics: ["properties.>"], secret: SECRET });
    const rotated = await world.ask("POST", "/webhooks/one/rotate", { json: { overlapSeconds: 60 } });
    expect(rotated.json.overlapUntil).toBe(new Date(world.whole.now + 60_000).toISOString());
    const signedBy = async (secret: string): Promise<boolean> => {
      world.secrets.set("hooks.example", secret);
      const before = world.received.length;
      await world.ask("POST", "/webhooks/one/test").catch(() => undefined);
      return world.received.length > before;
    };
    const verifies = async (): Promise<readonly boolean[]> => [
      await signedBy(SECRET),
      await signedBy(String(rotated.json.secret)),
    ];
    expect(await verifies()).toEqual([true, true]);
    world.whole.now += 60_000;
    expect(await verifies()).toEqual([false, true]);
    expect(() => new Webhook(String(rotated.json.secret))).not.toThrow();
    expect((await world.ask("POST", "/webhooks/one/rotate", { json: { overlapSeconds: 604_801 } })).status).toBe(400);
  });
});

describe("a test event", () => {
  it("is one signed event without a number, whose attempt is the answer and changes nothing", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example", () => 503);
    await world.webhook("one", { url, topics: ["a"] });
    const tried = await world.ask("POST", "/webhooks/one/test");
    expect([tried.status, tried.json]).toMatchObject([
      200,
      { result: "failed", status: 503, target: "https://hooks.example" },
    ]);
    expect(world.received[0]?.event).toMatchObject({ subject: "$sys.webhook.test", data: { webhook: "one" } });
    expect(world.received[0]?.event).not.toHaveProperty("sequence");
    expect(await world.seen("one")).toMatchObject({ status: "active", breaker: { failures: 0 } });
    expect((await world.ask("GET", "/webhooks/one/attempts")).json.data).toEqual([]);
    world.receiver(
      "hooks.example",
      () => new PeerFailure("refused", "The peer's URL is not used: its address is not public."),
    );
    expect((await world.ask("POST", "/webhooks/one/test")).json).toMatchObject({ result: "refused" });
  });

  it("is sent ten times a minute at most", async () => {
    const world = await WebhookWorld.begin();
    await world.webhook("one", { url: world.receiver("hooks.example"), topics: ["a"] });
    const statuses: number[] = [];
    for (let sent = 0; sent < 12; sent += 1) statuses.push((await world.ask("POST", "/webhooks/one/test")).status);
    expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429]);
    world.whole.now += 60_000;
    expect((await world.ask("POST", "/webhooks/one/test")).status).toBe(200);
  });
});
