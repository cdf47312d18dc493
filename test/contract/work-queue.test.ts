/** The delay queue as the sweep and the worker use it: SQS over its local stand-in, and the queue in memory. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startDelayQueue } from "../../infra/local/delay-queue.ts";
import { SqsDelayQueue } from "../../lib/queue/sqs-delay-queue.ts";
import type { FoundMessage, FoundWork, WorkQueue } from "../../lib/system/ports.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

interface OpenQueue {
  readonly queue: WorkQueue;
  /** The clock of the queue, ms. */
  readonly time: { now: number };
  /** The work of messages that can be received now, and of all. */
  readonly messages: () => { readonly arrived: FoundWork[]; readonly all: FoundWork[] };
}

/** SQS's client over the local queue, which delivers nothing and keeps its messages in a file. */
async function overHttp(): Promise<OpenQueue> {
  const folder = mkdtempSync(join(tmpdir(), "queue-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [time, file] = [{ now: 1_000_000 }, join(folder, "queue.jsonl")];
  const local = await startDelayQueue({
    ...{ name: "delays", file, visibilitySeconds: 60, maxReceives: 3, batchSize: 1, concurrency: 1 },
    consume: () => Promise.resolve(),
    now: () => time.now,
    log: () => undefined,
  });
  onTestFinished(() => local.close());
  await local.stop();
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const { queueUrl, endpoint } = local;
  const messages = () => {
    const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
    const puts = lines.map((line) => (JSON.parse(line) as { put: { body: string; visibleAt: number } }).put);
    const work = (of: typeof puts): FoundWork[] => of.map(({ body }) => JSON.parse(body) as FoundWork);
    return { arrived: work(puts.filter(({ visibleAt }) => visibleAt <= time.now)), all: work(puts) };
  };
  const log = { warn: () => undefined };
  return { queue: new SqsDelayQueue({ queueUrl, endpoint, region: "local", credentials, log }), time, messages };
}

function inMemory(): Promise<OpenQueue> {
  const time = { now: 1_000_000 };
  const queue = new MemoryQueue(() => time.now);
  const messages = () => ({
    arrived: queue.found.filter(({ arrivesAt }) => arrivesAt <= time.now).map(({ work }) => work),
    all: queue.found.map(({ work }) => work),
  });
  return Promise.resolve({ queue, time, messages });
}

const found = (name: string, items = 1, delaySeconds = 0): FoundMessage => ({
  work: {
    kind: "found",
    items: Array.from({ length: items }, (_, at) => ({ pk: `A#${name}`, sk: `S#${String(at)}`, dueAt: at })),
  },
  delaySeconds,
});
const sorted = (work: readonly FoundWork[]): string[] => work.map((each) => JSON.stringify(each)).toSorted();

describe.each([
  ["SQS", overHttp],
  ["in memory", inMemory],
] as const)("the work queue, %s", (_, open) => {
  it("takes any number of messages of found work, and says that it took all", async () => {
    const { queue, messages } = await open();
    const sent = Array.from({ length: 37 }, (_, at) => found(String(at), 25));
    expect(await queue.sendFound(sent)).toEqual([]);
    expect(sorted(messages().arrived)).toEqual(sorted(sent.map(({ work }) => work)));
    expect(await queue.sendFound([])).toEqual([]);
  });

  it("takes the longest keys, whatever their characters", async () => {
    const { queue, messages } = await open();
    const item = { pk: `A#${"\u0001".repeat(2_000)}`, sk: "ü".repeat(500), dueAt: 1 };
    const work: FoundWork = { kind: "found", items: Array.from({ length: 25 }, () => item) };
    const sent = Array.from({ length: 10 }, () => ({ work, delaySeconds: 0 }));
    expect(await queue.sendFound(sent)).toEqual([]);
    expect(messages().arrived).toEqual(sent.map(() => work));
  });

  it("counts the messages that can be received, without those that are delayed", async () => {
    const { queue, time, messages } = await open();
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
    await queue.sendFound([found("now"), found("later", 1, 30), found("last", 1, 900)]);
    expect(await queue.depth()).toEqual({ waiting: 1, inFlight: 0 });
    time.now += 30_000;
    expect(await queue.depth()).toEqual({ waiting: 2, inFlight: 0 });
    expect(messages().arrived).toHaveLength(2);
    expect(messages().all).toHaveLength(3);
  });
});
