import { NotSupported, type BusSubscription, type EventBus, type BusAnswer } from "../system/ports.ts";
import { ClosableBus } from "./closable-bus.ts";

const NO_BUS = "This deployment has no event bus: BUS is none.";

/** Drops every event. The operator has chosen that with `BUS=none`, so it is not logged. */
export class NoBus extends ClosableBus implements EventBus {
  readonly inlineMaxBytes = Infinity;

  async publish(): Promise<BusAnswer> {
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
