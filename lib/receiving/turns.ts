/**
 * The conditional writes on a stream's head: claim it, move it forward, give it back, keep what cannot be applied yet.
 * Each is one request, safe to send twice, and answers with the head as it is.
 */
import { pendingKey } from "../dynamodb/keys.ts";
import {
  above,
  all,
  any,
  below,
  ConditionFailed,
  contains,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  sizeBelow,
  sizeEquals,
} from "../dynamodb/table.ts";
import type { Attribute, Change, Condition, Key, Table } from "../dynamodb/table.ts";
import type { Clock, Ids } from "../ports.ts";
import { defined, dueAttributes, headIs, readHead } from "./head.ts";
import type { Head } from "./head.ts";

export interface StreamSettings {
  /** Claims taken under another fence are void: an earlier start of a local server took them. */
  readonly claimFence: string;
  readonly maxPending: number;
  readonly gapTimeoutMs: number;
}

/** What clocks of two instances may differ by; a claim outlives its holder's deadline by this many ms. */
export const CLOCK_SKEW_MS = 2_000;

/** How long what was kept may wait for its gap before DynamoDB drops it: 30 days. Recovery asks the publisher long before. */
const PENDING_TTL_SECONDS = 30 * 24 * 3_600;

/** Often enough for every writer that can move one head at once; each retry means another writer got on. */
const MOST_CONFLICTS = 1_100;

export type Claimed = { readonly won: true; readonly head: Head } | { readonly won: false; readonly head?: Head };

export interface Advance {
  /** The new `lastSeq`. */
  readonly to: number;
  /** Go on with the next number under the same claim; its first start is counted. */
  readonly keepClaim: boolean;
  /** More attributes that become true with it. */
  readonly set?: Readonly<Record<string, Attribute>>;
  readonly remove?: readonly string[];
}

export class Turns {
  readonly #table: Table;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #settings: StreamSettings;

  constructor(deps: { table: Table; clock: Clock; ids: Ids; settings: StreamSettings }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#settings = deps.settings;
  }

  /** The head as it is; undefined when there is none. 1 read. */
  async read(key: Key): Promise<Head | undefined> {
    const item = await this.#table.get(key);
    return item === undefined ? undefined : readHead(item);
  }

  /**
   * Claims the stream for `holdMs` from now and counts a start of what comes next. In order: pass `at` (the `lastSeq` the
   * claim is for); without it any position will do, as recovery needs. 1 write.
   */
  async claim(
    key: Key,
    options: {
      readonly holdMs: number;
      readonly auth?: string;
      readonly at?: number;
      readonly epoch?: number;
      readonly evenReplacing?: boolean;
      readonly before?: number;
      readonly also?: readonly Condition[];
    },
  ): Promise<Claimed> {
    const now = this.#clock.now();
    const token = this.#ids.id().slice(0, 16);
    const { claimFence } = this.#settings;
    const condition = all(
      headIs.live,
      headIs.openTo(options.auth),
      ...(options.at === undefined ? [] : [headIs.at(options.at)]),
      ...(options.before === undefined ? [] : [headIs.before(options.before)]),
      ...(options.epoch === undefined ? [] : [headIs.ofEpoch(options.epoch)]),
      ...(options.evenReplacing === true ? [] : [headIs.notReplacing]),
      ...(options.also ?? []),
      headIs.free(now, claimFence),
    );
    const change: Change = {
      set: { claimToken: token, claimUntil: now + options.holdMs + CLOCK_SKEW_MS, claimFence },
      add: { version: 1, starts: 1 },
    };
    try {
      return { won: true, head: readHead(await this.#table.update(key, change, condition)) };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      if (error.item === undefined) return { won: false };
      const head = readHead(error.item);
      // The client may have repeated a write whose answer was lost: then the claim found is this very one.
      return { won: head.claim?.token === token, head };
    }
  }

  /**
   * Moves `lastSeq` forward, drops what that makes superfluous from the pending numbers, and keeps the due time true.
   * 1 write; repeated while others add pending numbers in between. Undefined when the claim was lost meanwhile.
   */
  async advance(head: Head, advance: Advance): Promise<Head | undefined> {
    const token = head.claim?.token ?? "";
    let seen = head;
    for (let conflict = 0; conflict < MOST_CONFLICTS; conflict += 1) {
      const { change, condition } = this.#advanceOf(seen, token, advance);
      try {
        return readHead(await this.#table.update(head.key, change, condition));
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
        if (error.item === undefined) return undefined;
        if (error.item["doneToken"] === doneMark(token, advance.to)) return readHead(error.item);
        seen = readHead(error.item);
        if (!seen.live || seen.claim?.token !== token) return undefined;
      }
    }
    return undefined;
  }

  #advanceOf(seen: Head, token: string, advance: Advance): { change: Change; condition: Condition } {
    const now = this.#clock.now();
    const left = [...seen.pending].filter((n) => n > advance.to);
    const dropped = new Set([...seen.pending].filter((n) => n <= advance.to));
    const set: Record<string, Attribute> = {
      lastSeq: advance.to,
      starts: advance.keepClaim ? 1 : 0,
      activeAt: now,
      doneToken: doneMark(token, advance.to),
      ...advance.set,
    };
    const remove = [...(advance.remove ?? []), ...(advance.keepClaim ? [] : CLAIM_ATTRIBUTES)];
    let pendingIs: Condition = missing("pending");
    let discard: Change["discard"];
    if (left.length > 0) {
      // Others may only have added numbers, so some stay pending whatever happened meanwhile.
      pendingIs = exists("pending");
      if (dropped.size > 0) discard = { pending: dropped };
      const newGap = !left.includes(advance.to + 1);
      if (!advance.keepClaim || newGap) {
        set["gapSince"] = now;
        Object.assign(set, dueAttributes(seen.key, newGap ? now + this.#settings.gapTimeoutMs : now));
      }
    } else if (seen.pending.size > 0) {
      // While the claim holds numbers are only added: an equal size is an equal set.
      pendingIs = sizeEquals("pending", seen.pending.size);
      remove.push("pending", "gapSince");
      if (advance.set?.["wanted"] === undefined)
        Object.assign(set, restingDue({ ...seen, ...(advance.set as Partial<Head>) }, remove));
    } else if (advance.set?.["wanted"] === undefined && remove.includes("wanted")) {
      Object.assign(set, restingDue({ ...seen, ...(advance.set as Partial<Head>) }, remove));
    }
    for (const name of remove) Reflect.deleteProperty(set, name);
    return {
      change: { set, add: { version: 1 }, remove, ...defined("discard", discard) },
      condition: all(headIs.live, headIs.claimedBy(token), pendingIs),
    };
  }

  /** Gives the claim back with nothing applied, the start uncounted. Quiet when it was lost meanwhile. 1 write. */
  async release(head: Head, options: { readonly set?: Readonly<Record<string, Attribute>> } = {}): Promise<void> {
    const due = head.pending.size > 0 ? dueAttributes(head.key, this.#clock.now()) : {};
    const set = { ...due, ...options.set };
    try {
      await this.#table.update(
        head.key,
        // The claim, or the advance that kept it, counted one start of what comes next, whatever `head` still says.
        { set, remove: CLAIM_ATTRIBUTES, add: { version: 1, starts: -1 } },
        headIs.claimedBy(head.claim?.token ?? ""),
      );
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }

  /**
   * Keeps a number that cannot be applied yet: its body first, then its slot. Only what `decide` answered "keep" for is
   * passed here; the head may have moved since. 2 writes.
   *
   * @returns the head with the slot taken (`kept`), or the head that made it impossible, to be decided upon again.
   */
  async keep(
    head: Head,
    sequence: number,
    content: Readonly<Record<string, Attribute>>,
    extra: Readonly<Record<string, Attribute>> = {},
  ): Promise<{ kept: boolean; head: Head | undefined; first: boolean }> {
    const first = await this.#putPending(head, sequence, content);
    const now = this.#clock.now();
    const { maxPending, gapTimeoutMs, claimFence } = this.#settings;
    const opens = head.pending.size === 0;
    // Whoever holds a claim looks at the gap when it ends. Once it has been given back nobody would, until it had run out.
    const gapDue = Math.max(now + gapTimeoutMs, head.claim?.until ?? 0);
    // A recovery that is owed already is not put off by a gap.
    const dueAt = head.wanted === undefined ? gapDue : Math.min(gapDue, head.dueAt ?? gapDue);
    const condition = all(
      headIs.live,
      headIs.openTo(head.auth),
      headIs.ofEpoch(head.epoch),
      headIs.before(sequence),
      any(headIs.before(sequence - 1), headIs.taken(now, claimFence), exists("replacing")),
      opens
        ? all(missing("pending"), head.claim === undefined ? itemExists : headIs.claimedBy(head.claim.token))
        : all(exists("pending"), any(contains("pending", sequence), sizeBelow("pending", maxPending))),
    );
    const change: Change = {
      add: { pending: new Set([sequence]), version: 1 },
      set: { ...extra, ...(opens ? { gapSince: now, ...dueAttributes(head.key, dueAt) } : {}) },
    };
    try {
      return { kept: true, head: readHead(await this.#table.update(head.key, change, condition)), first };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return { kept: false, head: error.item === undefined ? undefined : readHead(error.item), first };
    }
  }

  async #putPending(head: Head, sequence: number, content: Readonly<Record<string, Attribute>>): Promise<boolean> {
    const ttl = Math.ceil(this.#clock.now() / 1_000) + PENDING_TTL_SECONDS;
    try {
      await this.#table.put({ ...pendingKey(head.key, head.epoch, sequence), ...content, ttl }, itemMissing);
      return true;
    } catch (error) {
      // Refused with nothing found means no body is there: then no slot may be taken for it.
      if (!(error instanceof ConditionFailed) || error.item === undefined) throw error;
      return false;
    }
  }

  /**
   * Notes a number whose content cannot be had: its slot is taken, without a body, while there is room for it, and a
   * resync is wanted at once. 1 or 2 writes.
   */
  async hole(head: Head, sequence: number): Promise<Head | undefined> {
    const now = this.#clock.now();
    const wanted = { wanted: "resync", ...dueAttributes(head.key, now) };
    const mine = all(headIs.live, headIs.ofEpoch(head.epoch));
    const room = any(
      missing("pending"),
      contains("pending", sequence),
      sizeBelow("pending", this.#settings.maxPending),
    );
    const slot: Change = {
      add: { pending: new Set([sequence]), version: 1 },
      set: wanted,
      setIfMissing: { gapSince: now },
    };
    return (
      (await this.amend(head.key, slot, all(mine, headIs.before(sequence), room))) ??
      (await this.amend(head.key, { set: wanted, add: { version: 1 } }, mine))
    );
  }

  /** Changes a head that no one needs to have claimed; undefined when the condition does not hold. 1 write. */
  async amend(key: Key, change: Change, condition: Condition): Promise<Head | undefined> {
    try {
      return readHead(await this.#table.update(key, change, all(itemExists, condition)));
    } catch (error) {
      if (error instanceof ConditionFailed) return undefined;
      throw error;
    }
  }

  /**
   * Asks for recovery: marks it wanted and due at `dueAt`, unless it is due earlier already. `resync` is never weakened
   * to `catch_up`. 1 write.
   */
  async want(
    head: Head,
    kind: "catch_up" | "resync",
    dueAt: number,
    also: { readonly set: Readonly<Record<string, Attribute>>; readonly when: Condition } = NOTHING_ELSE,
  ): Promise<Head | undefined> {
    const stronger = kind === "resync" ? headIs.live : any(missing("wanted"), equals("wanted", "catch_up"));
    const mine = all(headIs.live, headIs.ofEpoch(head.epoch), stronger, also.when);
    const set = { ...also.set, wanted: kind };
    const sooner = any(missing("dueAt"), above("dueAt", dueAt));
    const brought = { set: { ...set, ...dueAttributes(head.key, dueAt) }, add: { version: 1 } };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const marked =
        (await this.amend(head.key, brought, all(mine, sooner))) ??
        // Due earlier already: only the mark is left to set.
        (await this.amend(head.key, { set, add: { version: 1 } }, all(mine, below("dueAt", dueAt + 1))));
      if (marked !== undefined) return marked;
    }
    return undefined;
  }
}

const NOTHING_ELSE = { set: {}, when: itemExists };

const CLAIM_ATTRIBUTES = ["claimToken", "claimUntil", "claimFence"] as const;

/** Tells a repeated advance whose answer was lost from one that another made. */
const doneMark = (token: string, to: number): string => `${token}.${String(to)}`;

/** The due attributes of a head with nothing pending: its reconciliation, or none (their names join `remove`). */
export function restingDue(head: Head, remove: string[]): { readonly dueShard?: string; readonly dueAt?: number } {
  if (head.wanted !== undefined && !remove.includes("wanted")) return {};
  if (head.reconcileAt !== undefined) return dueAttributes(head.key, head.reconcileAt);
  remove.push("dueShard", "dueAt");
  return {};
}
