import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startService, until, type Service } from "../support/service.ts";
import { openStream, type Stream } from "../support/stream.ts";

const GAP_TIMEOUT_MS = 5000;
const SWEEP_MS = 60_000;
const RECONCILE_SECONDS = 60;
const TOLERANCE_MS = 2000;
/** One pass of the sweep over what is due, with a busy machine beneath it. */
const PASS_MS = 10_000;

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

/** Waits until the stream is at `sequence`, gives the milliseconds it took. */
async function timeUntil(stream: Stream, sequence: number, timeoutMs: number): Promise<number> {
  const since = Date.now();
  await until(`lastSeq ${sequence}`, async () => (await stream.lastSeq()) === sequence, timeoutMs);
  expect(await stream.held()).toEqual(stream.publisher.state.snapshot());
  return Date.now() - since;
}

async function loseOne({ publisher }: Stream): Promise<void> {
  for (const item of ["a", "b", "c"]) publisher.list("memo", { operation: "append", item });
  await publisher.deliver({ drop: [2] });
}

describe("with the default settings, in real time", () => {
  const open = serving({});
  it("a lost callback with silence afterwards is recovered within the gap timeout and 2 s", async () => {
    const stream = await open();
    await loseOne(stream);
    const took = await timeUntil(stream, 3, GAP_TIMEOUT_MS + 2 * TOLERANCE_MS);
    expect(took).toBeGreaterThan(GAP_TIMEOUT_MS - TOLERANCE_MS);
    expect(took).toBeLessThan(GAP_TIMEOUT_MS + TOLERANCE_MS);
  });
});

describe("without the delayed messages, in real time", () => {
  const open = serving({ QUEUE_DISABLED: "1" });
  it("a lost callback is recovered by the next sweep", async () => {
    const stream = await open();
    await loseOne(stream);
    await timeUntil(stream, 3, GAP_TIMEOUT_MS + SWEEP_MS + PASS_MS);
  });
});

describe("with reconciliation every minute, in real time", () => {
  const open = serving({ RECONCILE_INTERVAL_SECONDS: String(RECONCILE_SECONDS) });
  const limit = RECONCILE_SECONDS * 1000 + SWEEP_MS + PASS_MS;

  it("the last callback's loss is noticed", async () => {
    const stream = await open();
    stream.publisher.set({ color: "red" });
    await timeUntil(stream, 1, limit);
  });

  it("a publisher that was reset is noticed", async () => {
    const stream = await open();
    stream.publisher.set({ color: "red" });
    stream.publisher.set({ color: "green" });
    await stream.publisher.deliver();
    stream.publisher.resetSequence();
    stream.publisher.delete("color");
    await timeUntil(stream, stream.subscription.sequence, limit);
  });
});
