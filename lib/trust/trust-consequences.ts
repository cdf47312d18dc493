/**
 * What a change of a trust does to what hangs on it: the heads of the outbound subscriptions carry a digest of the
 * peer's secret, stored data and pending callbacks belong to the peer. Called after the trust's own record was written;
 * what it promises must hold everywhere when it resolves. Every method may be called again with the same arguments.
 */
export interface TrustConsequences {
  /**
   * The peer's bearer opens its streams. `revision` is the trust's; a call with an older one than was applied must
   * change nothing, so that an approval that was overtaken by a revocation stays revoked.
   */
  approved(actorId: string, peerId: string, secretDigest: string, revision: number): Promise<void>;
  /** The peer's bearer opens nothing any more. */
  revoked(actorId: string, peerId: string, revision: number): Promise<void>;
  /** Everything of that peer goes, but its stored data stays when `keepData`. */
  ended(actorId: string, peerId: string, options: { readonly keepData: boolean }): Promise<void>;
}

/** For tests of trust alone, where nothing hangs on it. */
export const noConsequences: TrustConsequences = {
  approved: () => Promise.resolve(),
  revoked: () => Promise.resolve(),
  ended: () => Promise.resolve(),
};
