/**
 * How the cursor of one inbound subscription advances along its actor's change log. Everything here follows from the state
 * and the records alone, so another instance that continues after a crash gets the same numbers.
 */
import { compact } from "../../system/compact.ts";
import type { Granularity, LogRecord, NamedScope, ResyncRecord } from "../diff/change-record.ts";
import { comesBack, isSuspended, narrowerPlaces, outermost } from "../diff/overlap.ts";
import type { PropertyPermissions } from "../policy/permissions.ts";
import { covers, placeOf, samePlace, type Place, type Scope } from "../terms/scope.ts";
import { shapeDiff, type DiffContext, type ShapedDiff } from "../diff/shape-diff.ts";
import { MAX_CONTEXTS, MAX_RUNS, withNumber, withoutNumbers, type Run } from "./subscription-backlog.ts";
import { bothReads, readsOf, type Reads } from "../policy/visibility.ts";

/** Which subscription it is. This never changes. */
export interface Subscriber extends Scope {
  readonly peerId: string;
  readonly id: string;
}

/** What decides, beside the scope, whether a record makes a number for the subscription, and its content. */
export interface ContextVersion {
  /** Named by the runs of the backlog. */
  readonly id: number;
  readonly narrower: readonly Place[];
  readonly permissions: PropertyPermissions;
  /** Suspended places of the subscription's target that touch its scope. */
  readonly suspended: readonly Place[];
}

/** The cursor of a subscription and the numbers it has made. Plain JSON. */
export interface SubscriptionState {
  /** The newest record passed. */
  readonly cursor: number;
  /** The newest number made; 0 before the first. */
  readonly sequence: number;
  /** Numbers up to this one are gone for good. */
  readonly cleared: number;
  readonly granularity: Granularity;
  /** A record has ended the subscription: no later one makes numbers. */
  readonly ended: boolean;
  /** Oldest first. The last one holds now; the others are kept as long as the backlog needs them. */
  readonly contexts: readonly ContextVersion[];
  readonly runs: readonly Run[];
  /** With the granularity `none`: places that narrower subscriptions keep up to date, whose earlier state the peer lacks. */
  readonly missed?: readonly Place[];
}

/** What holds for a subscription at one record of the log. */
export interface SubscriptionContext {
  readonly permissions: PropertyPermissions;
  /** Every inbound subscription of the peer, this one included. */
  readonly subscriptions: readonly NamedScope[];
  readonly suspensions: readonly { readonly target: string; readonly subtarget?: string }[];
}

/** One number of a subscription as the diff that its peer receives. */
export interface RenderedDiff {
  readonly sequence: number;
  /** The record that made it. */
  readonly recordNumber: number;
  /** When the change was made, as the record says (ISO 8601). */
  readonly at: string;
  /** `resync`: the peer has to read everything again. */
  readonly content: ShapedDiff | "resync";
}

/** A state that has passed records. */
export interface Advanced {
  readonly state: SubscriptionState;
  /** The newest number that they made, by the context at its record; absent when they made none. */
  readonly made?: RenderedDiff;
}

/** A subscription that begins after the record `cursor`, the one that names it. */
export function startState(who: Subscriber, cursor: number, now: SubscriptionContext): SubscriptionState {
  const context = contextFor(who, now);
  const granularity = now.subscriptions.find(({ id }) => id === who.id)?.granularity ?? "none";
  return { cursor, sequence: 0, cleared: 0, granularity, ended: false, contexts: [{ id: 0, ...context }], runs: [] };
}

/**
 * Passes one record. Those up to the cursor change nothing.
 * @throws RangeError for a record beyond the next one: the ones between would be lost
 */
export function advance(state: SubscriptionState, who: Subscriber, recordNumber: number, record: LogRecord): Advanced {
  if (recordNumber <= state.cursor) return { state };
  if (recordNumber !== state.cursor + 1)
    throw new RangeError("a subscription moves along the log one record at a time");
  const at = { ...state, cursor: recordNumber };
  if (state.ended) return { state: at };
  switch (record.kind) {
    case "change": {
      const content = shapeDiff(record.changes, who, diffContext(currentContext(state)));
      return content === undefined ? { state: at } : numbered(at, content, record.at);
    }
    case "permissions":
      return { state: record.peerId === who.peerId ? withContext(at, { permissions: record.permissions }) : at };
    case "subscriptions":
      return record.peerId === who.peerId ? rescoped(at, who, record) : { state: at };
    case "suspend":
      return { state: suspended(at, who, placeOf(placed(record)), record.target) };
    case "resume":
      return resumed(at, who, record);
    case "resync":
      return record.peerId === who.peerId && record.id === who.id ? collapse(at, record) : { state: at };
  }
}

/**
 * Continues at a record that makes one resync for the subscription, because records before it have expired. It follows
 * from that record and `now`, what holds there.
 */
export function restart(
  state: SubscriptionState,
  who: Subscriber,
  { number, record }: { readonly number: number; readonly record: ResyncRecord },
  now: SubscriptionContext,
): Advanced {
  const own = now.subscriptions.find(({ id }) => id === who.id);
  const moved = withContext({ ...state, cursor: number, runs: [] }, contextFor(who, now));
  const next = { ...moved, granularity: own?.granularity ?? "none" };
  return own === undefined ? { state: { ...next, ended: true } } : collapse(next, record);
}

/** Clears every number before that of the record, which is the one resync in their place. */
function collapse(state: SubscriptionState, { sequence, at }: ResyncRecord): Advanced {
  return numbered({ ...state, sequence: sequence - 1, cleared: sequence - 1, runs: [] }, "resync", at);
}

/** True when the state is to be stored only once a resync has taken the place of its backlog. */
export function isTooLarge({ runs, contexts }: SubscriptionState): boolean {
  return runs.length > MAX_RUNS || contexts.length > MAX_CONTEXTS + 1;
}

/**
 * Clears the numbers up to `upTo`. A lower number than before changes nothing.
 * @throws RangeError for a number that was never made
 */
export function clear(state: SubscriptionState, upTo: number): SubscriptionState {
  if (!Number.isSafeInteger(upTo) || upTo < 0 || upTo > state.sequence) {
    throw new RangeError("only numbers that were made can be cleared");
  }
  if (upTo <= state.cleared) return state;
  return pruned({ ...state, cleared: upTo, runs: withoutNumbers(state.runs, upTo) });
}

/** What shapes the diffs of a context; with `now`, what the peer may read today, only places that both show. */
export function diffContext({ narrower, suspended, permissions }: ContextVersion, now?: Reads): DiffContext {
  const then = readsOf(permissions);
  return { narrower, suspended, reads: now === undefined ? then : bothReads(then, now) };
}

/** The context that holds now. */
export function currentContext(state: SubscriptionState): ContextVersion {
  const context = state.contexts.at(-1);
  if (context === undefined) throw new RangeError("a subscription's state always has a context");
  return context;
}

/** True when the newest number, rendered again for a peer with these permissions, says what it said when it was made. */
export function isAsMade(state: SubscriptionState, made: RenderedDiff, permissions: PropertyPermissions): boolean {
  const context = currentContext(state);
  const isNewest = made.sequence === state.sequence && state.runs.at(-1)?.context === context.id;
  return isNewest && samePermissions(context.permissions, permissions);
}

/** True when both let a peer do the same. */
export const samePermissions = (one: PropertyPermissions, other: PropertyPermissions): boolean =>
  JSON.stringify(permissionsKey(one)) === JSON.stringify(permissionsKey(other));

const permissionsKey = ({ patterns, excluded_patterns, operations }: PropertyPermissions) => [
  patterns,
  excluded_patterns,
  operations,
];

const placed = (at: { readonly target: string; readonly subtarget?: string }): Scope =>
  compact({ target: at.target, subtarget: at.subtarget });

/** False for a suspension of another target, or beside the scope. */
function touches(who: Subscriber, place: Place, target: string): boolean {
  const own = placeOf(who);
  return target === who.target && (covers(own, place) || covers(place, own));
}

function contextFor(who: Subscriber, now: SubscriptionContext): Omit<ContextVersion, "id"> {
  const own = now.subscriptions.find(({ id }) => id === who.id);
  return {
    narrower: own === undefined ? [] : narrowerPlaces(own, now.subscriptions),
    permissions: now.permissions,
    suspended: now.suspensions.flatMap((at) => {
      const place = placeOf(placed(at));
      return touches(who, place, at.target) ? [place] : [];
    }),
  };
}

function rescoped(
  state: SubscriptionState,
  who: Subscriber,
  { at, subscriptions: all }: Extract<LogRecord, { kind: "subscriptions" }>,
): Advanced {
  const own = all.find(({ id }) => id === who.id);
  if (own === undefined) return { state: { ...state, ended: true } };
  const before = currentContext(state);
  const { missed = [], ...rest } = state;
  const kept = outermost([...missed, ...before.narrower]);
  const still = compact({ missed: own.granularity === "none" && kept.length > 0 ? kept : undefined });
  const next = withContext({ ...rest, ...still, granularity: own.granularity }, { narrower: narrowerPlaces(own, all) });
  // A place that is recorded again only because this subscription has the granularity `none` now is still kept up to date by
  // the narrower one. It counts as covered here, and is missed until that one ends.
  const covered = narrowerPlaces({ ...own, granularity: "high" }, all);
  // A place that a narrower one kept up to date until now has to be read once. For a suspended one, resuming makes that
  // resync.
  if (!comesBack(kept, covered) || isSuspended(before.suspended, who, placeOf(who))) return { state: next };
  return numbered(next, "resync", at);
}

function suspended(state: SubscriptionState, who: Subscriber, place: Place, target: string): SubscriptionState {
  const known = currentContext(state).suspended;
  if (!touches(who, place, target) || known.some((other) => samePlace(other, place))) return state;
  return withContext(state, { suspended: [...known, place] });
}

function resumed(
  state: SubscriptionState,
  who: Subscriber,
  record: Extract<LogRecord, { kind: "suspend" | "resume" }>,
): Advanced {
  const [place, target] = [placeOf(placed(record)), record.target];
  const known = currentContext(state).suspended;
  const left = known.filter((other) => !samePlace(other, place));
  if (!touches(who, place, target) || left.length === known.length) return { state };
  const next = withContext(state, { suspended: left });
  return isSuspended(left, who, placeOf(who)) ? { state: next } : numbered(next, "resync", record.at);
}

function withContext(state: SubscriptionState, change: Partial<Omit<ContextVersion, "id">>): SubscriptionState {
  const now = currentContext(state);
  const next = { ...now, ...change, id: now.id + 1 };
  if (contentKey(now) === contentKey(next)) return state;
  return pruned({ ...state, contexts: [...state.contexts, next] });
}

const contentKey = ({ narrower, permissions, suspended: places }: ContextVersion): string =>
  JSON.stringify([narrower, permissionsKey(permissions), places]);

function numbered(state: SubscriptionState, content: ShapedDiff | "resync", at: string): Advanced {
  const sequence = state.sequence + 1;
  const recordNumber = state.cursor;
  const entry = { sequence, record: recordNumber, context: currentContext(state).id, at, resync: content === "resync" };
  const { missed, ...rest } = state;
  // A resync of everything leaves nothing missed.
  const still = compact({ missed: entry.resync ? undefined : missed });
  const next = pruned({ ...rest, ...still, sequence, runs: withNumber(state.runs, entry) });
  return { state: next, made: { sequence, recordNumber, at, content } };
}

/** Keeps only the contexts that the backlog needs, and the one that holds now. */
function pruned(state: SubscriptionState): SubscriptionState {
  const needed = new Set(state.runs.filter((run) => run.resync === undefined).map((run) => run.context));
  const last = state.contexts.length - 1;
  const contexts = state.contexts.filter((context, index) => index === last || needed.has(context.id));
  return contexts.length === state.contexts.length ? state : { ...state, contexts };
}
