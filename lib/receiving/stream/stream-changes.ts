/**
 * The changes of the stream record, each with the condition on which it is right. The record's attributes are spelled
 * here and in the files beside it, and nowhere else; stream-lives.ts has the changes that begin or end a life.
 */
import { compact } from "../../system/compact.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { StreamRef } from "../../domain/terms/refs.ts";
import { isStandaloneStream } from "../../dynamodb/keys/streams.ts";
import { LEASE_ATTRIBUTES, leaseAttributes, leaseIs, type Lease } from "../../dynamodb/lease.ts";
import {
  above,
  all,
  any,
  atMost,
  below,
  contains,
  equals,
  exists,
  missing,
  not,
  sizeEquals,
  type Attribute,
  type Change,
  type Condition,
  type Key,
} from "../../dynamodb/table.ts";
import type { Head, RecoveryKind, StreamProblem } from "./head.ts";
import type { RecoveryProgress } from "./recovery-progress.ts";

/** Fields of the record as a write leaves them; one that is undefined or false is removed from the item. */
export type HeadFields = {
  readonly [Field in Exclude<keyof Head, "key" | keyof StreamRef | "buffered">]?: Head[Field] | undefined;
} & {
  readonly buffered?: undefined;
  /** Names the last advance, so that its repetition is recognised. Stored only. */
  readonly doneToken?: string | undefined;
  /** The revision of the trust that set or removed `auth`. Stored only. */
  readonly authRevision?: number;
};

/** One change of the record; `version` grows with each. */
export interface StreamChange {
  readonly fields?: HeadFields;
  /** Fields that are set where the item lacks them. */
  readonly ifMissing?: HeadFields;
  readonly add?: {
    readonly epoch?: 1;
    readonly recoveryRevision?: 1;
    readonly starts?: number;
    readonly buffered?: ReadonlySet<number>;
  };
  /** Numbers that are not buffered any more. */
  readonly discard?: ReadonlySet<number>;
  /** What must hold of the item. */
  readonly when: Condition;
}

/** The update that makes a change, for a request of its own or as part of a transaction. */
export function writeOf(
  key: Key,
  { fields = {}, ifMissing, add, discard, when }: StreamChange,
): { readonly change: Change; readonly condition: Condition } {
  const attributes = Object.entries(attributesOf(key, fields));
  const change = compact({
    set: Object.fromEntries(attributes.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    setIfMissing: ifMissing === undefined ? undefined : compact(attributesOf(key, ifMissing)),
    add: { version: 1, ...add },
    discard: discard === undefined ? undefined : { buffered: discard },
    remove: attributes.flatMap(([name, value]) => (value === undefined ? [name] : [])),
  });
  return { change: change as Change, condition: when };
}

/** The attributes that the fields are stored as; undefined where the attribute is removed. */
export function attributesOf(key: Key, fields: HeadFields): Readonly<Record<string, Attribute | undefined>> {
  return Object.assign({}, ...Object.entries(fields).map(([name, value]) => stored(key, name, value))) as Record<
    string,
    Attribute | undefined
  >;
}

function stored(key: Key, name: string, value: unknown): Readonly<Record<string, unknown>> {
  switch (name) {
    case "live":
      return { state: value === true ? "live" : "ended" };
    case "dueAt":
      // A standalone stream is never due: only its callers advance it.
      if (isStandaloneStream(key)) return {};
      return { dueAt: value };
    case "lease":
      if (value !== undefined) return leaseAttributes(value as Lease);
      return Object.fromEntries(LEASE_ATTRIBUTES.map((attribute) => [attribute, undefined]));
    case "problem": {
      const problem = value as StreamProblem | undefined;
      return { problemCode: problem?.code, problemSince: problem?.since };
    }
    case "scope":
      return { ...(value as Head["scope"]) };
    case "recovery":
      return { recovery: value === undefined ? undefined : compact(value as RecoveryProgress) };
    default:
      return { [name]: value === false ? undefined : value };
  }
}

/** The head as it is once the fields are written. */
export const withFields = (head: Head, fields: HeadFields | undefined): Head => ({ ...head, ...fields }) as Head;

/** Conditions on a head. */
export const headIs = {
  live: equals("state", "live"),
  ended: equals("state", "ended"),
  ofEpoch: (epoch: number): Condition => equals("epoch", epoch),
  ofVersion: (version: number): Condition => equals("version", version),
  openTo: (auth: string | undefined): Condition => (auth === undefined ? headIs.live : equals("auth", auth)),
  at: (lastSeq: number): Condition => equals("lastSeq", lastSeq),
  before: (sequence: number): Condition => below("lastSeq", sequence),
  notReplacing: missing("replacing"),
  /** Due at that time and for what was requested then; else another write has decided when it is due. */
  dueAsSeen: (seen: Head): Condition => all(equals("dueAt", seen.dueAt ?? 0), headIs.askedFor(seen.recoveryRevision)),
  /** Nothing was applied or buffered since. While `lastSeq` stays numbers are only added: an equal size is an equal set. */
  bufferedAsSeen: ({ lastSeq, buffered }: Pick<Head, "lastSeq" | "buffered">): Condition =>
    all(headIs.at(lastSeq), buffered.size === 0 ? missing("buffered") : sizeEquals("buffered", buffered.size)),
  /** What is next is not buffered, or nothing may be applied. */
  blockedAt: (lastSeq: number): Condition => any(exists("replacing"), not(contains("buffered", lastSeq + 1))),
  /** No recovery was requested since. */
  askedFor: (recoveryRevision: number): Condition =>
    recoveryRevision === 0 ? missing("recoveryRevision") : equals("recoveryRevision", recoveryRevision),
  dueBy: (at: number): Condition => atMost("dueAt", at),
  notDueBy: (at: number): Condition => any(missing("dueAt"), above("dueAt", at)),
} as const;

/** The purpose of a lease, and the conditions on the stream. */
export interface LeaseRequest {
  readonly leaseMs: number;
  /** The digest of the sender's bearer; undefined for a trusted caller. */
  readonly auth?: string;
  /** The `lastSeq` that the lease is for; without it any position will do, as recovery needs. */
  readonly at?: number;
  /** A number that `lastSeq` has not reached. */
  readonly before?: number;
  readonly epoch?: number;
  /** Also while the state is being replaced, or that was interrupted. */
  readonly evenReplacing?: boolean;
  readonly also?: readonly Condition[];
  /** The content that is begun to be applied, noted unless an earlier attempt has noted its own. */
  readonly begun?: string;
}

/** The lease is acquired, and a start of what comes next is counted. */
export const acquire = (
  lease: Lease,
  now: number,
  { auth, at, before, epoch, evenReplacing, also = [], begun }: LeaseRequest,
): StreamChange => ({
  fields: { lease },
  ifMissing: compact({ begun }),
  add: { starts: 1 },
  when: all(
    headIs.live,
    headIs.openTo(auth),
    ...(at === undefined ? [] : [headIs.at(at)]),
    ...(before === undefined ? [] : [headIs.before(before)]),
    ...(epoch === undefined ? [] : [headIs.ofEpoch(epoch)]),
    ...(evenReplacing === true ? [] : [headIs.notReplacing]),
    ...also,
    leaseIs.free(now, lease.incarnation),
  ),
});

/** Requests a recovery. A request of `catch_up` does not replace a stronger one. */
export const requestOf = (kind: RecoveryKind): Pick<StreamChange, "fields" | "ifMissing"> =>
  kind === "catch_up" ? { ifMissing: { recoveryRequested: kind } } : { fields: { recoveryRequested: kind } };

/** The publisher asked for rest until then (ms): only a person's request reads it before. */
export const pauseReadsUntil = (until: number): StreamChange => ({
  fields: { pausedUntil: until },
  when: all(headIs.live, any(missing("pausedUntil"), below("pausedUntil", until))),
});

/**
 * Postpones the due work, unless another write has decided on it since the head was read, or has buffered what may be
 * next.
 */
export const putOff = (seen: Head, dueAt: number): StreamChange => ({
  fields: { dueAt },
  when: all(headIs.dueAsSeen(seen), headIs.bufferedAsSeen(seen)),
});

/** Postpones the due work to the end of the lease that another holds. */
export const waitForLease = (seen: Head): StreamChange => ({
  fields: { dueAt: seen.lease?.until ?? 0 },
  when: leaseIs.ownedBy(seen.lease),
});

/** Nothing is due before the next reconciliation at `reconcileAt` (ms); undefined: not at all. */
export const restUntil = (seen: Head, reconcileAt: number | undefined): StreamChange => ({
  fields: { reconcileAt, dueAt: reconcileAt },
  when: headIs.dueAsSeen(seen),
});

/** From here on only recoveries advance the stream. Under the lease. */
export const markReplacing = (
  leased: Head,
  by: { readonly stateVersion: number; readonly recovery: RecoveryProgress; readonly dueAt: number },
): StreamChange => ({
  fields: { replacing: true, recoveryRequested: "resync", ...by },
  ifMissing: { replacedFrom: leased.stateVersion },
  when: leaseIs.ownedBy(leased.lease),
});

/** Notes how far a replacement is. Under the lease. */
export const noteProgress = (leased: Head, recovery: RecoveryProgress): StreamChange => ({
  fields: { recovery },
  when: leaseIs.ownedBy(leased.lease),
});

/** Notes the content that is about to be applied. Under the lease. */
export const noteBegun = (leased: Head, begun: string): StreamChange => ({
  fields: { begun },
  when: leaseIs.ownedBy(leased.lease),
});

/** A `stop` verdict pauses the hooks. */
export const pauseHooks: StreamChange = { fields: { hooksPaused: true }, when: headIs.live };

/** What paused the hooks is resolved: the waiting events are due at `now` (ms). */
export const resumeHooks = (now: number): StreamChange => ({
  fields: { hooksResuming: true, dueAt: now },
  add: { recoveryRevision: 1 },
  when: headIs.live,
});

/** The resuming of hooks continues at `dueAt` (ms), unless the stream is due before or something is buffered. */
export const resumeHooksLater = (dueAt: number): StreamChange => ({
  fields: { dueAt },
  when: all(headIs.live, any(headIs.notDueBy(dueAt), missing("buffered"))),
});

/** Opens the stream to a bearer, by its digest. */
export const admit = (auth: string): StreamChange => ({ fields: { auth }, when: headIs.live });

/** Opens the stream to a bearer or, without one, closes it, unless a newer revision of the trust did either. */
export const authorize = (auth: string | undefined, revision: number): StreamChange => ({
  fields: { auth, authRevision: revision },
  when: all(headIs.live, any(missing("authRevision"), atMost("authRevision", revision))),
});

/** The subscription leaves these places to narrower ones, as of that revision of the peer's set. */
export const excludeScopes = (excludedScopes: readonly Place[], revision: number): StreamChange => ({
  fields: { excludedScopes: excludedScopes.map((place) => [...place]), ownershipRevision: revision },
  when: all(headIs.live, any(missing("ownershipRevision"), below("ownershipRevision", revision))),
});
