/** Tasks: work that an owner has begun and that continues after the answer. A task shows its progress. */
import { taskKey } from "../../dynamodb/keys/webhooks.ts";
import { equals, itemMissing, type Item, type Table, type Write } from "../../dynamodb/table.ts";
import { compact } from "../../system/compact.ts";
import type { JsonObject } from "../../system/ports.ts";

/** How long a task that has ended can be read. */
const KEPT_SECONDS = 7 * 86_400;

/**
 *   running     from the start on
 *   done        the webhook's session has noted its last event
 *   cancelled   by the owner, or because the owner deleted the webhook
 *   failed      the webhook begins again at another position
 *
 * A task that is not `running` never changes again. Invariant: a task is `running` exactly while the state of its webhook
 * has a redrive with its id.
 */
export type TaskState = "running" | "done" | "failed" | "cancelled";

export interface TaskRef {
  readonly actorId: string;
  readonly taskId: string;
}

export interface Task extends TaskRef {
  readonly kind: "redrive";
  /** The webhook whose events are sent again. */
  readonly webhookId: string;
  readonly state: TaskState;
  readonly done: number;
  readonly failed: number;
  /** The number of events to send, if it was known at the start. */
  readonly total?: number;
  /** Ms since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
}

/** The write of a new task. */
export function taskBegun({ actorId, taskId, kind, webhookId, total, startedAt }: Task): Write {
  const item = { ...taskKey(actorId, taskId), kind, webhookId, state: "running", done: 0, failed: 0, startedAt };
  return { put: { ...item, ...compact({ total }) }, condition: itemMissing };
}

/**
 * The write of a running task's progress, or of its end at `endedAt` (ms since 1970). Refused for a task that has ended.
 */
export function taskProgress(
  { actorId, taskId }: TaskRef,
  { done, failed }: Pick<Task, "done" | "failed">,
  end?: { readonly state: Exclude<TaskState, "running">; readonly endedAt: number },
): Extract<Write, { update: unknown }> {
  const ended = end === undefined ? {} : { ...end, ttl: Math.ceil(end.endedAt / 1_000) + KEPT_SECONDS };
  return {
    update: taskKey(actorId, taskId),
    change: { set: { done, failed, ...ended } },
    condition: equals("state", "running"),
  };
}

/** The write that cancels a running task at `now` (ms since 1970). */
export const taskCancelled = ({ actorId, taskId }: TaskRef, now: number): Write => ({
  update: taskKey(actorId, taskId),
  change: { set: { state: "cancelled", endedAt: now, ttl: Math.ceil(now / 1_000) + KEPT_SECONDS } },
  condition: equals("state", "running"),
});

/** The task; undefined when there is none, or it ended more than 7 days before `now` (ms since 1970). */
export async function readTask(table: Pick<Table, "get">, ref: TaskRef, now: number): Promise<Task | undefined> {
  const item = await table.get(taskKey(ref.actorId, ref.taskId));
  if (item === undefined || Number(item["ttl"] ?? Infinity) * 1_000 <= now) return undefined;
  return taskOf(ref, item);
}

function taskOf({ actorId, taskId }: TaskRef, item: Item): Task {
  const optional = (name: string): number | undefined => (item[name] === undefined ? undefined : Number(item[name]));
  return compact({
    actorId,
    taskId,
    kind: "redrive" as const,
    webhookId: String(item["webhookId"]),
    state: item["state"] as TaskState,
    done: Number(item["done"]),
    failed: Number(item["failed"]),
    total: optional("total"),
    startedAt: Number(item["startedAt"]),
    endedAt: optional("endedAt"),
  });
}

/** A task as its owner sees it. */
export function taskWire({
  taskId: id,
  kind,
  webhookId,
  state,
  done,
  failed,
  total,
  startedAt,
  endedAt,
}: Task): JsonObject {
  const time = (ms: number): string => new Date(ms).toISOString();
  return compact({
    id,
    kind,
    webhook: webhookId,
    state,
    done,
    total,
    failed,
    startedAt: time(startedAt),
    endedAt: endedAt === undefined ? undefined : time(endedAt),
  });
}
