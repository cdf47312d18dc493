/**
 * What the transports of the event bus share.
 *
 *   open      by the constructor: transports open what they need with the first publication
 *   closed    by `close`, for ever
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

  /** Ends what the transport has open; called once. */
  protected abstract end(): void;
}
