import { randomUUID } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./function-worker.ts";

/** Lambda's limit for an event and for an answer, bytes. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;
/** A function that has timed out and does not react for this long (ms) hangs, and is terminated. */
const HUNG_MS = 2000;
/** What runs when the stack begins to stop has this long, ms: less than a request that waits keeps for its answer. */
const HURRIED_MS = 3_000;
/** Background work of a function gets this long (ms) when the stack stops. */
const DRAIN_MS = 10_000;

/** The function threw, ended, or gave an answer that Lambda refuses. */
export class FunctionFailed extends Error {
  override readonly name = "FunctionFailed";
}

/** The function did not answer in time. The function may still be running. */
export class FunctionTimedOut extends Error {
  override readonly name = "FunctionTimedOut";
}

/** One Lambda function. */
export interface LocalFunction {
  /** The function's answer to an event, as JSON carries it. @throws FunctionFailed, FunctionTimedOut */
  invoke(event: object, timeoutMs: number): Promise<unknown>;
  /** Leaves what runs 3 s: a request that waits for something to happen answers at once. What is invoked later has no more, either. */
  hurry(): void;
  /** Waits for the function's background work, for at most 10 s, and ends the function. */
  close(): Promise<void>;
}

/** The context that Lambda passes beside the event, as far as functions use it. */
interface LocalContext {
  readonly awsRequestId: string;
  readonly functionName: string;
  readonly functionVersion: "$LATEST";
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  callbackWaitsForEmptyEventLoop: boolean;
  getRemainingTimeInMillis(): number;
}

/** The context of one invocation that must end at what `until` gives (ms since 1970), which may come nearer. */
export function contextOf(functionName: string, awsRequestId: string, until: () => number): LocalContext {
  return {
    awsRequestId,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${functionName}`,
    memoryLimitInMB: "512",
    logGroupName: `/local/${functionName}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, until() - Date.now()),
  };
}

/** When invocations must end. State: since when they are hurried. */
export class Ends {
  #hurriedAt = Infinity;

  hurry(): void {
    this.#hurriedAt = Math.min(this.#hurriedAt, Date.now());
  }

  /** Of one that begins now, and must end at `until` (ms since 1970) at the latest. */
  of(until: number): () => number {
    const begun = Date.now();
    return () => Math.min(until, Math.max(this.#hurriedAt, begun) + HURRIED_MS);
  }
}

/** A handler as a function's bundle exports it. */
export type Handler = (event: unknown, context: LocalContext) => Promise<unknown>;

/** A function that runs in this process, with this process' environment: for tests that pass their own handlers. */
export function inProcess(name: string, handler: Handler): LocalFunction {
  const ends = new Ends();
  return {
    hurry: () => ends.hurry(),
    async invoke(event, timeoutMs) {
      const context = contextOf(name, randomUUID(), ends.of(Date.now() + timeoutMs));
      const copy: unknown = JSON.parse(JSON.stringify(event));
      const work = handler(copy, context).then(
        (result) => parsed(JSON.stringify(result)),
        (error: unknown) => {
          throw new FunctionFailed(`${name}: ${String(error)}`, { cause: error });
        },
      );
      return timed(name, work, timeoutMs);
    },
    close: () => Promise.resolve(),
  };
}

interface WorkerFunctionOptions {
  readonly name: string;
  /** The bundle, exporting `handler`. */
  readonly file: string;
  /** The whole environment of the function: nothing of this process' environment is added. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * A function in its own thread, with its own environment and module instances, like a Lambda function: one that hangs or ends
 * affects no other. Invocations run side by side in the one instance. A function that ended is started at its next invocation.
 */
export class WorkerFunction implements LocalFunction {
  readonly #options: WorkerFunctionOptions;
  readonly #waiting = new Map<string, Waiting>();
  #worker: Worker | undefined;
  #ready: Promise<void> = Promise.resolve();

  constructor(options: WorkerFunctionOptions) {
    this.#options = options;
  }

  /** Loads the bundle. @throws Error when it cannot be loaded */
  start(): Promise<void> {
    if (this.#worker) return this.#ready;
    const { name, file, environment, log } = this.#options;
    const worker = new Worker(new URL("./function-worker.ts", import.meta.url), {
      name,
      env: { ...environment },
      workerData: { name, file },
      execArgv: [],
    });
    this.#worker = worker;
    this.#ready = new Promise((resolve, reject) => {
      worker.on("message", (message: FromWorker) => {
        if (message.kind === "ready") resolve();
        else if (message.kind !== "alive") this.#finish(message);
      });
      worker.on("error", (error: unknown) => {
        log(`${name} ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        reject(error instanceof Error ? error : new Error(String(error)));
      });
      worker.on("exit", (code) => {
        if (this.#worker === worker) this.#worker = undefined;
        const ended = new FunctionFailed(`${name} ended with code ${code}`);
        reject(ended);
        for (const waiting of this.#waiting.values()) waiting.reject(ended);
        this.#waiting.clear();
      });
    });
    // Each invocation gets the rejection; without an invocation under way the rejection must not be unhandled.
    this.#ready.catch(() => undefined);
    return this.#ready;
  }

  async invoke(event: object, timeoutMs: number): Promise<unknown> {
    const { name } = this.#options;
    try {
      await this.start();
    } catch (error) {
      throw new FunctionFailed(`${name} did not start`, { cause: error });
    }
    const worker = this.#worker;
    if (!worker) throw new FunctionFailed(`${name} has ended`);
    const id = randomUUID();
    const work = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    post(worker, { kind: "invoke", id, event: JSON.stringify(event), until: Date.now() + timeoutMs });
    try {
      return await timed(name, work, timeoutMs);
    } catch (error) {
      if (error instanceof FunctionTimedOut) this.#endIfHung(worker);
      throw error;
    } finally {
      this.#waiting.delete(id);
    }
  }

  hurry(): void {
    if (this.#worker) post(this.#worker, { kind: "hurry" });
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    await this.#ready.catch(() => undefined);
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    post(worker, { kind: "stop" });
    const cut = setTimeout(() => void worker.terminate(), DRAIN_MS);
    if (this.#worker) await exited;
    clearTimeout(cut);
  }

  #finish(message: Extract<FromWorker, { readonly id: string }>): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === "failed") {
      waiting.reject(new FunctionFailed(`${this.#options.name}: ${message.error}`));
      return;
    }
    try {
      waiting.resolve(parsed(message.result));
    } catch (error) {
      waiting.reject(error as Error);
    }
  }

  #endIfHung(worker: Worker): void {
    const timer = setTimeout(() => {
      this.#options.log(`${this.#options.name} hangs; it is ended, and started again when it is needed`);
      void worker.terminate();
    }, HUNG_MS);
    const alive = (message: FromWorker): void => {
      if (message.kind !== "alive") return;
      clearTimeout(timer);
      worker.off("message", alive);
    };
    worker.on("message", alive);
    worker.once("exit", () => clearTimeout(timer));
    post(worker, { kind: "alive?" });
  }
}

const post = (worker: Worker, message: ToWorker): void => worker.postMessage(message);

function parsed(result: string | undefined): unknown {
  if (result === undefined) return null;
  if (Buffer.byteLength(result) > MAX_PAYLOAD_BYTES) throw new FunctionFailed("the answer is larger than 6 MB");
  return JSON.parse(result);
}

async function timed<T>(name: string, work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new FunctionTimedOut(`${name} did not answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // A failure after the time-out has no caller any more.
    work.catch(() => undefined);
  }
}
