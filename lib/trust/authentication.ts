import type { ActorRecord } from "../actors/actor-record.ts";
import type { ActorStore } from "../actors/actor-store.ts";
import { isMinted, type PassphraseVerifier } from "../actors/passphrase.ts";
import type { PassphraseGuesses } from "../actors/passphrase-guesses.ts";
import { ADMIN_RELATIONSHIP } from "../domain/policy/relationships.ts";
import { ServiceError } from "../system/errors.ts";
import type { Access, Authenticated, ServiceParties } from "./callers.ts";
import type { Gate } from "../http/access.ts";
import { parseCredentials } from "../http/credentials.ts";
import { sameSecret } from "../domain/wire/secret-digest.ts";
import type { TrustRecord } from "./trust-record.ts";
import type { TrustStore } from "./trust-store.ts";

/** The name of the creator whose passphrase is also a bearer, if the passphrase has more bits than this. */
const TRUSTEE = "trustee";
const TRUSTEE_BITS = 80;

const CHALLENGE = { "WWW-Authenticate": 'Basic realm="actingweb", charset="UTF-8", Bearer realm="actingweb"' };

/** Recognises owners, trustees and peers by their credentials. All comparisons of secrets take constant time. */
export class Authentication implements Gate<ServiceParties> {
  readonly #actors: ActorStore;
  readonly #trusts: TrustStore;
  readonly #passphrases: PassphraseVerifier;
  readonly #guesses: PassphraseGuesses;
  /** Guesses under way in this instance, by hash and passphrase. */
  readonly #guessed = new Map<string, Promise<boolean>>();

  constructor(actors: ActorStore, trusts: TrustStore, passphrases: PassphraseVerifier, guesses: PassphraseGuesses) {
    this.#actors = actors;
    this.#trusts = trusts;
    this.#passphrases = passphrases;
    this.#guesses = guesses;
  }

  actor(actorId: string): Promise<ActorRecord | undefined> {
    return this.#actors.get(actorId);
  }

  async admit(
    actor: ActorRecord,
    authorization: string | undefined,
    access: readonly Access[],
    peerId?: string,
    source?: string,
  ): Promise<Authenticated> {
    const credentials = parseCredentials(authorization);
    if (credentials.scheme === "none") {
      throw new ServiceError("auth.missing", "This needs credentials.", { headers: CHALLENGE });
    }
    const caller =
      credentials.scheme === "basic"
        ? await this.#owner(actor, credentials, access, source ?? "")
        : await this.#bearer(actor, credentials.token, access, peerId);
    if (caller === undefined) throw new ServiceError("auth.forbidden", "These credentials do not open this.");
    return caller;
  }

  async #owner(
    actor: ActorRecord,
    { user, passphrase }: { readonly user: string; readonly passphrase: string },
    access: readonly Access[],
    source: string,
  ): Promise<Authenticated | undefined> {
    if (!access.includes("creator")) return undefined;
    const rightUser = sameSecret(user, actor.creator);
    const rightPassphrase = await this.#isRight(actor, passphrase, source);
    return rightUser && rightPassphrase ? { kind: "creator" } : undefined;
  }

  /**
   * Compares a passphrase. A guess at a chosen passphrase is counted before anything is computed, in all instances together,
   * and subtracted again when it is right. Requests with the same passphrase at the same time are one guess.
   * @throws ServiceError auth.limited
   */
  async #isRight(actor: ActorRecord, passphrase: string, source: string): Promise<boolean> {
    const { passphraseHash: hash } = actor;
    const passphrases = this.#passphrases;
    if (isMinted(hash) || passphrases.remembered(passphrase, hash) === true) {
      return await passphrases.verify(passphrase, hash);
    }
    const name = passphrases.nameOf(passphrase, hash);
    const underWay = this.#guessed.get(name);
    if (underWay !== undefined) return await underWay;
    const guess = this.#guess(actor, passphrase, source).finally(() => this.#guessed.delete(name));
    this.#guessed.set(name, guess);
    return await guess;
  }

  async #guess(actor: ActorRecord, passphrase: string, source: string): Promise<boolean> {
    const guess = await this.#guesses.count(actor, source);
    const right = await this.#passphrases.verify(passphrase, actor.passphraseHash);
    await (right ? this.#guesses.uncount(guess) : this.#guesses.wasWrong(guess));
    return right;
  }

  async #bearer(
    actor: ActorRecord,
    token: string,
    access: readonly Access[],
    peerId: string | undefined,
  ): Promise<Authenticated | undefined> {
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

function asPeer(trust: TrustRecord, admin: boolean): Authenticated {
  return { kind: "peer", peerId: trust.peerId, admin, trust };
}
