import { ServiceError } from "../errors.ts";
import type { Trace } from "./peer-calls.ts";
import { spread } from "./spreading.ts";
import type { ChangeBody } from "./trust-bodies.ts";
import { peerRoot, tellTrustHook } from "./trust-context.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";

/** Approval on both sides, and the other changes of a trust that stands. */
export class TrustChanges {
  readonly #context: TrustContext;

  constructor(context: TrustContext) {
    this.#context = context;
  }

  /** What the owner, or an admin, wants different. Approving tells the peer before it resolves, best effort. */
  async change(trust: TrustRecord, body: ChangeBody, trace: Trace): Promise<void> {
    const described = await this.#describe(trust, body);
    if (body.approved === true) await this.approve(described, trace);
    if (body.approved === false) await this.revoke(described);
  }

  /** What a peer wants different: its own address and description only. @throws ServiceError auth.forbidden */
  async changeByPeer(trust: TrustRecord, body: ChangeBody): Promise<void> {
    if (body.approved !== undefined) {
      throw new ServiceError("auth.forbidden", "A peer cannot approve itself; only baseuri and desc are its own.", {
        field: "approved",
      });
    }
    await this.#describe(trust, body);
  }

  /**
   * Our approval: the record, then what hangs on it, then the peer is told, and what it may do if that may be news (each
   * at most 5 s, its failure does not undo it). Repeating it repairs whatever an earlier try did not reach.
   */
  async approve(trust: TrustRecord, trace: Trace): Promise<TrustRecord> {
    const { calls, logged, permissions } = this.#context;
    const granted = trust.approved ? undefined : await logged.changeApproval(trust, true);
    const approved = granted?.trust ?? trust;
    await spread(this.#context, approved);
    await this.#undoIfOvertaken(approved);
    const reached = await calls.tellApproved(approved, trace);
    if (granted !== undefined && reached) await permissions.tellOnApproval(granted, trace);
    if (granted !== undefined) await tellTrustHook(this.#context, "approve", approved);
    return approved;
  }

  /**
   * Takes our approval back; when it resolves, the peer's bearer opens nothing any more, anywhere. When it breaks off the
   * sweep goes on (`resumeSpreading`).
   */
  async revoke(trust: TrustRecord): Promise<void> {
    const { trust: revoked } = await this.#context.logged.changeApproval(trust, false);
    await spread(this.#context, revoked);
  }

  /** A revocation may have come between our record and what hangs on it; then it has the last word. */
  async #undoIfOvertaken(approved: TrustRecord): Promise<void> {
    const { consequences, trusts } = this.#context;
    const latest = await trusts.get(approved.actorId, approved.peerId);
    if (latest === undefined || latest.approved) return;
    await consequences.revoked(latest.actorId, latest.peerId, latest.revision);
  }

  /** The other side says whether it approved us. */
  async peerApproved(trust: TrustRecord, approved: boolean): Promise<void> {
    await this.#context.trusts.change(trust, { set: { peerApproved: approved } });
  }

  async #describe(trust: TrustRecord, body: ChangeBody): Promise<TrustRecord> {
    const set = {
      ...(body.desc === undefined ? {} : { desc: body.desc }),
      ...(body.baseuri === undefined ? {} : { baseUri: peerRoot(body.baseuri, "baseuri") }),
    };
    if (Object.keys(set).length === 0) return trust;
    // What was said at the old address does not hold for whoever is at the new one.
    const remove = set.baseUri === undefined || set.baseUri === trust.baseUri ? [] : ["capabilities"];
    return this.#context.trusts.change(trust, { set, remove });
  }
}
