/** Resync callbacks for less than the subscription covers, and such that the subscription has moved beyond. */
import { beforeEach, describe, expect, it } from "vitest";
import { ACTOR, bodyOf, SUB, Subscriber } from "../../support/subscriber.ts";

let us: Subscriber;

beforeEach(async () => {
  us = await new Subscriber().subscribed();
  us.told.length = 0;
});

describe("a resync callback with a number that was used", () => {
  const stamped = (sequence: number): { timestamp: string } => ({ timestamp: `2026-01-01T00:00:0${String(sequence)}Z` });

  beforeEach(async () => {
    for (let n = 1; n <= 3; n += 1) await us.diff(n, { a: n }, stamped(n));
    us.asked.length = 0;
  });

  it("and a newer time asks where the publisher is, once a minute at most", async () => {
    us.script[`GET /subscriptions/${ACTOR}/${SUB}`] = { status: 200, json: { sequence: 1, data: [] } };
    us.script["GET /properties"] = { status: 200, json: { new: "life" } };
    const send = async () =>
      await us.callback({ sequence: 1, type: "resync", target: "properties", timestamp: "2026-02-01T00:00:00Z" });
    expect(bodyOf(await send())).toEqual({ result: "duplicate", sequence: 3 });
    await us.arriveMessages();
    expect(await us.state()).toMatchObject({ lastSeq: 1, epoch: 2 });
    expect(await us.stored()).toEqual({ new: "life" });
    us.asked.length = 0;
    await send();
    await us.arriveMessages();
    expect(us.asked).toEqual([]);
  });

  it("and no newer time is only repeated", async () => {
    const reply = await us.callback({ sequence: 3, type: "resync", target: "properties", ...stamped(3) });
    expect([reply.status, bodyOf(reply)]).toEqual([200, { result: "duplicate", sequence: 3 }]);
    await us.arriveMessages();
    expect(us.asked).toEqual([]);
  });
});
