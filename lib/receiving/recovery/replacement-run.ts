/** One run of a replacement: reads pieces of a publisher's state and writes them. */
import { compact } from "../../system/compact.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { outboundPrefix } from "../../dynamodb/keys/streams.ts";
import type { PartAnswer, Publisher, ReadFailure, StateListing, StatePart } from "../../peers/publisher.ts";
import type { Deadline } from "../../system/ports.ts";
import { knowsOtherwise, newestIn } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import type { RecoveryProgress } from "../stream/recovery-progress.ts";
import { markReplacing, noteProgress } from "../stream/stream-changes.ts";
import { targetOf } from "./place-reads.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import type { ReplacementResult, ResyncCallback } from "./replacement-commit.ts";
import { readChunk, type Before, type Chunk } from "./state-chunk.ts";

type Listing = Extract<StateListing, { is: "listing" }>;
type Failed = Extract<PartAnswer, { is: "failed" }>;

/** What is known when a replacement begins or continues. */
export interface Beginning {
  readonly before: Before;
  /** The publisher says how far it is, somewhere. */
  readonly numbered: boolean;
  /** The publisher counts again. */
  readonly reset: boolean;
  readonly callback?: ResyncCallback;
}

/** What became of reading: all of it is written; it stopped; or what a caller is answered. */
export type Ended =
  | { readonly is: "read" }
  | { readonly is: "stopped"; readonly failure?: ReadFailure }
  | { readonly is: "busy"; readonly head: Head }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/**
 * One run of a replacement under the lease, and what it has read and written so far.
 *
 *   begun     `head` is undefined: nothing is written; the first write marks the head as replacing
 *   writing   `head` says `replacing`; each piece moves `progress` on, and every thousand places are noted on the head
 *   lost      another has the lease: `head` is undefined and every write answers false
 *
 * Invariants: nothing is written before the head is marked; `progress` names only what is written.
 */
export class ReplacementRun {
  readonly #deps: RecoveryDeps;
  readonly #publisher: Publisher;
  readonly #begin: Beginning;
  readonly #patient: boolean;
  readonly leased: Head;
  readonly stores: boolean;
  /** The head once it says `replacing`, by this run or an earlier one; undefined also when the lease was lost. */
  head: Head | undefined;
  progress: RecoveryProgress;
  hasWritten = false;
  readonly #isResumed: boolean;
  #lost = false;
  #noted = 0;
  #reads: Promise<Reads | undefined> | undefined;
  /** The parts that were read, while the hooks can get them from here: in one run, with no place left as it was. */
  #parts: StatePart[] | undefined;

  constructor(
    deps: RecoveryDeps,
    head: Head,
    publisher: Publisher,
    how: { readonly begin: Beginning; readonly begun: RecoveryProgress | undefined; readonly patient: boolean },
  ) {
    const { begin, begun } = how;
    this.#deps = deps;
    this.#publisher = publisher;
    this.#begin = begin;
    this.#patient = how.patient;
    this.leased = head;
    this.stores = deps.settings.autoStorage && head.scope.target === "properties" && head.granularity !== "none";
    this.#isResumed = begun !== undefined;
    this.head = begun === undefined ? undefined : head;
    this.#parts = begun === undefined ? [] : undefined;
    const { known } = begin.before;
    this.progress = begun ?? {
      startedAt: deps.clock.now(),
      read: 0,
      of: 0,
      rev: head.recoveryRevision,
      ownershipRevision: head.ownershipRevision,
      lowest: Number.MAX_SAFE_INTEGER,
      positioned: true,
      reset: begin.reset,
      numbered: begin.numbered,
      floor: begin.callback?.sequence ?? 0,
      known,
      ...compact({ timestamp: begin.callback?.timestamp }),
    };
    if (begun !== undefined) this.#compare(known);
  }

  /** The first of the places, as many as are read at a time; what is not stored is read all at once. */
  piece(listing: Listing, places: readonly Place[]): readonly Place[] {
    if (!this.stores) return places;
    const most = this.#deps.settings.pieces;
    let bytes = 0;
    const end = places.findIndex((place, index) => {
      bytes += listing.bytesOf(place);
      return index >= most.places || (index > 0 && bytes > most.bytes);
    });
    return end < 0 ? places : places.slice(0, end);
  }

  /** Reads and writes one piece after another, from the last name on that is written. */
  async pieces(what: Parameters<Publisher["listState"]>[0], listing: Listing, deadline: Deadline): Promise<Ended> {
    const { after } = this.progress;
    // Too much to keep in memory: the hooks get it from the store.
    this.#parts = undefined;
    let left = listing.places.filter(([name = ""]) => after === undefined || name > after);
    // Values may have come with the listing already, so nothing of this run is newer than what was known before it.
    const { before } = this.#begin;
    do {
      const places = this.piece(listing, left);
      const chunk = await readChunk(this.#publisher, { what, listing, places }, before, { patient: this.#patient });
      if ("failure" in chunk)
        return this.hasWritten ? { is: "stopped", failure: chunk.failure } : { is: "failed", ...chunk };
      const ended = await this.writeChunk(chunk, listing.places.length);
      if (ended.is !== "read") return ended;
      left = left.slice(chunk.answers.length);
      if (left.length > 0 && deadline.remaining() <= this.#deps.settings.pieces.leastMs) return { is: "stopped" };
    } while (left.length > 0);
    return { is: "read" };
  }

  /** Writes what was read, and notes how far it is. */
  async writeChunk(chunk: Chunk, of: number): Promise<Ended> {
    const { answers, position, positioned, dirtyListsUntil, after, stopped } = chunk;
    const { progress } = this;
    const failed = answers.filter((answer) => answer.is === "failed");
    const [failure] = failed;
    // Without a store nothing stands in for what could not be read: the hooks would take it for removed.
    if (!this.stores && failure !== undefined && !this.#patient) return { is: "failed", failure: failure.failure };
    if (answers.length === 0 && stopped !== undefined) return { is: "stopped", failure: stopped };
    // The head names only what is written: a piece counts once all of it is.
    this.progress = { ...progress, of };
    if (!(await this.markReplacing())) return { is: "busy", head: this.leased };
    const parts = answers.flatMap((answer) => (answer.is === "part" ? [answer.part] : []));
    if (failed.length > 0 && this.stores) this.#parts = undefined;
    this.#parts?.push(...parts);
    if (this.stores) {
      const { actorId, peerId, stateVersion } = this.#marked();
      const at = compact({ stateVersion, sequence: position, dirtyListsUntil });
      // The permissions after this piece was read: places closed to us by then may be missing from it.
      this.#reads = undefined;
      await this.#deps.data(actorId, peerId).putParts(await this.#target(), parts, at);
      for (const answer of failed) await this.#markStale(answer);
    }
    const last = answers.at(-1);
    const read = progress.read + answers.length;
    this.progress = {
      ...progress,
      read,
      of: Math.max(of, read),
      positioned: progress.positioned && positioned,
      lowest: Math.min(progress.lowest, position),
      ...compact({ after: last === undefined ? undefined : placeOfAnswer(last)[0] }),
    };
    this.#compare(after.known);
    this.hasWritten ||= answers.length > 0;
    this.#noted += answers.length;
    const isNoted = this.#noted < this.#deps.settings.pieces.noteEvery || (await this.#note());
    if (!isNoted) return { is: "busy", head: this.leased };
    return stopped === undefined ? { is: "read" } : { is: "stopped", failure: stopped };
  }

  /** Notes when a backlog has a content that the state may lack, under a number that it covers. */
  #compare(later: string): void {
    const { known, lowest, positioned } = this.progress;
    // Where answers say their positions, what was made after the start is known to be in them or not. Another content of
    // what was made before it is that of a publisher that was restored meanwhile.
    const newest = positioned ? Math.min(lowest, newestIn(known)) : lowest;
    if (knowsOtherwise({ known, newest }, later)) this.progress = { ...this.progress, differs: true };
  }

  /** Removes what the state lacks. False when time ran out, or the lease was lost. */
  async clear(deadline?: Deadline): Promise<boolean> {
    if (!(await this.markReplacing())) return false;
    if (!this.stores) return true;
    const { actorId, peerId, stateVersion } = this.#marked();
    const at = { stateVersion, sequence: this.at };
    const { leastMs } = this.#deps.settings.pieces;
    const goesOn = (): boolean => deadline === undefined || deadline.remaining() > leastMs;
    return await this.#deps.data(actorId, peerId).removeRest(await this.#target(), at, goesOn);
  }

  /** From here on only recoveries advance the stream. False when the lease was lost. */
  async markReplacing(): Promise<boolean> {
    if (this.head !== undefined || this.#lost) return !this.#lost;
    const { streams, clock } = this.#deps;
    const { leased } = this;
    const stateVersion = await this.#nextStateVersion();
    const dueAt = leased.lease?.until ?? clock.now();
    const marking = markReplacing(leased, { stateVersion, recovery: this.progress, dueAt });
    this.head = await streams.amend(leased.key, marking);
    this.#lost = this.head === undefined;
    return !this.#lost;
  }

  /** The number that the head moves to. */
  get at(): number {
    const { lowest, floor, reset } = this.progress;
    const read = lowest === Number.MAX_SAFE_INTEGER ? this.#begin.before.least : lowest;
    const at = Math.max(read, floor);
    return reset ? at : Math.max(at, this.leased.lastSeq);
  }

  result(): ReplacementResult {
    const { progress, stores, at, leased: begun } = this;
    const contained = this.#isResumed ? new Set<number>() : begun.buffered;
    const { newest } = this.#begin.before;
    const beyond = newest !== undefined && [...begun.buffered].some((n) => n > newest);
    const result = { progress, at, stores, begun, readable: true, stateRead: true, beyond, contained };
    return compact({ ...result, parts: this.#parts });
  }

  #marked(): Head {
    return this.head ?? this.leased;
  }

  /** Neither places that the read left out, nor places that are not owned any more. */
  async #target(): Promise<ReturnType<typeof targetOf>> {
    const { actorId, peerId } = this.leased;
    this.#reads ??= this.#deps.openTo(actorId, peerId);
    const reads = await this.#reads;
    // Places that stay as they were are not among those that were read.
    if (reads !== undefined) this.#parts = undefined;
    return targetOf(
      { scope: this.leased.scope, excludedScopes: [...this.leased.excludedScopes, ...this.#marked().excludedScopes] },
      reads,
    );
  }

  /** The stored value of the place stays, under this state version: the place was in the state. */
  async #markStale({ place, failure }: Failed): Promise<void> {
    const { data, stale } = this.#deps;
    const { actorId, peerId, stateVersion } = this.#marked();
    const { status, again } = stale.next(failure);
    const marked = { reason: failure.reason, again };
    const since = await data(actorId, peerId).markStale(
      await this.#target(),
      place,
      { stateVersion, sequence: 0 },
      marked,
    );
    if (since !== undefined) await stale.note(this.leased, place, { ...marked, status, since });
  }

  async #note(): Promise<boolean> {
    const head = this.#marked();
    const noted = await this.#deps.streams.amend(head.key, noteProgress(head, this.progress));
    this.#noted = 0;
    this.#lost = noted === undefined;
    this.head = noted;
    return noted !== undefined;
  }

  /** Higher than every state version this peer's streams have written under. 1 query. */
  async #nextStateVersion(): Promise<number> {
    const { table, clock } = this.#deps;
    const { leased } = this;
    const page = await table.query({
      pk: leased.key.pk,
      prefix: outboundPrefix(leased.peerId),
      only: ["stateVersion"],
    });
    const stateVersions = page.items.map((item) => (item["stateVersion"] as number | undefined) ?? 0);
    return Math.max(clock.now(), leased.stateVersion + 1, ...stateVersions.map((stateVersion) => stateVersion + 1));
  }
}

const placeOfAnswer = (answer: PartAnswer): Place => (answer.is === "part" ? answer.part.place : answer.place);
