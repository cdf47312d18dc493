import { describe, expect, it } from "vitest";
import { SimulatedDeployment } from "../../support/limits/deployment.ts";
import { sized } from "../../support/sizes.ts";

const SECOND = 1_000;
const LIMIT = 100;
const PERIOD = 10 * SECOND;
const INSTANCES = 4;
/** Events in one request. */
const BATCH = 90;
const BATCHES = sized(6, 60);

/** The most that arrived within any period. */
function busiestPeriod(arrivals: readonly number[]): number {
  let most = 0;
  let from = 0;
  for (const [index, at] of arrivals.entries()) {
    while (at - (arrivals[from] ?? at) >= PERIOD) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

/** Four instances answer requests that make more than the webhook may be sent, and four work on what is left. */
async function crowded(options: { readonly answerMs: number; readonly parallel: number; readonly seed: number }) {
  const { answerMs, parallel, seed } = options;
  const origin = "https://us.example";
  const deployment = new SimulatedDeployment({ origin, seed, tableMs: 5, workers: INSTANCES });
  const { time, network, host } = deployment;
  const actor = await host.actor();
  const arrivals: number[] = [];
  const ids = new Set<string>();
  network.hosts.set("https://hooks.example", async ({ headers }) => {
    arrivals.push(time.now);
    ids.add(headers?.["webhook-id"] ?? "");
    await time.sleep(answerMs);
    return { status: 204, headers: {}, text: "", json: undefined };
  });
  const json = { url: "https://hooks.example/", topics: ["orders.>"], parallel };
  const asked = await host.ask("PUT", `${actor.root}/webhooks/one`, { headers: actor.as, json });
  expect(asked.status).toBe(201);
  deployment.begin({ lost: false });
  let left = BATCHES;
  let running = INSTANCES;
  const client = async (name: string): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const body = JSON.stringify(
        Array.from({ length: BATCH }, (_, at) => ({
          ...{ specversion: "1.0", id: `${String(left)}-${String(at)}`, source: "urn:test", type: "test" },
          ...{ subject: `orders.${name}.${String(at % 30)}`, data: at },
        })),
      );
      const headers = { ...actor.as, "content-type": "application/cloudevents-batch+json" };
      const { status, text } = await deployment.ask("api", "POST", `${actor.root}/events`, { headers, body });
      if (status !== 201) throw new Error(text);
      await time.sleep(2 * SECOND);
    }
    running -= 1;
  };
  const began = time.now;
  for (let index = 0; index < INSTANCES; index += 1) void client(`n${String(index)}`);
  const all = BATCHES * BATCH;
  await time.passUntil(() => running === 0 && arrivals.length >= all, began + 3_600 * SECOND);
  return { arrivals, ids, began, all, deployment };
}

describe("four instances that work on one webhook", () => {
  it.each([
    { answerMs: 5, parallel: 4, seed: 1 },
    { answerMs: 300, parallel: 4, seed: 2 },
    { answerMs: 1_000, parallel: 16, seed: 3 },
  ])("never send more than its rate, and use it: %o", async (options) => {
    const { arrivals, ids, began, all, deployment } = await crowded(options);
    const last = arrivals.at(-1) ?? Infinity;
    const allowed = LIMIT + (LIMIT * (last - began)) / PERIOD;
    expect(deployment.runs).toMatchObject({ api: BATCHES });
    expect(deployment.runs.worker).toBeGreaterThan(1);
    expect(ids.size).toBe(all);
    expect(busiestPeriod(arrivals)).toBeLessThanOrEqual(2 * LIMIT);
    expect(arrivals.length / allowed).toBeGreaterThanOrEqual(0.95);
  });
});
