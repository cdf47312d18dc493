/**
 * The life of an event bus, the same for all transports.
 *
 *   open      from the constructor on; a transport opens connections at its first publication
 *   closed    from `close` on, for ever
 */
export abstract class ClosableBus {
  #closed = false;

  async connect(): Promise<void> {
    await Promise.resolve();
    this.checkOpen();
  }

  async close(): Promise<void> {
    await Promise.resolve();
    if (this.#closed) return;
    this.#closed = true;
    this.end();
  }

  /** @throws TypeError after `close` */
  protected checkOpen(): void {
    if (this.#closed) throw new TypeError("The event bus is closed.");
  }

  /** Closes the transport's connections and subscriptions. Called once. */
  protected abstract end(): void;
}
