/** Delayed messages: due work on its second. */
import { runMessages } from "../lib/scheduler/messages.ts";
import { reportFailedMessages } from "../lib/scheduler/metrics.ts";
import { service } from "../lib/compose/service.ts";
import { app } from "./app.ts";

/** Takes one batch; messages that failed come again, and end in the dead-letter queue when they keep failing. */
export async function handler(
  event: { readonly Records: readonly { readonly messageId: string; readonly body: string }[] },
  context: { getRemainingTimeInMillis(): number },
): Promise<{ batchItemFailures: { itemIdentifier: string }[] }> {
  const failed = await runMessages(service(app), event.Records, {
    remaining: () => context.getRemainingTimeInMillis(),
  });
  reportFailedMessages(failed.length);
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
