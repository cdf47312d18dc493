/** Sequencing on its own, for an application that receives callbacks some other way. */
import { compact } from "../../system/compact.ts";
import { codeFault, ConfigError } from "../../system/config.ts";
import { isOutsideId } from "../../domain/terms/identifiers.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { gapOverdue } from "../../domain/log/sequencing.ts";
import { standaloneStreamKey, bufferedKey } from "../../dynamodb/keys/streams.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Deadline, Ids, Json, Log } from "../../system/ports.ts";
import { StandaloneApplier, type CallbackHandler, type ProcessedCallback } from "./standalone-applier.ts";
import { makeStandaloneStream, removeBuffered } from "./standalone-streams.ts";
import { sequencingStateOf, type Head } from "../stream/head.ts";
import { CallbackType } from "../../failed-events/hook-event.ts";
import { idsOf } from "../stream/event-applier.ts";
import { Sequencer, type Delivered } from "../stream/sequencer.ts";
import { clearStandaloneStream } from "../stream/stream-lives.ts";
import { StreamStore, type StreamSettings } from "../stream/stream-store.ts";

export type { CallbackHandler, ProcessedCallback } from "./standalone-applier.ts";

/** What became of one callback. */
export const ProcessResult = {
  /** The handler ran for this callback and for every buffered one that follows. */
  PROCESSED: "processed",
  /** The number was processed before; nothing was done. */
  DUPLICATE: "duplicate",
  /** Buffered until the numbers before it have come. */
  PENDING: "pending",
  /** Buffered, but the gap before it has lasted too long: read the publisher's state, and pass it on as a `resync`. */
  RESYNC_REQUIRED: "resync_required",
  /** Not buffered, because too many wait already; have it sent again later. */
  BACK_PRESSURE: "back_pressure",
} as const;
export type ProcessResult = (typeof ProcessResult)[keyof typeof ProcessResult];

/** One callback to be sequenced. */
export interface CallbackToProcess {
  readonly peerId: string;
  readonly subscriptionId: string;
  /** From 1 on. */
  readonly sequence: number;
  readonly data: Json;
  /** A `resync` is processed at once, whatever is missing before it [diff]. */
  readonly callbackType?: CallbackType;
}

/** Where a stream stands. */
export interface StateInfo {
  /** The newest number processed; 0 before the first. */
  readonly lastSeq: number;
  readonly pendingCount: number;
  /** Ascending. */
  readonly pendingSequences: readonly number[];
  /** A gap has lasted too long, or buffered callbacks are lost: only a `resync` helps. */
  readonly resyncPending: boolean;
  /** Grows with every change; 0 when nothing was ever processed. */
  readonly version: number;
}

/** The actor whose streams they are; an `Actor` is one. */
export interface StreamOwner {
  readonly id: string;
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly processing: {
    readonly gapTimeoutSeconds: number;
    readonly maxPending: number;
    readonly incarnation: string;
  };
}

/** A call and its handlers may take this long, ms; a stream whose caller died is free again after it. */
const MOST_MS = 30_000;
/** With less left, ms, the rest of the buffer is left to the next call. */
const RESERVE_MS = 5_000;
const MOST_TRIES = 3;

/**
 * Calls a handler for numbered callbacks in order, each once, on however many instances they arrive: what is early waits
 * in the table, what was there before is dropped. Nothing is stored of the data otherwise, and no hook runs. Streams are
 * named by peer and subscription, begin at first use, and have nothing to do with the service's own subscriptions of the
 * same ids. Nothing runs between calls: a gap is noticed at the next call, whose result says so.
 */
export class CallbackProcessor {
  readonly #actor: StreamOwner;
  readonly #settings: StreamSettings;
  readonly #streams: StreamStore;

  /**
   * @param options.gapTimeoutSeconds how long a gap may stand, 0.1 to 3600 [what the service was configured with: 5]
   * @param options.maxPending how many callbacks of a stream may wait, 1 to 1000 [the same: 100]
   * @throws ConfigError when one of them is out of its range
   */
  constructor(options: {
    readonly actor: StreamOwner;
    readonly gapTimeoutSeconds?: number;
    readonly maxPending?: number;
  }) {
    const { actor } = options;
    const { table, clock, ids } = actor;
    const { gapTimeoutSeconds, maxPending, incarnation } = { ...actor.processing, ...given(options) };
    this.#actor = actor;
    this.#settings = { incarnation, maxPending, gapTimeoutMs: gapTimeoutSeconds * 1_000 };
    this.#streams = new StreamStore({ table, clock, ids, settings: this.#settings });
  }

  /**
   * Processes one callback. The handler runs for this one once it is next, and for every kept one that follows,
   * in order; without a handler they only count. A handler runs at least once: again when the process died in it, or
   * when it threw. What it throws for this callback rejects this call, and the callback counts as never arrived; what it
   * throws for a kept one is logged, and that one waits for the next call.
   *
   * @throws ServiceError request.invalid; request.too_large when it must wait and cannot be kept; callback.busy when
   *   nothing was recorded because others work on the stream: pass it again
   */
  async processCallback(callback: CallbackToProcess, handler?: CallbackHandler): Promise<ProcessResult> {
    const event = eventOf(callback);
    const key = standaloneStreamKey({ ...event, actorId: this.#actor.id });
    const sequencer = this.#sequencer(event, handler ?? nothing);
    const deadline = this.#deadline();
    for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
      const result =
        event.callbackType === CallbackType.resync
          ? await this.#resync(key, event, handler ?? nothing, deadline)
          : resultOf(await sequencer.deliver(key, event, undefined, deadline));
      if (result === "missing") await makeStandaloneStream(this.#actor.table, key, this.#actor.clock.now());
      else if (result !== "unsettled") return result;
    }
    throw new ServiceError("callback.busy", "This callback could not be processed now; nothing of it was recorded.");
  }

  /** Where a stream stands now. 1 read. */
  async getStateInfo(peerId: string, subscriptionId: string): Promise<StateInfo> {
    const head = await this.#streams.read(this.#key(peerId, subscriptionId));
    if (head === undefined) {
      return { lastSeq: 0, pendingCount: 0, pendingSequences: [], resyncPending: false, version: 0 };
    }
    const now = this.#actor.clock.now();
    const overdue = gapOverdue(sequencingStateOf(head, now, this.#settings.incarnation), now, this.#settings);
    return {
      lastSeq: head.lastSeq,
      pendingCount: head.buffered.size,
      pendingSequences: [...head.buffered].sort((one, other) => one - other),
      resyncPending: overdue || head.recoveryRequested !== undefined,
      version: head.version,
    };
  }

  /**
   * Starts a stream from zero: nothing processed, nothing kept. Not from within its own handler.
   *
   * @throws ServiceError callback.busy while another works on it
   */
  async clearState(peerId: string, subscriptionId: string): Promise<void> {
    const key = this.#key(peerId, subscriptionId);
    const acquired = await this.#streams.acquireLease(key, { leaseMs: MOST_MS, evenReplacing: true });
    if (!acquired.won) {
      if (acquired.head === undefined) return;
      throw new ServiceError("callback.busy", "This stream is being worked on; try again in a moment.");
    }
    const cleared = await this.#streams.amend(key, clearStandaloneStream(acquired.head));
    if (cleared !== undefined) await removeBuffered(this.#actor.table, key, cleared.epoch);
  }

  /** The whole state arrived: buffered numbers that it contains are dropped, newer ones follow. */
  async #resync(
    key: Key,
    event: ProcessedCallback,
    handler: CallbackHandler,
    deadline: Deadline,
  ): Promise<ProcessResult | "missing" | "unsettled"> {
    const { sequence } = event;
    const acquired = await this.#streams.acquireLease(key, { leaseMs: MOST_MS, before: sequence, evenReplacing: true });
    if (!acquired.won) {
      if (acquired.head === undefined) return "missing";
      return acquired.head.lastSeq >= sequence ? ProcessResult.DUPLICATE : "unsettled";
    }
    try {
      await handler(event);
    } catch (error) {
      await this.#streams.release(acquired.head);
      throw error;
    }
    const moved = await this.#streams.advance(acquired.head, {
      to: sequence,
      keepLease: false,
      fields: { recoveryRequested: undefined },
    });
    if (moved === undefined) return "unsettled";
    await this.#afterResync(acquired.head, moved, this.#sequencer(event, handler), deadline);
    return ProcessResult.PROCESSED;
  }

  /** A failure here is harmless: the next call does the same work. */
  async #afterResync(
    before: Head,
    moved: Head,
    sequencer: Sequencer<ProcessedCallback, undefined>,
    deadline: Deadline,
  ): Promise<void> {
    const superseded = [...before.buffered].filter((n) => n <= moved.lastSeq);
    try {
      await this.#actor.table.deleteMany(superseded.map((n) => bufferedKey(before.key, before.epoch, n)));
      await sequencer.drain(moved, deadline);
    } catch (error) {
      this.#actor.log.warn("work after a resync failed", { ...idsOf(moved), error: String(error) });
    }
  }

  #sequencer(
    of: { readonly peerId: string; readonly subscriptionId: string },
    handler: CallbackHandler,
  ): Sequencer<ProcessedCallback, undefined> {
    const { table, clock, log } = this.#actor;
    const { peerId, subscriptionId } = of;
    const applier = new StandaloneApplier({ peerId, subscriptionId }, handler);
    const [streams, settings] = [this.#streams, this.#settings];
    // A standalone stream is never due.
    const wake = (): Promise<void> => Promise.resolve();
    return new Sequencer({ table, clock, streams, wake, settings, applier, log, reserveMs: RESERVE_MS });
  }

  #key(peerId: string, subscriptionId: string): Key {
    demandId("peerId", peerId);
    demandId("subscriptionId", subscriptionId);
    return standaloneStreamKey({ actorId: this.#actor.id, peerId, subscriptionId });
  }

  #deadline(): Deadline {
    const end = this.#actor.clock.now() + MOST_MS;
    return { remaining: () => Math.max(0, end - this.#actor.clock.now()) };
  }
}

const nothing: CallbackHandler = () => undefined;

function resultOf(delivered: Delivered): ProcessResult | "missing" | "unsettled" {
  switch (delivered.is) {
    case "closed":
      return delivered.head === undefined ? "missing" : "unsettled";
    case "full":
      return ProcessResult.BACK_PRESSURE;
    default:
      return delivered.is;
  }
}

function eventOf(callback: CallbackToProcess): ProcessedCallback {
  const { peerId, subscriptionId, sequence, data, callbackType = CallbackType.diff } = callback;
  demandId("peerId", peerId);
  demandId("subscriptionId", subscriptionId);
  if (!Number.isSafeInteger(sequence) || sequence < 1) throw invalid("sequence", "must be a whole number from 1 on");
  if (!Object.hasOwn(CallbackType, callbackType)) throw invalid("callbackType", "must be diff, resync or permission");
  if ((printJson(data) as string | undefined) === undefined) throw invalid("data", "must be JSON");
  return { peerId, subscriptionId, sequence, data, callbackType };
}

function demandId(field: string, id: string): void {
  if (typeof id !== "string" || !isOutsideId(id)) throw invalid(field, "must be 1 to 128 of A-Z a-z 0-9 . _ ~ -");
}

const invalid = (field: string, problem: string): ServiceError =>
  new ServiceError("request.invalid", `${field} ${problem}.`, { field });

/** The settings a constructor was given, checked as those of the environment are. */
function given(options: { readonly gapTimeoutSeconds?: number; readonly maxPending?: number }): {
  readonly gapTimeoutSeconds?: number;
  readonly maxPending?: number;
} {
  const { gapTimeoutSeconds, maxPending } = options;
  const faults = [
    codeFault("GAP_TIMEOUT_SECONDS", "gapTimeoutSeconds", gapTimeoutSeconds),
    codeFault("MAX_PENDING", "maxPending", maxPending),
  ].filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new ConfigError(faults);
  return compact({ gapTimeoutSeconds, maxPending });
}
