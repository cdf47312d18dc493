import { NotSupported, type BusSubscription, type EventBus, type Publication } from "../system/ports.ts";
import { ClosableBus } from "./closable-bus.ts";

const NO_BUS = "This deployment has no event bus (BUS is none).";

/** No bus: nothing that is published goes anywhere. That is the operator's choice, so it is not logged. */
export class NoBus extends ClosableBus implements EventBus {
  readonly inlineMaxBytes = Infinity;

  async publish(): Promise<Publication> {
    await this.connect();
    return { outcome: "unavailable", error: NO_BUS };
  }

  subscribe(): BusSubscription {
    this.checkOpen();
    throw new NotSupported(NO_BUS);
  }

  protected end(): void {
    // Nothing is open.
  }
}
