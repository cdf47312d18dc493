import { isObject, type Json, type JsonObject } from "./json.ts";
import type { Diff, Granularity, Subscription } from "./subscriptions.ts";

/**
 * How this peer writes: `reference` as the recorded traffic shows the Python library (one process-wide timestamp with a
 * space and no zone, nulls, booleans as strings, no `overwritten`, unsorted backlog), `ours` as the contract asks of us.
 */
export type Style = "reference" | "ours";

const MICROSECONDS = 1000;

function parts(at: number): { day: string; time: string } {
  const whole = Math.floor(at);
  const micros = Math.round((at - whole) * MICROSECONDS);
  const [day, rest] = new Date(whole).toISOString().split("T") as [string, string];
  return { day, time: `${rest.slice(0, -1)}${String(micros).padStart(3, "0")}` };
}

/** The timestamp of a pushed callback. */
export function pushedTimestamp(style: Style, at: number): string {
  const { day, time } = parts(at);
  return style === "reference" ? `${day} ${time}` : `${day}T${time}Z`;
}

/** The timestamp of a polled diff: both styles write the zone here. */
export function polledTimestamp(at: number): string {
  const { day, time } = parts(at);
  return `${day}T${time}Z`;
}

/** The answer to the creation of a subscription. */
export function createdBody(style: Style, subscription: Subscription): JsonObject {
  const none = style === "reference" ? null : "";
  return {
    subscriptionid: subscription.id,
    target: subscription.target,
    subtarget: subscription.subtarget ?? none,
    resource: subscription.resource ?? none,
    granularity: subscription.granularity,
    sequence: subscription.sequence,
  };
}

/** One subscription as lists and polls name it. */
export function subscriptionHead(actorId: string, subscription: Subscription): JsonObject {
  return {
    id: actorId,
    peerid: subscription.peerId,
    subscriptionid: subscription.id,
    target: subscription.target,
    subtarget: subscription.subtarget ?? "",
    resource: subscription.resource ?? "",
    sequence: subscription.sequence,
  };
}

/** The answer to a poll: the newest number and what is waiting. The reference sorts its backlog as text. */
export function polledBody(style: Style, actorId: string, subscription: Subscription): JsonObject {
  const waiting = [...subscription.backlog.values()];
  if (style === "reference") waiting.sort((a, b) => (String(a.sequence) < String(b.sequence) ? -1 : 1));
  else waiting.sort((a, b) => a.sequence - b.sequence);
  return {
    ...subscriptionHead(actorId, subscription),
    data: waiting.map((diff) => ({
      sequence: diff.sequence,
      timestamp: polledTimestamp(diff.at),
      data: diff.data,
      ...(style === "ours" ? { overwritten: diff.overwritten } : {}),
    })),
  };
}

/** The answer to the read of one diff. */
export function singleBody(style: Style, actorId: string, subscription: Subscription, diff: Diff): JsonObject {
  return {
    ...subscriptionHead(actorId, subscription),
    sequence: diff.sequence,
    timestamp: polledTimestamp(diff.at),
    data: diff.data,
    ...(style === "ours" ? { overwritten: diff.overwritten } : {}),
  };
}

/** The body of a callback for a diff, as it is pushed. */
export function callbackBody(
  style: Style,
  from: { id: string; baseUri: string },
  subscription: Subscription,
  diff: Diff,
  granularity: Granularity = subscription.granularity,
): JsonObject {
  const place: JsonObject = {
    ...(subscription.subtarget === null ? {} : { subtarget: subscription.subtarget }),
    ...(subscription.resource === null ? {} : { resource: subscription.resource }),
  };
  const head: JsonObject = {
    id: from.id,
    subscriptionid: subscription.id,
    target: subscription.target,
    sequence: diff.sequence,
    timestamp: pushedTimestamp(style, diff.at),
    granularity,
    ...place,
  };
  if (diff.resync) return { ...head, type: "resync", url: stateUrl(from.baseUri, subscription) };
  if (granularity === "low") {
    return { ...head, url: `${from.baseUri}/subscriptions/${subscription.peerId}/${subscription.id}/${diff.sequence}` };
  }
  return { ...head, data: diff.data, ...(style === "ours" ? { overwritten: diff.overwritten } : {}) };
}

/** Where the full state of a subscription's scope is read. */
export function stateUrl(baseUri: string, subscription: Subscription): string {
  const below = [subscription.subtarget, subscription.resource].filter((part) => part !== null);
  return [baseUri, subscription.target, ...below].join("/");
}

/** Booleans as the reference writes them in trust answers to peers: as words. */
export function trustBooleans(style: Style, record: JsonObject): JsonObject {
  if (style === "ours") return record;
  const entries = Object.entries(record).map(([key, value]): [string, Json] => [
    key,
    typeof value === "boolean" ? String(value) : value,
  ]);
  return Object.fromEntries(entries);
}

/** Reads a boolean of either spelling. */
export function isTrue(value: Json | undefined): boolean {
  return value === true || value === "true";
}

/** A member of a JSON object as a non-empty string, or null. */
export function textMember(body: Json | undefined, name: string): string | null {
  const value = isObject(body) ? body[name] : undefined;
  return typeof value === "string" && value !== "" ? value : null;
}
