/** The numbers that one delivery session has left to send. */
import {
  MAX_RANGES,
  countOf,
  delivered,
  tried,
  undelivered,
  withoutCleared,
  type DeliveryState,
  type NumberRange,
} from "../../domain/log/delivery-state.ts";
import { currentContext, isAsMade, type RenderedDiff } from "../../domain/log/subscription-log.ts";
import { bothReads, readsOf, type Reads } from "../../domain/policy/visibility.ts";
import type { Log } from "../../system/ports.ts";
import type { CursorStore } from "../subscribers/cursor-store.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import { renderAfter, type Records } from "../subscribers/rendered-diffs.ts";
import type { Recipient } from "./recipient.ts";

export interface BacklogDeps {
  readonly log: Log;
  readonly cursors: Pick<CursorStore, "makeResync">;
  /** A longer backlog of a peer that was away is replaced by one resync. */
  readonly replayMax: number;
}

export interface BacklogInput {
  /** Of the lease under which the numbers are sent. */
  readonly token: string;
  /** The records of the log, as far as other deliveries need them too. */
  readonly records: Records;
  /** The newest number, when the step that acquired the lease made it. */
  readonly tail?: RenderedDiff | undefined;
  /** Sends everything that the peer has not taken, not only what was never tried. */
  readonly everything: boolean;
  /** The backlog has waited for the peer, so that a long one becomes one resync [`everything`]. */
  readonly afterPause?: boolean;
}

/**
 * The numbers of a leased head that are still to be sent.
 *
 * Invariant: `head.delivery` is what was stored in the image of `head.version`, with what this session has noted since,
 * and without the numbers that `head.state` has cleared. It is ahead of the stored one until the session stores it.
 */
export class SessionBacklog {
  readonly #deps: BacklogDeps;
  readonly #input: BacklogInput;
  readonly #recipient: Recipient;
  #head: InboundHead;
  /** What this session has learned since it stored its notes. */
  #notes: Note[] = [];

  constructor(deps: BacklogDeps, input: BacklogInput & { readonly head: InboundHead }, recipient: Recipient) {
    this.#deps = deps;
    this.#input = input;
    this.#recipient = recipient;
    this.#head = withoutGone(input.head);
  }

  get head(): InboundHead {
    return this.#head;
  }

  get isEmpty(): boolean {
    return this.#open().length === 0 && !this.#isTorn;
  }

  /** Continues with the head as another writer stored it, and adds what this session has learned. */
  follow(stored: InboundHead): void {
    const delivery = this.#notes.reduce((known, note) => note(known), withoutGone(stored).delivery);
    this.#head = { ...stored, delivery };
  }

  /** Continues with the head as this session stored it. */
  stored(head: InboundHead): void {
    this.#notes = [];
    this.#head = withoutGone(head);
  }

  /** The peer took a number. @param leavesAt as for `delivered` */
  delivered(sequence: number, leavesAt: number | undefined): void {
    this.#note((delivery) => delivered(delivery, sequence, leavesAt));
  }

  /** A try of a number failed. */
  tried(sequence: number): void {
    this.#note((delivery) => tried(delivery, sequence));
  }

  #note(note: Note): void {
    this.#notes.push(note);
    this.#head = { ...this.#head, delivery: note(this.#head.delivery) };
  }

  /** The numbers to send, ascending. One resync takes the place of too many, and of some that cannot be rendered. */
  async *numbers(): AsyncGenerator<RenderedDiff> {
    const { records, tail, everything, afterPause = everything } = this.#input;
    for (let resyncs = 0; resyncs < 2; resyncs += 1) {
      const isLong = afterPause && countOf(this.#open()) > this.#deps.replayMax;
      if (isLong || this.#isTorn) await this.#resync();
      let isWhole = true;
      for (const [from, to] of this.#open()) {
        const diffs = diffsToSend(this.#recipient, this.#head, { from, to, records, tail });
        let expected = from;
        for await (const rendered of diffs) {
          if (rendered.sequence !== expected) break;
          const current = await this.#asOfNow(rendered);
          if (current === undefined) break;
          yield current;
          if (this.#isTorn) break;
          expected += 1;
        }
        isWhole = expected > to;
        if (!isWhole) break;
      }
      if (isWhole) return;
      await this.#resync();
    }
    const { actorId, peerId, id: subscriptionId } = this.#head;
    this.#deps.log.error("a subscription's numbers cannot be rendered", { actorId, peerId, subscriptionId });
  }

  /** The number, rendered again while the peer's permissions change: the log may have been read slowly. */
  async #asOfNow(rendered: RenderedDiff): Promise<RenderedDiff | undefined> {
    const { records, tail } = this.#input;
    const at = { from: rendered.sequence, to: rendered.sequence, records, tail };
    let current: RenderedDiff | undefined = rendered;
    while (current !== undefined) {
      const { permissions } = this.#recipient;
      await this.#recipient.isTrusted();
      if (this.#recipient.permissions === permissions) break;
      current = await firstOf(diffsToSend(this.#recipient, this.#head, at));
    }
    return current;
  }

  /** More gaps than a delivery state holds. */
  get #isTorn(): boolean {
    return this.#head.delivery.ranges.length > MAX_RANGES;
  }

  #open(): readonly NumberRange[] {
    const { delivery, state } = this.#head;
    if (this.#input.everything) return undelivered(delivery, state.sequence);
    const from = delivery.tried + 1;
    return from > state.sequence ? [] : [[from, state.sequence]];
  }

  async #resync(): Promise<void> {
    const outcome = await this.#deps.cursors.makeResync(this.#head, { token: this.#input.token });
    if (outcome.is === "made" || outcome.is === "unneeded") this.follow(outcome.head);
  }
}

/** The numbers from one to another, both included, as the peer's permissions are when each is rendered. */
export function diffsToSend(
  recipient: Recipient,
  head: InboundHead,
  { from, to, records, tail }: { from: number; to: number } & Pick<BacklogInput, "records" | "tail">,
): AsyncIterable<RenderedDiff> | Iterable<RenderedDiff> {
  if (from === to && from === tail?.sequence && isAsMade(head.state, tail, recipient.permissions)) return [tail];
  const now: Reads = {
    at: (place) => readsOf(recipient.permissions).at(place),
    below: (place) => readsOf(recipient.permissions).below(place),
    whole: (place) => readsOf(recipient.permissions).whole(place),
  };
  const reads = bothReads(readsOf(currentContext(head.state).permissions), now);
  return renderAfter(records, head, from - 1, to - from + 1, reads);
}

/** The first of these numbers; undefined without any. */
export async function firstOf(
  diffs: AsyncIterable<RenderedDiff> | Iterable<RenderedDiff>,
): Promise<RenderedDiff | undefined> {
  for await (const rendered of diffs) return rendered;
  return undefined;
}

type Note = (delivery: DeliveryState) => DeliveryState;

const withoutGone = (head: InboundHead): InboundHead => ({
  ...head,
  delivery: withoutCleared(head.delivery, head.state.cleared),
});
