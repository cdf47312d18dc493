/** Handlers of routes, joined with what the route table says of them. */
import type * as access from "../http/access.ts";
import { StateHookFailed } from "../application/state-hooks.ts";
import { unknownErrorReply, type Reply } from "../http/reply.ts";
import type { ServiceRequest } from "../http/request.ts";
import type { RouteHandler } from "../http/router.ts";
import type * as router from "../http/router.ts";
import type { ServiceParties } from "../trust/callers.ts";
import { routes, type Area, type RouteOf } from "./route-table.ts";

export type Admission = access.Admission<ServiceParties>;
export type RouteMap = router.RouteMap<ServiceParties>;

/** Answers one route. */
export type Handle = (request: ServiceRequest, admission: Admission) => Promise<Reply>;
/** `knows`: for a path that exists only for some names; false when the name of the request is not one of them. */
export type Handler = Handle | Pick<RouteHandler<ServiceParties>, "knows" | "handle">;

/** Answers a failed state hook with a plain 500: only the log has the reason. Other errors are thrown on. */
export async function withoutReason(request: ServiceRequest, answer: () => Promise<Reply>): Promise<Reply> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof StateHookFailed) return unknownErrorReply(request.requestId);
    throw error;
  }
}

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
