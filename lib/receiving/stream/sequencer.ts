/**
 * Sequencing of one stream: each number is applied once and in order, whatever arrives when and on how many instances.
 *
 *   in order       lease (lastSeq = n − 1, no live lease) → applier applies → advance (lastSeq = n, lease given back)
 *   out of order   buffer (body, then number); the answer says whether it has become next meanwhile, then it is drained
 *   drained        the lease's or the advance's answer names what is buffered; what follows is applied under one lease
 *
 * What a number means is the applier's business: a subscription's applier stores and runs hooks, a standalone stream's calls a handler.
 */
import { compact } from "../../system/compact.ts";
import { leaseIsLive } from "../../dynamodb/lease.ts";
import { isStandaloneStream, bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { Key } from "../../dynamodb/table.ts";
import { decide } from "../../domain/log/sequencing.ts";
import type { Deadline } from "../../system/ports.ts";
import { markContradicted } from "./contradiction.ts";
import { isNextBuffered, sequencingStateOf, type Head } from "./head.ts";
import { applyRun, copiesOf, giveBack, runAfterwards, withApplied, type SequencerDeps } from "./buffered-run.ts";
import { idsOf } from "./event-applier.ts";

/** What became of one number. */
export type Delivered =
  | { readonly is: "processed"; readonly head: Head }
  | { readonly is: "duplicate"; readonly head: Head }
  | { readonly is: "pending"; readonly head: Head; readonly first: boolean }
  | { readonly is: "resync_required"; readonly head: Head }
  | { readonly is: "full"; readonly head: Head; readonly overdue: boolean }
  /** No stream is open to these credentials. The head is that of a stream that is closed to them. */
  | { readonly is: "closed"; readonly head?: Head }
  /** Bounded retries failed, and nothing was recorded. */
  | { readonly is: "unsettled" };

/** More than any number of writers that race for one number can need; then the sender may try again. */
const MOST_ATTEMPTS = 12;

/** Decides what becomes of numbers as they arrive, and drains what was buffered. Keeps nothing between two calls. */
export class Sequencer<E extends { readonly sequence: number }, P> {
  readonly #deps: SequencerDeps<E, P>;

  constructor(deps: SequencerDeps<E, P>) {
    this.#deps = deps;
  }

  /**
   * Takes one numbered event in.
   *
   * @param auth digest of the sender's credentials, compared as a condition; undefined for a trusted caller
   * @throws ServiceError from the applier's `check`; whatever the applier or table threw, with the lease given back
   */
  async deliver(key: Key, event: E, auth: string | undefined, deadline: Deadline): Promise<Delivered> {
    const { applier, streams, wake } = this.#deps;
    const { sequence } = event;
    const preparing = applier.prepare(key, [event]);
    preparing.catch(() => undefined);
    const terms = compact({ at: sequence - 1, also: applier.demands(event), auth, begun: applier.begins(event) });
    let seen: Head | undefined;
    let leased: Head | undefined;
    for (let attempt = 0; leased === undefined; attempt += 1) {
      if (attempt === MOST_ATTEMPTS) return { is: "unsettled" };
      if (seen === undefined || this.#decide(seen, sequence).is === "next") {
        const lease = await streams.acquireLease(key, { ...terms, leaseMs: deadline.remaining() });
        if (lease.won) {
          leased = lease.head;
          break;
        }
        seen = lease.head;
        if (seen === undefined || !seen.live || (auth !== undefined && seen.auth !== auth)) {
          return compact({ is: "closed", head: seen });
        }
        applier.check(event, seen);
      }
      const outcome = await this.#buffer(seen, event, deadline);
      if (outcome.is !== "moved") return outcome;
      seen = outcome.head;
    }

    // The number is next and this call has the lease: the event is applied, then what is buffered behind it.
    const hooksBegun = new Set<number>();
    let moved: Head | undefined;
    try {
      applier.check(event, leased);
      const prepared = await preparing;
      if (leased.buffered.has(sequence + 1)) {
        moved = await applyRun(this.#deps, leased, deadline, { atHand: { event, prepared }, hooksBegun });
      } else {
        const hookBegins = (): unknown => hooksBegun.add(sequence);
        const context = { head: leased, starts: leased.starts, prepared, deadline, hookBegins };
        const applied = await applier.apply(event, context);
        const contradicts = applier.begunOtherwise(event, leased);
        const { fields } = applied;
        moved = await streams.advance(
          leased,
          compact({ to: sequence, keepLease: false, unseen: [sequence], contradicts, fields }),
          copiesOf(this.#deps, withApplied(leased, sequence, applied), [sequence]),
        );
        if (moved !== undefined) await runAfterwards(this.#deps, moved, applied);
      }
    } catch (error) {
      await giveBack(this.#deps, leased, hooksBegun);
      throw error;
    }
    if (moved === undefined || moved.lastSeq < sequence) return { is: "unsettled" };
    if (moved.buffered.size > 0 && moved.gapSince !== leased.gapSince) await wake(moved);
    return { is: "processed", head: await this.drained(moved, deadline) };
  }

  /** Buffers a number that is not next, unless it is known already or refused. `moved`: it may be next on this head. */
  async #buffer(
    head: Head,
    event: E,
    deadline: Deadline,
  ): Promise<Delivered | { readonly is: "moved"; readonly head: Head }> {
    const { applier, streams, wake } = this.#deps;
    const { sequence } = event;
    const decision = this.#decide(head, sequence);
    switch (decision.is) {
      case "next":
        return { is: "moved", head };
      case "duplicate":
        return { is: "duplicate", head };
      case "full":
        return { is: "full", head, overdue: decision.overdue };
      case "already_buffered": {
        const passed = await this.#compare(head, event);
        if (passed !== undefined) return { is: "moved", head: passed };
        return await this.#respond(head, sequence, deadline, { overdue: decision.overdue, first: false });
      }
      case "buffer": {
        const stored = await streams.bufferEvent(head, sequence, applier.toBuffer(event));
        const passed = stored.first ? undefined : await this.#compare(head, event);
        if (passed !== undefined) return { is: "moved", head: passed };
        if (stored.buffered && stored.head !== undefined) {
          if (head.buffered.size === 0) await wake(stored.head);
          const how = { overdue: decision.overdue, first: stored.first };
          return await this.#respond(stored.head, sequence, deadline, how);
        }
        if (stored.head === undefined || !stored.head.live || stored.head.auth !== head.auth) {
          return compact({ is: "closed", head: stored.head });
        }
        return { is: "moved", head: stored.head };
      }
    }
  }

  /** Applies what is buffered and in order, unless another does. @returns the head afterwards */
  async drain(head: Head, deadline: Deadline): Promise<Head> {
    let current = head;
    while (this.#drainable(current) && deadline.remaining() > this.#deps.reserveMs) {
      const acquired = await this.#deps.streams.acquireLease(current.key, {
        leaseMs: deadline.remaining(),
        at: current.lastSeq,
        epoch: current.epoch,
      });
      if (!acquired.won) return acquired.head ?? current;
      const next = await applyRun(this.#deps, acquired.head, deadline, { hooksBegun: new Set() });
      const stuck = next.lastSeq === current.lastSeq;
      current = next;
      if (stuck) break;
    }
    if (current.buffered.size > 0 && current.gapSince !== head.gapSince) await this.#deps.wake(current);
    return current;
  }

  #drainable(head: Head): boolean {
    return head.live && isNextBuffered(head) && !leaseIsLive(head.lease, this.#now(), this.#deps.settings.incarnation);
  }

  #now(): number {
    return this.#deps.clock.now();
  }

  #decide(head: Head, n: number): ReturnType<typeof decide> {
    const now = this.#now();
    return decide(sequencingStateOf(head, now, this.#deps.settings.incarnation), n, now, this.#deps.settings);
  }

  /** The number is buffered. When it has become next meanwhile, it is drained here and now. */
  async #respond(
    head: Head,
    n: number,
    deadline: Deadline,
    how: { readonly overdue: boolean; readonly first: boolean },
  ): Promise<Delivered> {
    const after = await this.drained(head, deadline);
    if (after.lastSeq >= n) return { is: "processed", head: after };
    if (how.overdue) return { is: "resync_required", head: after };
    return { is: "pending", head: after, first: how.first };
  }

  /**
   * The first content of a number stays; when another one comes, its sender contradicts itself. 1 read, and 1 more when the
   * first is not there any more.
   *
   * @returns the head when the number has been passed meanwhile, so that this is a duplicate now
   */
  async #compare(head: Head, event: E): Promise<Head | undefined> {
    const { table, applier, log, streams, clock, wake } = this.#deps;
    const item = await table.get(bufferedKey(head.key, head.epoch, event.sequence));
    const buffered = item === undefined ? undefined : applier.fromBuffer(item, head);
    if (buffered === undefined) {
      const now = await streams.read(head.key);
      // A buffered number without a body is unavailable: the state will be read.
      return now?.buffered.has(event.sequence) === true ? undefined : now;
    }
    if (applier.agrees(buffered, event)) return undefined;
    log.warn("other content under a buffered number", { ...idsOf(head), sequence: event.sequence });
    if (!isStandaloneStream(head.key)) await markContradicted({ streams, clock, wake }, head);
    return undefined;
  }

  /**
   * Drains, and does not reject for what it cannot apply: the publisher is asked for content that is lost, and anything
   * else is left to the scheduler.
   */
  async drained(head: Head, deadline: Deadline): Promise<Head> {
    try {
      return await this.drain(head, deadline);
    } catch (error) {
      this.#deps.log.warn("draining failed", { ...idsOf(head), error: String(error) });
      const now = (await this.#deps.streams.read(head.key)) ?? head;
      if (!this.#deps.applier.isLost(error)) return now;
      const asked = await this.#deps.streams.requestRecovery(now, "resync", this.#now());
      if (asked !== undefined) await this.#deps.wake(asked);
      return asked ?? now;
    }
  }
}
