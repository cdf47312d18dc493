/** One callback, from its bytes to the answer that the publisher gets. */
import { checkScope } from "../../domain/wire/callback-scope.ts";
import { outboundHeadKey } from "../../dynamodb/keys/streams.ts";
import { compact } from "../../system/compact.ts";
import { isServiceError } from "../../system/errors.ts";
import type { Deadline } from "../../system/ports.ts";
import type { Delivered } from "../stream/sequencer.ts";
import { ContentRefused } from "../stream/stream-event.ts";
import type { Sender } from "./callback-access.ts";
import { answerOf, busy, checkUrl, refuseContent, type CallbackAnswer } from "./callback-answer.ts";
import { readCallback, type CallbackEvent, type SentBody } from "./callback-events.ts";
import { receiveResync } from "./receive-resync.ts";
import type { Receiving } from "./receiving.ts";

/** How often a callback is sequenced again because its stream has just been opened to its sender. */
const MOST_TRIES = 3;

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
  const { access, sequencer, log } = receiving;
  let event: CallbackEvent;
  try {
    event = readCallback(sent, sender);
  } catch (error) {
    // Credentials come before the body, also when the body is what is wrong.
    await access.open(sender);
    throw error;
  }
  if (sender.digest === undefined) await access.trusted(sender);
  if (event.kind !== "diff") {
    const { parsed, url } = event;
    const head = await access.open(sender);
    const scope = parsed.kind === "resync" ? checkScope(parsed, head.scope) : undefined;
    if (url !== undefined) await checkUrl(receiving, sender, url, deadline);
    if (parsed.kind === "resync" && scope?.narrower === false) {
      return await receiveResync(receiving, sender, { parsed, head, isExact: scope.exact }, deadline);
    }
    event = { ...event, ...compact({ place: scope?.place }) };
  }
  for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
    let delivered: Delivered;
    try {
      delivered = await sequencer.deliver(outboundHeadKey(sender), event, sender.digest, deadline);
    } catch (error) {
      if (error instanceof ContentRefused) return await refuseContent(receiving, sender, event.sequence);
      if (isServiceError(error)) throw error;
      log.error("a callback could not be processed", { ...sender, digest: undefined, error: String(error) });
      throw busy(error);
    }
    if (delivered.is !== "closed") return await answerOf(receiving, delivered, event);
    await access.explain(sender);
  }
  throw busy();
}
