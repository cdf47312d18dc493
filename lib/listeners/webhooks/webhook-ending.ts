/**
 * How a webhook ends, with its failed events and its attempts.
 *
 *   marked    its item has `ending` and a lease: it is shown no more, and its session can note nothing more
 *   emptied   by the holder of the lease: nothing can be added any more
 *   gone      item, head and markers, in one commit
 *
 * A webhook of the same id is not made before that. What a process that died has begun, the sweep finishes.
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
/** With less time left than this, ms, no further page is deleted: the sweep goes on. */
const LEAST_MS = 2_000;
const KEYS_AT_ONCE = 100;

export interface WebhookEndingDeps extends LeaseDeps {
  readonly table: Table;
  readonly commits: Commits;
  /** The deployment's `LOG_EPOCH`. */
  readonly epoch: number;
}

/**
 * Ends a webhook, or continues where another has left off.
 *
 * @returns `later`: the rest is due work; `none`: there is no such webhook
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
    // Without its lease no session can note anything more.
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
      // Its owner may have cancelled it since the webhook was marked, when nothing writes the head any more.
      const task = redrive === undefined ? undefined : await readTask(table, taskRef, now);
      const cancelled = task?.state === "running" ? [taskCancelled(taskRef, now)] : [];
      const deletions: readonly Write[] = [
        { delete: own, condition },
        // Whatever it says: it goes with the webhook.
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
