/** Processes that die, and tables that fail, at every step of what owners do with webhooks. */
import { describe, expect, it } from "vitest";
import { readLogHead } from "../../../lib/change-log/change-log.ts";
import { failedEventPrefix } from "../../../lib/dynamodb/keys/failed-events.ts";

import { actorPartition } from "../../../lib/dynamodb/keys/partition.ts";
import { logHeadKey, scopePartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { webhookPartition } from "../../../lib/dynamodb/keys/webhooks.ts";
import { queryAll } from "../../../lib/dynamodb/paging.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import { readListenerHead } from "../../../lib/listeners/listener-head.ts";
import { keeperOf } from "../../../lib/listeners/webhooks/webhook-store.ts";
import { OneFault, type Effect } from "../../support/faulty-table.ts";
import { sized } from "../../support/sizes.ts";
import { WebhookWorld } from "./webhook-world.ts";

const MINUTE = 60_000;
const ALL: readonly Effect[] = ["crash", "crash_after", "lost_answer", "throttle", "repeat", "condition", "conflict"];
const EFFECTS = sized<readonly Effect[]>(["crash_after", "conflict"], ALL);
const MOST_STEPS = 60;

/** A world whose webhook did not take the events `a`, `b` and `c`, and takes everything from now on. */
async function withFailed(settings: object = {}): Promise<WebhookWorld> {
  const world = await WebhookWorld.begin({ ports: { random: () => 0.5 } });
  const url = world.receiver("hooks.example", () => 422);
  await world.webhook("one", { url, topics: ["properties.>"], maxAttempts: 1, signature: "none", ...settings });
  for (const name of ["a", "b", "c"]) await world.put(name, 1);
  world.receiver("hooks.example");
  world.received.splice(0);
  return world;
}
const failedIn = async (world: WebhookWorld): Promise<readonly any[]> => (await world.ask("GET", "/parked")).json.data;

/** Minutes in which a new process sweeps, and gets no message of the one before. */
async function recover(world: WebhookWorld, minutes = 4): Promise<void> {
  const { now } = world.whole;
  world.whole = world.instance();
  world.whole.now = now;
  for (let minute = 0; minute < minutes; minute += 1) {
    world.whole.now += MINUTE;
    await world.whole.sweep();
    await world.whole.sweep();
  }
}

/** What of an actor's webhooks contradicts itself. */
async function contradictions({ table, owner: { id } }: WebhookWorld): Promise<readonly string[]> {
  const found: string[] = [];
  const say = (is: boolean, what: string): void => {
    if (is) found.push(what);
  };
  const items = await queryAll(table, { pk: webhookPartition(id), prefix: "" });
  const failed = await queryAll(table, { pk: actorPartition(id), prefix: failedEventPrefix({}) });
  const heads = items.filter((item) => "lanes" in item).map((item) => readListenerHead(1, item));
  const stated = items.filter((item) => "settings" in item);
  const tasks = items.filter((item) => item["kind"] === "redrive");
  const log = readLogHead(await table.get(logHeadKey(id)));
  const markers = await queryAll(table, { pk: scopePartition(id), prefix: "" });
  say(heads.length !== stated.length, "a webhook without a head, or a head without a webhook");
  say(
    stated.some((item) => item["ending"] === true),
    "a webhook whose deletion does not end",
  );
  say(log.listeners.reading !== stated.length, "the log counts other webhooks than there are");
  say(markers.length !== stated.length, "markers of other webhooks than there are");
  for (const head of heads) {
    const { redrive } = keeperOf(head);
    const running = tasks.filter(({ state }) => state === "running");
    say(running.length !== (redrive === undefined ? 0 : 1), "a task that nothing carries on, or a redrive without one");
    const kept = failed.filter((item: Item) => "status" in item).length;
    say(head.failedEvents !== kept, `counts ${String(head.failedEvents)} failed events of ${String(kept)}`);
    say((head.dueAt ?? Infinity) <= 0, "due for ever");
  }
  if (heads.length === 0)
    say(
      tasks.some(({ state }) => state === "running"),
      "a task that outlives its webhook",
    );
  if (heads.length === 0) say(failed.length > 0, "failed events that outlive their webhook");
  return found;
}

/** Tries each step of the work in turn, each time in a world of its own. */
async function eachStep(
  effect: Effect,
  prepare: () => Promise<WebhookWorld>,
  work: (world: WebhookWorld) => Promise<unknown>,
  check: (world: WebhookWorld) => Promise<void>,
): Promise<void> {
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const world = await prepare();
    const fault = new OneFault(world.table, step, effect);
    world.whole = world.instance(fault.table);
    await fault.during(work(world));
    fault.end();
    await recover(world);
    expect(await contradictions(world), `step ${String(step)}`).toEqual([]);
    await check(world);
    expect(await contradictions(world), `after step ${String(step)}`).toEqual([]);
    if (!fault.struck) return;
  }
  throw new Error("the work has more steps than were tried");
}

describe.each(EFFECTS)("a fault (%s) at any step", (effect) => {
  it("of a deletion leaves a webhook or none, and a repetition none, nor anything of it", async () => {
    await eachStep(
      effect,
      async () => {
        const world = await withFailed();
        await world.ask("POST", "/webhooks/one/pause");
        await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } });
        return world;
      },
      async (world) => await world.ask("DELETE", "/webhooks/one"),
      async (world) => {
        expect([204, 404]).toContain((await world.ask("DELETE", "/webhooks/one")).status);
        expect((await world.ask("GET", "/webhooks/one")).status).toBe(404);
        const made = await world.ask("PUT", "/webhooks/one", {
          json: { url: "https://hooks.example/hook", topics: ["properties.>"], signature: "none" },
        });
        expect(made.status).toBe(201);
        await world.put("d", 1);
        expect(world.received.map(({ event }) => event.sequence)).toEqual(["0000000000000001"]);
        expect((await world.ask("GET", "/webhooks/one/attempts")).json.data).toEqual([]);
      },
    );
  });

  it("of a PUT makes the webhook or not, and a repetition makes it", async () => {
    const json = { url: "https://hooks.example/hook", topics: ["properties.>"], signature: "none", from: "earliest" };
    await eachStep(
      effect,
      async () => {
        const world = await WebhookWorld.begin();
        world.receiver("hooks.example");
        await world.ask("PUT", "/webhooks/other", { json: { ...json, topics: ["orders"] } });
        await world.put("a", 1);
        return world;
      },
      async (world) => await world.ask("PUT", "/webhooks/one", { json }),
      async (world) => {
        expect([200, 201]).toContain((await world.ask("PUT", "/webhooks/one", { json })).status);
        await recover(world);
        expect(world.received.map(({ event }) => event.data.name)).toEqual(["a"]);
        await world.ask("DELETE", "/webhooks/other");
      },
    );
  });

  it("of a change of topics and url leaves the one or the other, and a repetition the other", async () => {
    const json = { topics: ["properties.z"], maxAttempts: 1, signature: "none" };
    await eachStep(
      effect,
      withFailed,
      async (world) => {
        const url = world.receiver("other.example");
        await world.ask("PUT", "/webhooks/one", { json: { ...json, url }, headers: { "if-match": "*" } });
      },
      async (world) => {
        const url = "https://other.example/hook";
        const again = await world.ask("PUT", "/webhooks/one", { json: { ...json, url }, headers: { "if-match": "*" } });
        expect([again.status, again.json.url]).toEqual([200, url]);
        for (const name of ["y", "z"]) await world.put(name, 1);
        expect(world.received.map((each) => [each.url, each.event.data.name])).toEqual([[url, "z"]]);
      },
    );
  });

  it("of a rotation loses no secret that a receiver knows", async () => {
    const secret = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;
    await eachStep(
      effect,
      async () => await withFailed({ signature: "v1", secret }),
      async (world) => await world.ask("POST", "/webhooks/one/rotate"),
      async (world) => {
        const { json } = await world.ask("POST", "/webhooks/one/rotate");
        for (const each of [secret, String(json.secret)]) {
          world.secrets.set("hooks.example", each);
          expect((await world.ask("POST", "/webhooks/one/test")).json.result).toBe("taken");
        }
      },
    );
  });

  it("of a pause and what resumes it loses no event", async () => {
    await eachStep(
      effect,
      withFailed,
      async (world) => {
        await world.ask("POST", "/webhooks/one/pause");
        await world.put("d", 1);
        await world.ask("POST", "/webhooks/one/resume");
      },
      async (world) => {
        await world.put("e", 1);
        await world.ask("POST", "/webhooks/one/resume");
        await recover(world);
        const names = new Set(world.received.map(({ event }) => event.data.name));
        expect(["", "d"]).toContain([...names].filter((name) => name !== "e").join(""));
        expect([names.has("e"), (await world.seen("one")).lag]).toEqual([true, 0]);
      },
    );
  });

  it("of what resumes a stopped webhook without its event keeps the event, and goes on", async () => {
    await eachStep(
      effect,
      async () => await withFailed({ onExhausted: "stop" }),
      async (world) => {
        await world.ask("POST", "/webhooks/one/resume", { json: { skip: true } });
        await world.whole.arriveMessages();
      },
      async (world) => {
        expect([200, 400]).toContain(
          (await world.ask("POST", "/webhooks/one/resume", { json: { skip: true } })).status,
        );
        await recover(world);
        expect((await failedIn(world)).map(({ topic }) => topic)).toEqual(["properties.a"]);
        const names = world.received.map(({ event }) => event.data.name);
        expect([...new Set(names)].toSorted()).toEqual(["b", "c"]);
        expect(await world.seen("one")).toMatchObject({ status: "active", lag: 0 });
      },
    );
  });

  it.each(["retry", "skip"])("of what a person does with a failed event (%s) leaves it or not", async (action) => {
    const one = async (world: WebhookWorld) => {
      const found = (await failedIn(world)).find(({ topic }) => topic === "properties.a");
      return found === undefined
        ? undefined
        : await world.ask("POST", `/parked/${String(found.id)}`, { json: { action } });
    };
    await eachStep(effect, withFailed, one, async (world) => {
      await one(world);
      expect((await failedIn(world)).map(({ topic }) => topic)).toEqual(["properties.b", "properties.c"]);
      expect(world.received.length > 0).toBe(action === "retry");
    });
  });

  it("of a redrive loses no event, and the task ends", async () => {
    await eachStep(
      effect,
      withFailed,
      async (world) => {
        await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } });
        await world.whole.arriveMessages();
      },
      async (world) => {
        await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } });
        await recover(world);
        expect(await failedIn(world)).toEqual([]);
        expect([...new Set(world.received.map(({ event }) => event.data.name))]).toEqual(["a", "b", "c"]);
      },
    );
  });

  it("of the end of a task that its owner wants cancelled leaves it running or cancelled, and a repetition cancelled", async () => {
    const ids = new WeakMap<WebhookWorld, string>();
    await eachStep(
      effect,
      async () => {
        const world = await withFailed();
        await world.ask("POST", "/webhooks/one/pause");
        const { json } = await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } });
        ids.set(world, String(json.id));
        return world;
      },
      async (world) => await world.ask("DELETE", `/tasks/${String(ids.get(world))}`),
      async (world) => {
        const path = `/tasks/${String(ids.get(world))}`;
        expect((await world.ask("DELETE", path)).status).toBe(204);
        expect((await world.ask("GET", path)).json.state).toBe("cancelled");
        await world.ask("POST", "/webhooks/one/resume");
        await recover(world);
        expect([world.received.length, (await failedIn(world)).length]).toEqual([0, 3]);
      },
    );
  });
});

describe("writers that meet", () => {
  it("a task is cancelled while its webhook's deletion waits for the sweep: both end", async () => {
    const world = await withFailed();
    await world.ask("POST", "/webhooks/one/pause");
    const { json } = await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } });
    // Without time for more the deletion is only begun.
    await world.ask("DELETE", "/webhooks/one", { remaining: () => 1_000 });
    expect((await world.ask("DELETE", `/tasks/${String(json.id)}`)).status).toBe(204);
    await recover(world);
    expect(await contradictions(world)).toEqual([]);
    expect(
      (await world.ask("PUT", "/webhooks/one", { json: { url: "https://a.example/", topics: [">"] } })).status,
    ).toBe(201);
  });

  it("two people resolve one failed event: it is counted once", async () => {
    const world = await withFailed();
    const [{ id }] = (await failedIn(world)) as [any];
    const skip = async () => await world.ask("POST", `/parked/${String(id)}`, { json: { action: "skip" } });
    await Promise.all([skip(), skip(), world.ask("POST", `/parked/${String(id)}`, { json: { action: "retry" } })]);
    expect(await contradictions(world)).toEqual([]);
    expect(await failedIn(world)).toHaveLength(2);
  });

  it("an attempt is under way when its webhook is deleted: another of its name has nothing of it", async () => {
    const world = await withFailed();
    const answered = Promise.withResolvers<undefined>();
    const reached = Promise.withResolvers<undefined>();
    world.network.hosts.set("https://hooks.example", async () => {
      reached.resolve(undefined);
      await answered.promise;
      return { status: 500, headers: {}, text: "", json: undefined };
    });
    const put = world.put("d", 1);
    await reached.promise;
    expect((await world.ask("DELETE", "/webhooks/one")).status).toBe(204);
    world.whole.now += 1_000;
    const json = { url: "https://hooks.example/hook", topics: ["properties.>"], signature: "none" };
    expect((await world.ask("PUT", "/webhooks/one", { json })).status).toBe(201);
    answered.resolve(undefined);
    await put;
    expect((await world.ask("GET", "/webhooks/one/attempts")).json.data).toEqual([]);
    expect(await world.seen("one")).toMatchObject({ sequence: 0, lag: 0, blocked: [] });
    expect(await contradictions(world)).toEqual([]);
  });

  it("two deletions, and a PUT of the same webhook", async () => {
    const world = await withFailed();
    const json = { url: "https://hooks.example/hook", topics: ["properties.>"], signature: "none" };
    const statuses = await Promise.all([
      world.ask("DELETE", "/webhooks/one"),
      world.ask("DELETE", "/webhooks/one"),
      world.ask("PUT", "/webhooks/one", { json }),
    ]);
    expect(statuses.every(({ status }) => [201, 204, 404, 428, 503].includes(status))).toBe(true);
    await recover(world);
    expect(await contradictions(world)).toEqual([]);
  });

  it("equal PUTs of one webhook make it once, and others are refused", async () => {
    const world = await WebhookWorld.begin();
    const url = world.receiver("hooks.example");
    const put = async (topic: string, headers: Record<string, string> = {}) =>
      (await world.ask("PUT", "/webhooks/one", { json: { url, topics: [topic] }, headers })).status;
    const made = await Promise.all(Array.from({ length: 6 }, async () => await put("a")));
    expect(made.toSorted()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(await Promise.all([put("b"), put("c")])).toEqual([428, 428]);
    const etag = (await world.ask("GET", "/webhooks/one")).headers["etag"] ?? "";
    const changed = await Promise.all(["b", "c", "d"].map(async (topic) => await put(topic, { "if-match": etag })));
    expect(changed.toSorted()).toEqual([200, 412, 412]);
    expect(await contradictions(world)).toEqual([]);
  });

  it("two redrives: one begins, and the answer to the other names it", async () => {
    const world = await withFailed();
    await world.ask("POST", "/webhooks/one/pause");
    const begun = await Promise.all(
      [1, 2].map(async () => await world.ask("POST", "/webhooks/one/redrive", { json: { parked: true } })),
    );
    expect(begun.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    expect(await contradictions(world)).toEqual([]);
  });
});
