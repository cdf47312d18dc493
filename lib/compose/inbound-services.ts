/** Everything about peers' subscriptions to us, put together. */
import type { Table } from "../dynamodb/table.ts";
import type { ChangeLog } from "../change-log/change-log.ts";
import { readSubscriptionContext } from "../publishing/subscribers/subscription-context.ts";
import { InboundHeads } from "../publishing/subscribers/inbound-heads.ts";
import { InboundReading } from "../publishing/snapshots/inbound-reading.ts";
import type { InboundReadingDeps } from "../publishing/snapshots/inbound-reading.ts";
import { InboundSubscriptions } from "../publishing/subscribers/inbound-subscriptions.ts";
import type { InboundDeps } from "../publishing/subscribers/inbound-subscriptions.ts";
import { CursorStore } from "../publishing/subscribers/cursor-store.ts";
import { RecordRetention } from "../publishing/subscribers/record-retention.ts";
import { UnnotifiedEnds } from "../publishing/subscribers/unnotified-ends.ts";

/** The parts of peers' subscriptions to us. */
export interface InboundServices {
  readonly inboundHeads: InboundHeads;
  readonly cursors: CursorStore;
  readonly inbound: InboundSubscriptions;
  readonly inboundReading: InboundReading;
  readonly retention: RecordRetention;
}

/** Puts the parts together over one table. */
export function inboundServices(
  deps: Omit<InboundDeps, "heads" | "cursors" | "unnotifiedEnds"> &
    Pick<InboundReadingDeps, "snapshot" | "rootOf"> & {
      readonly table: Table;
      readonly changeLog: ChangeLog;
      readonly incarnation: string;
      /** How long what a peer has not been told is kept for it. */
      readonly retentionDays: number;
    },
): InboundServices {
  const { table, clock, log, changeLog, permissions, snapshot, rootOf, incarnation, retentionDays } = deps;
  const inboundHeads = new InboundHeads(table);
  const cursors = new CursorStore({
    ...{ table, clock, changeLog, incarnation },
    contextOf: async (...names) => await readSubscriptionContext({ table, heads: inboundHeads, permissions }, ...names),
  });
  const unnotifiedEnds = new UnnotifiedEnds({ table, clock, keepDays: retentionDays });
  const inbound = new InboundSubscriptions({ ...deps, heads: inboundHeads, cursors, unnotifiedEnds });
  const inboundReading = new InboundReading({ cursors, permissions, snapshot, rootOf });
  return {
    inboundHeads,
    cursors,
    inbound,
    inboundReading,
    retention: new RecordRetention({ clock, log, changeLog, cursors }),
  };
}
