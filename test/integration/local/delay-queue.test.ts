import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it, onTestFinished } from "vitest";
import { startDelayQueue, type DelayQueueOptions } from "../../../infra/local/delay-queue.ts";
import { temporaryFolder } from "./emulated.ts";

interface Received {
  messageId: string;
  body: string;
  attributes: { ApproximateReceiveCount: string };
}

/** A queue on a clock of the test, with a consumer of the test. */
async function open(options: Partial<DelayQueueOptions> = {}) {
  const received: string[][] = [];
  const time = { now: 1_000_000 };
  let behave = (_: Received[]): Promise<unknown> => Promise.resolve();
  const log: string[] = [];
  const queue = await startDelayQueue({
    name: "delays",
    file: undefined,
    visibilitySeconds: 60,
    maxReceives: 3,
    batchSize: 10,
    concurrency: 5,
    consume: (event) => {
      const { Records } = event as { Records: Received[] };
      received.push(Records.map((record) => `${record.body}#${record.attributes.ApproximateReceiveCount}`));
      return behave(Records);
    },
    now: () => time.now,
    log: (line) => log.push(line),
    ...options,
  });
  onTestFinished(() => queue.close());
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new SQSClient({ region: "local", endpoint: queue.endpoint, credentials, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return {
    queue,
    received,
    log,
    behave: (how: typeof behave) => void (behave = how),
    send: (body: string, DelaySeconds = 0) =>
      client.send(new SendMessageCommand({ QueueUrl: queue.queueUrl, MessageBody: body, DelaySeconds })),
    /** Moves the clock by some seconds and delivers the messages that are due then. */
    after: async (seconds: number) => {
      time.now += seconds * 1000;
      await queue.deliver();
    },
  };
}

describe("the delay queue", () => {
  it("takes the SDK's messages and delivers each when its delay is over", async () => {
    const { send, after, received } = await open();
    const sent = await send("later", 30);
    expect(sent.MessageId).toBeTruthy();
    await after(29);
    expect(received).toEqual([]);
    await after(1);
    expect(received).toEqual([["later#1"]]);
    await after(1000);
    expect(received).toHaveLength(1);
  });

  it("gives its consumer no more messages at once than the mapping allows", async () => {
    const { send, after, queue, received, behave } = await open({ batchSize: 1, concurrency: 2 });
    const { promise, resolve } = Promise.withResolvers<undefined>();
    behave(() => promise);
    for (const body of ["a", "b", "c"]) await send(body);
    const delivered = queue.deliver();
    expect(received).toEqual([["a#1"], ["b#1"]]);
    resolve(undefined);
    await delivered;
    await after(0);
    expect(received).toHaveLength(3);
  });

  it("delivers on its own timer", async () => {
    const arrived = Promise.withResolvers<object>();
    const { send } = await open({
      now: Date.now,
      consume: (event) => {
        arrived.resolve(event);
        return Promise.resolve();
      },
    });
    await send("now");
    expect(await arrived.promise).toMatchObject({ Records: [{ body: "now", eventSource: "aws:sqs" }] });
  });

  it("delivers a failed message again once its visibility has ended, and gives it up in the end", async () => {
    const { send, after, received, behave, queue } = await open();
    behave(() => Promise.reject(new Error("no")));
    await send("bad");
    await after(0);
    await after(59);
    expect(received).toEqual([["bad#1"]]);
    await after(1);
    await after(60);
    await after(60);
    await after(60);
    expect(received).toEqual([["bad#1"], ["bad#2"], ["bad#3"]]);
    expect(queue.counts()).toEqual({ waiting: 0, dead: 1 });
  });

  it("keeps of a batch only the messages that the consumer reports as failed", async () => {
    const { send, after, received, behave } = await open({ visibilitySeconds: 1 });
    await send("good", 1);
    await send("bad", 1);
    behave((records) =>
      Promise.resolve({
        batchItemFailures: records
          .filter((record) => record.body === "bad")
          .map((r) => ({ itemIdentifier: r.messageId })),
      }),
    );
    await after(1);
    behave(() => Promise.resolve());
    await after(1);
    expect(received).toEqual([["good#1", "bad#1"], ["bad#2"]]);
  });

  it("refuses delays and bodies that SQS refuses", async () => {
    const { send } = await open();
    await expect(send("x", 901)).rejects.toThrow("DelaySeconds");
    await expect(send("x", 0.5)).rejects.toThrow("DelaySeconds");
    await expect(send("")).rejects.toThrow("MessageBody");
  });

  it("forgets everything when it is disabled", async () => {
    const { send, after, received } = await open({ disabled: true });
    await send("lost");
    await after(1);
    expect(received).toEqual([]);
  });

  it("keeps its messages in a file, also when the last line is torn", async () => {
    const file = join(await temporaryFolder(), "queue.jsonl");
    const first = await open({ file });
    await first.send("done");
    await first.after(0);
    await first.send("kept", 10);
    await first.queue.close();
    await appendFile(file, '{"put":{"id":"torn","bo');
    const second = await open({ file });
    await second.after(10);
    expect(second.received).toEqual([["kept#1"]]);
  });

  it("delivers at once the messages that a dead process had received", async () => {
    const file = join(await temporaryFolder(), "queue.jsonl");
    const message = { id: "m", body: "taken", sentAt: 1, visibleAt: 9_000_000, receives: 1 };
    await writeFile(file, `${JSON.stringify({ put: message })}\n`);
    const { after, received } = await open({ file });
    await after(0);
    expect(received).toEqual([["taken#2"]]);
  });
});
