/** Takes the messages of the queue: delayed ones, each of which does its due work on its second, and what the sweep found. */
import { queueWorker } from "../lib/scheduler/queue-worker.ts";
import { service } from "../lib/compose/service.ts";
import { app } from "./app.ts";

export const handler = queueWorker(() => service(app));
