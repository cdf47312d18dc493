/** The one way into an actor's change log: read, plan, commit all in one transaction, and try again when others came first. */
import { pauseAfter } from "../domain/policy/backoff.ts";
import type { LogRecord, NewRecord } from "../domain/diff/change-record.ts";
import { actorKey } from "../dynamodb/keys/actors.ts";
import { logHeadKey } from "../dynamodb/keys/publishing.ts";
import { dueShardOf } from "../dynamodb/keys/due.ts";
import { TransactionRefused, all, itemExists, missing } from "../dynamodb/table.ts";
import type { Change, Item, Key, Table, Write } from "../dynamodb/table.ts";
import { ServiceError } from "../system/errors.ts";
import type { Clock, Log } from "../system/ports.ts";
import { CommitLine } from "./commit-line.ts";
import type { After } from "./commit-line.ts";
import { readLogHead } from "./change-log.ts";
import type { ChangeLog, LogHead, NumberedRecord } from "./change-log.ts";
import { recordTime } from "./record-time.ts";

/** Pauses of writers that meet, ms. Ten writers that meet all the time get through well before the last. */
const MEETING = { base: 10, most: 250 };
/** Who has lost so often comes back sooner than newcomers do, so that nobody loses for ever. */
const OFTEN = 8;
const PRESSING = { base: 5, most: 25 };
/** A commit is made, or given up, within so long, ms. */
const MOST_MS = 5_000;
/** So much of that is left for the last try, ms, or as much as the longest one has taken. */
const LAST_TRY_MS = 1_000;
const MOST_ATTEMPTS = 400;
/** So long after a change of an actor with subscribers the sweep sees to its callbacks, whatever became of the writer. */
const MAINTENANCE_AFTER_MS = 30_000;

/** So long at least a release's word on what relationships allow stands, ms. */
const RULES_FOR_MS = 5 * 60_000;

/** What a plan is made on. */
export interface LogRead {
  readonly head: LogHead;
  /** When this commit's records are: after those of any before, whichever clock made them. */
  readonly at: string;
  /** The item of a key that was asked for; undefined when there is none. */
  readonly item: (key: Key) => Item | undefined;
}

/** What one commit does. With the log's head, the parts of its records and the actor's check at most 100 writes. */
export interface LogPlan {
  /** Whatever the log decides about has its record; none only for what changes on the head alone. */
  readonly records: readonly NewRecord[];
  /** On the conditions that what was read still holds; one that fails has the whole planned anew. */
  readonly writes: readonly Write[];
  /** What else changes on the log's head. */
  readonly head?: Change;
  /** The error to stop with when the write of that index was refused; undefined: try again. */
  readonly refused?: (index: number, item: Item | undefined) => Error | undefined;
}

/** What was committed. */
export interface Commit {
  readonly actorId: string;
  /** As it was before. */
  readonly head: LogHead;
  /** The number of the last record. */
  readonly newest: number;
  readonly records: readonly NumberedRecord[];
}

/** Hears of every commit once it stands. What it throws is logged. */
export type CommitListener = (commit: Commit) => Promise<void>;

export interface LogCommitsDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly changeLog: ChangeLog;
  readonly log: Log;
  /** 0 ≤ random < 1, for the pauses of writers that meet. */
  readonly random: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly after: After;
  readonly committed: CommitListener;
  /** Hears of every commit of this process at once, quiet ones too. */
  readonly invalidateCaches?: (commit: Commit) => void;
  /** What relationships allow in this release. Absent: it is of no account. */
  readonly rules?: {
    readonly digest: string;
    /** Records what subscribers may do by them, unless it is (see `confirmedTo`); its own commits say `confirms`. */
    readonly confirm: (actorId: string) => Promise<void>;
  };
}

/** Commits of all actors' logs. */
export class LogCommits {
  readonly #deps: LogCommitsDeps;
  readonly #line: CommitLine;

  constructor(deps: LogCommitsDeps) {
    this.#deps = deps;
    this.#line = new CommitLine(deps.after);
  }

  /**
   * Reads the log's head and `keys` in one request, asks `plan` what to do, and commits it in a second one; two more for
   * each time another writer came first, for which `plan` is asked again. A plan that is undefined writes nothing. The
   * listener hears of it before this resolves, unless `quiet`; no other commit waits for the listener.
   *
   * @throws whatever `plan` throws; ServiceError request.too_large, resource.not_found when the actor is gone or going,
   *   service.unavailable when waiting for others of this process, and losing to those of others, takes all of 5 s
   */
  async commit(
    actorId: string,
    keys: readonly Key[],
    plan: (read: LogRead) => LogPlan | undefined | Promise<LogPlan | undefined>,
    options: { readonly quiet?: boolean; readonly confirms?: boolean } = {},
  ): Promise<Commit | undefined> {
    const confirms = options.confirms === true;
    const until = this.#deps.clock.now() + MOST_MS;
    const attempt = async () => await this.#attempt(actorId, keys, plan, confirms);
    const entered = await this.#line.oneByOne(
      actorId,
      MOST_MS - LAST_TRY_MS,
      async () => await this.#untilDone(until, attempt),
    );
    if (entered === undefined) throw keepChanging();
    const made = entered.result;
    if (made !== undefined) this.#deps.invalidateCaches?.(made);
    if (made !== undefined && options.quiet !== true) await this.#publish(made);
    return made;
  }

  async #attempt(
    actorId: string,
    keys: readonly Key[],
    plan: (read: LogRead) => LogPlan | undefined | Promise<LogPlan | undefined>,
    confirmed: boolean,
  ): Promise<Commit | undefined> {
    const { table, changeLog, clock, rules } = this.#deps;
    const logKey = logHeadKey(actorId);
    const found = await table.getMany([logKey, ...keys]);
    const items = new Map(found.map((item) => [nameOf(item), item]));
    const head = readLogHead(items.get(nameOf(logKey)));
    if (rules !== undefined && !confirmed && confirmedTo(head, rules.digest, clock.now()) !== undefined) {
      // First, so that this change makes numbers for just those who may see it.
      await rules.confirm(actorId);
      return await this.#attempt(actorId, keys, plan, true);
    }
    const micros = Math.max(Math.floor(clock.now()) * 1_000, head.at + 1);
    const at = recordTime(Math.floor(micros / 1_000), micros % 1_000);
    const planned = await plan({ head, at, item: (key) => items.get(nameOf(key)) });
    if (planned === undefined) return undefined;
    const records = planned.records.map((record): LogRecord => ({ ...record, at }));
    const { set, remove } = this.#headChange(logKey, head, planned);
    const change = { ...planned.head, set: { ...set, at: micros }, remove };
    const appended = changeLog.appendWrites(actorId, head.newest, records, change);
    try {
      await table.transact([...appended, ...planned.writes, actorStands(actorId)]);
    } catch (error) {
      const stop = error instanceof TransactionRefused ? stopOf(error, planned, appended.length) : undefined;
      throw stop ?? error;
    }
    const numbered = records.map((record, index) => ({ number: head.newest + 1 + index, record }));
    return { actorId, head, newest: head.newest + records.length, records: numbered };
  }

  /**
   * From the first subscriber on each commit leaves something to do, which must be found if its writer dies. Set rather
   * than kept: the maintenance may put it off after it was read here.
   */
  #headChange(key: Key, head: LogHead, { records, head: { set = {}, remove = [], ...change } = {} }: LogPlan) {
    const { clock, rules } = this.#deps;
    const first = head.subscribers === 0;
    if (first && Number(change.add?.["subscribers"] ?? 0) <= 0) return { set, remove };
    const dueAt = Math.min(head.dueAt ?? Number.POSITIVE_INFINITY, clock.now() + MAINTENANCE_AFTER_MS);
    const due = { dueShard: dueShardOf(key), dueAt, ...set };
    // The first subscriptions begin by the rules of now.
    if (first && rules !== undefined) return { set: { rules: rules.digest, ...due }, remove: [...remove, "rulesTo"] };
    const others = rules !== undefined && set["rules"] === undefined && head.rules !== rules.digest;
    // What this release lets peers do is in the log after another's word: then nobody's holds for all of them.
    const mixed = others && records.some(({ kind }) => kind === "permissions" || kind === "subscriptions");
    return { set: due, remove: mixed ? [...remove, "rules", "rulesTo"] : remove };
  }

  async #publish(commit: Commit): Promise<void> {
    try {
      await this.#deps.committed(commit);
    } catch (error) {
      // The change stands, and the maintenance does what was not done.
      this.#deps.log.error("the callbacks of a change failed", { actorId: commit.actorId, error });
    }
  }

  async #untilDone<T>(until: number, attempt: () => Promise<T>): Promise<T> {
    const { clock, pause, random } = this.#deps;
    let longest = LAST_TRY_MS;
    for (let failures = 1; failures <= MOST_ATTEMPTS; failures += 1) {
      const begun = clock.now();
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof TransactionRefused)) throw error;
      }
      longest = Math.max(longest, clock.now() - begun);
      const ms = pauseAfter(failures, failures < OFTEN ? MEETING : PRESSING, random());
      if (clock.now() + ms + longest > until) break;
      await pause(ms);
    }
    throw keepChanging();
  }
}

const keepChanging = (): ServiceError =>
  new ServiceError("service.unavailable", "Others keep changing this actor; try again in a moment.", {
    headers: { "Retry-After": "1" },
  });

/** Why a refused transaction is not worth another try; undefined when it is. */
function stopOf(refusal: TransactionRefused, plan: LogPlan, before: number): Error | undefined {
  if (refusal.reasons.at(-1)?.code === "condition") {
    return new ServiceError("resource.not_found", "There is no such actor.", { cause: refusal });
  }
  for (const [index, { code, item }] of refusal.reasons.slice(before, -1).entries()) {
    const stop = code === "condition" ? plan.refused?.(index, item) : undefined;
    if (stop !== undefined) return stop;
  }
  return undefined;
}

/**
 * The peer up to which it is recorded what subscribers may do by a release's rules, in the order of their ids; undefined
 * when it is for all, or when another release has just spoken: while both are at work each has the last word for a while.
 */
export function confirmedTo(head: LogHead, digest: string, now: number): string | undefined {
  if (head.subscribers === 0) return undefined;
  if (head.rules === digest) return head.rulesTo;
  return now < head.rulesAt + RULES_FOR_MS ? undefined : "";
}

/** A change that comes after the actor's deletion has begun would be left behind. */
const actorStands = (actorId: string): Write => ({
  check: actorKey(actorId),
  condition: all(itemExists, missing("deleting")),
});

const nameOf = ({ pk, sk }: Key): string => `${pk}\n${sk}`;
