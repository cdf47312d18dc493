/**
 * Catching up. One at a time per stream, under the stream's lease; new callbacks are buffered and drain after it.
 *
 *   ask the publisher for its newest number and backlog
 *   ├─ backlog and buffer reach from lastSeq + 1 to it without a gap → applied in order                  (caught_up)
 *   └─ else the state is read, and takes the place of what this subscription owns; hooks run once        (resynced)
 *
 * Where the state is to be read anyway (a person asks, a publisher contradicted itself), what the backlog still has is
 * applied first. How the state is replaced, and how that survives a crash, says state-replacement.ts.
 */
import { compact } from "../../system/compact.ts";
import { pauseAfter } from "../../domain/policy/backoff.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import type { Key } from "../../dynamodb/table.ts";
import type { Deadline } from "../../system/ports.ts";
import { CatchUp, isContradicted } from "./catch-up.ts";
import { markContradicted, mayReread } from "../stream/contradiction.ts";
import { begunNumber, knownOf } from "../stream/digests.ts";
import { ForgottenStreams } from "./forgotten-streams.ts";
import type { Head, RecoveryKind } from "../stream/head.ts";
import type { Polled, Publisher, ReadFailure } from "../../peers/publisher.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import type { ResyncCallback } from "./replacement-commit.ts";
import { newestOf } from "./reread.ts";
import { reserved } from "../stream/reserved.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import { idsOf } from "../stream/event-applier.ts";
import { partsOfData } from "./state-data.ts";
import { StateReplacement } from "./state-replacement.ts";
import type { Beginning, Replaced } from "./state-replacement.ts";
import { pauseReadsUntil } from "../stream/stream-changes.ts";
import { ContentRefused } from "../stream/stream-event.ts";

export interface RecoveryRequest {
  readonly kind: RecoveryKind;
  /** A resync callback: its number, and where its state is. */
  readonly callback?: ResyncCallback;
}

export type Recovered =
  | { readonly is: "caught_up" | "resynced"; readonly head: Head; readonly applied: number }
  /** The state is too large for one run: it goes on when the head is due. */
  | { readonly is: "underway"; readonly head: Head; readonly applied: number }
  /** Another holds the stream. */
  | { readonly is: "busy"; readonly head: Head }
  /** The publisher could not be read; another attempt is due at the head's `dueAt`. */
  | { readonly is: "failed"; readonly head: Head; readonly failure: ReadFailure }
  /** The publisher does not know the subscription; it is asked again at the head's `dueAt`. */
  | { readonly is: "unknown"; readonly head: Head }
  /** It was made again at the publisher, which had forgotten it: another head stands in its place. */
  | { readonly is: "moved"; readonly to: Head }
  /** No live subscription, or its trust is not approved. */
  | { readonly is: "closed" };

/** Pauses between failed recoveries: about 4 s at first, at most 15 min. */
const RETRY_PAUSES = { base: 5_000, most: 900_000 };

/** Brings streams up to date with their publishers, one recovery of a stream at a time. */
export class Recovery {
  readonly #deps: RecoveryDeps;
  readonly #catchUp: CatchUp;
  readonly #replacement: StateReplacement;
  readonly #forgotten: ForgottenStreams;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
    this.#catchUp = new CatchUp(deps);
    this.#replacement = new StateReplacement(deps);
    this.#forgotten = new ForgottenStreams(deps);
  }

  /** Brings one subscription up to date. What cannot be done now is due again at the head's `dueAt`. */
  async run(key: Key, request: RecoveryRequest, deadline: Deadline): Promise<Recovered> {
    const { streams } = this.#deps;
    const leased = await streams.acquireLease(
      key,
      compact({
        leaseMs: deadline.remaining(),
        evenReplacing: true,
        before: request.callback === undefined ? undefined : request.callback.sequence,
      }),
    );
    if (!leased.won) {
      return leased.head?.live === true ? { is: "busy", head: leased.head } : { is: "closed" };
    }
    let outcome: Recovered;
    try {
      outcome = await this.#recover(leased.head, request, deadline);
    } catch (error) {
      const failure = { reason: error instanceof ContentRefused ? error.message : String(error) };
      const kind = error instanceof ContentRefused ? "resync" : request.kind;
      await this.#fail(leased.head, failure, kind).catch(() => undefined);
      if (error instanceof ContentRefused) return { is: "failed", head: leased.head, failure };
      throw error;
    }
    if (outcome.is === "moved") {
      const again = await this.run(outcome.to.key, { kind: "resync" }, deadline);
      return again.is === "closed" || again.is === "moved" ? outcome : again;
    }
    if (outcome.is !== "caught_up" && outcome.is !== "resynced") return outcome;
    return { ...outcome, head: await this.#deps.sequencer(outcome.head).drained(outcome.head, deadline) };
  }

  async #recover(head: Head, request: RecoveryRequest, deadline: Deadline): Promise<Recovered> {
    const publisher = await this.#deps.publishers(head.actorId, head.peerId, reserved(deadline));
    if (publisher === undefined) {
      await this.#fail(head, { reason: "the trust is not approved" });
      return { is: "closed" };
    }
    const { callback } = request;
    if (callback !== undefined && callback.url === undefined && callback.data !== undefined) {
      const parts = partsOfData(placeOf(head.scope), callback.data);
      return await this.#ended(head, 0, await this.#replacement.write(head, publisher, callback, parts));
    }
    const polled = await publisher.poll(head.subscriptionId);
    if (polled.is === "failed") return await this.#fail(head, polled.failure, request.kind);
    // A publisher that has just sent a resync callback knows the subscription, whatever else it can tell of it.
    if (callback === undefined) {
      if (polled.is === "unknown") return await this.#forgotten.unknown(head, polled, deadline);
      if (polled.is === "ended") return await this.#forgotten.ended(head);
    }
    return await this.#follow(head, publisher, polled, request, deadline);
  }

  async #follow(
    leased: Head,
    publisher: Publisher,
    polled: Polled,
    { kind, callback }: RecoveryRequest,
    deadline: Deadline,
  ): Promise<Recovered> {
    const { streams, clock, wakeUps } = this.#deps;
    let head = leased;
    const newest = newestOf(polled);
    const reset = callback === undefined && newest !== undefined && countsAnew(head, newest);
    if (polled.is === "backlog" && !reset && !head.contradicted && isContradicted(head, polled)) {
      this.#deps.log.warn("the backlog differs from what was applied", idsOf(head));
      head = (await markContradicted({ streams, clock, wakeUps }, head)) ?? head;
    }
    let applied = 0;
    const requested = stronger(kind, head.recoveryRequested);
    if (polled.is === "backlog" && requested !== "resync" && !head.replacing && !reset && callback === undefined) {
      const rereads = requested === "refresh" || mayReread(head, clock.now());
      const caught = await this.#catchUp.apply(head, polled, deadline, { upToMissing: rereads });
      if (caught?.is === "busy") return caught;
      if (caught !== undefined) {
        ({ head, applied } = caught);
        if (caught.outOfTime) return await this.#later(head, applied, requested);
        // An event of the catching up may have shown another contradiction.
        if (caught.complete && requested !== "refresh" && !mayReread(head, clock.now())) {
          return await this.#finish(caught, polled, publisher);
        }
        const replaced = await this.#replace(head, publisher, { polled, reset, callback }, deadline);
        if (replaced.is !== "absent") return await this.#ended(head, applied, replaced);
        if (caught.complete) return await this.#finish(caught, polled, publisher);
        return await this.#ended(head, applied, await this.#without(head, publisher, { polled, reset, callback }));
      }
    }
    const replaced = await this.#replace(head, publisher, { polled, reset, callback }, deadline);
    if (replaced.is !== "absent") return await this.#ended(head, applied, replaced);
    return await this.#ended(head, applied, await this.#without(head, publisher, { polled, reset, callback }));
  }

  async #finish(
    caught: Extract<Awaited<ReturnType<CatchUp["apply"]>>, { is: "applied" }>,
    polled: Extract<Polled, { is: "backlog" }>,
    publisher: Publisher,
  ): Promise<Recovered> {
    const head = await this.#catchUp.finish(caught, polled, publisher, async (done, failure) => {
      const pause = requestedPause(failure, this.#deps.clock.now());
      if (pause !== undefined)
        await this.#deps.streams.amend(done.key, pauseReadsUntil(this.#deps.clock.now() + pause));
    });
    if (head === undefined) return { is: "busy", head: caught.head };
    return { is: "caught_up", head, applied: caught.applied };
  }

  /** What time does not allow stays requested. */
  async #later(head: Head, applied: number, kind: RecoveryKind): Promise<Recovered> {
    const { streams, wakeUps, clock } = this.#deps;
    await streams.release(head);
    const again = await streams.requestRecovery(head, kind, clock.now());
    await wakeUps.schedule(again ?? head);
    return { is: "caught_up", head: again ?? head, applied };
  }

  async #replace(head: Head, publisher: Publisher, of: Known, deadline: Deadline): Promise<Replaced> {
    return await this.#replacement.run(head, publisher, beginningOf(head, of), deadline);
  }

  async #without(head: Head, publisher: Publisher, of: Known): Promise<Replaced> {
    return await this.#replacement.without(head, publisher, beginningOf(head, of));
  }

  async #ended(head: Head, applied: number, replaced: Replaced): Promise<Recovered> {
    switch (replaced.is) {
      case "failed":
        return await this.#fail(head, replaced.failure, "resync");
      case "absent":
        return { is: "caught_up", head, applied };
      case "busy":
        return replaced;
      default:
        return { ...replaced, applied };
    }
  }

  async #fail(
    head: Head,
    failure: ReadFailure,
    kind: RecoveryKind = "catch_up",
  ): Promise<Extract<Recovered, { is: "failed" }>> {
    const { streams, clock, log, wakeUps, random } = this.#deps;
    const attempts = head.attempts + 1;
    const now = clock.now();
    const asked = requestedPause(failure, now);
    const dueAt = now + Math.max(pauseAfter(attempts, RETRY_PAUSES, random()), asked ?? 0);
    const pausedUntil = asked === undefined ? undefined : now + asked;
    // A stronger request that came meanwhile is not weakened.
    await streams.release(head, { fields: compact({ attempts, pausedUntil, dueAt }), request: kind });
    await wakeUps.schedule({ key: head.key, dueAt });
    log.warn("recovery failed", { ...idsOf(head), reason: failure.reason, attempts });
    return { is: "failed", head: { ...head, attempts, dueAt }, failure };
  }
}

/** What a poll, and a callback, have told. */
interface Known {
  readonly polled: Polled;
  readonly reset: boolean;
  readonly callback: ResyncCallback | undefined;
}

/**
 * How far the publisher is: its newest number, else the greatest that has reached us, for a publisher says a number only
 * after the change is in its state.
 */
function beginningOf(head: Head, { polled, reset, callback }: Known): Beginning {
  const newest = newestOf(polled);
  const reached = Math.max(head.lastSeq, begunNumber(head), callback?.sequence ?? 0, ...head.buffered);
  const before = {
    newest,
    least: newest ?? reached,
    known: knownOf(polled),
  };
  return compact({ before, numbered: newest !== undefined, reset, callback });
}

/**
 * True when the publisher's newest number shows that it began to count again: it is below what was applied, or read so far,
 * or, asked a second time, still below what it once sent.
 */
function countsAnew(head: Head, newest: number): boolean {
  const { lastSeq, recovery, attempts, buffered } = head;
  const read = recovery?.after === undefined ? 0 : recovery.lowest;
  return newest < Math.max(lastSeq, read) || (attempts > 0 && [...buffered].some((n) => n > newest));
}

const STRENGTH = { catch_up: 0, refresh: 1, resync: 2 } as const;

/** The stronger of what is asked for now and what was requested before. */
const stronger = (asked: RecoveryKind, requested: RecoveryKind | undefined): RecoveryKind =>
  requested !== undefined && STRENGTH[requested] > STRENGTH[asked] ? requested : asked;
