import { Metrics } from "@aws-lambda-powertools/metrics";
import type { SweepReport } from "./sweep.ts";

/** Where the alarm on old gaps looks: namespace, metric name and dimension of the API stack's alarm. */
const NAMESPACE = "ActingWeb";
const OLDEST_GAP = "OldestGapAgeSeconds";

const metrics = new Metrics({ namespace: NAMESPACE });

/** Writes the sweep's figures as one embedded-metric log line. */
export function reportSweep(report: SweepReport): void {
  metrics.addMetric(OLDEST_GAP, "Seconds", report.oldestGapMs / 1_000);
  metrics.addMetric("DueWorkFailed", "Count", report.failed);
  metrics.publishStoredMetrics();
}
