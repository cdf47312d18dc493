import { afterEach, expect, it, vi } from "vitest";
import { reportFailedMessages, reportSweep } from "../../../lib/scheduler/metrics.ts";
import { METRICS, METRICS_NAMESPACE } from "../../../lib/system/metric-names.ts";

/** The embedded metrics that `act` writes: each line with its namespace, its values and their names. */
function written(act: () => void): { namespace: unknown; values: Record<string, unknown> }[] {
  const lines: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  act();
  write.mockRestore();
  return lines.map((line) => {
    const parsed = JSON.parse(line) as {
      _aws: { CloudWatchMetrics: [{ Namespace: string; Metrics: { Name: string }[] }] };
    };
    const [{ Namespace: namespace, Metrics }] = parsed._aws.CloudWatchMetrics;
    const values = parsed as unknown as Record<string, unknown>;
    return { namespace, values: Object.fromEntries(Metrics.map(({ Name }) => [Name, values[Name]])) };
  });
}

afterEach(() => vi.restoreAllMocks());

it("the sweep's figures are written under the names that the alarms watch", () => {
  const report = { done: 3, failed: 2, oldestGapMs: 4_500, oldestDueMs: 61_000 };
  expect(written(() => reportSweep(report))).toEqual([
    {
      namespace: METRICS_NAMESPACE,
      values: { [METRICS.oldestGapAge]: 4.5, [METRICS.oldestDueAge]: 61, [METRICS.dueWorkFailed]: 2 },
    },
  ]);
});

it("delayed messages that failed are written, and nothing when none did", () => {
  expect(written(() => reportFailedMessages(1))).toEqual([
    { namespace: METRICS_NAMESPACE, values: { [METRICS.dueWorkFailed]: 1 } },
  ]);
  expect(written(() => reportFailedMessages(0))).toEqual([]);
});
