/** Counts wrong guesses at passphrases, for all instances together. */
import { createHash } from "node:crypto";
import { compact } from "../system/compact.ts";
import { actorKey, guessKey } from "../dynamodb/keys/actors.ts";
import { refusedReasons, updateIf } from "../dynamodb/outcomes.ts";
import {
  TransactionRefused,
  all,
  always,
  any,
  below,
  equals,
  itemExists,
  missing,
  type Change,
  type Condition,
  type Item,
  type Table,
} from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock } from "../system/ports.ts";
import { readActor, type ActorRecord } from "./actor-record.ts";

const WINDOW_MS = 60_000;
/** Wrong guesses in a window, from one address and from all. */
const MOST_OF_A_SOURCE = 10;
const MOST = 100;
/** For this long (ms) after a window with a wrong guess, windows follow one another; a later guess begins a new one. */
const WARY_MS = 10 * 60_000;
/** Items of windows expire after this many seconds; their keys say which window counts. */
const KEPT_SECONDS = 3_600;

/** One counted guess. */
interface Guess {
  readonly actor: ActorRecord;
  readonly source: string;
  /** When its window began, ms since 1970. */
  readonly window: number;
}

/**
 * Limits wrong guesses per actor, by windows of one minute. The first guess begins a window and notes its start in the
 * actor's record, which every request reads anyway. From there on windows follow one another until 10 min after the last wrong
 * guess. So an instance knows without a request of its own which window counts.
 */
export class PassphraseGuesses {
  readonly #table: Table;
  readonly #clock: Clock;

  constructor(deps: { readonly table: Table; readonly clock: Clock }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
  }

  /**
   * Counts a guess as a wrong one, until `uncount` takes it back. One request; one more when another guess has just begun the
   * window.
   * @throws ServiceError auth.limited when there were too many in this minute; such a guess is not counted
   */
  async count(actor: ActorRecord, source: string): Promise<Guess> {
    const window = this.#window(actor);
    if (window !== undefined) return await this.#add({ actor, source, window });
    const now = this.#clock.now();
    const seen = actor.guessedAt === undefined ? missing("guessedAt") : equals("guessedAt", actor.guessedAt);
    const key = actorKey(actor.id);
    const reasons = await refusedReasons(this.#table, [
      { update: key, change: { set: { guessedAt: now } }, condition: all(itemExists, missing("deleting"), seen) },
      // The window is this guess's own, or was begun by another in the same millisecond.
      { update: guessKey(actor.id, now), change: counting(source, now, 1), condition: always },
    ]);
    if (reasons === undefined) return { actor: { ...actor, guessedAt: now }, source, window: now };
    const [found] = reasons;
    if (found?.code !== "condition") throw new TransactionRefused(reasons);
    return await this.#addToOthers(found.item, { actor, source, window: now });
  }

  /** Takes a guess back that was right. A failure of the table leaves it counted. */
  async uncount({ actor, source, window }: Guess): Promise<void> {
    const change = counting(source, window, -1);
    await this.#table.update(guessKey(actor.id, window), change, itemExists).catch(() => undefined);
  }

  /**
   * Notes a wrong guess, which extends the time in which windows follow one another. One request for the first wrong guess of a
   * later window, else none.
   */
  async wasWrong({ actor, window }: Guess): Promise<void> {
    if (actor.guessedAt === undefined || window <= actor.guessedAt) return;
    // Otherwise another guess has noted it, or the actor is gone.
    const seen = all(equals("guessedAt", actor.guessedAt), missing("deleting"));
    await updateIf(this.#table, actorKey(actor.id), { set: { guessedAt: window } }, seen);
  }

  async #addToOthers(item: Item | undefined, guess: Guess): Promise<Guess> {
    const actor = item === undefined ? undefined : readActor(item);
    const window = actor === undefined ? undefined : this.#window(actor);
    // The actor is gone.
    if (actor === undefined || window === undefined) return guess;
    return await this.#add({ ...guess, actor, window });
  }

  async #add(guess: Guess): Promise<Guess> {
    const { actor, source, window } = guess;
    const room = all(under("count", MOST), under(fromOf(source), MOST_OF_A_SOURCE));
    const change = counting(source, window, 1);
    if ((await updateIf(this.#table, guessKey(actor.id, window), change, room)).written) return guess;
    const seconds = Math.max(1, Math.ceil((window + WINDOW_MS - this.#clock.now()) / 1_000));
    throw new ServiceError("auth.limited", "There were too many wrong passphrases; try again in a minute.", {
      headers: { "Retry-After": String(seconds) },
    });
  }

  /** When the present window began; undefined without a wrong guess in the last 10 min. Clocks may differ a little. */
  #window({ guessedAt }: ActorRecord): number | undefined {
    const now = this.#clock.now();
    if (guessedAt === undefined || Math.abs(now - guessedAt) >= WARY_MS) return undefined;
    return guessedAt + Math.max(0, Math.floor((now - guessedAt) / WINDOW_MS)) * WINDOW_MS;
  }
}

/** The attribute that counts the guesses from one address, which is kept as a digest only. */
const fromOf = (source: string): string => `from_${createHash("sha256").update(source).digest("hex").slice(0, 16)}`;

const under = (name: string, most: number): Condition => any(missing(name), below(name, most));

const counting = (source: string, window: number, by: number): Change =>
  compact({
    add: { count: by, [fromOf(source)]: by },
    set: by > 0 ? { ttl: Math.ceil(window / 1_000) + KEPT_SECONDS } : undefined,
  });
