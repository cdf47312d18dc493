import { isObject, own } from "../domain/json/json.ts";
import { isOpaqueId } from "../domain/terms/names.ts";
import { liesUnder } from "../domain/terms/peer-url.ts";
import type { Scope } from "../domain/terms/scope.ts";
import { compact } from "../system/compact.ts";
import type { Clock, Json } from "../system/ports.ts";
import type { RemoteActor, RemoteCall } from "./remote-actor.ts";
import { asksToWait, nonsense, parsedJson, type Remote, type RemoteFailure } from "./remote-answer.ts";

/** Most milliseconds that leaving takes: our own answer waits for it. */
const NOTIFY_MS = 5_000;

/** A subscription of ours that the peer has made. */
interface RemoteSubscription {
  readonly subscriptionId: string;
  readonly granularity: "high" | "low" | "none";
  /** The newest number ever made. */
  readonly sequence: number;
  /** A URL under the peer's root: what the peer gave, else what the protocol prescribes. */
  readonly location: string;
}

/**
 * `POST <peer>/subscriptions/{our id}`. The same scope again gives the same subscription. Nonsense when neither body nor
 * `Location` has a usable subscription id.
 */
export async function subscribe(
  remote: RemoteActor,
  scope: Scope,
  granularity: RemoteSubscription["granularity"],
): Promise<Remote<RemoteSubscription>> {
  const { target, subtarget, resource } = scope;
  const called = await remote.call({
    method: "POST",
    at: ["subscriptions", remote.ourId],
    json: compact({ id: remote.ourId, target, subtarget, resource, granularity }),
  });
  if (!called.ok) return called;
  const parsed = parsedJson(called.value);
  const made = "json" in parsed && isObject(parsed.json) ? parsed.json : {};
  const given = called.value.headers["location"] ?? "";
  const id = own(made, "subscriptionid") ?? given.split(/[?#]/, 1)[0]?.split("/").at(-1);
  if (typeof id !== "string" || !isOpaqueId(id) || id === "." || id === "..") {
    return nonsense(called.status, "has no usable subscription id");
  }
  const theirs = own(made, "granularity");
  return {
    ok: true,
    status: called.status,
    value: {
      subscriptionId: id,
      granularity: theirs === "high" || theirs === "low" || theirs === "none" ? theirs : granularity,
      sequence: position(own(made, "sequence")) ?? 0,
      location: liesUnder(given, remote.baseUri) ? given : `${remote.baseUri}/subscriptions/${remote.ourId}/${id}`,
    },
  };
}

/**
 * Ends the subscription at the peer: `DELETE <peer>/subscriptions/{our id}/{subId}`. Where the peer refuses that, but not
 * because it wants no more requests now, the way in which subscribers of the reference leave follows: `DELETE
 * <peer>/callbacks/subscriptions/{our id}/{subId}`. A subscription that the peer does not know counts as ended. At most 5 s,
 * both together.
 */
export async function unsubscribe(
  remote: RemoteActor,
  subscriptionId: string,
  clock: Clock,
): Promise<Remote<undefined>> {
  const where = ["subscriptions", remote.ourId, subscriptionId];
  const until = clock.now() + NOTIFY_MS;
  const leave = (at: readonly string[]): RemoteCall => ({ method: "DELETE", at, timeoutMs: until - clock.now() });
  const first = await remote.call(leave(where));
  if (first.ok || first.kind !== "refused" || asksToWait(first)) return done(first);
  const second = await remote.call(leave(["callbacks", ...where]));
  if (second.ok) return done(second);
  return isGone(first) || isGone(second) ? { ok: true, value: undefined, status: 404 } : done(first);
}

function isGone(failure: RemoteFailure): boolean {
  return failure.status === 404 || failure.status === 410;
}

function done(called: Remote<unknown>): Remote<undefined> {
  return called.ok ? { ok: true, value: undefined, status: called.status } : called;
}

/** A number that counts diffs: whole, 0 to 2^53 − 1. */
export function position(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
