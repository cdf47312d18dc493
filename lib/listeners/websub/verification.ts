/** Verification of intent: asks the callback whether the subscriber itself has sent a request. */
import type { ActorRecord } from "../../actors/actor-record.ts";
import { isPublic } from "../../domain/policy/public-access.ts";
import { withParameters } from "../../domain/wire/hub-form.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { compact } from "../../system/compact.ts";
import { PeerFailure, type Deadline, type Ids, type PeerHttp } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { HubSubscription, PendingRequest } from "./hub-subscription.ts";
import { changeSubscription, endSubscription, joinTopic, verifySubscription, type HubStoreDeps } from "./hub-store.ts";

export interface VerificationDeps extends HubStoreDeps, WakeUpDeps {
  readonly ids: Ids;
  readonly http: PeerHttp;
}

/** The pauses before a verification is tried again, ms. */
const PAUSES_MS = [60_000, 600_000];
/** The longest that a callback may take to answer, ms. */
const MOST_MS = 10_000;
/** Most bytes of the answer that are read: a longer one is not the challenge. */
const MAX_ANSWER_BYTES = 1_024;

/**
 * The result of a challenge. `failed`: for good. `later`: the callback could not be reached, or its status says to try
 * again.
 */
type Verified = "confirmed" | "failed" | "later";

/**
 * Verifies the pending request of a subscription, and does what it asks for. Stores nothing when another request has
 * replaced it meanwhile.
 *
 * @param newest the number of the newest record of the actor's log, read with the subscription
 */
export async function verify(
  deps: VerificationDeps,
  subscription: HubSubscription & { readonly pending: PendingRequest },
  { actor, newest }: { readonly actor: ActorRecord; readonly newest: number },
  deadline: Deadline,
): Promise<void> {
  const { pending, path } = subscription;
  if (pending.mode === "subscribe" && !isPublic(actor.public, path)) {
    await deny(deps, subscription.callback, pending.topic, deadline);
    await drop(deps, subscription);
    return;
  }
  const askedAt = deps.clock.now();
  const verified = await challenge(deps, subscription.callback, pending, deadline);
  if (verified === "later" && pending.attempts < PAUSES_MS.length) {
    const at = deps.clock.now() + (PAUSES_MS[pending.attempts] ?? 0);
    const again = { ...pending, attempts: pending.attempts + 1, at };
    const written = await changeSubscription(deps, subscription, { ...subscription, pending: again });
    if (written !== undefined) await wakeUp(deps, subscription.key, at);
  } else if (verified !== "confirmed") await drop(deps, subscription);
  else if (pending.mode === "unsubscribe") await endSubscription(deps, subscription);
  else await activate(deps, subscription, askedAt + pending.leaseSeconds * 1_000, newest);
}

/** Makes the subscription verified until `leaseEnds`, ms since 1970. A renewal keeps the state of its deliveries. */
async function activate(
  deps: VerificationDeps,
  subscription: HubSubscription & { readonly pending: PendingRequest },
  leaseEnds: number,
  newest: number,
): Promise<void> {
  const { pending, active, ...rest } = subscription;
  const { topic, secret } = pending;
  if (active !== undefined) {
    const { secret: _secret, ...kept } = active;
    await changeSubscription(deps, subscription, {
      ...rest,
      active: { ...kept, leaseEnds, topic, ...compact({ secret }) },
    });
    return;
  }
  const revision = await joinTopic(deps.table, actorOfKey(subscription.key), subscription.path, newest);
  const begun = { leaseEnds, topic, revision, requested: revision, failures: 0, ...compact({ secret }) };
  await verifySubscription(deps, subscription, { ...rest, active: begun });
}

/** Removes a request whose verification failed. This ends a new subscription; a verified one stays as it is. */
async function drop(deps: HubStoreDeps, subscription: HubSubscription): Promise<void> {
  const { pending: _pending, ...rest } = subscription;
  if (subscription.active === undefined) await endSubscription(deps, subscription);
  else await changeSubscription(deps, subscription, rest);
}

async function challenge(
  { http, ids }: VerificationDeps,
  callback: string,
  { mode, topic, leaseSeconds }: PendingRequest,
  deadline: Deadline,
): Promise<Verified> {
  const text = ids.secret();
  const url = withParameters(callback, {
    "hub.mode": mode,
    "hub.topic": topic,
    "hub.challenge": text,
    ...(mode === "subscribe" && { "hub.lease_seconds": String(leaseSeconds) }),
  });
  try {
    const { status, body } = await http.send({
      method: "GET",
      url,
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: Math.min(MOST_MS, deadline.remaining()),
    });
    if (status >= 500 || status === 429) return "later";
    const isEcho = Buffer.compare(body, Buffer.from(text)) === 0;
    return status >= 200 && status < 300 && isEcho ? "confirmed" : "failed";
  } catch (error) {
    if (!isPeerFailure(error)) throw error;
    return error.reason === "unreachable" || error.reason === "timeout" ? "later" : "failed";
  }
}

/** Notifies a subscriber, in one attempt, that it gets no states of the topic. A failure of the attempt is only logged. */
export async function deny(
  { http, log }: Pick<VerificationDeps, "http" | "log">,
  callback: string,
  topic: string,
  deadline: Deadline,
): Promise<void> {
  const reason = "The topic is not public.";
  const url = withParameters(callback, { "hub.mode": "denied", "hub.topic": topic, "hub.reason": reason });
  try {
    await http.send({ method: "GET", url, statusOnly: true, timeoutMs: Math.min(MOST_MS, deadline.remaining()) });
  } catch (error) {
    if (!isPeerFailure(error)) throw error;
    log.info("a subscriber was not notified that its topic is not public", { reason: error.reason });
  }
}

/** True for a PeerFailure. It is recognised by its name too, because bundling may duplicate the class. */
export function isPeerFailure(error: unknown): error is PeerFailure {
  return error instanceof PeerFailure || (error instanceof Error && error.name === "PeerFailure");
}
