import * as z from "zod/mini";
import { parseText } from "../domain/json/json-text.ts";
import { MAX_DELAY_SECONDS, type Clock, type DelayQueue, type Log } from "../system/ports.ts";
import { within } from "../system/request-context.ts";
import type { RunDue } from "./due-work.ts";
import { reportFailedMessages } from "./metrics.ts";

const message = z.object({ kind: z.literal("due"), pk: z.string(), sk: z.string(), dueAt: z.number() });

/**
 * The handler of the queue's function. Each delayed message brings one piece of work forward. The queue delays by 15 min at
 * most, so a message that arrives before its time is sent again for the rest.
 *
 * @param provide gives the services; called for each batch
 * @returns a handler of one batch, which names the messages that failed: the queue delivers those again, and moves them to
 *   the dead-letter queue when they keep failing
 */
export function queueWorker(
  provide: () => {
    readonly clock: Clock;
    readonly queue: DelayQueue;
    readonly log: Log;
    readonly runDue: RunDue;
  },
) {
  return async (
    { Records }: { readonly Records: readonly { readonly messageId: string; readonly body: string }[] },
    context: { getRemainingTimeInMillis(): number },
  ): Promise<{ batchItemFailures: { itemIdentifier: string }[] }> => {
    const { clock, queue, log, runDue } = provide();
    const deadline = { remaining: () => context.getRemainingTimeInMillis() };
    const failures = await Promise.all(
      Records.map(async ({ messageId, body }) => {
        try {
          const work = message.parse(parseText(body));
          const early = work.dueAt - clock.now();
          if (early > 0) await queue.send(work, Math.min(MAX_DELAY_SECONDS, Math.ceil(early / 1_000)));
          else await within(deadline, async () => await runDue({ pk: work.pk, sk: work.sk }, deadline));
          return [];
        } catch (error) {
          log.error("a delayed message failed", { messageId, error });
          return [{ itemIdentifier: messageId }];
        }
      }),
    );
    const batchItemFailures = failures.flat();
    reportFailedMessages(batchItemFailures.length);
    return { batchItemFailures };
  };
}
