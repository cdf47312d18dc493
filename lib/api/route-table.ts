/**
 * The one list of routes: method, path, area, access. The gateways of the API stack and of the local stack are made from
 * it, and the router reads it at run time. All methods of one path lie in one area: the gateway has one `ANY <path>` route
 * for each path, and the function that serves it answers 405 for methods that are not listed here.
 */

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * A caller that a route admits; any one of a route's list suffices.
 * `anyone`: no credentials needed. `creator`: the owner, HTTP Basic. `trustee`: the trustee's bearer. `admin`: an
 * approved peer whose relationship is `admin`. `peer`: the approved peer that the path names; any approved peer where the
 * path names none. `pending`: the peer that the path names, also before we approved it. `hook`: the registered hook decides.
 */
export type Access = "anyone" | "creator" | "trustee" | "admin" | "peer" | "pending" | "hook";

interface Route {
  readonly method: Method;
  readonly path: string;
  readonly area: Area;
  readonly access: readonly Access[];
  /**
   * What the handler checks itself instead of the router: `nothing` (the usual), `credentials`, or `actor and
   * credentials` (the hot path, where one conditional write does both).
   */
  readonly checks?: "nothing" | "credentials" | "actor and credentials";
  /** The answers to errors are text instead of JSON. */
  readonly errors?: "text";
  /** Answers while the actor is being deleted too; all others are 404 then. */
  readonly whileDeleting?: boolean;
}

/** The parts that the routes fall into, each with a file of handlers beside this one. */
export type Area = "actors" | "trust" | "properties" | "subscriptions" | "callbacks" | "peers" | "events" | "hub";

/** The area that answers requests which no route matches (with 404). */
export const DEFAULT_AREA = "actors" satisfies Area;

const OWNER = ["creator", "trustee"] as const;
const OWNER_OR_ADMIN = ["creator", "trustee", "admin"] as const;
const CREATOR_OR_PEER = ["creator", "peer"] as const;
const OWNER_OR_PEER = ["creator", "trustee", "peer"] as const;

/** Anyone may read what the owner has made public; everything else there needs credentials. */
const PUBLIC = "credentials";

/** Credentials are a condition of the writes that a callback makes. */
const SELF = "actor and credentials";

const RELATIONSHIP = "/{actorId}/trust/{relationship}";
const TRUST = "/{actorId}/trust/{relationship}/{peerId}";
const PROPERTY = "/{actorId}/properties/{name}";
const SUBSCRIPTION = "/{actorId}/subscriptions/{peerId}/{subscriptionId}";
const WEBHOOK = "/{actorId}/webhooks/{webhookId}";
const GROUP = "/{actorId}/groups/{group}";
const ROOT_GROUP = "/groups/{group}";
const CALLBACK = "/{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}";

/** Every route, in the order of the protocol's sections. */
export const routes = [
  // Actors: factory, root, meta, health.
  { method: "GET", path: "/", area: "actors", access: ["anyone"] },
  { method: "POST", path: "/", area: "actors", access: ["anyone"] },
  { method: "GET", path: "/healthz", area: "actors", access: ["anyone"] },
  { method: "GET", path: "/openapi.json", area: "actors", access: ["anyone"] },
  { method: "GET", path: "/{actorId}", area: "actors", access: OWNER },
  { method: "DELETE", path: "/{actorId}", area: "actors", access: OWNER, whileDeleting: true },
  { method: "GET", path: "/{actorId}/meta", area: "actors", access: ["anyone"] },
  { method: "GET", path: "/{actorId}/meta/{leaf+}", area: "actors", access: ["anyone"] },

  // Trust and permissions. `PUT /{actorId}/trust/trustee` is `{relationship}` = `trustee`.
  { method: "GET", path: "/{actorId}/trust", area: "trust", access: OWNER_OR_ADMIN },
  { method: "POST", path: "/{actorId}/trust", area: "trust", access: OWNER_OR_ADMIN },
  { method: "GET", path: RELATIONSHIP, area: "trust", access: OWNER_OR_ADMIN },
  { method: "POST", path: RELATIONSHIP, area: "trust", access: ["anyone"] },
  { method: "PUT", path: RELATIONSHIP, area: "trust", access: ["creator"] },
  { method: "GET", path: TRUST, area: "trust", access: [...OWNER_OR_ADMIN, "pending"] },
  { method: "POST", path: TRUST, area: "trust", access: ["pending"] },
  { method: "PUT", path: TRUST, area: "trust", access: [...OWNER_OR_ADMIN, "pending"] },
  { method: "DELETE", path: TRUST, area: "trust", access: [...OWNER_OR_ADMIN, "pending"], checks: "credentials" },
  { method: "GET", path: `${TRUST}/permissions`, area: "trust", access: OWNER_OR_ADMIN },
  { method: "PUT", path: `${TRUST}/permissions`, area: "trust", access: OWNER_OR_ADMIN },
  { method: "DELETE", path: `${TRUST}/permissions`, area: "trust", access: OWNER_OR_ADMIN },
  { method: "GET", path: "/{actorId}/permissions/{peerId}", area: "trust", access: ["peer"] },

  // The actor's own properties. A peer's permissions decide what it meets there.
  { method: "GET", path: "/{actorId}/properties", area: "properties", access: CREATOR_OR_PEER, checks: PUBLIC },
  { method: "POST", path: "/{actorId}/properties", area: "properties", access: CREATOR_OR_PEER },
  { method: "DELETE", path: "/{actorId}/properties", area: "properties", access: CREATOR_OR_PEER },
  { method: "GET", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER, checks: PUBLIC },
  { method: "POST", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "PUT", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "DELETE", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "GET", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER, checks: PUBLIC },
  { method: "POST", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },
  { method: "PUT", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },
  { method: "DELETE", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },

  // The application's own targets. Every path above and below is more specific, so it wins.
  { method: "GET", path: "/{actorId}/{target}", area: "properties", access: CREATOR_OR_PEER, checks: PUBLIC },
  { method: "GET", path: "/{actorId}/{target}/{path+}", area: "properties", access: CREATOR_OR_PEER, checks: PUBLIC },

  // Subscriptions, ours and those of peers to us.
  { method: "GET", path: "/{actorId}/subscriptions", area: "subscriptions", access: OWNER },
  { method: "POST", path: "/{actorId}/subscriptions", area: "subscriptions", access: OWNER },
  { method: "GET", path: "/{actorId}/subscriptions/{peerId}", area: "subscriptions", access: OWNER_OR_PEER },
  { method: "POST", path: "/{actorId}/subscriptions/{peerId}", area: "subscriptions", access: ["peer"] },
  { method: "GET", path: SUBSCRIPTION, area: "subscriptions", access: OWNER_OR_PEER },
  { method: "PUT", path: SUBSCRIPTION, area: "subscriptions", access: OWNER_OR_PEER },
  { method: "DELETE", path: SUBSCRIPTION, area: "subscriptions", access: OWNER_OR_PEER },
  { method: "GET", path: `${SUBSCRIPTION}/{sequence}`, area: "subscriptions", access: OWNER_OR_PEER },
  { method: "POST", path: `${SUBSCRIPTION}/resync`, area: "subscriptions", access: OWNER },
  { method: "GET", path: `${SUBSCRIPTION}/state`, area: "subscriptions", access: OWNER },
  { method: "DELETE", path: `${SUBSCRIPTION}/state`, area: "subscriptions", access: OWNER },

  // Callbacks.
  { method: "POST", path: CALLBACK, area: "callbacks", access: ["peer"], checks: SELF },
  { method: "PUT", path: CALLBACK, area: "callbacks", access: ["peer"], checks: SELF },
  { method: "DELETE", path: CALLBACK, area: "callbacks", access: ["peer"], checks: SELF },
  {
    method: "POST",
    path: "/{actorId}/callbacks/permissions/{peerId}",
    area: "callbacks",
    access: ["peer"],
    checks: SELF,
  },
  { method: "GET", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },
  { method: "POST", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },
  { method: "PUT", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },
  { method: "DELETE", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },

  // Events. What a peer may publish and read, its permissions say; the query of a data URL is its credential.
  // Those of all actors are the operator's, whose bearer the handler checks.
  { method: "GET", path: "/events", area: "events", access: ["anyone"] },
  { method: "GET", path: "/{actorId}/events", area: "events", access: OWNER_OR_PEER },
  { method: "POST", path: "/{actorId}/events", area: "events", access: OWNER_OR_PEER },
  { method: "POST", path: "/{actorId}/events/{topic}", area: "events", access: OWNER_OR_PEER },
  { method: "GET", path: "/{actorId}/events/{position}/data", area: "events", access: ["anyone"] },

  // Webhooks, and the tasks that they begin.
  { method: "GET", path: "/{actorId}/webhooks", area: "events", access: OWNER },
  { method: "GET", path: WEBHOOK, area: "events", access: OWNER },
  { method: "PUT", path: WEBHOOK, area: "events", access: OWNER },
  { method: "DELETE", path: WEBHOOK, area: "events", access: OWNER },
  { method: "GET", path: `${WEBHOOK}/attempts`, area: "events", access: OWNER },
  { method: "POST", path: `${WEBHOOK}/test`, area: "events", access: OWNER },
  { method: "POST", path: `${WEBHOOK}/rotate`, area: "events", access: OWNER },
  { method: "POST", path: `${WEBHOOK}/pause`, area: "events", access: OWNER },
  { method: "POST", path: `${WEBHOOK}/resume`, area: "events", access: OWNER },
  { method: "POST", path: `${WEBHOOK}/redrive`, area: "events", access: OWNER },
  { method: "GET", path: "/{actorId}/tasks/{taskId}", area: "events", access: OWNER },
  { method: "DELETE", path: "/{actorId}/tasks/{taskId}", area: "events", access: OWNER },

  // Consumer groups.
  { method: "GET", path: "/{actorId}/groups", area: "events", access: OWNER },
  { method: "GET", path: GROUP, area: "events", access: OWNER },
  { method: "PUT", path: GROUP, area: "events", access: OWNER },
  { method: "DELETE", path: GROUP, area: "events", access: OWNER },
  { method: "POST", path: `${GROUP}/fetch`, area: "events", access: OWNER },
  { method: "POST", path: `${GROUP}/ack`, area: "events", access: OWNER },
  { method: "POST", path: `${GROUP}/reset`, area: "events", access: OWNER },
  { method: "POST", path: `${GROUP}/pause`, area: "events", access: OWNER },
  { method: "POST", path: `${GROUP}/resume`, area: "events", access: OWNER },

  // Consumer groups over all actors: the operator's, whose bearer the handler checks.
  { method: "GET", path: "/groups", area: "events", access: ["anyone"] },
  { method: "GET", path: ROOT_GROUP, area: "events", access: ["anyone"] },
  { method: "PUT", path: ROOT_GROUP, area: "events", access: ["anyone"] },
  { method: "DELETE", path: ROOT_GROUP, area: "events", access: ["anyone"] },
  { method: "POST", path: `${ROOT_GROUP}/fetch`, area: "events", access: ["anyone"] },
  { method: "POST", path: `${ROOT_GROUP}/ack`, area: "events", access: ["anyone"] },
  { method: "POST", path: `${ROOT_GROUP}/reset`, area: "events", access: ["anyone"] },
  { method: "POST", path: `${ROOT_GROUP}/pause`, area: "events", access: ["anyone"] },
  { method: "POST", path: `${ROOT_GROUP}/resume`, area: "events", access: ["anyone"] },

  // Suspending and resuming diffs.
  { method: "GET", path: "/{actorId}/suspensions", area: "peers", access: OWNER },
  { method: "POST", path: "/{actorId}/suspensions", area: "peers", access: OWNER },
  { method: "DELETE", path: "/{actorId}/suspensions/{target}", area: "peers", access: OWNER },
  { method: "DELETE", path: "/{actorId}/suspensions/{target}/{subtarget}", area: "peers", access: OWNER },

  // What is public, and the WebSub hub for it.
  { method: "GET", path: "/{actorId}/public", area: "hub", access: OWNER },
  { method: "PUT", path: "/{actorId}/public", area: "hub", access: OWNER },
  { method: "POST", path: "/{actorId}/hub", area: "hub", access: ["anyone"], errors: "text" },

  // Operating an actor.
  { method: "GET", path: "/{actorId}/peers", area: "peers", access: OWNER },
  { method: "GET", path: "/{actorId}/peers/{peerId}/properties", area: "peers", access: OWNER },
  { method: "GET", path: "/{actorId}/peers/{peerId}/properties/{name}", area: "peers", access: OWNER },
  { method: "DELETE", path: "/{actorId}/peers/{peerId}/breaker", area: "peers", access: OWNER },
  { method: "GET", path: "/{actorId}/parked", area: "peers", access: OWNER },
  { method: "POST", path: "/{actorId}/parked/{eventId}", area: "peers", access: OWNER },
] as const satisfies readonly Route[];

type KeyOf<R, A extends Area> = R extends { readonly method: infer M; readonly path: infer P; readonly area: A }
  ? `${M & string} ${P & string}`
  : never;

/** `"METHOD /path"` of every route of these areas: what their handler map must hold, no more and no less. */
export type RouteOf<A extends Area> = KeyOf<(typeof routes)[number], A>;

/** The distinct paths and the area each belongs to: one gateway route each. */
export function pathsByArea(): ReadonlyMap<string, Area> {
  return new Map(routes.map((route) => [route.path, route.area]));
}
