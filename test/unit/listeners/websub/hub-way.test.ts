import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hubSubscriptionKey } from "../../../../lib/dynamodb/keys/hub.ts";
import { HubWay, type HubOutcome, type Subscriber } from "../../../../lib/listeners/websub/hub-way.ts";
import { PeerFailure, type PeerAnswer, type PeerRequest } from "../../../../lib/system/ports.ts";

const NOW = Date.UTC(2026, 0, 1);
const CALLBACK = "https://reader.example/capability?of=one";
const path = ["properties", "front"];
const active = { leaseEnds: NOW + 1_000, topic: "t", secret: "s3", revision: 1, requested: 1, failures: 0 };
const subscriber: Subscriber = {
  ...{ key: hubSubscriptionKey("a1", path, CALLBACK), version: 1, path, callback: CALLBACK, active },
};
const state = { contentType: "application/json", body: Buffer.from("[1]"), etag: '"e"' };

function world(answer: () => PeerAnswer) {
  const requests: PeerRequest[] = [];
  const logged: (readonly [string, unknown])[] = [];
  const way = new HubWay({
    config: { baseUrl: "https://me.example" },
    log: { info: (message, fields) => void logged.push([message, fields]) },
    http: {
      send: (request) => {
        requests.push(request);
        return Promise.resolve().then(answer);
      },
    },
  });
  return { way, requests, logged };
}

const answered = (status: number): PeerAnswer => ({ status, headers: {}, body: Buffer.alloc(0) });

describe("the way out to WebSub subscribers", () => {
  it("sends the state's bytes, signed, with both links", async () => {
    const { way, requests } = world(() => answered(204));
    expect(await (await way.render(subscriber, state))(7_000)).toBe(204);
    const signature = `sha256=${createHmac("sha256", "s3").update("[1]").digest("hex")}`;
    expect(requests).toMatchObject([
      {
        ...{ method: "POST", url: CALLBACK, timeoutMs: 7_000, statusOnly: true },
        ...{ body: { bytes: state.body, type: "application/json" }, headers: { "x-hub-signature": signature } },
      },
    ]);
    expect(requests[0]?.headers?.["link"]).toMatch(/a1\/hub>; rel="hub".*a1\/properties\/front>; rel="self"/);
  });

  it("does not sign without a secret, and answers nothing where there was no answer", async () => {
    const { way, requests } = world(() => {
      throw new PeerFailure("timeout", "late");
    });
    const { secret: _, ...open } = active;
    expect(await (await way.render({ ...subscriber, active: open }, state))(1)).toBeUndefined();
    expect(requests[0]?.headers).not.toHaveProperty("x-hub-signature");
  });

  it("rejects for a defect", async () => {
    const { way } = world(() => {
      throw new TypeError("a defect");
    });
    const attempt = await way.render(subscriber, state);
    await expect(attempt(1)).rejects.toThrow("a defect");
  });

  it.each<[number | undefined, HubOutcome]>([
    [200, "taken"],
    [299, "taken"],
    [undefined, "failed"],
    [301, "failed"],
    [404, "failed"],
    [410, "gone"],
    [503, "failed"],
  ])("judges %s as %s", (answer, verdict) => {
    expect(world(() => answered(200)).way.classify(answer)).toBe(verdict);
  });

  it("ends with the lease, with a withdrawal, and before the verification", () => {
    const { way } = world(() => answered(200));
    expect(way.ends(subscriber, NOW)).toBeUndefined();
    expect(way.ends(subscriber, active.leaseEnds)).toEqual(expect.any(String));
    expect(way.ends({ ...subscriber, withdrawnAt: NOW }, NOW)).toEqual(expect.any(String));
    const { active: _, ...pending } = subscriber;
    expect(way.ends(pending, NOW)).toEqual(expect.any(String));
  });

  it("logs what was not taken, and the first that is again, without the callback's path", () => {
    const { way, logged } = world(() => answered(200));
    const times = { event: state, beganAt: NOW, endedAt: NOW };
    way.onFailure(subscriber, { ...times, answer: 503, outcome: "failed" });
    way.onFailure({ ...subscriber, active: { ...active, failures: 1 } }, { ...times, answer: 200, outcome: "taken" });
    const of = { actorId: "a1", topic: "properties/front", callback: "https://reader.example", failures: 1 };
    expect(logged).toEqual([
      ["a subscriber at the hub did not take a state", { ...of, status: 503 }],
      ["a subscriber at the hub takes states again", of],
    ]);
  });
});
