/** What a worker's process and its parent know of each other. */
import type { GroupSettings } from "../../../lib/client/group.ts";
import type { RunOptions } from "../../../lib/client/consuming.ts";

/** What a worker writes to its standard output once a SIGTERM lets it drain. */
export const BEGUN = "begun";

/** What a worker is started with. */
export interface Employment {
  readonly of: { readonly uri: string; readonly user: string; readonly passphrase: string };
  readonly group: string;
  readonly settings: GroupSettings;
  readonly consumer: string;
  /** Where workers write what they handle. */
  readonly file: string;
  /** A folder where each run of a worker writes its exchanges with the service, a file of JSON lines; absent: nowhere. */
  readonly exchanges?: string;
  readonly options?: Pick<RunOptions, "concurrency" | "max" | "waitSeconds">;
}

/** A line of that file: an event that a worker was given. */
export interface Handling {
  readonly consumer: string;
  readonly id: string;
  /** In the order of which its events come. */
  readonly key: string;
  readonly position: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly data: unknown;
}
