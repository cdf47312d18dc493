/** Subscriptions that their peer does not know: 404 and 410 are about one subscription, never about the peer. */
import { describe, expect, test, vi } from "vitest";
import { inboundHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { OneFault } from "../../support/faulty-table.ts";
import { bearer } from "../../support/in-process.ts";
import { DeliveryWorld, later, type Callback, type Peer, type Subscribed } from "./delivery-world.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CLOSED = { state: "closed", failures: 0 };
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

/** A peer with two subscriptions, of which the older one is unknown to it. */
async function withForgotten(status = 404, environment: Record<string, string> = {}) {
  const world = await DeliveryWorld.begin({ environment });
  const peer = await world.peer("p1");
  const [old, young] = [
    await world.subscribe(peer, { target: "properties", subtarget: "a" }),
    await world.subscribe(peer, { target: "properties", subtarget: "b" }),
  ];
  peer.mood = ({ subscriptionId }) => (subscriptionId === old.id ? status : 200);
  return { world, peer, old, young };
}

const nextAt = async (world: DeliveryWorld, of: Subscribed): Promise<number> =>
  (await world.head(of)).refused?.nextAt ?? 0;

/** Advances the clock to the next try of the refused subscription, this many times. */
async function tries(world: DeliveryWorld, of: Subscribed, times: number): Promise<readonly number[]> {
  const pauses: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const at = await nextAt(world, of);
    pauses.push(at - world.host.now);
    await world.pass(at - world.host.now);
  }
  return pauses;
}

async function problemOf(world: DeliveryWorld, { peer, id }: Subscribed): Promise<unknown> {
  return (await world.listed(peer)).find(({ subscriptionid }) => subscriptionid === id)?.["problem"];
}

describe("a subscription that its peer answers with 404", () => {
  test("keeps nothing from the peer's other subscriptions, and is no failure of the peer", async () => {
    const { world, peer, old, young } = await withForgotten();
    for (let n = 1; n <= 12; n += 1) {
      await world.set("a", n);
      await world.set("b", n);
      await world.pass(MINUTE);
    }
    expect(peer.sequences(young.id)).toEqual(range(1, 12));
    expect(new Set(peer.sequences(old.id))).toEqual(new Set([1]));
    expect(await world.breaker(peer)).toEqual(CLOSED);
  });

  test("is a failure of the fan-out that meets it, and left out of those that come before its next try", async () => {
    const { world, old } = await withForgotten();
    await world.set("a", 1);
    expect(world.results.at(-1)).toMatchObject({
      ...{ totalCount: 1, failureCount: 1, skippedCount: 0, deferredCount: 0 },
      failures: [{ peerId: "p1", subscriptionId: old.id, statusCode: 404, error: "The peer answered 404." }],
    });
    await world.set("a", 2);
    expect(world.results.at(-1)).toMatchObject({ totalCount: 1, failureCount: 0, skippedCount: 1 });
  });

  test("does not count for the failures in a row, nor as an answer that ends them", async () => {
    const { world, peer, old } = await withForgotten();
    peer.mood = ({ subscriptionId }) => (subscriptionId === old.id ? 404 : 500);
    for (let n = 1; n <= 4; n += 1) await world.set("b", n);
    await world.set("a", 1);
    expect(await world.breaker(peer)).toEqual({ state: "closed", failures: 4 });
    await world.set("b", 5);
    expect(await world.breaker(peer)).toMatchObject({ state: "open", failures: 5 });
  });

  test("is tried again after seconds at first, by a message, and then at growing pauses up to a day", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    expect(await nextAt(world, old)).toBeLessThanOrEqual(world.host.now + 2_000);
    world.host.now += 2_000;
    await world.host.arriveMessages();
    expect(peer.sequences(old.id)).toEqual([1, 1]);
    const pauses = await tries(world, old, 22);
    expect(peer.sequences(old.id)).toHaveLength(24);
    for (const [index, pause] of pauses.entries()) {
      const ceiling = Math.min(DAY, 4_000 * 2 ** index);
      expect([index, pause >= ceiling / 2 && pause <= ceiling]).toEqual([index, true]);
    }
    expect(await world.breaker(peer)).toEqual(CLOSED);
  });

  test("is tried again by the sweep alone", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    world.host.messages.length = 0;
    peer.mood = 200;
    await world.pass(MINUTE);
    expect(peer.sequences(old.id)).toEqual([1, 1]);
  });

  test("shows as its problem when it is listed, to its owner and to its peer", async () => {
    const { world, peer, old, young } = await withForgotten();
    await world.set("a", 1);
    await world.set("b", 1);
    const since = new Date(world.host.now).toISOString();
    await tries(world, old, 3);
    const problem = { code: "refused", status: 404, since, nextAt: new Date(await nextAt(world, old)).toISOString() };
    expect(await problemOf(world, old)).toEqual(problem);
    expect((await world.listed(peer)).find(({ subscriptionid }) => subscriptionid === young.id)).not.toHaveProperty(
      "problem",
    );
    const seen = await world.host.ask("GET", `${world.actor.root}/subscriptions/p1`, { headers: bearer(peer.secret) });
    expect((seen.json as { data: JsonObject[] }).data[0]).toMatchObject({ subscriptionid: old.id, problem });
    const all = await world.host.ask("GET", `${world.actor.root}/subscriptions`, { headers: world.actor.as });
    expect((all.json as { data: JsonObject[] }).data[0]).toMatchObject({ problem });
  });

  test("gets everything that it has missed, in order, once the peer knows it", async () => {
    const { world, peer, old } = await withForgotten();
    for (let n = 1; n <= 5; n += 1) await world.set("a", n);
    await tries(world, old, 3);
    peer.seen.length = 0;
    peer.mood = 200;
    await tries(world, old, 1);
    expect(peer.sequences(old.id)).toEqual([1, 2, 3, 4, 5]);
    expect(await problemOf(world, old)).toBeUndefined();
    expect(
      await world.table.get(inboundHeadKey({ actorId: world.actor.id, peerId: "p1", id: old.id })),
    ).not.toHaveProperty("dueAt");
    await world.set("a", 6);
    expect(peer.sequences(old.id)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("gets the missed numbers before a change that comes when its next try is due", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    await world.set("a", 2);
    world.host.messages.length = 0;
    world.host.now += 2_000;
    peer.mood = 200;
    peer.seen.length = 0;
    await world.set("a", 3);
    expect(peer.sequences(old.id)).toEqual([1, 2, 3]);
    expect(world.results.at(-1)).toMatchObject({ totalCount: 1, successCount: 1 });
  });

  test("gets one resync when it has missed more than a replay sends", async () => {
    const { world, peer, old } = await withForgotten(404, { BACKLOG_REPLAY_MAX: "3" });
    for (let n = 1; n <= 5; n += 1) await world.set("a", n);
    peer.mood = 200;
    await tries(world, old, 1);
    expect(peer.taken.map(({ body }) => body)).toMatchObject([{ subscriptionid: old.id, sequence: 6, type: "resync" }]);
  });

  test("is tried at once when its peer asks for it again", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    await tries(world, old, 15);
    expect((await nextAt(world, old)) - world.host.now).toBeGreaterThan(3_600_000);
    peer.mood = 200;
    peer.seen.length = 0;
    expect(await world.subscribe(peer, { target: "properties", subtarget: "a" })).toEqual(old);
    await world.host.arriveMessages();
    expect(peer.sequences(old.id)).toEqual([1]);
    expect(await problemOf(world, old)).toBeUndefined();
  });

  test("is not put off by an answer from before its peer asked for it again", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    await tries(world, old, 15);
    let answer: (status: number) => void = () => undefined;
    peer.mood = () => new Promise<number>((resolve) => (answer = resolve));
    peer.seen.length = 0;
    const trying = tries(world, old, 1);
    await vi.waitUntil(() => peer.seen.length === 1);
    await world.subscribe(peer, { target: "properties", subtarget: "a" });
    peer.mood = 200;
    answer(404);
    await trying;
    expect(peer.sequences(old.id)).toEqual([1, 1]);
    expect(await problemOf(world, old)).toBeUndefined();
  });

  test.each<[string, (day: number) => number | "refuses" | undefined, number]>([
    ["answers nothing else", () => undefined, 0],
    ["fails in another way once", (day) => (day === 20 ? 500 : undefined), 1],
    ["cannot be reached once", (day) => (day === 20 ? "refuses" : undefined), 1],
  ])("is ended after DIFF_RETENTION_DAYS if its peer %s, and not before", async (_, otherwise, left) => {
    const { world, peer, old, young } = await withForgotten(404, { DIFF_RETENTION_DAYS: "30" });
    await world.set("a", 1);
    const since = world.host.now;
    const passed = (): number => (world.host.now - since) / DAY;
    while (passed() < 29.99 && (await world.listed(peer)).length === 2) {
      const mood = otherwise(Math.floor(passed()));
      peer.mood = ({ subscriptionId }) => (subscriptionId === old.id ? (typeof mood === "number" ? mood : 404) : 200);
      if (mood === "refuses") peer.mood = "refuses";
      const at = Math.min(await nextAt(world, old), since + 29.995 * DAY);
      await world.pass(Math.max(1_000, at - world.host.now));
    }
    peer.mood = ({ subscriptionId }) => (subscriptionId === old.id ? 404 : 200);
    expect(await world.listed(peer)).toHaveLength(2);
    world.host.messages.length = 0;
    await world.pass(since + 30 * DAY + 2_000 - world.host.now);
    await world.pass(0);
    expect((await world.listed(peer)).map(({ subscriptionid }) => subscriptionid)).toEqual(
      left === 0 ? [young.id] : [old.id, young.id],
    );
  });

  test("is not ended while its peer acknowledges numbers", async () => {
    const { world, peer, old } = await withForgotten(404, { DIFF_RETENTION_DAYS: "1" });
    await world.set("a", 1);
    await world.set("a", 2);
    const url = `${world.actor.root}/subscriptions/p1/${old.id}`;
    await tries(world, old, 14);
    const contactAt = world.host.now;
    const cleared = await world.host.ask("PUT", url, { headers: bearer(peer.secret), json: { sequence: 1 } });
    expect(cleared.status).toBe(204);
    while ((await world.listed(peer)).length === 2) await tries(world, old, 1);
    expect(world.host.now - contactAt).toBeGreaterThanOrEqual(DAY);
  });

  test("is not tried once its peer has every number", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    const url = `${world.actor.root}/subscriptions/p1/${old.id}`;
    await world.host.ask("PUT", url, { headers: bearer(peer.secret), json: { sequence: 1 } });
    await world.pass(MINUTE);
    expect(await problemOf(world, old)).toBeUndefined();
    expect(
      await world.table.get(inboundHeadKey({ actorId: world.actor.id, peerId: "p1", id: old.id })),
    ).not.toHaveProperty("dueAt");
  });

  test("waits for the pause that the peer asks for with the same answer, as all others do", async () => {
    const { world, peer, old, young } = await withForgotten();
    peer.mood = ({ subscriptionId }) => (subscriptionId === old.id ? later(404, "300") : 200);
    await world.set("a", 1);
    await world.set("b", 1);
    expect(await world.breaker(peer)).toMatchObject({ state: "closed", failures: 0, pausedUntil: expect.any(String) });
    await world.pass(299_000);
    expect(peer.seen).toHaveLength(1);
    await world.pass(1_000);
    expect(peer.sequences(young.id)).toEqual([1]);
    expect(await problemOf(world, old)).toMatchObject({ code: "refused", status: 404 });
  });

  test("is not tried while its peer is not approved, or left alone for other reasons", async () => {
    const { world, peer, old } = await withForgotten();
    await world.set("a", 1);
    const approve = async (approved: boolean): Promise<void> => {
      await world.host.ask("PUT", `${world.actor.root}/trust/friend/p1`, {
        headers: world.actor.as,
        json: { approved },
      });
    };
    await approve(false);
    for (let minute = 0; minute < 5; minute += 1) await world.pass(MINUTE);
    expect(peer.sequences(old.id)).toEqual([1]);
    await approve(true);
    for (let minute = 0; minute < 10; minute += 1) await world.pass(MINUTE);
    expect(peer.sequences(old.id).length).toBeGreaterThan(1);
  });
});

describe("a subscription that its peer answers with 410", () => {
  test("ends at once, as by the peer's own word, and a broader one of the same peer gets a resync", async () => {
    const { world, peer, old } = await withForgotten(410);
    const broad = await world.subscribe(peer);
    await world.set("a", 1);
    expect(world.results.at(-1)).toMatchObject({ failureCount: 1, failures: [{ statusCode: 410 }] });
    expect((await world.listed(peer)).map(({ subscriptionid }) => subscriptionid)).not.toContain(old.id);
    await world.pass(MINUTE);
    await world.set("a", 2);
    expect(peer.sequences(old.id)).toEqual([1]);
    expect(
      peer.taken.filter(({ subscriptionId }) => subscriptionId === broad.id).map(({ body }) => body),
    ).toMatchObject([
      { sequence: 1, type: "resync" },
      { sequence: 2, data: { a: 2 } },
    ]);
    expect(await world.breaker(peer)).toEqual(CLOSED);
    // The peer has ended it itself and needs no word of it.
    expect(world.network.sent.filter(({ method }) => method === "DELETE")).toEqual([]);
  });

  test("has its lifecycle hook run as any other", async () => {
    const { world, old } = await withForgotten(410);
    await world.set("a", 1);
    expect(world.host.logged).toContainEqual(
      expect.objectContaining({
        message: "a subscription has ended, as its peer says",
        fields: { actorId: world.actor.id, peerId: "p1", subscriptionId: old.id },
      }),
    );
  });

  test.each(["crash", "crash_after", "lost_answer", "throttle"] as const)(
    "ends although the instance that meets it has a fault at any step: %s",
    async (effect) => {
      for (let at = 0, struck = true; struck; at += 1) {
        const { world, peer, old, young } = await withForgotten(410);
        await world.set("b", 0);
        const fault = new OneFault(world.table, at, effect);
        await fault.during(world.set("a", 1, world.instance(fault.table)));
        struck = fault.struck;
        for (let minute = 0; minute < 4; minute += 1) await world.pass(MINUTE);
        const made = (await world.log())?.["newest"] !== 3;
        const left = (await world.listed(peer)).map(({ subscriptionid }) => subscriptionid);
        expect([at, effect, left]).toEqual([at, effect, made ? [young.id] : [old.id, young.id]]);
      }
    },
  );
});

describe("the try of an open breaker", () => {
  /** Fails until the breaker is open; from then on only the named subscriptions are answered otherwise. */
  async function opened(
    subtargets: readonly string[],
    later: (callback: Callback, all: readonly Subscribed[]) => number,
  ) {
    const world = await DeliveryWorld.begin();
    const peer: Peer = await world.peer("p1");
    const all: Subscribed[] = [];
    for (const subtarget of subtargets) all.push(await world.subscribe(peer, { target: "properties", subtarget }));
    peer.mood = 500;
    for (let n = 1; n <= 5; n += 1) await world.set(subtargets[n % subtargets.length] ?? "", n);
    for (const subtarget of subtargets) await world.set(subtarget, "missed");
    peer.seen.length = 0;
    peer.mood = (callback) => later(callback, all);
    return { world, peer, all };
  }

  test("alternates between the peer's subscriptions, so that one that always fails starves none of the others", async () => {
    const { world, peer, all } = await opened(["a", "b", "c"], ({ subscriptionId }, [bad]) =>
      subscriptionId === bad?.id ? 500 : 200,
    );
    for (let minute = 0; minute < 12; minute += 1) await world.pass(MINUTE);
    for (const good of all.slice(1)) {
      const { state, delivery } = await world.head(good);
      expect(delivery.to).toBe(state.sequence);
    }
    expect(peer.sequences(all[0]?.id).length).toBeGreaterThan(0);
  });

  test("alternates between them also when every one of them fails", async () => {
    const { world, peer, all } = await opened(["a", "b", "c"], () => 500);
    for (let minute = 0; minute < 8; minute += 1) await world.pass(MINUTE);
    expect(peer.seen.map(({ subscriptionId }) => subscriptionId)).toEqual(all.map(({ id }) => id));
  });

  test("continues with the next subscription after a 404, and closes the breaker when that one succeeds", async () => {
    const { world, peer, all } = await opened(["a", "b", "c"], ({ subscriptionId }, [unknown]) =>
      subscriptionId === unknown?.id ? 404 : 200,
    );
    await world.pass(MINUTE);
    expect(peer.seen[0]?.subscriptionId).toBe(all[0]?.id);
    for (const good of all.slice(1)) {
      const { state, delivery } = await world.head(good);
      expect(delivery.to).toBe(state.sequence);
    }
    expect(await world.breaker(peer)).toEqual(CLOSED);
  });

  test("closes the breaker of a peer that answers 404 for all of its subscriptions", async () => {
    const { world, peer, all } = await opened(["a", "b"], () => 404);
    await world.pass(MINUTE);
    expect(peer.seen.map(({ subscriptionId }) => subscriptionId)).toEqual(all.map(({ id }) => id));
    expect(await world.breaker(peer)).toEqual(CLOSED);
    expect(await problemOf(world, all[0] as Subscribed)).toMatchObject({ code: "refused" });
  });

  test("ends a subscription for a 410, and continues with the next one", async () => {
    const { world, peer, all } = await opened(["a", "b"], ({ subscriptionId }, [gone]) =>
      subscriptionId === gone?.id ? 410 : 200,
    );
    await world.pass(MINUTE);
    expect((await world.listed(peer)).map(({ subscriptionid }) => subscriptionid)).toEqual([all[1]?.id]);
    expect(await world.breaker(peer)).toEqual(CLOSED);
  });
});
