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
  /** Accepts messages and drops them at once, but for those of the sweep, so that only the sweep finds work. */
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
const MAX_BATCH = 10;
/** How the messages of the sweep begin. */
const FOUND = '{"kind":"found"';
/** The longest time-out of one timer, ms; a longer wait takes several. */
const MAX_WAIT_MS = 60_000;

/** SQS on loopback for one queue and its consumer: the actions that functions use over the JSON protocol, delivery at least once. */
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
    if (this.#options.disabled === true && !body.startsWith(FOUND)) return id;
    this.journal.put({ id, body, sentAt: now, visibleAt: now + delaySeconds * 1000, receives: 0 });
    this.schedule();
    return id;
  }

  counts(): { waiting: number; dead: number } {
    const all = [...this.journal.messages.values()];
    const dead = all.filter((message) => message.dead === true).length;
    return { waiting: all.length - dead, dead };
  }

  /** What SQS counts of the messages that are not dead letters. */
  depth(): { waiting: number; inFlight: number; delayed: number } {
    const [now, depth] = [this.#now(), { waiting: 0, inFlight: 0, delayed: 0 }];
    for (const { dead, visibleAt, receives } of this.journal.messages.values()) {
      if (dead !== true) depth[visibleAt <= now ? "waiting" : receives > 0 ? "inFlight" : "delayed"] += 1;
    }
    return depth;
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

/** A request that SQS refuses. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

interface Sent {
  readonly MessageBody?: unknown;
  readonly DelaySeconds?: unknown;
}

/** What each action answers. */
const ACTIONS: Readonly<Record<string, (queue: Queue, input: Readonly<Record<string, unknown>>) => object>> = {
  SendMessage: (queue, input) => accept(queue, input),
  SendMessageBatch(queue, input) {
    const entries = (input["Entries"] ?? []) as readonly (Sent & { readonly Id?: unknown })[];
    const ids = new Set(entries.map(({ Id }) => Id));
    if (entries.length === 0) throw new Refused("EmptyBatchRequest", "A batch has at least one entry.");
    if (entries.length > MAX_BATCH)
      throw new Refused("TooManyEntriesInBatchRequest", "A batch has at most 10 entries.");
    if (ids.size < entries.length) throw new Refused("BatchEntryIdsNotDistinct", "Two entries have one Id.");
    const bytes = entries.reduce((sum, { MessageBody }) => sum + Buffer.byteLength(String(MessageBody)), 0);
    if (bytes > MAX_BODY_BYTES) throw new Refused("BatchRequestTooLong", "A batch has at most 1 MiB.");
    const [Successful, Failed]: [object[], object[]] = [[], []];
    for (const { Id, ...entry } of entries) {
      try {
        Successful.push({ Id, ...accept(queue, entry) });
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        Failed.push({ Id, SenderFault: true, Code: error.code, Message: error.message });
      }
    }
    return { Successful, Failed };
  },
  GetQueueAttributes(queue) {
    const { waiting, inFlight, delayed } = queue.depth();
    return {
      Attributes: {
        ApproximateNumberOfMessages: String(waiting),
        ApproximateNumberOfMessagesNotVisible: String(inFlight),
        ApproximateNumberOfMessagesDelayed: String(delayed),
      },
    };
  },
};

function accept(queue: Queue, { MessageBody: body, DelaySeconds: delay = 0 }: Sent): object {
  if (typeof body !== "string" || body === "" || Buffer.byteLength(body) > MAX_BODY_BYTES) {
    throw new Refused("InvalidParameterValue", "MessageBody must be 1 byte to 1 MiB.");
  }
  if (!Number.isInteger(delay) || (delay as number) < 0 || (delay as number) > MAX_DELAY_SECONDS) {
    throw new Refused("InvalidParameterValue", `DelaySeconds must be a whole number from 0 to ${MAX_DELAY_SECONDS}.`);
  }
  return { MessageId: queue.send(body, delay as number), MD5OfMessageBody: md5(body) };
}

async function answer(queue: Queue, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const json = request.headers["content-type"]?.startsWith("application/x-amz-json-1.") ?? false;
  const [, name = ""] = /^AmazonSQS\.(\w+)$/.exec(String(request.headers["x-amz-target"] ?? "")) ?? [];
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  const reply = (status: number, body: object): void => {
    const text = JSON.stringify(body);
    response.writeHead(status, {
      "content-type": "application/x-amz-json-1.0",
      "content-length": Buffer.byteLength(text),
      "x-amzn-requestid": randomUUID(),
    });
    response.end(text);
  };
  try {
    if (request.method !== "POST" || !json || !meantForLoopback(request) || action === undefined) {
      throw new Refused("UnsupportedOperation", `The local queue takes ${Object.keys(ACTIONS).join(", ")} only.`);
    }
    reply(200, action(queue, JSON.parse(Buffer.concat(chunks).toString()) as Readonly<Record<string, unknown>>));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    reply(400, { __type: `com.amazonaws.sqs#${error.code}`, message: error.message });
  }
}
