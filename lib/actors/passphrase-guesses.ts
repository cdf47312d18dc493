/** Counts wrong guesses at passphrases, for all instances together. */
import { createHash } from "node:crypto";
import { compact } from "../system/compact.ts";
import { actorKey, guessKey } from "../dynamodb/keys/actors.ts";
import {
  ConditionFailed,
  TransactionRefused,
  all,
  always,
  any,
  below,
  equals,
  itemExists,
  missing,
} from "../dynamodb/table.ts";
import type { Change, Condition, Item, Table } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock } from "../system/ports.ts";
import { readActor } from "./actor-record.ts";
import type { ActorRecord } from "./actor-record.ts";

const WINDOW_MS = 60_000;
/** Wrong guesses in a window, from one address and from all. */
const MOST_OF_A_SOURCE = 10;
const MOST = 100;
/** Windows follow one another for so long after one with a guess, ms; a later guess begins a new one. */
const WARY_MS = 10 * 60_000;
/** Windows are kept so long, s; which one counts is said by their keys. */
const KEPT_SECONDS = 3_600;

/** One counted guess. */
export interface Guess {
  readonly actor: ActorRecord;
  readonly source: string;
  /** When its window began, ms since 1970. */
  readonly window: number;
}

/**
 * The first guess at an actor's passphrase begins a window, and notes its start in the actor's record, which every request
 * reads anyway; from there on windows follow one another for 10 min after the last wrong guess. So an instance knows without
 * a request of its own which window counts.
 */
export class PassphraseGuesses {
  readonly #table: Table;
  readonly #clock: Clock;

  constructor(deps: { readonly table: Table; readonly clock: Clock }) {
    this.#table = deps.table;
    this.#clock = deps.clock;
  }

  /**
   * Counts a guess, for a while at least. One request; one more when it begins a window that another has just begun.
   * @throws ServiceError auth.limited when there were too many in this minute: it is not counted then
   */
  async count(actor: ActorRecord, source: string): Promise<Guess> {
    const window = this.#window(actor);
    if (window !== undefined) return await this.#add({ actor, source, window });
    const now = this.#clock.now();
    const seen = actor.guessedAt === undefined ? missing("guessedAt") : equals("guessedAt", actor.guessedAt);
    const key = actorKey(actor.id);
    try {
      await this.#table.transact([
        { update: key, change: { set: { guessedAt: now } }, condition: all(itemExists, missing("deleting"), seen) },
        // The window is this one's own, or begun by another in the same millisecond.
        { update: guessKey(actor.id, now), change: counting(source, now, 1), condition: always },
      ]);
      return { actor: { ...actor, guessedAt: now }, source, window: now };
    } catch (error) {
      const found = error instanceof TransactionRefused ? error.reasons[0] : undefined;
      if (found?.code !== "condition") throw error;
      return await this.#addToOthers(found.item, { actor, source, window: now });
    }
  }

  /** It was no wrong guess. Failing leaves it counted. */
  async uncount({ actor, source, window }: Guess): Promise<void> {
    const change = counting(source, window, -1);
    await this.#table.update(guessKey(actor.id, window), change, itemExists).catch(() => undefined);
  }

  /** It was a wrong one: those after it are looked at with care. One request for the first of a later window, else none. */
  async wasWrong({ actor, window }: Guess): Promise<void> {
    if (actor.guessedAt === undefined || window <= actor.guessedAt) return;
    try {
      const seen = all(equals("guessedAt", actor.guessedAt), missing("deleting"));
      await this.#table.update(actorKey(actor.id), { set: { guessedAt: window } }, seen);
    } catch (error) {
      // Another has said so, or the actor is gone.
      if (!(error instanceof ConditionFailed)) throw error;
    }
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
    try {
      await this.#table.update(guessKey(actor.id, window), counting(source, window, 1), room);
      return guess;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      const seconds = Math.max(1, Math.ceil((window + WINDOW_MS - this.#clock.now()) / 1_000));
      throw new ServiceError("auth.limited", "There were too many wrong passphrases; try again in a minute.", {
        headers: { "Retry-After": String(seconds) },
        cause: error,
      });
    }
  }

  /** When the window of now began; undefined without a wrong guess in the last 10 min. Clocks may differ a little. */
  #window({ guessedAt }: ActorRecord): number | undefined {
    const now = this.#clock.now();
    if (guessedAt === undefined || Math.abs(now - guessedAt) >= WARY_MS) return undefined;
    return guessedAt + Math.max(0, Math.floor((now - guessedAt) / WINDOW_MS)) * WINDOW_MS;
  }
}

/** An address is kept as a digest only. */
const fromOf = (source: string): string => `from_${createHash("sha256").update(source).digest("hex").slice(0, 16)}`;

const under = (name: string, most: number): Condition => any(missing(name), below(name, most));

const counting = (source: string, window: number, by: number): Change => ({
  add: { count: by, [fromOf(source)]: by },
  ...compact({ set: by > 0 ? { ttl: Math.ceil(window / 1_000) + KEPT_SECONDS } : undefined }),
});
