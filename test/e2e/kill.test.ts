import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Delivered } from "../support/publisher/callbacks.ts";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

/** Enough that each kill meets more under way than the 16 that are sent at once. */
const CALLBACKS = sized(90, 300);
const KILLS = 3;
const BETWEEN_KILLS = sized(20, 70);

let service: Service;
let publisher: Publisher;
beforeAll(async () => {
  const environment = { MAX_PENDING: "1000", GAP_TIMEOUT_SECONDS: "3600", SWEEP_INTERVAL_SECONDS: "1" };
  [service, publisher] = await Promise.all([startService(environment), startPublisher({ style: "ours", seed: 9 })]);
});
afterAll(async () => {
  await service.dispose();
  await publisher.close();
});

describe("a service that is killed in the middle of a load", () => {
  it("has lost nothing it acknowledged and applies nothing twice", async () => {
    const actor = await service.createActor();
    await actor.trust(publisher);
    const subscription = await actor.subscribe(publisher);
    for (let n = 1; n <= CALLBACKS; n++) {
      if (n % 3 === 0) publisher.set({ counter: n });
      else publisher.list(n % 2 === 0 ? "even" : "odd", { operation: "append", item: n });
    }

    const acknowledged = new Set<number>();
    const sendRest = async (): Promise<void> => {
      const sequences = [...subscription.made.keys()].filter((sequence) => !acknowledged.has(sequence));
      const onAnswer = ({ sequence, status }: Delivered): void => {
        if (status >= 200 && status < 300) acknowledged.add(sequence);
      };
      await publisher.deliver({ sequences, shuffle: true, inFlight: 16, onAnswer });
    };
    for (let kill = 1; kill <= KILLS; kill++) {
      const sending = sendRest();
      await until("some load", () => acknowledged.size >= kill * BETWEEN_KILLS);
      await service.kill();
      await sending;
      await service.start();
    }
    await until("all acknowledged", async () => {
      await sendRest();
      return acknowledged.size === CALLBACKS;
    });

    // Where a process died with everything acknowledged, the sweep goes on. The gap's time-out is an hour here.
    await until("all processed", async () => (await actor.state(subscription, publisher)).lastSeq === CALLBACKS);
    expect(await actor.state(subscription, publisher)).toMatchObject({ pendingCount: 0 });
    expect(await actor.replica(publisher.id)).toEqual(publisher.state.snapshot());
    // A hook may run again for what the kill interrupted, but each must have run, first runs in order.
    const seen = service.hookRuns(subscription.id).filter((run) => run.callbackType === "diff");
    const first = [...new Set(seen.map((run) => run.sequence))];
    expect(first).toEqual(Array.from({ length: CALLBACKS }, (_, index) => index + 1));
  });
});
