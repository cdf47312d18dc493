import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { openStream, type Stream } from "./stream.ts";

const GAP_SECONDS = 0.5;

/** The service with these variables, and a fresh stream for every test. */
function serving(environment: Record<string, string>) {
  let service: Service;
  const streams: Stream[] = [];
  beforeAll(async () => {
    service = await startService(environment);
  });
  afterEach(async () => {
    for (const { publisher } of streams.splice(0)) await publisher.close();
  });
  afterAll(() => service.dispose());
  return async (style: "reference" | "ours" = "ours"): Promise<Stream> => {
    const stream = await openStream(service, { style });
    streams.push(stream);
    return stream;
  };
}

/** Loses the second of three callbacks; afterwards there is silence. */
async function loseOne({ publisher }: Stream): Promise<void> {
  publisher.set({ color: "red" });
  publisher.list("memo", { operation: "append", item: "a" });
  publisher.list("memo", { operation: "append", item: "b" });
  const answers = await publisher.deliver({ drop: [2] });
  expect(answers.map(({ status }) => status)).toEqual([201, 202]);
}

async function expectExact(stream: Stream, lastSeq: number): Promise<void> {
  expect(await stream.actor.state(stream.subscription, stream.publisher)).toMatchObject({ lastSeq, pendingCount: 0 });
  expect(await stream.replica()).toEqual(stream.publisher.state.snapshot());
}

describe("a gap with silence afterwards", () => {
  describe("with the delayed message", () => {
    // The sweep is far away: what recovers here is the message.
    const open = serving({ GAP_TIMEOUT_SECONDS: String(GAP_SECONDS), SWEEP_INTERVAL_SECONDS: "3600" });

    it.each(["ours", "reference"] as const)(
      "is closed by it, in order, hooks included, and acknowledged (%s)",
      async (style) => {
        const stream = await open(style);
        await loseOne(stream);
        await until("the gap closed", async () => (await stream.lastSeq()) === 3);
        await expectExact(stream, 3);
        await until("hooks for what was recovered too", () => stream.diffRuns().length >= 3);
        expect(stream.diffRuns()).toEqual([1, 2, 3]);
        const notified = (): unknown[] =>
          stream.publisher.received("PUT", /\/subscriptions\//).map((call) => call.body);
        await until("the acknowledgement", () => notified().length > 0 && notified().at(-1));
        expect(notified().at(-1)).toEqual({ sequence: 3 });
      },
    );

    it("falls back to the state when the backlog is gone", async () => {
      const stream = await open();
      const { publisher, subscription } = stream;
      publisher.set({ color: "red" });
      publisher.set({ size: { w: 1 } });
      publisher.set({ color: "green" });
      publisher.subscriptions.clear(subscription, 2);
      const answers = await publisher.deliver({ sequences: [3] });
      expect(answers[0]).toMatchObject({ status: 202, body: { result: "pending", expected: 1 } });
      await until("the resync", async () => (await stream.lastSeq()) === 3);
      await expectExact(stream, 3);
    });

    it("is closed when the publisher fails at first", async () => {
      const stream = await open();
      const { publisher } = stream;
      publisher.faults.add({
        method: "GET",
        path: /\/subscriptions\//,
        times: 1,
        fault: { kind: "status", status: 503 },
      });
      publisher.calls.length = 0;
      await loseOne(stream);
      expect(await publisher.waitForCall("GET", /\/subscriptions\//)).toMatchObject({ status: 503 });
      // The recovery that failed may still have the subscription.
      const resync = async (): Promise<boolean> =>
        await stream.actor.resync(stream.subscription, publisher).then(
          () => true,
          () => false,
        );
      await until("a resync that begins", resync);
      await expectExact(stream, 3);
    });
  });

  describe("with the delayed messages lost", () => {
    const open = serving({
      GAP_TIMEOUT_SECONDS: String(GAP_SECONDS),
      QUEUE_DISABLED: "1",
      SWEEP_INTERVAL_SECONDS: "1",
    });

    it("is closed by the sweep alone", async () => {
      const stream = await open();
      await loseOne(stream);
      await until("the gap closed", async () => (await stream.lastSeq()) === 3);
      await expectExact(stream, 3);
    });
  });
});

describe("reconciliation", () => {
  const open = serving({ RECONCILE_INTERVAL_SECONDS: "1", SWEEP_INTERVAL_SECONDS: "1" });

  it("notices that the last callback was lost", async () => {
    const stream = await open();
    stream.publisher.set({ color: "red" });
    stream.publisher.set({ color: "green" });
    await stream.publisher.deliver({ drop: [2] });
    await until("the loss noticed", async () => (await stream.lastSeq()) === 2);
    await expectExact(stream, 2);
  });

  it.each(["ours", "reference"] as const)("notices a publisher that was reset (%s)", async (style) => {
    const stream = await open(style);
    const { publisher, actor, subscription } = stream;
    publisher.set({ color: "red" });
    publisher.set({ size: 3 });
    await publisher.deliver();
    const { epoch } = await actor.state(subscription, publisher);
    publisher.delete("size");
    publisher.resetSequence();
    await until("a new epoch", async () => (await actor.state(subscription, publisher)).epoch > epoch);
    await until("its state", async () => (await stream.lastSeq()) === 0);
    await expectExact(stream, 0);
    publisher.set({ color: "after" });
    const [answer] = await publisher.deliver({ sequences: [1] });
    expect(answer).toMatchObject({ status: 201, body: { result: "processed", sequence: 1 } });
    await expectExact(stream, 1);
  });
});
