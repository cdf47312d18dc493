/** Subscriptions that their publisher does not know any more, or has ended. */
import { beforeEach, describe, expect, it } from "vitest";
import { outboundHeadKey } from "../../../lib/dynamodb/keys/streams.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { ACTOR, bodyOf, PEER, SUB, Subscriber } from "./subscriber.ts";

const POLL = `GET /subscriptions/${ACTOR}/${SUB}`;
const NEW = "again";
const NEW_POLL = `GET /subscriptions/${ACTOR}/${NEW}`;
const TRUST = `GET /trust/friend/${ACTOR}`;
const SUBSCRIBE = `POST /subscriptions/${ACTOR}`;
const MINUTE = 60_000;
let us: Subscriber;
let lifecycle: string[];

async function subscriber(environment: Record<string, string> = {}): Promise<Subscriber> {
  const app = new ActingWebApp({ awType: "urn:test", desc: "test" });
  lifecycle = [];
  app.lifecycleHook("subscription_created", () => void lifecycle.push("created"));
  app.lifecycleHook("subscription_deleted", () => void lifecycle.push("deleted"));
  const made = await new Subscriber({ environment, app }).subscribed();
  await made.diff(1, { a: 1, b: 1 });
  lifecycle.length = 0;
  made.asked.length = 0;
  made.script[POLL] = { status: 404 };
  made.script[SUBSCRIBE] = { status: 201, json: { subscriptionid: NEW, granularity: "high", sequence: 0 } };
  made.script[NEW_POLL] = { status: 200, json: { sequence: 0, data: [] } };
  made.script[TRUST] = { status: 200, json: {} };
  return made;
}

beforeEach(async () => {
  us = await subscriber();
});

const listed = async (): Promise<Record<string, unknown>[]> =>
  bodyOf(await us.owner("GET /{actorId}/subscriptions"))["data"] as Record<string, unknown>[];
const asked = (line: string): number =>
  us.asked.filter(({ method, url }) => `${method} ${url.slice("https://peer.example/peer".length)}` === line).length;

/** The next reconciliation, and the minutes after it. */
async function reconcile(minutes: number): Promise<void> {
  us.now += 3_600_000;
  await us.sweep();
  await pass(minutes);
}

async function pass(minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    us.now += MINUTE;
    await us.sweep();
  }
}

describe("a poll answered 404", () => {
  it("is shown at once, and the publisher is asked again after a minute", async () => {
    await reconcile(0);
    const since = new Date(us.now).toISOString();
    expect(await listed()).toMatchObject([{ subscriptionid: SUB, problem: { code: "unknown_to_publisher", since } }]);
    expect(asked(POLL)).toBe(1);
    us.now += 59_000;
    await us.arriveMessages();
    await us.sweep();
    expect(asked(POLL)).toBe(1);
    us.script[POLL] = { status: 200, json: { sequence: 1, data: [] } };
    us.now += 1_000;
    await us.arriveMessages();
    expect(asked(POLL)).toBe(2);
    expect((await listed())[0]).not.toHaveProperty("problem");
    expect(asked(TRUST)).toBe(0);
  });

  it("twice, with a trust that stands, makes the subscription again: same scope, new id, no lifecycle hook", async () => {
    us.script["GET /properties"] = { status: 503 };
    await reconcile(1);
    expect(us.asked.find(({ method }) => method === "POST")?.json).toMatchObject({
      target: "properties",
      granularity: "high",
    });
    // The copy stays until the new baseline takes its place.
    expect(await us.stored()).toEqual({ a: 1, b: 1 });
    expect(await listed()).toMatchObject([{ subscriptionid: NEW, target: "properties", granularity: "high" }]);
    expect((await us.owner("GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", at(SUB))).status).toBe(404);
    expect((await us.diff(2, { a: 2 })).status).toBe(404);
    us.script["GET /properties"] = { status: 200, json: { a: 3 } };
    await pass(3);
    expect(await us.stored()).toEqual({ a: 3 });
    expect((await us.callback({ sequence: 1, target: "properties", data: { c: 1 } }, { sub: NEW })).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 3, c: 1 });
    await pass(10);
    expect(await us.stored()).toEqual({ a: 3, c: 1 });
    expect(us.table.itemAt(outboundHeadKey({ actorId: ACTOR, peerId: PEER, subscriptionId: SUB }))).toBeUndefined();
    expect(lifecycle).toEqual([]);
    expect((await listed())[0]).not.toHaveProperty("problem");
  });

  it("counts as forgotten also while the trust is not approved there yet", async () => {
    us.script[TRUST] = { status: 202, json: {} };
    await reconcile(1);
    expect(await listed()).toMatchObject([{ subscriptionid: NEW }]);
  });

  it("continues under the same id when the publisher gives that id", async () => {
    us.script[SUBSCRIBE] = { status: 201, json: { subscriptionid: SUB, granularity: "high", sequence: 0 } };
    us.script["GET /properties"] = { status: 200, json: { a: 3 } };
    const made = (): boolean => us.asked.some(({ method }) => method === "POST");
    const backlog = { sequence: 0, data: [] };
    Object.defineProperty(us.script, POLL, {
      get: () => (made() ? { status: 200, json: backlog } : { status: 404 }),
    });
    await reconcile(1);
    expect(await us.stored()).toEqual({ a: 3 });
    expect(await us.state()).toMatchObject({ lastSeq: 0, epoch: 2, resyncPending: false });
    expect((await us.diff(1, { b: 2 })).status).toBe(201);
    expect(await us.stored()).toEqual({ a: 3, b: 2 });
  });

  it.each([404, 403, 401, 410, 301])(
    "twice, with a trust that is answered %i, is lost and asked hourly",
    async (status) => {
      us.script[TRUST] = { status };
      await reconcile(1);
      expect(await listed()).toMatchObject([{ subscriptionid: SUB, problem: { code: "lost" } }]);
      expect(asked(SUBSCRIBE)).toBe(0);
      us.asked.length = 0;
      await pass(180);
      expect(asked(POLL)).toBe(3);
      us.script[POLL] = { status: 200, json: { sequence: 1, data: [] } };
      await pass(60);
      expect((await listed())[0]).not.toHaveProperty("problem");
    },
  );

  it("is lost with RESUBSCRIBE=false", async () => {
    us = await subscriber({ RESUBSCRIBE: "false" });
    await reconcile(1);
    expect(await listed()).toMatchObject([{ subscriptionid: SUB, problem: { code: "lost" } }]);
    expect(asked(SUBSCRIBE)).toBe(0);
  });

  it("is asked again while the publisher cannot say whether the trust stands", async () => {
    us.script[TRUST] = { status: 503 };
    await reconcile(3);
    expect(await listed()).toMatchObject([{ problem: { code: "unknown_to_publisher" } }]);
    us.script[TRUST] = { status: 200, json: {} };
    await pass(1);
    expect(await listed()).toMatchObject([{ subscriptionid: NEW }]);
  });

  it("makes a subscription again once a day at most", async () => {
    await reconcile(1);
    expect(await listed()).toMatchObject([{ subscriptionid: NEW }]);
    us.script[NEW_POLL] = { status: 404 };
    us.script[SUBSCRIBE] = { status: 201, json: { subscriptionid: "third", granularity: "high", sequence: 0 } };
    us.script[`GET /subscriptions/${ACTOR}/third`] = { status: 200, json: { sequence: 0, data: [] } };
    await reconcile(10);
    expect(await listed()).toMatchObject([{ subscriptionid: NEW, problem: { code: "lost" } }]);
    await pass(24 * 60);
    expect(await listed()).toMatchObject([{ subscriptionid: "third" }]);
  });

  it("is asked again sooner where reconciliation is more often", async () => {
    us = await subscriber({ RECONCILE_INTERVAL_SECONDS: "10" });
    us.now += 10_000;
    await us.sweep();
    us.now += 10_000;
    await us.sweep();
    expect(await listed()).toMatchObject([{ subscriptionid: NEW }]);
  });

  it("is the answer to an owner's resync, with the publisher's status", async () => {
    const reply = await us.resync();
    expect([reply.status, bodyOf(reply)]).toMatchObject([502, { error: { code: "peer_refused", peerStatus: 404 } }]);
    us.now += MINUTE;
    us.script["GET /properties"] = { status: 200, json: { fresh: 1 } };
    const again = await us.resync();
    expect([again.status, bodyOf(again)]).toMatchObject([200, { subscriptionid: NEW, result: "resynced" }]);
    expect(await us.stored()).toEqual({ fresh: 1 });
  });

  it("keeps a place that a narrower subscription owns with that one", async () => {
    us.script[SUBSCRIBE] = { status: 201, json: { subscriptionid: "narrow", granularity: "high", sequence: 0 } };
    us.script["GET /properties/b"] = { status: 200, json: "owned" };
    us.script[`GET /subscriptions/${ACTOR}/narrow`] = { status: 200, json: { sequence: 0, data: [] } };
    await us.subscribe("narrow", { subtarget: "b" });
    us.script[SUBSCRIBE] = { status: 201, json: { subscriptionid: NEW, granularity: "high", sequence: 0 } };
    us.script["GET /properties"] = { status: 200, json: { a: 3, b: "not its own" } };
    await reconcile(5);
    expect(await us.stored()).toEqual({ a: 3, b: "owned" });
  });
});

describe("a poll answered 410", () => {
  it("ends the subscription here, as an unsubscription by the peer does", async () => {
    us.script[POLL] = { status: 410 };
    await reconcile(0);
    expect(await listed()).toEqual([]);
    expect(await us.stored()).toEqual({});
    expect(lifecycle).toEqual(["deleted"]);
    expect(us.asked.filter(({ method }) => method === "DELETE")).toEqual([]);
  });
});

const at = (subscriptionId: string) => ({ params: { peerId: PEER, subscriptionId } });
