import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { Granted } from "./permission-store.ts";
import { NOTIFY_MS } from "./peer-calls.ts";
import type { Trace } from "./peer-calls.ts";
import { propagate } from "./propagation.ts";
import type { TrustChangeRequest } from "./trust-requests.ts";
import { peerRoot, runTrustHook } from "./trust-context.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";

/** Approval on both sides, and the other changes of a trust that stands. */
export class TrustChanges {
  readonly #context: TrustContext;

  constructor(context: TrustContext) {
    this.#context = context;
  }

  /**
   * What the owner, or an admin, wants different: all of it in one step, or nothing. Before it resolves the peer hears of
   * its approval, and of its permissions if they may be news: at most 5 s together, and a failure undoes nothing.
   */
  async change(trust: TrustRecord, body: TrustChangeRequest, trace: Trace): Promise<TrustRecord> {
    const { trustCommits, trusts } = this.#context;
    const newly = body.approved === true && !trust.approved;
    const approved = newly || body.approved === false ? body.approved : undefined;
    const change = compact({ ...described(body), approved, custom: body.permissions });
    const revises = approved !== undefined || body.permissions !== undefined;
    const granted = revises ? await trustCommits.change(trust, change) : undefined;
    const changed = granted?.trust ?? (await trusts.describe(trust, change));
    if (body.approved !== undefined) await propagate(this.#context, changed);
    if (body.approved === true) await this.#undoIfOvertaken(changed);
    await this.#notify(changed, body, newly, granted, trace);
    if (newly) await runTrustHook(this.#context, "approve", changed);
    return changed;
  }

  /** What a peer wants different: its own address and description only. @throws ServiceError auth.forbidden */
  async changeByPeer(trust: TrustRecord, body: TrustChangeRequest): Promise<void> {
    for (const field of ["approved", "permissions"] as const) {
      if (body[field] === undefined) continue;
      const message = `A peer sets only its own baseuri and desc, not ${field}.`;
      throw new ServiceError("auth.forbidden", message, { field });
    }
    await this.#context.trusts.describe(trust, described(body));
  }

  /**
   * Our approval: the record, then what hangs on it, then the peer (`change`). Repeating it repairs what an earlier try did
   * not reach.
   */
  async approve(trust: TrustRecord, trace: Trace): Promise<TrustRecord> {
    return await this.change(trust, { approved: true }, trace);
  }

  /** The other side says whether it approved us. */
  async peerApproved(trust: TrustRecord, approved: boolean): Promise<void> {
    await this.#context.trusts.change(trust, { set: { peerApproved: approved } });
  }

  /** A peer that does not take its approval does not take a callback either. */
  async #notify(
    trust: TrustRecord,
    body: TrustChangeRequest,
    newly: boolean,
    granted: Granted | undefined,
    trace: Trace,
  ): Promise<void> {
    const { calls, clock, permissions } = this.#context;
    const until = clock.now() + NOTIFY_MS;
    const reached = body.approved !== true || (await calls.notifyApproved(trust, trace, NOTIFY_MS));
    if (granted === undefined || (newly && !reached)) return;
    if (body.permissions === undefined && !permissions.mattersOnApproval(granted)) return;
    await permissions.notify(granted, trace, until - clock.now());
  }

  /** A revocation may have come between our record and what hangs on it; then it has the last word. */
  async #undoIfOvertaken(approved: TrustRecord): Promise<void> {
    const { consequences, trusts } = this.#context;
    const latest = await trusts.get(approved.actorId, approved.peerId);
    if (latest === undefined || latest.approved) return;
    await consequences.revoked(latest.actorId, latest.peerId, latest.revision);
  }
}

/** @throws ServiceError request.invalid for an address that cannot be a peer's */
function described({ desc, baseuri }: TrustChangeRequest): { readonly desc?: string; readonly baseUri?: string } {
  return compact({ desc, baseUri: baseuri === undefined ? undefined : peerRoot(baseuri, "baseuri") });
}
