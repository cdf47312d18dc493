/** The HTTP layer's types with the actors and callers of this service. */
import type * as access from "../http/access.ts";
import type { RouteHandler } from "../http/router.ts";
import type * as router from "../http/router.ts";
import type { ServiceParties } from "../trust/callers.ts";

export type Admission = access.Admission<ServiceParties>;
export type Handler = RouteHandler<ServiceParties>;
export type RouteMap = router.RouteMap<ServiceParties>;
