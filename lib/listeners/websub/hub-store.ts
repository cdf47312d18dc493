/** The hub's writes of subscriptions with the counts that limit them, and of topics with the log's head. */
import { hubCountsKey, hubOriginKey, hubSubscriptionKey, hubTopicKey } from "../../dynamodb/keys/hub.ts";
import { actorKey } from "../../dynamodb/keys/actors.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import {
  above,
  all,
  any,
  below,
  equals,
  exists,
  itemExists,
  itemMissing,
  missing,
  TransactionRefused,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../../dynamodb/table.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { normalCallback } from "../../domain/wire/hub-form.ts";
import { sameJson } from "../../domain/json/canonical-json.ts";
import { parseText, printJson } from "../../domain/json/json-text.ts";
import type { Clock, Json } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { readSubscription, subscriptionChange, type HubSubscription } from "./hub-subscription.ts";

export interface HubStoreDeps {
  readonly table: Table;
  readonly clock: Clock;
}

/** Most new subscriptions at one hub that wait for their verification. */
const MAX_PENDING_REQUESTS = 100;
/** Most subscriptions at one hub, and of one callback origin there. */
const MAX_SUBSCRIPTIONS = 2_000;
const MAX_SUBSCRIPTIONS_OF_ORIGIN = 50;
/** Most requests for new subscriptions of one callback origin in a window, and the window's length, ms. */
const MAX_REQUESTS_OF_ORIGIN = 10;
const WINDOW_MS = 60_000;
/** The counts of an origin without subscriptions expire after this many seconds. */
const ORIGIN_KEPT_SECONDS = 3_600;
/** A topic is due this long after a change, ms: a message brings the work at once, and the sweep does if that is lost. */
export const TOPIC_AFTER_MS = 60_000;
/** How often a transaction is repeated when others have changed the same counts. */
export const MOST_ATTEMPTS = 8;

/** The limit that refuses a request. */
export type HubLimit = "origin-requests" | "origin-subscriptions" | "pending" | "subscriptions";

/** The origin of a callback: limits apply to each origin. */
const originOf = (callback: string): string => new URL(callback).origin;

/** The key of the subscription of a callback to a topic. */
export const subscriptionKey = (actorId: string, path: Place, callback: string): Key =>
  hubSubscriptionKey(actorId, path, normalCallback(callback));

/** Changes a subscription to `next`. 1 write. @returns undefined when it is not as it was read, or is gone */
export async function changeSubscription(
  { table }: Pick<HubStoreDeps, "table">,
  read: HubSubscription,
  next: Omit<HubSubscription, "key" | "version">,
): Promise<HubSubscription | undefined> {
  const { key, version } = read;
  const change = subscriptionChange({ ...next, key, version: version + 1 });
  const { written, item } = await updateIf(table, key, change, equals("version", version));
  if (item === undefined) return undefined;
  const stored = readSubscription(item);
  // The write was repeated after a lost answer, and finds what it wrote itself.
  const isOurs = sameJson(printed(item), printed({ ...key, ...change.set }));
  return written || isOurs ? stored : undefined;
}

/** The attributes of a subscription as JSON, without the shard of the due index. */
const printed = ({ dueShard: _dueShard, ...item }: Item): Json => parseText(printJson(item)) as Json;

/**
 * Makes a new subscription, or gives one that was never verified another request. One transaction.
 * @returns undefined when it is stored; the limit that refuses it; `changed` when another request came first
 */
export async function requestSubscription(
  { table, clock }: HubStoreDeps,
  { next, read, origin }: { next: HubSubscription; read: HubSubscription | undefined; origin: Item | undefined },
): Promise<HubLimit | "changed" | undefined> {
  const actorId = actorOfKey(next.key);
  const isFirst = read === undefined;
  const change = subscriptionChange(next);
  const writes: Write[] = [
    isFirst
      ? { put: { ...next.key, ...change.set }, condition: itemMissing }
      : { update: next.key, change, condition: equals("version", read.version) },
    countRequest(hubOriginKey(actorId, originOf(next.callback)), { now: clock.now(), item: origin, isFirst }),
  ];
  if (isFirst) {
    writes.push({
      update: hubCountsKey(actorId),
      change: { add: { pending: 1, subscriptions: 1 } },
      condition: all(
        any(missing("pending"), below("pending", MAX_PENDING_REQUESTS)),
        any(missing("subscriptions"), below("subscriptions", MAX_SUBSCRIPTIONS)),
      ),
    });
  }
  const reasons = await refusedReasons(table, writes);
  if (reasons === undefined) return undefined;
  const [, ofOrigin, ofHub] = reasons;
  if (ofHub?.code === "condition") {
    return Number(ofHub.item?.["subscriptions"] ?? 0) >= MAX_SUBSCRIPTIONS ? "subscriptions" : "pending";
  }
  if (ofOrigin?.code === "condition") return originLimit(ofOrigin.item, clock.now(), isFirst) ?? "changed";
  if (reasons.some(({ code }) => code === "condition" || code === "conflict")) return "changed";
  throw new TransactionRefused(reasons);
}

/** The limit that the counts of an origin reach; undefined: none. */
function originLimit(item: Item | undefined, now: number, isFirst: boolean): HubLimit | undefined {
  const count = (name: string): number => Number(item?.[name] ?? 0);
  if (count("windowAt") > now - WINDOW_MS && count("requests") >= MAX_REQUESTS_OF_ORIGIN) return "origin-requests";
  return isFirst && count("subscriptions") >= MAX_SUBSCRIPTIONS_OF_ORIGIN ? "origin-subscriptions" : undefined;
}

function countRequest(
  key: Key,
  { now, item, isFirst }: { readonly now: number; readonly item: Item | undefined; readonly isFirst: boolean },
): Write {
  const windowAt = item?.["windowAt"];
  const isLive = Number(windowAt ?? 0) > now - WINDOW_MS;
  const subscriptions = isFirst ? 1 : 0;
  return {
    update: key,
    change: {
      set: isLive ? {} : { windowAt: now, requests: 1 },
      add: { subscriptions, ...(isLive && { requests: 1 }) },
      remove: ["ttl"],
    },
    condition: all(
      windowAt === undefined ? missing("windowAt") : equals("windowAt", windowAt),
      ...(isLive ? [below("requests", MAX_REQUESTS_OF_ORIGIN)] : []),
      ...(isFirst ? [any(missing("subscriptions"), below("subscriptions", MAX_SUBSCRIPTIONS_OF_ORIGIN))] : []),
    ),
  };
}

/**
 * Turns a new subscription into a verified one, in one transaction with the counts.
 * @returns false when it is not as it was read
 */
export async function verifySubscription(
  { table }: Pick<HubStoreDeps, "table">,
  read: HubSubscription,
  next: Omit<HubSubscription, "key" | "version">,
): Promise<boolean> {
  const { key, version } = read;
  return await withCounts(table, () => [
    {
      update: key,
      change: subscriptionChange({ ...next, key, version: version + 1 }),
      condition: equals("version", version),
    },
    { update: hubCountsKey(actorOfKey(key)), change: { add: { pending: -1 } }, condition: above("pending", 0) },
  ]);
}

/** Turns a verified subscription into a new one, because its lease has ended while a request waits for its verification. */
export async function unverifySubscription(
  { table }: Pick<HubStoreDeps, "table">,
  { key, version, ...read }: HubSubscription,
): Promise<boolean> {
  const { active: _active, ...next } = read;
  return await withCounts(table, () => [
    {
      update: key,
      change: subscriptionChange({ ...next, key, version: version + 1 }),
      condition: equals("version", version),
    },
    { update: hubCountsKey(actorOfKey(key)), change: { add: { pending: 1 } }, condition: itemExists },
  ]);
}

/**
 * Ends a subscription: deletes it, in one transaction with the counts. Before that, its topic becomes due, so that the
 * topic is deleted if this was its last subscription.
 * @returns false when it is not as it was read
 */
export async function endSubscription({ table, clock }: HubStoreDeps, ended: HubSubscription): Promise<boolean> {
  const { key, version, path, callback, active } = ended;
  const actorId = actorOfKey(key);
  await leaveTopic(table, hubTopicKey(actorId, path), clock.now() + TOPIC_AFTER_MS);
  const originKey = hubOriginKey(actorId, originOf(callback));
  return await withCounts(table, async () => {
    const left = Number((await table.get(originKey))?.["subscriptions"] ?? 1) - 1;
    const ttl = Math.ceil(clock.now() / 1_000) + ORIGIN_KEPT_SECONDS;
    return [
      { delete: key, condition: equals("version", version) },
      {
        update: hubCountsKey(actorId),
        change: { add: { subscriptions: -1, ...(active === undefined && { pending: -1 }) } },
        condition: above("subscriptions", 0),
      },
      {
        update: originKey,
        change: { add: { subscriptions: -1 }, ...(left === 0 && { set: { ttl } }) },
        condition: equals("subscriptions", left + 1),
      },
    ];
  });
}

/**
 * Makes an attempt to change a subscription, and another one on what is stored by then whenever another writer came first.
 *
 * @param attempt returns undefined when another writer came first
 * @returns `gone`: the subscription has ended; undefined: another writer came first each time
 */
export async function asStored<T>(
  { table }: Pick<HubStoreDeps, "table">,
  found: HubSubscription,
  attempt: (subscription: HubSubscription) => Promise<{ readonly done: T } | undefined>,
): Promise<T | "gone" | undefined> {
  return await retryOnConflict<HubSubscription, T | "gone">(found, MOST_ATTEMPTS, async (subscription) => {
    const result = await attempt(subscription);
    if (result !== undefined) return result;
    const item = await table.get(subscription.key);
    return item === undefined ? { done: "gone" } : { found: readSubscription(item) };
  });
}

/**
 * Makes a topic due, unless it is due already. A run that reads the topic's subscriptions at the same time sees that they
 * have changed.
 */
async function leaveTopic(table: Table, key: Key, dueAt: number): Promise<void> {
  const left = { add: { moves: 1 } };
  const isNotDue = all(itemExists, missing("dueAt"));
  await retryOnConflict(undefined, MOST_ATTEMPTS, async () => {
    const { written, item } = await updateIf(table, key, { ...left, set: { dueAt } }, isNotDue);
    const isLeft = written || item === undefined || (await updateIf(table, key, left, exists("dueAt"))).written;
    return isLeft ? { done: true } : { found: undefined };
  });
}

/** Runs a transaction until only its first write can be refused. @returns false when that one was refused */
async function withCounts(table: Table, writes: () => readonly Write[] | Promise<readonly Write[]>): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const reasons = await refusedReasons(table, await writes());
    if (reasons === undefined) return true;
    if (reasons[0]?.code === "condition") return false;
    if (attempt === MOST_ATTEMPTS) throw new TransactionRefused(reasons);
  }
}

/**
 * Registers a topic before a subscription to it is verified, so that commits make it due. 2 writes.
 *
 * It increments the topic's item and then the log's head. The deletion of a topic without subscriptions reads the two in
 * the other order, so it finds that a subscription begins.
 *
 * @returns the topic's revision
 */
export async function joinTopic(
  table: Table,
  actorId: string,
  path: Place,
  /** The newest record of the log: changes up to it are not distributed. */
  record: number,
): Promise<number> {
  const key = hubTopicKey(actorId, path);
  // Right whatever is stored: the topic is new, or has one more subscription.
  const change = { add: { moves: 1, revision: 0 }, set: { path: path.join("/") }, setIfMissing: { record } };
  const topic = await table.update(key, change, any(itemExists, itemMissing));
  const head = logHeadKey(actorId);
  const joined = await updateIf(table, head, { add: { hubJoins: 1 } }, itemExists);
  if (!joined.written) {
    // The actor's log is empty, because a state hook gives the state of the topic.
    const reasons = await refusedReasons(table, [
      { put: { ...head, hubJoins: 1, newest: 0 }, condition: itemMissing },
      { check: actorKey(actorId), condition: all(itemExists, missing("deleting")) },
    ]);
    if (reasons !== undefined) throw new TransactionRefused(reasons);
  }
  return Number(topic["revision"] ?? 0);
}
