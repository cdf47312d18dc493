/** Redrives: events that a webhook is sent again as its owner asks, as a task with progress. */
import { oldestKept, type ChangeLog } from "../../change-log/change-log.ts";
import { positionGone } from "../../actors/position-gone.ts";
import { withRedrive, withoutRedrive } from "../../domain/events/keeper-changes.ts";
import { printPosition, resolvePosition } from "../../domain/events/position.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import { refusedReasons } from "../../dynamodb/outcomes.ts";
import { TransactionRefused, type Table, type Write } from "../../dynamodb/table.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Ids } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { WHY } from "../beginning.ts";
import { changeListenerHead } from "../listener-head.ts";
import { readTask, taskBegun, taskCancelled, type Task, type TaskRef } from "./tasks.ts";
import { noSuchWebhook } from "./webhook-operations.ts";
import { withKeeper, type WebhookRef, type WebhookStore } from "./webhook-store.ts";

/** More than the writers that one webhook has at a time. */
const MOST_CONFLICTS = 8;

export interface RedriveDeps {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly store: Pick<WebhookStore, "get">;
  readonly changeLog: Pick<ChangeLog, "head" | "oldest">;
  readonly failedEvents: Pick<FailedEventStore<ListenerEvent>, "count">;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
  /** The root URI of an actor. */
  readonly rootOf: (actorId: string) => string;
}

/** Which events to send again: those that were not taken, or those of the log beyond `from` up to `to`. */
export type RedriveScope = { readonly parked: true } | { readonly from: string; readonly to: string };

/**
 * Begins a redrive. The webhook's session carries it on; a webhook that is paused or has stopped does so once it goes on.
 *
 * @throws ServiceError resource.not_found, resource.position_gone, request.invalid; resource.conflict while another runs
 */
export async function beginRedrive(
  deps: RedriveDeps,
  ref: WebhookRef,
  scope: RedriveScope,
  most: number,
): Promise<Task> {
  const { clock, ids, store, table } = deps;
  const taskId = ids.id();
  return await repeated(async () => {
    const stored = await store.get(ref);
    if (stored === undefined) throw noSuchWebhook();
    const isOfFailed = "parked" in scope;
    const range = isOfFailed
      ? wholeLog(deps.epoch, stored.keeper.numbered.after)
      : await rangeOf(deps, ref.actorId, scope);
    const source = isOfFailed ? ("failed" as const) : ("log" as const);
    const keeper = withRedrive(stored.keeper, { id: taskId, source, ...range, most });
    if (keeper === undefined) throw isRunning(stored.keeper.redrive?.id ?? "");
    const now = clock.now();
    const failed = isOfFailed
      ? await deps.failedEvents.count(ref.actorId, sourceText({ kind: "webhook", id: ref.id }))
      : undefined;
    const task: Task = compact({
      actorId: ref.actorId,
      taskId,
      kind: "redrive" as const,
      webhookId: ref.id,
      state: "running" as const,
      done: 0,
      failed: 0,
      startedAt: now,
      total: failed === undefined ? undefined : Math.min(failed, most),
    });
    return await written(table, [taskBegun(task), changeListenerHead(stored.head, withKeeper(keeper, now))], task);
  });
}

/** Ends a task as its owner asks; one that has ended stays as it is. @returns undefined when there is no such task */
export async function cancelRedrive(deps: RedriveDeps, ref: TaskRef): Promise<Task | undefined> {
  const { clock, store, table } = deps;
  return await repeated<Task | undefined>(async () => {
    const task = await readTask(table, ref, clock.now());
    if (task?.state !== "running") return { done: task };
    const stored = await store.get({ actorId: ref.actorId, id: task.webhookId });
    const change =
      stored === undefined
        ? []
        : [changeListenerHead(stored.head, withKeeper(withoutRedrive(stored.keeper, ref.taskId)))];
    const cancelled = { ...task, state: "cancelled" as const, endedAt: clock.now() };
    return await written(table, [taskCancelled(ref, clock.now()), ...change], cancelled);
  });
}

/** What was written; `found` when another writer came first. */
async function written<T>(
  table: Table,
  writes: readonly Write[],
  done: T,
): Promise<{ readonly done: T } | { readonly found: undefined }> {
  const refused = await refusedReasons(table, writes);
  if (refused === undefined) return { done };
  if (!refused.some(({ code }) => code === "condition" || code === "conflict")) throw new TransactionRefused(refused);
  return { found: undefined };
}

async function repeated<T>(attempt: () => Promise<{ readonly done: T } | { readonly found: undefined }>): Promise<T> {
  const result = await retryOnConflict<undefined, { readonly is: T }>(undefined, MOST_CONFLICTS, async () => {
    const made = await attempt();
    return "done" in made ? { done: { is: made.done } } : made;
  });
  if (result !== undefined) return result.is;
  throw new ServiceError(
    "service.unavailable",
    "The webhook is being changed at the same time; try again in a moment.",
  );
}

interface Range {
  readonly from: string;
  readonly upTo: string;
}

const wholeLog = (epoch: number, upTo: string): Range => ({
  from: printPosition({ epoch, record: 0, index: "all" }),
  upTo,
});

async function rangeOf(
  { changeLog, epoch, rootOf }: RedriveDeps,
  actorId: string,
  scope: { readonly from: string; readonly to: string },
): Promise<Range> {
  const [logHead, found] = [await changeLog.head(actorId), await changeLog.oldest(actorId)];
  const { newest } = logHead;
  const resolved = (field: "from" | "to"): string => {
    const position = resolvePosition(scope[field], {
      epoch,
      newest,
      ...compact({ oldest: oldestKept(logHead, found) }),
    });
    if (typeof position !== "string") return printPosition(position);
    throw positionGone(rootOf(actorId), `${WHY[position]}; nothing is sent again.`, field);
  };
  const [from, upTo] = [resolved("from"), resolved("to")];
  if (from < upTo) return { from, upTo };
  throw new ServiceError("request.invalid", "The position in to must lie after that in from.", { field: "to" });
}

const isRunning = (task: string): ServiceError =>
  new ServiceError("resource.conflict", "Another redrive of this webhook is running; wait for it, or cancel it.", {
    extra: { task },
  });
