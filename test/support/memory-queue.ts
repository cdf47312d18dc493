import { runFound } from "../../lib/scheduler/found-work.ts";
import { queueWorker } from "../../lib/scheduler/queue-worker.ts";
import type { Service } from "../../lib/compose/service.ts";
import type { Deadline, DelayedWork, FoundMessage, FoundWork, QueueDepth, WorkQueue } from "../../lib/system/ports.ts";

/** The delay queue in memory: keeps what is sent until the test takes it. */
export class MemoryQueue implements WorkQueue {
  readonly #now: () => number;
  /** Messages that bring work forward. */
  readonly messages: DelayedWork[] = [];
  /** Messages of the sweep, each with the time (ms) at which it can be received. */
  readonly found: { readonly work: FoundWork; readonly arrivesAt: number }[] = [];

  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  send(work: DelayedWork): Promise<void> {
    this.messages.push(work);
    return Promise.resolve();
  }

  sendFound(messages: readonly FoundMessage[]): Promise<readonly FoundMessage[]> {
    const now = this.#now();
    this.found.push(...messages.map(({ work, delaySeconds }) => ({ work, arrivesAt: now + delaySeconds * 1_000 })));
    return Promise.resolve([]);
  }

  depth(): Promise<QueueDepth> {
    return Promise.resolve({
      waiting: this.found.filter(({ arrivesAt }) => arrivesAt <= this.#now()).length,
      inFlight: 0,
    });
  }
}

/** The services that one sweep and the worker need, over a queue in memory. */
export type SweptServices = Pick<Service, "table" | "queue" | "clock" | "log" | "runDue"> & {
  readonly sweep: Pick<Service["sweep"], "run">;
};

/** One sweep, and then the worker's run for each message that it sent, whatever the delay. */
export async function sweepAndWork(services: SweptServices, deadline: Deadline): Promise<void> {
  const { queue } = services;
  if (!(queue instanceof MemoryQueue)) throw new TypeError("The queue is none in memory.");
  await services.sweep.run(deadline);
  for (let message = queue.found.shift(); message !== undefined; message = queue.found.shift()) {
    await work(services, message.work, deadline);
  }
}

/** The worker's run for one message. Found work runs without the handler around it, which would print metrics. */
export async function work(
  services: Omit<SweptServices, "sweep">,
  message: DelayedWork | FoundWork,
  deadline: Deadline,
): Promise<void> {
  if (message.kind === "found") {
    try {
      await runFound(services, message.items, deadline);
    } catch (error) {
      services.log.warn("a message of found work is lost", { error });
    }
    return;
  }
  const Records = [{ messageId: "m", body: JSON.stringify(message) }];
  await queueWorker(() => services)({ Records }, { getRemainingTimeInMillis: () => deadline.remaining() });
}
