import { describe, expect, it } from "vitest";
import { PeerFailure } from "../../../lib/system/ports.ts";
import { WebhookWorld, type Answering } from "./webhook-world.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** In place of the jitter: pauses of exactly the schedule. */
const EVEN = { ports: { random: () => 0.5 } };

/** A world with one webhook on all properties. */
async function begun(answering?: Answering, settings: object = {}, options: object = EVEN) {
  const world = await WebhookWorld.begin(options);
  const url = world.receiver("hooks.example", answering);
  const made = await world.webhook("one", { url, topics: ["properties.>"], ...settings });
  expect(made.status).toBe(201);
  const names = (): readonly string[] => world.received.map(({ event }) => String(event.data.name));
  return { world, url, names };
}

/** Answers with the next of these, and with the last one from then on. */
function oneByOne(...answers: ReturnType<Answering>[]): Answering {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)] ?? 204;
}

describe("a change", () => {
  it("reaches a webhook in the request that makes it, signed", async () => {
    const { world } = await begun();
    await world.put("color", "red");
    expect(world.received).toHaveLength(1);
    const [{ event, headers }] = world.received as [any];
    expect(event).toMatchObject({
      specversion: "1.0",
      source: world.owner.root,
      subject: "properties.color",
      type: "org.actingweb.property.set",
      sequence: "0000000000000001",
      data: { name: "color", value: "red" },
    });
    expect(headers["webhook-id"]).toBe(event.id);
    expect(await world.seen("one")).toMatchObject({ status: "active", position: event.position, sequence: 1, lag: 0 });
  });

  it("reaches only those whose topics and types let it through, each with numbers of its own", async () => {
    const { world } = await begun();
    const url = world.receiver("other.example");
    await world.webhook("other", {
      url,
      topics: ["properties.b", "properties.c"],
      types: ["org.actingweb.property.*"],
    });
    for (const name of ["a", "b", "c"]) await world.put(name, 1);
    await world.ask("DELETE", "/properties/b");
    const given = world.received
      .filter((each) => each.url === url)
      .map(({ event }) => [event.data.name, event.sequence]);
    expect(given.map(([name]) => name)).toEqual(["b", "c", "b"]);
    expect(given.map(([, sequence]) => Number(sequence))).toEqual([1, 2, 3]);
    expect(world.received.filter((each) => each.url !== url)).toHaveLength(4);
  });

  it("of a hidden property reaches only those that name it literally", async () => {
    const { world, names } = await begun();
    const url = world.receiver("other.example");
    await world.webhook("other", { url, topics: ["properties.private"] });
    await world.put("private", { secret: 1 });
    expect(names()).toEqual(["private"]);
    expect(world.received[0]?.url).toBe(url);
  });
});

describe("an event that the endpoint does not take", () => {
  it.each([400, 404, 500, 302, 418])(
    "with %s is tried again by the schedule, and holds back its key alone",
    async (status) => {
      const { world, names } = await begun(({ event }) => (event.data.name === "bad" ? status : 204));
      await world.put("bad", 1);
      await world.put("bad", 2);
      await world.put("good", 1);
      expect(names()).toEqual(["bad", "good"]);
      expect(await world.seen("one")).toMatchObject({
        status: "active",
        blocked: [{ key: "properties.bad", attempts: 1, held: 1 }],
      });
      await world.pass(4 * SECOND);
      expect(names()).toHaveLength(2);
      await world.pass(SECOND);
      expect(names()).toEqual(["bad", "good", "bad"]);
      // Nothing else waits that could show whose fault it is: the breaker's pace, whose attempts do not count.
      await world.pass(4 * MINUTE);
      const tried = names().length;
      expect((await world.seen("one")).blocked).toMatchObject([{ attempts: 2, held: 1 }]);
      world.receiver("hooks.example");
      await world.pass(MINUTE);
      expect(world.received.slice(tried).map(({ event }) => event.data.value)).toEqual([1, 2]);
      expect(await world.seen("one")).toMatchObject({ blocked: [], lag: 0, sequence: 3 });
      const ids = new Set(world.received.filter(({ event }) => event.data.value === 1).map(({ id }) => id));
      expect(ids.size).toBe(2);
    },
  );

  it("is parked with its payload after its last attempt, and its key goes on", async () => {
    const { world, names } = await begun(({ event }) => (event.data.value === "poison" ? 422 : 204), {
      maxAttempts: 2,
    });
    await world.put("a", "poison");
    await world.put("a", "next");
    await world.pass(5 * SECOND);
    expect(names()).toEqual(["a", "a", "a"]);
    expect(world.received.at(-1)?.event.data.value).toBe("next");
    const parked = (await world.ask("GET", "/parked?source=webhook:one")).json.data;
    expect(parked).toMatchObject([{ kind: "webhook", source: "webhook:one", topic: "properties.a", status: "parked" }]);
    expect(await world.seen("one")).toMatchObject({ status: "active", blocked: [], lag: 0 });

    const again = await world.ask("POST", `/parked/${String(parked[0].id)}`, { json: { action: "retry" } });
    expect(again.json.result).toBe("parked");
    world.receiver("hooks.example");
    const done = await world.ask("POST", `/parked/${String(parked[0].id)}`, { json: { action: "retry" } });
    expect(done.json.result).toBe("done");
    const [first] = world.received;
    expect(world.received.at(-1)).toMatchObject({ id: first?.id, event: { ...first?.event } });
    expect((await world.ask("GET", "/parked")).json.data).toEqual([]);
  });

  it("stops a webhook that is to stop, until its owner resumes it, with or without the event", async () => {
    const { world, names } = await begun(() => 422, { maxAttempts: 1, onExhausted: "stop" });
    await world.put("a", 1);
    await world.put("b", 2);
    const stopped = await world.seen("one");
    expect(stopped).toMatchObject({ status: "stopped", reason: "exhausted", blocked: [{ key: "properties.a" }] });
    expect(names()).toEqual(["a"]);
    await world.pass(HOUR);
    expect(names()).toEqual(["a"]);
    await world.ask("POST", "/webhooks/one/resume");
    await world.pass(0);
    expect(names()).toEqual(["a", "a"]);
    expect((await world.seen("one")).status).toBe("stopped");
    world.receiver("hooks.example");
    await world.ask("POST", "/webhooks/one/resume", { json: { skip: true } });
    await world.pass(0);
    expect(names()).toEqual(["a", "a", "b"]);
    expect((await world.ask("GET", "/parked")).json.data).toHaveLength(1);
    expect(await world.seen("one")).toMatchObject({ status: "active", lag: 0 });
  });

  it("was perhaps taken: it is sent again under the same id, or parked where that is not wanted", async () => {
    const silent = new PeerFailure("timeout", "The peer did not answer in time.", { sent: true });
    const { world } = await begun(oneByOne(silent, 204));
    await world.put("a", 1);
    await world.pass(5 * SECOND);
    expect(world.received.map(({ id }) => id)).toEqual([world.received[0]?.id, world.received[0]?.id]);
    const once = await begun(oneByOne(silent, 204), { retryAmbiguous: false });
    await once.world.put("a", 1);
    // The time of a request might cut the attempt off; a worker gives it all of its own.
    expect(once.world.received).toHaveLength(0);
    await once.world.pass(0);
    await once.world.pass(HOUR);
    expect(once.world.received).toHaveLength(1);
    expect((await once.world.ask("GET", "/parked")).json.data).toMatchObject([{ status: "parked" }]);
  });
});

describe("an endpoint that takes nothing", () => {
  it.each([408, 425, 429, 502, 503, 504, new PeerFailure("unreachable", "no"), new PeerFailure("refused", "no")])(
    "makes the whole webhook wait, and counts no attempt: %s",
    async (answer) => {
      const { world, names } = await begun(oneByOne(answer, 204));
      await world.put("a", 1);
      await world.put("b", 1);
      expect(names()).toEqual(["a"]);
      expect((await world.seen("one")).breaker).toMatchObject({ failures: 1 });
      await world.pass(5 * SECOND);
      expect(names().toSorted()).toEqual(["a", "a", "b"]);
      expect(await world.seen("one")).toMatchObject({ blocked: [], lag: 0 });
    },
  );

  it("is left alone for as long as it asks, a day at most", async () => {
    const { world, names } = await begun(oneByOne({ status: 503, headers: { "retry-after": "3600" } }, 204));
    await world.put("a", 1);
    await world.pass(HOUR - SECOND);
    expect(names()).toEqual(["a"]);
    await world.pass(SECOND);
    expect(names()).toEqual(["a", "a"]);
  });

  it("opens the breaker, is probed, and recovers with everything in order and nothing parked", async () => {
    const { world, names } = await begun(() => 500, { maxAttempts: 2 });
    for (let value = 0; value < 12; value += 1) await world.put(`p${String(value % 6)}`, value);
    expect(await world.seen("one")).toMatchObject({ status: "failing", breaker: { state: "open" } });
    for (let minutes = 0; minutes < 60; minutes += 5) await world.pass(5 * MINUTE);
    expect((await world.ask("GET", "/parked")).json.data).toEqual([]);
    const tried = names().length;
    world.receiver("hooks.example");
    for (let minutes = 0; minutes < 20; minutes += 1) await world.pass(MINUTE);
    expect(await world.seen("one")).toMatchObject({
      status: "active",
      lag: 0,
      blocked: [],
      breaker: { state: "closed" },
    });
    const taken = world.received.slice(tried);
    for (let key = 0; key < 6; key += 1) {
      const values = taken
        .filter(({ event }) => event.data.name === `p${String(key)}`)
        .map(({ event }) => event.data.value);
      expect([...new Set(values)]).toEqual([key, key + 6]);
    }
    const lines = world.whole.logged.map(({ message }) => message).filter((message) => message.startsWith("a webhook"));
    expect(lines.filter((line) => line.includes("is failing"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("has recovered"))).toHaveLength(1);
  });

  it("says 410: the webhook is gone, until its owner changes where it goes", async () => {
    const { world, names } = await begun(oneByOne(410, 204));
    await world.put("a", 1);
    await world.put("b", 1);
    expect(await world.seen("one")).toMatchObject({ status: "gone" });
    await world.pass(HOUR);
    expect(names()).toEqual(["a"]);
    const { headers } = await world.ask("GET", "/webhooks/one");
    const other = world.receiver("other.example");
    const json = { url: other, topics: ["properties.>"] };
    world.secrets.delete("hooks.example");
    await world.ask("PUT", "/webhooks/one", { json, headers: { "if-match": headers["etag"] ?? "" } });
    await world.pass(0);
    expect(names()).toEqual(["a", "a", "b"]);
    expect(await world.seen("one")).toMatchObject({ status: "active", url: other, lag: 0 });
  });

  it("has another url that is tried in the same attempt, and first the next time", async () => {
    const world = await WebhookWorld.begin(EVEN);
    const urls = [
      world.receiver("a.example", () => 503),
      world.receiver("b.example", () => new PeerFailure("unreachable", "no")),
      world.receiver("c.example"),
    ];
    const made = await world.ask("PUT", "/webhooks/one", { json: { urls, topics: ["properties.>"] } });
    expect(made.json.urls).toEqual(urls);
    await world.put("x", 1);
    await world.put("y", 1);
    expect(world.received.map(({ url }) => url)).toEqual([...urls, urls[2]]);
    expect(new Set(world.received.slice(0, 3).map(({ id }) => id)).size).toBe(1);
  });

  it("has the url that took last tried first also after its place among the others has changed", async () => {
    const world = await WebhookWorld.begin(EVEN);
    const away = world.receiver("away.example", () => 503);
    const [last, other] = [world.receiver("last.example"), world.receiver("other.example")];
    const state = async (urls: readonly string[]) =>
      await world.ask("PUT", "/webhooks/one", {
        json: { urls, topics: ["properties.>"] },
        headers: { "if-match": "*" },
      });
    await world.ask("PUT", "/webhooks/one", { json: { urls: [away, last], topics: ["properties.>"] } });
    await world.put("x", 1);
    await state([last, other]);
    await world.put("x", 2);
    await state([other, away, last]);
    await world.ask("POST", "/webhooks/one/test");
    await state([other, away]);
    await world.put("x", 3);
    expect(world.received.map(({ url }) => url)).toEqual([away, last, last, last, other]);
  });
});

describe("a paused webhook", () => {
  it("begins nothing, and continues where it was", async () => {
    const { world, names } = await begun();
    expect((await world.ask("POST", "/webhooks/one/pause")).json.status).toBe("paused");
    await world.put("a", 1);
    await world.put("a", 2);
    await world.pass(HOUR);
    expect(names()).toEqual([]);
    expect(await world.seen("one")).toMatchObject({ status: "paused", lag: 2, oldestSeconds: 3_600 });
    expect((await world.ask("POST", "/webhooks/one/resume", { json: { skip: true } })).status).toBe(400);
    expect((await world.ask("POST", "/webhooks/one/resume", { json: { from: "now" } })).status).toBe(400);
    expect((await world.ask("POST", "/webhooks/one/resume")).json.status).toBe("active");
    await world.pass(0);
    expect(world.received.map(({ event }) => event.data.value)).toEqual([1, 2]);
  });

  it("stays paused when it is changed", async () => {
    const { world } = await begun();
    await world.ask("POST", "/webhooks/one/pause");
    const json = { url: world.receiver("other.example"), topics: ["properties.>"] };
    const changed = await world.ask("PUT", "/webhooks/one", { json, headers: { "if-match": "*" } });
    expect(changed.json.status).toBe("paused");
  });
});

describe("changed topics", () => {
  it("hold for every event that has no number yet", async () => {
    const { world, names } = await begun(() => 503);
    await world.put("a", 1);
    const json = { url: "https://hooks.example/hook", topics: ["properties.b"] };
    await world.ask("PUT", "/webhooks/one", { json, headers: { "if-match": "*" } });
    world.receiver("hooks.example");
    await world.put("c", 1);
    await world.put("b", 1);
    await world.pass(MINUTE);
    const taken = world.received.slice(1).map(({ event }) => [event.data.name, Number(event.sequence)]);
    expect(taken.toSorted()).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(names()).not.toContain("c");
  });
});

describe("attempts", () => {
  it("are shown when they were not taken, with the first that was taken after them", async () => {
    const { world } = await begun(oneByOne(204, 503, 500, 204, 204));
    await world.put("a", 1);
    await world.put("b", 1);
    await world.pass(5 * SECOND);
    await world.pass(5 * SECOND);
    await world.put("c", 1);
    const attempts = (await world.ask("GET", "/webhooks/one/attempts")).json.data;
    expect(attempts.map(({ result, status }: any) => [result, status])).toEqual([
      ["taken", 204],
      ["failed", 500],
      ["failed", 503],
    ]);
    expect(attempts[1]).toMatchObject({
      target: "https://hooks.example",
      position: world.received[1]?.event.position,
      ms: 0,
    });
  });
});

it("attempts that take long are shown as others are, with the first that was taken after them", async () => {
  const { world } = await begun(({ event }) => {
    world.whole.now += 1_500;
    return event.data.name === "a" ? 422 : 204;
  });
  await world.ask("POST", "/webhooks/one/pause");
  for (const name of ["a", "b", "c"]) await world.put(name, 1);
  await world.ask("POST", "/webhooks/one/resume");
  await world.pass(0);
  const attempts = (await world.ask("GET", "/webhooks/one/attempts")).json.data;
  expect(attempts.map(({ result }: any) => result)).toEqual(["taken", "failed"]);
});

describe("rate", () => {
  it("lets no more out than it says, and drops nothing", async () => {
    const { world } = await begun(undefined, { rate: { limit: 2, periodSeconds: 10 } });
    for (let value = 0; value < 6; value += 1) await world.put("a", value);
    expect(world.received).toHaveLength(2);
    await world.pass(5 * SECOND);
    expect(world.received).toHaveLength(3);
    for (let more = 0; more < 4; more += 1) await world.pass(5 * SECOND);
    expect(world.received.map(({ event }) => event.data.value)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
