/**
 * Deliveries without a lease. A commit that is alone is given to a listener at once, and one write notes it afterwards. Until
 * that write stands, nothing in the listener's head says that the delivery is under way, so others wait for as long as it may be.
 */
import { eventsOf } from "../domain/events/record-events.ts";
import { parsePosition } from "../domain/events/position.ts";
import { selects } from "../domain/events/selection.ts";
import type { RecordCache } from "../change-log/record-cache.ts";
import type { ListenerHead } from "./listener-head.ts";
import type { OpenListener } from "./listener-way.ts";

/** Such a delivery begins within this, ms, of its record. */
export const LONE_BEGINS_MS = 2_000;
/** It is noted within this, ms, of its record: it waits a second for the answer. */
const LONE_MS = 5_000;

/** No commit is alone sooner after another than this, ms (see `aloneOf` of lib/publishing/delivery/lone-delivery.ts). */
const LONE_AFTER_MS = 5_000;

/** True for a listener to which nothing is left to do of earlier events. */
export function mayBeAlone({ dueAt }: ListenerHead, { lanes }: OpenListener<unknown>): boolean {
  if (dueAt !== undefined) return false;
  return lanes.every(({ state: { entries, health, redrive, stopped } }) => {
    return entries.length === 0 && health.failures === 0 && redrive === undefined && stopped === undefined;
  });
}

/**
 * Until when a delivery without a lease may be under way to the listener, ms since 1970; undefined: none is. Reads the log
 * from where the listener stands to `upTo`, as its session does next.
 */
export async function loneUntil(
  { head, open }: { readonly head: ListenerHead; readonly open: OpenListener<unknown> },
  { cache, upTo, now }: { readonly cache: RecordCache; readonly upTo: number; readonly now: number },
): Promise<number | undefined> {
  if (!mayBeAlone(head, open) || (head.slowUntil ?? 0) > now) return undefined;
  const after = Math.min(...open.lanes.map(({ state }) => parsePosition(state.floor.after)?.record ?? 0));
  if (upTo <= after) return undefined;
  let until: number | undefined;
  let before: number | undefined;
  // With the one before: a commit is alone only some time after it.
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
