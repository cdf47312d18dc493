/**
 * Ends a webhook, with its failed events and its attempts.
 *
 *   marked    its item has `ending` and a lease: it is no longer shown, and sessions can store nothing any more
 *   emptied   the holder of the lease has deleted failed events and attempts; none can be added any more
 *   gone      one commit has deleted the item, the head and the markers
 *
 * Until it is gone, no webhook with the same id can be made. If the process dies, the sweep continues the ending.
 */
import type { Commits } from "../../change-log/log-commits.ts";
import { failedEventIdKeyOf, failedEventPrefix, sourceText } from "../../dynamodb/keys/failed-events.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { attemptPrefix, webhookPartition } from "../../dynamodb/keys/webhooks.ts";
import { leaseAttributes, leaseIs, leaseOf, newLease, type LeaseDeps } from "../../dynamodb/lease.ts";
import { refusedReasons } from "../../dynamodb/outcomes.ts";
import { pagesOf } from "../../dynamodb/paging.ts";
import { all, always, itemExists, type Table, type Write } from "../../dynamodb/table.ts";
import { registering } from "../../engine/registration.ts";
import type { Deadline } from "../../system/ports.ts";
import { retryOnConflict } from "../../system/retry-on-conflict.ts";
import { changeListenerHead, readListenerHead } from "../listener-head.ts";
import { readTask, taskCancelled } from "./tasks.ts";
import { keeperOf, keysOf, listenerOf, registeredAs, type WebhookRef } from "./webhook-store.ts";
import { webhookOf } from "./webhook-item.ts";

/** More than the writers that one webhook has at a time. */
const MOST_CONFLICTS = 8;
/** With less time left than this, ms, no further page is deleted: the sweep continues. */
const LEAST_MS = 2_000;
const KEYS_AT_ONCE = 100;

export interface WebhookEndingDeps extends LeaseDeps {
  readonly table: Table;
  readonly commits: Commits;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/**
 * Ends a webhook, or continues an ending that was begun.
 *
 * @returns `later`: there was no time, or another process has the lease, and the sweep continues; `none`: there is no such
 *   webhook
 */
export async function endWebhook(
  deps: WebhookEndingDeps,
  ref: WebhookRef,
  deadline: Deadline,
): Promise<"ended" | "later" | "none"> {
  const { table, commits } = deps;
  const [own, head] = keysOf(ref);
  const lease = newLease(deps, deadline.remaining());
  const marked = await retryOnConflict(undefined, MOST_CONFLICTS, async () => {
    const [item, headItem] = [await table.get(own), await table.get(head)];
    if (item === undefined) return { done: "none" as const };
    const set = { ending: true, dueAt: lease.until, ...leaseAttributes(lease) };
    const condition = all(itemExists, leaseIs.free(deps.clock.now(), deps.incarnation));
    // A session without its lease can store nothing.
    const bars: readonly Write[] =
      headItem === undefined
        ? []
        : [changeListenerHead(readListenerHead(deps.epoch, headItem), { lease: null, dueAt: null })];
    const refused = await refusedReasons(table, [{ update: own, change: { set }, condition }, ...bars]);
    if (refused === undefined) return { done: "marked" as const };
    return refused[0]?.code === "condition" ? { done: "later" as const } : { found: undefined };
  });
  if (marked !== "marked") return marked ?? "later";
  if (!(await emptied(table, ref, deadline))) return "later";
  const condition = leaseIs.ownedBy(lease);
  await commits.commit(
    ref.actorId,
    [own, head],
    async ({ item }) => {
      const stored = item(own);
      if (stored === undefined || leaseOf(stored)?.token !== lease.token) return undefined;
      const { settings } = webhookOf(stored);
      const { writes, head: logHead } = registering(listenerOf(ref), { before: registeredAs(settings) });
      const headItem = item(head);
      const redrive = headItem === undefined ? undefined : keeperOf(readListenerHead(deps.epoch, headItem)).redrive;
      const now = deps.clock.now();
      const taskRef = { actorId: ref.actorId, taskId: redrive?.id ?? "" };
      // The owner may have cancelled the task after the webhook was marked, which no longer changes the head.
      const task = redrive === undefined ? undefined : await readTask(table, taskRef, now);
      const cancelled = task?.state === "running" ? [taskCancelled(taskRef, now)] : [];
      const deletions: readonly Write[] = [
        { delete: own, condition },
        // Right whatever is stored: the head is deleted with the webhook.
        { delete: head, condition: always },
      ];
      return { records: [], writes: [...deletions, ...cancelled, ...writes], head: logHead };
    },
    { quiet: true },
  );
  return "ended";
}

/** Deletes the failed events and the attempts. @returns false when there is no time for the rest */
async function emptied(table: Table, { actorId, id }: WebhookRef, deadline: Deadline): Promise<boolean> {
  const failed = {
    pk: actorPartition(actorId),
    prefix: failedEventPrefix({ source: sourceText({ kind: "webhook", id }) }),
  };
  const attempts = { pk: webhookPartition(actorId), prefix: attemptPrefix(id) };
  for (const range of [failed, attempts]) {
    for await (const items of pagesOf(table, { ...range, only: [], limit: KEYS_AT_ONCE })) {
      if (deadline.remaining() <= LEAST_MS) return false;
      const keys = items.map(({ pk, sk }) => ({ pk, sk }));
      const pointers = range === failed ? keys.map(failedEventIdKeyOf) : [];
      const names = new Map([...pointers, ...keys].map((key) => [key.sk, key]));
      if (names.size > 0) await table.deleteMany([...names.values()]);
    }
  }
  return true;
}
