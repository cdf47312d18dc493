/** Redrives: a webhook gets events again because its owner asks for it. Each redrive is a task with progress. */
import type { ChangeLog } from "../../change-log/change-log.ts";
import { withRedrive, withoutRedrive } from "../../domain/events/keeper-changes.ts";
import { printPosition } from "../../domain/events/position.ts";
import { sourceText } from "../../dynamodb/keys/failed-events.ts";
import type { Table } from "../../dynamodb/table.ts";
import type { FailedEventStore } from "../../failed-events/failed-event-store.ts";
import type { ListenerEvent } from "../../failed-events/hook-event.ts";
import { compact } from "../../system/compact.ts";
import { ServiceError } from "../../system/errors.ts";
import type { Clock, Ids } from "../../system/ports.ts";
import { demandPosition } from "../beginning.ts";
import { changeListenerHead } from "../listener-head.ts";
import { readTask, taskBegun, taskCancelled, type Task, type TaskRef } from "./tasks.ts";
import { noSuchWebhook, repeated, written } from "./webhook-writes.ts";
import { withKeeper, type WebhookRef, type WebhookStore } from "./webhook-store.ts";

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

/** Which events to send again: the parked ones, or those of the log beyond the position `from` up to `to`. */
export type RedriveScope = { readonly parked: true } | { readonly from: string; readonly to: string };

/**
 * Begins a redrive. The webhook's sessions send its events; while the webhook is paused or stopped, the redrive waits.
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

/** Cancels a redrive; a task that has ended stays as it is. @returns the task; undefined when there is none with this id */
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

interface Range {
  readonly from: string;
  readonly upTo: string;
}

const wholeLog = (epoch: number, upTo: string): Range => ({
  from: printPosition({ epoch, record: 0, index: "all" }),
  upTo,
});

async function rangeOf(
  deps: RedriveDeps,
  actorId: string,
  scope: { readonly from: string; readonly to: string },
): Promise<Range> {
  const { changeLog } = deps;
  const log = { actorId, log: await changeLog.head(actorId), oldest: await changeLog.oldest(actorId) };
  const resolved = (field: "from" | "to"): string =>
    printPosition(demandPosition(deps, log, { text: scope[field], field, instead: "nothing is sent again" }));
  const [from, upTo] = [resolved("from"), resolved("to")];
  if (from < upTo) return { from, upTo };
  throw new ServiceError("request.invalid", "The position in to must be later than the one in from.", { field: "to" });
}

const isRunning = (task: string): ServiceError =>
  new ServiceError("resource.conflict", "Another redrive of this webhook is running; wait for it, or cancel it.", {
    extra: { task },
  });
