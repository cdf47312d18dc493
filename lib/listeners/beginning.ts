/** Where in the log a listener begins, as its owner asks for it. */
import { positionGone } from "../actors/position-gone.ts";
import { oldestKept, sameDeleted, type ChangeLog, type LogHead } from "../change-log/change-log.ts";
import type { LogPlan } from "../change-log/log-commits.ts";
import { printPosition, resolvePosition, type Position, type PositionGone } from "../domain/events/position.ts";
import { queryAll } from "../dynamodb/paging.ts";
import type { Table } from "../dynamodb/table.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";

/** Why no listener can begin at a position. */
export const WHY: Readonly<Record<PositionGone, string>> = {
  unknown: "This is not a position of the actor's log",
  ahead: "This position is ahead of the log",
  expired: "The record at this position has expired",
  epoch: "This position is of another epoch of the log",
};

export interface BeginningDeps {
  readonly changeLog: Pick<ChangeLog, "oldest">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

/** A log as it was read: its head, and its oldest record. */
export interface LogExtent {
  readonly actorId: string;
  readonly log: LogHead;
  readonly oldest: Awaited<ReturnType<ChangeLog["oldest"]>>;
}

/**
 * The position that a text (`now`, `earliest`, or a position) names on a log.
 *
 * @param asked.field the name of the text in the request; `instead`: what the message advises
 * @throws ServiceError resource.position_gone when no listener can continue there
 */
export function demandPosition(
  { epoch, rootOf }: Pick<BeginningDeps, "epoch" | "rootOf">,
  { actorId, log, oldest }: LogExtent,
  asked: { readonly text: string; readonly field: string; readonly instead: string },
): Position {
  const ends = { epoch, newest: log.newest, ...compact({ oldest: oldestKept(log, oldest) }) };
  const position = resolvePosition(asked.text, ends);
  if (typeof position !== "string") return position;
  throw positionGone(rootOf(actorId), `${WHY[position]}; ${asked.instead}.`, asked.field);
}

/** What the message about a position advises a listener that begins. */
export const BEGIN_NOW = "read the state, and begin now";

/**
 * The position after which a listener begins.
 *
 * @param how.from `now`, `earliest`, or a position; `how.log`: the head of the log
 * @param how.field the name of `from` in the request
 * @throws ServiceError resource.position_gone
 */
export async function beginningAfter(
  deps: BeginningDeps,
  how: { readonly actorId: string; readonly from: string; readonly log: LogHead; readonly field?: string },
): Promise<string> {
  const { actorId, from, log, field = "from" } = how;
  const oldest = from === "now" ? undefined : await deps.changeLog.oldest(actorId);
  const asked = { text: from, field, instead: BEGIN_NOW };
  return printPosition(demandPosition(deps, { actorId, log, oldest }, asked));
}

/** A listener to be made, in a commit that has read the head `log`. */
export interface NewListener {
  readonly actorId: string;
  readonly from: string;
  readonly log: LogHead;
  /** The range of the items of the actor's listeners of this kind. */
  readonly others: { readonly pk: string; readonly prefix: string };
  /** Most listeners of this kind that an actor may have, and what they are called in the message. */
  readonly most: number;
  readonly called: string;
}

/**
 * The position after which a new listener begins, and the condition of the commit that makes it: that maintenance has not
 * chosen the records after the position for deletion. Once the listener exists, it does not choose them. The limit on the
 * number of listeners holds too, because making another one changes the log's head, and this commit is then planned again.
 *
 * @throws ServiceError limit.reached; resource.position_gone
 */
export async function newBeginning(
  deps: BeginningDeps & { readonly table: Pick<Table, "query"> },
  { actorId, from, log, others, most, called }: NewListener,
): Promise<{ readonly after: string; readonly kept: Pick<LogPlan, "when"> }> {
  const found = await queryAll(deps.table, { ...others, only: ["version"] });
  if (found.length >= most)
    throw new ServiceError("limit.reached", `An actor has at most ${String(most)} ${called}; delete one first.`);
  const after = await beginningAfter(deps, { actorId, from, log });
  return { after, kept: from === "now" ? {} : { when: sameDeleted(log) } };
}
