/**
 * The head of a received stream: one small item that says where the stream stands and who works on it. Its states, what
 * moves it from one to the next, and its invariants: docs/stream-state.md. In short:
 *
 *   live, nothing buffered          dueAt = the next reconciliation (or none)
 *   live, something buffered       dueAt = when the gap is due; only the update that empties `buffered` sets it back. What is
 *                                  next is no gap: it is due at once, or when the live lease ends
 *   leased                        leaseToken, leaseUntil: one handler applies, drains or recovers; void once `leaseUntil` has
 *                                  passed, or when another incarnation (an earlier start of a local server) acquired it
 *   replacing                      a recovery has begun to replace state: only recoveries may acquire the lease until one ends; `recovery`
 *                                  says how far it has come
 *   contradicted                   one number had two contents: drained as usual, and once nothing is buffered dueAt = when the
 *                                  state is read; goes with the commit of a state read that began after it was set
 *   ended                          no auth; kept until the longest lease has run out, so that late writers find it
 */
import { compact } from "../../system/compact.ts";
import { leaseIsLive, leaseOf, type Lease } from "../../dynamodb/lease.ts";
import { streamOfKey } from "../../dynamodb/keys/streams.ts";
import type { Item, Key } from "../../dynamodb/table.ts";
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { Place, Scope } from "../../domain/terms/scope.ts";
import type { SequencingState } from "../../domain/log/sequencing.ts";
import type { RecoveryProgress } from "./recovery-progress.ts";

export type Granularity = "high" | "low" | "none";

/**
 * What a recovery does. `catch_up`: applies what is missing, and replaces the state only when it must; `resync`: replaces
 * the state; `refresh`: applies what is missing as far as the publisher still has it, then replaces the state.
 */
export type RecoveryKind = "catch_up" | "refresh" | "resync";

/** Why a subscription of ours receives nothing. */
export interface StreamProblem {
  /** `unknown_to_publisher`: its poll was answered 404. `lost`: and nothing can be done about it here. */
  readonly code: "unknown_to_publisher" | "lost";
  /** ms since 1970. */
  readonly since: number;
}

/** A head as the engine uses it. Times are ms since 1970. */
export interface Head extends StreamRef {
  readonly key: Key;
  readonly scope: Scope;
  readonly granularity: Granularity;
  readonly createdAt: number;
  readonly live: boolean;
  /** SHA-256 of the bearer that opens this stream; absent while the trust is not approved. */
  readonly auth?: string;
  /** The stream's life: grows when the numbering starts again. */
  readonly epoch: number;
  /** The state version of what this stream writes (see domain/log/watermark.ts). */
  readonly stateVersion: number;
  readonly lastSeq: number;
  readonly buffered: ReadonlySet<number>;
  readonly gapSince?: number;
  readonly dueAt?: number;
  readonly lease?: Lease;
  /** How often the processing of `lastSeq + 1` was begun. */
  readonly starts: number;
  /** The content that the first of them began to apply, until a commit (see digests.ts). */
  readonly begun?: string;
  readonly replacing: boolean;
  /** The recovery that is requested. */
  readonly recoveryRequested?: RecoveryKind;
  /** Incremented per recovery request; lets a running recovery detect a newer one. */
  readonly recoveryRevision: number;
  /** How far the replacement has come, once some of it is written; only while `replacing`. */
  readonly recovery?: RecoveryProgress;
  /** The publisher gave two contents to one number: the state is read once nothing is buffered. */
  readonly contradicted: boolean;
  /** The publisher asked for rest until then (`Retry-After`): only a person's request reads it before. */
  readonly pausedUntil?: number;
  readonly problem?: StreamProblem;
  /** When the publisher was last asked to make this subscription again; 0 when it never was. */
  readonly resubscribedAt: number;
  /** The state version before the state began to be replaced: names the resync, also when a crash makes it begin again. */
  readonly replacedFrom?: number;
  /** Recoveries that failed one after another. */
  readonly attempts: number;
  /** The next reconciliation, kept here while `dueAt` serves a gap. */
  readonly reconcileAt?: number;
  /** Places inside the scope that narrower subscriptions own. */
  readonly excludedScopes: readonly Place[];
  /** Digests of the last 16 numbers, oldest first, the last that of `lastSeq` (see digests.ts). */
  readonly digests: string;
  /** Normalised timestamp of the newest applied diff that had one, and that diff's number. */
  readonly lastTimestamp: string;
  readonly timestampOf: number;
  /** The newest number that the last state read has covered, and when that read began. */
  readonly coveredTo: number;
  readonly coveredAt: number;
  /** When the state last began to be read because of a contradiction. */
  readonly contradictionReadAt: number;
  /** A `stop` verdict has paused this stream's hooks: later events wait. */
  readonly hooksPaused: boolean;
  /** What paused the hooks is resolved: the waiting events run next. */
  readonly hooksResuming: boolean;
  /** The peer's set of subscriptions that `excludedScopes` was made from (see subscriptions/ownership.ts). */
  readonly ownershipRevision: number;
  /** An ended stream whose data stays. */
  readonly keepData: boolean;
  /** When a callback was last applied or looked for. */
  readonly activeAt: number;
  readonly version: number;
}

/** Reads a head item. @throws when the item is no head, which is a defect. */
export function readHead(item: Item): Head {
  const ids = streamOfKey(item);
  if (ids === undefined) throw new TypeError(`Not a stream head: ${item.sk}`);
  const text = (name: string): string | undefined => item[name] as string | undefined;
  const whole = (name: string): number | undefined => item[name] as number | undefined;
  const isSet = (name: string): boolean => item[name] === true;
  return compact({
    key: { pk: item.pk, sk: item.sk },
    ...ids,
    scope: compact({ target: text("target") ?? "", subtarget: text("subtarget"), resource: text("resource") }),
    granularity: (text("granularity") ?? "high") as Granularity,
    createdAt: whole("createdAt") ?? 0,
    live: text("state") === "live",
    auth: text("auth"),
    epoch: whole("epoch") ?? 0,
    stateVersion: whole("stateVersion") ?? 0,
    lastSeq: whole("lastSeq") ?? 0,
    buffered: (item["buffered"] as ReadonlySet<number> | undefined) ?? new Set<number>(),
    gapSince: whole("gapSince"),
    dueAt: whole("dueAt"),
    lease: leaseOf(item),
    starts: whole("starts") ?? 0,
    begun: text("begun"),
    replacing: isSet("replacing"),
    recoveryRequested: text("recoveryRequested") as RecoveryKind | undefined,
    recoveryRevision: whole("recoveryRevision") ?? 0,
    replacedFrom: whole("replacedFrom"),
    recovery: item["recovery"] as RecoveryProgress | undefined,
    contradicted: isSet("contradicted"),
    pausedUntil: whole("pausedUntil"),
    problem: readProblem(item),
    resubscribedAt: whole("resubscribedAt") ?? 0,
    attempts: whole("attempts") ?? 0,
    reconcileAt: whole("reconcileAt"),
    excludedScopes: (item["excludedScopes"] as readonly Place[] | undefined) ?? [],
    digests: text("digests") ?? "",
    lastTimestamp: text("lastTimestamp") ?? "",
    timestampOf: whole("timestampOf") ?? 0,
    coveredTo: whole("coveredTo") ?? 0,
    coveredAt: whole("coveredAt") ?? 0,
    contradictionReadAt: whole("contradictionReadAt") ?? 0,
    hooksPaused: isSet("hooksPaused"),
    hooksResuming: isSet("hooksResuming"),
    ownershipRevision: whole("ownershipRevision") ?? 0,
    keepData: isSet("keepData"),
    activeAt: whole("activeAt") ?? 0,
    version: whole("version") ?? 0,
  });
}

function readProblem(item: Item): StreamProblem | undefined {
  const { problemCode: code, problemSince: since } = item;
  if (code !== "unknown_to_publisher" && code !== "lost") return undefined;
  return { code, since: Number(since) };
}

/** True when what is next is buffered, and may be applied. */
export const isNextBuffered = ({ buffered, lastSeq, replacing }: Head): boolean =>
  buffered.has(lastSeq + 1) && !replacing;

/** A head as sequencing sees it. */
export function sequencingStateOf(head: Head, now: number, incarnation: string): SequencingState {
  const { lastSeq, buffered, gapSince, replacing } = head;
  return compact({ lastSeq, buffered, gapSince, busy: leaseIsLive(head.lease, now, incarnation), replacing });
}
