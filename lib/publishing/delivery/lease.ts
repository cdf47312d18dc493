import type { Clock, Ids } from "../../system/ports.ts";
import type { Lease } from "../subscribers/inbound-head.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";

/** Longer than a holder may take, ms. */
const MARGIN_MS = 2_000;

/** A lease for a holder with this much time: it outlives the time that the holder may still work. */
export function leaseFor(
  { ids, clock, incarnation }: { readonly ids: Ids; readonly clock: Clock; readonly incarnation: string },
  time: DeliveryBudget,
): Lease {
  return { token: ids.id(), until: clock.now() + time.remaining() + MARGIN_MS, incarnation };
}
