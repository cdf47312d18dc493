/** Reads by a peer that wants to know which diffs of its subscription the answer contains. */
import { isOutsideId } from "../../domain/identifiers.ts";
import { placeOf } from "../../domain/scope.ts";
import { ServiceError, isServiceError } from "../../system/errors.ts";
import type { Admission } from "../../http/access.ts";
import type { Reply } from "../../http/reply.ts";
import type { ServiceRequest } from "../../http/request.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import { PositionedProperties } from "./positioned-properties.ts";
import type { PositionedDeps } from "./positioned-properties.ts";

/** Names the inbound subscription that a read is for. */
const SUBSCRIPTION_HEADER = "x-actingweb-subscription";
/** The newest diff of that subscription that the answer contains. */
export const SEQUENCE_HEADER = "x-actingweb-sequence";

/** Reads begun again because the permissions they were made with had changed. */
const TRIES = 3;

/** Where subscriptions stand in the log. */
export interface Positions {
  /** Moves a subscription to the log's end; undefined when there is none. */
  toEnd(actorId: string, peerId: string, id: string): Promise<{ readonly head: InboundHead } | undefined>;
  /** The newest number made by records up to this one, which is at or after the head's cursor. Nothing is stored. */
  sequenceAt(head: InboundHead, record: number): Promise<number>;
}

export interface PositionedReadsDeps extends PositionedDeps {
  readonly positions: Positions;
}

/** Answers reads together with their position. */
export class PositionedReads {
  readonly #deps: PositionedReadsDeps;

  constructor(deps: PositionedReadsDeps) {
    this.#deps = deps;
  }

  /**
   * Lets `answer` read, and says in a header which diffs of the asking peer's subscription the answer contains: exactly
   * those, the answer that there is nothing (404) included. A request that names no inbound subscription of its own peer is
   * answered as if it named none. When the position cannot be told the header is left out.
   *
   * @param answer asked again when the peer's permissions changed while it read
   */
  async answer(
    request: ServiceRequest,
    { actor, caller }: Admission,
    answer: (reads?: PositionedProperties) => Promise<Reply>,
  ): Promise<Reply> {
    const id = request.headers[SUBSCRIPTION_HEADER];
    if (id === undefined || !isOutsideId(id) || caller.kind !== "peer") return await answer();
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      // First: what is read afterwards contains every diff that the head has made by then.
      const moved = await this.#deps.positions.toEnd(actor.id, caller.peerId, id);
      if (moved === undefined) return await answer();
      const { head } = moved;
      const reads = new PositionedProperties(this.#deps, head.state.cursor, {
        items: request.query.get("format") === "full",
      });
      const outcome = await settled(answer, reads);
      const [name = "", ...below] = placeOf(head);
      // Who subscribes to a part is told nothing of a list, of which a read tells parts all the same.
      const at = below.length > 0 && reads.isList(name) ? undefined : reads.position;
      if (at !== undefined && (await this.#permissionsChanged(head, at))) continue;
      const sequence = at === undefined ? undefined : await this.#sequence(head, at);
      const headers: Record<string, string> = sequence === undefined ? {} : { [SEQUENCE_HEADER]: String(sequence) };
      if ("code" in outcome) {
        const also = { headers: { ...outcome.headers, ...headers }, cause: outcome };
        throw new ServiceError(outcome.code, outcome.message, also);
      }
      return { ...outcome, headers: { ...outcome.headers, ...headers } };
    }
    throw new ServiceError("service.unavailable", "The permissions keep changing; try again in a moment.", {
      headers: { "Retry-After": "1" },
    });
  }

  /** What is of a record is not to be shown by what was allowed before it. */
  async #permissionsChanged(head: InboundHead, record: number): Promise<boolean> {
    const { records } = await this.#deps.log.read(head.actorId, head.state.cursor, record);
    return records.some(({ record: made }) => made.kind === "permissions" && made.peerId === head.peerId);
  }

  /** Undefined when it cannot be told. */
  async #sequence(head: InboundHead, record: number): Promise<number | undefined> {
    const { positions } = this.#deps;
    if (record === head.state.cursor) return head.state.sequence;
    // A number that no record makes (one resync for a long backlog) would shift all that come after it.
    const moved = await positions.toEnd(head.actorId, head.peerId, head.id);
    if (moved === undefined) return undefined;
    const { cursor, sequence } = moved.head.state;
    if (cursor < record || (await positions.sequenceAt(head, cursor)) !== sequence) return undefined;
    return cursor === record ? sequence : await positions.sequenceAt(head, record);
  }
}

/** That there is nothing is an answer too. */
async function settled(
  answer: (reads: PositionedProperties) => Promise<Reply>,
  reads: PositionedProperties,
): Promise<Reply | ServiceError> {
  try {
    return await answer(reads);
  } catch (error) {
    if (isServiceError(error) && error.code === "resource.not_found") return error;
    throw error;
  }
}
