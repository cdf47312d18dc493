import { randomUUID } from "node:crypto";

interface ScheduleOptions {
  /** Milliseconds between two starts. */
  readonly intervalMs: number;
  readonly invoke: (event: object) => Promise<unknown>;
  readonly log: (line: string) => void;
}

export interface Schedule {
  /** Starts a run now, or joins the one under way; resolves when the run has ended, rejects when it failed. */
  run(): Promise<void>;
  /** Stops the schedule and waits for the run under way. */
  close(): Promise<void>;
}

/** Starts a function at an interval with the event of EventBridge. Runs never overlap: a run that lasts longer skips the next. */
export function startSchedule({ intervalMs, invoke, log }: ScheduleOptions): Schedule {
  let running: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running ??= invoke(scheduledEvent())
      .then(() => undefined)
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const timer = setInterval(() => {
    run().catch((error: unknown) => log(`schedule: ${String(error)}`));
  }, intervalMs);
  return {
    run,
    async close() {
      clearInterval(timer);
      await running?.catch(() => undefined);
    },
  };
}

function scheduledEvent(): object {
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "Scheduled Event",
    source: "aws.events",
    account: "000000000000",
    time: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    region: "local",
    resources: ["arn:aws:events:local:000000000000:rule/every-minute"],
    detail: {},
  };
}
