/** Carries a change of approval or secret from a trust's record to what hangs on it, also after a start that broke off. */
import { secretDigest } from "../domain/wire/secret-digest.ts";
import type { TrustContext } from "./trust-context.ts";
import type { TrustRecord } from "./trust-record.ts";

type PropagationContext = Pick<TrustContext, "clock" | "consequences" | "trusts">;

/**
 * Brings what hangs on a trust to where the trust's record stands, then notes that it is done. When it resolves the
 * change holds everywhere; until then the trust is due. May be repeated.
 */
export async function propagate({ consequences, trusts }: PropagationContext, trust: TrustRecord): Promise<void> {
  const { actorId, peerId, secret, revision } = trust;
  if (trust.approved) await consequences.approved(actorId, peerId, secretDigest(secret), revision);
  else await consequences.revoked(actorId, peerId, revision);
  await trusts.notePropagated(trust);
}

/** For the sweep, when a trust's key is due: finishes a change that broke off. Anything else is left alone. */
export async function resumePropagation(context: PropagationContext, actorId: string, peerId: string): Promise<void> {
  const trust = await context.trusts.propagating(actorId, peerId, context.clock.now());
  if (trust !== undefined) await propagate(context, trust);
}
