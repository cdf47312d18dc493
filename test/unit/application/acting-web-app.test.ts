import { describe, expect, expectTypeOf, it } from "vitest";
import { ActingWebApp, type HookEvent } from "../../../lib/application/acting-web-app.ts";
import { CallbackType, Verdict } from "../../../lib/index.ts";
import { isInsideHook } from "../../../lib/system/request-context.ts";
import type { Actor } from "../../../lib/application/actor.ts";
import { NoBus } from "../../../lib/bus/no-bus.ts";
import { readConfig } from "../../../lib/system/config.ts";
import { verdictOf } from "../../../lib/failed-events/hook-event.ts";

const signal = new AbortController().signal;
const least = { BASE_URL: "https://me.example", TABLE_NAME: "things" };
const actor: Pick<Actor, "id"> = { id: "me" };
const bus = new NoBus();

function make(): ActingWebApp {
  const app = new ActingWebApp({ awType: "urn:test", desc: "test" });
  app.bind(() => actor as Actor, bus);
  return app;
}

const eventOn = (target: string, more: Partial<HookEvent> = {}): HookEvent => ({
  ...{ id: "e1", actorId: "me", peerId: "peer", subscriptionId: "sub", target, epoch: 1, sequence: 7 },
  ...{ callbackType: "diff", data: { a: 1 } },
  ...more,
});

describe("the event bus of an application", () => {
  it("is the deployment's, once a function has started", () => {
    expect(make().bus).toBe(bus);
    expect(() => new ActingWebApp({ awType: "urn:test", desc: "test" }).bus).toThrow(TypeError);
  });
});

describe("an application's options", () => {
  it("keep their defaults until they are set, and earlier values from call to call", () => {
    const app = make().withSubscriptionProcessing();
    expect(app.options).toEqual({});
    app.withSubscriptionProcessing({ maxPending: 7 }).withSubscriptionProcessing({ autoStorage: false });
    expect(app.options).toEqual({ maxPending: 7, autoStorage: false });
    expect(readConfig(least, make().options)).toMatchObject({
      ...{ autoSequence: true, autoStorage: true, autoCleanup: true, gapTimeoutSeconds: 5, maxPending: 100 },
    });
  });

  it("that are not known are refused where they are written", () => {
    expect(() => make().withSubscriptionProcessing({ maxpending: 3 } as never)).toThrow(
      'withSubscriptionProcessing: "maxpending" is not known; allowed is autoSequence, autoStorage',
    );
  });

  it("that are out of range stop the function with their name, value and range", () => {
    const { options } = make().withSubscriptionProcessing({ gapTimeoutSeconds: 0, autoStorage: "yes" as never });
    expect(() => readConfig(least, options)).toThrow(/gapTimeoutSeconds is 0; allowed is .*0\.1 to 3600/);
    expect(() => readConfig(least, options)).toThrow(/autoStorage is yes; allowed is true or false/);
  });
});

describe("withSyncCallbacks", () => {
  const onLambda = { ...least, AWS_LAMBDA_FUNCTION_NAME: "callbacks" };

  it("chooses the mode where the environment does not", () => {
    expect(readConfig(least, make().options).callbackMode).toBe("sync");
    expect(readConfig(least, make().withSyncCallbacks(false).options).callbackMode).toBe("async");
    expect(readConfig({ ...least, CALLBACK_MODE: "sync" }, { syncCallbacks: false }).callbackMode).toBe("sync");
    expect(readConfig({ ...least, CALLBACK_MODE: "async" }, { syncCallbacks: true }).callbackMode).toBe("async");
  });

  it("refuses async on Lambda with the reason", () => {
    expect(readConfig(onLambda, make().withSyncCallbacks(true).options).callbackMode).toBe("sync");
    expect(() => readConfig(onLambda, make().withSyncCallbacks(false).options)).toThrow(
      /withSyncCallbacks\(false\) asks for async; allowed on Lambda is sync: a function is frozen once it has answered/,
    );
    expect(() => readConfig({ ...onLambda, CALLBACK_MODE: "async" }, {})).toThrow(
      /CALLBACK_MODE is "async"; .* frozen/,
    );
  });

  it("takes true or false only", () => {
    expect(() => make().withSyncCallbacks("no" as never)).toThrow('withSyncCallbacks: "no" is not known');
  });
});

describe("a subscription data hook", () => {
  it("gets the event, its actor and its scope", async () => {
    const events: unknown[] = [];
    const app = make().subscriptionDataHook("properties", (data) => void events.push(data));
    const event = eventOn("properties", { subtarget: "color", callbackType: CallbackType.resync });
    await app.run(event, signal);
    expect(events).toEqual([
      {
        ...{ actor, peerId: "peer", target: "properties", subtarget: "color", data: { a: 1 }, sequence: 7 },
        ...{ callbackType: "resync", event, signal },
      },
    ]);
  });

  it('for "*" runs only for what no more specific hook matched, whatever the order of registration', async () => {
    const events: string[] = [];
    const app = make()
      .subscriptionDataHook("*", ({ target }) => void events.push(`any ${target}`))
      .subscriptionDataHook("properties", ({ target }) => void events.push(`own ${target}`));
    await app.run(eventOn("properties"), signal);
    await app.run(eventOn("orders"), signal);
    expect(events).toEqual(["own properties", "any orders"]);
    expect(app.handles({ target: "anything" })).toBe(true);
  });

  it("takes the most specific of the patterns that match, whatever the order of registration", async () => {
    const texts = ["*", "orders", "orders.>", "orders.*", "orders.eu.*", "orders.*.open", "orders.eu.>", "*.eu", "a.b"];
    const hook = (app: ActingWebApp, ran: string[]) => (text: string) =>
      app.subscriptionDataHook(text, () => void ran.push(text));
    const runs: string[][] = [];
    for (const order of [texts, texts.toReversed()]) {
      const [app, ran] = [make(), [] as string[]];
      order.forEach(hook(app, ran));
      for (const event of [
        ...[eventOn("orders"), eventOn("orders", { subtarget: "us" }), eventOn("carts", { subtarget: "eu" })],
        eventOn("orders", { subtarget: "eu", resource: "open" }),
        eventOn("orders", { subtarget: "eu", resource: "open/late" }),
        eventOn("orders", { subtarget: "us", resource: "open" }),
        eventOn("orders", { subtarget: "us", resource: "done" }),
        ...[eventOn("a.b"), eventOn("a", { subtarget: "b" }), eventOn("carts")],
      ]) {
        await app.run(event, signal);
      }
      runs.push(ran);
    }
    const expected = [
      "orders",
      "orders.*",
      "*.eu",
      "orders.eu.*",
      "orders.eu.>",
      "orders.*.open",
      "orders.>",
      "a.b",
      "*",
      "*",
    ];
    expect(runs).toEqual([expected, expected]);
  });

  it("runs nothing where neither a name nor a pattern fits", () => {
    const app = make()
      .subscriptionDataHook("orders.*", () => undefined)
      .subscriptionDataHook("a.b", () => undefined);
    expect(app.handles({ target: "orders" })).toBe(false);
    expect(app.handles({ target: "orders", subtarget: "x" })).toBe(true);
    expect(app.handles({ target: "orders", subtarget: "x.y" })).toBe(true);
    expect(app.handles({ target: "orders", subtarget: "x", resource: "z" })).toBe(false);
    expect(app.handles({ target: "a", subtarget: "b" })).toBe(false);
    expect(app.handles({ target: "a.b", subtarget: "c" })).toBe(true);
  });

  it.each([
    ["orders.*", "orders/*"],
    ["orders.>", "orders/**"],
    ["*", ">"],
    [">", "*"],
  ])("is one for each pattern: %s and %s are equal", (first, second) => {
    const app = make().subscriptionDataHook(first, () => undefined);
    expect(() => app.subscriptionDataHook(second, () => undefined)).toThrow(
      `subscriptionDataHook: there is a hook for ${JSON.stringify(first)} already.`,
    );
  });

  it.each(["a*", "a.>.b", "*.", ">>", "a.**", "a?.*"])("cannot be registered for the pattern %j", (pattern) => {
    expect(() => make().subscriptionDataHook(pattern, () => undefined)).toThrow("subscriptionDataHook: the pattern");
  });

  it("runs after the one registered before it for the same target", async () => {
    const events: number[] = [];
    const app = make()
      .subscriptionDataHook("properties", async () => {
        await new Promise((resolve) => setImmediate(resolve));
        events.push(1);
      })
      .subscriptionDataHook("properties", () => void events.push(2));
    await app.run(eventOn("properties"), signal);
    expect(events).toEqual([1, 2]);
  });

  it("that is not there makes nothing run", async () => {
    const app = make().subscriptionDataHook("orders", () => undefined);
    expect(app.handles({ target: "properties" })).toBe(false);
    await app.run(eventOn("properties"), signal);
  });

  it.each(["", "a/b", "..", "a%b", "a?b", "a\n", "x".repeat(257)])("cannot be registered for %j", (target) => {
    expect(() => make().subscriptionDataHook(target, () => undefined)).toThrow(
      `subscriptionDataHook: ${JSON.stringify(target)} is no target`,
    );
  });
});

describe("an event hook", () => {
  const hook = (): void => undefined;
  const options = { id: "indexer", pattern: "properties.*" };

  it("gets the event, its actor and the attempt, and is known as a hook in all it does", async () => {
    const got: unknown[] = [];
    const app = make().eventHook(options, (own) => void got.push(own, isInsideHook()));
    const event = { specversion: "1.0", id: "e1" };
    await app.runEventHook("indexer", { actorId: "me", event, attempt: 2 }, signal);
    expect(got).toEqual([{ actor, event, attempt: 2, signal }, true]);
  });

  it("is defined by its id, its pattern, its types and its order", () => {
    const app = make()
      .eventHook(options, hook)
      .eventHook({ id: "all", pattern: "**", types: ["a.b", "org.actingweb.*"], order: "strict" }, hook);
    expect(app.eventHooks).toEqual([
      { id: "indexer", selection: { topics: ["properties.*"] }, order: "key" },
      { id: "all", selection: { topics: [">"], types: ["a.b", "org.actingweb.*"] }, order: "strict" },
    ]);
  });

  it.each([
    [{ id: "" }, 'eventHook: the id "" is not allowed; allowed is 1 to 32 of a-z 0-9 -.'],
    [{ id: "Big" }, 'the id "Big"'],
    [{ id: "x".repeat(33) }, "allowed is 1 to 32"],
    [{ id: 7 }, "the id 7"],
    [{ pattern: "a..b" }, 'eventHook: the pattern "a..b" must be'],
    [{ pattern: undefined }, "eventHook: the pattern undefined"],
    [{ pattern: "trust.*" }, 'no event\'s topic begins with "trust", which is a path of the service'],
    [{ order: "fifo" }, 'eventHook: "fifo" is not known; allowed is key, strict, none'],
    [{ types: [] }, "eventHook: the types are []"],
    [{ types: ["a b"] }, 'the types are ["a b"]; allowed is a list of 1 to 20 types'],
    [{ types: Array(21).fill("a") }, "eventHook: the types are"],
    [{ types: "a.b" }, 'the types are "a.b"'],
  ])("cannot be registered with %j", (wrong, message) => {
    expect(() => make().eventHook({ ...options, ...wrong } as never, hook)).toThrow(message);
  });

  it("is the only one of its id, and a function", () => {
    const app = make().eventHook(options, hook);
    expect(() => app.eventHook({ ...options, pattern: ">" }, hook)).toThrow('there is a hook for "indexer" already');
    expect(() => app.eventHook({ ...options, id: "b" }, "x" as never)).toThrow("it must be a function");
  });
});

describe("a callback hook", () => {
  it("is found by its name, paths included", () => {
    const hook = (): boolean => true;
    const app = make().callbackHook("subscription", hook).callbackHook("bot/v1", hook);
    expect(app.rawHook("subscription")).toBe(hook);
    expect(app.rawHook("bot/v1")).toBe(hook);
    expect(app.rawHook("bot")).toBeUndefined();
  });

  it.each(["", "/bot", "bot/", "a//b", "a/../b", "a b"])("cannot be named %j", (name) => {
    expect(() => make().callbackHook(name, () => true)).toThrow(`callbackHook: ${JSON.stringify(name)} is no name`);
  });

  it.each(["subscriptions", "subscriptions/peer/sub", "permissions"])("cannot take the protocol's %s", (name) => {
    expect(() => make().callbackHook(name, () => true)).toThrow('subscription callbacks are taken by "subscription"');
  });

  it("is the only one of its name", () => {
    const app = make().callbackHook("bot", () => true);
    expect(() => app.callbackHook("bot", () => true)).toThrow('there is a hook for "bot" already');
  });
});

describe("the other hooks", () => {
  it("give the state of a target of the application's own", async () => {
    const app = make().stateHook("resources", ({ subtarget }) => ({ of: subtarget ?? "all" }));
    expect(await app.stateOf("resources")?.({ actor: actor as Actor, peerId: "peer", subtarget: "one" })).toEqual({
      of: "one",
    });
    expect(app.stateOf("other")).toBeUndefined();
    expect(() => app.stateHook("resources", () => null)).toThrow('there is a hook for "resources" already');
    expect(() => app.stateHook("a/b", () => null)).toThrow('stateHook: "a/b" is no target');
    expect(() => app.stateHook("*", () => null)).toThrow('stateHook: "*" is no target');
  });

  it("run for their name only", async () => {
    const events: string[] = [];
    const app = make()
      .trustHook("approve", (event) => void events.push(`approve ${event.peerId} ${event.actor.id}`))
      .lifecycleHook("actor_created", (event) => void events.push(`created ${event.actor.id}`))
      .lifecycleHook("subscription_created", ({ peerId, subscriptionId, target }) => {
        events.push(`subscribed ${String(peerId)} ${String(subscriptionId)} ${String(target)}`);
      });
    const trust = { actorId: "me", peerId: "peer", relationship: "friend", approved: true, peerApproved: true };
    await app.runTrustHook("create", trust);
    await app.runTrustHook("approve", trust);
    await app.runActorHook("actor_created", { actorId: "me" });
    await app.runActorHook("actor_deleted", { actorId: "me" });
    const subscription = { actorId: "me", peerId: "peer", subscriptionId: "sub", target: "properties" };
    await app.runSubscriptionHook("subscription_created", subscription);
    await app.runSubscriptionHook("subscription_deleted", subscription);
    expect(events).toEqual(["approve peer me", "created me", "subscribed peer sub properties"]);
  });

  it("are known as hooks in all they do, so that what they publish waits for no peer", async () => {
    const events: boolean[] = [];
    const note = (): void => void events.push(isInsideHook());
    const app = make()
      .subscriptionDataHook("properties", note)
      .trustHook("approve", note)
      .lifecycleHook("actor_created", note)
      .lifecycleHook("subscription_created", note);
    await app.run(eventOn("properties"), signal);
    const trust = { actorId: "me", peerId: "peer", relationship: "friend", approved: true, peerApproved: true };
    await app.runTrustHook("approve", trust);
    await app.runActorHook("actor_created", { actorId: "me" });
    const subscription = { actorId: "me", peerId: "peer", subscriptionId: "sub", target: "properties" };
    await app.runSubscriptionHook("subscription_created", subscription);
    expect(events).toEqual([true, true, true, true]);
    expect(isInsideHook()).toBe(false);
  });

  it("cannot have names that never happen, nor be anything but functions", () => {
    expect(() => make().trustHook("created" as never, () => undefined)).toThrow(
      'trustHook: "created" is not known; allowed is create, approve, delete.',
    );
    expect(() => make().lifecycleHook("actor_made" as never, () => undefined)).toThrow(
      'lifecycleHook: "actor_made" is not known; allowed is subscription_created, subscription_deleted, actor_created, actor_deleted.',
    );
    expect(() => make().trustHook("create", undefined as never)).toThrow(
      "the hook is undefined; it must be a function",
    );
  });
});

describe("the other exports for a deployer", () => {
  it("decides what happens to an event", () => {
    expect(verdictOf(new Verdict("stop", "wait for me"))).toBe("stop");
    expect(verdictOf(new Error("no"))).toBe("retry");
  });

  it("names the callback types", () => {
    expect(CallbackType).toEqual({ diff: "diff", resync: "resync", permission: "permission" });
    expectTypeOf<CallbackType>().toEqualTypeOf<"diff" | "resync" | "permission">();
  });
});
