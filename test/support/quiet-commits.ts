import type { Table } from "../../lib/dynamodb/table.ts";
import type { Clock, Log } from "../../lib/system/ports.ts";
import { ChangeLog } from "../../lib/change-log/change-log.ts";
import { LogCommits } from "../../lib/change-log/log-commits.ts";
import type { CommitListener } from "../../lib/change-log/log-commits.ts";

const nothing = (): void => undefined;

/** Commits to change logs of which nobody, or only `committed`, hears; writers that meet try again at once. */
export function quietCommits(parts: {
  readonly table: Table;
  readonly clock: Clock;
  readonly log?: Log;
  readonly committed?: CommitListener;
}): LogCommits {
  const { table, clock, log = { info: nothing, warn: nothing, error: nothing } } = parts;
  return new LogCommits({
    ...{ table, clock, log, random: () => 0, pause: () => Promise.resolve() },
    after: () => () => undefined,
    changeLog: new ChangeLog({ table, clock, retentionDays: 30 }),
    committed: parts.committed ?? (() => Promise.resolve()),
  });
}
