/** A worker's part of a commit with many subscribers: the heads of one bucket. */
import { sliceKey, type Slice } from "../../dynamodb/keys/publishing.ts";
import type { Clock, Deadline } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import { isUntried } from "./change-log-maintenance.ts";
import { DeliveryBudget } from "./delivery-budget.ts";
import type { FanOut } from "./fan-out.ts";

export interface SliceDeliveryDeps extends WakeUpDeps {
  readonly clock: Clock;
  readonly heads: Pick<InboundHeads, "inBucket">;
  readonly cursors: Pick<CursorStore, "preview">;
  readonly fanOut: Pick<FanOut, "deliver">;
}

/** Delivers a slice; see `deliverSlice`. */
export type DeliverSlice = (slice: Slice, deadline: Deadline) => Promise<void>;

/**
 * Delivers what was never tried of a bucket, up to the slice's record. May be called at any time, by any number of workers
 * at once: each head is delivered under its lease. What there is no time for is sent to the queue again. When a message is
 * lost, or this fails, the maintenance of the log delivers the rest, because the log stays due.
 */
export async function deliverSlice(deps: SliceDeliveryDeps, slice: Slice, deadline: Deadline): Promise<void> {
  const { heads, cursors, fanOut, clock } = deps;
  const { actorId, bucket, upTo } = slice;
  const stored = await heads.inBucket(actorId, bucket);
  const untried = (await cursors.preview(stored, upTo)).filter(isUntried);
  if (untried.length === 0) return;
  const buckets: number[] = [];
  buckets[bucket] = stored.length;
  const time = DeliveryBudget.ofWorker(deadline);
  const end = await fanOut.deliver(actorId, untried, { newest: upTo, buckets, time });
  if (end === "late") await wakeUp(deps, sliceKey(slice), clock.now());
}
