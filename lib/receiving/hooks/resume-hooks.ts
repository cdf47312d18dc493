/** A `stop` verdict pauses the hooks of a stream. Once the event that stopped it is resolved, waiting events run in order. */
import type { Clock, Deadline } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import type { HookRuns } from "../../failed-events/hook-runs.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import { hookSource } from "../../dynamodb/keys/failed-events.ts";
import type { WakeStream } from "../stream/wake-stream.ts";
import { resumeHooksLater } from "../stream/stream-changes.ts";
import type { StreamStore } from "../stream/stream-store.ts";

/** Waiting events that are read at once. */
const PAGE = 25;

export interface ResumeDeps {
  readonly streams: StreamStore;
  readonly failedEvents: FailedEventStore;
  readonly hooks: HookRuns;
  readonly wake: WakeStream;
  readonly clock: Clock;
  /** With less time left than this no event is begun, ms. */
  readonly reserveMs: number;
}

/**
 * The result of running the waiting events: none is left; one stopped the stream again; one cannot begin now; some are
 * left.
 */
type Outcome = "open" | "stopped" | "busy" | "more";

/**
 * Runs the waiting events in order, then opens the stream's hooks again. They stay paused when another event stops the
 * stream. The stream is due again for what is left when time runs out.
 *
 * @returns the head afterwards
 */
export async function resumeHooks(deps: ResumeDeps, head: Head, deadline: Deadline): Promise<Head> {
  const { streams, reserveMs } = deps;
  const acquired = await streams.acquireLease(head.key, { leaseMs: deadline.remaining(), evenReplacing: true });
  if (!acquired.won) return acquired.head ?? head;
  let outcome: Outcome = "more";
  while (outcome === "more" && deadline.remaining() > reserveMs) outcome = await runPage(deps, head, deadline);
  const ended = outcome === "open" || outcome === "stopped";
  const { activeAt, lastSeq } = acquired.head;
  // Callbacks may have been buffered under the lease: `advance` keeps the due time that they need.
  const after = await streams.advance(acquired.head, {
    to: lastSeq,
    keepLease: false,
    fields: { activeAt, ...(outcome === "open" && { hooksPaused: false }), ...(ended && { hooksResuming: false }) },
  });
  if (after === undefined) return acquired.head;
  return ended ? after : await resumeLater(deps, after, outcome === "busy");
}

/** Runs the first of the waiting events, as far as time allows. */
async function runPage(
  deps: ResumeDeps,
  { actorId, peerId, subscriptionId }: Head,
  deadline: Deadline,
): Promise<Outcome> {
  const { failedEvents, hooks, clock, reserveMs } = deps;
  // Several events may have stopped the stream, one of them just now.
  const source = hookSource({ peerId, subscriptionId });
  if (await failedEvents.isStopped(actorId, source)) return "stopped";
  const query = { source, limit: PAGE, status: "waiting" } as const;
  const { events } = await failedEvents.page(actorId, query);
  if (events.length === 0) return "open";
  for (const event of events) {
    if (deadline.remaining() <= reserveMs) return "more";
    if (hooks.exhausted(event)) {
      if (event.busyUntil > clock.now()) return "busy";
      await hooks.giveUp(event);
      continue;
    }
    const result = await hooks.retry(event);
    if (result === "stopped" || result === "busy") return result;
  }
  return "more";
}

/** Makes the stream due: at once, or when an attempt that is under way, or was cut off, has had its time. */
async function resumeLater({ streams, hooks, wake, clock }: ResumeDeps, head: Head, busy: boolean): Promise<Head> {
  const dueAt = clock.now() + (busy ? hooks.longestMs : 0);
  const waiting = await streams.amend(head.key, resumeHooksLater(dueAt));
  if (waiting !== undefined) await wake(waiting);
  return waiting ?? head;
}
