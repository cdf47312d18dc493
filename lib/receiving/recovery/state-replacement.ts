/**
 * Replacing what a subscription owns by the publisher's state, in as many runs as it takes.
 *
 *   read     the state is listed; nothing is written before the first places of it are read
 *   write    the head says `replacing`, with a new state version, and `recovery` how far it has come: places are read and written
 *            one piece after another in the order of their names
 *   clear    what the scope holds under a lower state version was not in the state: it goes, but for what is stale or closed to us
 *   commit   hooks run once, the head moves to the lowest position of all that was read, callbacks drain
 *
 * A run that ends early leaves `recovery` on the head, written then and every thousand places: the next run lists the state
 * again and goes on after the last name. What is written keeps the state version, so that a run that was cut off, and wakes up
 * later, writes what loses against whatever is newer. What the publisher changes behind the last name has a number above
 * the lowest position, and comes as a diff after the commit. A state of one piece costs no write for `recovery`.
 *
 * Invariants: `recovery` is there only while `replacing` is; `replacing` goes with the commit, or a new life of the
 * stream, alone; only a run that holds the lease changes either; no diff is applied while `replacing`.
 */
import { compact } from "../../system/compact.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import type { Place } from "../../domain/terms/scope.ts";
import type { Reads } from "../../domain/policy/visibility.ts";
import { outboundPrefix } from "../../dynamodb/keys/streams.ts";
import type { StatePart } from "../../peers/publisher.ts";
import type { Deadline } from "../../system/ports.ts";
import { knowsOtherwise } from "../stream/digests.ts";
import type { Head } from "../stream/head.ts";
import { logLeftOut } from "./left-out.ts";
import { targetOf } from "./place-reads.ts";
import type { PartAnswer, Publisher, ReadFailure, StateListing } from "../../peers/publisher.ts";
import type { RecoveryProgress } from "../stream/recovery-progress.ts";
import { markReplacing, noteProgress } from "../stream/stream-changes.ts";
import type { RecoveryDeps } from "./recovery-settings.ts";
import { pauseAfterStop, ReplacementCommit } from "./replacement-commit.ts";
import type { ReplacementResult, ResyncCallback } from "./replacement-commit.ts";
import { idsOf } from "../stream/event-applier.ts";
import { readChunk, readWhole } from "./state-chunk.ts";
import type { Before, Chunk } from "./state-chunk.ts";

type Listing = Extract<StateListing, { is: "listing" }>;
type Failed = Extract<PartAnswer, { is: "failed" }>;

/** What is known when a replacement begins, or goes on. */
export interface Beginning {
  readonly before: Before;
  /** The publisher says how far it is, somewhere. */
  readonly numbered: boolean;
  /** It counts again. */
  readonly reset: boolean;
  readonly callback?: ResyncCallback;
}

export type Replaced =
  | { readonly is: "resynced"; readonly head: Head; readonly applied: number }
  | { readonly is: "busy"; readonly head: Head }
  /** The target has no readable state: nothing was done, the lease is still held. */
  | { readonly is: "absent" }
  /** Time ran out, or the publisher asked for rest: it goes on when the head is due. The lease is given back. */
  | { readonly is: "underway"; readonly head: Head }
  /** Nothing could be read; the lease is still held. */
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** How large the pieces are in which a state is read. */
export interface StatePieces {
  /** Places read and written at a time, and about how many bytes of them. */
  readonly places: number;
  readonly bytes: number;
  /** Places written between two notes of the progress. */
  readonly noteEvery: number;
  /** With less time left, ms, no further piece is begun. */
  readonly leastMs: number;
}

/** What fits a function's memory, and its time. */
export const STATE_PIECES: StatePieces = { places: 200, bytes: 8 * 1024 * 1024, noteEvery: 1_000, leastMs: 8_000 };

/** Reads a publisher's state and puts it in the place of what a subscription owns. */
export class StateReplacement {
  readonly #deps: RecoveryDeps;
  readonly #commit: ReplacementCommit;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
    this.#commit = new ReplacementCommit(deps);
  }

  /** Begins a replacement under the lease, or goes on with the one that the head tells of. */
  async run(head: Head, publisher: Publisher, begin: Beginning, deadline: Deadline): Promise<Replaced> {
    const { log } = this.#deps;
    const what = compact({
      scope: head.scope,
      place: placeOf(head.scope),
      subscriptionId: head.subscriptionId,
      excludedScopes: head.excludedScopes,
      url: begin.callback?.url,
      names: await this.#storedNames(head),
    });
    const listing = await publisher.listState(what);
    if (listing.is === "failed" && this.#isUnreadable(head, listing.failure)) {
      log.error("the state of a target cannot be read", { ...idsOf(head), reason: listing.failure.reason });
      return { is: "absent" };
    }
    if (listing.is !== "listing") return listing;
    if (listing.leftOut.length > 0) logLeftOut(log, idsOf(head), listing.leftOut);
    const begun = resumable(head, begin);
    const run = new Run(this.#deps, head, publisher, { begin, begun, patient: this.#isPatient(head) });
    if (listing.byName === true) {
      // There may be more: the state is read again as long as it is so.
      run.progress = { ...run.progress, differs: true };
      log.warn("the list of a peer's properties cannot be read; what is held is read by name", idsOf(head));
    }
    const isOnePiece = begun === undefined && run.piece(listing, listing.places).length === listing.places.length;
    const ended = isOnePiece ? await run.whole(what, listing) : await run.pieces(what, listing, deadline);
    switch (ended.is) {
      case "read":
        break;
      case "stopped":
        return await this.#leave(run, ended.failure);
      default:
        return ended;
    }
    if (!(await run.clear(deadline))) return run.head === undefined ? { is: "busy", head } : await this.#leave(run);
    if (!isOnePiece && run.hasWritten && deadline.remaining() <= this.#deps.reserveMs) return await this.#leave(run);
    return await this.#commit.commit(run.head ?? head, publisher, run.result());
  }

  /** What is held and may be asked for by name, once earlier tries came no further. */
  async #storedNames(head: Head): Promise<readonly Place[] | undefined> {
    const { autoStorage } = this.#deps.settings;
    if (!autoStorage || head.scope.target !== "properties" || !this.#isPatient(head)) return undefined;
    const target = { scope: placeOf(head.scope), excludedScopes: head.excludedScopes };
    return await this.#deps.data(head.actorId, head.peerId).storedNames(target);
  }

  /** Nothing is stored of an app's own target: a state that stays unreadable holds up no number. */
  #isUnreadable(head: Head, failure: ReadFailure): boolean {
    const isOther = failure.unwell === true || failure.outOfTime === true || failure.retryAfter !== undefined;
    return head.scope.target !== "properties" && !isOther && this.#isPatient(head);
  }

  /** Earlier tries came no further: a failure then counts as the answer for its place. */
  #isPatient(head: Head): boolean {
    return head.attempts >= this.#deps.settings.hookMaxAttempts;
  }

  /** The state that a resync callback brought along takes the place of what is held. Nothing is read. */
  async write(
    head: Head,
    publisher: Publisher,
    callback: ResyncCallback,
    parts: readonly StatePart[],
  ): Promise<Replaced> {
    const before = { newest: undefined, least: callback.sequence, known: "" };
    const begin = { before, numbered: true, reset: false, callback };
    const run = new Run(this.#deps, head, publisher, { begin, begun: undefined, patient: true });
    const answers = parts.map((part) => ({ is: "part" as const, part }));
    const chunk = { answers, position: callback.sequence, positioned: true, after: before };
    if (!(await run.writeChunk(chunk, parts.length)) || !(await run.clear())) return { is: "busy", head };
    return await this.#commit.commit(run.head ?? head, publisher, { ...run.result(), stateRead: false });
  }

  /** The target has no readable state: the head moves, the store stays as it is. */
  async without(head: Head, publisher: Publisher, begin: Beginning): Promise<Replaced> {
    const run = new Run(this.#deps, head, publisher, { begin, begun: undefined, patient: true });
    if (!(await run.markReplacing())) return { is: "busy", head };
    const result = { ...run.result(), readable: false };
    return await this.#commit.commit(run.head ?? head, publisher, result);
  }

  /** Gives the lease back with what was written noted, or fails when nothing was. */
  async #leave(run: Run, failure?: ReadFailure): Promise<Replaced> {
    if (!run.hasWritten && failure !== undefined) return { is: "failed", failure };
    const { streams, wakeUps, log, clock } = this.#deps;
    const head = run.head;
    if (head === undefined) return { is: "busy", head: run.leased };
    const now = clock.now();
    const pause = pauseAfterStop(failure, now, this.#deps.random());
    const dueAt = now + pause.ms;
    const pausedUntil = pause.asked ? dueAt : undefined;
    await streams.release(head, { fields: compact({ recovery: run.progress, attempts: 0, pausedUntil, dueAt }) });
    await wakeUps.schedule({ key: head.key, dueAt });
    const { read, of } = run.progress;
    log.info("recovery goes on later", compact({ ...idsOf(head), read, of, reason: failure?.reason }));
    return { is: "underway", head: { ...head, recovery: run.progress, dueAt } };
  }
}

/** The progress that a run may go on with. */
function resumable(head: Head, { reset, callback, before }: Beginning): RecoveryProgress | undefined {
  const { recovery } = head;
  if (!head.replacing || recovery?.after === undefined || callback?.url !== undefined) return undefined;
  if (recovery.ownershipRevision !== head.ownershipRevision || (reset && !recovery.reset)) return undefined;
  // The publisher has begun to count again since then.
  if (before.newest !== undefined && before.newest < recovery.lowest) return undefined;
  return recovery;
}

/** What became of reading: all of it is written; it stopped; or what a caller is answered. */
type Ended =
  | { readonly is: "read" }
  | { readonly is: "stopped"; readonly failure?: ReadFailure }
  | { readonly is: "busy"; readonly head: Head }
  | { readonly is: "failed"; readonly failure: ReadFailure };

/** One run: what it has read and written so far. */
class Run {
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
  /** What was read, where hooks can be told of it from here: in one run, with nothing left as it was. */
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
      ...{
        startedAt: deps.clock.now(),
        read: 0,
        of: 0,
        rev: head.recoveryRevision,
        ownershipRevision: head.ownershipRevision,
      },
      ...{ lowest: Number.MAX_SAFE_INTEGER, positioned: true, reset: begin.reset, numbered: begin.numbered },
      ...{ floor: begin.callback?.sequence ?? 0, known },
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

  /** Reads a state of one piece, again while the publisher moves on, then writes it. */
  async whole(what: Parameters<Publisher["listState"]>[0], listed: Listing): Promise<Ended> {
    const of = { what, listing: listed };
    const chunk = await readWhole(this.#publisher, of, this.#begin.before, { patient: this.#patient });
    if ("failure" in chunk) return { is: "failed", failure: chunk.failure };
    this.progress = { ...this.progress, known: chunk.before.known };
    return await this.#next(chunk, chunk.listing.places.length);
  }

  /** Reads and writes one piece after another, from the last name on that is written. */
  async pieces(what: Parameters<Publisher["listState"]>[0], listing: Listing, deadline: Deadline): Promise<Ended> {
    const { after } = this.progress;
    // More than is to be kept in memory: hooks are told of it from the store.
    this.#parts = undefined;
    let left = listing.places.filter(([name = ""]) => after === undefined || name > after);
    // Values may have come with the listing already, so nothing of this run is newer than what was known before it.
    const { before } = this.#begin;
    do {
      const places = this.piece(listing, left);
      const chunk = await readChunk(this.#publisher, { what, listing, places }, before, { patient: this.#patient });
      if ("failure" in chunk)
        return this.hasWritten ? { is: "stopped", failure: chunk.failure } : { is: "failed", ...chunk };
      const ended = await this.#next(chunk, listing.places.length);
      if (ended.is !== "read") return ended;
      left = left.slice(chunk.answers.length);
      if (left.length > 0 && deadline.remaining() <= this.#deps.settings.pieces.leastMs) return { is: "stopped" };
    } while (left.length > 0);
    return { is: "read" };
  }

  async #next(chunk: Chunk, of: number): Promise<Ended> {
    const { answers, stopped } = chunk;
    const failed = answers.find((answer) => answer.is === "failed");
    // Without a store nothing stands in for what could not be read: the hooks would take it for gone.
    if (!this.stores && failed !== undefined && !this.#patient) return { is: "failed", failure: failed.failure };
    const isAll = stopped === undefined;
    if (answers.length > 0 || isAll) {
      if (!(await this.writeChunk(chunk, of))) return { is: "busy", head: this.leased };
    }
    return isAll ? { is: "read" } : { is: "stopped", failure: stopped };
  }

  /** Writes what was read, and notes how far it is. False when the lease was lost. */
  async writeChunk(chunk: Chunk, of: number): Promise<boolean> {
    const { answers, position, positioned, dirtyListsUntil } = chunk;
    const { progress } = this;
    // What the head tells of is written: a piece counts once all of it is.
    this.progress = { ...progress, of };
    if (!(await this.markReplacing())) return false;
    const parts = answers.flatMap((answer) => (answer.is === "part" ? [answer.part] : []));
    const failed = answers.filter((answer) => answer.is === "failed");
    if (failed.length > 0 && this.stores) this.#parts = undefined;
    this.#parts?.push(...parts);
    if (this.stores) {
      const { actorId, peerId, stateVersion } = this.#marked();
      const at = compact({ stateVersion, sequence: position, dirtyListsUntil });
      // As of after this piece was read: what the publisher has closed to us by then may be missing from it.
      this.#reads = undefined;
      await this.#deps.data(actorId, peerId).putParts(await this.#target(), parts, at);
      for (const answer of failed) await this.#markStale(answer);
    }
    const last = answers.at(-1);
    const read = progress.read + answers.length;
    this.progress = {
      ...progress,
      ...{ read, of: Math.max(of, read), positioned: progress.positioned && positioned },
      lowest: Math.min(progress.lowest, position),
      ...compact({ after: last === undefined ? undefined : placeOfAnswer(last)[0] }),
    };
    this.#compare(chunk.after.known);
    this.hasWritten ||= answers.length > 0;
    this.#noted += answers.length;
    return this.#noted < this.#deps.settings.pieces.noteEvery || (await this.#note());
  }

  /** Notes when a backlog tells of a content that the state may lack, under a number that it is to contain. */
  #compare(later: string): void {
    const { known, lowest: newest, positioned } = this.progress;
    if (!positioned && knowsOtherwise({ known, newest }, later)) this.progress = { ...this.progress, differs: true };
  }

  /** Away with what the state lacks. False when time ran out, or the lease was lost. */
  async clear(deadline?: Deadline): Promise<boolean> {
    if (!(await this.markReplacing())) return false;
    if (!this.stores) return true;
    const { actorId, peerId, stateVersion } = this.#marked();
    const at = { stateVersion, sequence: this.at };
    const { leastMs } = this.#deps.settings.pieces;
    const goesOn = (): boolean => deadline === undefined || deadline.remaining() > leastMs;
    return await this.#deps.data(actorId, peerId).removeRest(await this.#target(), at, goesOn);
  }

  /** From here on only recoveries go on with the stream. False when the lease was lost. */
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

  /** Neither what the state was read without, nor what is not owned any more. */
  async #target(): Promise<ReturnType<typeof targetOf>> {
    const { actorId, peerId } = this.leased;
    this.#reads ??= this.#deps.openTo(actorId, peerId);
    const reads = await this.#reads;
    // What stays as it was is not among what was read.
    if (reads !== undefined) this.#parts = undefined;
    return targetOf(
      { scope: this.leased.scope, excludedScopes: [...this.leased.excludedScopes, ...this.#marked().excludedScopes] },
      reads,
    );
  }

  /** What is held of the place stays, under this state version: it was in the state. */
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
