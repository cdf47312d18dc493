/** Streams whose hooks a `stop` verdict pauses: resumed in order once what stopped them is settled. */
import type { Clock, Deadline } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import type { HookRuns } from "./hook-runs.ts";
import type { FailedEvent } from "./failed-event-item.ts";
import type { FailedEventStore } from "./failed-event-store.ts";
import type { WakeUps } from "../stream/wake-ups.ts";
import { resumeHooksLater } from "../stream/stream-changes.ts";
import type { StreamStore } from "../stream/stream-store.ts";

/** Waiting events run under one look at the stream. */
const PAGE = 25;

/** Runs the events that waited behind a `stop`, in order, once it is settled. */
export class PausedHooks {
  readonly #streams: StreamStore;
  readonly #failedEvents: FailedEventStore;
  readonly #hooks: HookRuns;
  readonly #wakeUps: WakeUps;
  readonly #clock: Clock;
  readonly #reserveMs: number;

  constructor(deps: {
    streams: StreamStore;
    failedEvents: FailedEventStore;
    hooks: HookRuns;
    wakeUps: WakeUps;
    clock: Clock;
    reserveMs: number;
  }) {
    this.#streams = deps.streams;
    this.#failedEvents = deps.failedEvents;
    this.#hooks = deps.hooks;
    this.#wakeUps = deps.wakeUps;
    this.#clock = deps.clock;
    this.#reserveMs = deps.reserveMs;
  }

  /**
   * Runs the waiting events in order, then opens the stream's hooks again. Another `stop` keeps it closed. What is left when
   * time runs out stays due.
   *
   * @returns the head as it is then
   */
  async resume(head: Head, deadline: Deadline): Promise<Head> {
    const acquired = await this.#streams.acquireLease(head.key, { leaseMs: deadline.remaining(), evenReplacing: true });
    if (!acquired.won) return acquired.head ?? head;
    let outcome: Outcome = "more";
    while (outcome === "more" && deadline.remaining() > this.#reserveMs) {
      // Another one may have stopped the stream too, or does so just now.
      if (await this.#failedEvents.isStopped(head)) {
        outcome = "stopped";
        break;
      }
      const { events } = await this.#failedEvents.page(head.actorId, {
        peerId: head.peerId,
        subscriptionId: head.subscriptionId,
        limit: PAGE,
        status: "waiting",
      });
      outcome = events.length === 0 ? "open" : await this.#runAll(events, deadline);
    }
    const settled = outcome === "open" || outcome === "stopped";
    const { activeAt, lastSeq } = acquired.head;
    // Under the lease callbacks may have been buffered: `advance` keeps the due time true to them.
    const after = await this.#streams.advance(acquired.head, {
      to: lastSeq,
      keepLease: false,
      fields: {
        activeAt,
        ...(outcome === "open" && { hooksPaused: false }),
        ...(settled && { hooksResuming: false }),
      },
    });
    if (after === undefined) return acquired.head;
    return settled ? after : await this.#later(after, outcome === "busy");
  }

  /** Runs a page of waiting events, as far as time allows. */
  async #runAll(events: readonly FailedEvent[], deadline: Deadline): Promise<Outcome> {
    for (const each of events) {
      if (deadline.remaining() <= this.#reserveMs) return "more";
      if (this.#hooks.exhausted(each)) {
        if (each.busyUntil > this.#clock.now()) return "busy";
        await this.#hooks.giveUp(each);
        continue;
      }
      const became = await this.#hooks.again(each);
      if (became === "stopped" || became === "busy") return became;
    }
    return "more";
  }

  /** The rest is due at once, or when an attempt that is under way, or was cut off, has had its time. */
  async #later(head: Head, busy: boolean): Promise<Head> {
    const dueAt = this.#clock.now() + (busy ? this.#hooks.longestMs : 0);
    const waiting = await this.#streams.amend(head.key, resumeHooksLater(dueAt));
    if (waiting !== undefined) await this.#wakeUps.schedule(waiting);
    return waiting ?? head;
  }
}

/** What running the waiting events came to: none are left; one stopped the stream again; one cannot be begun now; go on. */
type Outcome = "open" | "stopped" | "busy" | "more";
