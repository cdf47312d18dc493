/** Hooks on a whole service in this process, with a scripted peer. */
import { describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { Verdict } from "../../../lib/index.ts";
import type { Actor } from "../../../lib/application/actor.ts";
import { RemotePeerStore } from "../../../lib/receiving/replica/remote-peer-store.ts";
import { ACTOR, PEER, SECRET, SUB, Subscriber } from "../receiving/subscriber.ts";

const make = (): ActingWebApp => new ActingWebApp({ awType: "urn:test", desc: "test" });

async function subscribed(app?: ActingWebApp, environment: Record<string, string> = {}) {
  const subscriber = await new Subscriber({ environment, ...(app === undefined ? {} : { app }) }).subscribed();
  return { subscriber, actor: subscriber.service.actorOf(ACTOR) };
}

describe("hooks of subscription callbacks", () => {
  it("find the data in the peer's store, and may use every component", async () => {
    const seen: unknown[] = [];
    const hook = async ({ actor, peerId }: { actor: Actor; peerId: string }): Promise<void> => {
      const store = new RemotePeerStore(actor, peerId);
      seen.push([await store.getValue("color"), await actor.creator, (await actor.trust.getTrust(peerId))?.approved]);
    };
    const { subscriber } = await subscribed(make().subscriptionDataHook("properties", hook));
    seen.length = 0;
    await subscriber.diff(1, { color: "red" });
    expect(seen).toEqual([["red", "creator", true]]);
  });

  it("decide the outcome of the event by a verdict", async () => {
    let runs = 0;
    const app = make().subscriptionDataHook("*", ({ callbackType }) => {
      if (callbackType !== "diff") return;
      runs += 1;
      throw new Verdict("skip", "not for me");
    });
    const { subscriber } = await subscribed(app);
    expect((await subscriber.diff(1, { a: 1 })).status).toBe(201);
    subscriber.now += 3_600_000;
    await subscriber.sweep();
    expect(runs).toBe(1);
  });

  it("run, while nothing is stored, when autoStorage is off", async () => {
    const sequences: number[] = [];
    const app = make().subscriptionDataHook("*", ({ sequence, callbackType }) => {
      if (callbackType === "diff") sequences.push(sequence);
    });
    const { actor, subscriber } = await subscribed(app, { AUTO_STORAGE: "false" });
    await subscriber.diff(1, { color: "red" });
    expect(sequences).toEqual([1]);
    expect(await new RemotePeerStore(actor, PEER).getAllProperties()).toEqual({});
  });

  it("do not run beside a raw hook, which gets every authenticated callback as it arrives", async () => {
    const raw: unknown[] = [];
    const data: number[] = [];
    const app = make()
      .subscriptionDataHook("*", ({ sequence, callbackType }) => {
        if (callbackType === "diff") data.push(sequence);
      })
      .callbackHook("subscription", ({ actor, peerId, subscriptionId, body }) => {
        raw.push([actor.id, peerId, subscriptionId, (body as { sequence: number }).sequence]);
        return (body as { data: unknown }).data !== null;
      });
    const { actor, subscriber } = await subscribed(app);
    expect((await subscriber.diff(5, { a: 1 })).status).toBe(201);
    expect((await subscriber.diff(5, { a: 1 })).status).toBe(201);
    expect((await subscriber.diff(6, null)).status).toBe(400);
    expect((await subscriber.callback({ sequence: 7, data: {} }, { bearer: "wrong" })).status).toBe(401);
    expect(raw).toEqual([5, 5, 6].map((sequence) => [ACTOR, PEER, SUB, sequence]));
    expect(data).toEqual([]);
    expect(await new RemotePeerStore(actor, PEER).getAllProperties()).toEqual({});
  });

  it("refuse the callback when they are raw and throw", async () => {
    const app = make().callbackHook("subscription", () => {
      throw new Error("no");
    });
    const { subscriber } = await subscribed(app);
    expect((await subscriber.diff(1, { a: 1 })).status).toBe(400);
  });

  it("are needed when nothing is sequenced", async () => {
    const { subscriber } = await subscribed(undefined, { AUTO_SEQUENCE: "false" });
    expect((await subscriber.diff(1, { a: 1 })).status).toBe(400);
  });
});

describe("callbacks of the application's own", () => {
  const ask = async (subscriber: Subscriber, name: string, headers: Record<string, string> = {}, actorId = ACTOR) =>
    await subscriber.ask("callbacks", "POST /{actorId}/callbacks/{name+}", {
      ...{ params: { actorId, name }, headers, body: Buffer.from('{"text":"hi"}'), query: "chat=7" },
    });

  it("reach the hook of their name with what it needs to authenticate the sender", async () => {
    const got: unknown[] = [];
    const app = make().callbackHook("bot/telegram", ({ actor, name, method, body, headers, query, peerId }) => {
      got.push([actor.id, name, method, body, headers["x-signature"], query.get("chat"), peerId]);
      return headers["x-signature"] === "right";
    });
    const { subscriber } = await subscribed(app);
    expect((await ask(subscriber, "bot/telegram", { "x-signature": "right" })).status).toBe(204);
    expect((await ask(subscriber, "bot/telegram", { "x-signature": "wrong" })).status).toBe(400);
    expect(got[0]).toEqual([ACTOR, "bot/telegram", "POST", { text: "hi" }, "right", "7", undefined]);
    expect(got.length).toBe(2);
  });

  it("are refused without a hook, and without an actor", async () => {
    const { subscriber } = await subscribed(make().callbackHook("subscription", () => true));
    expect((await ask(subscriber, "bot")).status).toBe(401);
    expect((await ask(subscriber, "bot", { authorization: `Bearer ${SECRET}` })).status).toBe(403);
    expect((await ask(subscriber, "subscription", { authorization: `Bearer ${SECRET}` })).status).toBe(403);
    expect((await ask(subscriber, "bot", {}, "nobody")).status).toBe(404);
  });

  it("do not get the bearer of a subscription callback", async () => {
    const got: unknown[] = [];
    const app = make().callbackHook("subscription", ({ headers }) => got.push(headers));
    const { subscriber } = await subscribed(app);
    await subscriber.diff(1, { a: 1 });
    expect(got).toEqual([{}]);
  });
});
