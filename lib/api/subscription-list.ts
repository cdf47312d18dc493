/** Subscriptions of both directions, as lists show them. */
import type { Scope } from "../domain/terms/scope.ts";
import type { InboundHead } from "../publishing/subscribers/inbound-head.ts";
import type { Head } from "../receiving/stream/head.ts";
import { compact } from "../system/compact.ts";
import type { JsonObject } from "../system/ports.ts";

/** One subscription of either direction. */
export interface Listed {
  readonly actorId: string;
  readonly peerId: string;
  readonly id: string;
  readonly createdAt: number;
  readonly granularity: string;
  readonly scope: Scope;
  readonly sequence: number;
  readonly callback: boolean;
  /** Why it makes no progress, when it does not. */
  readonly problem?: JsonObject;
}

export const outboundListed = (head: Head): Listed => ({
  actorId: head.actorId,
  peerId: head.peerId,
  id: head.subscriptionId,
  createdAt: head.createdAt,
  granularity: head.granularity,
  scope: head.scope,
  sequence: head.lastSeq,
  callback: true,
  ...compact({ problem: streamProblem(head) }),
});

export const inboundListed = (head: InboundHead): Listed => ({
  actorId: head.actorId,
  peerId: head.peerId,
  id: head.id,
  createdAt: head.createdAt,
  granularity: head.granularity,
  scope: head,
  sequence: head.state.sequence,
  callback: false,
  ...compact({ problem: refusalProblem(head) }),
});

/** Those that the query asks for, in order of creation. */
export function shown(all: readonly Listed[], query: URLSearchParams): readonly JsonObject[] {
  // Each direction comes in its order of creation, and sorting keeps the order of equals.
  const ordered = all.toSorted((one, other) => one.createdAt - other.createdAt);
  return ordered.filter((each) => meets(each, query)).map(wireOf);
}

function wireOf({ actorId, peerId, id, granularity, scope, sequence, callback, problem }: Listed): JsonObject {
  return {
    id: actorId,
    peerid: peerId,
    subscriptionid: id,
    granularity,
    target: scope.target,
    subtarget: scope.subtarget ?? "",
    resource: scope.resource ?? "",
    sequence,
    callback,
    ...compact({ problem }),
  };
}

/** No subscription is without peer and target: there an empty value filters nothing, as for trusts. */
function meets({ peerId, scope }: Listed, query: URLSearchParams): boolean {
  const is = (name: string, value: string): boolean => !query.has(name) || query.get(name) === value;
  return (
    ["", peerId].includes(query.get("peerid") ?? "") &&
    ["", scope.target].includes(query.get("target") ?? "") &&
    is("subtarget", scope.subtarget ?? "") &&
    is("resource", scope.resource ?? "")
  );
}

/** Why a subscription receives nothing. */
function streamProblem({ problem }: Head): JsonObject | undefined {
  return problem === undefined ? undefined : { code: problem.code, since: new Date(problem.since).toISOString() };
}

/** Why an inbound subscription is not delivered: its peer answers callbacks as if the subscription were not its own. */
function refusalProblem({ refused, dueAt = 0 }: Pick<InboundHead, "refused" | "dueAt">): JsonObject | undefined {
  if (refused === undefined) return undefined;
  const at = (ms: number): string => new Date(ms).toISOString();
  const nextAt = Math.max(refused.nextAt, dueAt);
  return { code: "refused", status: refused.status, since: at(refused.since), nextAt: at(nextAt) };
}
