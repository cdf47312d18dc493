import { describe, expect, it } from "vitest";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { SqsDelayQueue } from "../../../lib/queue/sqs-delay-queue.ts";
import type { FoundMessage } from "../../../lib/system/ports.ts";

function fake(answer: (input: Record<string, unknown>) => object = () => ({})) {
  const sent: Record<string, unknown>[] = [];
  const logged: unknown[] = [];
  const log = { warn: (message: string, fields: unknown) => void logged.push([message, fields]) };
  const send = async (command: { input: Record<string, unknown> }): Promise<object> => {
    sent.push(command.input);
    return await Promise.resolve(answer(command.input));
  };
  const client = { send } as unknown as SQSClient;
  const credentials = { accessKeyId: "k", secretAccessKey: "s" };
  const queue = new SqsDelayQueue({ queueUrl: "https://q.example/1", region: "r", credentials, client, log });
  return { sent, logged, queue };
}

describe("the delay queue", () => {
  it("sends the work as JSON, whole seconds, at most what SQS delays", async () => {
    const { sent, queue } = fake();
    const work = { kind: "due", pk: "A#1", sk: "OUT#p#s", dueAt: 5 } as const;
    await queue.send(work, 4.2);
    await queue.send(work, 4000);
    await queue.send(work, -1);
    expect(sent.map((input) => input["DelaySeconds"])).toEqual([5, 900, 0]);
    expect(JSON.parse(String(sent[0]?.["MessageBody"]))).toEqual(work);
    expect(sent[0]?.["QueueUrl"]).toBe("https://q.example/1");
  });

  const messages = Array.from({ length: 12 }, (_, at): FoundMessage => ({
    work: { kind: "found", items: [{ pk: `A#${String(at)}`, sk: "LOG", dueAt: at }] },
    delaySeconds: 0,
  }));

  it("gives back the messages of a batch that were not taken, and logs why in one line", async () => {
    const refused = { Id: "1", SenderFault: false, Code: "InternalError", Message: "again" };
    const { queue, logged } = fake(() => ({ Failed: [refused] }));
    expect(await queue.sendFound(messages)).toEqual([messages[1], messages[11]]);
    expect(logged).toEqual([["the queue did not take all messages", { unsent: 2, reason: "InternalError again" }]]);
  });

  it("gives back a whole batch that was refused, and logs why in one line", async () => {
    const denied = new Error("no permission");
    const { queue, logged } = fake(() => {
      throw denied;
    });
    expect(await queue.sendFound(messages)).toEqual(messages);
    expect(logged).toEqual([["the queue did not take all messages", { unsent: 12, reason: denied }]]);
  });

  it("logs nothing when all were taken", async () => {
    const { queue, logged } = fake();
    expect(await queue.sendFound(messages)).toEqual([]);
    expect(logged).toEqual([]);
  });
});
