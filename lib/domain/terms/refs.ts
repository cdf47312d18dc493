/** Ids that are passed together. */

/** A peer of one of our actors. */
export interface PeerRef {
  readonly actorId: string;
  readonly peerId: string;
}

/** A subscription between an actor of ours and a peer, in either direction. */
export interface StreamRef extends PeerRef {
  readonly subscriptionId: string;
}

/** A subscription that a peer has with us, as the publishing side names its parts. */
export interface InboundRef extends PeerRef {
  readonly id: string;
}
