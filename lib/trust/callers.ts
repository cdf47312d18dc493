/** The callers of an actor, and what each of them may ask. */
import type { ActorRecord } from "../actors/actor-record.ts";
import type { Anyone } from "../http/access.ts";
import type { TrustRecord } from "./trust-record.ts";

/**
 * The callers that a route admits; any one of its list suffices.
 * `anyone`: no credentials. `creator`: HTTP Basic. `trustee`: its bearer. `admin`: an approved peer of relationship
 * `admin`. `peer`: the approved peer that the path names (any approved peer where it names none). `pending`: that peer,
 * also before we approved it. `hook`: decided by the handler.
 */
export type Access = "anyone" | "creator" | "trustee" | "admin" | "peer" | "pending" | "hook";

/** A caller that has shown its credentials. */
export type Authenticated =
  | { readonly kind: "creator" | "trustee" }
  /** `admin` is true when the peer was admitted as an admin rather than as the peer that the route is about. */
  | { readonly kind: "peer"; readonly peerId: string; readonly admin: boolean; readonly trust: TrustRecord };

/** The caller of a request. */
export type Caller = Anyone | Authenticated;

/** The types that this service gives to the HTTP layer. */
export interface ServiceParties {
  readonly actor: ActorRecord;
  readonly caller: Authenticated;
  readonly access: Access;
}
