/**
 * Lone deliveries, which need no lease. When a commit is alone, its events are sent to a listener at once, and one write
 * notes that afterwards. Before that write, nothing in the listener's head shows the delivery, so other deliveries wait for
 * as long as it can take.
 */
import { eventsOf } from "../domain/events/record-events.ts";
import { recordOf } from "../domain/events/position.ts";
import { selects } from "../domain/events/selection.ts";
import type { RecordCache } from "../change-log/record-cache.ts";
import type { ListenerHead } from "./listener-head.ts";
import type { OpenListener } from "./listener-way.ts";

/** A lone delivery begins at most this long after its record, ms. */
export const LONE_BEGINS_MS = 2_000;
/** A lone delivery is noted at most this long after its record, ms: it waits a second for the answer. */
const LONE_MS = 5_000;

/**
 * A commit is alone only this long after the commit before, ms (see `aloneOf` in lib/publishing/delivery/lone-delivery.ts).
 */
const LONE_AFTER_MS = 5_000;

/** True for a listener without earlier events to send and without failures. */
export function mayBeAlone({ dueAt }: ListenerHead, { lanes }: OpenListener<unknown>): boolean {
  if (dueAt !== undefined) return false;
  return lanes.every(({ state: { entries, health, redrive, stopped } }) => {
    return entries.length === 0 && health.failures === 0 && redrive === undefined && stopped === undefined;
  });
}

/**
 * Until when a lone delivery to the listener may run, ms since 1970; undefined: none can. Reads the records after the
 * listener's position up to `upTo` into the cache, from which its session reads them next.
 */
export async function loneUntil(
  { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<unknown> },
  { cache, upTo, now }: { readonly cache: RecordCache; readonly upTo: number; readonly now: number },
): Promise<number | undefined> {
  if (!mayBeAlone(head, open) || (head.slowUntil ?? 0) > now) return undefined;
  const after = Math.min(...open.lanes.map(({ state }) => recordOf(state.floor.after)));
  if (upTo <= after) return undefined;
  let until: number | undefined;
  let before: number | undefined;
  // One record more, because a commit is alone only some time after the one before.
  for await (const { number, record } of cache.stream(Math.max(0, after - 1), upTo)) {
    const at = Date.parse(record.at);
    const isSoon = before !== undefined && at - before < LONE_AFTER_MS;
    before = at;
    const end = at + LONE_MS;
    if (number <= after || isSoon || end <= now) continue;
    const events = eventsOf(record);
    const isSelected = open.lanes.some(({ state }) => {
      const selection = state.selections.at(-1)?.selection;
      return selection !== undefined && events.some((event) => selects(selection, event));
    });
    if (isSelected) until = end;
  }
  return until;
}
