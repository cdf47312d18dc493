import type { Trace } from "./peer-calls.ts";
import { propagate } from "./propagation.ts";
import type { TrustReceptionRequest } from "./trust-requests.ts";
import { peerRoot, rootUri, runTrustHook } from "./trust-context.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";
import { taken } from "./trust-store.ts";
import { ServiceError } from "../system/errors.ts";

/** Takes peers' requests for trust. */
export class TrustReception {
  readonly #context: TrustContext;

  constructor(context: TrustContext) {
    this.#context = context;
  }

  /**
   * Verifies a peer that asks, and stores our side: approved only where the deployment approves this relationship by
   * itself and the peer verified. A trust that is there is replaced, unapproved, by a verified request from the same
   * `baseuri`, or when it was worth nothing.
   * @throws ServiceError request.invalid, auth.forbidden (address refused), resource.conflict (untouched)
   */
  async receive(
    actorId: string,
    relationship: string,
    body: TrustReceptionRequest,
    trace: Trace,
  ): Promise<TrustRecord> {
    const { calls, clock, config, ids, trusts } = this.#context;
    const baseUri = peerRoot(body.baseuri, "baseuri");
    if (baseUri === rootUri(config, actorId)) {
      throw new ServiceError("request.invalid", "An actor cannot trust itself.", { field: "baseuri" });
    }
    const asked: TrustRecord = {
      actorId,
      peerId: body.id,
      baseUri,
      type: body.type ?? "",
      relationship,
      secret: body.secret,
      desc: body.desc ?? "",
      approved: false,
      peerApproved: false,
      verified: false,
      verificationToken: ids.secret(),
      createdAt: clock.now(),
      revision: 1,
      ending: false,
    };
    const verified = await calls.verifies(asked, body.verify ?? "", trace);
    const old = await trusts.getEvenEnding(actorId, body.id);
    // Who asks has approved it at its side; that counts only when it is who it says.
    const trust = { ...asked, verified, peerApproved: verified };
    return old === undefined ? this.#accept(trust) : this.#replace(old, trust);
  }

  async #accept(trust: TrustRecord): Promise<TrustRecord> {
    const { config, trusts } = this.#context;
    const approved = trust.verified && config.trustAutoApprove.includes(trust.relationship);
    const stored = { ...trust, approved };
    await trusts.create(stored);
    if (approved) await propagate(this.#context, stored);
    await runTrustHook(this.#context, "create", stored);
    if (approved) await runTrustHook(this.#context, "approve", stored);
    return stored;
  }

  async #replace(old: TrustRecord, trust: TrustRecord): Promise<TrustRecord> {
    const isSamePeer = trust.verified && trust.baseUri === old.baseUri;
    const isWorthless = !old.verified && !old.approved;
    if (old.ending || !(isSamePeer || isWorthless)) throw taken(old.peerId);
    const kept = old.custom === undefined ? {} : { custom: old.custom };
    const replacing = { ...trust, ...kept, revision: old.revision + 1 };
    await this.#context.trustCommits.replace(old, replacing);
    await propagate(this.#context, replacing);
    await runTrustHook(this.#context, "create", replacing);
    return replacing;
  }
}
