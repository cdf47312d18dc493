import { SendMessageCommand, SQSClient, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { compact } from "../system/compact.ts";
import { systemClock } from "../system/platform.ts";
import { freshAgents } from "../system/fresh-agents.ts";
import type { Clock, DelayedWork, DelayQueue } from "../system/ports.ts";

interface SqsDelayQueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** `environmentCredentials` in a function. */
  readonly credentials: NonNullable<SQSClientConfig["credentials"]>;
  /** Another endpoint than the region's. */
  readonly endpoint?: string;
  readonly client?: SQSClient;
  /** Measures for how long a kept connection has been free [the machine's clock]. */
  readonly clock?: Clock;
  /** Milliseconds for one attempt, answer included [3000]. */
  readonly requestTimeoutMs?: number;
}

/** The longest that SQS delays a message. */
const MAX_DELAY_SECONDS = 900;

/** Delayed messages through SQS. Rejects with the errors of the SDK; the sweep finds the same work, so callers may continue. */
export class SqsDelayQueue implements DelayQueue {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(options: SqsDelayQueueOptions) {
    this.#client = options.client ?? clientOf(options);
    this.#queueUrl = options.queueUrl;
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

/** Keeps connections and reuses them within a minute; gives up on a queue that does not answer. */
function clientOf({
  region,
  credentials,
  endpoint,
  clock = systemClock,
  requestTimeoutMs = 3_000,
}: SqsDelayQueueOptions): SQSClient {
  const agents = freshAgents({ keepAlive: true, maxSockets: 50 }, clock);
  const client = new SQSClient({
    region,
    credentials,
    retryMode: "standard",
    ...compact({ endpoint }),
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: agents.plain,
      httpsAgent: agents.secure,
    },
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      agents.dropStale();
      return await next(args);
    },
    { step: "finalizeRequest", priority: "low", name: "dropStaleConnections" },
  );
  return client;
}
