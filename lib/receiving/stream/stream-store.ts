/**
 * The conditional writes on a stream's head: acquire its lease, move it forward, release it, keep what cannot be applied yet.
 * Each is one request, safe to send twice, and answers with the head as it is.
 */
import { advanceChange, commitId, type Advance } from "./advance.ts";
import { bufferChange } from "./buffer-change.ts";
import { leaseIs, newLease } from "../../dynamodb/lease.ts";
import { updateIf } from "../../dynamodb/outcomes.ts";
import { bufferedKey } from "../../dynamodb/keys/streams.ts";
import {
  all,
  any,
  ConditionFailed,
  contains,
  equals,
  itemExists,
  itemMissing,
  missing,
  sizeBelow,
  type Attribute,
  type Item,
  type Key,
  type Table,
} from "../../dynamodb/table.ts";
import type { Clock, Ids } from "../../system/ports.ts";
import { contradictionDue } from "./contradiction.ts";
import { isNextBuffered, readHead, type Head, type RecoveryKind } from "./head.ts";
import {
  acquire,
  headIs,
  requestOf,
  writeOf,
  type HeadFields,
  type LeaseRequest,
  type StreamChange,
} from "./stream-changes.ts";

export interface StreamSettings {
  /** Leases acquired by another incarnation are void: an earlier start of a local server took them. */
  readonly incarnation: string;
  readonly maxPending: number;
  readonly gapTimeoutMs: number;
}

/**
 * How long a buffered body may wait for its gap before DynamoDB drops it: 30 days. Recovery asks the publisher long
 * before.
 */
const BUFFER_TTL_SECONDS = 30 * 24 * 3_600;

/** Often enough for every writer that can move one head at once; each retry means another writer got on. */
const MOST_CONFLICTS = 1_100;

/** Copies of passed numbers that were buffered while their stream was worked on. */
export interface Copies {
  /** The numbers among the buffered ones seen whose content is not known to be what was applied. */
  readonly among: (seen: Head) => readonly number[];
  /** True when another content than was applied is in one of them. */
  readonly differ: (numbers: readonly number[]) => Promise<boolean>;
}

export type LeaseAttempt = { readonly won: true; readonly head: Head } | { readonly won: false; readonly head?: Head };

export interface StreamStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly settings: StreamSettings;
  /** Sends a message for a head's due time; without it the sweep finds what was brought forward. */
  readonly wake?: (head: Head) => Promise<void>;
}

/** The writes that move stream heads. Only the holder of a lease moves one forward. */
export class StreamStore {
  readonly #deps: StreamStoreDeps;

  constructor(deps: StreamStoreDeps) {
    this.#deps = deps;
  }

  /** The head as it is; undefined when there is none. 1 read. */
  async read(key: Key): Promise<Head | undefined> {
    const item = await this.#deps.table.get(key);
    return item === undefined ? undefined : readHead(item);
  }

  /** Acquires the stream's lease for `leaseMs` from now and counts a start of what comes next. 1 write. */
  async acquireLease(key: Key, request: LeaseRequest): Promise<LeaseAttempt> {
    const { ids, clock, settings } = this.#deps;
    const lease = newLease({ ids, clock, incarnation: settings.incarnation }, request.leaseMs);
    const { written, head } = await this.#write(key, acquire(lease, clock.now(), request));
    if (head === undefined) return { won: false };
    // The client may have repeated a write whose answer was lost: then the lease found is this very one.
    return { won: written || head.lease?.token === lease.token, head };
  }

  /**
   * Moves `lastSeq` forward, drops what that makes superfluous from the buffered numbers, and keeps the due time true.
   * 1 write; repeated while others add buffered numbers in between, and 1 read when a copy of a passed number is among
   * them: another content than was applied marks the stream contradicted. Undefined when the lease was lost meanwhile.
   */
  async advance(head: Head, given: Advance, copies?: Copies): Promise<Head | undefined> {
    const token = head.lease?.token ?? "";
    let seen = head;
    let advance = given;
    const compared = new Set<number>();
    for (let conflict = 0; conflict < MOST_CONFLICTS; conflict += 1) {
      const found = copies?.among(seen).filter((n) => !compared.has(n)) ?? [];
      for (const n of found) compared.add(n);
      // Content that cannot be read counts as different: reading the state is right in both cases.
      const differ = found.length > 0 && (await copies?.differ(found).catch(() => true));
      if (differ === true) advance = { ...advance, contradicts: true };
      const change = advanceChange(seen, token, advance, this.#deps.clock.now(), this.#deps.settings.gapTimeoutMs);
      const { written, head: now, item } = await this.#write(head.key, change);
      if (now === undefined) return undefined;
      if (written) {
        if (now.contradicted && now.dueAt !== seen.dueAt) await this.#deps.wake?.(now);
        return advance.keepLease ? now : await this.#bringForward(now, head.lease?.until);
      }
      if (item?.["doneToken"] === commitId(token, advance)) return now;
      seen = now;
      if (!seen.live || seen.lease?.token !== token) return undefined;
    }
    return undefined;
  }

  /**
   * Work was put off until this lease would have run out, and the lease has been given back: the work is due now. The
   * usual head has nothing of the kind, and costs nothing.
   */
  async #bringForward(head: Head, until: number | undefined): Promise<Head> {
    if (until === undefined || head.dueAt !== until || (head.buffered.size === 0 && !hasWork(head))) return head;
    const gapDue = head.gapSince === undefined ? 0 : head.gapSince + this.#deps.settings.gapTimeoutMs;
    const now = this.#deps.clock.now();
    const workAt = head.recoveryRequested === undefined && !head.hooksResuming ? contradictionDue(head, now) : now;
    const dueAt = isNextBuffered(head) ? now : Math.max(now, hasWork(head) ? workAt : gapDue);
    // What is next may be buffered meanwhile, and must not be put off.
    const unchanged = dueAt > until ? headIs.bufferedAsSeen(head) : headIs.live;
    const when = all(headIs.live, equals("dueAt", until), unchanged);
    const moved = await this.amend(head.key, { fields: { dueAt }, when });
    if (moved === undefined) return head;
    await this.#deps.wake?.(moved);
    return moved;
  }

  /**
   * Gives the lease back with nothing applied, the start uncounted, unless it counts because its hook had begun. Quiet
   * when it was lost meanwhile. 1 write, 2 when something was put off until the lease would have run out, or when the
   * given due time would put off what is next.
   *
   * @returns the head without the lease; undefined when it was lost
   */
  async release(
    head: Head,
    options: { readonly fields?: HeadFields; readonly request?: RecoveryKind; readonly countsAsStart?: boolean } = {},
  ): Promise<Head | undefined> {
    const atOnce = { dueAt: this.#deps.clock.now() };
    const due = head.buffered.size > 0 ? atOnce : {};
    const request = options.request === undefined ? {} : requestOf(options.request);
    const release: StreamChange = {
      ...request,
      fields: { lease: undefined, ...due, ...options.fields, ...request.fields },
      // The lease, or the advance that kept it, counted one start of what comes next, whatever `head` still says.
      add: { starts: options.countsAsStart === true ? 0 : -1 },
      when: leaseIs.ownedBy(head.lease),
    };
    if (options.fields?.dueAt === undefined) {
      const released = await this.amend(head.key, release);
      return released && (await this.#bringForward(released, head.lease?.until));
    }
    // The holder may have moved the head further than it knows, before it failed.
    const { lastSeq } = head;
    const when = all(release.when, headIs.at(lastSeq), headIs.blockedAt(lastSeq));
    return (
      (await this.amend(head.key, { ...release, when })) ??
      (await this.amend(head.key, { ...release, fields: { ...release.fields, ...atOnce } }))
    );
  }

  /**
   * Buffers a number that cannot be applied yet: its body first, then the number. Only what `decide` answered "buffer" for is
   * passed here; the head may have moved since. 2 writes.
   *
   * @returns the head with the number `buffered`, or the head that made it impossible, to be decided upon again.
   */
  async bufferEvent(
    head: Head,
    sequence: number,
    content: Readonly<Record<string, Attribute>>,
  ): Promise<{ buffered: boolean; head: Head | undefined; first: boolean }> {
    const first = await this.#putBuffered(head, sequence, content);
    const change = bufferChange(head, sequence, this.#deps.clock.now(), this.#deps.settings);
    const put = await this.#write(head.key, change);
    return { buffered: put.written, head: put.head, first };
  }

  async #putBuffered(head: Head, sequence: number, content: Readonly<Record<string, Attribute>>): Promise<boolean> {
    const ttl = Math.ceil(this.#deps.clock.now() / 1_000) + BUFFER_TTL_SECONDS;
    try {
      await this.#deps.table.put({ ...bufferedKey(head.key, head.epoch, sequence), ...content, ttl }, itemMissing);
      return true;
    } catch (error) {
      // Refused with nothing found means no body is there: then its number may not be buffered.
      if (!(error instanceof ConditionFailed) || error.item === undefined) throw error;
      return false;
    }
  }

  /**
   * Notes a number whose content is unavailable: it is buffered, without a body, while there is room for it, and a
   * resync is requested at once. 1 or 2 writes.
   */
  async markUnavailable(head: Head, sequence: number): Promise<Head | undefined> {
    const now = this.#deps.clock.now();
    const mine = all(headIs.live, headIs.ofEpoch(head.epoch));
    const room = any(
      missing("buffered"),
      contains("buffered", sequence),
      sizeBelow("buffered", this.#deps.settings.maxPending),
    );
    const buffering: StreamChange = {
      fields: { recoveryRequested: "resync", dueAt: now },
      ifMissing: { gapSince: now },
      add: { buffered: new Set([sequence]), recoveryRevision: 1 },
      when: all(mine, headIs.before(sequence), room),
    };
    return (await this.amend(head.key, buffering)) ?? (await this.requestRecovery(head, "resync", now));
  }

  /** Makes one change of the head; undefined when its condition does not hold. 1 write. */
  async amend(key: Key, change: StreamChange): Promise<Head | undefined> {
    const { written, head } = await this.#write(key, { ...change, when: all(itemExists, change.when) });
    return written ? head : undefined;
  }

  /** @returns the head as it is, written or not; undefined when there is none */
  async #write(
    key: Key,
    change: StreamChange,
  ): Promise<{ readonly written: boolean; readonly head: Head | undefined; readonly item: Item | undefined }> {
    const write = writeOf(key, change);
    const { written, item } = await updateIf(this.#deps.table, key, write.change, write.condition);
    return { written, head: item === undefined ? undefined : readHead(item), item };
  }

  /**
   * Requests a recovery: marks it requested and due at `dueAt`, unless it is due earlier already. `resync` and `refresh` are
   * never weakened, and a recovery that is running does not complete what is requested after it began. 1 write.
   *
   * @returns undefined when the subscription has ended, or `also.when` does not hold
   */
  async requestRecovery(
    head: Pick<Head, "key">,
    kind: RecoveryKind,
    dueAt: number,
    also: StreamChange = { when: headIs.live },
  ): Promise<Head | undefined> {
    const request = requestOf(kind);
    const fields = { ...also.fields, ...request.fields };
    const requested = { ...request, fields, add: { recoveryRevision: 1 as const } };
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const marked =
        (await this.amend(head.key, {
          ...requested,
          fields: { ...fields, dueAt },
          when: all(headIs.live, also.when, headIs.notDueBy(dueAt)),
        })) ??
        // Due earlier already: only the mark is left to set.
        (await this.amend(head.key, { ...requested, when: all(headIs.live, also.when, headIs.dueBy(dueAt)) }));
      if (marked !== undefined) return marked;
    }
    return undefined;
  }
}

/** True when something besides a gap is to be done on the stream. */
const hasWork = (head: Head): boolean =>
  head.recoveryRequested !== undefined || head.hooksResuming || (head.contradicted && head.buffered.size === 0);
