/** Advances the cursors of inbound subscriptions along their actor's change log, each step one conditional update of the head. */
import type { InboundRef } from "../../domain/terms/refs.ts";
import { effectiveCleared } from "../../domain/log/delivery-state.ts";
import {
  advance,
  clear,
  isTooLarge,
  type Advanced,
  type RenderedDiff,
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
import type { Commits } from "../../change-log/log-commits.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import {
  commitResync,
  type ContextOf,
  type LogResyncDeps,
  type ResyncOptions,
  type ResyncOutcome,
} from "./log-resync.ts";
import { renderAfter, renderNumber } from "./rendered-diffs.ts";

/** A cursor that makes no number is stored only after it has advanced by this many records. */
export const LAZY_RECORDS = 100;
/** Largest stored state, bytes of JSON. An item holds 400 KB. */
const MAX_STATE_BYTES = 200_000;
/** Attempts at one head: each that fails lost to another writer's success. */
const MOST_ATTEMPTS = 50;

export interface CursorStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly changeLog: ChangeLog;
  /** Leases of another incarnation are those of a dead process. */
  readonly incarnation: string;
  /** For the resyncs that take the place of backlogs; nothing is delivered of these commits. */
  readonly commits: Commits;
  readonly contextOf: ContextOf;
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
  /**
   * When a cursor that has advanced is stored: `eager`: in any case; `lazy`: only after many records; absent: also when a
   * number was made.
   */
  readonly store?: "eager" | "lazy";
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
  readonly #resyncDeps: LogResyncDeps;

  constructor(deps: CursorStoreDeps) {
    this.#deps = deps;
    const stateAt = async (head: InboundHead, newest: number): Promise<SubscriptionState | "lost"> => {
      const step = await this.#advanced(head, { newest });
      return step === "lost" ? step : step.state;
    };
    this.#resyncDeps = { ...deps, stateAt };
  }

  /**
   * Advances a head to the log's end: one update, none when there is nothing to store. One resync stands for records that
   * have expired meanwhile, and for more than a head can store. Undefined when the subscription has ended.
   *
   * @throws ServiceError service.unavailable when other writers keep changing the head
   */
  async advance(head: InboundHead, options: AdvanceOptions): Promise<AdvanceResult | undefined> {
    return await this.#write(head, options, async (now) => {
      const { ahead, store } = options;
      const step = ahead === undefined || now !== head ? await this.#advanced(now, options) : stepOf(ahead);
      if (step === "lost") return step;
      const behind = step.state.cursor - now.state.cursor;
      const untried = step.state.sequence > Math.max(now.delivery.tried, step.state.cleared);
      const leasable = step.state.granularity !== "none" && untried;
      const made = store !== "lazy" && step.state.sequence > now.state.sequence;
      const idle = !made && behind < (store === "eager" ? 1 : LAZY_RECORDS);
      return { ...step, idle, lease: leasable || options.lease?.always === true };
    });
  }

  /**
   * Where a subscription that is known by name stands at the log's end, for polls and reads. One request; nothing is
   * stored, unless it is many records behind.
   */
  async toEnd(ref: InboundRef): Promise<AdvanceResult | undefined> {
    const keys = [logHeadKey(ref.actorId), inboundHeadKey(ref)];
    const found = await this.#deps.table.getMany(keys);
    const item = found.find(({ sk }) => sk === keys[1]?.sk);
    if (item === undefined) return undefined;
    const { newest } = readLogHead(found.find(({ sk }) => sk === keys[0]?.sk));
    return await this.advance(readInboundHead(item), { newest, store: "lazy" });
  }

  /**
   * Where heads stand once they have passed every record up to `newest`, in the same order; nothing is stored. Reads the
   * log once. A head that has not passed records that expired stays where it is.
   */
  async preview(heads: readonly InboundHead[], newest: number): Promise<readonly InboundHead[]> {
    const { advanced } = await advanceAll(this.#deps.changeLog, heads, newest);
    return heads.map((head, index) => ({ ...head, state: (advanced[index] ?? head).state }));
  }

  /**
   * The newest number made by records up to `record`, which is at or after the head's cursor; undefined when they have
   * expired. Nothing is stored.
   * @throws RangeError for a record before it
   */
  async sequenceAt(head: InboundHead, record: number): Promise<number | undefined> {
    if (record < head.state.cursor) throw new RangeError("a subscription's earlier numbers are not known by record");
    const step = await this.#advanced(head, { newest: record });
    return step === "lost" ? undefined : step.state.sequence;
  }

  /**
   * Advances a head to the log's end and makes one resync number that stands for everything before it, which is cleared.
   * Makes nothing when such a number is the whole backlog already; see `commitResync`.
   */
  async makeResync(head: InboundHead, options: Pick<ResyncOptions, "token"> = {}): Promise<ResyncOutcome> {
    return await commitResync(this.#resyncDeps, head, { ...options, unless: isOneResync });
  }

  /**
   * Clears the numbers up to `upTo` for good; a number that is cleared already changes nothing. Undefined when the
   * subscription has ended. One update.
   *
   * @throws RangeError for a number beyond the head's newest
   */
  async clear(head: InboundHead, upTo: number): Promise<InboundHead | undefined> {
    const cleared = await this.#write(head, { acknowledgedAt: this.#deps.clock.now() }, async (now) => {
      // The stored head may not have passed the record of that number.
      const behind = upTo > now.state.sequence;
      const step = behind ? await this.#advanced(now, { newest: head.state.cursor }) : { state: now.state };
      if (step === "lost") return step;
      const state = clear(step.state, upTo);
      return { state, made: [], idle: state === now.state, lease: false };
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
    step: (now: InboundHead) => Promise<(Step & { readonly idle: boolean; readonly lease: boolean }) | "lost">,
  ): Promise<AdvanceResult | undefined> {
    const { table, clock } = this.#deps;
    const written = await retryOnConflict<InboundHead, AdvanceResult | "ended" | "leased">(
      head,
      MOST_ATTEMPTS,
      async (now) => {
        const found = await step(now);
        if (found === "lost") return { done: await this.#resynced(now, lease) };
        const { idle, lease: isRequested, ...computed } = found;
        const requested = isRequested ? lease : undefined;
        const free = this.isLeased(now) ? undefined : requested;
        const { made } = computed;
        const state = withoutLeft(now, computed.state, clock.now());
        if (idle && free === undefined) return { done: { head: { ...now, state }, made: [], leased: false } };
        if (!fits(state)) return { done: await this.#resynced(now, lease) };
        const move = moveCursor(now, state, { lease: free, now: clock.now(), acknowledgedAt });
        const outcome = await changeHead(table, now, move);
        if (!outcome.written) {
          const { item: other } = outcome;
          return other !== undefined && isSameLife(other, now) ? { found: readInboundHead(other) } : { done: "ended" };
        }
        const advanced = { head: readInboundHead(outcome.item), made, leased: free !== undefined };
        return { done: requested === free ? advanced : await this.#acquireReleased(advanced, requested) };
      },
    );
    if (written === "ended") return undefined;
    // What only its holder may replace is stored by the next one; a clear must not get lost.
    if (written === "leased" && acknowledgedAt === undefined) return { head, made: [], leased: false };
    if (written !== undefined && written !== "leased") return written;
    throw new ServiceError("service.unavailable", "This subscription keeps changing; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** Has a resync take the place of what a head cannot store, and acquires the lease when one is requested. */
  async #resynced(head: InboundHead, lease: AdvanceOptions["lease"]): Promise<AdvanceResult | "ended" | "leased"> {
    const outcome = await commitResync(this.#resyncDeps, head);
    if (outcome.is !== "made") return outcome.is === "leased" ? outcome.is : "ended";
    return await this.#acquireReleased({ head: outcome.head, made: [outcome.rendered], leased: false }, lease);
  }

  /** Acquires a lease that its holder may have released, without knowing of these numbers, while they were written. */
  async #acquireReleased(advanced: AdvanceResult, lease: Lease | undefined): Promise<AdvanceResult> {
    if (lease === undefined || this.isLeased(advanced.head)) return advanced;
    const { table, clock } = this.#deps;
    const outcome = await changeHead(table, advanced.head, acquireLease(lease, clock.now()));
    return outcome.written ? { ...advanced, head: readInboundHead(outcome.item), leased: true } : advanced;
  }

  /** The state at the log's end, by the log's records; `lost` when some of them have expired. */
  async #advanced(
    head: InboundHead,
    { newest, records }: Pick<AdvanceOptions, "newest" | "records">,
  ): Promise<Step | "lost"> {
    let { state } = head;
    const made: RenderedDiff[] = [];
    const source = records ?? new RecordCache(this.#deps.changeLog, head.actorId);
    for await (const { number, record } of source.stream(state.cursor, newest)) {
      if (number !== state.cursor + 1) break;
      const advanced = advance(state, head, number, record);
      state = advanced.state;
      if (advanced.made !== undefined) made.push(advanced.made);
    }
    return state.cursor >= newest ? { state, made } : "lost";
  }

  /** True when the head, as it was read, has a live lease: another delivery is under way. */
  isLeased({ lease }: Pick<InboundHead, "lease">): boolean {
    return leaseIsLive(lease, this.#deps.clock.now(), this.#deps.incarnation);
  }
}

/** The state without the delivered numbers whose time to leave has come; the next write stores that. */
export function withoutLeft(head: InboundHead, state: SubscriptionState, now: number): SubscriptionState {
  const upTo = Math.min(effectiveCleared(head.delivery, now, head.state.cleared), state.sequence);
  return upTo <= state.cleared ? state : clear(state, upTo);
}

/** True for a state that an item can hold. A resync drops only contexts of earlier numbers: the current one has to fit. */
export function fits(state: SubscriptionState): boolean {
  if (isTooLarge(state)) return false;
  return state.contexts.length === 1 || Buffer.byteLength(JSON.stringify(state)) <= MAX_STATE_BYTES;
}

const stepOf = ({ state, made }: Advanced): Step => ({ state, made: made === undefined ? [] : [made] });

function isOneResync({ runs, sequence }: SubscriptionState): boolean {
  const [run] = runs;
  return runs.length === 1 && run?.resync !== undefined && run.sequence === sequence;
}
