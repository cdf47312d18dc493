/** Actors, callers and access rules, as far as this layer knows them: the service that uses it gives their types. */

/** The types of one service: its actors, its callers, and the names of its access rules. */
export interface Parties {
  readonly actor: { readonly deleting: boolean };
  /** The log line of a request has `kind` and `peerId`. */
  readonly caller: { readonly kind: string; readonly peerId?: string };
  /** The router knows `anyone` (no credentials) and `hook` (the handler decides), the gate knows the others. */
  readonly access: string;
}

/** The caller of a route that asks for no credentials. */
export interface Anyone {
  readonly kind: "anyone";
}

/** Finds actors and recognises callers, for the router before it calls a handler. */
export interface Gate<P extends Parties> {
  /** The actor, also while it is being deleted; undefined when there is none. */
  actor(actorId: string): Promise<P["actor"] | undefined>;
  /**
   * The caller, if it meets one of `access`. `source`: the address that the request came from.
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

/** The actor and caller of a request, as the router found them before it calls the handler. */
export interface Admission<P extends Parties> {
  /** The actor of the path. @throws TypeError on routes without one, or that find the actor themselves: a defect. */
  readonly actor: P["actor"];
  readonly caller: P["caller"] | Anyone;
  /** Recognises the caller now, for routes whose handler checks something else before credentials. */
  readonly admit: () => Promise<P["caller"] | Anyone>;
}
