/** Answers to a peer that wants to know which diffs of its subscription they contain. */
import { isOutsideId } from "../domain/terms/identifiers.ts";
import type { Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { PositionedProperties } from "../publishing/snapshots/positioned-properties.ts";
import type { PositionedReads } from "../publishing/snapshots/positioned-reads.ts";
import { ServiceError } from "../system/errors.ts";
import type { Admission } from "./handler.ts";

/** Names the inbound subscription that a read is for. */
const SUBSCRIPTION_HEADER = "x-actingweb-subscription";
/** The newest diff of that subscription that the answer contains. */
export const SEQUENCE_HEADER = "x-actingweb-sequence";

/**
 * Lets `answer` read, and says in a header which diffs of the asking peer's subscription the answer contains, the answer
 * that there is nothing (404) included. A request that names no inbound subscription of its own peer is answered as if it
 * named none. When the position cannot be told the header is left out.
 *
 * @param answer called again when the peer's permissions changed while it read
 */
export async function positionedAnswer(
  positioned: Pick<PositionedReads, "read">,
  request: ServiceRequest,
  { actor, caller }: Admission,
  answer: (reads?: PositionedProperties) => Promise<Reply>,
): Promise<Reply> {
  const subscriptionId = request.headers[SUBSCRIPTION_HEADER];
  if (subscriptionId === undefined || !isOutsideId(subscriptionId) || caller.kind !== "peer") return await answer();
  const items = request.query.get("format") === "full";
  const readFor = { actorId: actor.id, peerId: caller.peerId, subscriptionId, items };
  const { found, sequence } = await positioned.read(readFor, answer);
  const headers: Record<string, string> = sequence === undefined ? {} : { [SEQUENCE_HEADER]: String(sequence) };
  if (found instanceof ServiceError) {
    const also = { headers: { ...found.headers, ...headers }, cause: found };
    throw new ServiceError(found.code, found.message, also);
  }
  return { ...found, headers: { ...found.headers, ...headers } };
}
