import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OwnedActor } from "../support/owned-actor.ts";
import { sameJson, type Json } from "../support/publisher/json.ts";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import type { Subscription } from "../support/publisher/subscriptions.ts";
import { change } from "../support/random-changes.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

/** Enough that each narrower place changes in many ways. */
const CHANGES = sized(18, 80);
const LOSSY = { shuffle: true, times: 2, drop: 0.15, inFlight: 8 } as const;

let service: Service;
const made: { readonly actor: OwnedActor; readonly publisher: Publisher }[] = [];
beforeAll(async () => {
  const environment = { GAP_TIMEOUT_SECONDS: "0.5", SWEEP_INTERVAL_SECONDS: "1", RECONCILE_INTERVAL_SECONDS: "2" };
  service = await startService(environment);
});
// A subscription that is left would be compared with its publisher's state every other second.
afterEach(async () => {
  for (const { actor, publisher } of made.splice(0)) {
    await actor.expect("DELETE", "", 204);
    await publisher.close();
  }
});
afterAll(() => service.dispose());

interface Subscribed {
  publisher: Publisher;
  actor: OwnedActor;
  subscriptions: Subscription[];
}

/** Subscribes to each of these subtargets; the empty one is everything. */
async function subscribed(style: "reference" | "ours", seed: number, subtargets: string[]): Promise<Subscribed> {
  const publisher = await startPublisher({ style, seed });
  const actor = await service.createActor();
  made.push({ actor, publisher });
  await actor.trust(publisher);
  const subscriptions = [];
  for (const subtarget of subtargets) {
    subscriptions.push(await actor.subscribe(publisher, subtarget === "" ? {} : { subtarget }));
  }
  return { publisher, actor, subscriptions };
}

async function expectReplica(
  { publisher, actor, subscriptions }: Subscribed,
  requested: Record<string, Json>,
): Promise<void> {
  for (const subscription of subscriptions) {
    const there = async () => (await actor.state(subscription, publisher)).lastSeq === subscription.sequence;
    await until(`${subscription.subtarget ?? "everything"} at its last number`, there);
  }
  let replica: unknown;
  const exact = async (): Promise<boolean> => {
    replica = await actor.replica(publisher.id);
    return sameJson(replica as Json, requested);
  };
  // A place that was ambiguous, or that two streams changed, is read again a moment later.
  await until("an exact copy", exact).catch(() => undefined);
  expect(replica).toEqual(requested);
}

describe("subscriptions to single properties", () => {
  it.each([
    ["ours", 101],
    ["reference", 102],
  ] as const)("hold exactly those (%s)", async (style, seed) => {
    const names = ["p0", "p1", "l0"];
    const all = await subscribed(style, seed, names);
    const { publisher } = all;
    for (let n = 1; n <= CHANGES; n++) change(publisher, n);
    for (const subscription of all.subscriptions) await publisher.deliver({ subscription, ...LOSSY });
    const snapshot = Object.entries(publisher.state.snapshot());
    await expectReplica(all, Object.fromEntries(snapshot.filter(([name]) => names.includes(name))));
  });
});

describe("a broad subscription beside narrower ones", () => {
  it.each([
    ["ours", 111],
    ["reference", 112],
  ] as const)("holds everything once, in whatever order the streams come (%s)", async (style, seed) => {
    const all = await subscribed(style, seed, ["", "p1", "l0"]);
    const { publisher } = all;
    for (let n = 1; n <= CHANGES; n++) change(publisher, n);
    for (const subscription of all.subscriptions) await publisher.deliver({ subscription, ...LOSSY });
    await expectReplica(all, publisher.state.snapshot());
  });

  it("takes over what a narrower one held when that one ends", async () => {
    const all = await subscribed("ours", 113, ["", "p1"]);
    const { publisher, actor, subscriptions } = all;
    const [broad, narrow] = subscriptions;
    publisher.set({ p1: { v: 1 }, p2: 2 });
    for (const subscription of subscriptions) await publisher.deliver({ subscription });
    await actor.unsubscribe(narrow!, publisher);
    publisher.set({ p1: { v: 2 } });
    await publisher.deliver({ subscription: broad!, sequences: [broad!.sequence] });
    await expectReplica({ ...all, subscriptions: [broad!] }, publisher.state.snapshot());
  });
});
