/** Reads by a peer that wants to know which diffs of its subscription the answer contains. */
import { placeOf } from "../../domain/terms/scope.ts";
import { ServiceError, isServiceError } from "../../system/errors.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import { PositionedProperties } from "./positioned-properties.ts";
import type { PositionedDeps } from "./positioned-properties.ts";

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

/** The subscription for which a peer reads. */
export interface ReadFor {
  readonly actorId: string;
  readonly peerId: string;
  readonly subscriptionId: string;
  /** Lists are read with their items. */
  readonly items: boolean;
}

/** What a read found, or that there is nothing (resource.not_found), which is an answer too. */
export interface Positioned<T> {
  readonly found: T | ServiceError;
  /** The newest diff of the subscription that this contains; absent when it cannot be told. */
  readonly sequence?: number;
}

/** Reads properties together with their position. */
export class PositionedReads {
  readonly #deps: PositionedReadsDeps;

  constructor(deps: PositionedReadsDeps) {
    this.#deps = deps;
  }

  /**
   * Lets `read` read, and says which diffs of the subscription the result contains: exactly those. Where the peer has no
   * such subscription `read` gets no reads of one position.
   *
   * @param read called again when the peer's permissions changed while it read
   * @throws ServiceError service.unavailable when they keep changing, and what `read` throws beside resource.not_found
   */
  async read<T>(
    { actorId, peerId, subscriptionId, items }: ReadFor,
    read: (reads?: PositionedProperties) => Promise<T>,
  ): Promise<Positioned<T>> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      // First: what is read afterwards contains every diff that the head has made by then.
      const advanced = await this.#deps.positions.toEnd(actorId, peerId, subscriptionId);
      if (advanced === undefined) return { found: await orNotFound(read) };
      const { head } = advanced;
      const reads = new PositionedProperties(this.#deps, head.state.cursor, { items });
      const found = await orNotFound(read, reads);
      const [name = "", ...below] = placeOf(head);
      // Who subscribes to a part is told nothing of a list, of which a read tells parts all the same.
      const at = below.length > 0 && reads.isList(name) ? undefined : reads.position;
      if (at !== undefined && (await this.#permissionsChanged(head, at))) continue;
      const sequence = at === undefined ? undefined : await this.#sequence(head, at);
      return sequence === undefined ? { found } : { found, sequence };
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
    const advanced = await positions.toEnd(head.actorId, head.peerId, head.id);
    if (advanced === undefined) return undefined;
    const { cursor, sequence } = advanced.head.state;
    if (cursor < record || (await positions.sequenceAt(head, cursor)) !== sequence) return undefined;
    return cursor === record ? sequence : await positions.sequenceAt(head, record);
  }
}

async function orNotFound<T>(
  read: (reads?: PositionedProperties) => Promise<T>,
  reads?: PositionedProperties,
): Promise<T | ServiceError> {
  try {
    return await read(reads);
  } catch (error) {
    if (isServiceError(error) && error.code === "resource.not_found") return error;
    throw error;
  }
}
