import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS, METRICS_NAMESPACE } from "../system/metric-names.ts";
import type { FoundWorkReport } from "./found-work.ts";
import type { SweepReport } from "./sweep.ts";

const metrics = new Metrics({ namespace: METRICS_NAMESPACE });

/** Writes the sweep's figures as one embedded-metric log line. */
export function reportSweep({ oldestDueMs, waiting, unsent, unreadShards }: SweepReport): void {
  metrics.addMetric(METRICS.oldestDueAge, "Seconds", oldestDueMs / 1_000);
  metrics.addMetric(METRICS.unsentDueWork, "Count", unsent);
  if (waiting !== undefined) metrics.addMetric(METRICS.waitingMessages, "Count", waiting);
  if (unreadShards > 0) metrics.addMetric(METRICS.dueWorkFailed, "Count", unreadShards);
  metrics.publishStoredMetrics();
}

/** Writes what failed in a batch of messages and the age of the oldest gap in it; nothing when there is neither. */
export function reportWork({ failed, oldestGapMs }: FoundWorkReport): void {
  if (failed > 0) metrics.addMetric(METRICS.dueWorkFailed, "Count", failed);
  if (oldestGapMs > 0) metrics.addMetric(METRICS.oldestGapAge, "Seconds", oldestGapMs / 1_000);
  if (failed > 0 || oldestGapMs > 0) metrics.publishStoredMetrics();
}
