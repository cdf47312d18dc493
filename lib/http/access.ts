/** Who asks, as far as this layer has to know: what an actor, a caller and an access rule are is said by its user. */

/** The types of one service: its actors, its callers, and the names of those whom a route admits. */
export interface Parties {
  readonly actor: { readonly deleting: boolean };
  /** `kind` and `peerId` stand in the log line of a request. */
  readonly caller: { readonly kind: string; readonly peerId?: string };
  /** `anyone` (no credentials) and `hook` (the handler decides) are known here; all others the gate knows. */
  readonly access: string;
}

/** The caller of a route that asks for no credentials. */
export interface Anyone {
  readonly kind: "anyone";
}

/** Finds actors and recognises callers; what the router asks before it calls a handler. */
export interface Gate<P extends Parties> {
  /** The actor, also while it is being deleted; undefined when there is none. */
  actor(actorId: string): Promise<P["actor"] | undefined>;
  /**
   * The caller, if one of `access` is met. `source`: the address it asks from.
   * @throws ServiceError auth.missing without usable credentials, auth.forbidden with wrong or insufficient ones,
   *   auth.limited after too many wrong passphrases
   */
  admit(
    actor: P["actor"],
    authorization: string | undefined,
    access: readonly P["access"][],
    peerId?: string,
    source?: string,
  ): Promise<P["caller"]>;
}

/** What a handler is given beside the request. */
export interface Admission<P extends Parties> {
  /** The actor of the path. @throws TypeError on routes without one, or that find the actor themselves: a defect. */
  readonly actor: P["actor"];
  readonly caller: P["caller"] | Anyone;
  /** Recognises the caller now, for routes whose handler must look at something before credentials. */
  readonly admit: () => Promise<P["caller"] | Anyone>;
}
