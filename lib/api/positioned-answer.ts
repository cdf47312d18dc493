/** Answers to a peer, with the newest diff of its subscription that they contain. */
import { isOutsideId } from "../domain/terms/identifiers.ts";
import type { Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { PositionedProperties } from "../publishing/snapshots/positioned-properties.ts";
import { readPositioned, type PositionedReadsDeps } from "../publishing/snapshots/positioned-reads.ts";
import { compact } from "../system/compact.ts";
import { ServiceError } from "../system/errors.ts";
import type { Admission } from "./handler.ts";

/** Names the inbound subscription that a read is for. */
const SUBSCRIPTION_HEADER = "x-actingweb-subscription";
/** The newest diff of that subscription that the answer contains. */
export const SEQUENCE_HEADER = "x-actingweb-sequence";

/**
 * Answers with a header that names the newest diff of the peer's subscription that the answer contains; a 404 has the
 * header too. A request that names no inbound subscription of its own peer is answered as if it named none. The header is
 * left out when the position is not known.
 *
 * @param answer called again when the peer's permissions changed while it read
 */
export async function positionedAnswer(
  positioned: PositionedReadsDeps,
  request: ServiceRequest,
  { actor, caller }: Admission,
  answer: (reads?: PositionedProperties) => Promise<Reply>,
): Promise<Reply> {
  const subscriptionId = request.headers[SUBSCRIPTION_HEADER];
  if (subscriptionId === undefined || !isOutsideId(subscriptionId) || caller.kind !== "peer") return await answer();
  const items = request.query.get("format") === "full";
  const readFor = { actorId: actor.id, peerId: caller.peerId, subscriptionId, items };
  const { found, sequence } = await readPositioned(positioned, readFor, answer);
  const headers = compact({ [SEQUENCE_HEADER]: sequence?.toString() });
  if (found instanceof ServiceError) {
    const also = { headers: { ...found.headers, ...headers }, cause: found };
    throw new ServiceError(found.code, found.message, also);
  }
  return { ...found, headers: { ...found.headers, ...headers } };
}
