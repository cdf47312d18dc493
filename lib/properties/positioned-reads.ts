/** Reads by a peer that wants to know which diffs of its subscription the answer contains. */
import { isOutsideId } from "../domain/identifiers.ts";
import { ServiceError, isServiceError } from "../errors.ts";
import type { Admission } from "../http/access.ts";
import type { Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { InboundHead } from "../publishing/inbound-head.ts";
import { PositionedProperties } from "./positioned-properties.ts";
import type { PositionedDeps } from "./positioned-properties.ts";

/** Names the inbound subscription that a read is for. */
const SUBSCRIPTION_HEADER = "x-actingweb-subscription";
/** The newest diff of that subscription that the answer contains. */
const SEQUENCE_HEADER = "x-actingweb-sequence";

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
   */
  async answer(
    request: ServiceRequest,
    { actor, caller }: Admission,
    answer: (reads?: PositionedProperties) => Promise<Reply>,
  ): Promise<Reply> {
    const id = request.headers[SUBSCRIPTION_HEADER];
    if (id === undefined || !isOutsideId(id) || caller.kind !== "peer") return await answer();
    // First: what is read afterwards contains every diff that the head has made by then.
    const moved = await this.#deps.positions.toEnd(actor.id, caller.peerId, id);
    if (moved === undefined) return await answer();
    const { head } = moved;
    const reads = new PositionedProperties(this.#deps, head.state.cursor, {
      items: request.query.get("format") === "full",
    });
    const headers = async (): Promise<Record<string, string>> => {
      const sequence = reads.position === undefined ? undefined : await this.#sequence(head, reads.position);
      return sequence === undefined ? {} : { [SEQUENCE_HEADER]: String(sequence) };
    };
    let reply: Reply;
    try {
      reply = await answer(reads);
    } catch (error) {
      if (!isServiceError(error) || error.code !== "resource.not_found") throw error;
      const also = { ...error.headers, ...(await headers()) };
      throw new ServiceError(error.code, error.message, { headers: also, cause: error });
    }
    return { ...reply, headers: { ...reply.headers, ...(await headers()) } };
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
