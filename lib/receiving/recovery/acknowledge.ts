import type { Publisher } from "../../peers/publisher.ts";
import type { Clock } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { pauseReadsUntil } from "../stream/stream-changes.ts";
import type { StreamStore } from "../stream/stream-store.ts";

/** Says to the publisher up to which number all is applied; where it asks for rest, nothing reads it before. */
export async function acknowledge(
  { streams, clock }: { readonly streams: StreamStore; readonly clock: Clock },
  publisher: Publisher,
  { key, subscriptionId }: Head,
  sequence: number,
): Promise<void> {
  const failure = await publisher.acknowledge(subscriptionId, sequence);
  const pause = requestedPause(failure, clock.now());
  if (pause !== undefined) await streams.amend(key, pauseReadsUntil(clock.now() + pause));
}
