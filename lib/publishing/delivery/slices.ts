/** A commit with many subscribers is handed to workers side by side, a bucket of heads to each. */
import { bucketOf } from "../../domain/log/buckets.ts";
import { sliceKey, type Slice } from "../../dynamodb/keys/publishing.ts";
import { wakeUpAll, type WakeUpDeps } from "../../system/wake-up.ts";

/** The most subscribers in the scope of a commit that its request delivers itself. */
export const MOST_OF_A_REQUEST = 200;

/** Hands the buckets of these subscriptions to workers. Never rejects: the sweep finds the log half a minute later. */
export async function handOverSlices(
  deps: WakeUpDeps,
  of: Pick<Slice, "actorId" | "upTo">,
  names: readonly { readonly id: string }[],
): Promise<void> {
  const buckets = new Set(names.map(({ id }) => bucketOf(id)));
  await wakeUpAll(
    deps,
    [...buckets].map((bucket) => sliceKey({ ...of, bucket })),
  );
}
