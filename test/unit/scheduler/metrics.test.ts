import { afterEach, expect, it, vi } from "vitest";
import { reportSweep, reportWork } from "../../../lib/scheduler/metrics.ts";
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

const QUIET = { handedOver: 0, messages: 0, unsent: 0, waiting: 0, oldestDueMs: 0, unreadShards: 0 };

it("the sweep's figures are written under the names that the alarms watch", () => {
  const namespace = METRICS_NAMESPACE;
  const { oldestDueAge, unsentDueWork, waitingMessages, dueWorkFailed } = METRICS;
  expect(written(() => reportSweep({ ...QUIET, unsent: 7, waiting: 3, oldestDueMs: 61_000 }))).toEqual([
    { namespace, values: { [oldestDueAge]: 61, [unsentDueWork]: 7, [waitingMessages]: 3 } },
  ]);
  expect(written(() => reportSweep({ ...QUIET, waiting: undefined, unreadShards: 2 }))).toEqual([
    { namespace, values: { [oldestDueAge]: 0, [unsentDueWork]: 0, [dueWorkFailed]: 2 } },
  ]);
});

it("what failed in a batch and the oldest gap in it are written, and nothing when there is neither", () => {
  const namespace = METRICS_NAMESPACE;
  expect(written(() => reportWork({ failed: 1, oldestGapMs: 4_500 }))).toEqual([
    { namespace, values: { [METRICS.dueWorkFailed]: 1, [METRICS.oldestGapAge]: 4.5 } },
  ]);
  expect(written(() => reportWork({ failed: 2, oldestGapMs: 0 }))).toEqual([
    { namespace, values: { [METRICS.dueWorkFailed]: 2 } },
  ]);
  expect(written(() => reportWork({ failed: 0, oldestGapMs: 0 }))).toEqual([]);
});
