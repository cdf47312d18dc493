/** Handlers of routes, joined with what the route table says of them. */
import type * as access from "../http/access.ts";
import type { Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { RouteHandler } from "../http/router.ts";
import type * as router from "../http/router.ts";
import type { ServiceParties } from "../trust/callers.ts";
import { routes, type Area, type RouteOf } from "./route-table.ts";

export type Admission = access.Admission<ServiceParties>;
export type RouteMap = router.RouteMap<ServiceParties>;

/** Answers one route. */
export type Handle = (request: ServiceRequest, admission: Admission) => Promise<Reply>;
/** `knows`: for paths that exist for some names only: false when nothing has that name, whatever the method. */
export type Handler = Handle | Pick<RouteHandler<ServiceParties>, "knows" | "handle">;

/** A handler for every route of an area, and for nothing else. */
export type Handlers<A extends Area> = Readonly<Record<RouteOf<A>, Handler>>;

/** The routes of an area: the entries of the table, each with its handler. */
export function routesOf<A extends Area>(area: A, handlers: Handlers<A>): RouteMap {
  const found: Readonly<Record<string, Handler>> = handlers;
  const own = routes.filter((route) => route.area === area);
  return Object.fromEntries(
    own.flatMap(({ method, path, area: _area, ...rest }) => {
      const key = `${method} ${path}`;
      const handler = found[key];
      if (handler === undefined) return [];
      return [[key, { ...rest, ...(typeof handler === "function" ? { handle: handler } : handler) }]];
    }),
  );
}
