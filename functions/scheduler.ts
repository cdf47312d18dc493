/** Runs every minute: does what is due, whatever became of the delayed messages. */
import { sweep } from "../lib/scheduler/sweep.ts";
import { reportSweep } from "../lib/scheduler/metrics.ts";
import { service } from "../lib/compose/service.ts";
import { app } from "./app.ts";

/** Runs one sweep and reports it, with the age of the oldest gap as a metric. */
export async function handler(_event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> {
  const services = service(app);
  const report = await sweep(services, { remaining: () => context.getRemainingTimeInMillis() });
  services.log.info("sweep", { ...report });
  reportSweep(report);
}
