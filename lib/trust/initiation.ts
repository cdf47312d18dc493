import { isServiceError, ServiceError } from "../system/errors.ts";
import { DEFAULT_RELATIONSHIP } from "../domain/policy/relationships.ts";
import type { Trace } from "./peer-calls.ts";
import type { TrustInitiationRequest } from "./trust-requests.ts";
import { peerRoot, rootUri, runTrustHook } from "./trust-context.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";
import { taken } from "./trust-store.ts";

/** Asks a peer to trust one of our actors. */
export class TrustInitiation {
  readonly #context: TrustContext;

  constructor(context: TrustContext) {
    this.#context = context;
  }

  /**
   * Reads who the peer is, stores our side approved — the peer verifies it while we ask — and asks. Nothing is left
   * behind when it comes to nothing; after a crash the sweep takes it back.
   * @throws ServiceError request.invalid, resource.conflict (a trust is there, untouched), peer.unreachable,
   *   peer.invalid_answer, auth.forbidden (refused)
   */
  async initiate(actorId: string, body: TrustInitiationRequest, trace: Trace): Promise<TrustRecord> {
    const { calls, clock, config, application, ids, trusts } = this.#context;
    const baseUri = peerRoot(body.url, "url");
    const ourRoot = rootUri(config, actorId);
    if (baseUri === ourRoot) {
      throw new ServiceError("request.invalid", "An actor cannot trust itself.", { field: "url" });
    }
    const meta = await calls.meta(baseUri, actorId, trace);
    if (body.type !== undefined && body.type !== "" && body.type !== meta.type) {
      throw new ServiceError("peer.invalid_answer", "The peer is of another type than the one asked for.");
    }
    if ((await trusts.getEvenEnding(actorId, meta.id)) !== undefined) throw taken(meta.id);
    const now = clock.now();
    const trust: TrustRecord = {
      actorId,
      peerId: meta.id,
      baseUri,
      type: meta.type,
      relationship: body.relationship ?? DEFAULT_RELATIONSHIP,
      secret: body.secret ?? ids.secret(),
      desc: body.desc ?? "",
      approved: true,
      peerApproved: false,
      // It answered at the address that we asked.
      verified: true,
      verificationToken: ids.secret(),
      createdAt: now,
      revision: 1,
      ending: false,
    };
    await trusts.create(trust, now);
    const settled = await this.#ask(trust, ourRoot, application.awType, trace);
    await runTrustHook(this.#context, "create", settled);
    return settled;
  }

  async #ask(trust: TrustRecord, ourRoot: string, ourType: string, trace: Trace): Promise<TrustRecord> {
    const { calls, trusts } = this.#context;
    try {
      const peerApproved = await calls.ask(trust, ourRoot, ourType, trace);
      return await trusts.finishInitiation(trust, peerApproved);
    } catch (error) {
      await trusts.withdraw(trust);
      // Without a clear refusal the peer may hold a record by now.
      if (!isRefusal(error)) await calls.notifyDeleted(trust, trace);
      throw error;
    }
  }
}

/** The peer has taken nothing of what it was asked: it said no, or that it takes no more requests now (429). */
const isRefusal = (error: unknown): boolean =>
  isServiceError(error) && (error.code === "auth.forbidden" || error.extra["peerStatus"] === 429);
