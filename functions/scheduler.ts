/** Runs every minute: finds what is due and hands it to the worker, whatever became of the delayed messages. */
import { reportSweep } from "../lib/scheduler/metrics.ts";
import { service } from "../lib/compose/service.ts";
import { app } from "./app.ts";

/** Runs one sweep and reports it, with the age of the oldest due work as a metric. */
export async function handler(_event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> {
  const { sweep, log } = service(app);
  const report = await sweep.run({ remaining: () => context.getRemainingTimeInMillis() });
  log.info("sweep", { ...report });
  reportSweep(report);
}
