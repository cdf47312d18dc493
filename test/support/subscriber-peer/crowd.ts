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
  readonly supported?: readonly string[];
}

/** How many of them ask for trust and subscribe at a time. */
const AT_ONCE = 8;

/** That many subscribers of one actor, each with one subscription. */
export async function gather(
  host: SubscriberHost,
  actor: ActorAddress,
  count: number,
  { scope = {}, ...options }: CrowdOptions = {},
): Promise<Member[]> {
  const members: Member[] = [];
  const peers = Array.from({ length: count }, () => host.add(options));
  const join = async (): Promise<void> => {
    for (let peer = peers.pop(); peer; peer = peers.pop()) {
      await peer.trust(actor);
      members.push({ peer, stream: await peer.subscribe(scope) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, join));
  return members;
}
