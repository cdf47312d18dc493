/** A deployment in simulated time: instances of its functions over one table with limits, the queue, the every-minute sweep. */
import { itemBytes } from "../../../lib/dynamodb/attributes.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import { queueWorker } from "../../../lib/scheduler/queue-worker.ts";
import { currentDeadline } from "../../../lib/system/request-context.ts";
import { Network, type Answer, type Asking } from "../in-process.ts";
import { MemoryTable } from "../memory-table.ts";
import { seeded } from "../publisher/random.ts";
import { ThrottlingTable } from "../throttling-table.ts";
import { WholeService } from "../whole-service.ts";
import { PartitionLimits, type LimitOptions } from "./partition-limits.ts";
import { SimulatedTime } from "./simulated-time.ts";

/** What a function may take, ms: as the stacks set it. */
const REQUEST_MS = 28_000;
const BACKGROUND_MS = 60_000;
const MINUTE = 60_000;
/** How the queue delivers: as the stacks set it. */
const VISIBILITY_MS = 6 * BACKGROUND_MS;
const MOST_RECEIVES = 5;

export interface DeploymentOptions extends LimitOptions {
  readonly origin: string;
  readonly seed: number;
  /** How long one attempt of a request to the table takes, ms. */
  readonly tableMs: number;
  /** Runs of the worker at once (`workerConcurrency`). */
  readonly workers: number;
}

interface Message {
  readonly body: string;
  receives: number;
}

type FunctionName = "api" | "callbacks" | "worker" | "scheduler";

/** Each run of a function has an instance of its own, with its own caches; an idle one is used again. */
export class SimulatedDeployment {
  readonly time = new SimulatedTime(Date.UTC(2026, 0, 1));
  readonly network = new Network();
  readonly memory = new MemoryTable();
  readonly limits: PartitionLimits;
  /** For what is prepared before time passes. */
  readonly host: WholeService;
  readonly #options: DeploymentOptions;
  readonly #table: ThrottlingTable;
  readonly #random: () => number;
  readonly #idle = new Map<FunctionName, WholeService[]>();
  readonly #all: WholeService[] = [];
  #queue: Message[] = [];
  #working = 0;
  #isLive = false;
  /** Messages of the time before it is live. */
  readonly #sentBefore: (() => void)[] = [];
  /** Runs of each function. */
  readonly runs: Record<FunctionName, number> = { api: 0, callbacks: 0, worker: 0, scheduler: 0 };
  /** Messages that failed as often as they may. */
  deadLetters = 0;

  constructor(options: DeploymentOptions) {
    this.#options = options;
    const { time } = this;
    const random = seeded(options.seed);
    this.#random = () => random.next();
    this.limits = new PartitionLimits(() => time.now, options);
    const sizes = new WeakMap<Item, number>();
    this.#table = new ThrottlingTable(this.memory, this.limits, {
      random: this.#random,
      sleep: time.sleep,
      remaining: () => currentDeadline()?.remaining(),
      takesTime: async () => {
        if (this.#isLive) await time.sleep(options.tableMs);
      },
      sizeOf: (item) => {
        if (item === undefined) return 0;
        const bytes = sizes.get(item) ?? itemBytes(item);
        sizes.set(item, bytes);
        return bytes;
      },
    });
    this.host = this.#instance();
  }

  /** From now on requests take time and the table has limits. `lost`: the messages that were sent before never arrive. */
  begin({ lost }: { readonly lost: boolean }): void {
    this.#isLive = true;
    this.limits.isOn = true;
    if (!lost) for (const send of this.#sentBefore) send();
    this.#everyMinute();
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** One request to a function that answers requests, by an instance that is free. */
  async ask(name: "api" | "callbacks", method: string, url: string, asking: Asking): Promise<Answer> {
    return await this.#run(name, REQUEST_MS, async (host, remaining) =>
      host.ask(method, url, { ...asking, remaining }),
    );
  }

  /** What instances logged as warnings and errors, and how often. */
  get problems(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { level, message } of this.#all.flatMap(({ logged }) => logged)) {
      if (level !== "info") counts.set(message, (counts.get(message) ?? 0) + 1);
    }
    return counts;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#working === 0;
  }

  #everyMinute(): void {
    this.time.after(MINUTE, () => {
      this.#everyMinute();
      void this.#run("scheduler", BACKGROUND_MS, async ({ service }, remaining) => service.sweep.run({ remaining }));
    });
  }

  /** A message that arrives after so many seconds. */
  #send(body: string, delaySeconds: number): void {
    const at = this.time.now + delaySeconds * 1_000;
    const send = (): void => {
      this.time.after(at - this.time.now, () => this.#arrive({ body, receives: 0 }));
    };
    if (this.#isLive) send();
    else this.#sentBefore.push(send);
  }

  #arrive(message: Message): void {
    this.#queue.push(message);
    this.#work();
  }

  #work(): void {
    while (this.#working < this.#options.workers && this.#queue.length > 0) {
      const message = this.#queue.shift() as Message;
      this.#working += 1;
      void this.#receive(message).finally(() => {
        this.#working -= 1;
        this.#work();
      });
    }
  }

  async #receive(message: Message): Promise<void> {
    message.receives += 1;
    const failed = await this.#run("worker", BACKGROUND_MS, async ({ service }, getRemainingTimeInMillis) => {
      const Records = [{ messageId: "m", body: message.body }];
      const { batchItemFailures } = await queueWorker(() => service)({ Records }, { getRemainingTimeInMillis });
      return batchItemFailures.length > 0;
    }).catch(() => true);
    if (!failed) return;
    if (message.receives >= MOST_RECEIVES) this.deadLetters += 1;
    else this.time.after(VISIBILITY_MS, () => this.#arrive(message));
  }

  async #run<T>(
    name: FunctionName,
    ms: number,
    run: (host: WholeService, remaining: () => number) => Promise<T>,
  ): Promise<T> {
    const idle = this.#idle.get(name) ?? [];
    this.#idle.set(name, idle);
    const host = idle.pop() ?? this.#instance();
    const end = this.time.now + ms;
    this.runs[name] += 1;
    try {
      return await run(host, () => Math.max(0, end - this.time.now));
    } finally {
      idle.push(host);
    }
  }

  #instance(): WholeService {
    const { time } = this;
    const host = new WholeService(this.network, this.#options.origin, {
      table: this.#table,
      ports: {
        clock: { now: () => time.now },
        sleep: time.sleep,
        after: time.after,
        random: this.#random,
        queue: {
          send: async (work, delaySeconds) => {
            await Promise.resolve();
            this.#send(JSON.stringify(work), delaySeconds);
          },
          sendFound: async (messages) => {
            await Promise.resolve();
            for (const { work, delaySeconds } of messages) this.#send(JSON.stringify(work), delaySeconds);
            return [];
          },
          depth: async () => {
            await Promise.resolve();
            return { waiting: this.#queue.length, inFlight: this.#working };
          },
        },
      },
    });
    this.#all.push(host);
    return host;
  }
}
