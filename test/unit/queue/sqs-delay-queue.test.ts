import { describe, expect, it } from "vitest";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { SqsDelayQueue } from "../../../lib/queue/sqs-delay-queue.ts";

function fake() {
  const sent: Record<string, unknown>[] = [];
  const send = (command: { input: Record<string, unknown> }): Promise<object> => {
    sent.push(command.input);
    return Promise.resolve({});
  };
  const client = { send } as unknown as SQSClient;
  const credentials = { accessKeyId: "k", secretAccessKey: "s" };
  return { sent, queue: new SqsDelayQueue({ queueUrl: "https://q.example/1", region: "r", credentials, client }) };
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
});
