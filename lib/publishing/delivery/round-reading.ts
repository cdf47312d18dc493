/** Reads the heads of many subscriptions, and the trusts of their peers. */
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Item } from "../../dynamodb/table.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { readInboundHead, type InboundHead } from "../subscribers/inbound-head.ts";
import type { InboundHeads, SubscriberName } from "../subscribers/inbound-heads.ts";
import type { TrustCache } from "./trust-cache.ts";

/** Up to this many are read with one request, heads and trusts. */
const FEW = 20;

type Name = Pick<SubscriberName, "peerId" | "id">;

/** What was found. */
export interface RoundItems {
  /** In the order of the names. */
  readonly heads: readonly InboundHead[];
  /** By peer. */
  readonly trusts: ReadonlyMap<string, Item>;
}

/** A few with one request; of many the heads apart, because their buckets are cheaper by a query each. */
export async function readRound(
  deps: { readonly trustCache: TrustCache; readonly heads: Pick<InboundHeads, "getMany"> },
  actorId: string,
  names: readonly Name[],
): Promise<RoundItems> {
  const { trustCache, heads: stored } = deps;
  const keys = [...new Set(names.map(({ peerId }) => peerId))].map((peerId) => trustKey(actorId, peerId));
  const isFew = names.length <= FEW;
  const [items, queried] = await Promise.all([
    trustCache.read(keys, isFew ? names.map(({ peerId, id }) => inboundHeadKey({ actorId, peerId, id })) : []),
    isFew ? [] : stored.getMany(actorId, names),
  ]);
  const isTrust = new Set(keys.map(({ sk }) => sk));
  const read = items.flatMap((item) => (isTrust.has(item.sk) ? [] : [readInboundHead(item)]));
  const byName = new Map([...read, ...queried].map((head) => [nameOf(head), head]));
  return {
    heads: names.flatMap((name) => byName.get(nameOf(name)) ?? []),
    trusts: new Map(items.flatMap((item) => (isTrust.has(item.sk) ? [[readTrust(item).peerId, item]] : []))),
  };
}

const nameOf = ({ peerId, id }: Name): string => `${peerId}#${id}`;
