/** The bodies of requests about trusts, after they were read and checked. */
import type { JsonObject } from "../system/ports.ts";

/** The owner's request for a trust with the actor at `url`. */
export interface TrustInitiationRequest {
  readonly url: string;
  readonly relationship?: string | undefined;
  readonly type?: string | undefined;
  readonly desc?: string | undefined;
  /** Shared by both sides; one is made when the owner gives none. */
  readonly secret?: string | undefined;
}

/** A peer's request for a trust with one of our actors. */
export interface TrustReceptionRequest {
  readonly baseuri: string;
  readonly id: string;
  readonly type?: string | undefined;
  readonly secret: string;
  readonly desc?: string | undefined;
  /** The token by which the peer is verified. */
  readonly verify?: string | undefined;
}

/** The members of a trust to change; absent members stay. */
export interface TrustChangeRequest {
  readonly approved?: boolean | undefined;
  readonly desc?: string | undefined;
  readonly baseuri?: string | undefined;
  readonly permissions?: JsonObject | undefined;
}
