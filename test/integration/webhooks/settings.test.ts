/** What the settings of a webhook change in its deliveries. */
import { describe, expect, it } from "vitest";
import { attemptItem, attemptsOf } from "../../../lib/listeners/webhooks/attempt-log.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import type { PeerRequest } from "../../../lib/system/ports.ts";
import type { Answer } from "../../support/in-process.ts";
import { idle } from "../../support/idle.ts";
import { WebhookWorld } from "./webhook-world.ts";

const SECOND = 1_000;
const OK: Answer = { status: 204, headers: {}, text: "", json: undefined };

async function begun(settings: object = {}, statusOf: (name: string) => number = () => 204): Promise<WebhookWorld> {
  const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", ({ event }) => statusOf(event.data.name));
  await world.webhook("one", { url, topics: ["properties.>"], signature: "none", ...settings });
  return world;
}
const names = ({ received }: WebhookWorld): readonly string[] => received.map(({ event }) => event.data.name);

/** A receiver whose answers wait; `answer` gives the oldest one. */
function waiting(world: WebhookWorld) {
  const open: { readonly name: string; readonly answer: (answer: Answer) => void }[] = [];
  world.network.hosts.set("https://hooks.example", async ({ body }) => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const { data } = JSON.parse(Buffer.from(body?.bytes ?? []).toString()) as { data: { name: string } };
    open.push({ name: data.name, answer: resolve });
    return await promise;
  });
  return open;
}

describe("order and parallel", () => {
  it.each([
    ["key", 2, ["a", "b"], ["c"]],
    ["none", 3, ["a", "a", "b"], ["c"]],
    ["strict", 16, ["a"], ["a"]],
  ])("%s, %i at a time", async (order, parallel, first, second) => {
    const world = await begun({ order, parallel });
    await world.ask("POST", "/webhooks/one/pause");
    for (const name of ["a", "a", "b", "c"]) await world.put(name, 1);
    const open = waiting(world);
    await world.ask("POST", "/webhooks/one/resume");
    const arriving = world.whole.arriveMessages();
    await idle();
    expect(open.map(({ name }) => name)).toEqual(first);
    // The last one that began: of the others each may hold back what is next.
    open.at(-1)?.answer(OK);
    await idle();
    expect(open.slice(first.length).map(({ name }) => name)).toEqual(second);
    for (let at = 0; at < open.length; at += 1) {
      open[at]?.answer(OK);
      await idle();
    }
    await arriving;
    expect(open.map(({ name }) => name).toSorted()).toEqual(["a", "a", "b", "c"]);
    expect(await world.seen("one")).toMatchObject({ lag: 0, sequence: 4 });
  });

  it("none: a failed event waits alone", async () => {
    let times = 0;
    const world = await begun({ order: "none" }, () => (times++ === 0 ? 500 : 204));
    for (const value of [1, 2]) await world.put("a", value);
    expect(world.received.map(({ event }) => event.data.value)).toEqual([1, 2]);
    expect((await world.seen("one")).blocked).toMatchObject([{ attempts: 1, held: 0 }]);
    await world.pass(5 * SECOND);
    expect(world.received.map(({ event }) => event.data.value)).toEqual([1, 2, 1]);
  });

  it("strict: everything waits for a failed event", async () => {
    const world = await begun({ order: "strict" }, (name) => (name === "a" ? 500 : 204));
    for (const name of ["a", "b"]) await world.put(name, 1);
    expect(names(world)).toEqual(["a"]);
    world.receiver("hooks.example");
    await world.pass(5 * SECOND);
    expect(names(world)).toEqual(["a", "a", "b"]);
  });
});

describe("what a request carries", () => {
  it("no signature and no secret where none is wanted, and one from a later PUT on", async () => {
    const world = await begun();
    const stated = { url: "https://hooks.example/hook", topics: ["properties.>"] };
    expect(await world.seen("one")).toMatchObject({ signature: "none" });
    expect(await world.seen("one")).not.toHaveProperty("secret");
    await world.put("a", 1);
    expect(world.received[0]?.headers).not.toHaveProperty("webhook-signature");
    expect(world.received[0]?.id).toBe(world.received[0]?.event.id);
    const signs = await world.ask("PUT", "/webhooks/one", { json: stated, headers: { "if-match": "*" } });
    expect(signs.json.secret).toMatch(/^whsec_/);
    world.secrets.set("hooks.example", String(signs.json.secret));
    await world.put("b", 1);
    expect(names(world)).toEqual(["a", "b"]);
  });

  it("the owner's headers and bearer, and never a header that the service sets", async () => {
    const world = await begun({ bearer: "abc", headers: { "X-Tenant": "7" } });
    const sent: PeerRequest[] = [];
    world.network.hosts.set("https://hooks.example", async (request) => {
      sent.push(request);
      return await Promise.resolve(OK);
    });
    await world.put("a", 1);
    expect(sent[0]).toMatchObject({ headers: { "x-tenant": "7" }, credentials: { bearer: "abc" } });
    const json = { url: "https://hooks.example/hook", topics: ["a"], headers: { "Webhook-Id": "x" } };
    const refused = await world.ask("PUT", "/webhooks/two", { json });
    expect([refused.status, refused.json.error.field]).toEqual([400, "headers.Webhook-Id"]);
  });
});

describe("a changed url", () => {
  it("forgets Retry-After and closes the breaker", async () => {
    const world = await begun();
    world.receiver("hooks.example", () => ({ status: 503, headers: { "retry-after": "3600" } }));
    await world.put("a", 1);
    await world.pass(10 * SECOND);
    expect(names(world)).toEqual(["a"]);
    const url = world.receiver("other.example");
    const json = { url, topics: ["properties.>"], signature: "none" };
    await world.ask("PUT", "/webhooks/one", { json, headers: { "if-match": "*" } });
    await world.pass(0);
    expect(world.received.map((each) => each.url)).toEqual(["https://hooks.example/hook", url]);
    expect(await world.seen("one")).toMatchObject({ lag: 0, breaker: { state: "closed", failures: 0 } });
  });

  it("meets a delivery: no event is lost, and those to come go to it", async () => {
    const world = await begun();
    const open = waiting(world);
    const put = world.put("a", 1);
    await idle();
    const url = world.receiver("other.example");
    const json = { url, topics: ["properties.>"], signature: "none" };
    const changed = await world.ask("PUT", "/webhooks/one", { json, headers: { "if-match": "*" } });
    expect(changed.status).toBe(200);
    expect(open.map(({ name }) => name)).toEqual(["a"]);
    open[0]?.answer({ ...OK, status: 500 });
    await put;
    await world.put("b", 1);
    for (let minutes = 0; minutes < 3; minutes += 1) await world.pass(60 * SECOND);
    expect(names(world).toSorted()).toEqual(["a", "b"]);
    expect(await world.seen("one")).toMatchObject({ lag: 0, status: "active", sequence: 2 });
  });
});

it("attempts shows the last 50 that were not taken, and the first taken after each", async () => {
  const world = await begun();
  const { table, owner } = world;
  for (let at = 0; at < 120; at += 1) {
    const result = at % 2 === 0 ? "failed" : "taken";
    const attempt = {
      at: world.whole.now + at,
      ms: 1,
      result,
      target: "https://hooks.example",
      position: String(at),
    } as const;
    await table.put(attemptItem(owner.id, "one", attempt), always);
  }
  const shown = (await world.ask("GET", "/webhooks/one/attempts")).json.data;
  expect(shown.filter(({ result }: any) => result === "failed")).toHaveLength(50);
  expect(shown.slice(0, 2).map(({ position }: any) => position)).toEqual(["119", "118"]);
  const later = { actorId: owner.id, id: "one", createdAt: world.whole.now + 118 };
  expect(await attemptsOf(table, later)).toHaveLength(2);
});

it("a redrive sends no more events than it is asked to", async () => {
  const world = await begun({ maxAttempts: 1 }, () => 422);
  for (const name of ["a", "b", "c"]) await world.put(name, 1);
  world.receiver("hooks.example");
  const { json } = await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true, max: 2 } });
  await world.pass(0);
  expect(names(world).slice(3)).toEqual(["a", "b"]);
  expect((await world.ask("GET", `/tasks/${String(json.id)}`)).json).toMatchObject({
    state: "done",
    done: 2,
    total: 2,
  });
  expect((await world.ask("GET", "/parked")).json.data).toMatchObject([{ topic: "properties.c" }]);
});
