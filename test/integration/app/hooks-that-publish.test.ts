/** Hooks that publish, between whole services which await their callbacks (`CALLBACK_MODE=sync`). */
import { describe, expect, it, vi } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { SubscriptionDataHook } from "../../../lib/application/hooks.ts";
import { readBreaker } from "../../../lib/publishing/delivery/breaker-store.ts";
import type { FanOutResult } from "../../../lib/engine/fan-out-result.ts";
import { trustKey } from "../../../lib/dynamodb/keys/actors.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { Network, bearer } from "../../support/in-process.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";
import { Peer } from "../delivery/delivery-world.ts";

const SECRET = "s".repeat(40);

/** One service with its actor. */
interface Side {
  readonly service: WholeService;
  readonly actor: Hosted;
}

async function side(network: Network, name: string, target: string, hook?: SubscriptionDataHook): Promise<Side> {
  const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
  if (target !== "properties") app.stateHook(target, () => ({}));
  if (hook !== undefined) app.subscriptionDataHook(target, hook);
  const environment = { CALLBACK_MODE: "sync" };
  const service = new WholeService(network, `https://${name}.example`, { app, environment });
  return { service, actor: await service.actor(name) };
}

async function trust(one: Side, other: Side): Promise<void> {
  await one.service.trusts(one.actor.id, other.actor.id, other.actor.root, SECRET);
  await other.service.trusts(other.actor.id, one.actor.id, one.actor.root, SECRET);
}

async function subscribe(who: Side, to: Side, target: string): Promise<void> {
  const { subscriptions } = who.service.service.actorOf(who.actor.id);
  await subscriptions.subscribeToPeer({ peerId: to.actor.id, target });
}

/** What `of` holds against `peer`. */
async function breaker(of: Side, peer: Side) {
  return readBreaker((await of.service.table.get(trustKey(of.actor.id, peer.actor.id))) ?? { pk: "", sk: "" });
}

const write = async ({ service, actor }: Side, name: string, json: unknown): Promise<number> =>
  (await service.ask("PUT", `${actor.root}/properties/${name}`, { headers: actor.as, json })).status;

describe("a hook that changes its own actor's properties", () => {
  /** A publishes to B, whose hook publishes what it receives to C, which does not answer before the test lets it. */
  async function chain() {
    const network = new Network();
    const received: JsonObject[] = [];
    const answeredBefore: number[] = [];
    const c = new Peer("c");
    c.mood = "hangs";
    network.hosts.set(new URL(c.baseUri).origin, (request) => c.answer(request));
    const a = await side(network, "a", "properties");
    const b = await side(network, "b", "properties", async ({ actor, data, callbackType }) => {
      if (callbackType !== "diff") return;
      received.push(data as JsonObject);
      await actor.properties.set(`received${String(received.length)}`, data);
      answeredBefore.push(c.taken.length);
    });
    await trust(a, b);
    await subscribe(b, a, "properties");
    await b.service.trusts(b.actor.id, c.id, c.baseUri, c.secret);
    const headers = bearer(c.secret);
    const json = { target: "properties", granularity: "high" };
    const made = await b.service.ask("POST", `${b.actor.root}/subscriptions/${c.id}`, { headers, json });
    expect(made.status).toBe(201);
    return { a, b, c, received, answeredBefore };
  }

  it("does not delay the writer whose change it received, and is delivered by the worker's message", async () => {
    const { a, b, c, received, answeredBefore } = await chain();
    for (const n of [1, 2, 3]) expect(await write(a, "color", { n })).toBe(204);
    // The request has ended, and nothing was sent to C yet.
    expect(received).toEqual([1, 2, 3].map((n) => ({ color: { n } })));
    expect(answeredBefore).toEqual([0, 0, 0]);
    expect(c.seen).toEqual([]);
    expect(await breaker(a, b)).toEqual({ failures: 0 });

    const worker = b.service.arriveMessages();
    await vi.waitUntil(() => c.seen.length > 0);
    expect(c.taken).toEqual([]);
    // C receives the callback and does not answer, which delays the worker alone.
    expect(await write(a, "color", { n: 4 })).toBe(204);
    expect(received).toHaveLength(4);
    expect(c.sequences()).toEqual([1]);

    c.mood = 200;
    c.letGo();
    await worker;
    await b.service.arriveMessages();
    expect(c.sequences()).toEqual([1, 2, 3, 4]);
    expect(c.taken.map(({ body }) => body["data"])).toEqual(
      [1, 2, 3, 4].map((n) => ({ [`received${String(n)}`]: { color: { n } } })),
    );
    expect(received).toHaveLength(4);
    expect(await breaker(a, b)).toEqual({ failures: 0 });
  });

  it("runs once for each change, whatever messages and sweeps come afterwards", async () => {
    const { a, b, c, received } = await chain();
    c.mood = 200;
    for (const n of [1, 2]) await write(a, "color", { n });
    for (let minute = 0; minute < 3; minute += 1) {
      for (const { service } of [a, b]) {
        await service.arriveMessages();
        await service.sweep();
        service.now += 60_000;
      }
    }
    expect(received).toHaveLength(2);
    expect(c.sequences()).toEqual([1, 2]);
  });
});

describe("two actors whose hooks answer each other", () => {
  /** A and B subscribe to each other; each answers a ball `n` with `n - 1`, until it is 0. */
  async function table() {
    const network = new Network();
    const hops: string[] = [];
    const answers: FanOutResult[] = [];
    const player =
      (name: string): SubscriptionDataHook =>
      async ({ actor, data, callbackType }) => {
        if (callbackType !== "diff") return;
        const { ball, n } = data as { ball: string; n: number };
        hops.push(`${ball} ${name} ${String(n)}`);
        if (n > 0)
          answers.push(await actor.subscriptions.notifySubscribers({ target: "orders", data: { ball, n: n - 1 } }));
      };
    const a = await side(network, "a", "orders", player("a"));
    const b = await side(network, "b", "orders", player("b"));
    await trust(a, b);
    await subscribe(a, b, "orders");
    await subscribe(b, a, "orders");
    return { a, b, hops, answers };
  }

  const serve = async ({ service, actor }: Side, ball: string, n: number): Promise<FanOutResult> =>
    await service.service.actorOf(actor.id).subscriptions.notifySubscribers({ target: "orders", data: { ball, n } });

  /** Delivers the messages of both at the same time until none is left. @returns the number of rounds */
  async function rounds(...sides: readonly Side[]): Promise<number> {
    let count = 0;
    for (; count < 20 && sides.some(({ service }) => service.messages.length > 0); count += 1) {
      await Promise.all(
        sides.map(async ({ service }) => {
          await service.arriveMessages();
        }),
      );
    }
    return count;
  }

  const rally = (ball: string, first: string, second: string, n: number): string[] =>
    Array.from({ length: n + 1 }, (_, hop) => `${ball} ${hop % 2 === 0 ? first : second} ${String(n - hop)}`);

  it("receive each answer once, by one message each, and stop", async () => {
    const { a, b, hops, answers } = await table();
    expect(await serve(a, "red", 6)).toMatchObject({ totalCount: 1, successCount: 1, deferredCount: 0 });
    expect(hops).toEqual(["red b 6"]);
    expect(await rounds(a, b)).toBeLessThanOrEqual(6);
    expect(hops).toEqual(rally("red", "b", "a", 6));
    expect(answers).toHaveLength(6);
    for (const answer of answers) expect(answer).toMatchObject({ totalCount: 1, deferredCount: 1, failureCount: 0 });
    for (const [one, other] of [[a, b] as const, [b, a] as const]) {
      expect(await breaker(one, other)).toEqual({ failures: 0 });
    }
  });

  it("do so with balls from both sides at once, and no sweep has anything left to do", async () => {
    const { a, b, hops } = await table();
    await Promise.all([serve(a, "red", 5), serve(b, "blue", 5), serve(a, "green", 3)]);
    expect(await rounds(a, b)).toBeLessThanOrEqual(12);
    const of = (ball: string): string[] => hops.filter((hop) => hop.startsWith(`${ball} `));
    const all = (): void => {
      expect(of("red")).toEqual(rally("red", "b", "a", 5));
      expect(of("blue")).toEqual(rally("blue", "a", "b", 5));
      expect(of("green")).toEqual(rally("green", "b", "a", 3));
    };
    all();
    for (const { service } of [a, b]) {
      service.now += 60_000;
      await service.sweep();
      await service.arriveMessages();
    }
    all();
  });
});
