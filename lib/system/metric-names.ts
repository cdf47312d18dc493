/** The functions' own metrics in CloudWatch, which the alarms of the API stack watch. */

export const METRICS_NAMESPACE = "ActingWeb";

export const METRICS = {
  /** Seconds that the oldest gap in what the sweep found has stood. By the worker, whenever there is one. */
  oldestGapAge: "OldestGapAgeSeconds",
  /** Seconds by which the oldest due work was late when the sweep began; 0 when nothing was due. By the sweep, each minute. */
  oldestDueAge: "OldestDueAgeSeconds",
  /** Due items that the sweep found and held back, because the worker is behind. By the sweep, each minute. */
  unsentDueWork: "UnsentDueWork",
  /** Messages that waited for the worker when the sweep began. By the sweep, each minute. */
  waitingMessages: "WaitingMessages",
  /** Pieces of due work that failed with an unhandled error, by the worker, and shards that were not read, by the sweep; whenever there are some. */
  dueWorkFailed: "DueWorkFailed",
  /** Requests answered 500. Counted by CloudWatch in the functions' logs, from the lines with UNHANDLED_ERROR. */
  unhandledErrors: "UnhandledErrors",
  /** Listeners that have stopped, lag behind, or were overtaken. Counted by CloudWatch, from the lines with LISTENER_TROUBLE. */
  listenerTrouble: "ListenerTrouble",
  /** Events that EventBridge did not take, or perhaps not. Counted by CloudWatch, from the lines with NOT_PUBLISHED. */
  busEventsNotPublished: "BusEventsNotPublished",
  /** Events that slow consumers of the bus in memory have lost. Summed by CloudWatch, from the lines with BUS_DROPPED. */
  busEventsDropped: "BusEventsDropped",
} as const;

/** The message of the log line that each request answered 500 leaves. */
export const UNHANDLED_ERROR = "unhandled error";

/** The field `trouble` of a log line by which a person should look at a listener. */
export const LISTENER_TROUBLE = "listener";

/** The message of the log line that each event leaves which EventBridge did not take. */
export const NOT_PUBLISHED = "an event was not published to the bus";

/** The message of the log line about events that a slow consumer has lost; its field `dropped` says how many since the last. */
export const BUS_DROPPED = "a consumer of the event bus is too slow, and has lost events";
