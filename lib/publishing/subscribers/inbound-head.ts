/** The head of an inbound subscription as it is stored. */
import { compact } from "../../system/compact.ts";
import type { Granularity } from "../../domain/diff/change-record.ts";
import { NOTHING_DELIVERED } from "../../domain/log/delivery-state.ts";
import type { DeliveryState } from "../../domain/log/delivery-state.ts";
import type { Refusal } from "../../domain/policy/refusal.ts";
import { parseText } from "../../domain/json/json-text.ts";
import type { Scope } from "../../domain/terms/scope.ts";
import type { Subscriber, SubscriptionState } from "../../domain/log/subscription-log.ts";
import { leaseOf } from "../../dynamodb/lease.ts";
import type { Lease } from "../../dynamodb/lease.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Attribute, Item, Key } from "../../dynamodb/table.ts";

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
  /** Its peer does not know it, or did not when it was told last. */
  readonly refused?: Refusal;
  /** While its peer refuses it: when the sweep looks at it again, ms since 1970. */
  readonly dueAt?: number;
  /** How often the peer asked for it again while it refused it. */
  readonly renewed?: number;
  /** When the peer said last what it has (`PUT`), ms since 1970. */
  readonly acknowledgedAt?: number;
}

/** When a subscription that its peer refuses may be tried again, ms since 1970: at any time once the peer has asked for it. */
export function retryTime({ refused, renewed = 0 }: Pick<InboundHead, "refused" | "renewed">): number | undefined {
  if (refused === undefined) return undefined;
  return refused.asked === renewed ? refused.nextAt : 0;
}

/** True while the peer refuses the subscription and it is not time to try again. */
export const isWaiting = (head: Pick<InboundHead, "refused" | "renewed">, now: number): boolean =>
  (retryTime(head) ?? 0) > now;

/** The key of a head. */
export const headKey = (head: Pick<InboundHead, "actorId" | "peerId" | "id">): Key => inboundHeadKey(head);

/** Reads a head's item. */
export function readInboundHead(item: Item): InboundHead {
  const optional = (name: string): string | undefined => (typeof item[name] === "string" ? item[name] : undefined);
  const [subtarget, resource] = [optional("subtarget"), optional("resource")];
  const [acceptEncoding, delivery] = [optional("acceptEncoding"), optional("delivery")];
  const number = (name: string): number | undefined => (typeof item[name] === "number" ? item[name] : undefined);
  return compact({
    actorId: actorOfKey(item),
    peerId: String(item["peerId"]),
    id: String(item["subscriptionId"]),
    target: String(item["target"]),
    subtarget,
    resource,
    createdAt: Number(item["createdAt"]),
    granularity: String(item["granularity"]) as Granularity,
    acceptEncoding,
    state: parseText(String(item["state"])) as SubscriptionState,
    version: Number(item["version"]),
    delivery: delivery === undefined ? NOTHING_DELIVERED : (parseText(delivery) as DeliveryState),
    lease: leaseOf(item),
    ...compact({
      refused: refusalOf(item["refused"]),
      dueAt: number("dueAt"),
      renewed: number("renewed"),
      acknowledgedAt: number("acknowledgedAt"),
    }),
  });
}

function refusalOf(stored: Attribute | undefined): Refusal | undefined {
  if (typeof stored !== "object" || stored === null || !("tries" in stored)) return undefined;
  const { status, since, tries, nextAt, asked } = stored;
  return {
    status: Number(status),
    since: Number(since),
    tries: Number(tries),
    nextAt: Number(nextAt),
    asked: Number(asked),
  };
}

/** The item of a new head. */
export function inboundItem(head: InboundHead): Item {
  const { actorId, peerId, id, target, subtarget, resource, createdAt, granularity, acceptEncoding, state, version } =
    head;
  const attributes = compact({ target, subtarget, resource, createdAt, granularity, acceptEncoding, version });
  return {
    ...inboundHeadKey({ actorId, peerId, id }),
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
  return compact({ target, subtarget, resource });
}
