/** Subscriptions of peers that the owner has ended, until the peers have been told. */
import { unnotifiedEndKey, unnotifiedEndPrefix } from "../../dynamodb/keys/publishing.ts";
import { actorPartition } from "../../dynamodb/keys/partition.ts";
import { always } from "../../dynamodb/table.ts";
import type { Table, Write } from "../../dynamodb/table.ts";
import type { Clock } from "../../system/ports.ts";

const DAY_MS = 86_400_000;

/** Which subscription, by its actor and peer. */
export interface EndedName {
  readonly actorId: string;
  readonly peerId: string;
  readonly id: string;
}

export interface UnnotifiedEndsDeps {
  readonly table: Table;
  readonly clock: Clock;
  /** How long a peer that cannot be told may come and ask. */
  readonly keepDays: number;
}

/** A peer that polls such a subscription learns that it was ended by intent, and does not make it again. */
export class UnnotifiedEnds {
  readonly #deps: UnnotifiedEndsDeps;

  constructor(deps: UnnotifiedEndsDeps) {
    this.#deps = deps;
  }

  /** Notes the end, for the transaction that makes it: no poll in between may be answered as if it had been forgotten. */
  noting({ actorId, peerId, id }: EndedName): Write {
    const until = this.#deps.clock.now() + this.#deps.keepDays * DAY_MS;
    const put = { ...unnotifiedEndKey({ actorId, peerId, id }), until, ttl: Math.ceil(until / 1_000) };
    return { put, condition: always };
  }

  /** The peer has been told. One write; failing leaves the note until it expires. */
  async notified({ actorId, peerId, id }: EndedName): Promise<void> {
    await this.#deps.table.delete(unnotifiedEndKey({ actorId, peerId, id }), always).catch(() => undefined);
  }

  /** Whether the owner has ended that subscription and its peer has not been told. One read. */
  async has({ actorId, peerId, id }: EndedName): Promise<boolean> {
    const item = await this.#deps.table.get(unnotifiedEndKey({ actorId, peerId, id }));
    return item !== undefined && Number(item["until"]) > this.#deps.clock.now();
  }

  /** The peer's trust has ended: it has nothing to poll any more. One query when there are none. */
  async forget(actorId: string, peerId: string): Promise<void> {
    const { table } = this.#deps;
    const range = { pk: actorPartition(actorId), prefix: unnotifiedEndPrefix(peerId), only: ["until"] };
    for (;;) {
      const { items, next } = await table.query(range);
      await table.deleteMany(items.map(({ pk, sk }) => ({ pk, sk })));
      if (next === undefined) return;
    }
  }
}
