import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { closeServer, createServer, listen, meantForLoopback } from "./loopback-server.ts";
import { QueueJournal, type Message } from "./queue-journal.ts";

export interface DelayQueueOptions {
  /** The last part of the queue's URL. */
  readonly name: string;
  /** The file that keeps messages between runs; undefined keeps them in memory. */
  readonly file: string | undefined;
  /** A message whose delivery failed or never ended is delivered again after this long. */
  readonly visibilitySeconds: number;
  /** After this many deliveries a message moves to the dead letters. */
  readonly maxReceives: number;
  readonly batchSize: number;
  /** Most batches under way at the same time. */
  readonly concurrency: number;
  /** The consumer: takes an SQS event and answers with `batchItemFailures`, or rejects when all messages failed. */
  readonly consume: (event: object) => Promise<unknown>;
  /** Accepts messages and drops them at once, so that only the sweep finds their work. */
  readonly disabled?: boolean;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly log: (line: string) => void;
}

export interface DelayQueue {
  readonly endpoint: string;
  readonly queueUrl: string;
  /** Delivers the messages that are due now, and resolves when their deliveries ended. A timer does the same. */
  deliver(): Promise<void>;
  /** The numbers of waiting messages and of dead letters. */
  counts(): { readonly waiting: number; readonly dead: number };
  /** Stops delivery, and waits for the deliveries under way. Messages are still accepted and kept. */
  stop(): Promise<void>;
  /** Stops, and closes the file. */
  close(): Promise<void>;
}

const MAX_DELAY_SECONDS = 900;
const MAX_BODY_BYTES = 1024 * 1024;
/** The longest time-out of one timer, ms; a longer wait takes several. */
const MAX_WAIT_MS = 60_000;

/** SQS on loopback for one queue and its consumer: SendMessage over the JSON protocol, delivery at least once. */
export async function startDelayQueue(options: DelayQueueOptions): Promise<DelayQueue> {
  const queue = new Queue(options);
  const server = createServer((request, response) => {
    answer(queue, request, response).catch((error: unknown) => {
      options.log(`queue: ${String(error)}`);
      response.destroy();
    });
  });
  await listen(server, "127.0.0.1", 0);
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  queue.schedule();
  return {
    endpoint,
    queueUrl: `${endpoint}/000000000000/${options.name}`,
    deliver: () => queue.deliver(),
    counts: () => queue.counts(),
    stop: () => queue.stop(),
    async close() {
      await queue.stop();
      await closeServer(server);
      queue.journal.close();
    },
  };
}

class Queue {
  readonly journal: QueueJournal;
  readonly #options: DelayQueueOptions;
  readonly #now: () => number;
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: DelayQueueOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.journal = new QueueJournal(options.file);
    // The process that was to handle these deliveries is gone.
    for (const message of this.journal.messages.values()) {
      if (message.dead !== true && message.receives > 0) this.journal.put({ ...message, visibleAt: this.#now() });
    }
  }

  send(body: string, delaySeconds: number): string {
    const now = this.#now();
    const id = randomUUID();
    if (this.#options.disabled === true) return id;
    this.journal.put({ id, body, sentAt: now, visibleAt: now + delaySeconds * 1000, receives: 0 });
    this.schedule();
    return id;
  }

  counts(): { waiting: number; dead: number } {
    const all = [...this.journal.messages.values()];
    const dead = all.filter((message) => message.dead === true).length;
    return { waiting: all.length - dead, dead };
  }

  /** Sets the clock for the next message. */
  schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    let next = Infinity;
    for (const message of this.journal.messages.values()) {
      if (message.dead !== true) next = Math.min(next, message.visibleAt);
    }
    if (next === Infinity || this.#underWay.size >= this.#options.concurrency) return;
    const wait = Math.min(MAX_WAIT_MS, Math.max(0, next - this.#now()));
    this.#timer = setTimeout(() => this.#start(), wait);
  }

  async deliver(): Promise<void> {
    this.#start();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#underWay);
  }

  #start(): void {
    while (this.#underWay.size < this.#options.concurrency && !this.#stopped) {
      const batch = this.#receive();
      if (batch.length === 0) break;
      const work = this.#handOver(batch).finally(() => {
        this.#underWay.delete(work);
        this.schedule();
      });
      this.#underWay.add(work);
    }
    this.schedule();
  }

  #receive(): Message[] {
    const now = this.#now();
    const taken: Message[] = [];
    for (const message of this.journal.messages.values()) {
      if (taken.length >= this.#options.batchSize) break;
      if (message.dead === true || message.visibleAt > now) continue;
      if (message.receives >= this.#options.maxReceives) {
        this.#options.log(`queue: message ${message.id} is given up after ${message.receives} deliveries`);
        this.journal.put({ ...message, dead: true });
        continue;
      }
      const visibleAt = now + this.#options.visibilitySeconds * 1000;
      const received = { ...message, visibleAt, receives: message.receives + 1 };
      this.journal.put(received);
      taken.push(received);
    }
    return taken;
  }

  async #handOver(batch: readonly Message[]): Promise<void> {
    try {
      const result = await this.#options.consume({ Records: batch.map((message) => this.#record(message)) });
      const { batchItemFailures = [] } = (result ?? {}) as { batchItemFailures?: { itemIdentifier: string }[] };
      const failed = new Set(batchItemFailures.map((failure) => failure.itemIdentifier));
      for (const { id } of batch) if (!failed.has(id)) this.journal.delete(id);
    } catch (error) {
      this.#options.log(`queue: ${batch.length} failed, to be delivered again: ${String(error)}`);
    }
  }

  #record({ id, body, sentAt, receives }: Message): object {
    return {
      messageId: id,
      receiptHandle: id,
      body,
      attributes: {
        ApproximateReceiveCount: String(receives),
        SentTimestamp: String(sentAt),
        SenderId: "local",
        ApproximateFirstReceiveTimestamp: String(this.#now()),
      },
      messageAttributes: {},
      md5OfBody: md5(body),
      eventSource: "aws:sqs",
      eventSourceARN: `arn:aws:sqs:local:000000000000:${this.#options.name}`,
      awsRegion: "local",
    };
  }
}

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

async function answer(queue: Queue, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const json = request.headers["content-type"]?.startsWith("application/x-amz-json-1.") ?? false;
  const action = String(request.headers["x-amz-target"] ?? "");
  const reply = (status: number, body: object): void => {
    const text = JSON.stringify(body);
    response.writeHead(status, {
      "content-type": "application/x-amz-json-1.0",
      "content-length": Buffer.byteLength(text),
      "x-amzn-requestid": randomUUID(),
    });
    response.end(text);
  };
  const refuse = (name: string, message: string): void => reply(400, { __type: `com.amazonaws.sqs#${name}`, message });
  if (request.method !== "POST" || !json || !meantForLoopback(request) || action !== "AmazonSQS.SendMessage") {
    refuse("UnsupportedOperation", "The local queue takes SendMessage only.");
    return;
  }
  const { MessageBody: body, DelaySeconds: delay = 0 } = JSON.parse(Buffer.concat(chunks).toString()) as {
    MessageBody?: unknown;
    DelaySeconds?: unknown;
  };
  if (typeof body !== "string" || body === "" || Buffer.byteLength(body) > MAX_BODY_BYTES) {
    refuse("InvalidParameterValue", "MessageBody must be 1 byte to 1 MiB.");
  } else if (!Number.isInteger(delay) || (delay as number) < 0 || (delay as number) > MAX_DELAY_SECONDS) {
    refuse("InvalidParameterValue", `DelaySeconds must be a whole number from 0 to ${MAX_DELAY_SECONDS}.`);
  } else {
    reply(200, { MessageId: queue.send(body, delay as number), MD5OfMessageBody: md5(body) });
  }
}
