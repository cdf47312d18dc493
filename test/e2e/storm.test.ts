import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPublisher, type Publisher } from "../support/publisher/publisher.ts";
import { startService, until, type Service } from "../support/service.ts";
import { sized } from "../support/sizes.ts";

const CALLBACKS = sized(80, 1000);
/** How often what was refused may have to be sent, the first time included. */
const SENDINGS = 5;

let service: Service;
let publisher: Publisher;
beforeAll(async () => {
  // Nothing is lost here: a recovery would only hide an error.
  const environment = { MAX_PENDING: "1000", GAP_TIMEOUT_SECONDS: "3600" };
  [service, publisher] = await Promise.all([
    startService(environment),
    startPublisher({ style: "ours", seed: 20_261_121 }),
  ]);
});
afterAll(async () => {
  await service.dispose();
  await publisher.close();
});

/** Changes of every kind, so that order and doubling show in the result. */
function publish(count: number): void {
  const { random } = publisher;
  for (let n = 1; n <= count; n++) {
    const kind = random.below(6);
    if (kind === 0) publisher.list("log", { operation: "append", item: n });
    else if (kind === 1) publisher.setAt(["deep", `k${random.below(5)}`], { n });
    else if (kind === 2 && publisher.state.values.has("p1")) publisher.delete("p1");
    else publisher.set({ [`p${random.below(8)}`]: { n } });
  }
}

describe("a storm of callbacks", () => {
  it("ends in order, once each, whatever the order, the doubling and the number in flight", async () => {
    const actor = await service.createActor();
    await actor.trust(publisher);
    const subscription = await actor.subscribe(publisher);
    publish(CALLBACKS);

    const storm = { shuffle: true, inFlight: 32 };
    let refused: readonly number[] = [];
    for (let sending = 1; sending === 1 || refused.length > 0; sending++) {
      expect(sending, `still refused: ${refused.join()}`).toBeLessThanOrEqual(SENDINGS);
      const answers = await publisher.deliver(
        sending === 1 ? { ...storm, times: 2 } : { ...storm, sequences: refused },
      );
      const odd = answers.filter(({ status }) => ![200, 201, 202, 503].includes(status));
      expect(odd, service.tail()).toEqual([]);
      // A 503 recorded nothing of that copy: the publisher sends it again, as its contract says, and as wildly as before.
      const taken = new Set(answers.filter(({ status }) => status < 300).map(({ sequence }) => sequence));
      refused = [...new Set(answers.map(({ sequence }) => sequence))].filter((sequence) => !taken.has(sequence));
      // Otherwise what is sent again would be what is shown here.
      if (sending === 1) expect(refused.length).toBeLessThanOrEqual(CALLBACKS / 10);
    }
    const state = await until("everything processed", async () => {
      const now = await actor.state(subscription, publisher);
      return now.lastSeq === CALLBACKS && now.pendingCount === 0 && now;
    });
    expect(state).toMatchObject({ lastSeq: CALLBACKS, pendingCount: 0, pendingSequences: [], resyncPending: false });
    expect(await actor.replica(publisher.id)).toEqual(publisher.state.snapshot());
    const runs = service.hookRuns(subscription.id).filter((run) => run.callbackType === "diff");
    expect(runs.map((run) => run.sequence)).toEqual(Array.from({ length: CALLBACKS }, (_, index) => index + 1));
  });
});
