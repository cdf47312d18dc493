import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MeddlingProxy, type Meddling } from "../../support/meddling-proxy.ts";
import { startPublisher, type Publisher } from "../../support/publisher/publisher.ts";
import { ask } from "../../support/publisher/wire.ts";

let behind: Publisher;
const proxies: MeddlingProxy[] = [];
beforeEach(async () => {
  behind = await startPublisher();
});
afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
  await behind.close();
});

async function between(meddling: Meddling, seed = 1): Promise<MeddlingProxy> {
  const proxy = await new MeddlingProxy(Number(new URL(behind.baseUri).port), seed, meddling).listen();
  proxies.push(proxy);
  return proxy;
}

const callback = (proxy: MeddlingProxy, n = 1) =>
  ask(`${proxy.url}/${behind.id}/callbacks/subscriptions/p/s`, { method: "POST", json: { n } });

/** The callbacks that came through. */
const arrived = () => behind.received("POST", /callbacks/).map(({ body }) => (body as { n: number }).n);

describe("the network that meddles", () => {
  it.each<[keyof Meddling, status: number, copies: number]>([
    ["lost", 0, 0],
    ["swallowed", 204, 0],
    ["unanswered", 0, 1],
    ["doubled", 401, 2],
    ["late", 204, 1],
    ["slow", 401, 1],
  ])("does this to a callback: %s", async (deed, status, copies) => {
    const proxy = await between({ [deed]: 1, delayMs: 20 });
    expect((await callback(proxy)).status).toBe(status);
    await proxy.settled();
    expect(arrived()).toHaveLength(copies);
  });

  it("lets everything else pass as it is", async () => {
    const proxy = await between({ lost: 1 });
    const answer = await ask(`${proxy.url}/${behind.id}/meta/id`);
    expect([answer.status, answer.text]).toEqual([200, behind.id]);
  });

  it("lets late ones be overtaken", async () => {
    const proxy = await between({ late: 1, delayMs: 1_000 });
    for (let n = 1; n <= 20; n++) await callback(proxy, n);
    await proxy.settled();
    expect(arrived()).not.toEqual(arrived().toSorted((a, b) => a - b));
    expect(arrived()).toHaveLength(20);
  });

  it("does the same again with the same seed", async () => {
    const run = async (seed: number) => {
      const proxy = await between({ lost: 0.3, swallowed: 0.3 }, seed);
      const statuses: number[] = [];
      for (let n = 1; n <= 20; n++) statuses.push((await callback(proxy, n)).status);
      return statuses;
    };
    expect(await run(7)).toEqual(await run(7));
    expect(await run(7)).not.toEqual(await run(8));
  });
});
