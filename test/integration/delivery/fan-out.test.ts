import { describe, expect, test } from "vitest";
import { DeliveryWorld } from "./delivery-world.ts";

describe("a change", () => {
  test("reaches its subscriber before the writer is answered", async () => {
    const world = await DeliveryWorld.begin();
    const { peer, id } = await world.subscriber("p1");
    expect((await world.set("color", { v: "red" })).status).toBe(204);
    expect(peer.taken).toHaveLength(1);
    expect(peer.taken[0]?.request).toMatchObject({
      method: "POST",
      url: `${peer.baseUri}/callbacks/subscriptions/${world.actor.id}/${id}`,
      credentials: { bearer: peer.secret },
    });
    expect(peer.taken[0]?.body).toEqual({
      id: world.actor.id,
      subscriptionid: id,
      target: "properties",
      sequence: 1,
      timestamp: expect.stringMatching(/^2026-01-01T00:00:00\.\d{6}Z$/),
      granularity: "high",
      data: { color: { v: "red" } },
      overwritten: expect.any(Array),
    });
  });
});
