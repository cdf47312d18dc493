import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startSchedule } from "../../../infra/local/schedule.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the schedule", () => {
  it("starts the function at each interval with EventBridge's event", async () => {
    const events: object[] = [];
    const invoke = (event: object) => Promise.resolve(events.push(event));
    const schedule = startSchedule({ intervalMs: 60_000, invoke, log: () => undefined });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ "detail-type": "Scheduled Event", source: "aws.events", detail: {} });
    await schedule.close();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(events).toHaveLength(2);
  });

  it("never overlaps a run, and closes after the current one", async () => {
    const runs: PromiseWithResolvers<undefined>[] = [];
    const invoke = () => {
      const run = Promise.withResolvers<undefined>();
      runs.push(run);
      return run.promise;
    };
    const schedule = startSchedule({ intervalMs: 1000, invoke, log: () => undefined });
    await vi.advanceTimersByTimeAsync(3000);
    expect(runs).toHaveLength(1);
    const asked = schedule.run();
    expect(runs).toHaveLength(1);
    runs[0]?.resolve(undefined);
    await asked;
    await vi.advanceTimersByTimeAsync(1000);
    expect(runs).toHaveLength(2);
    let closed = false;
    const closing = schedule.close().then(() => (closed = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(closed).toBe(false);
    runs[1]?.resolve(undefined);
    await closing;
  });

  it("continues after a run that failed, and logs it", async () => {
    const log: string[] = [];
    let count = 0;
    const invoke = () => Promise.reject(new Error(`run ${(count += 1)}`));
    const schedule = startSchedule({ intervalMs: 1000, invoke, log: (line) => log.push(line) });
    await vi.advanceTimersByTimeAsync(2000);
    expect(log).toEqual(["schedule: Error: run 1", "schedule: Error: run 2"]);
    await expect(schedule.run()).rejects.toThrow("run 3");
    await schedule.close();
  });
});
