/** The resync that takes the place of a subscription's backlog: a record of the log, committed together with the head. */
import {
  advance,
  restart,
  type RenderedDiff,
  type SubscriptionContext,
  type SubscriptionState,
} from "../../domain/log/subscription-log.ts";
import type { NewRecord } from "../../domain/diff/change-record.ts";
import type { LogPlan, LogRead, Commits } from "../../change-log/log-commits.ts";
import { leaseIsLive } from "../../dynamodb/lease.ts";
import type { Clock } from "../../system/ports.ts";
import { headKey, isSameLife, moveToResync, readInboundHead, type InboundHead } from "./inbound-head.ts";

/** What holds for a peer's subscriptions at a record of the log. */
export type SubscriptionContextAt = SubscriptionContext & { readonly newest: number };

/** What holds for a peer now, and the log's newest record at that moment; undefined without a trust. */
export type ContextOf = (actorId: string, peerId: string) => Promise<SubscriptionContextAt | undefined>;

export interface LogResyncDeps {
  readonly clock: Clock;
  readonly incarnation: string;
  /** Nothing is delivered of these commits. */
  readonly commits: Commits;
  readonly contextOf: ContextOf;
  /** The state of a head at a record; `lost`: records before it have expired. */
  readonly stateAt: (head: InboundHead, newest: number) => Promise<SubscriptionState | "lost">;
}

export interface ResyncOptions {
  /** The lease that the caller holds; absent: no lease may be live. */
  readonly token?: string | undefined;
  /** Nothing is made for a head of which this is true, unless records have expired before the head passed them. */
  readonly unless?: (state: SubscriptionState) => boolean;
}

/**
 * What became of it. `made`: the head at the record, as it is stored now; `unneeded`: the head is as it was found;
 * `leased`: another delivers it; `ended`: there is no such subscription any more.
 */
export type ResyncOutcome =
  | { readonly is: "made"; readonly head: InboundHead; readonly rendered: RenderedDiff }
  | { readonly is: "unneeded" | "leased"; readonly head: InboundHead }
  | { readonly is: "ended" };

/**
 * Advances a head to the log's end, and commits one resync behind it that stands for every number before. One read and
 * one transaction of log head, record and head; both again when another writer came first. When the answer of the
 * transaction is lost, a second call finds the resync.
 *
 * @throws what `Commits` throws
 */
export async function commitResync(
  deps: LogResyncDeps,
  head: InboundHead,
  { token, unless = () => false }: ResyncOptions = {},
): Promise<ResyncOutcome> {
  const { clock, incarnation, commits, contextOf, stateAt } = deps;
  const key = headKey(head);
  let outcome: ResyncOutcome = { is: "ended" };
  const plan = async ({ head: log, item, at }: LogRead): Promise<LogPlan | "lost" | undefined> => {
    const found = item(key);
    outcome = { is: "ended" };
    if (found === undefined || !isSameLife(found, head)) return undefined;
    const now = readInboundHead(found);
    if (now.lease?.token !== token && leaseIsLive(now.lease, clock.now(), incarnation)) {
      outcome = { is: "leased", head: now };
      return undefined;
    }
    const state = await stateAt(now, log.newest);
    const number = log.newest + 1;
    const numbered = (sequence: number) => ({ kind: "resync", peerId: now.peerId, id: now.id, sequence, at }) as const;
    let next: SubscriptionState;
    if (state === "lost") {
      const context = await contextOf(now.actorId, now.peerId);
      if (context === undefined) return undefined;
      if (context.newest !== log.newest) return "lost";
      // Beyond every number that an expired record may have made, because the peer may have taken it.
      const record = numbered(now.state.sequence + log.newest - now.state.cursor + 1);
      next = restart(now.state, now, { number, record }, context).state;
    } else {
      if (state.ended) return undefined;
      if (unless(now.state)) {
        outcome = { is: "unneeded", head: now };
        return undefined;
      }
      next = advance(state, now, number, numbered(state.sequence + 1)).state;
    }
    const { sequence } = next;
    const rendered: RenderedDiff = { sequence, recordNumber: number, at, content: "resync" };
    outcome = { is: "made", head: { ...now, state: next, version: now.version + 1 }, rendered };
    const record: NewRecord = { kind: "resync", peerId: now.peerId, id: now.id, sequence };
    const write = moveToResync(now, next, { token, now: clock.now(), incarnation });
    return { records: [record], writes: [write] };
  };
  await commits.commit(head.actorId, [key], plan, { quiet: true });
  return outcome;
}
