/** Finds the first record of an actor's log after a point in time. */
import type { ChangeLog, LogHead } from "../change-log/change-log.ts";
import { readTime } from "../change-log/record-time.ts";

/**
 * The number of the first record that is later than `after` (ms since 1970) and can be read; when there is none, the number
 * after the newest. Searches backwards from the newest record in steps that double, then by halves. One query for each
 * step.
 */
export async function firstRecordAfter(
  changeLog: Pick<ChangeLog, "stream">,
  {
    actorId,
    head: { newest, deletedUpTo },
    after,
  }: { readonly actorId: string; readonly head: Pick<LogHead, "newest" | "deletedUpTo">; readonly after: number },
): Promise<number> {
  const isLater = async (number: number): Promise<boolean> => {
    for await (const { record } of changeLog.stream(actorId, number - 1, number)) return readTime(record.at) > after;
    // The record has expired.
    return false;
  };
  let later = newest + 1;
  let earlier = newest;
  for (let step = 1; earlier > deletedUpTo && (await isLater(earlier)); step *= 2) {
    later = earlier;
    earlier = Math.max(deletedUpTo, earlier - step);
  }
  while (later - earlier > 1) {
    const middle = Math.floor((earlier + later) / 2);
    if (await isLater(middle)) later = middle;
    else earlier = middle;
  }
  return later;
}
