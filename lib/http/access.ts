import type { ActorRecord } from "../actors/actor-record.ts";
import type { TrustRecord } from "../trust/trust-record.ts";

/**
 * Who a route is for; any one of its list suffices.
 * `anyone`: no credentials. `creator`: HTTP Basic. `trustee`: its bearer. `admin`: an approved peer of relationship
 * `admin`. `peer`: the approved peer that the path names (any approved peer where it names none). `pending`: that peer,
 * also before we approved it. `hook`: decided by the handler.
 */
export type Access = "anyone" | "creator" | "trustee" | "admin" | "peer" | "pending" | "hook";

/** Who is asking, once it is known. */
export type Caller =
  | { readonly kind: "anyone" | "creator" | "trustee" }
  /** `admin` is true when it came in as an admin peer rather than about itself. */
  | { readonly kind: "peer"; readonly peerId: string; readonly admin: boolean; readonly trust: TrustRecord };

/** Finds actors and recognises callers; what the router asks before it calls a handler. */
export interface Gate {
  /** The actor, also while it is being deleted; undefined when there is none. */
  actor(actorId: string): Promise<ActorRecord | undefined>;
  /**
   * The caller, if one of `access` is met. `source`: the address it asks from.
   * @throws ServiceError auth.missing without usable credentials, auth.forbidden with wrong or insufficient ones,
   *   auth.limited after too many wrong passphrases
   */
  admit(
    actor: ActorRecord,
    authorization: string | undefined,
    access: readonly Access[],
    peerId?: string,
    source?: string,
  ): Promise<Caller>;
}

/** What a handler is given beside the request. */
export interface Admission {
  /** The actor of the path. @throws TypeError on routes without one, or that find the actor themselves: a defect. */
  readonly actor: ActorRecord;
  readonly caller: Caller;
  /** Recognises the caller now, for routes whose handler must look at something before credentials. */
  readonly admit: (access: readonly Access[]) => Promise<Caller>;
}
