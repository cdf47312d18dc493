/** The named subscriptions of one process. */

/** What can be registered: a worker of a group, or anything else that ends and can be stopped. */
export interface Subscription {
  /** Resolves when it has ended; rejects with the error that ended it. */
  readonly finished: Promise<void>;
  /** Begins nothing more, and waits for what is begun; false when that takes longer. */
  stop(timeoutMs?: number): Promise<boolean>;
}

/** A name is in use. */
export class AlreadyRegistered extends Error {
  override readonly name = "AlreadyRegistered";
  readonly code = "already_registered";
}

/** Invariant: a name stands for one subscription, from `register` until that has ended. */
export class Registry {
  readonly #subscriptions = new Map<string, Subscription>();

  /**
   * Starts a subscription under a name.
   *
   * @throws AlreadyRegistered, and then nothing is started
   */
  register<S extends Subscription>(name: string, start: () => S): S {
    if (this.#subscriptions.has(name)) throw new AlreadyRegistered(`There is a subscription ${name} already.`);
    const subscription = start();
    this.#subscriptions.set(name, subscription);
    const forget = (): void => {
      this.#subscriptions.delete(name);
    };
    subscription.finished.then(forget, forget);
    return subscription;
  }

  /** The names in use, in the order in which they were registered. */
  get subscriptionIds(): readonly string[] {
    return [...this.#subscriptions.keys()];
  }

  /**
   * Drains the subscription of this name: what is in work is finished, what is not begun is returned. True when that is so
   * within the time, or when there is none of this name.
   *
   * @param timeoutMs [25000]
   * @throws the error that ended it
   */
  async unsubscribe(name: string, timeoutMs = 25_000): Promise<boolean> {
    return (await this.#subscriptions.get(name)?.stop(timeoutMs)) ?? true;
  }

  /** Drains all of them at the same time. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ends = await Promise.allSettled(this.subscriptionIds.map((name) => this.unsubscribe(name)));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}
