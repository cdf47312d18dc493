import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, until, type Service } from "../support/service.ts";

let service: Service;
let publisher: Publisher;
beforeAll(async () => {
  [service, publisher] = await Promise.all([startService(), startPublisher({ style: "ours" })]);
});
afterAll(async () => {
  await service.dispose();
  await publisher.close();
});

describe("the shortest way through the service", () => {
  it("goes from an actor over trust and subscription to stored data and a hook run", async () => {
    publisher.set({ color: "blue" });
    const actor = await service.createActor();
    await actor.trust(publisher);
    const subscription = await actor.subscribe(publisher);
    expect(await actor.replica(publisher.id), "the baseline").toEqual({ color: "blue" });

    publisher.set({ color: "red" });
    publisher.list("memo", { operation: "append", item: { t: "hi" } });
    const answers = await publisher.deliver();
    expect(answers.map(({ status, body }) => [status, body])).toEqual([
      [201, { result: "processed", sequence: 1 }],
      [201, { result: "processed", sequence: 2 }],
    ]);
    expect(await actor.replica(publisher.id)).toEqual(publisher.state.snapshot());
    expect(await actor.state(subscription, publisher)).toMatchObject({ lastSeq: 2, pendingCount: 0 });
    await until("two hook runs", () => diffsSeen(subscription.id).length === 2);
    expect(diffsSeen(subscription.id)).toEqual([1, 2]);

    await actor.unsubscribe(subscription, publisher);
    expect(publisher.subscriptions.all.size, "the publisher was notified").toBe(0);
  });

  it("stops with 0 when it is asked to", async () => {
    expect(await service.stop()).toBe(0);
  });
});

function diffsSeen(subscriptionId: string): number[] {
  return service
    .hookRuns(subscriptionId)
    .filter((run) => run.callbackType === "diff")
    .map((run) => run.sequence);
}
