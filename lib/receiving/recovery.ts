/**
 * Catching up. One at a time per stream, under the stream's claim; new callbacks wait in their slots and drain after it.
 *
 *   ask the publisher for its newest number and backlog
 *   ├─ backlog and slots reach from lastSeq + 1 to it without a hole → applied in order                  (caught_up)
 *   └─ else the state is read, and takes the place of what this subscription owns; hooks run once        (resynced)
 *
 * The state is read before anything is written. From then on the head says `replacing`: a crash leaves a stream on which
 * only another recovery can go on, with a higher fence, so nothing half-replaced is ever taken for whole.
 */
import { pauseAfter } from "../domain/backoff.ts";
import { placeOf } from "../domain/scope.ts";
import type { Key } from "../dynamodb/table.ts";
import type { Deadline } from "../ports.ts";
import { CatchUp } from "./catch-up.ts";
import { defined, dueAttributes } from "./head.ts";
import type { Head } from "./head.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { reserved } from "./reserved.ts";
import { idsOf } from "./sink.ts";
import { newestOf, partsOfData, StateReplacement } from "./state-replacement.ts";
import type { Replaced, ResyncCallback } from "./state-replacement.ts";
import { ContentRefused } from "./subscription-sink.ts";

export interface RecoveryRequest {
  /** `catch_up` replaces the state only when it must; `resync` always does. */
  readonly kind: "catch_up" | "resync";
  /** A resync callback: its number, and where its state is. */
  readonly callback?: ResyncCallback;
}

export type Recovered =
  | { readonly is: "caught_up" | "resynced"; readonly head: Head; readonly applied: number }
  /** Another holds the stream. */
  | { readonly is: "busy"; readonly head: Head }
  /** The publisher could not be read; another attempt is due at the head's `dueAt`. */
  | { readonly is: "failed"; readonly head: Head; readonly reason: string }
  /** No live subscription, or its trust is not approved. */
  | { readonly is: "closed" };

/** Pauses between failed recoveries: about 4 s at first, at most 15 min. */
const RETRY_PAUSES = { base: 5_000, most: 900_000 };
/** Brings streams up to date with their publishers, one recovery of a stream at a time. */
export class Recovery {
  readonly #deps: RecoveryDeps;
  readonly #catchUp: CatchUp;
  readonly #replacement: StateReplacement;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
    this.#catchUp = new CatchUp(deps);
    this.#replacement = new StateReplacement(deps);
  }

  /** Brings one subscription up to date. What cannot be done now is due again at the head's `dueAt`. */
  async run(key: Key, request: RecoveryRequest, deadline: Deadline): Promise<Recovered> {
    const { turns } = this.#deps;
    const claimed = await turns.claim(key, {
      holdMs: deadline.remaining(),
      evenReplacing: true,
      ...(request.callback === undefined ? {} : { before: request.callback.sequence }),
    });
    if (!claimed.won) {
      return claimed.head?.live === true ? { is: "busy", head: claimed.head } : { is: "closed" };
    }
    let outcome: Recovered;
    try {
      outcome = await this.#recover(claimed.head, request, deadline);
    } catch (error) {
      await this.#fail(claimed.head, String(error), error instanceof ContentRefused ? "resync" : request.kind).catch(
        () => undefined,
      );
      if (error instanceof ContentRefused) return { is: "failed", head: claimed.head, reason: error.message };
      throw error;
    }
    if (outcome.is !== "caught_up" && outcome.is !== "resynced") return outcome;
    return { ...outcome, head: await this.#deps.sequencer(outcome.head).drained(outcome.head, deadline) };
  }

  async #recover(head: Head, request: RecoveryRequest, deadline: Deadline): Promise<Recovered> {
    const publisher = await this.#deps.publishers(head.actorId, head.peerId, reserved(deadline));
    if (publisher === undefined) {
      await this.#fail(head, "the trust is not approved");
      return { is: "closed" };
    }
    const given = request.callback?.data;
    if (request.callback !== undefined && request.callback.url === undefined && given !== undefined) {
      const parts = partsOfData(placeOf(head.scope), given);
      const { sequence, timestamp } = request.callback;
      const read = { parts, at: sequence, reset: false, ...defined("timestamp", timestamp) };
      return await this.#settled(head, await this.#replacement.write(head, publisher, read));
    }
    const polled = await publisher.poll(head.subscriptionId);
    if (polled.is === "failed") return await this.#fail(head, polled.reason, request.kind);
    if (polled.is === "gone" && request.callback === undefined) {
      return await this.#fail(head, "the publisher does not know this subscription");
    }
    const newest = newestOf(polled);
    const reset = request.callback === undefined && newest !== undefined && countsAnew(head, newest);
    const mayCatchUp = request.kind === "catch_up" && head.wanted !== "resync" && !head.replacing && !reset;
    if (mayCatchUp && polled.is === "backlog") {
      const caughtUp = await this.#catchUp.run(head, polled, publisher, deadline);
      if (caughtUp !== undefined) return caughtUp;
    }
    const replaced = await this.#replacement.run(head, publisher, newest, reset, request.callback);
    return await this.#settled(head, replaced);
  }

  async #settled(head: Head, replaced: Replaced): Promise<Recovered> {
    return replaced.is === "failed" ? await this.#fail(head, replaced.reason, "resync") : replaced;
  }

  async #fail(
    head: Head,
    reason: string,
    kind: RecoveryRequest["kind"] = "catch_up",
  ): Promise<Extract<Recovered, { is: "failed" }>> {
    const { turns, clock, log, timers, random } = this.#deps;
    const attempts = head.attempts + 1;
    const dueAt = clock.now() + pauseAfter(attempts, RETRY_PAUSES, random());
    const set = { attempts, ...dueAttributes(head.key, dueAt) };
    await turns.release(
      head,
      // Somebody may have asked for more meanwhile: that is not weakened.
      kind === "resync" ? { set: { ...set, wanted: kind } } : { set, setIfMissing: { wanted: kind } },
    );
    await timers.wake({ key: head.key, dueAt });
    log.warn("recovery failed", { ...idsOf(head), reason, attempts });
    return { is: "failed", head: { ...head, attempts, dueAt }, reason };
  }
}

/**
 * True when the publisher's newest number shows that it began to count anew: it is below what was applied, or, asked a
 * second time, still below what it once sent.
 */
const countsAnew = (head: Head, newest: number): boolean =>
  newest < head.lastSeq || (head.attempts > 0 && [...head.pending].some((n) => n > newest));
