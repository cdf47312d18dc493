/** One callback, from its bytes to the answer the publisher gets. */
import { compact } from "../../system/compact.ts";
import { checkCallbackUrl, checkScope } from "../../domain/wire/callback-scope.ts";
import type { ParsedCallback } from "../../domain/wire/callback-body.ts";
import { isObject } from "../../domain/json/json.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { leaseIsLive } from "../../dynamodb/lease.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import { ServiceError, isServiceError } from "../../system/errors.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import { eventOf, readCallback } from "./callback-events.ts";
import type { SentBody } from "./callback-events.ts";
import type { CallbackAccess, Sender } from "./callback-access.ts";
import { isMadeAnew, markContradicted } from "../stream/contradiction.ts";
import { contradicts } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import type { Publishers } from "../../peers/publisher.ts";
import type { Recovery } from "../recovery/recovery.ts";
import { idsOf } from "../stream/event-applier.ts";
import type { Delivered, Sequencer } from "../stream/sequencer.ts";
import { ContentRefused } from "../stream/stream-event.ts";
import type { Prepared, StreamEvent } from "../stream/stream-event.ts";
import type { WakeUps } from "../stream/wake-ups.ts";
import type { StreamStore } from "../stream/stream-store.ts";

/** The answer of section 5's table. */
export interface CallbackAnswer {
  readonly status: 200 | 201 | 202;
  readonly body: { readonly result: string; readonly sequence?: number; readonly expected?: number };
}

export interface ReceiverDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly access: CallbackAccess;
  readonly streams: StreamStore;
  readonly wakeUps: WakeUps;
  readonly recovery: Recovery;
  readonly publishers: Publishers;
  readonly sequencer: (
    ids: { readonly actorId: string; readonly peerId: string },
    said: Place | undefined,
  ) => Sequencer<StreamEvent, Prepared | undefined>;
  readonly settings: { readonly maxPending: number; readonly incarnation: string };
}

/** Takes callbacks in: reads, authenticates and sequences each, and answers as the contract says. */
export class Receiver {
  readonly #deps: ReceiverDeps;

  constructor(deps: ReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one callback in.
   *
   * @throws ServiceError with the statuses of the contract; nothing of the callback is recorded then
   */
  async receive(sender: Sender, sent: SentBody, deadline: Deadline): Promise<CallbackAnswer> {
    let parsed: ParsedCallback;
    try {
      parsed = readCallback(sent, sender);
    } catch (error) {
      // Credentials come before the body, also when the body is what is wrong.
      await this.#deps.access.open(sender);
      throw error;
    }
    if (sender.digest === undefined) {
      await this.#deps.access.trusted(sender);
    }
    if (parsed.kind === "resync") return await this.#resync(sender, parsed, sent, deadline);
    const event = eventOf(parsed, sent);
    if (event === undefined) throw new TypeError("A diff is always an event.");
    if (parsed.kind === "low") {
      await this.#deps.access.open(sender);
      await this.#checkUrl(sender, parsed.url, deadline);
    }
    return await this.#deliver(sender, event, saidPlace(parsed), deadline);
  }

  async #deliver(
    sender: Sender,
    event: StreamEvent,
    said: Place | undefined,
    deadline: Deadline,
  ): Promise<CallbackAnswer> {
    const key = outboundHeadKey(sender);
    const sequencer = this.#deps.sequencer(sender, said);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      let delivered: Delivered;
      try {
        delivered = await sequencer.deliver(key, event, sender.digest, deadline);
      } catch (error) {
        if (error instanceof ContentRefused) return await this.#markUnavailable(sender, event.sequence);
        if (isServiceError(error)) throw error;
        this.#deps.log.error("a callback could not be processed", {
          ...sender,
          digest: undefined,
          error: String(error),
        });
        throw busy(error);
      }
      if (delivered.is !== "closed") return await this.#answer(delivered, event);
      await this.#deps.access.explain(sender);
    }
    throw busy();
  }

  async #answer(delivered: Exclude<Delivered, { is: "closed" }>, event: StreamEvent): Promise<CallbackAnswer> {
    if (delivered.is === "unsettled") throw busy();
    const { head } = delivered;
    this.#deps.log.info("callback", { ...idsOf(head), sequence: event.sequence, result: delivered.is });
    switch (delivered.is) {
      case "processed":
        return { status: 201, body: { result: "processed", sequence: head.lastSeq } };
      case "duplicate":
        await this.#requestRead(head, event);
        return { status: 200, body: { result: "duplicate", sequence: head.lastSeq } };
      case "pending":
        return { status: 202, body: { result: "pending", expected: head.lastSeq + 1 } };
      case "resync_required":
        await this.#startRecovery(head);
        return { status: 202, body: { result: "resync_required", expected: head.lastSeq + 1 } };
      case "full":
        if (delivered.overdue) await this.#startRecovery(head);
        throw new ServiceError(
          "callback.queue_full",
          `${String(this.#deps.settings.maxPending)} callbacks are waiting for number ${String(head.lastSeq + 1)}; send this one again later.`,
          { headers: { "retry-after": "5" }, extra: { expected: head.lastSeq + 1 } },
        );
    }
  }

  /** Recovery runs on its own, not in the publisher's request: the publisher may be waiting for us to answer. */
  async #startRecovery(head: Head): Promise<void> {
    // One that failed is tried again after its pause, however many callbacks arrive meanwhile.
    const now = this.#deps.clock.now();
    const waits = head.attempts > 0 || head.problem !== undefined || (head.pausedUntil ?? 0) > now;
    if (waits && head.recoveryRequested !== undefined && (head.dueAt ?? 0) > now) return;
    const asked = await this.#deps.streams.requestRecovery(head, "catch_up", now);
    await this.#deps.wakeUps.schedule(asked ?? head);
  }

  async #markUnavailable(sender: Sender, sequence: number): Promise<CallbackAnswer> {
    const head = await this.#deps.access.open(sender);
    const noted = await this.#deps.streams.markUnavailable(head, sequence);
    await this.#deps.wakeUps.schedule(noted ?? head);
    return { status: 202, body: { result: "resync_required", expected: (noted ?? head).lastSeq + 1 } };
  }

  /**
   * A duplicate that is newer, or other, than what was applied: the publisher has begun to count again, or has given the
   * number twice. Wherever it is now, what we hold is not what it means.
   */
  async #requestRead(head: Head, event: Pick<StreamEvent, "sequence" | "timestamp" | "content">): Promise<void> {
    const { sequence, timestamp, content } = event;
    // What a state read has covered was never applied: it is compared with the time of that read.
    const newer = timestamp !== undefined && timestamp.sortable > head.lastTimestamp && sequence <= head.timestampOf;
    if (!newer && !isMadeAnew(head, sequence, timestamp) && !contradicts(head, sequence, content?.data)) return;
    const { streams, wakeUps, clock, settings } = this.#deps;
    // Marked already, and no read is under way that could have begun before this.
    const isRead = head.replacing || leaseIsLive(head.lease, clock.now(), settings.incarnation);
    if (head.contradicted && !isRead) return;
    this.#deps.log.warn("a duplicate differs from what was applied; the state will be read", {
      ...idsOf(head),
      sequence,
    });
    await markContradicted({ streams, wakeUps, clock }, head);
  }

  async #resync(
    sender: Sender,
    parsed: Extract<ParsedCallback, { kind: "resync" }>,
    sent: SentBody,
    deadline: Deadline,
  ): Promise<CallbackAnswer> {
    const head = await this.#deps.access.open(sender);
    const scope = checkScope(parsed, head.scope);
    if (parsed.url !== undefined) await this.#checkUrl(sender, parsed.url, deadline);
    if (scope.narrower) {
      const event = eventOf(parsed, sent, head.scope);
      if (event !== undefined) return await this.#deliver(sender, event, undefined, deadline);
    }
    const { sequence } = parsed;
    if (sequence <= head.lastSeq) return await this.#repeatedResync(head, parsed);
    if (head.recovery !== undefined || (head.pausedUntil ?? 0) > this.#deps.clock.now()) {
      return await this.#deferResync(head, sequence);
    }
    const recovered = await this.#deps.recovery.run(
      head.key,
      {
        kind: "resync",
        callback: compact({
          sequence,
          timestamp: parsed.timestamp === undefined ? undefined : parsed.timestamp.sortable,
          ...(scope.exact && parsed.url !== undefined ? { url: parsed.url } : {}),
          ...(scope.exact && parsed.data !== undefined ? { data: parsed.data } : {}),
        }),
      },
      deadline,
    );
    this.#deps.log.info("callback", { ...idsOf(head), sequence, result: recovered.is, type: "resync" });
    switch (recovered.is) {
      case "caught_up":
      case "resynced":
        return { status: 201, body: { result: "processed", sequence: recovered.head.lastSeq } };
      case "busy":
        if (sequence <= recovered.head.lastSeq) return await this.#repeatedResync(recovered.head, parsed);
        return await this.#bufferResync(recovered.head, sequence);
      case "underway":
        return { status: 202, body: { result: "pending", expected: recovered.head.lastSeq + 1 } };
      case "failed": {
        const noted = await this.#deps.streams.markUnavailable(recovered.head, sequence);
        return { status: 202, body: { result: "resync_required", expected: (noted ?? recovered.head).lastSeq + 1 } };
      }
      case "closed":
      case "unknown":
      case "moved":
        await this.#deps.access.explain(sender);
        throw busy();
    }
  }

  /** A state read that is under way, or may not be begun now, comes before it; then it is requested. */
  async #deferResync(head: Head, sequence: number): Promise<CallbackAnswer> {
    // That very callback has begun it.
    const noted = head.recovery?.floor === sequence ? head : await this.#deps.streams.markUnavailable(head, sequence);
    await this.#deps.wakeUps.schedule(noted ?? head);
    return { status: 202, body: { result: "pending", expected: (noted ?? head).lastSeq + 1 } };
  }

  async #repeatedResync(head: Head, parsed: ParsedCallback): Promise<CallbackAnswer> {
    await this.#requestRead(head, parsed);
    return { status: 200, body: { result: "duplicate", sequence: head.lastSeq } };
  }

  /** Another holds the stream: the resync is requested, and follows when that one ends. */
  async #bufferResync(head: Head, sequence: number): Promise<CallbackAnswer> {
    const noted = await this.#deps.streams.markUnavailable(head, sequence);
    const until = head.lease?.until ?? this.#deps.clock.now();
    await this.#deps.wakeUps.schedule({ key: head.key, dueAt: until });
    return { status: 202, body: { result: "pending", expected: (noted ?? head).lastSeq + 1 } };
  }

  async #checkUrl(sender: Sender, url: string, deadline: Deadline): Promise<void> {
    const publisher = await this.#deps.publishers(sender.actorId, sender.peerId, deadline);
    if (publisher === undefined) await this.#deps.access.trusted(sender);
    else checkCallbackUrl(url, publisher.baseUri);
  }
}

/** The place the body says the subscription has; undefined when nothing can be read ahead for it. */
function saidPlace(parsed: ParsedCallback): Place | undefined {
  if (parsed.kind !== "high" || (parsed.target !== undefined && parsed.target !== "properties")) return undefined;
  const subtarget = parsed.subtarget ?? undefined;
  if (subtarget === undefined) return isObject(parsed.data) ? [] : undefined;
  const resource = parsed.resource ?? undefined;
  return placeOf(compact({ target: "properties", subtarget, resource }));
}

const busy = (cause?: unknown): ServiceError =>
  new ServiceError(
    "callback.busy",
    "This callback could not be settled now; nothing of it was recorded, send it again.",
    compact({ headers: { "retry-after": "1" }, cause }),
  );
