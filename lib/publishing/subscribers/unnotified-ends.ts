/** Subscriptions of peers that the owner has ended, until the peers are notified. */
import type { InboundRef } from "../../domain/terms/refs.ts";
import { unnotifiedEndKey, unnotifiedEndPrefix } from "../../dynamodb/keys/publishing.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { deleteRange } from "../../dynamodb/paging.ts";
import { always, type Table, type Write } from "../../dynamodb/table.ts";
import type { Clock } from "../../system/ports.ts";
import { DAY_MS } from "../../system/units.ts";

export interface UnnotifiedEndsDeps {
  readonly table: Table;
  readonly clock: Clock;
  /** How long a peer that cannot be notified may poll and learn of the end. */
  readonly keepDays: number;
}

/** A peer that polls such a subscription learns that the owner ended it, and does not make it again. */
export class UnnotifiedEnds {
  readonly #deps: UnnotifiedEndsDeps;

  constructor(deps: UnnotifiedEndsDeps) {
    this.#deps = deps;
  }

  /** Notes the end, in the transaction that ends the subscription: no poll in between reads as if it was never there. */
  noting({ actorId, peerId, id }: InboundRef): Write {
    const until = this.#deps.clock.now() + this.#deps.keepDays * DAY_MS;
    const put = { ...unnotifiedEndKey({ actorId, peerId, id }), until, ttl: Math.ceil(until / 1_000) };
    return { put, condition: always };
  }

  /** Removes the note, because the peer is notified. One write; when that fails, the note stays until it expires. */
  async notified({ actorId, peerId, id }: InboundRef): Promise<void> {
    await this.#deps.table.delete(unnotifiedEndKey({ actorId, peerId, id }), always).catch(() => undefined);
  }

  /** Whether the owner has ended that subscription and its peer is not notified. One read. */
  async has({ actorId, peerId, id }: InboundRef): Promise<boolean> {
    const item = await this.#deps.table.get(unnotifiedEndKey({ actorId, peerId, id }));
    return item !== undefined && Number(item["until"]) > this.#deps.clock.now();
  }

  /** Removes all notes for a peer whose trust has ended. One query when there are none. */
  async forget(actorId: string, peerId: string): Promise<void> {
    await deleteRange(this.#deps.table, { pk: actorPartition(actorId), prefix: unnotifiedEndPrefix(peerId) });
  }
}
