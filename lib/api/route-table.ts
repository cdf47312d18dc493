/**
 * The one list of routes, and of what each Lambda function serves and may do. The API stack, its permissions, the local
 * stack and the handler maps are made from it. All methods of one path lie in one area: the gateway has one `ANY <path>`
 * route for each path, and the function that serves it answers 405 for what is not listed here.
 */

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * Who a route is for; any one of a route's list suffices.
 * `anyone`: no credentials needed. `creator`: the owner, HTTP Basic. `trustee`: the trustee's bearer. `admin`: an
 * approved peer whose relationship is `admin`. `peer`: the approved peer that the path names. `pending`: that peer, also
 * before we approved it. `hook`: whoever the registered hook lets in.
 */
export type Access = "anyone" | "creator" | "trustee" | "admin" | "peer" | "pending" | "hook";

interface Route {
  readonly method: Method;
  readonly path: string;
  readonly area: Area;
  readonly access: readonly Access[];
}

/** What a function may do with the table. A transaction needs the action of each of its writes. */
export type TableAction =
  | "GetItem"
  | "BatchGetItem"
  | "Query"
  | "PutItem"
  | "UpdateItem"
  | "DeleteItem"
  | "BatchWriteItem"
  | "ConditionCheckItem";

/** Everything one function may do. Nothing else is granted. */
export interface FunctionRights {
  readonly table: readonly TableAction[];
  /** May query the index of due work. */
  readonly dueIndex: boolean;
  /** May put messages into the delay queue. */
  readonly sends: boolean;
  /** What starts it: requests, the every-minute schedule, or the delay queue. */
  readonly startedBy: "requests" | "schedule" | "queue";
}

/** Each function runs hooks, and a hook may do with its actor whatever the service can: docs/decisions/0001-functions.md. */
const TABLE = [
  ...(["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"] as const),
  // Removes data that nothing refers to any more.
  "BatchWriteItem",
] as const satisfies readonly TableAction[];

/** The Lambda functions, each with a file of its name in `functions/`. */
export const functions = {
  callbacks: { table: TABLE, dueIndex: false, sends: true, startedBy: "requests" },
  api: { table: TABLE, dueIndex: false, sends: true, startedBy: "requests" },
  worker: { table: TABLE, dueIndex: false, sends: true, startedBy: "queue" },
  scheduler: { table: TABLE, dueIndex: true, sends: true, startedBy: "schedule" },
} as const satisfies Readonly<Record<string, FunctionRights>>;

export type FunctionName = keyof typeof functions;

/** The parts that the routes fall into, each with a handler map of its own, and the function that serves each. */
export const areas = {
  actors: "api",
  trust: "api",
  properties: "api",
  subscriptions: "api",
  callbacks: "callbacks",
  peers: "api",
} as const satisfies Readonly<Record<string, FunctionName>>;

export type Area = keyof typeof areas;

/** The areas that a function serves. */
export type AreaOf<F extends FunctionName> = { [A in Area]: (typeof areas)[A] extends F ? A : never }[Area];

/** The area that answers whatever no route matches (with 404). */
export const DEFAULT_AREA = "actors" satisfies Area;

const OWNER = ["creator", "trustee"] as const;
const OWNER_OR_ADMIN = ["creator", "trustee", "admin"] as const;
const CREATOR_OR_PEER = ["creator", "peer"] as const;
const OWNER_OR_PEER = ["creator", "trustee", "peer"] as const;

const RELATIONSHIP = "/{actorId}/trust/{relationship}";
const TRUST = "/{actorId}/trust/{relationship}/{peerId}";
const PROPERTY = "/{actorId}/properties/{name}";
const SUBSCRIPTION = "/{actorId}/subscriptions/{peerId}/{subscriptionId}";
const CALLBACK = "/{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}";

/** Every route, in the order of the protocol's sections. */
export const routes = [
  // Actors: factory, root, meta, health.
  { method: "GET", path: "/", area: "actors", access: ["anyone"] },
  { method: "POST", path: "/", area: "actors", access: ["anyone"] },
  { method: "GET", path: "/healthz", area: "actors", access: ["anyone"] },
  { method: "GET", path: "/{actorId}", area: "actors", access: OWNER },
  { method: "DELETE", path: "/{actorId}", area: "actors", access: OWNER },
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
  { method: "DELETE", path: TRUST, area: "trust", access: [...OWNER_OR_ADMIN, "pending"] },
  { method: "GET", path: `${TRUST}/permissions`, area: "trust", access: OWNER_OR_ADMIN },
  { method: "PUT", path: `${TRUST}/permissions`, area: "trust", access: OWNER_OR_ADMIN },
  { method: "DELETE", path: `${TRUST}/permissions`, area: "trust", access: OWNER_OR_ADMIN },
  { method: "GET", path: "/{actorId}/permissions/{peerId}", area: "trust", access: ["peer"] },

  // The actor's own properties. A peer's permissions decide what it meets there.
  { method: "GET", path: "/{actorId}/properties", area: "properties", access: CREATOR_OR_PEER },
  { method: "POST", path: "/{actorId}/properties", area: "properties", access: CREATOR_OR_PEER },
  { method: "DELETE", path: "/{actorId}/properties", area: "properties", access: CREATOR_OR_PEER },
  { method: "GET", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "POST", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "PUT", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "DELETE", path: PROPERTY, area: "properties", access: CREATOR_OR_PEER },
  { method: "GET", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },
  { method: "POST", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },
  { method: "PUT", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },
  { method: "DELETE", path: `${PROPERTY}/{path+}`, area: "properties", access: CREATOR_OR_PEER },

  // The application's own targets. Every path above and below is more specific, so it wins.
  { method: "GET", path: "/{actorId}/{target}", area: "properties", access: CREATOR_OR_PEER },
  { method: "GET", path: "/{actorId}/{target}/{path+}", area: "properties", access: CREATOR_OR_PEER },

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
  { method: "POST", path: CALLBACK, area: "callbacks", access: ["peer"] },
  { method: "PUT", path: CALLBACK, area: "callbacks", access: ["peer"] },
  { method: "DELETE", path: CALLBACK, area: "callbacks", access: ["peer"] },
  { method: "POST", path: "/{actorId}/callbacks/permissions/{peerId}", area: "callbacks", access: ["peer"] },
  { method: "GET", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },
  { method: "POST", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },
  { method: "PUT", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },
  { method: "DELETE", path: "/{actorId}/callbacks/{name+}", area: "callbacks", access: ["hook"] },

  // Suspending and resuming diffs.
  { method: "GET", path: "/{actorId}/suspensions", area: "peers", access: OWNER },
  { method: "POST", path: "/{actorId}/suspensions", area: "peers", access: OWNER },
  { method: "DELETE", path: "/{actorId}/suspensions/{target}", area: "peers", access: OWNER },
  { method: "DELETE", path: "/{actorId}/suspensions/{target}/{subtarget}", area: "peers", access: OWNER },

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
export type RouteKey<A extends Area> = KeyOf<(typeof routes)[number], A>;

/** The distinct paths and the area each belongs to: one gateway route each. */
export function pathsByArea(): ReadonlyMap<string, Area> {
  return new Map(routes.map((route) => [route.path, route.area]));
}
