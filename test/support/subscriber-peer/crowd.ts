import type { SubscriberHost } from "./host.ts";
import type { ActorAddress, SubscriberPeer } from "./peer.ts";
import type { Stream, StreamScope } from "./stream.ts";

/** One subscriber of many and its only subscription. */
export interface Member {
  readonly peer: SubscriberPeer;
  readonly stream: Stream;
}

export interface CrowdOptions {
  readonly scope?: Partial<StreamScope>;
  /** They keep no copies, only the numbers. */
  readonly numbersOnly?: boolean;
  /** They say so when they have fetched what a low callback names. */
  readonly acknowledges?: boolean;
}

/** How many of them ask for trust at a time. */
const TRUSTS_AT_ONCE = 8;
/** Every subscription is one more record of the same log: more at a time would only get into each other's way. */
const SUBSCRIPTIONS_AT_ONCE = 2;

/** That many subscribers of one actor, each with one subscription. */
export async function gather(
  host: SubscriberHost,
  actor: ActorAddress,
  count: number,
  { scope = {}, ...options }: CrowdOptions = {},
): Promise<Member[]> {
  const peers = Array.from({ length: count }, () => host.add(options));
  await each(peers, TRUSTS_AT_ONCE, async (peer) => await peer.trust(actor));
  return await each(peers, SUBSCRIPTIONS_AT_ONCE, async (peer) => ({ peer, stream: await peer.subscribe(scope) }));
}

/** The results in the order of the items. */
async function each<T, R>(items: readonly T[], atOnce: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return results;
}
