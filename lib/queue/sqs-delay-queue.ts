import {
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from "@aws-sdk/client-sqs";
import { compact } from "../system/compact.ts";
import { systemClock } from "../system/platform.ts";
import { freshAgents } from "../system/fresh-agents.ts";
import { mapConcurrent } from "../system/map-concurrent.ts";
import type { Clock, DelayedWork, FoundMessage, Log, QueueDepth, WorkQueue } from "../system/ports.ts";

interface SqsDelayQueueOptions {
  readonly queueUrl: string;
  readonly region: string;
  /** `environmentCredentials` in a function. */
  readonly credentials: NonNullable<SQSClientConfig["credentials"]>;
  readonly log: Pick<Log, "warn">;
  /** Another endpoint than the region's. */
  readonly endpoint?: string;
  readonly client?: SQSClient;
  /** Measures for how long a kept connection has been free [the machine's clock]. */
  readonly clock?: Clock;
  /** Milliseconds until an answer begins, and the longest pause within it [3000]. */
  readonly requestTimeoutMs?: number;
}

/** The longest that SQS delays a message. */
const MAX_DELAY_SECONDS = 900;
/** The most messages of one batch (SQS, SendMessageBatch). */
const BATCH_MESSAGES = 10;
/** The most bytes of one batch: far below the limit of SQS (1 MiB), and one batch is hardly ever cut by it. */
const BATCH_BYTES = 200_000;
/** Batches that are under way at once. */
const PARALLEL_BATCHES = 10;

/** Delayed messages through SQS. Rejects with the errors of the SDK; the sweep finds the same work, so callers may continue. */
export class SqsDelayQueue implements WorkQueue {
  readonly #client: SQSClient;
  readonly #queueUrl: string;
  readonly #log: Pick<Log, "warn">;

  constructor(options: SqsDelayQueueOptions) {
    this.#log = options.log;
    this.#client = options.client ?? clientOf(options);
    this.#queueUrl = options.queueUrl;
  }

  async send(work: DelayedWork, delaySeconds: number): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#queueUrl,
        MessageBody: JSON.stringify(work),
        DelaySeconds: allowed(delaySeconds),
      }),
    );
  }

  async sendFound(messages: readonly FoundMessage[]): Promise<readonly FoundMessage[]> {
    let reason: unknown;
    const refused = await mapConcurrent(inBatches(messages), PARALLEL_BATCHES, async (batch) => {
      try {
        const { Failed: failed = [] } = await this.#client.send(
          new SendMessageBatchCommand({
            QueueUrl: this.#queueUrl,
            Entries: batch.map(({ body, message }, at) => ({
              Id: String(at),
              MessageBody: body,
              DelaySeconds: allowed(message.delaySeconds),
            })),
          }),
        );
        const [first] = failed;
        if (first !== undefined) reason ??= `${first.Code ?? ""} ${first.Message ?? ""}`.trim();
        const ids = new Set(failed.map(({ Id }) => Id));
        return batch.filter((_, at) => ids.has(String(at)));
      } catch (error) {
        reason ??= error;
        return batch;
      }
    });
    const unsent = refused.flat().map(({ message }) => message);
    // One line for all of them: a queue that refuses one message refuses many.
    if (unsent.length > 0) this.#log.warn("the queue did not take all messages", { unsent: unsent.length, reason });
    return unsent;
  }

  async depth(): Promise<QueueDepth> {
    const { Attributes: counts = {} } = await this.#client.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.#queueUrl,
        AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
      }),
    );
    return {
      waiting: Number(counts.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(counts.ApproximateNumberOfMessagesNotVisible ?? 0),
    };
  }
}

const allowed = (delaySeconds: number): number => Math.min(MAX_DELAY_SECONDS, Math.max(0, Math.ceil(delaySeconds)));

/** A message with its body. */
interface Printed {
  readonly message: FoundMessage;
  readonly body: string;
}

function inBatches(messages: readonly FoundMessage[]): readonly (readonly Printed[])[] {
  const batches: Printed[][] = [];
  let room = 0;
  for (const message of messages) {
    const body = JSON.stringify(message.work);
    const bytes = Buffer.byteLength(body);
    const last = batches.at(-1);
    if (last === undefined || last.length === BATCH_MESSAGES || bytes > room) {
      batches.push([{ message, body }]);
      room = BATCH_BYTES - bytes;
    } else {
      last.push({ message, body });
      room -= bytes;
    }
  }
  return batches;
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
      // The time of a request is over when its answer begins.
      socketTimeout: requestTimeoutMs,
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
