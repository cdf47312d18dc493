import type { Clock, Ids } from "../../system/ports.ts";
import type { Lease } from "../subscribers/inbound-head.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";

/** Longer than a holder may take, ms. */
const MARGIN_MS = 2_000;

/** A lease for someone who has so much time: nobody else takes it while its holder may still be at work. */
export function leaseFor(
  { ids, clock, incarnation }: { readonly ids: Ids; readonly clock: Clock; readonly incarnation: string },
  time: DeliveryBudget,
): Lease {
  return { token: ids.id(), until: clock.now() + time.remaining() + MARGIN_MS, incarnation };
}
