/** Everything about peers' subscriptions to us, put together. */
import type { Table } from "../dynamodb/table.ts";
import type { ChangeLog } from "./change-log.ts";
import { readCircumstances } from "./circumstances.ts";
import { InboundHeads } from "./inbound-heads.ts";
import { InboundReading } from "./inbound-reading.ts";
import type { InboundReadingDeps } from "./inbound-reading.ts";
import { InboundSubscriptions } from "./inbound-subscriptions.ts";
import type { InboundDeps } from "./inbound-subscriptions.ts";
import { LogWalk } from "./log-walk.ts";
import { LogTrim } from "./trim.ts";
import { UntoldEnds } from "./untold-ends.ts";

/** The parts of peers' subscriptions to us. */
export interface InboundServices {
  readonly inboundHeads: InboundHeads;
  readonly walk: LogWalk;
  readonly inbound: InboundSubscriptions;
  readonly inboundReading: InboundReading;
  readonly trim: LogTrim;
}

/** Puts the parts together over one table. */
export function inboundServices(
  deps: Omit<InboundDeps, "heads" | "walk" | "untoldEnds"> &
    Pick<InboundReadingDeps, "snapshot" | "rootOf"> & {
      readonly table: Table;
      readonly changeLog: ChangeLog;
      readonly fence: string;
      /** How long what a peer has not been told is kept for it. */
      readonly retentionDays: number;
    },
): InboundServices {
  const { table, clock, log, changeLog, permissions, snapshot, rootOf, fence, retentionDays } = deps;
  const inboundHeads = new InboundHeads(table);
  const walk = new LogWalk({
    ...{ table, clock, changeLog, fence },
    circumstances: async (...names) => await readCircumstances({ table, heads: inboundHeads, permissions }, ...names),
  });
  const untoldEnds = new UntoldEnds({ table, clock, keepDays: retentionDays });
  const inbound = new InboundSubscriptions({ ...deps, heads: inboundHeads, walk, untoldEnds });
  const inboundReading = new InboundReading({ walk, permissions, snapshot, rootOf });
  return { inboundHeads, walk, inbound, inboundReading, trim: new LogTrim({ clock, log, changeLog, walk }) };
}
