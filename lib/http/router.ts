import { isOutsideId } from "../domain/terms/identifiers.ts";
import { digestFits } from "../domain/wire/content-digest.ts";
import { ServiceError } from "../system/errors.ts";
import type { Admission, Anyone, Gate, Parties } from "./access.ts";
import type { Reply } from "./reply.ts";
import type { ServiceRequest } from "./request.ts";

/** One route of an area: its access rules and its handler. */
export interface RouteHandler<P extends Parties> {
  readonly access: readonly P["access"][];
  /**
   * What the handler checks itself instead of the router: `nothing` (the usual), `credentials`, or `actor and
   * credentials` (the hot path, where one conditional write does both).
   */
  readonly checks?: "nothing" | "credentials" | "actor and credentials";
  /** Answers while the actor is being deleted too; all others are 404 then. */
  readonly whileDeleting?: boolean;
  /** For paths that exist for some names only: false when nothing of the actor has that name, whatever the method. */
  readonly knows?: (params: ServiceRequest["params"], actor: P["actor"] | undefined) => boolean;
  /** The answers to errors are text instead of JSON. */
  readonly errors?: "text";
  handle(request: ServiceRequest, admission: Admission<P>): Promise<Reply>;
}

/** The routes of an area by `"METHOD /pattern"`. */
export type RouteMap<P extends Parties> = Readonly<Record<string, RouteHandler<P>>>;

/** What the checks have found, for the log line. */
export interface Trail {
  caller?: Parties["caller"];
}

const ANYONE: Anyone = { kind: "anyone" };
/** Parameters that carry ids from outside. */
const ID_PARAMS = ["peerId", "subscriptionId", "eventId", "relationship", "webhookId", "taskId", "group"];

const noSuchPath = (): ServiceError => new ServiceError("resource.not_found", "There is nothing at this path.");

/**
 * Checks in the contract's order (actor and path, method, credentials), then lets the handler answer.
 * @throws ServiceError when a check fails, and whatever the handler throws
 */
export async function route<P extends Parties>(
  request: ServiceRequest,
  routes: RouteMap<P>,
  gate: Gate<P>,
  trail: Trail,
): Promise<Reply> {
  const { pattern } = request;
  const requested = request.method === "HEAD" ? "GET" : request.method;
  const listed = routes[`${requested} ${pattern ?? ""}`];
  const checks = listed?.checks ?? "nothing";

  const actorId = request.params["actorId"];
  const findsActor = actorId !== undefined && checks !== "actor and credentials";
  const actor = findsActor ? await knownActor(gate, actorId, listed?.whileDeleting === true) : undefined;
  if (actorId !== undefined && !isOutsideId(actorId)) throw noSuchPath();
  checkDecoded(request);
  const methods = pattern === undefined ? [] : methodsOf(routes, pattern, request.params, actor);
  const handler = methods.includes(requested) ? listed : undefined;
  if (methods.length === 0) throw noSuchPath();
  if (handler === undefined) throw notAllowed(request.method, methods);
  checkIds(request);

  const peerId = request.params["peerId"];
  const { access } = handler;
  const admit = async (): Promise<P["caller"] | Anyone> => {
    if (access.includes("anyone") || access.includes("hook") || actor === undefined) return ANYONE;
    const caller = await gate.admit(actor, request.headers["authorization"], access, peerId, request.sourceIp);
    trail.caller = caller;
    return caller;
  };
  const caller = checks === "nothing" ? await admit() : ANYONE;
  checkDigest(request);
  return handler.handle(request, {
    get actor() {
      if (actor === undefined)
        throw new TypeError("This route has no actor: its path names none, or its handler finds the actor.");
      return actor;
    },
    caller,
    admit,
  });
}

function methodsOf<P extends Parties>(
  routes: RouteMap<P>,
  pattern: string,
  params: ServiceRequest["params"],
  actor: P["actor"] | undefined,
): readonly string[] {
  return Object.entries(routes)
    .filter(([key, { knows }]) => key.slice(key.indexOf(" ") + 1) === pattern && knows?.(params, actor) !== false)
    .map(([key]) => key.slice(0, key.indexOf(" ")));
}

async function knownActor<P extends Parties>(
  gate: Gate<P>,
  actorId: string,
  whileDeleting: boolean,
): Promise<P["actor"]> {
  const actor = isOutsideId(actorId) ? await gate.actor(actorId) : undefined;
  if (actor === undefined || (actor.deleting && !whileDeleting)) {
    throw new ServiceError("resource.not_found", "There is no such actor.");
  }
  return actor;
}

function notAllowed(method: string, methods: readonly string[]): ServiceError {
  const allowed = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  const allow = allowed.toSorted().join(", ");
  return new ServiceError("method.not_allowed", `This path does not take ${shown(method)}; it takes ${allow}.`, {
    headers: { Allow: allow },
  });
}

const shown = (method: string): string => (/^[A-Z]{1,20}$/.test(method) ? method : "that method");

/** Refuses a `%` after decoding: the gateway decodes once, so a name with `%` looks like one that was encoded twice. */
function checkDecoded({ params }: ServiceRequest): void {
  const [name] = Object.entries(params).find(([, value]) => value.includes("%")) ?? [];
  if (name === undefined) return;
  throw new ServiceError(
    "request.invalid",
    `The ${name} in the path holds a % after decoding. Names in paths hold no %; change such a key through the value around it.`,
    { field: name },
  );
}

/** Refuses a body that is not the one its sender has digested. */
function checkDigest({ headers, body }: ServiceRequest): void {
  const digest = headers["content-digest"];
  if (digest === undefined || digestFits(digest, body)) return;
  throw new ServiceError("request.digest_mismatch", "The body is not the one that its Content-Digest is of.");
}

function checkIds(request: ServiceRequest): void {
  for (const name of ID_PARAMS) {
    const value = request.params[name];
    if (value !== undefined && !isOutsideId(value)) {
      throw new ServiceError(
        "request.invalid",
        `The ${name} in the path is not an id: 1 to 128 of A-Z a-z 0-9 . _ ~ -.`,
      );
    }
  }
}
