/** Advances the cursors of inbound subscriptions along their actor's change log, each step one conditional update of the head. */
import type { InboundRef } from "../../domain/terms/refs.ts";
import { effectiveCleared } from "../../domain/log/delivery-state.ts";
import {
  advance,
  clear,
  collapse,
  skipTo,
  type Advanced,
  type RenderedDiff,
  type SubscriptionContext,
  type SubscriptionState,
} from "../../domain/log/subscription-log.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { leaseIsLive, type Lease } from "../../dynamodb/lease.ts";
import { inboundHeadKey, logHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { readLogHead, type ChangeLog } from "../../change-log/change-log.ts";
import { acquireLease, changeHead, isSameLife, moveCursor, readInboundHead, type InboundHead } from "./inbound-head.ts";
import { advanceAll } from "./advance-all.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { recordTime } from "../../change-log/record-time.ts";
import { renderAfter, renderNumber } from "./rendered-diffs.ts";

/** A cursor that makes no number is stored only after it has advanced by this many records. */
export const LAZY_RECORDS = 100;
/** Largest state, bytes of JSON: beyond, one resync stands for its backlog. An item holds 400 KB. */
const MAX_STATE_BYTES = 200_000;
/** Attempts at one head: each that fails lost to another writer's success. */
const MOST_ATTEMPTS = 50;

/** What holds for a peer's subscriptions at a record of the log. */
export type SubscriptionContextAt = SubscriptionContext & { readonly newest: number };

export interface CursorStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly changeLog: ChangeLog;
  /** Leases of another incarnation are those of a dead process. */
  readonly incarnation: string;
  /** What holds for a peer now, and the log's newest record at that moment; undefined without a trust. */
  readonly contextOf: (actorId: string, peerId: string) => Promise<SubscriptionContextAt | undefined>;
}

/** How a head's cursor is to advance. */
export interface AdvanceOptions {
  /** The log's newest record. */
  readonly newest: number;
  /** Records that other heads pass too. */
  readonly records?: RecordCache;
  /**
   * Acquires the lease in the same update, when it is free, if a number was made or one was never tried; `always`: also
   * when there is nothing new.
   */
  readonly lease?: Lease & { readonly always?: boolean };
  /** Stores the cursor also when no record concerned the head. */
  readonly eager?: boolean;
  /** Where the head stands at `newest`, by `advanceAll`: nothing is read. */
  readonly ahead?: Advanced;
}

/** A head after its cursor has advanced. */
export interface AdvanceResult {
  readonly head: InboundHead;
  /** The numbers that this call made, without those of other writers; only the newest of them when `ahead` was given. */
  readonly made: readonly RenderedDiff[];
  /** The requested lease was acquired. */
  readonly leased: boolean;
}

interface Step {
  readonly state: SubscriptionState;
  readonly made: readonly RenderedDiff[];
}

/** Advances heads. Every method may be called again at any time by any instance, because a head's state follows from the log. */
export class CursorStore {
  readonly #deps: CursorStoreDeps;

  constructor(deps: CursorStoreDeps) {
    this.#deps = deps;
  }

  /**
   * Advances a head to the log's end: one update, none when there is nothing to store. One resync number stands for
   * records that have expired meanwhile. Undefined when the subscription has ended.
   *
   * @throws ServiceError service.unavailable when other writers keep changing the head
   */
  async advance(head: InboundHead, options: AdvanceOptions): Promise<AdvanceResult | undefined> {
    return await this.#write(head, options, async (now) => {
      const { ahead } = options;
      const step = ahead === undefined || now !== head ? await this.#advanced(now, options) : stepOf(ahead);
      const behind = step.state.cursor - now.state.cursor;
      const untried = step.state.sequence > Math.max(now.delivery.tried, step.state.cleared);
      const leasable = step.state.granularity !== "none" && untried;
      const idle = step.state.sequence === now.state.sequence && behind < (options.eager === true ? 1 : LAZY_RECORDS);
      return { ...step, idle, lease: leasable || options.lease?.always === true };
    });
  }

  /**
   * The same for a subscription that is known by name, for polls and reads: one request when there is nothing to store.
   */
  async toEnd(ref: InboundRef): Promise<AdvanceResult | undefined> {
    const keys = [logHeadKey(ref.actorId), inboundHeadKey(ref)];
    const found = await this.#deps.table.getMany(keys);
    const item = found.find(({ sk }) => sk === keys[1]?.sk);
    if (item === undefined) return undefined;
    const { newest } = readLogHead(found.find(({ sk }) => sk === keys[0]?.sk));
    return await this.advance(readInboundHead(item), { newest });
  }

  /**
   * Where heads stand once they have passed every record up to `newest`, in the same order; nothing is stored. Reads the
   * log once.
   */
  async preview(heads: readonly InboundHead[], newest: number): Promise<readonly InboundHead[]> {
    const { advanced } = await advanceAll(this.#deps.changeLog, heads, newest);
    const previewed: InboundHead[] = [];
    for (const [index, head] of heads.entries()) {
      const { state } = advanced[index] ?? head;
      previewed.push({ ...head, state: state.cursor < newest ? (await this.#skipped(head)).state : state });
    }
    return previewed;
  }

  /**
   * The newest number made by records up to `record`, which is at or after the head's cursor. Nothing is stored.
   * @throws RangeError for a record before it
   */
  async sequenceAt(head: InboundHead, record: number): Promise<number> {
    if (record < head.state.cursor) throw new RangeError("a subscription's earlier numbers are not known by record");
    return (await this.#advanced(head, { newest: record })).state.sequence;
  }

  /**
   * Advances a head to the log's end and makes one resync number that stands for everything before it, which is cleared.
   * Makes nothing when such a number is the whole backlog already. Undefined when the subscription has ended.
   */
  async makeResync(head: InboundHead, options: AdvanceOptions): Promise<AdvanceResult | undefined> {
    return await this.#write(head, options, async (now) => {
      const step = await this.#advanced(now, options);
      if (step.state.ended) return { ...step, idle: true, lease: false };
      if (isOneResync(step.state)) {
        return { ...step, idle: step.made.length === 0, lease: true };
      }
      return { ...this.#collapsed(step), idle: false, lease: true };
    });
  }

  /**
   * Clears the numbers up to `upTo` for good; a number that is cleared already changes nothing. Undefined when the
   * subscription has ended. One update.
   *
   * @throws RangeError for a number beyond the head's newest
   */
  async clear(head: InboundHead, upTo: number): Promise<InboundHead | undefined> {
    const cleared = await this.#write(head, { acknowledgedAt: this.#deps.clock.now() }, (now) => {
      const state = clear(now.state, upTo);
      return Promise.resolve({ state, made: [], idle: state === now.state, lease: false });
    });
    return cleared?.head;
  }

  /** The kept numbers above `after`, at most `limit`, ascending; see `renderAfter`. */
  render(head: InboundHead, after: number, limit: number, now?: Reads): AsyncIterable<RenderedDiff> {
    return renderAfter(this.#deps.changeLog, head, after, limit, now);
  }

  /** One number; undefined when it is cleared, has expired, or was never made. */
  async renderOne(head: InboundHead, sequence: number, now?: Reads): Promise<RenderedDiff | undefined> {
    return await renderNumber(this.#deps.changeLog, head, sequence, now);
  }

  /** Writes a step; computes it again on the head that another writer has written meanwhile. */
  async #write(
    head: InboundHead,
    { lease, acknowledgedAt }: Pick<AdvanceOptions, "lease"> & { readonly acknowledgedAt?: number },
    step: (now: InboundHead) => Promise<Step & { readonly idle: boolean; readonly lease: boolean }>,
  ): Promise<AdvanceResult | undefined> {
    const { table, clock } = this.#deps;
    const written = await retryOnConflict<InboundHead, AdvanceResult | "ended">(head, MOST_ATTEMPTS, async (now) => {
      const { idle, lease: isRequested, ...computed } = await step(now);
      const requested = isRequested ? lease : undefined;
      const free = this.isLeased(now) ? undefined : requested;
      const left = this.#withoutLeft(now, computed);
      if (idle && free === undefined) return { done: { head: { ...now, state: left.state }, made: [], leased: false } };
      const { state, made } = this.#fitting(left);
      const move = moveCursor(now, state, { lease: free, now: clock.now(), acknowledgedAt });
      const outcome = await changeHead(table, now, move);
      if (!outcome.written) {
        const { item: other } = outcome;
        return other !== undefined && isSameLife(other, now) ? { found: readInboundHead(other) } : { done: "ended" };
      }
      const advanced = { head: readInboundHead(outcome.item), made, leased: free !== undefined };
      return { done: requested === free ? advanced : await this.#acquireReleased(advanced, requested) };
    });
    if (written !== undefined) return written === "ended" ? undefined : written;
    throw new ServiceError("service.unavailable", "This subscription keeps changing; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** Acquires a lease that its holder may have released, without knowing of these numbers, while they were written. */
  async #acquireReleased(advanced: AdvanceResult, lease: Lease | undefined): Promise<AdvanceResult> {
    if (lease === undefined || this.isLeased(advanced.head)) return advanced;
    const { table, clock } = this.#deps;
    const outcome = await changeHead(table, advanced.head, acquireLease(lease, clock.now()));
    return outcome.written ? { ...advanced, head: readInboundHead(outcome.item), leased: true } : advanced;
  }

  /** Clears the delivered numbers whose time to leave has come; the next write stores that. */
  #withoutLeft(now: InboundHead, step: Step): Step {
    const upTo = Math.min(
      effectiveCleared(now.delivery, this.#deps.clock.now(), now.state.cleared),
      step.state.sequence,
    );
    return upTo <= step.state.cleared ? step : { ...step, state: clear(step.state, upTo) };
  }

  /** A state that is too large becomes one resync. That drops only contexts of earlier numbers: the current one has to fit. */
  #fitting(step: Step): Step {
    const fits = step.state.contexts.length === 1 || Buffer.byteLength(JSON.stringify(step.state)) <= MAX_STATE_BYTES;
    return fits ? step : this.#collapsed(step);
  }

  #collapsed(step: Step): Step {
    const { state, made } = collapse(step.state, recordTime(this.#deps.clock.now()));
    return { state, made: made === undefined ? step.made : [...step.made, made] };
  }

  /** The state at the log's end, by the log's records. */
  async #advanced(head: InboundHead, { newest, records }: Pick<AdvanceOptions, "newest" | "records">): Promise<Step> {
    let { state } = head;
    const made: RenderedDiff[] = [];
    const source = records ?? new RecordCache(this.#deps.changeLog, head.actorId);
    for await (const { number, record } of source.stream(state.cursor, newest)) {
      if (number !== state.cursor + 1) break;
      const advanced = advance(state, head, number, record);
      state = advanced.state;
      if (advanced.made !== undefined) made.push(advanced.made);
    }
    if (state.cursor >= newest) return { state, made };
    return await this.#skipped(head);
  }

  /** Continues after records that expired before the head passed them. */
  async #skipped(head: InboundHead): Promise<Step> {
    const now = await this.#deps.contextOf(head.actorId, head.peerId);
    if (now === undefined) return { state: { ...head.state, ended: true }, made: [] };
    const at = recordTime(this.#deps.clock.now());
    return stepOf(skipTo(head.state, head, now.newest, { ...now, at }));
  }

  /** True when the head, as it was read, has a live lease: another delivery is under way. */
  isLeased({ lease }: Pick<InboundHead, "lease">): boolean {
    return leaseIsLive(lease, this.#deps.clock.now(), this.#deps.incarnation);
  }
}

const stepOf = ({ state, made }: Advanced): Step => ({ state, made: made === undefined ? [] : [made] });

function isOneResync({ runs, sequence }: SubscriptionState): boolean {
  const [run] = runs;
  return runs.length === 1 && run?.resync !== undefined && run.sequence === sequence;
}
