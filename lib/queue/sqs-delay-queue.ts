import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { DelayedWork, DelayQueue } from "../ports.ts";

export interface SqsDelayQueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** Another endpoint than the region's; one on loopback needs no credentials and gets invented ones. */
  readonly endpoint?: string;
  readonly client?: SQSClient;
}

const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };
/** The longest that SQS delays a message. */
const MAX_DELAY_SECONDS = 900;

/** Delayed messages through SQS. Throws what the SDK throws; the sweep finds the same work, so callers may go on. */
export class SqsDelayQueue implements DelayQueue {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor({ queueUrl, region, endpoint, client }: SqsDelayQueueOptions) {
    this.#client =
      client ??
      new SQSClient({
        region,
        retryMode: "standard",
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(isLoopback(endpoint) ? { credentials: LOCAL_CREDENTIALS } : {}),
      });
    this.#queueUrl = queueUrl;
  }

  async send(work: DelayedWork, delaySeconds: number): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#queueUrl,
        MessageBody: JSON.stringify(work),
        DelaySeconds: Math.min(MAX_DELAY_SECONDS, Math.max(0, Math.ceil(delaySeconds))),
      }),
    );
  }
}

function isLoopback(endpoint: string | undefined): boolean {
  return endpoint !== undefined && ["127.0.0.1", "localhost", "[::1]"].includes(new URL(endpoint).hostname);
}
