/** Answers every HTTP request except callbacks. */
import { readFile } from "node:fs/promises";
import { routes as actors } from "../lib/api/actors.ts";
import { routes as events } from "../lib/api/events.ts";
import type { RouteMap } from "../lib/api/handler.ts";
import { routes as hub } from "../lib/api/hub.ts";
import { routes as peers } from "../lib/api/peers.ts";
import { routes as properties } from "../lib/api/properties.ts";
import { routes as subscriptions } from "../lib/api/subscriptions.ts";
import { routes as trust } from "../lib/api/trust.ts";
import { service, type Service } from "../lib/compose/service.ts";
import { area } from "../lib/http/area.ts";
import { app } from "./app.ts";

/** Beside the bundle, where the build puts it, so that no import reads it; the source has it among the documents. */
const OPENAPI = new URL(import.meta.url.endsWith(".ts") ? "../docs/openapi.json" : "./openapi.json", import.meta.url);

/** The routes of the api function. */
export function routes(services: Service): RouteMap {
  return {
    ...actors({ ...services, openApi: async () => await readFile(OPENAPI, "utf8") }),
    ...trust(services),
    ...properties(services),
    ...subscriptions(services),
    ...peers(services),
    ...hub(services),
    ...events(services),
  };
}

export const handler = area("api", routes, () => service(app));
