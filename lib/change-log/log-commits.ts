/** The one way into an actor's change log: read, plan, and commit all in one transaction; again when another writer was first. */
import { pauseAfter } from "../domain/policy/backoff.ts";
import type { LogRecord, NewRecord } from "../domain/diff/change-record.ts";
import { COMMIT_MS } from "../domain/events/feed-time.ts";
import { actorKey } from "../dynamodb/keys/actors.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { refusedReasons } from "../dynamodb/outcomes.ts";
import {
  TransactionRefused,
  all,
  itemExists,
  itemIn,
  missing,
  type Change,
  type Condition,
  type Item,
  type Key,
  type Table,
  type Write,
} from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import type { Platform } from "../system/ports.ts";
import { currentCause, currentDeadline, within } from "../system/request-context.ts";
import { CommitLine } from "./commit-line.ts";
import { appendWrites } from "./append-writes.ts";
import { readLogHead, type ChangeLog, type LogHead, type NumberedRecord } from "./change-log.ts";
import { recordTime } from "./record-time.ts";

/** Pauses after a lost race, ms. Ten writers that race all the time get through well before the last. */
const PAUSE = { base: 10, most: 250 };
/** From this many losses on a writer pauses less than newcomers do, so that none loses for ever. */
const OFTEN = 8;
const SHORT_PAUSE = { base: 5, most: 25 };
/** Give up a commit after this long, ms, so that the request can still answer. */
const MOST_MS = 5_000;
/** The time that the last attempt needs, ms, unless an earlier one took longer. */
const LAST_ATTEMPT_MS = 1_000;
const MOST_ATTEMPTS = 400;
/** What a request keeps of its time for its answer, ms, when the delivery of its change takes the rest. */
const ANSWER_MS = 2_000;
/** A release leaves the rules that another release recorded alone for this long, ms. */
const RULES_FOR_MS = 5 * 60_000;

/** The input of a plan. */
export interface LogRead {
  readonly head: LogHead;
  /** The time of this commit's records, later than that of any record before, whichever clock made it. */
  readonly at: string;
  /** The item of a key that was asked for; undefined when there is none. */
  readonly item: (key: Key) => Item | undefined;
}

/** What one commit writes: with the log's head, the parts of its records and the actor's check at most 100 writes. */
export interface LogPlan {
  /** Empty only for a change of the head alone. */
  readonly records: readonly NewRecord[];
  /** Conditional on what was read; a failed condition makes the plan run again. */
  readonly writes: readonly Write[];
  /** What else changes on the log's head. */
  readonly head?: Change;
  /** What else must hold of the log's head; the plan runs again when it does not. */
  readonly when?: Condition;
  /** The error to stop with when the write of that index was refused; undefined: try again. */
  readonly refused?: (index: number, item: Item | undefined) => Error | undefined;
}

/** Plans a change on what was read. */
type MakePlan = (read: LogRead) => Planned | Promise<Planned>;
/** Undefined: nothing is to be written. `lost`: something that the plan read itself has changed, so it is made again. */
type Planned = LogPlan | undefined | "lost";

/** What was committed. */
export interface Commit {
  readonly actorId: string;
  /** The head before the commit. */
  readonly head: LogHead;
  /** The number of the last record. */
  readonly newest: number;
  readonly records: readonly NumberedRecord[];
}

/** Changes of all actors' logs. */
export interface Commits {
  /**
   * Reads the log's head and `keys` in one request, asks `plan` what to do, and commits it in a second one; two more for
   * each time another writer came first, for which `plan` is asked again. A plan that is undefined writes nothing.
   * `quiet`: nothing is delivered to subscribers yet.
   *
   * @throws whatever `plan` throws; ServiceError request.too_large, resource.not_found when the actor is gone or being
   *   deleted, service.unavailable when waiting for others of this process, and losing to those of others, takes 5 s;
   *   TableBusy when the table throttles it for as long
   */
  commit(
    actorId: string,
    keys: readonly Key[],
    plan: MakePlan,
    options?: { readonly quiet?: boolean },
  ): Promise<Commit | undefined>;
}

/** Delivers commits to subscribers. */
export interface Publisher {
  /** Must not reject, because the change stands. The commit resolves when this does; no other commit waits for it. */
  publish(commit: Commit): Promise<unknown>;
}

export interface LogCommitsDeps extends Omit<Platform, "ids"> {
  readonly table: Table;
  readonly changeLog: ChangeLog;
  /** Called with every commit before it is returned. */
  readonly invalidateCaches?: (commit: Commit) => void;
  /** Called when a commit ended so long (ms) after the time of its records that readers of all actors may have missed it. */
  readonly onLate?: (commit: Commit, ms: number) => void;
  /** What relationships allow in this release; absent: it does not concern the logs. */
  readonly rules?: {
    readonly digest: string;
    /** Records by `commits` what subscribers may do, unless that is recorded (see `confirmedTo`). */
    readonly confirm: (actorId: string, commits: Commits) => Promise<void>;
  };
  /** The hooks of this release on actors' own events; absent: there are none. */
  readonly eventHooks?: {
    readonly hasBegun: (head: LogHead) => boolean;
    /** Lets those that have not begun in a log begin at its end, by `commits`. */
    readonly begin: (actorId: string, commits: Commits) => Promise<void>;
  };
}

/** Commits to the logs of all actors, each delivered by the publisher, if there is one. */
export class LogCommits implements Commits {
  readonly #deps: LogCommitsDeps;
  readonly #line: CommitLine;
  readonly #publisher: Publisher | undefined;

  constructor(deps: LogCommitsDeps, publisher?: Publisher, line = new CommitLine(deps.after)) {
    this.#deps = deps;
    this.#line = line;
    this.#publisher = publisher;
  }

  /** Commits in the same order, each delivered by this publisher. */
  publishedBy(publisher: Publisher): LogCommits {
    return new LogCommits(this.#deps, publisher, this.#line);
  }

  /** @param options.confirmed without recording first what subscribers may do by this release's rules, and its event hooks */
  async commit(
    actorId: string,
    keys: readonly Key[],
    plan: MakePlan,
    options: { readonly quiet?: boolean; readonly confirmed?: boolean } = {},
  ): Promise<Commit | undefined> {
    const { clock, sleep, random } = this.#deps;
    const until = clock.now() + MOST_MS;
    const entered = await this.#line.oneByOne(actorId, MOST_MS - LAST_ATTEMPT_MS, async () => {
      let longest = LAST_ATTEMPT_MS;
      for (let losses = 1; losses <= MOST_ATTEMPTS; losses += 1) {
        const begun = clock.now();
        const attempt = async () => await this.#attempt(actorId, keys, plan, options.confirmed === true);
        const made = await within({ remaining: () => Math.max(0, until - clock.now()) }, attempt);
        if (made !== "lost") return made;
        longest = Math.max(longest, clock.now() - begun);
        const ms = pauseAfter(losses, losses < OFTEN ? PAUSE : SHORT_PAUSE, random());
        if (clock.now() + ms + longest > until) break;
        await sleep(ms);
      }
      throw keepChanging();
    });
    if (entered === undefined) throw keepChanging();
    const made = entered.result;
    if (made !== undefined) this.#deps.invalidateCaches?.(made);
    if (made !== undefined && options.quiet !== true) await this.#publish(made);
    return made;
  }

  /** Delivers a commit; a throttled table does not keep the request from answering that the change stands. */
  async #publish(made: Commit): Promise<void> {
    const left = currentDeadline();
    const publish = async (): Promise<unknown> => await this.#publisher?.publish(made);
    if (left === undefined) await publish();
    else await within({ remaining: () => Math.max(0, left.remaining() - ANSWER_MS) }, publish);
  }

  /** One read, one plan, one transaction. @returns `lost` when another writer came first */
  async #attempt(
    actorId: string,
    keys: readonly Key[],
    plan: MakePlan,
    confirmed: boolean,
  ): Promise<Commit | undefined | "lost"> {
    const { table, changeLog, clock, eventHooks, rules } = this.#deps;
    const logKey = logHeadKey(actorId);
    const found = await table.getMany([logKey, ...keys]);
    const item = itemIn(found);
    const head = readLogHead(item(logKey));
    const now = clock.now();
    if (!confirmed) {
      const before: Commits = {
        commit: async (of, read, makePlan) => await this.commit(of, read, makePlan, { confirmed: true, quiet: true }),
      };
      const mustConfirm = rules !== undefined && confirmedTo(head, rules.digest, now) !== undefined;
      const mustBegin = eventHooks?.hasBegun(head) === false;
      // First, so that this change makes numbers for exactly the peers that may see it.
      if (mustConfirm) await rules.confirm(actorId, before);
      if (mustBegin) await eventHooks.begin(actorId, before);
      if (mustConfirm || mustBegin) return await this.#attempt(actorId, keys, plan, true);
    }
    const micros = Math.max(Math.floor(now) * 1_000, head.at + 1);
    const at = recordTime(Math.floor(micros / 1_000), micros % 1_000);
    const planned = await plan({ head, at, item });
    if (planned === undefined || planned === "lost") return planned;
    // Those who read by time count on it that a commit follows soon on the time of its records.
    if (clock.now() - now > MOST_MS) return "lost";
    const cause = currentCause();
    const records = planned.records.map((record): LogRecord =>
      record.kind === "change" ? { ...record, ...cause, at } : { ...record, at },
    );
    const appended = appendWrites(changeLog.settings, actorId, head, {
      records,
      at: micros,
      change: planned.head,
      when: planned.when,
      rules: rules?.digest,
    });
    const refused = await refusedReasons(table, [...appended, ...planned.writes, actorStands(actorId)]);
    if (refused !== undefined) {
      const stop = stopOf(refused, planned, appended.length);
      if (stop !== undefined) throw stop;
      return "lost";
    }
    const numbered = records.map((record, index) => ({ number: head.newest + 1 + index, record }));
    const commit = { actorId, head, newest: head.newest + records.length, records: numbered };
    const ms = clock.now() - now;
    if (ms > COMMIT_MS) this.#deps.onLate?.(commit, ms);
    return commit;
  }
}

const keepChanging = (): ServiceError =>
  new ServiceError("service.unavailable", "Others keep changing this actor; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });

/** Why a refused transaction is not worth another attempt; undefined when it is. */
function stopOf(refused: TransactionRefused["reasons"], plan: LogPlan, before: number): Error | undefined {
  if (refused.at(-1)?.code === "condition") {
    const cause = new TransactionRefused(refused);
    return new ServiceError("resource.not_found", "There is no such actor.", { cause });
  }
  for (const [index, { code, item }] of refused.slice(before, -1).entries()) {
    const stop = code === "condition" ? plan.refused?.(index, item) : undefined;
    if (stop !== undefined) return stop;
  }
  return undefined;
}

/**
 * How far the log records what subscribers may do by a release's rules: the last peer, in the order of their ids. Undefined
 * when all are recorded, or when another release has just recorded its own: while both run, each stands for a while.
 */
export function confirmedTo(head: LogHead, digest: string, now: number): string | undefined {
  if (head.subscribers === 0) return undefined;
  if (head.rules === digest) return head.rulesTo;
  return now < head.rulesAt + RULES_FOR_MS ? undefined : "";
}

/** A change committed after the start of the actor's deletion would leave items behind. */
const actorStands = (actorId: string): Write => ({
  check: actorKey(actorId),
  condition: all(itemExists, missing("deleting")),
});
