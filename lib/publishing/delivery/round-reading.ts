/** Reads the heads of many subscriptions, and the trusts of their peers. */
import type { Buckets } from "../../domain/log/buckets.ts";
import { trustKey } from "../../dynamodb/keys/actors.ts";
import { inboundHeadKey } from "../../dynamodb/keys/publishing.ts";
import type { Item } from "../../dynamodb/table.ts";
import { readTrust } from "../../trust/trust-record.ts";
import { readInboundHead, type InboundHead } from "../subscribers/inbound-head.ts";
import type { SubscriberName } from "../../engine/in-scope.ts";
import type { InboundHeads } from "../subscribers/inbound-heads.ts";
import type { TrustCache } from "./trust-cache.ts";

/** What is known of the heads before they are read. */
interface KnownHeads {
  /** Heads as they were just read, by their sort key; absent: they are read by their names. */
  readonly stored?: ReadonlyMap<string, InboundHead>;
  /** How many heads the actor's buckets have. */
  readonly buckets: Buckets;
}

/** What was found. */
export interface RoundItems {
  /** In the order of the names. */
  readonly heads: readonly InboundHead[];
  /** By peer. */
  readonly trusts: ReadonlyMap<string, Item>;
}

/** Trusts and single heads with one request, and one query for each bucket of which much is needed. */
export async function readRound(
  { trustCache, heads }: { readonly trustCache: TrustCache; readonly heads: Pick<InboundHeads, "items"> },
  actorId: string,
  names: readonly Pick<SubscriberName, "peerId" | "id">[],
  { buckets, stored }: KnownHeads,
): Promise<RoundItems> {
  const keys = [...new Set(names.map(({ peerId }) => peerId))].map((peerId) => trustKey(actorId, peerId));
  const items =
    stored === undefined
      ? await heads.items(actorId, names, buckets, async (single) => await trustCache.read(keys, single))
      : await trustCache.read(keys);
  const bySortKey = new Map(items.map((item) => [item.sk, item]));
  return {
    heads: names.flatMap((name) => {
      const { sk } = inboundHeadKey({ actorId, ...name });
      const item = bySortKey.get(sk);
      return stored?.get(sk) ?? (item === undefined ? [] : readInboundHead(item));
    }),
    trusts: new Map(
      keys.flatMap(({ sk }) => {
        const item = bySortKey.get(sk);
        return item === undefined ? [] : [[readTrust(item).peerId, item]];
      }),
    ),
  };
}
