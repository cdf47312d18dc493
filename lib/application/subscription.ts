/** A subscription as an application's code sees it, whichever direction it has. */
import { compact } from "../system/compact.ts";
import { OWN_NAME_RULE, isOwnName, isTarget } from "../domain/terms/names.ts";
import { printJson } from "../domain/json/json-text.ts";
import type { Scope } from "../domain/terms/scope.ts";
import { ServiceError } from "../system/errors.ts";
import type { InboundHead } from "../publishing/subscribers/inbound-head.ts";
import type { Granularity, Head } from "../receiving/stream/head.ts";

/** One subscription of an actor. */
export interface Subscription {
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly target: string;
  readonly subtarget?: string;
  readonly resource?: string;
  readonly granularity: Granularity;
  /** `outbound`: the newest number applied. `inbound`: the newest number made. 0 before the first. */
  readonly sequence: number;
  /** `outbound`: ours to a peer, from which we receive. `inbound`: a peer's to us, to which we publish. */
  readonly direction: "inbound" | "outbound";
  /** ms since 1970. */
  readonly createdAt: number;
}

/** What to subscribe to. An empty or null subtarget or resource counts as absent. */
export interface RequestedSubscription {
  readonly peerId: string;
  readonly target: string;
  readonly subtarget?: string | null;
  readonly resource?: string | null;
  readonly granularity?: Granularity;
}

/** Names a subscription: by the peer's id, and the id that the publisher gave the subscription. */
export interface SubscriptionName {
  readonly peerId: string;
  readonly subscriptionId: string;
}

/** What a requested subscription covers. @throws ServiceError request.invalid which names the field */
export function requestedScope(requested: Pick<RequestedSubscription, "target" | "subtarget" | "resource">): Scope {
  const target = checked("target", requested.target, isTarget);
  if (!requested.subtarget) {
    if (requested.resource)
      throw new ServiceError("request.invalid", "resource needs a subtarget.", { field: "resource" });
    return { target };
  }
  const subtarget = checked("subtarget", requested.subtarget, isOwnName);
  return requested.resource
    ? { target, subtarget, resource: checked("resource", requested.resource, isResource, RESOURCE_RULE) }
    : { target, subtarget };
}

const RESOURCE_RULE = `names with one slash between two, each ${OWN_NAME_RULE}`;

const isResource = (text: string): boolean => text.length <= 1_024 && text.split("/").every(isResourcePart);

const isResourcePart = (part: string): boolean => part === "" || isTarget(part);

/** The text, if it is valid; `allowed` says in a message what is. @throws ServiceError request.invalid which names the field */
export function checked(
  field: string,
  value: string,
  isValid: (text: string) => boolean,
  allowed = OWN_NAME_RULE,
): string {
  if (typeof value === "string" && isValid(value)) return value;
  const message = `${field} is ${printJson(value)}; it must be ${allowed}.`;
  throw new ServiceError("request.invalid", message, { field });
}

/** A subscription of ours to a peer. */
export function ofOutbound(head: Head): Subscription {
  const { peerId, subscriptionId, scope, granularity, lastSeq, createdAt } = head;
  return { peerId, subscriptionId, ...scope, granularity, sequence: lastSeq, direction: "outbound", createdAt };
}

/** A subscription of a peer to us, at the end of the log. */
export function ofInbound(head: InboundHead): Subscription {
  const { peerId, id, target, subtarget, resource, granularity, createdAt, state } = head;
  return compact({
    peerId,
    subscriptionId: id,
    target,
    subtarget,
    resource,
    granularity,
    sequence: state.sequence,
    direction: "inbound" as const,
    createdAt,
  });
}
