/** What a hub distributes, and when it stops, beyond the tests of websub.rocks. */
import { beforeEach, describe, expect, it } from "vitest";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { CALLBACK, confirming, HubWorld, MINUTE, type Answering } from "./hub-world.ts";

const SECOND = 1_000;
const HOUR = 60 * MINUTE;
let hub: HubWorld;
beforeEach(async () => {
  hub = await new HubWorld().open();
});

/** Answers deliveries with these statuses, one after another, the last for all further ones. */
function answering(...statuses: (number | undefined)[]): Answering {
  let at = -1;
  return (got) => {
    if (got.method === "GET") return confirming(got);
    at = Math.min(at + 1, statuses.length - 1);
    const status = statuses[at];
    return status === undefined ? undefined : { status };
  };
}

async function change(value: Json): Promise<void> {
  await hub.put("blog", value);
  await hub.work();
}

describe("a change", () => {
  beforeEach(async () => {
    await hub.subscribe();
  });

  it("goes out as a GET gives the topic, byte for byte, with both links in one header", async () => {
    for (const value of [{ title: "é\n" }, "text", "", 0, 12345678901234567890n, [1, null]] as Json[]) {
      if (value === "") continue;
      hub.got.splice(0);
      await change(value);
      const topic = await hub.world.ask("GET", hub.topic());
      const [sent] = hub.sent;
      expect([sent?.text, sent?.type]).toEqual([topic.text, topic.headers["content-type"]]);
      expect(sent?.headers["link"]).toBe(topic.headers["link"]);
      expect(hub.sent).toHaveLength(1);
    }
  });

  it("of something else sends nothing", async () => {
    await hub.put("other", 1);
    await hub.put("blogs", 1);
    await hub.work();
    expect(hub.sent).toEqual([]);
  });

  it("that leads back to the state that was taken sends nothing", async () => {
    await change("second");
    await change("second");
    expect(hub.bodies).toEqual(["second"]);
    await hub.put("blog", "third");
    await hub.put("blog", "second");
    await hub.work();
    expect(hub.bodies).toEqual(["second"]);
  });

  it("that deletes the topic sends nothing, and the next state goes out", async () => {
    await hub.owner("DELETE", "/properties/blog");
    await hub.work();
    await hub.owner("DELETE", "/properties");
    await hub.work();
    expect(hub.sent).toEqual([]);
    await change("back");
    expect(hub.bodies).toEqual(["back"]);
  });

  it("above and below the topic is one of the topic", async () => {
    await hub.subscribe({ "hub.topic": hub.topic("properties/blog"), "hub.callback": `${CALLBACK}/whole` });
    await change({ title: "a", text: "b" });
    await hub.subscribe({ "hub.topic": hub.topic("properties/blog/title"), "hub.callback": `${CALLBACK}/title` });
    hub.got.splice(0);
    await hub.owner("PUT", "/properties/blog/title", "new");
    await hub.work();
    const byCallback = Object.fromEntries(hub.sent.map(({ url, text }) => [url.pathname, text]));
    expect(byCallback["/cb/title"]).toBe("new");
    expect(JSON.parse(byCallback["/cb/whole"] ?? "")).toEqual({ title: "new", text: "b" });
    hub.got.splice(0);
    await hub.owner("PUT", "/properties/blog/text", "only below");
    await hub.work();
    expect(hub.sent.map(({ url }) => url.pathname).sort()).toEqual(["/cb", "/cb/whole"]);
  });

  it("of a list sends the list", async () => {
    await hub.owner("POST", "/properties", { list: { _type: "list" } });
    await hub.subscribe({ "hub.topic": hub.topic("properties/list"), "hub.callback": `${CALLBACK}/list` });
    await hub.owner("POST", "/properties/list", { a: 1 });
    await hub.work();
    expect(hub.bodies).toEqual(['[{"a":1}]']);
  });

  it("goes to each of two topics on one callback, and each ends alone", async () => {
    await hub.put("blog", { a: 1 });
    await hub.work();
    hub.got.splice(0);
    await hub.subscribe({ "hub.topic": hub.topic("properties/blog/a") });
    expect(await hub.counts()).toEqual({ subscriptions: 2, pending: 0 });
    await change({ a: 2 });
    expect(hub.bodies.toSorted()).toEqual(["2", '{"a":2}']);
    await hub.unsubscribe({ "hub.topic": hub.topic("properties/blog/a") });
    hub.got.splice(0);
    await change({ a: 3 });
    expect(hub.bodies).toEqual(['{"a":3}']);
  });

  it("in a storm of changes sends the newest state, one delivery at a time", async () => {
    let underWay = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    hub.network.hosts.set("https://s.example", async (request) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise<void>((resolve) => waiting.push(resolve));
      underWay -= 1;
      hub.got.push({
        ...{ method: request.method, url: new URL(request.url), headers: {} },
        ...{ text: Buffer.from(request.body?.bytes ?? []).toString(), type: "" },
      });
      return { status: 200, headers: {}, text: "", json: undefined };
    });
    const works: Promise<void>[] = [];
    for (let count = 1; count <= 50; count += 1) {
      await hub.put("blog", `state ${String(count)}`);
      works.push(hub.work());
    }
    while (hub.bodies.at(-1) !== "state 50") {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
      works.push(hub.work());
    }
    await Promise.all(works);
    expect(most).toBe(1);
    expect(hub.bodies.length).toBeLessThan(10);
    await hub.sweep(MINUTE);
    expect(hub.bodies.at(-1)).toBe("state 50");
  });

  it("to a slow subscriber goes out when that has answered", async () => {
    let put: Promise<void> | undefined;
    hub.answering = (got) => {
      if (got.method === "POST") put ??= hub.put("blog", "third");
      return confirming(got);
    };
    await change("second");
    await put;
    await hub.work();
    expect(hub.bodies).toEqual(["second", "third"]);
  });

  it("that no message brought forward is distributed by the sweep", async () => {
    await hub.put("blog", "second");
    await hub.sweep(MINUTE);
    expect(hub.bodies).toEqual(["second"]);
  });
});

describe("a failed delivery", () => {
  beforeEach(async () => {
    await hub.subscribe({ "hub.lease_seconds": "86400" });
  });

  it.each([[500], [404], [302], [400], [undefined]])(
    "by %s is tried again after 5 s, 5 min and 30 min",
    async (status) => {
      hub.answering = answering(status);
      await change("second");
      expect(hub.bodies).toHaveLength(1);
      for (const pause of [5 * SECOND, 5 * MINUTE, 30 * MINUTE]) {
        const before = hub.bodies.length;
        await hub.pass(pause - 1);
        expect(hub.bodies).toHaveLength(before);
        await hub.pass(1);
        if (pause > 15 * MINUTE) await hub.sweep();
        expect(hub.bodies).toHaveLength(before + 1);
      }
      expect(new Set(hub.bodies)).toEqual(new Set(["second"]));
      expect((await hub.counts()).subscriptions).toBe(1);
    },
  );

  it("with 500 and then a success is over", async () => {
    hub.answering = answering(500, 200);
    await change("second");
    await hub.pass(5 * SECOND);
    expect(hub.bodies).toEqual(["second", "second"]);
    await hub.pass(HOUR);
    await hub.sweep();
    expect(hub.bodies).toHaveLength(2);
    await change("third");
    expect(hub.bodies).toHaveLength(3);
  });

  it("is tried again with the newest state, at its time and not at a change", async () => {
    hub.answering = answering(500, 200);
    await change("second");
    await change("third");
    await change("fourth");
    expect(hub.bodies).toEqual(["second"]);
    await hub.pass(5 * SECOND);
    expect(hub.bodies).toEqual(["second", "fourth"]);
  });

  it("after the fourth is tried at every change and hourly, until the lease ends", async () => {
    hub.answering = answering(500);
    await change("second");
    for (const pause of [5 * SECOND, 5 * MINUTE, 30 * MINUTE]) {
      await hub.sweep(pause);
    }
    expect(hub.bodies).toHaveLength(4);
    await change("third");
    await change("fourth");
    expect(hub.bodies.slice(4)).toEqual(["third", "fourth"]);
    await hub.sweep(HOUR - 1);
    expect(hub.bodies).toHaveLength(6);
    await hub.sweep(1);
    expect(hub.bodies.slice(6)).toEqual(["fourth"]);
    await hub.sweep(23 * HOUR);
    expect(hub.bodies).toHaveLength(7);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
  });

  it("is not tried again when the state is by then the one that was taken", async () => {
    await change("second");
    hub.answering = answering(500, 200);
    await change("third");
    await change("second");
    await hub.pass(5 * SECOND);
    expect(hub.bodies).toEqual(["second", "third"]);
    hub.answering = confirming;
    await change("fourth");
    expect(hub.bodies).toEqual(["second", "third", "fourth"]);
  });

  it("by 410 ends the subscription", async () => {
    hub.answering = answering(410);
    await change("second");
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
    await change("third");
    expect(hub.bodies).toEqual(["second"]);
  });

  it("of one subscriber keeps no other from the state", async () => {
    hub.serve("https://t.example");
    await hub.subscribe({ "hub.callback": "https://t.example/cb" });
    hub.answering = (got) => (got.url.hostname === "s.example" && got.method === "POST" ? undefined : confirming(got));
    await change("second");
    expect(hub.sent.filter(({ url }) => url.hostname === "t.example").map(({ text }) => text)).toEqual(["second"]);
  });

  it("shows no error and no secret in the log", async () => {
    await hub.subscribe({ "hub.secret": "do not show this" });
    hub.answering = answering(undefined);
    await change("second");
    expect(hub.world.logged.filter(({ level }) => level === "error")).toEqual([]);
    expect(JSON.stringify(hub.world.logged)).not.toContain("do not show this");
  });
});

describe("a topic that is made private", () => {
  it("is denied to each subscriber once, and nothing is left", async () => {
    await hub.put("blog", { a: 1 });
    await hub.subscribe();
    await hub.subscribe({ "hub.topic": hub.topic("properties/blog/a"), "hub.callback": `${CALLBACK}/a?x=1` });
    hub.got.splice(0);
    await hub.makePublic(["blog/a"]);
    await hub.work();
    expect(hub.asked.map((each) => [each.get("hub.mode"), each.get("hub.topic")])).toEqual([["denied", hub.topic()]]);
    await hub.makePublic([]);
    await hub.work();
    expect(hub.asked.slice(1).map((each) => [each.get("hub.mode"), each.get("x")])).toEqual([["denied", "1"]]);
    await hub.put("blog", "never seen");
    await hub.work();
    for (let minute = 0; minute < 5; minute += 1) await hub.sweep(MINUTE);
    expect(hub.got).toHaveLength(2);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
    expect(await hub.items("TOPIC#")).toEqual([]);
  });

  it("is denied once also when the subscriber cannot be reached", async () => {
    await hub.subscribe();
    hub.got.splice(0);
    hub.answering = () => undefined;
    await hub.makePublic([]);
    await hub.work();
    await hub.sweep(MINUTE);
    expect(hub.got).toHaveLength(1);
    expect(await hub.counts()).toEqual({ subscriptions: 0, pending: 0 });
  });

  it("sends nothing although the withdrawal is not done yet", async () => {
    await hub.subscribe();
    await hub.makePublic([]);
    hub.world.messages.splice(0);
    await hub.put("blog", "hidden");
    await hub.work();
    expect(hub.sent).toEqual([]);
  });
});

describe("a public target", () => {
  it("without a hook distributes the events at its place", async () => {
    const { subscriptions } = hub.world.service.actorOf(hub.alice.id);
    await hub.makePublic(["blog"], ["alerts"]);
    await subscriptions.notifySubscribers({ target: "alerts", data: { number: 1 } });
    await hub.subscribe({ "hub.topic": hub.topic("alerts") });
    await subscriptions.notifySubscribers({ target: "alerts", data: { number: 2 } });
    await subscriptions.notifySubscribers({ target: "alerts", subtarget: "other", data: { number: 3 } });
    await hub.work();
    expect(hub.bodies).toEqual(['{"number":2}']);
  });

  it("with a hook distributes what the hook gives to anyone, when an event says that it is new", async () => {
    let state: Json = "one";
    const app = new ActingWebApp({ awType: "urn:test", desc: "test" }).stateHook("status", ({ isPublic }) =>
      isPublic === true ? state : "not for all",
    );
    hub = await new HubWorld({ app }).open();
    await hub.makePublic([], ["status"]);
    await hub.subscribe({ "hub.topic": hub.topic("status") });
    state = "two";
    await hub.world.service.actorOf(hub.alice.id).subscriptions.notifySubscribers({ target: "status", data: null });
    await hub.work();
    expect(hub.bodies).toEqual(['"two"']);
  });

  it("of an actor without any change can be subscribed to", async () => {
    const app = new ActingWebApp({ awType: "urn:test", desc: "test" }).stateHook("status", () => "on");
    hub = new HubWorld({ app });
    hub.alice = await hub.world.actor();
    await hub.makePublic(["first"], ["status"]);
    await hub.subscribe({ "hub.topic": hub.topic("status") });
    expect(await hub.counts()).toEqual({ subscriptions: 1, pending: 0 });
    await hub.put("first", 1);
    expect((await hub.owner("GET", "/properties/first")).json).toBe(1);
  });
});

it("an actor that is deleted leaves nothing of its hub", async () => {
  await hub.subscribe();
  await hub.ask({ "hub.callback": `${CALLBACK}/2` });
  const before = hub.got.length;
  await hub.owner("DELETE", "");
  await hub.work();
  await hub.sweep(MINUTE);
  expect(await hub.items("")).toEqual([]);
  // Subscribers are not denied one by one.
  expect(hub.got).toHaveLength(before);
});
