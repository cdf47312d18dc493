import * as z from "zod/mini";
import { parseText } from "../domain/json/json-text.ts";
import { MAX_DELAY_SECONDS, MAX_FOUND_ITEMS } from "../system/ports.ts";
import { within } from "../system/request-context.ts";
import { runFound, type FoundWorkDeps } from "./found-work.ts";
import { reportWork } from "./metrics.ts";

const dueItem = { pk: z.string(), sk: z.string(), dueAt: z.number() };
const message = z.union([
  z.object({ kind: z.literal("due"), ...dueItem }),
  z.object({ kind: z.literal("found"), items: z.array(z.object(dueItem)).check(z.maxLength(MAX_FOUND_ITEMS)) }),
]);

/**
 * The handler of the queue's function. A delayed message brings one piece of work forward; a message of the sweep brings
 * what it found. The queue delays by 15 min at most, so a message that arrives before its time is sent again for the rest.
 *
 * @param provide gives the services; called for each batch
 * @returns a handler of one batch, which names the messages that failed: the queue delivers those again, and moves them to
 *   the dead-letter queue when they keep failing. Of a message of the sweep only its reading can fail: what fails in it
 *   is postponed and stays due
 */
export function queueWorker(provide: () => FoundWorkDeps) {
  return async (
    { Records }: { readonly Records: readonly { readonly messageId: string; readonly body: string }[] },
    context: { getRemainingTimeInMillis(): number },
  ): Promise<{ batchItemFailures: { itemIdentifier: string }[] }> => {
    const services = provide();
    const { clock, queue, log, runDue } = services;
    const deadline = { remaining: () => context.getRemainingTimeInMillis() };
    const total = { failed: 0, oldestGapMs: 0 };
    const failures = await Promise.all(
      Records.map(async ({ messageId, body }) => {
        try {
          const work = message.parse(parseText(body));
          if (work.kind === "found") {
            const { failed, oldestGapMs } = await runFound(services, work.items, deadline);
            total.failed += failed;
            total.oldestGapMs = Math.max(total.oldestGapMs, oldestGapMs);
            return [];
          }
          const early = work.dueAt - clock.now();
          if (early > 0) await queue.send(work, Math.min(MAX_DELAY_SECONDS, Math.ceil(early / 1_000)));
          else await within(deadline, async () => await runDue({ pk: work.pk, sk: work.sk }, deadline));
          return [];
        } catch (error) {
          total.failed += 1;
          log.error("a delayed message failed", { messageId, error });
          return [{ itemIdentifier: messageId }];
        }
      }),
    );
    reportWork(total);
    return { batchItemFailures: failures.flat() };
  };
}
