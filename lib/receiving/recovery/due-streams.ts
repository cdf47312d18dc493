/** What a stream whose time has come needs: to be drained, recovered, reconciled, its hooks resumed, or purged. */
import { leaseIsLive } from "../../dynamodb/lease.ts";
import type { Key } from "../../dynamodb/table.ts";
import { gapOverdue } from "../../domain/log/sequencing.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import { contradictionDue, mayReread } from "../stream/contradiction.ts";
import { sequencingStateOf } from "../stream/head.ts";
import type { Head } from "../stream/head.ts";
import type { Recovery } from "./recovery.ts";
import type { RecoverySettings } from "./recovery-settings.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Sequencer } from "../stream/sequencer.ts";
import type { Prepared, StreamEvent } from "../stream/stream-event.ts";
import type { WakeUps } from "../stream/wake-ups.ts";
import { putOff, restUntil, waitForLease } from "../stream/stream-changes.ts";
import type { StreamChange } from "../stream/stream-changes.ts";
import { nextReconciliation } from "../stream/stream-lives.ts";
import type { StreamStore } from "../stream/stream-store.ts";

export interface DueStreamsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly streams: StreamStore;
  readonly wakeUps: WakeUps;
  readonly recovery: Recovery;
  /** Runs the events that waited behind a stop, with `resumeHooks`. */
  readonly resumeHooks: (head: Head, deadline: Deadline) => Promise<Head>;
  readonly sequencer: (head: Head) => Sequencer<StreamEvent, Prepared | undefined>;
  readonly settings: RecoverySettings;
  /** Ends what is left of an ended subscription: deletes its data again, then its head. */
  readonly purgeEnded: (head: Head) => Promise<void>;
}

/** Does for a stream whose time has come what it needs then. */
export class DueStreams {
  readonly #deps: DueStreamsDeps;

  constructor(deps: DueStreamsDeps) {
    this.#deps = deps;
  }

  /**
   * Does what is due on one stream. Safe to call at any time and any number of times; what is not due yet stays.
   *
   * @returns since when its gap stands (ms since 1970), if it has one
   */
  async runDue(key: Key, deadline: Deadline): Promise<number | undefined> {
    const { clock, streams, settings } = this.#deps;
    let head = await streams.read(key);
    if (head === undefined) return undefined;
    const now = clock.now();
    // Whoever put it off has sent a message for the later time, where it matters.
    if (head.dueAt !== undefined && head.dueAt > now) return head.gapSince;
    if (!head.live) {
      await this.#deps.purgeEnded(head);
      return undefined;
    }
    if (leaseIsLive(head.lease, now, settings.incarnation)) {
      await this.#amend(head, waitForLease(head));
      return head.gapSince;
    }
    if (head.hooksResuming) {
      head = await this.#deps.resumeHooks(head, deadline);
      if (head.hooksResuming || !head.live) return head.gapSince;
    }
    const { gapSince } = head;
    if (head.buffered.has(head.lastSeq + 1) && !head.replacing) {
      head = await this.#deps.sequencer(head).drained(head, deadline);
    }
    await this.#catchUp(head, deadline);
    return gapSince;
  }

  async #catchUp(head: Head, deadline: Deadline): Promise<void> {
    const { clock, settings, log } = this.#deps;
    const now = clock.now();
    const gap = head.buffered.size > 0 && gapOverdue(sequencingStateOf(head, now, settings.incarnation), now, settings);
    const rereads = mayReread(head, now);
    if (!gap && !rereads && !head.replacing && head.recoveryRequested === undefined) {
      if (head.buffered.size > 0) return;
      if (head.contradicted) {
        await this.#amend(head, putOff(head, contradictionDue(head, now)));
        return;
      }
      const idle = settings.reconcileMs > 0 && head.activeAt + settings.reconcileMs <= now;
      if (!idle) {
        if (head.dueAt === undefined) return;
        const reconcileAt = nextReconciliation(head.activeAt, settings.reconcileMs);
        await this.#deps.streams.amend(head.key, restUntil(head, reconcileAt));
        return;
      }
    }
    if ((head.pausedUntil ?? 0) > now) {
      await this.#amend(head, putOff(head, head.pausedUntil ?? now));
      return;
    }
    const recovered = await this.#deps.recovery.run(head.key, { kind: head.recoveryRequested ?? "catch_up" }, deadline);
    log.info("recovery", { ...idsOf(head), result: recovered.is, gap });
  }

  /** Puts off what is due, with a message for the later time. */
  async #amend(head: Head, change: StreamChange): Promise<void> {
    const waiting = await this.#deps.streams.amend(head.key, change);
    if (waiting !== undefined) await this.#deps.wakeUps.schedule(waiting);
  }
}
