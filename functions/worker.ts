/** Takes delayed messages from the queue: each does its due work on its second. */
import { queueWorker } from "../lib/scheduler/queue-worker.ts";
import { service } from "../lib/compose/service.ts";
import { app } from "./app.ts";

export const handler = queueWorker(() => service(app));
