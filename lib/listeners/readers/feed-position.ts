/**
 * Positions in the events of all actors. A position says for every actor at once how far it was read: up to a time. While a
 * span of time is being read, it says besides which shards and actors are done, in their order, and how far the next one is.
 */
import * as z from "zod/mini";
import { POSITION_AHEAD_MS } from "../../domain/events/feed-time.ts";
import { parsePosition, type PositionGone } from "../../domain/events/position.ts";
import { parseText } from "../../domain/json/json-text.ts";
import { isOutsideId } from "../../domain/terms/identifiers.ts";
import { feedShards } from "../../dynamodb/keys/feed.ts";

/** Where a span that is being read was left. */
export interface Within {
  /** The end of the span, ms since 1970. */
  readonly until: number;
  /** Index of the shard. */
  readonly shard: number;
  /** The last actor of the shard that was read; absent: none was. */
  readonly actorId?: string | undefined;
  /** How far it was read, in its own log; absent: up to the end of the span. */
  readonly position?: string | undefined;
}

export interface FeedPosition {
  readonly epoch: number;
  /** Each actor was read up to this time, ms since 1970. */
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

/** What time it is for positions. */
export interface FeedEnds {
  readonly epoch: number;
  /** What changed up to here can be read, ms since 1970. */
  readonly settled: number;
  /** Records from before this have expired, ms since 1970. */
  readonly oldest: number;
}

/** The position of a text, or why no reader can continue there. */
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
