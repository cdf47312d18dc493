import type { Table } from "../../lib/dynamodb/table.ts";
import type { Clock } from "../../lib/system/ports.ts";
import { ChangeLog } from "../../lib/change-log/change-log.ts";
import { LogCommits } from "../../lib/change-log/log-commits.ts";

/** Commits to change logs that nothing is delivered of; writers that race try again at once. */
export function quietCommits({ table, clock }: { readonly table: Table; readonly clock: Clock }): LogCommits {
  return new LogCommits({
    table,
    clock,
    random: () => 0,
    sleep: () => Promise.resolve(),
    after: () => () => undefined,
    changeLog: new ChangeLog({ table, clock, retentionDays: 30 }),
  });
}
