/** Watches the notes of deliveries without a lease, as they are written. */
import { NOTHING_DELIVERED, withoutCleared, type DeliveryState } from "../../../lib/domain/log/delivery-state.ts";
import type { SubscriptionState } from "../../../lib/domain/log/subscription-log.ts";
import { inboundOfKey } from "../../../lib/dynamodb/keys/publishing.ts";
import { leaseIsLive, leaseOf } from "../../../lib/dynamodb/lease.ts";
import type { Attribute, Table } from "../../../lib/dynamodb/table.ts";
import type { MemoryTable } from "../memory-table.ts";
import { breaking } from "../simulation/sabotage.ts";
import { Violation } from "./violation.ts";

/**
 * The table itself. A write of a head's cursor and delivery together is one without a lease: it comes beside no live lease,
 * and says something new.
 */
export function watched(table: MemoryTable, now: () => number, seen: (violation: Violation) => void): Table {
  return {
    ...breaking(table, (condition) => condition),
    update: async (key, change, condition) => {
      const { state, delivery, refused } = change.set ?? {};
      const isNote = inboundOfKey(key.sk) !== undefined && state !== undefined && delivery !== undefined;
      const before = isNote ? table.itemAt(key) : undefined;
      const after = await table.update(key, change, condition);
      if (before === undefined) return after;
      const lease = leaseOf(before);
      if (leaseIsLive(lease, now(), lease?.incarnation ?? ""))
        seen(new Violation(`${key.sk}: a delivery without a lease is noted beside a live one (P3).`));
      const { cleared } = JSON.parse(String(after["state"])) as SubscriptionState;
      const [was, is] = [before["delivery"], delivery].map((text) => stripped(text, cleared));
      if (refused === undefined && JSON.stringify(was) === JSON.stringify(is))
        seen(new Violation(`${key.sk}: what is cleared, or noted already, is noted again.`));
      return after;
    },
  };
}

const stripped = (text: Attribute | undefined, cleared: number): DeliveryState =>
  withoutCleared(typeof text === "string" ? (JSON.parse(text) as DeliveryState) : NOTHING_DELIVERED, cleared);
