import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { openStream, type Stream } from "../e2e/stream.ts";

const GAP_TIMEOUT_MS = 5000;
const SWEEP_MS = 60_000;
const RECONCILE_SECONDS = 60;

function serving(environment: Record<string, string>): () => Promise<Stream> {
  let service: Service;
  const streams: Stream[] = [];
  beforeAll(async () => {
    service = await startService(environment);
  });
  afterEach(async () => {
    for (const { publisher } of streams.splice(0)) await publisher.close();
  });
  afterAll(() => service.dispose());
  return async () => {
    const stream = await openStream(service);
    streams.push(stream);
    return stream;
  };
}

/** Waits until the stream is at `sequence` and holds what its publisher has. */
async function reaches(stream: Stream, sequence: number): Promise<void> {
  await until(`lastSeq ${sequence}`, async () => (await stream.lastSeq()) === sequence);
  expect(await stream.replica()).toEqual(stream.publisher.state.snapshot());
}

async function loseOne({ publisher }: Stream): Promise<void> {
  for (const item of ["a", "b", "c"]) publisher.list("memo", { operation: "append", item });
  await publisher.deliver({ drop: [2] });
}

describe("with the default settings, in real time", () => {
  const open = serving({});
  it("a lost callback with silence afterwards is recovered after the gap timeout, and before a sweep", async () => {
    const stream = await open();
    const since = Date.now();
    await loseOne(stream);
    await reaches(stream, 3);
    const took = Date.now() - since;
    expect(took).toBeGreaterThanOrEqual(GAP_TIMEOUT_MS);
    expect(took).toBeLessThan(SWEEP_MS);
  });
});

describe("without the delayed messages, in real time", () => {
  const open = serving({ QUEUE_DISABLED: "1" });
  it("a lost callback is recovered by the next sweep", async () => {
    const stream = await open();
    await loseOne(stream);
    await reaches(stream, 3);
  });
});

describe("with reconciliation every minute, in real time", () => {
  const open = serving({ RECONCILE_INTERVAL_SECONDS: String(RECONCILE_SECONDS) });
  it("the last callback's loss is noticed", async () => {
    const stream = await open();
    stream.publisher.set({ color: "red" });
    await reaches(stream, 1);
  });

  it("a publisher that was reset is noticed", async () => {
    const stream = await open();
    stream.publisher.set({ color: "red" });
    stream.publisher.set({ color: "green" });
    await stream.publisher.deliver();
    stream.publisher.resetSequence();
    stream.publisher.delete("color");
    await reaches(stream, stream.subscription.sequence);
  });
});
