/**
 * Places of peers' states that could not be read, as items beside the marks on their stored values.
 *
 *   retrying in the due index: read again when due, `starts` counts how often it was
 *   parked   read as often as it may be, or too large: it waits for a person, a diff of the place, or a resync
 *
 * The mark on the stored value says whether a place is stale. An item whose mark has gone has no work left: its next
 * run deletes it.
 */
import { createHash } from "node:crypto";
import { compact } from "../../system/compact.ts";
import { pauseAfter } from "../../domain/policy/backoff.ts";
import { parseText } from "../../domain/json/json-text.ts";
import type { StreamRef } from "../../domain/terms/refs.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { failedEventIdKey, staleReadKey, staleReadOf } from "../../dynamodb/keys/failed-events.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import { refusedReasons, updateIf } from "../../dynamodb/outcomes.ts";
import { all, always, equals, itemExists, itemMissing, type Item, type Key, type Table } from "../../dynamodb/table.ts";
import type { Clock, Log } from "../../system/ports.ts";
import type { ReadFailure } from "../../peers/publisher.ts";
import { requestedPause } from "./retry-pause.ts";
import type { WakeStream } from "./wake-stream.ts";

/** One place that could not be read. Times are ms since 1970. */
export interface StalePart extends StreamRef {
  readonly key: Key;
  readonly id: string;
  readonly place: Place;
  readonly status: "retrying" | "parked";
  /** One sentence. */
  readonly reason: string;
  readonly since: number;
  /** Failed reads. */
  readonly starts: number;
  readonly dueAt?: number;
}

/** Pauses between reads of one place: about 15 s at first, at most an hour. */
const PAUSES = { base: 30_000, most: 3_600_000 };
/** Pause before a diff of its place has a parked part read again, ms: a large list may change every second. */
const GIVEN_UP_PAUSE_MS = 3_600_000;
/** Writers that note one place at the same time, each of which may come in between. */
const MOST_CONFLICTS = 4;
/** The attributes that a stale part is made of. */
export const STALE_ATTRIBUTES = ["kind", "place", "reason", "since", "status", "starts", "dueAt"];

export interface StalePartsDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly wake: WakeStream;
  /** 0 ≤ random < 1 */
  readonly random: () => number;
  /** How often a place is read again; one that is too large once. */
  readonly maxAttempts: number;
}

/** The next status of a place that could not be read. */
export interface NextRead {
  readonly status: "retrying" | "parked";
  /** The place is not read before then, ms since 1970. */
  readonly again: number;
}

/** Keeps which places are to be read again, when, and which are left to a person. */
export class StaleParts {
  readonly #deps: StalePartsDeps;

  constructor(deps: StalePartsDeps) {
    this.#deps = deps;
  }

  /** The next status of a place whose read has failed this many times. */
  next(failure: ReadFailure, starts = 1): NextRead {
    const { clock, random, maxAttempts } = this.#deps;
    const now = clock.now();
    const again = failure.tooLarge === true ? 1 : maxAttempts;
    if (starts > again) return { status: "parked", again: now + GIVEN_UP_PAUSE_MS };
    const pause = Math.max(pauseAfter(starts, PAUSES, random()), requestedPause(failure, now) ?? 0);
    return { status: "retrying", again: now + pause };
  }

  /**
   * Notes that a place could not be read for the first time, or again after its stored value has changed. Two items in
   * one transaction; safe to repeat.
   */
  async note(
    stream: StreamRef,
    place: Place,
    stale: NextRead & { readonly reason: string; readonly since: number },
  ): Promise<void> {
    const { table, wake, log } = this.#deps;
    const { actorId, peerId, subscriptionId } = stream;
    const id = idOf(stream, place);
    const key = staleReadKey({ actorId, peerId, subscriptionId }, id);
    const { reason, since, status, again } = stale;
    const due = status === "retrying" ? { dueAt: again } : undefined;
    const item = { kind: "read", eventId: id, place: JSON.stringify(place), reason, since, status, starts: 1, ...due };
    const remove = due === undefined ? ["dueAt"] : [];
    for (let noted = false, attempt = 0; !noted && attempt < MOST_CONFLICTS; attempt += 1) {
      const refused = await refusedReasons(table, [
        { put: { ...key, ...item }, condition: itemMissing },
        { put: { ...failedEventIdKey(actorId, id), at: key.sk }, condition: always },
      ]);
      noted = refused === undefined || (await updateIf(table, key, { set: item, remove }, itemExists)).written;
    }
    if (due !== undefined) await wake({ key, dueAt: due.dueAt });
    const level = status === "parked" ? "error" : "warn";
    const fields = { actorId, peerId, subscriptionId, place: place.join("/"), reason, status };
    log[level]("a part of a peer's state could not be read", fields);
  }

  /** The stale part at a key, as the due index names it. 1 read. */
  async at(key: Key): Promise<StalePart | undefined> {
    const item = await this.#deps.table.get(key);
    return item === undefined ? undefined : stalePartOf(item);
  }

  /** One more read failed. Writes nothing when another attempt came first. 1 write. */
  async failed(part: StalePart, failure: ReadFailure): Promise<NextRead> {
    const starts = part.starts + 1;
    const nextRead = this.next(failure, starts);
    const { status, again } = nextRead;
    const due = status === "retrying" ? { dueAt: again } : undefined;
    const set = { status, reason: failure.reason, starts, ...due };
    const remove = due === undefined ? ["dueAt"] : [];
    await updateIf(this.#deps.table, part.key, { set, remove }, all(itemExists, equals("starts", part.starts)));
    if (due !== undefined) await this.#deps.wake({ key: part.key, dueAt: due.dueAt });
    return nextRead;
  }

  /** Nothing could be tried now: the part is due again at `dueAt`, and no try is counted. 1 write. */
  async putOff(part: StalePart, dueAt: number): Promise<void> {
    const set = { dueAt };
    await updateIf(this.#deps.table, part.key, { set }, all(itemExists, equals("status", "retrying")));
    await this.#deps.wake({ key: part.key, dueAt });
  }

  /** The part needs no reading any more. 1 transaction. */
  async resolve(part: StalePart): Promise<void> {
    await this.#deps.table.deleteMany([part.key, failedEventIdKey(part.actorId, part.id)]);
  }
}

/** What the item of a stale part says. */
export function stalePartOf(item: Item): StalePart | undefined {
  const ids = staleReadOf(item);
  if (ids === undefined) return undefined;
  const dueAt = item["dueAt"];
  return compact({
    key: { pk: item.pk, sk: item.sk },
    ...ids,
    place: parseText(String(item["place"])) as Place,
    status: item["status"] === "parked" ? ("parked" as const) : ("retrying" as const),
    reason: String(item["reason"]),
    since: Number(item["since"]),
    starts: Number(item["starts"]),
    dueAt: typeof dueAt === "number" ? dueAt : undefined,
  });
}

/** One place of a stream has one item. */
function idOf(stream: StreamRef, place: Place): string {
  const { pk, sk } = outboundHeadKey(stream);
  return createHash("sha256")
    .update(JSON.stringify([pk, sk, ...place]))
    .digest("hex")
    .slice(0, 32);
}
