/** What an owner makes public, and how anyone reads it. */
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { StateHook } from "../../../lib/application/hooks.ts";
import { Network, bearer, type Answer } from "../../support/in-process.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

let world: WholeService;
let alice: Hosted;
let hook: StateHook;

beforeEach(async () => {
  hook = ({ isPublic, subtarget }) => (subtarget === "none" ? undefined : { isPublic: isPublic ?? false });
  const app = new ActingWebApp({ awType: "urn:test", desc: "test" }).stateHook("status", (of) => hook(of));
  world = new WholeService(new Network(), "https://a.example", { app });
  alice = await world.actor();
});

const owner = async (method: string, path: string, json?: unknown): Promise<Answer> =>
  await world.ask(method, `${alice.root}${path}`, { headers: alice.as, ...(json === undefined ? {} : { json }) });
const anyone = async (path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> =>
  await world.ask(method, `${alice.root}${path}`, { headers });
const open = async (properties: string[], targets: string[] = []): Promise<void> => {
  expect((await owner("PUT", "/public", { properties, targets })).status).toBe(204);
};
const links = (path: string): string => `<${alice.root}/hub>; rel="hub", <${alice.root}${path}>; rel="self"`;

describe("the owner's choice", () => {
  it("is nothing at first, and then what was put", async () => {
    expect((await owner("GET", "/public")).json).toEqual({ properties: [], targets: [] });
    await open(["blog", "blog", "pic/*"], ["alerts"]);
    expect((await owner("GET", "/public")).json).toEqual({ properties: ["blog", "pic/*"], targets: ["alerts"] });
    expect((await owner("PUT", "/public", {})).status).toBe(204);
    expect((await owner("GET", "/public")).json).toEqual({ properties: [], targets: [] });
  });

  it.each([
    [{ properties: ["private/*"] }],
    [{ properties: ["security/keys"] }],
    [{ properties: ["_internal"] }],
    [{ properties: [""] }],
    [{ properties: "blog" }],
    [{ targets: ["properties"] }],
    [{ targets: ["hub"] }],
    [{ targets: ["trust"] }],
    [{ targets: ["a/b"] }],
    [{ targets: [1] }],
    [[]],
  ])("is refused: %j", async (body) => {
    expect((await owner("PUT", "/public", body)).status).toBe(400);
    expect((await owner("GET", "/public")).json).toEqual({ properties: [], targets: [] });
  });

  it("has at most 100 entries, and 8 KiB", async () => {
    const many = Array.from({ length: 101 }, (_, index) => `p${String(index)}`);
    const long = Array.from({ length: 90 }, (_, index) => `${"p".repeat(100)}${String(index)}`);
    expect((await owner("PUT", "/public", { properties: many })).status).toBe(400);
    expect((await owner("PUT", "/public", { properties: long })).status).toBe(400);
  });

  it("is the owner's alone", async () => {
    await world.trusts(alice.id, "bob", "https://b.example/bob", "s".repeat(40), "admin");
    expect((await anyone("/public")).status).toBe(401);
    expect((await anyone("/public", "PUT")).status).toBe(401);
    expect((await anyone("/public", "GET", bearer("s".repeat(40)))).status).toBe(403);
  });

  it("can be made before the first change of the actor, and keeps no change from being made", async () => {
    await open(["blog"], ["alerts"]);
    expect((await owner("PUT", "/properties/blog", "hello")).status).toBe(204);
    expect((await anyone("/properties/blog")).text).toBe("hello");
    await open(["blog"]);
    expect((await owner("PUT", "/properties/blog", "again")).status).toBe(204);
  });
});

describe("anyone", () => {
  beforeEach(async () => {
    await owner("PUT", "/properties/blog", { title: "Hello", "draft é": { text: "x" } });
    await owner("PUT", "/properties/secret", { a: 1 });
    await owner("PUT", "/properties/private", { key: "k" });
    await owner("POST", "/properties", { tags: { _type: "list" } });
    await owner("POST", "/properties/tags", "one");
  });

  it("reads exactly the public places, with the digest of their bytes and both links", async () => {
    await open(["blog", "tags"]);
    const answer = await anyone("/properties/blog");
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(answer.json).toEqual({ title: "Hello", "draft é": { text: "x" } });
    const digest = createHash("sha256").update(answer.text).digest("base64url");
    expect(answer.headers["etag"]).toBe(`"${digest}"`);
    expect(answer.headers["link"]).toBe(links("/properties/blog"));
    const title = await anyone("/properties/blog/title");
    expect([title.text, title.headers["content-type"]]).toEqual(["Hello", "text/plain; charset=utf-8"]);
    const below = await anyone("/properties/blog/draft%20%C3%A9");
    expect([below.json, below.headers["link"]]).toEqual([{ text: "x" }, links("/properties/blog/draft%20%C3%A9")]);
    expect((await anyone("/properties/tags")).json).toEqual(["one"]);
    expect((await anyone("/properties/tags/0")).text).toBe("one");
    const headers = Object.keys(answer.headers).filter((name) => name.startsWith("x-actingweb"));
    expect(headers).toEqual([]);
  });

  it("gets the same head as with GET, without the body", async () => {
    await open(["blog"]);
    const [get, head] = [await anyone("/properties/blog"), await anyone("/properties/blog", "HEAD")];
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["etag", "link", "content-type"]) expect(head.headers[name]).toBe(get.headers[name]);
  });

  it("is answered 304 when it has these bytes", async () => {
    await open(["blog"]);
    const { etag = "" } = (await anyone("/properties/blog")).headers;
    const again = await anyone("/properties/blog", "GET", { "if-none-match": `"other", W/${etag}` });
    expect([again.status, again.text, again.headers["etag"]]).toEqual([304, "", etag]);
    await owner("PUT", "/properties/blog", "new");
    expect((await anyone("/properties/blog", "GET", { "if-none-match": etag })).status).toBe(200);
  });

  it("gets 401 elsewhere, whether or not something is there, and 404 where a public place is empty", async () => {
    await open(["blog", "none"]);
    const answers = await Promise.all(
      ["/properties/secret", "/properties/missing", "/properties/private", "/properties/secret/a", "/properties"].map(
        async (path) => await anyone(path),
      ),
    );
    const seen = answers.map(({ status, headers, json }) => [status, headers["www-authenticate"], json.error.message]);
    expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
    const [empty, below] = [await anyone("/properties/none"), await anyone("/properties/blog/none")];
    expect([empty.status, below.status, empty.headers["link"]]).toEqual([404, 404, undefined]);
  });

  it("gets 401 for names that cannot be, and with a query", async () => {
    await open(["*"]);
    expect((await anyone("/properties/blog?format=short")).status).toBe(401);
    expect((await anyone("/properties/blog?")).status).toBe(200);
    expect((await anyone("/properties/blog//title")).status).toBe(401);
    expect((await anyone("/properties/private/key")).status).toBe(401);
  });

  it("may not change anything", async () => {
    await open(["*"]);
    for (const method of ["PUT", "POST", "DELETE"]) {
      expect((await anyone("/properties/blog", method)).status).toBe(401);
    }
  });

  it("reads all properties with *, without those that are never public", async () => {
    await open(["*"]);
    const all = await anyone("/properties");
    expect(all.status).toBe(200);
    expect(Object.keys(all.json).sort()).toEqual(["blog", "secret", "tags"]);
    expect(all.headers["link"]).toBe(links("/properties"));
  });

  it("gets no links with a state over 1 MiB, which is no topic", async () => {
    await owner("POST", "/properties", { long: { _type: "list" } });
    const item = "x".repeat(250_000);
    for (let count = 0; count < 5; count += 1) await owner("POST", "/properties/long", item);
    await open(["long"]);
    const answer = await anyone("/properties/long");
    expect([answer.status, answer.headers["link"], answer.json.length]).toEqual([200, undefined, 5]);
    expect(answer.headers["etag"]).toMatch(/^"/);
  });

  it("with wrong credentials is refused everywhere, and owners and peers read as before", async () => {
    await open(["blog"]);
    await world.trusts(alice.id, "bob", "https://b.example/bob", "s".repeat(40));
    expect((await anyone("/properties/blog", "GET", bearer("wrong"))).status).toBe(403);
    const own = await owner("GET", "/properties/blog");
    expect([own.status, own.headers["etag"], own.headers["link"]]).toEqual([200, undefined, undefined]);
    expect(own.headers["cache-control"]).toBe("no-store");
    expect((await anyone("/properties/secret", "GET", bearer("s".repeat(40)))).status).toBe(200);
    expect((await owner("GET", "/properties/missing")).status).toBe(404);
  });
});

describe("a public target", () => {
  it("has the state that its hook gives to anyone", async () => {
    expect((await anyone("/status")).status).toBe(401);
    await open([], ["status"]);
    const answer = await anyone("/status");
    expect([answer.status, answer.json, answer.headers["link"]]).toEqual([200, { isPublic: true }, links("/status")]);
    expect((await owner("GET", "/status")).json).toEqual({ isPublic: false });
    expect((await anyone("/status/none")).status).toBe(404);
    hook = () => {
      throw new Error("broken");
    };
    expect((await anyone("/status")).status).toBe(500);
  });

  it("without a hook has the newest event that was published there", async () => {
    const actor = world.service.actorOf(alice.id);
    expect((await anyone("/alerts")).status).toBe(404);
    await open([], ["alerts"]);
    expect((await anyone("/alerts")).status).toBe(404);
    await actor.subscriptions.notifySubscribers({ target: "alerts", data: { number: 1 } });
    await actor.subscriptions.notifySubscribers({ target: "alerts", data: { number: 2 } });
    await actor.subscriptions.notifySubscribers({ target: "alerts", subtarget: "sports", data: "three" });
    const answer = await anyone("/alerts");
    expect([answer.text, answer.headers["content-type"]]).toEqual(['{"number":2}', "application/json"]);
    expect(answer.headers["link"]).toBe(links("/alerts"));
    expect((await anyone("/alerts/sports")).json).toBe("three");
    expect((await anyone("/alerts/other")).status).toBe(404);
  });

  it("has what was published over HTTP in its own type, and of a batch the last event at each place", async () => {
    await open([], ["alerts"]);
    const publish = async (path: string, type: string, body: string): Promise<void> => {
      const headers = { ...alice.as, "content-type": type };
      expect((await world.ask("POST", `${alice.root}/events${path}`, { headers, body })).status).toBe(201);
    };
    await publish("/alerts", "text/plain; charset=utf-8", "fire é");
    const text = await anyone("/alerts");
    expect([text.text, text.headers["content-type"]]).toEqual(["fire é", "text/plain; charset=utf-8"]);
    const event = (subject: string, data: number) => ({
      ...{ specversion: "1.0", id: `${subject} ${String(data)}`, source: "/s", type: "t", subject, data },
    });
    const batch = [event("alerts", 1), event("alerts.a", 2), event("alerts", 3)];
    await publish("", "application/cloudevents-batch+json", JSON.stringify(batch));
    expect([(await anyone("/alerts")).text, (await anyone("/alerts/a")).text]).toEqual(["3", "2"]);
  });

  it("loses its events when it is made private again", async () => {
    const actor = world.service.actorOf(alice.id);
    await open([], ["alerts"]);
    await actor.subscriptions.notifySubscribers({ target: "alerts", data: 1 });
    await open([], []);
    expect((await anyone("/alerts")).status).toBe(404);
    await world.arriveMessages();
    await open([], ["alerts"]);
    expect((await anyone("/alerts")).status).toBe(404);
  });
});

it("leaves nothing behind when the actor is deleted", async () => {
  await open(["blog"], ["alerts"]);
  await world.service.actorOf(alice.id).subscriptions.notifySubscribers({ target: "alerts", data: 1 });
  expect((await owner("DELETE", "")).status).toBe(204);
  expect((await world.table.query({ pk: `T#${alice.id}`, prefix: "" })).items).toEqual([]);
  expect((await anyone("/properties/blog")).status).toBe(404);
});
