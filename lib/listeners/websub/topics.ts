/** The topics of an actor that have subscriptions: finds those that a change concerns, and does what is due at them. */
import { readLogHead, type ChangeLog, type NumberedRecord } from "../../change-log/change-log.ts";
import type { ListenersOfKinds } from "../../engine/listening.ts";
import type { Change, LogRecord } from "../../domain/diff/change-record.ts";
import { covers, placeOf, PROPERTIES, type Place } from "../../domain/terms/scope.ts";
import { HUB_TOPIC_PREFIX, hubPartition, hubSubscriptionPrefix } from "../../dynamodb/keys/hub.ts";
import { actorOfKey } from "../../dynamodb/keys/partition.ts";
import { logHeadKey } from "../../dynamodb/keys/publishing.ts";
import { deleteIf, refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { queryAll } from "../../dynamodb/paging.ts";
import {
  all,
  any,
  below,
  equals,
  itemExists,
  missing,
  type Condition,
  type Item,
  type Key,
  type Table,
} from "../../dynamodb/table.ts";
import { mapConcurrent } from "../../system/map-concurrent.ts";
import type { Deadline } from "../../system/ports.ts";
import { wakeUp } from "../../system/wake-up.ts";
import type { DueSubscriptionDeps } from "./due-subscription.ts";
import { sendTo, topicToSend } from "./distribution.ts";
import { readSubscription, type HubSubscription } from "./hub-subscription.ts";
import { TOPIC_AFTER_MS } from "./hub-store.ts";

/** Subscriptions that are sent to at the same time. */
const AT_ONCE = 20;
/** After this many subscriptions the state is read again, so that those after a slow one get the newest state. */
const CHUNK = 100;
/** With less time left than this, ms, a message brings the rest: a delivery or a notification must have time to end. */
export const LEAST_MS = 13_000;

/** A topic that has subscriptions, or had some. */
interface HubTopic {
  readonly key: Key;
  readonly path: Place;
  readonly revision: number;
  /** Incremented when a subscription begins or ends. */
  readonly moves: number;
}

function readTopic(item: Item): HubTopic {
  const { pk, sk, path, revision, moves } = item;
  return { key: { pk, sk }, path: String(path).split("/"), revision: Number(revision), moves: Number(moves) };
}

/** The path below the actor's root whose state a change may have changed; undefined: it changed no state. */
function pathOf(change: Change): Place | undefined {
  switch (change.do) {
    case "sys":
      return undefined;
    case "notify":
      return [change.target, ...placeOf(change)];
    case "list":
      return [PROPERTIES, change.name];
    default:
      return [PROPERTIES, ...change.path];
  }
}

/** True when a record may have changed the state at a path. */
function touches(record: LogRecord, path: Place): boolean {
  if (record.kind !== "change") return false;
  return record.changes.some((change) => {
    const place = pathOf(change);
    return place !== undefined && (covers(place, path) || covers(path, place));
  });
}

/** What is needed to make topics due. */
export type HubListeningDeps = Pick<DueSubscriptionDeps, "table" | "clock" | "queue" | "log"> & {
  readonly changeLog: Pick<ChangeLog, "stream">;
};

/**
 * The hub as a listener of the log. It has no markers: a commit makes those topics with subscriptions due whose state it
 * may have changed, and a worker distributes these. A commit costs nothing without subscriptions at the hub; else one
 * query, and one write for each topic whose state may have changed.
 */
export function hubListening(deps: HubListeningDeps): ListenersOfKinds {
  return {
    hears: () => false,
    deliver: async ({ actorId, head, records }) => {
      if (head.hubJoins === undefined) return [];
      await distributeRecords(deps, actorId, records).catch((error: unknown) => {
        deps.log.warn("a change was not distributed at once; the maintenance of the log does it", { actorId, error });
      });
      return [];
    },
    // The processes that committed these records may have died before they made the topics due.
    catchUp: async (actorId, { hubJoins, maintainedUpTo, newest }) => {
      if (hubJoins !== undefined && newest > maintainedUpTo) {
        await distributeRecords(deps, actorId, deps.changeLog.stream(actorId, maintainedUpTo, newest));
      }
      return "done";
    },
  };
}

async function distributeRecords(
  deps: Pick<DueSubscriptionDeps, "table" | "clock" | "queue" | "log">,
  actorId: string,
  records: Iterable<NumberedRecord> | AsyncIterable<NumberedRecord>,
): Promise<void> {
  const topics = (await queryAll(deps.table, { pk: hubPartition(actorId), prefix: HUB_TOPIC_PREFIX })).map(readTopic);
  const concerned = new Map<HubTopic, number>();
  for await (const { number, record } of records) {
    for (const topic of topics) if (touches(record, topic.path)) concerned.set(topic, number);
  }
  await mapConcurrent([...concerned], AT_ONCE, async ([{ key }, number]) => {
    await distribute(deps, key, number);
  });
}

/** Makes a topic due because of a record of the log, unless that record, or a later one, has done so. 1 write. */
async function distribute(
  deps: Pick<DueSubscriptionDeps, "table" | "clock" | "queue" | "log">,
  topic: Key,
  record: number,
): Promise<void> {
  const now = deps.clock.now();
  // A message brings the work at once; if it is lost, the sweep finds the topic.
  const change = { add: { revision: 1 }, set: { record, dueAt: now + TOPIC_AFTER_MS } };
  const isLater = all(itemExists, any(missing("record"), below("record", record)));
  if ((await updateIf(deps.table, topic, change, isLater)).written) await wakeUp(deps, topic, now);
}

/**
 * Sends the state of a due topic to each subscription with an older revision, and deletes a topic without subscriptions.
 * May be called at any time, by several workers at once, because each delivery has the lease of its subscription.
 */
export async function runDueTopic(deps: DueSubscriptionDeps, key: Key, deadline: Deadline): Promise<void> {
  const { table, clock, actors } = deps;
  const actorId = actorOfKey(key);
  const least = Math.max(LEAST_MS, deadline.stopStartingBelowMs ?? 0);
  const before = await readDueTopic(table, key);
  if (before === undefined) return;
  const { hubJoins } = readLogHead(await table.get(logHeadKey(actorId)));
  const subscriptions = await subscriptionsOf(table, key);
  if (subscriptions.length === 0) return await forget(table, before, hubJoins);
  for (let from = 0; from < subscriptions.length; from += CHUNK) {
    const topic = await readDueTopic(table, key);
    const actor = await actors.get(actorId);
    if (topic === undefined || actor === undefined || actor.deleting) return;
    if (deadline.remaining() <= least) return await wakeUp(deps, key, clock.now());
    const toSend = await topicToSend(deps, actor, topic);
    await mapConcurrent(subscriptions.slice(from, from + CHUNK), AT_ONCE, async (subscription) => {
      await sendTo(deps, subscription, toSend, false);
    });
  }
  // The topic stays due if it changed meanwhile, or a subscription began or ended.
  await updateIf(table, key, { remove: ["dueAt"] }, isSame(before));
}

const isSame = ({ moves, revision }: HubTopic): Condition => all(equals("moves", moves), equals("revision", revision));

async function readDueTopic(table: Table, key: Key): Promise<HubTopic | undefined> {
  const item = await table.get(key);
  return item?.["dueAt"] === undefined ? undefined : readTopic(item);
}

/** All subscriptions to a topic, in every state. */
export async function subscriptionsOf(table: Table, topic: Key): Promise<readonly HubSubscription[]> {
  const items = await queryAll(table, { pk: topic.pk, prefix: hubSubscriptionPrefix(topic) });
  return items.map(readSubscription);
}

/**
 * Deletes a topic without subscriptions. With the last topic, the log's head forgets that the hub has subscriptions.
 *
 * @param hubJoins of the log's head, read before the subscriptions were: unchanged, it shows that no subscription begins
 */
async function forget(table: Table, topic: HubTopic, hubJoins: number | undefined): Promise<void> {
  const { key } = topic;
  const range = { pk: key.pk, prefix: HUB_TOPIC_PREFIX, limit: 2 };
  const { items, next } = await table.query(range);
  const isLast = next === undefined && items.every(({ sk }) => sk === key.sk);
  if (!isLast || hubJoins === undefined) {
    await deleteIf(table, key, isSame(topic));
    return;
  }
  const head = logHeadKey(actorOfKey(key));
  await refusedReasons(table, [
    { delete: key, condition: isSame(topic) },
    { update: head, change: { remove: ["hubJoins"] }, condition: equals("hubJoins", hubJoins) },
  ]);
}
