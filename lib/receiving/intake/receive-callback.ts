/** One callback, from its bytes to the answer that the publisher gets. */
import type { ParsedCallback } from "../../domain/wire/callback-body.ts";
import type { Deadline } from "../../system/ports.ts";
import { eventOf, readCallback } from "./callback-events.ts";
import type { SentBody } from "./callback-events.ts";
import type { Sender } from "./callback-access.ts";
import { checkUrl, deliverEvent } from "./deliver-event.ts";
import type { CallbackAnswer } from "./deliver-event.ts";
import { receiveResync } from "./receive-resync.ts";
import type { Receiving } from "./receiving.ts";

/**
 * Takes one callback in: reads, authenticates and sequences it, and answers as the contract says.
 *
 * @throws ServiceError with the statuses of the contract; nothing of the callback is recorded then
 */
export async function receiveCallback(
  receiving: Receiving,
  sender: Sender,
  sent: SentBody,
  deadline: Deadline,
): Promise<CallbackAnswer> {
  const { access } = receiving;
  let parsed: ParsedCallback;
  try {
    parsed = readCallback(sent, sender);
  } catch (error) {
    // Credentials come before the body, also when the body is what is wrong.
    await access.open(sender);
    throw error;
  }
  if (sender.digest === undefined) await access.trusted(sender);
  if (parsed.kind === "resync") return await receiveResync(receiving, sender, parsed, sent, deadline);
  const event = eventOf(parsed, sent);
  if (event === undefined) throw new TypeError("A diff is always an event.");
  if (parsed.kind === "low") {
    await access.open(sender);
    await checkUrl(receiving, sender, parsed.url, deadline);
  }
  return await deliverEvent(receiving, sender, event, deadline);
}
