/**
 * What the change log says, worked out beside the service from the records alone: the state after each, and the numbers
 * of every subscription. The stored heads, callbacks and polls are compared with it.
 */
import type { Change, LogRecord, NamedScope } from "../../../lib/domain/diff/change-record.ts";
import { shapeDiff } from "../../../lib/domain/diff/shape-diff.ts";
import { defaultPermissions, type PropertyPermissions } from "../../../lib/domain/policy/permissions.ts";
import { placeOf, type Place } from "../../../lib/domain/terms/scope.ts";
import {
  advance,
  diffContext,
  currentContext,
  startState,
  type Subscriber,
  type SubscriptionState,
  type ContextVersion,
} from "../../../lib/domain/log/subscription-log.ts";
import { bothReads, readsOf } from "../../../lib/domain/policy/visibility.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { changed, type State } from "../shaped-world.ts";
import { Violation } from "./violation.ts";

/** The relationship that every peer of the world has. */
export const RELATIONSHIP = "friend";

/** A request is alone for certain this long after the record before its own, ms; see the time-out of the plan. */
const ALONE_AFTER_MS = 10_000;

/** One number as it must be rendered. */
export interface Entry {
  readonly sequence: number;
  /** The record that made it. */
  readonly recordNumber: number;
  /** The context it was made under; `resync`: everything is to be read again. */
  readonly said: ContextVersion | "resync";
}

/** One inbound subscription as the log knows it. */
export class Line {
  readonly who: Subscriber;
  /** The record that named it first. */
  readonly begun: number;
  /** The numbers that the records have made so far, in order. */
  readonly entries: Entry[] = [];
  /** Where the head would stand, had it passed every record. */
  state: SubscriptionState;
  /** The numbers of resyncs that stand for all before them. */
  readonly collapses = new Set<number>();
  /** The records of resyncs that left numbers out. */
  readonly #skipping = new Set<number>();

  constructor(who: Subscriber, begun: number, state: SubscriptionState) {
    this.who = who;
    this.begun = begun;
    this.state = state;
  }

  record(recordNumber: number, record: LogRecord): void {
    const { state, made } = advance(this.state, this.who, recordNumber, record);
    this.state = state;
    if (made === undefined) return;
    if (made.sequence > this.entries.length + 1) this.#skipping.add(recordNumber);
    // The peer may have taken numbers that the publisher cannot know any more: the resync comes after all of them.
    while (made.sequence > this.entries.length + 1) this.#enter(recordNumber, "resync");
    if (made.sequence !== this.entries.length + 1) {
      const name = `${this.name}: record ${String(recordNumber)}`;
      throw new Violation(`${name} takes the number ${String(made.sequence)}, which another has (P2).`);
    }
    if (record.kind === "resync") this.collapses.add(made.sequence);
    this.#enter(recordNumber, made.content === "resync" ? "resync" : currentContext(state));
  }

  #enter(recordNumber: number, said: Entry["said"]): void {
    this.entries.push({ sequence: this.entries.length + 1, recordNumber, said });
  }

  /**
   * Compares the stored head, which has passed the records after `after`. `lost`: some of them had expired.
   * @throws Violation when it has made another number of numbers than its records make
   */
  follow(stored: SubscriptionState, after: number, lost: boolean): void {
    const made = this.entries.findLast(({ recordNumber }) => recordNumber <= stored.cursor)?.sequence ?? 0;
    if (stored.sequence !== made) {
      throw new Violation(
        `${this.name}: ${String(stored.sequence)} numbers made at record ${String(stored.cursor)}, the log makes ${String(made)} (P1, P2).`,
      );
    }
    const skips = [...this.#skipping].some((record) => record > after && record <= stored.cursor);
    if (skips && !lost) throw new Violation(`${this.name}: numbers are left out, and nothing has expired (P2).`);
  }

  /** True when records after this one make a number. */
  pendingAfter(cursor: number): boolean {
    return (this.entries.at(-1)?.recordNumber ?? 0) > cursor;
  }

  get name(): string {
    return `${this.who.peerId}/${this.who.id}`;
  }
}

export class Ledger {
  readonly records: LogRecord[] = [];
  /** All properties after the newest record. */
  state: State = new Map();
  readonly lines = new Map<string, Line>();
  /** The marks of the changes that the log holds. */
  readonly recorded = new Set<string>();
  /** Sweeps and messages that are under way, and the newest record when the last one ended. */
  working = 0;
  workedUpTo = 0;
  /** Lines that have ended: what was under way for them may still arrive. */
  readonly ended = new Map<string, Line>();
  /** Of each peer: what it may read, from which record on. */
  readonly #permissions = new Map<string, { readonly from: number; readonly permissions: PropertyPermissions }[]>();
  readonly #scopes = new Map<string, readonly NamedScope[]>();
  #suspensions: { readonly target: string; readonly subtarget?: string }[] = [];

  get newest(): number {
    return this.records.length;
  }

  /** Takes the next record. */
  add(record: LogRecord): void {
    this.records.push(record);
    const number = this.newest;
    if (record.kind === "change") {
      this.state = changed(this.state, record.changes);
      this.#mark(record.changes);
    }
    if (record.kind === "permissions")
      this.#versionsOf(record.peerId).push({ from: number, permissions: record.permissions });
    if (record.kind === "suspend" && !this.isSuspended(record)) this.#suspensions.push(placed(record));
    if (record.kind === "resume") this.#suspensions = this.#suspensions.filter((at) => !same(at, record));
    for (const line of this.lines.values()) line.record(number, record);
    if (record.kind === "subscriptions") this.#rescope(number, record.peerId, record.subscriptions);
  }

  /** @throws Violation when a change is in the log twice */
  #mark(changes: readonly Change[]): void {
    const texts = changes.flatMap((change) => (change.do === "set" ? [JSON.stringify(change.value)] : putIn(change)));
    for (const mark of new Set(texts.join().match(/m\d+;/g))) {
      if (this.recorded.has(mark)) throw new Violation(`The change ${mark} is in the log twice (P1).`);
      this.recorded.add(mark);
    }
  }

  isSuspended(at: { readonly target: string; readonly subtarget?: string }): boolean {
    return this.#suspensions.some((other) => same(other, at));
  }

  get suspensions(): readonly { readonly target: string; readonly subtarget?: string }[] {
    return this.#suspensions;
  }

  line(peerId: string, id: string): Line | undefined {
    return this.lines.get(`${peerId} ${id}`);
  }

  scopesOf(peerId: string): readonly NamedScope[] {
    return this.#scopes.get(peerId) ?? [];
  }

  /** The permissions of the peer now. */
  permissionsOf(peerId: string): PropertyPermissions {
    const versions = this.#versionsOf(peerId);
    return (versions.at(-1) ?? { permissions: DEFAULT }).permissions;
  }

  /**
   * Every content that a number may have when work that began at a record sends it: less when more is hidden by then.
   */
  contentsOf(
    line: Line,
    entry: Entry,
    since: number,
  ): readonly { readonly data: Json; readonly overwritten: readonly string[] }[] {
    const record = this.records[entry.recordNumber - 1];
    const { said } = entry;
    if (said === "resync" || record?.kind !== "change") return [];
    const versions = this.#versionsOf(line.who.peerId);
    const inForce = versions.filter((_, index) => (versions[index + 1]?.from ?? Number.POSITIVE_INFINITY) > since);
    const reads = inForce.map(({ permissions }) => readsOf(permissions));
    // Log and trust may be read one after the other: then only places that both show are sent.
    return reads.flatMap((logged, index) =>
      reads.slice(index).map(
        (now) =>
          shapeDiff(record.changes, line.who, diffContext(said, bothReads(logged, now))) ?? {
            data: {},
            overwritten: [],
          },
      ),
    );
  }

  /**
   * True when the request that made a number was alone, so that it took no lease, and another change or the maintenance
   * has come since.
   */
  mayComeTwice(peerId: string, id: string, { sequence, sentAt }: { sequence: number; sentAt: number }): boolean {
    const made = this.#madeAlone(peerId, id, { sequence, sentAt });
    return made !== undefined && (made.isMet || this.working > 0 || this.workedUpTo >= made.record);
  }

  /** True when that request meets a resync up to `newest` that stands for its number. */
  mayComeLate(peerId: string, id: string, number: { sequence: number; newest: number; sentAt: number }): boolean {
    const { sequence, newest } = number;
    const { collapses = new Set<number>() } = this.#anyLine(peerId, id) ?? {};
    const stands = [...collapses].some((resync) => resync > sequence && resync <= newest);
    return stands && this.#madeAlone(peerId, id, number) !== undefined;
  }

  #anyLine(peerId: string, id: string): Line | undefined {
    return this.line(peerId, id) ?? this.ended.get(`${peerId} ${id}`);
  }

  /** The record of a number, and whether another request's came since; undefined when its request was not alone. */
  #madeAlone(
    peerId: string,
    id: string,
    { sequence, sentAt }: { readonly sequence: number; readonly sentAt: number },
  ): { readonly record: number; readonly isMet: boolean } | undefined {
    const made = this.#anyLine(peerId, id)?.entries[sequence - 1]?.recordNumber ?? 0;
    // The records of one request have one time.
    const at = (record: number): string | undefined => this.records[record - 1]?.at;
    let before = made - 1;
    while (before > 0 && at(before) === at(made)) before -= 1;
    const apart = sentAt - Date.parse(at(before) ?? "1970-01-01");
    return apart > ALONE_AFTER_MS ? { record: made, isMet: at(this.newest) !== at(made) } : undefined;
  }

  #versionsOf(peerId: string): { readonly from: number; readonly permissions: PropertyPermissions }[] {
    let versions = this.#permissions.get(peerId);
    if (versions === undefined) {
      versions = [{ from: 0, permissions: DEFAULT }];
      this.#permissions.set(peerId, versions);
    }
    return versions;
  }

  #rescope(number: number, peerId: string, subscriptions: readonly NamedScope[]): void {
    this.#scopes.set(peerId, subscriptions);
    for (const [key, line] of this.lines) {
      if (line.who.peerId !== peerId || subscriptions.some(({ id }) => id === line.who.id)) continue;
      this.lines.delete(key);
      this.ended.set(key, line);
    }
    const now = { permissions: this.permissionsOf(peerId), subscriptions, suspensions: this.#suspensions };
    for (const { granularity: _granularity, ...scope } of subscriptions) {
      const key = `${peerId} ${scope.id}`;
      if (this.lines.has(key)) continue;
      const who: Subscriber = { peerId, ...scope };
      this.lines.set(key, new Line(who, number, startState(who, number, now)));
    }
  }
}

/** The items that a list operation adds. */
function putIn(change: Change): readonly string[] {
  if (change.do !== "list") return [];
  const { operation, item, items } = change.operation;
  return ["append", "extend", "insert", "update"].includes(String(operation))
    ? [JSON.stringify([item ?? null, items ?? null])]
    : [];
}

const DEFAULT = defaultPermissions(RELATIONSHIP).properties;

const placed = ({ target, subtarget }: { readonly target: string; readonly subtarget?: string }) => ({
  target,
  ...(subtarget === undefined ? {} : { subtarget }),
});

const same = (
  one: { readonly target: string; readonly subtarget?: string },
  other: { readonly target: string; readonly subtarget?: string },
): boolean => one.target === other.target && one.subtarget === other.subtarget;

/** The place a subscription covers, for those on properties. */
export const placeOfLine = (line: Line): Place => placeOf(line.who);
