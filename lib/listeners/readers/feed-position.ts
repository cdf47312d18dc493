/**
 * Positions in the events of all actors. A position is a time: the log of every actor was read up to it. Within a span of
 * time, it also says which shards and actors of the span were read, in their order, and how far the log of the next actor
 * was.
 */
import * as z from "zod/mini";
import { POSITION_AHEAD_MS } from "../../domain/events/feed-time.ts";
import { parsePosition, type PositionGone } from "../../domain/events/position.ts";
import { parseText } from "../../domain/json/json-text.ts";
import { isOutsideId } from "../../domain/terms/identifiers.ts";
import { feedShards } from "../../dynamodb/keys/feed.ts";

/** How far a span was read. */
export interface Within {
  /** The end of the span, ms since 1970. */
  readonly until: number;
  /** The index of the shard. */
  readonly shard: number;
  /** The last actor of the shard that was read; absent: none was. */
  readonly actorId?: string | undefined;
  /** The position in that actor's own log up to which it was read; absent: it was read up to the end of the span. */
  readonly position?: string | undefined;
}

export interface FeedPosition {
  readonly epoch: number;
  /** The log of every actor was read up to this time, ms since 1970. */
  readonly after: number;
  readonly within?: Within | undefined;
}

const stored = z.tuple([
  z.int(),
  z.int().check(z.minimum(0)),
  z.nullable(
    z.tuple([
      z.int(),
      z.int().check(z.minimum(0), z.maximum(feedShards.length - 1)),
      z.nullable(z.string().check(z.refine(isOutsideId))),
      z.nullable(z.string().check(z.refine((text) => parsePosition(text) !== undefined))),
    ]),
  ),
]);

/** A position as text of `[A-Za-z0-9_-]`, of a few hundred bytes however many actors there are. */
export function printFeedPosition({ epoch, after, within }: FeedPosition): string {
  const inside =
    within === undefined ? null : [within.until, within.shard, within.actorId ?? null, within.position ?? null];
  return Buffer.from(JSON.stringify([epoch, after, inside])).toString("base64url");
}

/** The times between which events of all actors can be read. */
export interface FeedEnds {
  readonly epoch: number;
  /** Every change up to this time can be read, ms since 1970. */
  readonly settled: number;
  /** Records from before this have expired, ms since 1970. */
  readonly oldest: number;
}

/** The position that a text names (`now` and `earliest` too), or why no reader can continue there. */
export function resolveFeedPosition(text: string, { epoch, settled, oldest }: FeedEnds): FeedPosition | PositionGone {
  if (text === "now") return { epoch, after: settled };
  if (text === "earliest") return { epoch, after: oldest };
  const read = parseFeedPosition(text);
  if (read === undefined) return "unknown";
  if (read.epoch !== epoch) return "epoch";
  if ((read.within?.until ?? read.after) > settled + POSITION_AHEAD_MS) return "ahead";
  return read.after < oldest ? "expired" : read;
}

function parseFeedPosition(text: string): FeedPosition | undefined {
  let json: unknown;
  try {
    json = parseText(Buffer.from(text, "base64url").toString());
  } catch {
    return undefined;
  }
  const { success, data } = stored.safeParse(json);
  if (!success) return undefined;
  const [epoch, after, inside] = data;
  if (inside === null) return { epoch, after };
  const [until, shard, actorId, position] = inside;
  if (until <= after || (position !== null && actorId === null)) return undefined;
  return { epoch, after, within: { until, shard, actorId: actorId ?? undefined, position: position ?? undefined } };
}
