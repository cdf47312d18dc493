/** The functions' own metrics in CloudWatch, which the alarms of the API stack watch. */

export const METRICS_NAMESPACE = "ActingWeb";

export const METRICS = {
  /** Seconds that the oldest open gap has stood; 0 when there is none. By the sweep, each minute. */
  oldestGapAge: "OldestGapAgeSeconds",
  /** Seconds by which the oldest due work was late when the sweep began; 0 when nothing was due. By the sweep, each minute. */
  oldestDueAge: "OldestDueAgeSeconds",
  /** Pieces of due work that failed with an unhandled error: by the sweep, each minute, and by the worker whenever there are some. */
  dueWorkFailed: "DueWorkFailed",
  /** Requests answered 500. Counted by CloudWatch in the functions' logs, from the lines with UNHANDLED_ERROR. */
  unhandledErrors: "UnhandledErrors",
} as const;

/** The message of the log line that each request answered 500 leaves. */
export const UNHANDLED_ERROR = "unhandled error";
