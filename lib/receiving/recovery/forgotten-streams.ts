/**
 * Streams whose publisher does not know them (404), or has ended them (410).
 *
 *   first 404    the head shows `unknown_to_publisher`, and the publisher is asked again soon: it may only have restarted
 *   second 404   where the trust still stands there, the subscription is made again; else, and where that may not be, the
 *                head shows `lost` and the publisher is asked hourly
 *   410          it ends here too
 *
 * An answer to a poll, whatever it says of the backlog, takes the problem away.
 */
import { compact } from "../../system/compact.ts";
import type { Deadline } from "../../system/ports.ts";
import type { Head, StreamProblem } from "../stream/head.ts";
import type { Recovered } from "./recover-stream.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { idsOf } from "../stream/event-applier.ts";

/** The longest pause before the second question, ms. */
const SOON_MS = 60_000;
/** How often the publisher of a lost subscription is asked, ms. */
const LOST_MS = 3_600_000;

/** A poll was answered 404, perhaps with a `Retry-After`. Gives the lease back. */
export async function followUnknown(
  deps: RecoveryDeps,
  head: Head,
  { retryAfter }: { readonly retryAfter?: string },
  deadline: Deadline,
): Promise<Extract<Recovered, { is: "unknown" | "moved" }>> {
  const { reconcileMs } = deps.settings;
  const now = deps.clock.now();
  const soon = reconcileMs === 0 ? SOON_MS : Math.min(SOON_MS, reconcileMs);
  const problem = head.problem ?? { code: "unknown_to_publisher", since: now };
  const rest = restUntil(retryAfter, now);
  if (now < problem.since + soon) return await askLater(deps, head, problem, problem.since + soon, rest);
  const done = await deps.forgotten.again(head, deadline);
  switch (done.is) {
    case "moved":
      return done;
    case "later":
      return await askLater(deps, head, problem, now + soon, restUntil(done.failure?.retryAfter, now) ?? rest);
    case "lost":
      return await askLater(deps, head, { ...problem, code: "lost" }, now + LOST_MS, rest);
  }
}

/** A poll was answered 410: the subscription ends as when the peer says so by a request. */
export async function followEnded(
  { log, forgotten }: RecoveryDeps,
  head: Head,
): Promise<Extract<Recovered, { is: "closed" }>> {
  log.info("the publisher has ended a subscription", idsOf(head));
  await forgotten.ended(head);
  return { is: "closed" };
}

async function askLater(
  { streams, wake, log }: RecoveryDeps,
  head: Head,
  problem: StreamProblem,
  next: number,
  rest: number | undefined,
): Promise<Extract<Recovered, { is: "unknown" }>> {
  const dueAt = Math.max(next, rest ?? 0);
  const fields = compact({ problem, dueAt, pausedUntil: rest });
  const released = await streams.release(head, { fields, request: "catch_up" });
  await wake({ key: head.key, dueAt });
  log.warn("the publisher does not know a subscription", { ...idsOf(head), problem: problem.code });
  return { is: "unknown", head: released ?? { ...head, problem, dueAt } };
}

/** Until when the publisher asked for rest, ms since 1970; undefined when it did not ask. */
function restUntil(retryAfter: string | undefined, now: number): number | undefined {
  const pause = retryAfter === undefined ? undefined : requestedPause({ reason: "", retryAfter }, now);
  return pause === undefined ? undefined : now + pause;
}
