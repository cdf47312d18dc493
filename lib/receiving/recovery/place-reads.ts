import { compact } from "../../system/compact.ts";
import { placeOf, type Place } from "../../domain/terms/scope.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import type { Staleness } from "../replica/replica-entry.ts";
import type { StateTarget } from "../replica/state-writer.ts";
import type { Clock, Deadline, Log } from "../../system/ports.ts";
import type { Head } from "../stream/head.ts";
import type { Publishers, ReadFailure } from "../../peers/publisher.ts";
import type { ReceivedData } from "../stream/ports.ts";
import { reread } from "./reread.ts";
import { reserved } from "../stream/reserved.ts";
import { requestedPause } from "../stream/retry-pause.ts";
import type { StaleParts } from "../stream/stale-parts.ts";

/** What a peer lets us see of its properties, where the rest is to stay as it is; undefined when nothing is to. */
export type OpenPlaces = (actorId: string, peerId: string) => Promise<Reads | undefined>;

export interface PlaceReadsDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly publishers: Publishers;
  readonly data: (actorId: string, peerId: string) => ReceivedData;
  readonly stale: StaleParts;
  readonly openTo: OpenPlaces;
}

/** The result of reading places again. */
export interface ReadAgain {
  /** Places that were not read for lack of a trusted publisher. */
  readonly unasked: readonly Place[];
  /** Until when the publisher asked for rest, ms since 1970. */
  readonly pausedUntil?: number;
}

const ASKED_FOR_REST: ReadFailure = { reason: "The publisher asked not to be read for a while." };

/**
 * Reads places again whose content an event left open, one after another, under the lease on their stream. Places whose
 * read fails are marked stale.
 *
 * @param stale those of them that were stale already: they are not read before their pause is over
 */
export async function rereadPlaces(
  deps: PlaceReadsDeps,
  head: Head,
  places: readonly Place[],
  sequence: number,
  deadline: Deadline,
  stale: ReadonlyMap<Place, Staleness> = new Map(),
): Promise<ReadAgain> {
  const { publishers, clock, data, openTo } = deps;
  const publisher = await publishers(head.actorId, head.peerId, reserved(deadline));
  if (publisher === undefined) return { unasked: places };
  const open = async () => await openTo(head.actorId, head.peerId);
  const now = clock.now();
  let pausedUntil = (head.pausedUntil ?? 0) > now ? head.pausedUntil : undefined;
  for (const place of places) {
    const known = stale.get(place);
    if (known !== undefined && known.again > now) {
      await deps.stale.note(head, place, { ...known, status: "retrying" });
      continue;
    }
    if (pausedUntil !== undefined) {
      await markStale(deps, head, place, ASKED_FOR_REST, sequence, pausedUntil);
      continue;
    }
    const read = await reread(publisher, data(head.actorId, head.peerId), head, place, sequence, { open });
    if (read.is !== "failed") continue;
    const pause = requestedPause(read.failure, now);
    if (pause !== undefined) pausedUntil = now + pause;
    await markStale(deps, head, place, read.failure, sequence);
  }
  return compact({ unasked: [], pausedUntil });
}

/** After a failed read the stored value stays, is shown as stale, and is read again later. */
export async function markStale(
  { data, stale, openTo }: PlaceReadsDeps,
  head: Head,
  place: Place,
  failure: ReadFailure,
  sequence: number,
  notAgainBefore = 0,
): Promise<void> {
  const reads = await openTo(head.actorId, head.peerId);
  const { status, again } = stale.next(failure);
  const marked = { reason: failure.reason, again: Math.max(again, notAgainBefore) };
  const at = { stateVersion: head.stateVersion, sequence };
  const since = await data(head.actorId, head.peerId).markStale(targetOf(head, reads), place, at, marked);
  if (since !== undefined) await stale.note(head, place, { ...marked, status, since });
}

/** What a stream owns of the store. */
export function targetOf(head: Pick<Head, "scope" | "excludedScopes">, reads?: Reads): StateTarget {
  return compact({ scope: placeOf(head.scope), excludedScopes: head.excludedScopes, reads });
}
