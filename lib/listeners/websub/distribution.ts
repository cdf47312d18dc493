/** Distributes the state of a topic to its subscriptions at the hub. */
import type { ActorRecord } from "../../actors/actor-record.ts";
import { isPublic } from "../../domain/policy/public-access.ts";
import { leaseIsLive, newLease, type LeaseDeps } from "../../dynamodb/lease.ts";
import { compact } from "../../system/compact.ts";
import type { Config } from "../../system/config.ts";
import { MAX_DELAY_SECONDS } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { ActiveSubscription, HubSubscription } from "./hub-subscription.ts";
import { asStored, changeSubscription, endSubscription, type HubStoreDeps } from "./hub-store.ts";
import type { HubOutcome, HubWay, Subscriber } from "./hub-way.ts";
import type { TopicState, TopicStates } from "./topic-states.ts";

export interface DistributionDeps extends HubStoreDeps, WakeUpDeps, LeaseDeps {
  readonly way: HubWay;
  readonly topicStates: Pick<TopicStates, "read">;
  readonly config: Pick<Config, "deliveryTimeoutSeconds">;
}

/** The pauses after a failed delivery, ms. After the last one, every change and every hour brings another attempt. */
const PAUSES_MS = [5_000, 300_000, 1_800_000];
const HOUR_MS = 3_600_000;
/** The lease of a delivery is longer than the delivery by this, ms. */
const LEASE_MARGIN_MS = 5_000;

/** A topic at one revision, with its state, which was read after the revision. */
export interface TopicToSend {
  readonly actor: ActorRecord;
  readonly revision: number;
  /** Absent: there is no state, it is too large, or it is no longer public. */
  readonly state?: TopicState;
}

/** Reads the state of a topic, to send it. @throws what a state hook throws */
export async function topicToSend(
  { topicStates }: Pick<DistributionDeps, "topicStates">,
  actor: ActorRecord,
  { path, revision }: { readonly path: readonly string[]; readonly revision: number },
): Promise<TopicToSend> {
  const { id, public: access } = actor;
  const state = access !== undefined && isPublic(access, path) ? await topicStates.read(id, access, path) : undefined;
  return { actor, revision, ...compact({ state }) };
}

/** Identifies a state by its bytes and their type. */
const takenOf = ({ contentType, etag }: TopicState): string => `${etag} ${contentType}`;

/**
 * True while the attempts after a failure follow the schedule: until its end, a change does not bring an attempt forward.
 */
const waits = ({ failures }: ActiveSubscription): boolean => failures > 0 && failures <= PAUSES_MS.length;

/**
 * Sends the state of a topic to one subscriber, unless the subscriber has it. If another delivery to the subscriber runs,
 * that one sends the newest state afterwards. Two writes when something is sent.
 *
 * @param isRetry the reason is the time of a retry; else it is a change
 */
export async function sendTo(
  deps: DistributionDeps,
  found: HubSubscription,
  topic: TopicToSend,
  isRetry: boolean,
): Promise<void> {
  const { clock, incarnation, way } = deps;
  const { state } = topic;
  await asStored(deps, found, async (subscription) => {
    const { active, lease: before } = subscription;
    const now = clock.now();
    if (active === undefined || way.ends(subscription, now) !== undefined) return DONE;
    if (!isRetry && (active.revision >= topic.revision || waits(active))) return DONE;
    const isSent = state === undefined || active.taken === takenOf(state);
    if (isSent && !isRetry) return DONE;
    if (leaseIsLive(before, now, incarnation)) {
      if (active.requested >= topic.revision) return DONE;
      const requested = { ...active, requested: topic.revision };
      return isWritten(await changeSubscription(deps, subscription, { ...subscription, active: requested }));
    }
    if (isSent) {
      const { lease: _lease, ...free } = subscription;
      const { retryAt: _retryAt, ...calm } = active;
      return isWritten(await changeSubscription(deps, subscription, { ...free, active: { ...calm, failures: 0 } }));
    }
    const lease = newLease(deps, deps.config.deliveryTimeoutSeconds * 1_000 + LEASE_MARGIN_MS);
    const leased = await changeSubscription(deps, subscription, { ...subscription, lease });
    if (leased?.active === undefined) return undefined;
    const outcome = await deliver(deps, { ...leased, active: leased.active }, state);
    await noteDelivery(deps, leased, { outcome, taken: takenOf(state), revision: topic.revision });
    return DONE;
  });
}

const DONE = { done: true } as const;

const isWritten = (written: HubSubscription | undefined): typeof DONE | undefined =>
  written === undefined ? undefined : DONE;

/** Makes one attempt, under a lease. */
async function deliver(
  { way, clock, config }: DistributionDeps,
  to: Subscriber,
  state: TopicState,
): Promise<HubOutcome> {
  const attempt = await way.render(to, state);
  const beganAt = clock.now();
  const answer = await attempt(config.deliveryTimeoutSeconds * 1_000);
  const outcome = way.classify(answer);
  if (outcome !== "taken" || to.active.failures > 0) {
    way.onFailure(to, { event: state, answer, outcome, beganAt, endedAt: clock.now() });
  }
  return outcome;
}

interface Sent {
  readonly outcome: Exclude<HubOutcome, "gone">;
  readonly taken: string;
  readonly revision: number;
}

/** Stores the outcome of a delivery, and releases its lease. Changes that others made meanwhile are kept. */
async function noteDelivery(
  deps: DistributionDeps,
  leased: HubSubscription,
  { outcome, ...sent }: Omit<Sent, "outcome"> & { readonly outcome: HubOutcome },
): Promise<void> {
  const { clock } = deps;
  const { key, lease } = leased;
  await asStored(deps, leased, async (subscription) => {
    const { active, lease: present, ...rest } = subscription;
    // The subscription has ended, or another delivery has the lease because this one took too long.
    if (active === undefined || present?.token !== lease?.token) return DONE;
    if (outcome === "gone") return (await endSubscription(deps, subscription)) ? DONE : undefined;
    const noted = afterDelivery(active, { ...sent, outcome }, clock.now());
    const written = await changeSubscription(deps, subscription, { ...rest, active: noted });
    const { retryAt } = noted;
    if (written !== undefined && retryAt !== undefined && retryAt - clock.now() <= MAX_DELAY_SECONDS * 1_000) {
      await wakeUp(deps, key, retryAt);
    }
    return isWritten(written);
  });
}

/** The state of a verified subscription after a delivery. */
function afterDelivery(
  active: ActiveSubscription,
  { outcome, taken, revision }: Sent,
  now: number,
): ActiveSubscription {
  const { retryAt: _retryAt, ...rest } = active;
  const isTaken = outcome === "taken";
  const failures = isTaken ? 0 : active.failures + 1;
  const tried = { ...rest, revision: Math.max(active.revision, revision), failures, ...(isTaken && { taken }) };
  if (!isTaken) return { ...tried, retryAt: now + (PAUSES_MS[failures - 1] ?? HOUR_MS) };
  // A change came during the delivery, so the newest state is sent next.
  return active.requested > revision ? { ...tried, retryAt: now } : tried;
}
