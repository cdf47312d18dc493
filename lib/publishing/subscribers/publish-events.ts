/** Events that somebody publishes over HTTP: committed to the log in one transaction, and at most once for each key. */
import { hash } from "node:crypto";
import { publishedStateWrites } from "../../change-log/published-states.ts";
import type { Commit, Commits, LogPlan } from "../../change-log/log-commits.ts";
import { recordsOf, type NotifyChange } from "../../domain/diff/change-record.ts";
import { positionOf } from "../../domain/events/position.ts";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { publicationKey } from "../../dynamodb/keys/publishing.ts";
import { any, atMost, itemMissing, type Item, type Key, type Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Json } from "../../system/ports.ts";
import { checkedEvent } from "./app-events.ts";

/** How long a key is remembered, s. */
const REMEMBERED_SECONDS = 86_400;

export interface PublishDeps {
  readonly commits: Commits;
  readonly clock: Clock;
  /** `LOG_EPOCH`, for positions. */
  readonly epoch: number;
}

/** The events of one request. */
export interface Publication {
  readonly events: readonly Omit<NotifyChange, "do">[];
  /** Who publishes: a key of one caller says nothing of another's. */
  readonly caller: string;
  /** Names the publication; absent: the same events are published again. */
  readonly key?: string;
}

/** The positions of the events in their order, and the commit that made them; `replayed`: an earlier request did. */
export interface Published {
  readonly positions: readonly string[];
  readonly made: Commit | "replayed";
}

/**
 * Commits events, all or none, and remembers the key in the same transaction for 24 h. Nothing is delivered yet.
 *
 * @throws ServiceError request.invalid, request.too_large, resource.not_found without actor;
 *   request.idempotency_conflict when other events were published under the key
 */
export async function publishEvents(
  { commits, clock, epoch }: PublishDeps,
  actorId: string,
  { events, caller, key }: Publication,
): Promise<Published> {
  const changes = events.map((event): NotifyChange => ({ do: "notify", ...checkedEvent(event) }));
  const groups = recordsOf(changes);
  const records = groups.map((some) => ({ kind: "change", changes: some }) as const);
  const counts = groups.map((some) => some.length);
  const remembered = key === undefined ? undefined : publicationKey(actorId, digestOf([caller, key]));
  const content = digestOf(changes.map(contentOf));

  let replayed: Places | undefined;
  const made = await commits.commit(
    actorId,
    remembered === undefined ? [] : [remembered],
    ({ head, item }): LogPlan | undefined => {
      const states = publishedStateWrites(actorId, head, changes);
      if (remembered === undefined) return { records, writes: states };
      replayed = placesOf(item(remembered), content, clock.now());
      if (replayed !== undefined) return undefined;
      const places = { first: head.newest + 1, counts };
      return { records, writes: [remember(remembered, content, places, clock.now()), ...states] };
    },
    { quiet: true },
  );
  if (made !== undefined) {
    return { positions: positionsAt(epoch, { first: made.newest - groups.length + 1, counts }), made };
  }
  if (replayed === undefined) throw new RangeError("a publication without a key always writes");
  return { positions: positionsAt(epoch, replayed), made: "replayed" };
}

/** Where events stand: the first of their records, and how many events each record has. */
interface Places {
  readonly first: number;
  readonly counts: readonly number[];
}

const positionsAt = (epoch: number, { first, counts }: Places): readonly string[] =>
  counts.flatMap((count, record) =>
    Array.from({ length: count }, (_, index) =>
      positionOf(epoch, first + record, { index, last: index === count - 1 }),
    ),
  );

/** DynamoDB deletes expired items some time later; an expired one is as good as none. */
function remember(key: Key, content: string, { first, counts }: Places, now: number): Write {
  const ttl = Math.ceil(now / 1_000) + REMEMBERED_SECONDS;
  return {
    put: { ...key, content, first, counts: counts.join(","), ttl },
    condition: any(itemMissing, atMost("ttl", Math.floor(now / 1_000))),
  };
}

/** Where the events of an earlier publication under the key stand; undefined when there is none. */
function placesOf(item: Item | undefined, content: string, now: number): Places | undefined {
  if (item === undefined || Number(item["ttl"]) * 1_000 <= now) return undefined;
  if (item["content"] !== content) {
    const message = "Other events were published under this key within the last 24 hours; give new events a new key.";
    throw new ServiceError("request.idempotency_conflict", message);
  }
  return { first: Number(item["first"]), counts: String(item["counts"]).split(",").map(Number) };
}

/** What makes two publications the same: all but the traces, which differ between two attempts. */
function contentOf({ attributes = {}, ...change }: NotifyChange): Json {
  const { traceparent: _traceparent, tracestate: _tracestate, ...others } = attributes;
  return { ...change, attributes: { ...others } };
}

const digestOf = (content: Json): string => hash("sha256", canonicalJson(content), "base64url");
