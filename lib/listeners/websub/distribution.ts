/** Distribution of a topic's state to those who have subscribed to it. */
import type { ActorRecord } from "../../actors/actor-record.ts";
import { isPublic } from "../../domain/policy/public-access.ts";
import { leaseIsLive, newLease, type LeaseDeps } from "../../dynamodb/lease.ts";
import { compact } from "../../system/compact.ts";
import type { Config } from "../../system/config.ts";
import { MAX_DELAY_SECONDS } from "../../system/ports.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import type { ActiveSubscription, HubSubscription } from "./hub-subscription.ts";
import { asStored, changeSubscription, endSubscription, type HubStoreDeps } from "./hub-store.ts";
import type { HubVerdict, HubWay, Subscriber } from "./hub-way.ts";
import type { TopicState, TopicStates } from "./topic-states.ts";

export interface DistributionDeps extends HubStoreDeps, WakeUpDeps, LeaseDeps {
  readonly way: HubWay;
  readonly topicStates: Pick<TopicStates, "read">;
  readonly config: Pick<Config, "deliveryTimeoutSeconds">;
}

/** The pauses after a failed delivery, ms; after the last one every change and every hour has a try. */
const PAUSES_MS = [5_000, 300_000, 1_800_000];
const HOUR_MS = 3_600_000;
/** How much longer than a delivery its lease lives, ms. */
const LEASE_MARGIN_MS = 5_000;

/** A topic at one revision, and its state, read after the revision. */
export interface TopicToSend {
  readonly actor: ActorRecord;
  readonly revision: number;
  /** Absent: nothing is there, or too much, or it is not public any more. */
  readonly state?: TopicState;
}

/** Reads the state of a topic that is to be sent. @throws what a state hook throws */
export async function topicToSend(
  { topicStates }: Pick<DistributionDeps, "topicStates">,
  actor: ActorRecord,
  { path, revision }: { readonly path: readonly string[]; readonly revision: number },
): Promise<TopicToSend> {
  const { id, public: access } = actor;
  const state = access !== undefined && isPublic(access, path) ? await topicStates.read(id, access, path) : undefined;
  return { actor, revision, ...compact({ state }) };
}

/** Names a state: its bytes and their type. */
const takenOf = ({ contentType, etag }: TopicState): string => `${etag} ${contentType}`;

/** True while the first tries after a failure have their times, which a change does not bring forward. */
const waits = ({ failures }: ActiveSubscription): boolean => failures > 0 && failures <= PAUSES_MS.length;

/**
 * Sends the state to one subscriber, unless that has it, or another delivery to it is under way, which then sends the
 * newest state afterwards. Two writes where something is sent.
 *
 * @param isRetry the time of a retry has come; otherwise a change has
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
    const outcome = await give(deps, { ...leased, active: leased.active }, state);
    await note(deps, leased, { outcome, taken: takenOf(state), revision: topic.revision });
    return DONE;
  });
}

const DONE = { done: true } as const;

const isWritten = (written: HubSubscription | undefined): typeof DONE | undefined =>
  written === undefined ? undefined : DONE;

/** One attempt under a lease. */
async function give({ way, clock, config }: DistributionDeps, to: Subscriber, state: TopicState): Promise<HubVerdict> {
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
  readonly outcome: Exclude<HubVerdict, "gone">;
  readonly taken: string;
  readonly revision: number;
}

/** Notes how a delivery ended, and gives its lease back. Changes that came meanwhile stay. */
async function note(
  deps: DistributionDeps,
  leased: HubSubscription,
  { outcome, ...sent }: Omit<Sent, "outcome"> & { readonly outcome: HubVerdict },
): Promise<void> {
  const { clock } = deps;
  const { key, lease } = leased;
  await asStored(deps, leased, async (subscription) => {
    const { active, lease: present, ...rest } = subscription;
    // Ended, or another delivery has taken over because this one took too long.
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

/** What a subscription takes part with after a delivery. */
export function afterDelivery(
  active: ActiveSubscription,
  { outcome, taken, revision }: Sent,
  now: number,
): ActiveSubscription {
  const { retryAt: _retryAt, ...rest } = active;
  const isTaken = outcome === "taken";
  const failures = isTaken ? 0 : active.failures + 1;
  const tried = { ...rest, revision: Math.max(active.revision, revision), failures, ...(isTaken && { taken }) };
  if (!isTaken) return { ...tried, retryAt: now + (PAUSES_MS[failures - 1] ?? HOUR_MS) };
  // A change came while this state was under way: the newest state goes out next.
  return active.requested > revision ? { ...tried, retryAt: now } : tried;
}
