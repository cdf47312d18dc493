/** Two services that came apart over one subscription: the one ended it while the other was down. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { startService, until, type Service } from "../support/service.ts";

const QUICK = { SWEEP_INTERVAL_SECONDS: "1", RECONCILE_INTERVAL_SECONDS: "0" };

let publishing: Service;
let subscribing: Service;
beforeAll(async () => {
  [publishing, subscribing] = await Promise.all([
    startService({ ...QUICK, TRUST_AUTO_APPROVE: "friend" }),
    startService(QUICK),
  ]);
});
afterAll(async () => {
  await Promise.all([publishing.dispose(), subscribing.dispose()]);
});

interface Listed {
  readonly subscriptionid: string;
  readonly sequence: number;
  readonly problem?: {
    readonly code: string;
    readonly status: number;
    readonly since: string;
    readonly nextAt: string;
  };
}

const listed = async (actor: OwnedActor, peerId: string): Promise<readonly Listed[]> =>
  ((await actor.expect("GET", `/subscriptions/${peerId}`, 200)) as unknown as { data: Listed[] }).data;

async function subscribe(actor: OwnedActor, peerid: string, subtarget: string): Promise<string> {
  const json = { peerid, target: "properties", subtarget, granularity: "high" };
  const answer = await actor.fetch("POST", "/subscriptions", { json });
  expect(answer.status, answer.text).toBe(204);
  return answer.headers["location"]?.split("/").at(-1) ?? "";
}

async function replica(actor: OwnedActor, peerId: string, name: string): Promise<unknown> {
  const answer = await actor.fetch("GET", `/peers/${peerId}/properties/${name}`);
  return answer.status === 200 ? (answer.json as { value: unknown }).value : answer.status;
}

describe("a subscription that its subscriber ended while the publisher was down", () => {
  it("delays none of the subscriber's others, shows a problem, and continues once the subscriber asks again", async () => {
    const publisher = await publishing.createActor();
    const subscriber = await subscribing.createActor();
    await subscriber.expect("POST", "/trust", 201, { url: publisher.uri, relationship: "friend" });
    const old = await subscribe(subscriber, publisher.id, "a");
    const young = await subscribe(subscriber, publisher.id, "b");

    expect(await publishing.stop()).toBe(0);
    await subscriber.expect("DELETE", `/subscriptions/${publisher.id}/${old}`, 204);
    await publishing.start();

    for (let n = 1; n <= 8; n += 1) {
      await publisher.expect("PUT", "/properties/a", 204, { n });
      await publisher.expect("PUT", "/properties/b", 204, { n });
    }
    await until(
      "the younger one",
      async () => JSON.stringify(await replica(subscriber, publisher.id, "b")) === '{"n":8}',
    );
    const problem = await until("a problem", async () => {
      const found = (await listed(publisher, subscriber.id)).find(({ subscriptionid }) => subscriptionid === old);
      return found?.problem;
    });
    expect(problem).toMatchObject({ code: "refused", status: 404 });
    expect(Date.parse(problem.nextAt)).toBeGreaterThan(Date.parse(problem.since));
    const mine = (await listed(publisher, subscriber.id)).find(({ subscriptionid }) => subscriptionid === young);
    expect(mine).toMatchObject({ sequence: 8 });
    expect(mine).not.toHaveProperty("problem");
    const peers = (await publisher.expect("GET", "/peers", 200)) as unknown as { data: { breaker: object }[] };
    expect(peers.data[0]?.breaker).toEqual({ state: "closed", failures: 0 });

    expect(await subscribe(subscriber, publisher.id, "a")).toBe(old);
    await publisher.expect("PUT", "/properties/a", 204, { n: 9 });
    await until(
      "the older one",
      async () => JSON.stringify(await replica(subscriber, publisher.id, "a")) === '{"n":9}',
    );
    await until("no problem", async () =>
      (await listed(publisher, subscriber.id)).every(({ problem: left }) => left === undefined),
    );
  });
});
