/** Takes the requests of subscribers and publishers to a hub. Verifying and sending follow later, as due work. */
import type { ActorRecord } from "../../actors/actor-record.ts";
import { isPublic } from "../../domain/policy/public-access.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { readHubForm, type HubRequest } from "../../domain/wire/hub-form.ts";
import { readTopicUrl } from "../../domain/wire/hub-topic.ts";
import { hubOriginKey } from "../../dynamodb/keys/hub.ts";
import { itemIn, type Key } from "../../dynamodb/table.ts";
import { judgeUrl, type AddressPolicy } from "../../peers/http/address-rules.ts";
import { compact } from "../../system/compact.ts";
import type { Config } from "../../system/config.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Ids } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { wakeUp, type WakeUpDeps } from "../../system/wake-up.ts";
import { readSubscription, type HubSubscription, type PendingRequest } from "./hub-subscription.ts";
import {
  changeSubscription,
  MOST_ATTEMPTS,
  requestSubscription,
  subscriptionKey,
  type HubLimit,
  type HubStoreDeps,
} from "./hub-store.ts";
import type { TopicStates } from "./topic-states.ts";

export interface HubRequestDeps extends HubStoreDeps, WakeUpDeps {
  readonly ids: Pick<Ids, "id">;
  readonly topicStates: Pick<TopicStates, "read">;
  readonly config: Pick<
    Config,
    "baseUrl" | "hubLeaseMinSeconds" | "hubLeaseMaxSeconds" | "allowHttpPeers" | "allowPrivatePeers"
  >;
}

/** The lease of a request that asks for none, s. */
const USUAL_LEASE_SECONDS = 10 * 86_400;

/**
 * Checks a request, and stores it to be verified: a message brings the verification at once, or else the sweep.
 * @throws ServiceError request.invalid which names the parameter; limit.rate, limit.reached; service.unavailable when
 *   others kept changing the subscription; what a state hook throws
 */
export async function acceptHubRequest(deps: HubRequestDeps, actor: ActorRecord, form: URLSearchParams): Promise<void> {
  const { config } = deps;
  const policy: AddressPolicy = { allowHttp: config.allowHttpPeers, allowPrivate: config.allowPrivatePeers };
  const request = readHubForm(form, (callback) => {
    const url = judgeUrl(callback, policy);
    return "refused" in url ? url.refused : undefined;
  });
  if ("parameter" in request) throw invalid(request.parameter, request.why);
  const path = readTopicUrl(request.topic, `${config.baseUrl}/${actor.id}`);
  // One answer for all reasons, so that it does not show whether a place is private or missing.
  const isTopic = path !== undefined && (await hasState(deps, actor, path));
  // A request to publish is answered only: the hub belongs to the publisher, and knows of each change already.
  if (path === undefined || (request.mode !== "unsubscribe" && !isTopic)) throw noTopic();
  if (request.mode !== "publish") await storeRequest(deps, { actorId: actor.id, path, isTopic, request });
}

async function hasState(
  { topicStates }: HubRequestDeps,
  { id, public: access }: ActorRecord,
  path: Place,
): Promise<boolean> {
  if (access === undefined || !isPublic(access, path)) return false;
  return (await topicStates.read(id, access, path)) !== undefined;
}

interface Requested {
  readonly actorId: string;
  readonly path: Place;
  /** The path is a topic now. If it no longer is, the request can only unsubscribe. */
  readonly isTopic: boolean;
  readonly request: Exclude<HubRequest, { mode: "publish" }>;
}

/** Stores the request in the subscription, in place of an earlier one that is not verified yet. */
async function storeRequest(deps: HubRequestDeps, requested: Requested): Promise<void> {
  const stored = await retryOnConflict(undefined, MOST_ATTEMPTS, async () => await storeOnce(deps, requested));
  if (stored === undefined) {
    throw new ServiceError("service.unavailable", "Others keep changing this subscription; try again in a moment.");
  }
  if (stored !== "nothing") await wakeUp(deps, stored.key, stored.dueAt);
}

/** @returns what is due to be verified; `nothing` where there is no subscription to end */
async function storeOnce(
  deps: HubRequestDeps,
  { actorId, path, isTopic, request }: Requested,
): Promise<
  { readonly done: { readonly key: Key; readonly dueAt: number } | "nothing" } | { readonly found: undefined }
> {
  const { table, clock, ids, config } = deps;
  const key = subscriptionKey(actorId, path, request.callback);
  const { mode, topic, callback, secret, leaseSeconds: asked } = request;
  const { hubLeaseMinSeconds: least, hubLeaseMaxSeconds: most } = config;
  const originKey = hubOriginKey(actorId, new URL(callback).origin);
  const [item, origin] = [key, originKey].map(itemIn(await table.getMany([key, originKey])));
  const read = item === undefined ? undefined : readSubscription(item);
  if (read === undefined && !isTopic) throw noTopic();
  if (read === undefined && mode === "unsubscribe") return { done: "nothing" };
  const leaseSeconds = Math.min(Math.max(asked === 0 ? USUAL_LEASE_SECONDS : asked, least), most);
  const now = clock.now();
  const pending: PendingRequest = compact({ id: ids.id(), mode, topic, secret, leaseSeconds, attempts: 0, at: now });
  const { version = 0, active, withdrawnAt, lease } = read ?? {};
  const kept = compact({ active, withdrawnAt, lease });
  const next: HubSubscription = { key, version: version + 1, path, callback, pending, ...kept };
  const stored = { done: { key, dueAt: now } };
  if (read?.active !== undefined) {
    // Limits do not apply to renewing or ending a verified subscription.
    return (await changeSubscription(deps, read, next)) === undefined ? { found: undefined } : stored;
  }
  const refused = await requestSubscription(deps, { next, read, origin });
  if (refused === undefined) return stored;
  if (refused === "changed") return { found: undefined };
  throw limited(refused);
}

const invalid = (parameter: string, why: string): ServiceError =>
  new ServiceError("request.invalid", `${parameter} ${why}.`, { field: parameter });

const noTopic = (): ServiceError => invalid("hub.topic", "is no topic of this hub");

function limited(limit: HubLimit): ServiceError {
  const headers = { "Retry-After": "60" };
  switch (limit) {
    case "origin-requests":
      return new ServiceError("limit.rate", "hub.callback: its origin asks too often; try again in a minute.", {
        headers,
      });
    case "pending":
      return new ServiceError(
        "limit.rate",
        "Too many subscriptions wait for their verification; try again in a minute.",
        {
          headers,
        },
      );
    case "origin-subscriptions":
      return new ServiceError(
        "limit.reached",
        "hub.callback: its origin has as many subscriptions as it may; end one first.",
      );
    case "subscriptions":
      return new ServiceError("limit.reached", "This hub has as many subscriptions as it may; try again later.");
  }
}
