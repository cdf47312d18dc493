/** The head of an inbound subscription as it is stored. */
import type { Granularity } from "../domain/change-record.ts";
import { NOTHING_DELIVERED } from "../domain/delivery-state.ts";
import type { DeliveryState } from "../domain/delivery-state.ts";
import { parseText } from "../domain/json-text.ts";
import type { Scope } from "../domain/scope.ts";
import type { Subscriber, SubscriptionState } from "../domain/subscription-log.ts";
import { inboundHeadKey } from "../dynamodb/keys-publishing.ts";
import type { Item, Key } from "../dynamodb/table.ts";

/** Who delivers a subscription at the moment. */
export interface Lease {
  readonly token: string;
  /** ms since 1970; from then on anyone may take it. */
  readonly until: number;
  /** Which life of the service it belongs to: one of another is that of a dead process. */
  readonly fence: string;
}

/** One inbound subscription: which it is, how far along the log it has come, what of it was delivered. */
export interface InboundHead extends Subscriber {
  readonly actorId: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** As it was last asked for; `state.granularity` follows when the head moves over the record that says so. */
  readonly granularity: Granularity;
  /** The `accept_encoding` it was made with. */
  readonly acceptEncoding?: string;
  readonly state: SubscriptionState;
  /** Every write of `state` is conditional on it and raises it. */
  readonly version: number;
  /** Written by the holder of the lease only, on its token. */
  readonly delivery: DeliveryState;
  /** As it was read; it may have run out. */
  readonly lease?: Lease;
}

/** The key of a head. */
export const headKey = (head: Pick<InboundHead, "actorId" | "peerId" | "id">): Key =>
  inboundHeadKey(head.actorId, head.peerId, head.id);

/** Reads a head's item. */
export function readInboundHead(item: Item): InboundHead {
  const optional = (name: string): string | undefined => (typeof item[name] === "string" ? item[name] : undefined);
  const [subtarget, resource] = [optional("subtarget"), optional("resource")];
  const [acceptEncoding, token, delivery] = [optional("acceptEncoding"), optional("lease"), optional("delivery")];
  return {
    actorId: item.pk.slice(2),
    peerId: String(item["peerId"]),
    id: String(item["subscriptionId"]),
    target: String(item["target"]),
    ...(subtarget === undefined ? {} : { subtarget }),
    ...(resource === undefined ? {} : { resource }),
    createdAt: Number(item["createdAt"]),
    granularity: String(item["granularity"]) as Granularity,
    ...(acceptEncoding === undefined ? {} : { acceptEncoding }),
    state: parseText(String(item["state"])) as SubscriptionState,
    version: Number(item["version"]),
    delivery: delivery === undefined ? NOTHING_DELIVERED : (parseText(delivery) as DeliveryState),
    ...(token === undefined
      ? {}
      : { lease: { token, until: Number(item["leaseUntil"]), fence: String(item["leaseFence"]) } }),
  };
}

/** The item of a new head. */
export function inboundItem(head: InboundHead): Item {
  const { actorId, peerId, id, state, delivery: _none, lease: _free, ...attributes } = head;
  return {
    ...inboundHeadKey(actorId, peerId, id),
    ...attributes,
    peerId,
    subscriptionId: id,
    ...stateAttributes(state),
  };
}

/** What of a head changes when its state does, beside `version`. */
export function stateAttributes(state: SubscriptionState): { readonly state: string; readonly sequence: number } {
  return { state: JSON.stringify(state), sequence: state.sequence };
}

/** The scope of a subscription alone. */
export function scopeOf({ target, subtarget, resource }: Scope): Scope {
  return {
    target,
    ...(subtarget === undefined ? {} : { subtarget }),
    ...(resource === undefined ? {} : { resource }),
  };
}
