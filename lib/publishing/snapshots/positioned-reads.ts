/** Reads by a peer that asks which diffs of its subscription the answer contains. */
import type { InboundRef } from "../../domain/terms/refs.ts";
import { placeOf } from "../../domain/terms/scope.ts";
import { isServiceError, type ServiceError } from "../../system/errors.ts";
import { compact } from "../../system/compact.ts";
import { untilStill } from "../../properties/until-still.ts";
import type { InboundHead } from "../subscribers/inbound-head.ts";
import { numberAt } from "./number-at.ts";
import { PositionedProperties, type PositionedDeps } from "./positioned-properties.ts";

/** Reads, each begun because the permissions changed during the one before. */
const TRIES = 3;

/** Where subscriptions stand in the log. */
export interface Positions {
  /** Moves a subscription to the log's end; undefined when there is none. */
  toEnd(ref: InboundRef): Promise<{ readonly head: InboundHead } | undefined>;
  /** The newest number made by records up to this one, which is at or after the head's cursor. Nothing is stored. */
  sequenceAt(head: InboundHead, record: number): Promise<number | undefined>;
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

/** The result of a read, or the error that there is nothing (resource.not_found), which has a position too. */
export interface Positioned<T> {
  readonly found: T | ServiceError;
  /** The newest diff of the subscription that this contains; absent when no number stands for it. */
  readonly sequence?: number;
}

/**
 * Calls `read`, and says exactly which diffs of the subscription its result contains. When the peer has no such
 * subscription, `read` gets no reads of one position.
 *
 * @param read called again when the peer's permissions changed while it read
 * @throws ServiceError service.unavailable when they keep changing, and what `read` throws beside resource.not_found
 */
export async function readPositioned<T>(
  deps: PositionedReadsDeps,
  { actorId, peerId, subscriptionId, items }: ReadFor,
  read: (reads?: PositionedProperties) => Promise<T>,
): Promise<Positioned<T>> {
  const { log, positions } = deps;
  const attempt = async (): Promise<Positioned<T> | undefined> => {
    // First, so that what is read afterwards contains every diff that the head has made by then.
    const advanced = await positions.toEnd({ actorId, peerId, id: subscriptionId });
    if (advanced === undefined) return { found: await orNotFound(read) };
    const { head } = advanced;
    const reads = new PositionedProperties(deps, head.state.cursor, { items });
    const found = await orNotFound(read, reads);
    const [name = "", ...below] = placeOf(head);
    // A subscription to a part gets no diffs of a list, of which a read shows parts all the same.
    const at = below.length > 0 && reads.isList(name) ? undefined : reads.position;
    if (at === undefined) return { found };
    const { records } = await log.read(actorId, head.state.cursor, at);
    // The permissions of the read may not be those of the record: its state must not be shown by them then.
    if (records.some(({ record }) => record.kind === "permissions" && record.peerId === peerId)) return undefined;
    return { found, ...compact({ sequence: await sequenceAt(positions, head, at) }) };
  };
  return await untilStill(attempt, { tries: TRIES, what: "The permissions keep" });
}

async function sequenceAt(positions: Positions, head: InboundHead, record: number): Promise<number | undefined> {
  if (record === head.state.cursor) return head.state.sequence;
  const advanced = await positions.toEnd(head);
  return advanced === undefined ? undefined : await numberAt(positions, head, advanced.head, record);
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
