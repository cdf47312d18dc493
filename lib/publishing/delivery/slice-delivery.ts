/** A worker's part of a commit with many subscribers: the heads of one bucket. */
import { sliceKey, type Slice } from "../../dynamodb/keys/publishing.ts";
import type { Clock, Deadline } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { advanceAll } from "../subscribers/advance-all.ts";
import { headKey } from "../subscribers/inbound-head.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import { isUntried } from "./change-log-maintenance.ts";
import { DeliveryBudget } from "../../engine/delivery-budget.ts";
import type { FanOut } from "./fan-out.ts";

export interface SliceDeliveryDeps extends WakeUpDeps {
  readonly clock: Clock;
  readonly heads: Pick<InboundHeads, "inBucket">;
  readonly changeLog: Pick<ChangeLog, "stream">;
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
  const { heads, changeLog, fanOut, clock } = deps;
  const { actorId, bucket, upTo } = slice;
  const all = await heads.inBucket(actorId, bucket);
  const cache = new RecordCache(changeLog, actorId);
  const { advanced } = await advanceAll({ stream: (_, after, to) => cache.stream(after, to) }, all, upTo);
  // A head that does not stand there has lost records: its delivery sees to that.
  const untried = all.filter((head, index) => {
    const { state } = advanced[index] ?? head;
    return state.cursor < upTo || isUntried({ ...head, state });
  });
  if (untried.length === 0) return;
  const stored = new Map(untried.map((head) => [headKey(head).sk, head]));
  const time = DeliveryBudget.ofWorker(deadline);
  const end = await fanOut.deliver(actorId, untried, { newest: upTo, buckets: [], time, cache, stored });
  if (end === "late") await wakeUp(deps, sliceKey(slice), clock.now());
}
