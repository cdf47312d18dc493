/** What an ended subscription leaves behind: buffered callbacks, data that it owned, failed events, its head. */
import type { PeerRef } from "../../domain/terms/refs.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { bufferEpoch, bufferPartition, failedEventIdKeyOf, failedEventPrefix } from "../../dynamodb/keys/streams.ts";
import { deleteIf } from "../../dynamodb/outcomes.ts";
import { deleteRange, pagesOf } from "../../dynamodb/paging.ts";
import { equals } from "../../dynamodb/table.ts";
import type { Key, Table } from "../../dynamodb/table.ts";
import type { Clock } from "../../system/ports.ts";
import type { TrustStore } from "../../trust/trust-store.ts";
import type { PeerStore } from "../replica/peer-store.ts";
import type { Head } from "../stream/head.ts";
import type { OutboundHeads } from "./outbound-heads.ts";
import { broaderThan, forgetOwnership, owns } from "./ownership.ts";

export interface EndedDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly heads: OutboundHeads;
  readonly trusts: TrustStore;
  readonly store: (actorId: string, peerId: string) => PeerStore;
}

/** Deletes callbacks that were buffered in epochs before this one; those of this one may have been acknowledged just now. */
export async function emptyBuffer(table: Table, stream: Key, epoch: number): Promise<void> {
  await deleteRange(table, { pk: bufferPartition(stream), prefix: "", until: bufferEpoch(epoch) });
}

/** Removes what a subscription owned, unless a broader one owns it now and has been asked to read it. */
export async function giveUp(deps: Pick<EndedDeps, "clock" | "heads" | "store">, head: Head): Promise<void> {
  const others = await deps.heads.live(head.actorId, head.peerId);
  if (broaderThan(head, others) === undefined) await removeData(deps, head, others);
}

async function removeData(
  { clock, store }: Pick<EndedDeps, "clock" | "store">,
  head: Head,
  others: readonly Head[],
): Promise<void> {
  if (head.scope.target !== "properties") return;
  const excludedScopes = others.filter(owns).map((other) => placeOf(other.scope));
  const stateVersion = Math.max(clock.now(), head.stateVersion + 1);
  const at = { stateVersion, sequence: head.lastSeq };
  await store(head.actorId, head.peerId).removeScope({ scope: placeOf(head.scope), excludedScopes }, at);
}

/** Deletes what was written late for an ended head whose time has come, then the head. */
export async function purgeEnded(deps: EndedDeps, head: Head): Promise<void> {
  const { actorId, peerId, subscriptionId } = head;
  const { heads, table, trusts, store } = deps;
  await emptyBuffer(table, head.key, head.epoch + 1);
  const others = await heads.live(actorId, peerId);
  if (!head.keepData && broaderThan(head, others) === undefined) await removeData(deps, head, others);
  const trusted = (await trusts.get(actorId, peerId)) !== undefined;
  if (!trusted && !others.some((other) => other.subscriptionId === subscriptionId)) {
    await deleteFailedEvents(table, actorId, failedEventPrefix(peerId, subscriptionId));
  }
  if (!trusted && others.length === 0 && !head.keepData) await store(actorId, peerId).deleteAll();
  await deleteIf(table, head.key, equals("state", "ended"));
  if (!trusted) await forgetOwnership(table, head);
}

/** Ends every subscription to a peer whose trust has ended, with what waits and what failed; its data unless kept. */
export async function endAll(
  { heads, store, table }: Pick<EndedDeps, "heads" | "store" | "table">,
  peer: PeerRef,
  options: { readonly keepData: boolean },
): Promise<void> {
  const { actorId, peerId } = peer;
  for (const head of await heads.live(actorId, peerId)) {
    await heads.end(head, options.keepData);
    await emptyBuffer(table, head.key, head.epoch + 1);
  }
  await deleteFailedEvents(table, actorId, failedEventPrefix(peerId));
  if (!options.keepData) await store(actorId, peerId).deleteAll();
  await forgetOwnership(table, peer);
}

/** Deletes failed events and stale parts, and the items that find them by their ids. */
async function deleteFailedEvents(table: Table, actorId: string, prefix: string): Promise<void> {
  for await (const items of pagesOf(table, { pk: actorPartition(actorId), prefix, only: [] })) {
    const keys = items.flatMap(({ pk, sk }) => [{ pk, sk }, failedEventIdKeyOf({ pk, sk })]);
    if (keys.length > 0) await table.deleteMany(keys);
  }
}
