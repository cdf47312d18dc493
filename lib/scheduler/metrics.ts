import { Metrics } from "@aws-lambda-powertools/metrics";
import { METRICS, METRICS_NAMESPACE } from "../system/metric-names.ts";
import type { SweepReport } from "./sweep.ts";

const metrics = new Metrics({ namespace: METRICS_NAMESPACE });

/** Writes the sweep's figures as one embedded-metric log line. */
export function reportSweep(report: SweepReport): void {
  metrics.addMetric(METRICS.oldestGapAge, "Seconds", report.oldestGapMs / 1_000);
  metrics.addMetric(METRICS.oldestDueAge, "Seconds", report.oldestDueMs / 1_000);
  metrics.addMetric(METRICS.dueWorkFailed, "Count", report.failed);
  metrics.publishStoredMetrics();
}

/** Writes how many delayed messages of a batch failed; nothing when none did. */
export function reportFailedMessages(count: number): void {
  if (count === 0) return;
  metrics.addMetric(METRICS.dueWorkFailed, "Count", count);
  metrics.publishStoredMetrics();
}
