import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { DelayedWork, DelayQueue } from "../ports.ts";

export interface SqsDelayQueueOptions {
  readonly queueUrl: string;
  /** Another endpoint than the region's; the local stack sets it. */
  readonly endpoint?: string;
  readonly client?: SQSClient;
}

/** Delayed messages through SQS. Throws what the SDK throws; the sweep finds the same work, so callers may go on. */
export class SqsDelayQueue implements DelayQueue {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(options: SqsDelayQueueOptions) {
    this.#client =
      options.client ?? new SQSClient(options.endpoint === undefined ? {} : { endpoint: options.endpoint });
    this.#queueUrl = options.queueUrl;
  }

  async send(work: DelayedWork, delaySeconds: number): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#queueUrl,
        MessageBody: JSON.stringify(work),
        DelaySeconds: Math.min(900, Math.max(0, Math.ceil(delaySeconds))),
      }),
    );
  }
}

/** For functions without a queue: nothing is sent, the sweep does all. */
export const noDelayQueue: DelayQueue = { send: () => Promise.resolve() };
