/** Answers callbacks: what peers send about the subscriptions we have with them. */
import { routes } from "../lib/api/callbacks.ts";
import { service } from "../lib/compose/service.ts";
import { area } from "../lib/http/area.ts";
import { app } from "./app.ts";

export const handler = area("callbacks", routes, () => service(app));
