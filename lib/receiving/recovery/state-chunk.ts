/** Reads some of a publisher's state together with the position that it has. */
import { compact } from "../../system/compact.ts";
import type { Place } from "../../domain/terms/scope.ts";
import { knownOf, knowsOtherwise } from "../stream/digests.ts";
import type { PartAnswer, Polled, Publisher, ReadFailure, StateListing } from "../../peers/publisher.ts";
import { newestOf, pollFailure, UNTIL_KNOWN } from "./reread.ts";

type Listing = Extract<StateListing, { is: "listing" }>;
type StateTarget = Parameters<Publisher["listState"]>[0];

/** State reads tried until the newest number is the same before and after. */
const TRIES = 3;

/** How far the publisher was before a read. */
export interface Before {
  /** Its newest number; undefined when it says none. */
  readonly newest: number | undefined;
  /** What the state contains at least: the newest number, else the greatest that has reached us. */
  readonly least: number;
  /** What its backlog had (see digests.ts). */
  readonly known: string;
}

export interface Chunk {
  readonly answers: readonly PartAnswer[];
  /** The newest diff that all of it contains. */
  readonly position: number;
  /** The publisher said that position itself. */
  readonly positioned: boolean;
  /** List operations up to this number must read their list again. */
  readonly dirtyListsUntil?: number;
  /** How far the publisher was after it. */
  readonly after: Before;
  readonly stopped?: ReadFailure;
}

/** What was read from a publisher, the listing that it was read from, and how far the publisher was before. */
export interface ReadChunk extends Chunk {
  readonly listing: Listing;
  readonly before: Before;
}

/**
 * Reads places of a listing. Without positions in the answers the newest number is asked after it: the position is the one
 * before, exact when both agree, contents under numbers included.
 *
 * @param of.places which of the listing; without them all of it is read, from a new listing again until the newest number
 *   is the same before and after
 */
export async function readChunk(
  publisher: Publisher,
  of: { readonly what: StateTarget; readonly listing: Listing; readonly places?: readonly Place[] },
  before: Before,
  options: { readonly patient: boolean },
): Promise<ReadChunk | { readonly failure: ReadFailure }> {
  let { listing } = of;
  let start = before;
  for (let attempt = 1; ; attempt += 1) {
    const { answers, sequence, stopped } = await listing.read(of.places ?? listing.places, options);
    const read = { answers, listing, before: start, stopped };
    if (sequence !== undefined) return compact({ ...read, position: sequence, positioned: true, after: start });
    const polled = await publisher.poll(of.what.subscriptionId);
    const failure = pollFailure(polled);
    if (failure !== undefined) return { failure };
    const after = afterPoll(polled, start);
    const dirtyListsUntil = agree(start, after) ? undefined : (after.newest ?? UNTIL_KNOWN);
    const chunk = compact({ ...read, position: start.least, positioned: false, dirtyListsUntil, after });
    const settled = dirtyListsUntil === undefined || after.newest === undefined || stopped !== undefined;
    if (settled || of.places !== undefined || attempt === TRIES) return chunk;
    const again = await publisher.listState(of.what);
    if (again.is !== "listing") return chunk;
    listing = again;
    start = after;
  }
}

function afterPoll(polled: Polled, before: Before): Before {
  const newest = newestOf(polled);
  return { newest, least: newest ?? before.least, known: knownOf(polled) };
}

/** Nothing was numbered between two polls, and no number has another content. */
function agree(before: Before, after: Before): boolean {
  const { newest, known } = before;
  return newest !== undefined && newest === after.newest && !knowsOtherwise({ known, newest }, after.known);
}
