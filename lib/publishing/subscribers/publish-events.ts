/** Events that somebody publishes over HTTP: committed to the log in one transaction, and at most once for each key or name. */
import { hash } from "node:crypto";
import { publishedStateWrites } from "../../change-log/published-states.ts";
import type { Commit, Commits, LogPlan } from "../../change-log/log-commits.ts";
import { recordsOf, type NotifyChange } from "../../domain/diff/change-record.ts";
import { positionOf } from "../../domain/events/position.ts";
import { canonicalJson } from "../../domain/json/canonical-json.ts";
import { printJson } from "../../domain/json/json-text.ts";
import { publicationKey } from "../../dynamodb/keys/publishing.ts";
import { any, atMost, itemMissing, type Item, type Key, type Write } from "../../dynamodb/table.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Json } from "../../system/ports.ts";
import { checkedEvent } from "./app-events.ts";

/** How long a key is remembered, s. */
const REMEMBERED_SECONDS = 86_400;
/** Most events of one request whose names are remembered apart: the transaction has up to three writes for each. */
const MOST_APART = 30;

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
  /** Names the publication; absent: `names` do, or the same events are published again. */
  readonly key?: string;
  /** Names each event, in their order, all different. */
  readonly names?: readonly string[];
}

/** The positions of the events in their order, and the commit that made them; `replayed`: earlier requests made all. */
export interface Published {
  readonly positions: readonly string[];
  readonly made: Commit | "replayed";
}

/** Events that are remembered under one key: by their places in the request. */
interface Remembered {
  readonly key: Key;
  readonly events: readonly number[];
  readonly content: string;
}

/**
 * Commits events, all or none, and remembers their keys in the same transaction for 24 h: those that are remembered are not
 * published again. Nothing is delivered yet.
 *
 * @throws ServiceError request.invalid, request.too_large, resource.not_found without actor;
 *   request.idempotency_conflict when other events were published under a key
 */
export async function publishEvents(
  { commits, clock, epoch }: PublishDeps,
  actorId: string,
  publication: Publication,
): Promise<Published> {
  const all = publication.events.map((event): NotifyChange => ({ do: "notify", ...checkedEvent(event) }));
  const remembered = rememberedBy(actorId, publication, all);

  const places: Place[] = [];
  const made = await commits.commit(
    actorId,
    remembered.map(({ key }) => key),
    ({ head, item }): LogPlan | undefined => {
      const now = clock.now();
      const isKnown = new Set<number>();
      for (const each of remembered) {
        for (const [index, place] of placesOf(item(each.key), each.content, now)?.entries() ?? []) {
          const event = each.events[index] ?? 0;
          places[event] = place;
          isKnown.add(event);
        }
      }
      const fresh = all.flatMap((change, event) => (isKnown.has(event) ? [] : [{ change, event }]));
      if (fresh.length === 0) return undefined;
      const changes = fresh.map(({ change }) => change);
      const groups = recordsOf(changes);
      const made = groups.flatMap(({ length }, group) =>
        Array.from({ length }, (_, index): Place => {
          return { record: head.newest + 1 + group, index, last: index === length - 1 };
        }),
      );
      for (const [index, place] of made.entries()) places[fresh[index]?.event ?? 0] = place;
      const memory = remembered
        .filter(({ events }) => events.some((event) => !isKnown.has(event)))
        .map(({ key, events, content }) =>
          remember(
            key,
            content,
            events.flatMap((event) => places[event] ?? []),
            now,
          ),
        );
      const records = groups.map((some) => ({ kind: "change", changes: some }) as const);
      return { records, writes: [...memory, ...publishedStateWrites(actorId, head, changes)] };
    },
    { quiet: true },
  );
  const positions = places.map(({ record, ...at }) => positionOf(epoch, record, at));
  return { positions, made: made ?? "replayed" };
}

/** The keys under which the events are remembered; none when nothing names them. */
function rememberedBy(
  actorId: string,
  { caller, key, names }: Publication,
  changes: readonly NotifyChange[],
): readonly Remembered[] {
  const events = [...changes.keys()];
  const under = (name: string, some: readonly number[]): Remembered => ({
    key: publicationKey(actorId, digestOf([caller, name])),
    events: some,
    content: digestOf(changes.filter((_, event) => some.includes(event)).map(contentOf)),
  });
  if (key !== undefined) return [under(`key ${key}`, events)];
  if (names === undefined) return [];
  if (names.length > MOST_APART) return [under(`events ${printJson(names)}`, events)];
  return names.map((name, event) => under(`event ${name}`, [event]));
}

/** Where an event stands: its record, its index there, and whether it is the last one. */
interface Place {
  readonly record: number;
  readonly index: number;
  readonly last: boolean;
}

/** DynamoDB deletes expired items some time later; an expired one is as good as none. */
function remember(key: Key, content: string, places: readonly Place[], now: number): Write {
  const ttl = Math.ceil(now / 1_000) + REMEMBERED_SECONDS;
  const text = places.map(({ record, index, last }) => [record, index, last ? 1 : 0].join("."));
  return {
    put: { ...key, content, places: text.join(","), ttl },
    condition: any(itemMissing, atMost("ttl", Math.floor(now / 1_000))),
  };
}

/** Where the events of an earlier publication under the key stand; undefined when there is none. */
function placesOf(item: Item | undefined, content: string, now: number): readonly Place[] | undefined {
  if (item === undefined || Number(item["ttl"]) * 1_000 <= now) return undefined;
  if (item["content"] !== content) {
    const message = "Other events were published under this key within the last 24 hours; give new events a new key.";
    throw new ServiceError("request.idempotency_conflict", message);
  }
  return String(item["places"])
    .split(",")
    .map((text): Place => {
      const [record = 0, index = 0, last] = text.split(".").map(Number);
      return { record, index, last: last === 1 };
    });
}

/** What makes two publications the same: all but the traces, which differ between two attempts. */
function contentOf({ attributes = {}, ...change }: NotifyChange): Json {
  const { traceparent: _traceparent, tracestate: _tracestate, ...others } = attributes;
  return { ...change, attributes: { ...others } };
}

const digestOf = (content: Json): string => hash("sha256", canonicalJson(content), "base64url");
