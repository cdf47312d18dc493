import * as z from "zod/mini";
import { parseText } from "../domain/json/json-text.ts";
import { MAX_DELAY_SECONDS } from "../system/ports.ts";
import type { Clock, Deadline, DelayQueue, Log } from "../system/ports.ts";
import type { DueWork } from "./due-work.ts";

const work = z.object({ kind: z.literal("due"), pk: z.string(), sk: z.string(), dueAt: z.number() });

/**
 * Takes delayed messages: each brings one piece of work forward. One that arrives before its time is sent on, for the
 * queue's longest delay is 15 minutes.
 *
 * @returns the ids of those that failed and are to come again
 */
export async function runMessages(
  services: {
    readonly clock: Clock;
    readonly queue: DelayQueue;
    readonly log: Log;
    readonly dueWork: Pick<DueWork, "runDue">;
  },
  records: readonly { readonly messageId: string; readonly body: string }[],
  deadline: Deadline,
): Promise<readonly string[]> {
  const taken = await Promise.all(
    records.map(async ({ messageId, body }) => {
      try {
        await runMessage(services, body, deadline);
        return [];
      } catch (error) {
        services.log.error("a delayed message failed", { messageId, error });
        return [messageId];
      }
    }),
  );
  return taken.flat();
}

async function runMessage(
  { clock, queue, dueWork }: Parameters<typeof runMessages>[0],
  body: string,
  deadline: Deadline,
): Promise<void> {
  const message = work.parse(parseText(body));
  const early = message.dueAt - clock.now();
  if (early > 0) {
    await queue.send(message, Math.min(MAX_DELAY_SECONDS, Math.ceil(early / 1_000)));
    return;
  }
  await dueWork.runDue({ pk: message.pk, sk: message.sk }, deadline);
}
