/** A subscription of ours that its publisher has forgotten is made again there, and continues here under its new id. */
import type { Table } from "../../dynamodb/table.ts";
import { isServiceError } from "../../system/errors.ts";
import type { RemoteOf } from "../../peers/remote-actor.ts";
import { failureOf, type RemoteFailure } from "../../peers/remote-answer.ts";
import { subscribe } from "../../peers/remote-subscriptions.ts";
import { trustStands } from "../../peers/remote-trust.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import { DAY_MS } from "../../system/units.ts";
import type { Head } from "../stream/head.ts";
import type { Forgotten } from "../recovery/recovery-settings.ts";
import { reserved } from "../stream/reserved.ts";
import type { WakeStream } from "../stream/wake-stream.ts";
import { secretDigest } from "../../domain/wire/secret-digest.ts";
import type { CallbackAuthenticator } from "../../trust/callback-authenticator.ts";
import type { TrustRecord } from "../../trust/trust-record.ts";
import type { TrustStore } from "../../trust/trust-store.ts";
import { emptyBuffer } from "./outbound-ending.ts";
import type { OutboundHeads } from "./outbound-heads.ts";

export interface ResubscriptionDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly heads: OutboundHeads;
  readonly trusts: TrustStore;
  readonly authenticator: CallbackAuthenticator;
  readonly wake: WakeStream;
  readonly remote: RemoteOf;
  readonly settings: { readonly resubscribe: boolean; readonly reconcileMs: number };
}

type Again = Awaited<ReturnType<Forgotten["again"]>>;

/** Makes a forgotten subscription again. Called under the lease on the old stream, which ends with it. */
export async function resubscribe(deps: ResubscriptionDeps, head: Head, deadline: Deadline): Promise<Again> {
  const { trusts, clock, settings } = deps;
  const trust = await trusts.get(head.actorId, head.peerId);
  if (trust?.approved !== true) return { is: "lost" };
  const remote = deps.remote(trust, reserved(deadline));
  const stands = await trustStands(remote, trust.relationship);
  if (!stands.ok) return unlessUnwell(stands);
  // Once a day at most: a publisher that forgets again and again is not helped by more.
  const recently = head.resubscribedAt > 0 && clock.now() < head.resubscribedAt + DAY_MS;
  if (!stands.value || !settings.resubscribe || recently) return { is: "lost" };
  const made = await subscribe(remote, head.scope, head.granularity);
  if (!made.ok) return unlessUnwell(made);
  return await replaceHead(deps, head, trust, made.value.subscriptionId);
}

async function replaceHead(
  { heads, authenticator, settings, log, table, wake }: ResubscriptionDeps,
  head: Head,
  trust: TrustRecord,
  subscriptionId: string,
): Promise<Again> {
  const { actorId, peerId, scope, granularity } = head;
  const auth = secretDigest(trust.secret);
  const trusted = authenticator.approvedCheck(head, auth);
  const made = {
    actorId,
    peerId,
    subscriptionId,
    scope,
    granularity,
    auth,
    reconcileMs: settings.reconcileMs,
    trusted,
  };
  let to: Head | undefined;
  try {
    to = subscriptionId === head.subscriptionId ? await heads.beginAgain(head) : await heads.replaceHead(head, made);
  } catch (error) {
    if (!isServiceError(error)) throw error;
    log.warn("a subscription made again cannot be kept", { actorId, peerId, subscriptionId, error: error.message });
    return { is: "lost" };
  }
  // The set was changed at the same time: the publisher gives the same subscription the next time.
  if (to === undefined) return { is: "later" };
  await emptyBuffer(table, head.key, head.epoch + 1);
  await wake(to);
  log.info("a forgotten subscription was made again", { actorId, peerId, subscriptionId, was: head.subscriptionId });
  return { is: "moved", to };
}

function unlessUnwell(failed: RemoteFailure): Again {
  const failure = failureOf(failed);
  return failure.unwell === true ? { is: "later", failure } : { is: "lost" };
}
