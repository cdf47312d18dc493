import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { DelayedWork, DelayQueue } from "../ports.ts";

export interface SqsDelayQueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** Another endpoint than the region's; the local stack sets it. */
  readonly endpoint?: string;
  readonly client?: SQSClient;
}

const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** Delayed messages through SQS. Throws what the SDK throws; the sweep finds the same work, so callers may go on. */
export class SqsDelayQueue implements DelayQueue {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(options: SqsDelayQueueOptions) {
    const { endpoint, region } = options;
    // An endpoint of our own stands on loopback and asks for no credentials; the SDK wants some.
    const local = endpoint === undefined ? {} : { endpoint, credentials: LOCAL_CREDENTIALS };
    this.#client = options.client ?? new SQSClient({ region, ...local });
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
