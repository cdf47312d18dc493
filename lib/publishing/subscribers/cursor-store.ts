/** Advances the cursors of inbound subscriptions along their actor's change log, each step one conditional update of the head. */
import { compact } from "../../system/compact.ts";
import { effectiveCleared } from "../../domain/log/delivery-state.ts";
import { advance, clear, collapse, skipTo } from "../../domain/log/subscription-log.ts";
import type { RenderedDiff } from "../../domain/log/render-backlog.ts";
import type { SubscriptionContext, MadeNumber, SubscriptionState } from "../../domain/log/subscription-log.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { leaseAttributes, leaseIs, leaseIsLive } from "../../dynamodb/lease.ts";
import type { Lease } from "../../dynamodb/lease.ts";
import { inboundHeadKey, logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { ConditionFailed, all, equals, itemExists } from "../../dynamodb/table.ts";
import type { Condition, Item, Table } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock } from "../../system/ports.ts";
import { readLogHead } from "../../change-log/change-log.ts";
import type { ChangeLog } from "../../change-log/change-log.ts";
import { headKey, readInboundHead, stateAttributes } from "./inbound-head.ts";
import type { InboundHead } from "./inbound-head.ts";
import { advanceAll } from "./advance-all.ts";
import { RecordCache } from "../../change-log/record-cache.ts";
import { recordTime } from "../../change-log/record-time.ts";
import { renderAfter, renderNumber } from "./rendered-diffs.ts";

/** A head is written without a new number, too, when it has come so many records further. */
export const LAZY_RECORDS = 100;
/** Largest state, bytes of JSON: beyond, one resync stands for its backlog. An item holds 400 KB. */
const MAX_STATE_BYTES = 200_000;
/** Writers that meet at one head: each try lost was won by another. */
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
  /** Records that other heads move over too. */
  readonly records?: RecordCache;
  /**
   * Takes the delivery, in the same update when it is free, if a number was made or one was never tried; `always`: even
   * if there is nothing new.
   */
  readonly lease?: Lease & { readonly always?: boolean };
  /** Notes also that nothing concerned the head. */
  readonly eager?: boolean;
  /** Where the head stands at `newest`, by `advanceAll`: nothing is read. */
  readonly ahead?: SubscriptionState;
}

/** A head after its cursor has advanced. */
export interface AdvanceResult {
  readonly head: InboundHead;
  /** The numbers that this step has made; numbers that another writer made meanwhile are not among them. */
  readonly made: readonly MadeNumber[];
  /** The requested lease was acquired. */
  readonly leased: boolean;
}

interface Step {
  readonly state: SubscriptionState;
  readonly made: readonly MadeNumber[];
}

/** Moves heads. Everything may be repeated by anyone at any time: a head's state follows from the log. */
export class CursorStore {
  readonly #deps: CursorStoreDeps;

  constructor(deps: CursorStoreDeps) {
    this.#deps = deps;
  }

  /**
   * Moves a head to the log's end: one update, none when there is nothing to note. Records that have expired meanwhile
   * are made up for by one resync number. Undefined when the subscription has ended.
   *
   * @throws ServiceError service.unavailable when others keep moving it
   */
  async advance(head: InboundHead, options: AdvanceOptions): Promise<AdvanceResult | undefined> {
    return await this.#write(head, options, async (now) => {
      const { ahead } = options;
      const step =
        ahead === undefined || now !== head ? await this.#advanced(now, options) : { state: ahead, made: [] };
      const behind = step.state.cursor - now.state.cursor;
      const untried = step.state.sequence > Math.max(now.delivery.tried, step.state.cleared);
      const leasable = step.state.granularity !== "none" && untried;
      const idle = step.state.sequence === now.state.sequence && behind < (options.eager === true ? 1 : LAZY_RECORDS);
      return { ...step, idle, lease: leasable || options.lease?.always === true };
    });
  }

  /**
   * The same with everything read, for polls and reads that name a subscription: one request when there is nothing to
   * note.
   */
  async toEnd(actorId: string, peerId: string, id: string): Promise<AdvanceResult | undefined> {
    const keys = [logHeadKey(actorId), inboundHeadKey({ actorId, peerId, id })];
    const found = await this.#deps.table.getMany(keys);
    const item = found.find(({ sk }) => sk === keys[1]?.sk);
    if (item === undefined) return undefined;
    const { newest } = readLogHead(found.find(({ sk }) => sk === keys[0]?.sk));
    return await this.advance(readInboundHead(item), { newest });
  }

  /**
   * Where heads stand when they have looked at everything up to `newest`, in the same order; nothing is stored. Reads the
   * log once.
   */
  async preview(heads: readonly InboundHead[], newest: number): Promise<readonly InboundHead[]> {
    const { states } = await advanceAll(this.#deps.changeLog, heads, newest);
    const previewed: InboundHead[] = [];
    for (const [index, head] of heads.entries()) {
      const state = states[index] ?? head.state;
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
   * Moves a head to the log's end and has one resync number stand for everything that its peer has not taken: what came
   * before is gone. Nothing is made when such a number is the whole backlog already. Undefined when the subscription has
   * ended.
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
   * Clears the numbers up to `upTo`: they are gone for good; going back changes nothing. Undefined when the subscription
   * has ended. One update.
   *
   * @throws RangeError for a number that was not made up to the head's state
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

  /** Writes a step, or computes it again on what another writer has written meanwhile. */
  async #write(
    head: InboundHead,
    { lease, acknowledgedAt }: Pick<AdvanceOptions, "lease"> & { readonly acknowledgedAt?: number },
    step: (now: InboundHead) => Promise<Step & { readonly idle: boolean; readonly lease: boolean }>,
  ): Promise<AdvanceResult | undefined> {
    let now = head;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const requested = await step(now);
      const requestedLease = requested.lease ? lease : undefined;
      const free = requestedLease !== undefined && this.#isFree(now.lease);
      if (requested.idle && !free) {
        return { head: { ...now, state: this.#left(now, requested).state }, made: [], leased: false };
      }
      const { state, made } = this.#fitting(this.#left(now, requested));
      const found = await this.#update(now, state, free ? requestedLease : undefined, compact({ acknowledgedAt }));
      if (found === undefined) return undefined;
      if ("written" in found) {
        const advanced = { head: readInboundHead(found.written), made, leased: free };
        return requestedLease === undefined || free ? advanced : await this.#release(advanced, requestedLease);
      }
      now = found.other;
    }
    throw new ServiceError("service.unavailable", "This subscription keeps changing; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  async #update(
    now: InboundHead,
    state: SubscriptionState,
    lease: Lease | undefined,
    also: Readonly<Record<string, number>>,
  ): Promise<{ readonly written: Item } | { readonly other: InboundHead } | undefined> {
    const set = { ...stateAttributes(state), ...also, ...(lease === undefined ? {} : leaseAttributes(lease)) };
    const same = equals("version", now.version);
    try {
      const change = { set, add: { version: 1 } };
      return {
        written: await this.#deps.table.update(
          headKey(now),
          change,
          lease === undefined ? same : all(same, this.#freeNow()),
        ),
      };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return error.item === undefined || !isSameLife(error.item, now)
        ? undefined
        : { other: readInboundHead(error.item) };
    }
  }

  /** Whoever held the lease may have let go while the numbers were written, and does not know of them. */
  async #release(advanced: AdvanceResult, lease: Lease): Promise<AdvanceResult> {
    if (!this.#isFree(advanced.head.lease)) return advanced;
    try {
      const change = { set: leaseAttributes(lease) };
      const item = await this.#deps.table.update(headKey(advanced.head), change, all(itemExists, this.#freeNow()));
      return { ...advanced, head: readInboundHead(item), leased: true };
    } catch (error) {
      if (error instanceof ConditionFailed) return advanced;
      throw error;
    }
  }

  /** What has left by itself since goes with the next write. */
  #left(now: InboundHead, step: Step): Step {
    const upTo = Math.min(
      effectiveCleared(now.delivery, this.#deps.clock.now(), now.state.cleared),
      step.state.sequence,
    );
    return upTo <= step.state.cleared ? step : { ...step, state: clear(step.state, upTo) };
  }

  /** Only contexts of earlier numbers are dropped that way: one that holds now has to fit. */
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
    const made: MadeNumber[] = [];
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

  /** Some records have expired before the head looked at them. */
  async #skipped(head: InboundHead): Promise<Step> {
    const now = await this.#deps.contextOf(head.actorId, head.peerId);
    if (now === undefined) return { state: { ...head.state, ended: true }, made: [] };
    const at = recordTime(this.#deps.clock.now());
    const { state, made } = skipTo(head.state, head, now.newest, { ...now, at });
    return { state, made: made === undefined ? [] : [made] };
  }

  /** As it was read, someone else delivers it at the moment. */
  isLeased({ lease }: Pick<InboundHead, "lease">): boolean {
    return !this.#isFree(lease);
  }

  #isFree(lease: Lease | undefined): boolean {
    return !leaseIsLive(lease, this.#deps.clock.now(), this.#deps.incarnation);
  }

  #freeNow(): Condition {
    return leaseIs.free(this.#deps.clock.now(), this.#deps.incarnation);
  }
}

/** Not one that was made anew under the same id. */
const isSameLife = (item: Item, head: InboundHead): boolean => item["createdAt"] === head.createdAt;

function isOneResync({ runs, sequence }: SubscriptionState): boolean {
  const [run] = runs;
  return runs.length === 1 && run?.resync !== undefined && run.sequence === sequence;
}
