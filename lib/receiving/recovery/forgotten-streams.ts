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
import type { Recovered } from "./recovery.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { idsOf } from "../stream/event-applier.ts";

/** The longest pause before the second question, ms. */
const SOON_MS = 60_000;
/** How often the publisher of a lost subscription is asked, ms. */
const LOST_MS = 3_600_000;

/** Follows what a publisher says of a subscription that it does not have. */
export class ForgottenStreams {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /** A poll was answered 404, perhaps with a `Retry-After`. The lease is given back. */
  async unknown(
    head: Head,
    { retryAfter }: { readonly retryAfter?: string },
    deadline: Deadline,
  ): Promise<Extract<Recovered, { is: "unknown" | "moved" }>> {
    const { clock, settings, forgotten } = this.#deps;
    const now = clock.now();
    const { reconcileMs } = settings;
    const soon = reconcileMs === 0 ? SOON_MS : Math.min(SOON_MS, reconcileMs);
    const problem = head.problem ?? { code: "unknown_to_publisher", since: now };
    const rest = restUntil(retryAfter, now);
    if (now < problem.since + soon) return await this.#askLater(head, problem, problem.since + soon, rest);
    const done = await forgotten.again(head, deadline);
    switch (done.is) {
      case "moved":
        return done;
      case "later":
        return await this.#askLater(head, problem, now + soon, restUntil(done.failure?.retryAfter, now) ?? rest);
      case "lost":
        return await this.#askLater(head, { ...problem, code: "lost" }, now + LOST_MS, rest);
    }
  }

  /** A poll was answered 410: it ends as by the peer's own word. */
  async ended(head: Head): Promise<Extract<Recovered, { is: "closed" }>> {
    this.#deps.log.info("the publisher has ended a subscription", idsOf(head));
    await this.#deps.forgotten.ended(head);
    return { is: "closed" };
  }

  async #askLater(
    head: Head,
    problem: StreamProblem,
    next: number,
    rest: number | undefined,
  ): Promise<Extract<Recovered, { is: "unknown" }>> {
    const { streams, wakeUps, log } = this.#deps;
    const dueAt = Math.max(next, rest ?? 0);
    await streams.release(head, { fields: compact({ problem, dueAt, pausedUntil: rest }), request: "catch_up" });
    await wakeUps.schedule({ key: head.key, dueAt });
    log.warn("the publisher does not know a subscription", { ...idsOf(head), problem: problem.code });
    return { is: "unknown", head: { ...head, problem, dueAt } };
  }
}

/** Until when the publisher asked for rest, ms since 1970; undefined when it did not ask. */
function restUntil(retryAfter: string | undefined, now: number): number | undefined {
  const pause = retryAfter === undefined ? undefined : requestedPause({ reason: "", retryAfter }, now);
  return pause === undefined ? undefined : now + pause;
}
