import type { ActorRecord } from "../actors/actor-record.ts";
import type { ActorStore } from "../actors/actor-store.ts";
import type { PassphraseVerifier } from "../actors/passphrase.ts";
import { ADMIN_RELATIONSHIP } from "../domain/relationships.ts";
import { ServiceError } from "../errors.ts";
import type { Access, Caller, Gate } from "../http/access.ts";
import { parseCredentials } from "../http/credentials.ts";
import { sameSecret } from "./secret-digest.ts";
import type { TrustRecord } from "./trust-record.ts";
import type { TrustStore } from "./trust-store.ts";

/** The name of the creator whose passphrase is also a bearer, and how many bits it must have more than. */
const TRUSTEE = "trustee";
const TRUSTEE_BITS = 80;

const CHALLENGE = { "WWW-Authenticate": 'Basic realm="actingweb", charset="UTF-8", Bearer realm="actingweb"' };

/** Recognises owners, trustees and peers by what they send; all comparisons take the same time wherever they differ. */
export class Authentication implements Gate {
  readonly #actors: ActorStore;
  readonly #trusts: TrustStore;
  readonly #passphrases: PassphraseVerifier;

  constructor(actors: ActorStore, trusts: TrustStore, passphrases: PassphraseVerifier) {
    this.#actors = actors;
    this.#trusts = trusts;
    this.#passphrases = passphrases;
  }

  actor(actorId: string): Promise<ActorRecord | undefined> {
    return this.#actors.get(actorId);
  }

  async admit(
    actor: ActorRecord,
    authorization: string | undefined,
    access: readonly Access[],
    peerId?: string,
  ): Promise<Caller> {
    const credentials = parseCredentials(authorization);
    if (credentials.scheme === "none") {
      throw new ServiceError("auth.missing", "This needs credentials.", { headers: CHALLENGE });
    }
    const caller =
      credentials.scheme === "basic"
        ? await this.#owner(actor, credentials.user, credentials.passphrase, access)
        : await this.#bearer(actor, credentials.token, access, peerId);
    if (caller === undefined) throw new ServiceError("auth.forbidden", "These credentials do not open this.");
    return caller;
  }

  async #owner(
    actor: ActorRecord,
    user: string,
    passphrase: string,
    access: readonly Access[],
  ): Promise<Caller | undefined> {
    if (!access.includes("creator")) return undefined;
    const rightUser = sameSecret(user, actor.creator);
    const rightPassphrase = await this.#passphrases.verify(passphrase, actor.passphraseHash);
    return rightUser && rightPassphrase ? { kind: "creator" } : undefined;
  }

  async #bearer(
    actor: ActorRecord,
    token: string,
    access: readonly Access[],
    peerId: string | undefined,
  ): Promise<Caller | undefined> {
    const pending = access.includes("pending");
    if (peerId !== undefined && (pending || access.includes("peer"))) {
      const trust = await this.#trusts.get(actor.id, peerId);
      if (trust !== undefined && sameSecret(trust.secret, token) && (trust.approved || pending)) {
        return asPeer(trust, false);
      }
    }
    if (access.includes("admin") || (peerId === undefined && access.includes("peer"))) {
      const trust = await this.#trusts.bySecret(actor.id, token);
      const admin = trust?.relationship === ADMIN_RELATIONSHIP && access.includes("admin");
      if (trust?.approved === true && (admin || (peerId === undefined && access.includes("peer")))) {
        return asPeer(trust, admin);
      }
    }
    if (access.includes("trustee") && actor.creator === TRUSTEE && actor.passphraseBits > TRUSTEE_BITS) {
      if (await this.#passphrases.verify(token, actor.passphraseHash)) return { kind: "trustee" };
    }
    return undefined;
  }
}

function asPeer(trust: TrustRecord, admin: boolean): Caller {
  return { kind: "peer", peerId: trust.peerId, admin, trust };
}
