/** One change to thousands of subscribers over HTTP, delivered by workers side by side. */
import { setTimeout as wait } from "node:timers/promises";
import { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { SubscriberPeer } from "../support/subscriber-peer/peer.ts";
import type { Stream } from "../support/subscriber-peer/stream.ts";
import { BenchStack, HERE } from "./bench-stack.ts";
import type { WorkReport } from "./publish-load.ts";

/** Subscriptions of one peer, and how many of them it makes with one request. */
const PER_PEER = 50;
const IN_A_REQUEST = 10;
const TRUSTS_AT_ONCE = 8;
const LOOK_MS = 50;
const MOST_MS = 600_000;
const SETTINGS = { TRUST_AUTO_APPROVE: "friend", CALLBACK_MODE: "sync" };

/**
 * Subscribes peers to parts of one property, and changes all the parts at once. Measured from the writer's request to the
 * last arrival, at the second change: at the first, every subscription also passes the records of the others' making.
 */
export async function measureWide(subscribers: number): Promise<WorkReport> {
  await using stack = await BenchStack.start(HERE, SETTINGS);
  const host = await new SubscriberHost().listen();
  try {
    const actor = await stack.actor();
    const peers = Array.from({ length: Math.ceil(subscribers / PER_PEER) }, () => host.add({ numbersOnly: true }));
    for (let from = 0; from < peers.length; from += TRUSTS_AT_ONCE) {
      await Promise.all(peers.slice(from, from + TRUSTS_AT_ONCE).map(async (peer) => await peer.trust(actor)));
    }
    const streams: Stream[] = [];
    // By turns, so that the subscriptions of one peer lie in many buckets.
    for (let part = 0; part < PER_PEER; part += IN_A_REQUEST) {
      for (const peer of peers) streams.push(...(await subscribed(peer, part)));
    }
    const change = async (number: number): Promise<void> => {
      const parts = Array.from({ length: PER_PEER }, (_, part) => [`r${String(part)}`, number]);
      await actor.expect("PUT", "/properties/n", 204, Object.fromEntries(parts));
      const end = performance.now() + MOST_MS;
      while (streams.some(({ arrivals }) => !arrivals.includes(number))) {
        if (performance.now() > end) throw new Error("Not every subscriber was sent the change.");
        await wait(LOOK_MS);
      }
    };
    await change(1);
    const before = await stack.counts();
    const from = performance.now();
    await change(2);
    const milliseconds = performance.now() - from;
    const requests = (await stack.counts()).requests - before.requests;
    const twice = streams.filter(({ arrivals }) => arrivals.length !== 2).length;
    if (twice > 0) throw new Error(`${String(twice)} subscribers were sent a change twice.`);
    const work = "one change, to its last subscriber";
    return { checkout: HERE.name, work, diffs: streams.length, milliseconds, requests };
  } finally {
    await host.close();
  }
}

async function subscribed(peer: SubscriberPeer, first: number): Promise<Stream[]> {
  const subscriptions = Array.from({ length: IN_A_REQUEST }, (_, index) => {
    return { target: "properties", subtarget: "n", resource: `r${String(first + index)}`, granularity: "high" };
  });
  const { status, json } = await peer.ask("POST", `/subscriptions/${peer.id}`, { json: { subscriptions } });
  if (status !== 207) throw new Error(`Subscribing was answered ${String(status)}.`);
  const { results } = json as { results: { subscriptionid: string }[] };
  return results.map(({ subscriptionid }, index) =>
    peer.adopt(subscriptionid, { subtarget: "n", resource: `r${String(first + index)}` }),
  );
}
