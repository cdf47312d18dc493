/** Names the running subscriptions of one process. */

/** Something that runs and can be stopped, such as a worker of a group. */
export interface Subscription {
  /** Resolves when it has ended; rejects with the error that ended it. */
  readonly finished: Promise<void>;
  /** Starts nothing more, and waits for what runs. Resolves to false when that takes longer than `timeoutMs`. */
  stop(timeoutMs?: number): Promise<boolean>;
}

/** The name of a subscription is in use. */
export class AlreadyRegistered extends Error {
  override readonly name = "AlreadyRegistered";
  readonly code = "already_registered";
}

/** The subscriptions by name. Invariant: from `register` until its end, a subscription is the only one of its name. */
export class Registry {
  readonly #subscriptions = new Map<string, Subscription>();

  /**
   * Starts a subscription under a name.
   *
   * @throws AlreadyRegistered, and then nothing is started
   */
  register<S extends Subscription>(name: string, start: () => S): S {
    if (this.#subscriptions.has(name))
      throw new AlreadyRegistered(
        `The subscription ${name} is running already; unsubscribe it first, or use another name.`,
      );
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
   * Drains the subscription of this name: events in handlers are finished, the others are given back.
   * @returns false when that takes longer than `timeoutMs`; true also when there is no subscription of this name
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
