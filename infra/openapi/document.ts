/** The OpenAPI document: the route table, joined with what the areas say of their routes. */
import { pathsByArea, routes, type Access, type Area } from "../../lib/api/route-table.ts";
import { compact } from "../../lib/system/compact.ts";
import { actors } from "./actors.ts";
import { callbacks } from "./callbacks.ts";
import { errorBody, errorCodes, statusOf } from "./error-codes.ts";
import { events } from "./events.ts";
import { groupSchemas } from "./groups.ts";
import { hub } from "./hub.ts";
import { ref, said, text, type Answer, type Described, type Header, type Operation, type Schema } from "./operation.ts";
import { peers } from "./peers.ts";
import { properties } from "./properties.ts";
import { eventSchemas } from "./event-schemas.ts";
import { id, ownName, position, schemas } from "./schemas.ts";
import { subscriptions } from "./subscriptions.ts";
import { trust } from "./trust.ts";

type Json = Readonly<Record<string, unknown>>;
type Route = (typeof routes)[number];

/** Every area, with a description of each of its routes. */
const AREAS: { readonly [A in Area]: Described<A> } = {
  actors,
  trust,
  properties,
  subscriptions,
  callbacks,
  peers,
  events,
  hub,
};

/** The parameters of paths by their names. */
const PATH_PARAMETERS: Readonly<Record<string, Schema>> = {
  actorId: said("The actor.", id),
  peerId: said("The peer's actor.", id),
  subscriptionId: said("The subscription.", id),
  relationship: said("The relationship of the trust.", id),
  webhookId: said("The webhook, as its owner names it.", id),
  taskId: said("The task.", id),
  group: said("The consumer group, as its owner names it.", id),
  eventId: said("The failed event.", id),
  name: said("A name."),
  path: said("Keys below it, with slashes between them."),
  leaf: said("Keys of `/meta`, with slashes between them."),
  target: said("A target.", ownName),
  subtarget: said("A subtarget.", ownName),
  sequence: said("The number of a diff."),
  topic: said("The topic: tokens with dots between them."),
  position: said("The position of the event.", position),
};

/** Headers of every answer. */
const EVERY_ANSWER: Readonly<Record<string, Header>> = {
  "x-request-id": { description: "What the log of the service names the request by.", schema: text, required: true },
  "cache-control": { description: "Whether caches may keep the answer.", schema: text, required: true },
  "apigw-requestid": { description: "What the gateway's log names the request by.", schema: text },
};
/** Headers of answers with a body. */
const WITH_BODY: Readonly<Record<string, Header>> = {
  "content-digest": {
    description: "The SHA-256 of the bytes on the wire (RFC 9530).",
    schema: { type: "string", pattern: "^sha-256=:[A-Za-z0-9+/]{43}=:$" },
    required: true,
  },
  vary: { description: "`accept-encoding`, of a body that is compressed.", schema: text },
};
const retryAfter: Header = {
  description: "Seconds after which the request may succeed.",
  schema: { type: "string", pattern: "^[0-9]+$" },
  required: true,
};
/** Headers of errors by status. */
const BY_STATUS: Readonly<Record<number, Readonly<Record<string, Header>>>> = {
  401: { "www-authenticate": { description: "The schemes that are taken.", schema: text, required: true } },
  405: { allow: { description: "The methods that the path takes.", schema: text, required: true } },
  429: { "retry-after": retryAfter },
  503: { "retry-after": retryAfter },
};

/** Headers of requests that every route takes. */
const EVERY_REQUEST: readonly Json[] = [
  ["x-request-id", "Names the request in the log and in requests to peers.", text],
  ["traceparent", "The W3C trace that the request belongs to.", text],
  ["content-digest", "The digest of the body (RFC 9530); checked before the route acts.", text],
  ["x-http-method-override", "`PUT` or `DELETE`: the method that a GET or POST stands for.", text],
].map(([name, description, schema]) => ({ name, in: "header", description, schema }));
const METHOD_PARAMETER = {
  name: "_method",
  in: "query",
  description: "As `X-HTTP-Method-Override`.",
  schema: text,
};
const EVERY = { RequestId: 0, Traceparent: 1, ContentDigest: 2, MethodOverride: 3 } as const;

const INFO = `Made from the route table and from the schemas that check requests.

- \`HEAD\` works where \`GET\` does. Every other method of a path answers 405 with \`Allow\`, every other path 404.
- Unknown fields of a request are ignored. Whole numbers keep every digit.
- A path parameter with \`x-greedy\` takes the rest of the path, slashes included.
- An answer over 4 MiB is gzip where the client accepts it.`;

/** The document. `version`: the service's own. */
export function openApiDocument(version: string): Json {
  const described: Readonly<Record<string, Operation>> = Object.assign({}, ...Object.values(AREAS)) as never;
  const answers = new Map<string, Json>();
  const paths = [...pathsByArea().keys()].map((path): [string, Json] => {
    const methods = routes
      .filter((route) => route.path === path)
      .map((route): [string, Json] => {
        const operation = described[`${route.method} ${path}`];
        if (operation === undefined) throw new Error(`Nothing describes ${route.method} ${path}.`);
        return [route.method.toLowerCase(), operationOf(route, operation, answers)];
      });
    return [path.replaceAll("+}", "}"), { parameters: pathParameters(path), ...Object.fromEntries(methods) }];
  });
  return {
    openapi: "3.1.0",
    info: { title: "actingweb-serverless", version, summary: "ActingWeb 1.4, with events", description: INFO },
    servers: [{ url: "{base}", variables: { base: { default: "http://127.0.0.1:3000", description: "BASE_URL" } } }],
    tags: [...new Set(routes.map(({ area }) => area))].map((name) => ({ name })),
    paths: Object.fromEntries(paths),
    webhooks: SENT,
    components: {
      schemas: { ...schemas, ...eventSchemas, ...groupSchemas, Error: errorBody(errorCodes) },
      parameters: {
        ...Object.fromEntries(Object.entries(EVERY).map(([name, index]) => [name, EVERY_REQUEST[index]])),
        Method: METHOD_PARAMETER,
      },
      headers: componentHeaders(),
      responses: Object.fromEntries([...answers].sort(([one], [other]) => (one < other ? -1 : 1))),
      securitySchemes: {
        owner: { type: "http", scheme: "basic", description: "`creator:passphrase` of the actor." },
        bearer: { type: "http", scheme: "bearer", description: "A trust's secret, or the trustee's passphrase." },
      },
    },
  };
}

function operationOf(route: Route, operation: Operation, shared: Map<string, Json>): Json {
  const { summary, description, query = {}, headers = {}, body, answers } = operation;
  const parameters = [
    ...Object.entries(query).map(([name, parameter]) => ({ name, in: "query", ...parameter })),
    ...Object.entries(headers).map(([name, parameter]) => ({ name, in: "header", ...parameter })),
    ...[...Object.keys(EVERY), "Method"].map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
  return {
    operationId: operationId(route),
    tags: [route.area],
    summary,
    ...compact({ description }),
    security: securityOf(route),
    parameters,
    ...compact({ requestBody: body && { required: body.optional !== true, content: body.content } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)])),
      ...errorsOf(route, operation, shared),
    },
    // Which of the callers a route admits: any one suffices.
    "x-access": route.access,
  };
}

const headersOf = (headers: Readonly<Record<string, Header>>): Json =>
  Object.fromEntries(
    Object.entries(headers).map(([name, header]) => [
      name,
      header === (EVERY_ANSWER[name] ?? WITH_BODY[name]) ? { $ref: `#/components/headers/${name}` } : header,
    ]),
  );
const componentHeaders = (): Json => ({ ...EVERY_ANSWER, ...WITH_BODY });

const answerOf = ({ description, content, headers = {} }: Answer): Json => ({
  description,
  headers: headersOf({ ...EVERY_ANSWER, ...(content !== undefined && WITH_BODY), ...headers }),
  ...compact({ content }),
});

/** The errors of a route by status: its own codes, and those that follow from its access, its path and its body. */
function errorsOf(route: Route, operation: Operation, shared: Map<string, Json>): Json {
  const codes = new Set([...codesOf(route, operation), ...(operation.errors ?? [])]);
  const byStatus = Map.groupBy([...codes].sort(), statusOfCode);
  const asText = "errors" in route;
  return Object.fromEntries(
    [...byStatus]
      .sort(([one], [other]) => one - other)
      .map(([status, ofStatus]) => {
        const own = operation.errorHeaders?.[status];
        const name = [status, ...(asText ? ["text"] : []), ...ofStatus, ...Object.keys(own ?? {})].join(".");
        const isText = asText && status !== 500;
        const content = isText
          ? { "text/plain": { schema: text } }
          : { "application/json": { schema: errorBody(ofStatus) } };
        const headers = { ...BY_STATUS[status], ...own };
        shared.set(name, answerOf({ description: ofStatus.map((code) => `\`${code}\``).join(", "), content, headers }));
        return [status, { $ref: `#/components/responses/${name}` }];
      }),
  );
}

function statusOfCode(code: string): number {
  const status = statusOf.get(code);
  if (status === undefined) throw new Error(`There is no error code ${code}.`);
  return status;
}

function codesOf({ path, access }: Route, { body }: Operation): readonly string[] {
  const callers: readonly Access[] = access;
  const isOpen = callers.includes("anyone") || callers.includes("hook");
  return [
    "bad_request",
    "digest_mismatch",
    "internal_error",
    "service_unavailable",
    ...(path.includes("{") ? ["not_found"] : []),
    ...(isOpen ? [] : ["unauthorized", "forbidden"]),
    ...(callers.includes("creator") ? ["too_many_attempts"] : []),
    ...(body === undefined ? [] : ["payload_too_large", "unsupported_media_type"]),
  ];
}

function securityOf(route: Route): readonly Json[] {
  const callers: readonly Access[] = route.access;
  if (callers.includes("anyone") || callers.includes("hook")) return [{}];
  const isPublic = "checks" in route && route.checks === "credentials" && route.method === "GET";
  return [
    ...(callers.includes("creator") ? [{ owner: [] }] : []),
    ...(callers.some((caller) => caller !== "creator") ? [{ bearer: [] }] : []),
    ...(isPublic ? [{}] : []),
  ];
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)(\+?)\}/g)].map(([, name = "", greedy]) => {
    const { description, ...schema } = PATH_PARAMETERS[name] ?? {};
    if (description === undefined) throw new Error(`Nothing describes the parameter ${name} of ${path}.`);
    const more = greedy === "" ? {} : { "x-greedy": true };
    return { name, in: "path", required: true, description, schema, ...more };
  });
}

/** Such as `getActorTrustByRelationship`. */
function operationId({ method, path }: Pick<Route, "method" | "path">): string {
  const words = path
    .split("/")
    .slice(1)
    .filter((segment) => segment !== "")
    .map((segment) => {
      if (segment === "{actorId}") return "Actor";
      const word = segment.replaceAll(/[^A-Za-z0-9]/g, "");
      return `${segment.startsWith("{") ? "By" : ""}${word.charAt(0).toUpperCase()}${word.slice(1)}`;
    });
  return `${method.toLowerCase()}${words.join("") || "Service"}`;
}

const sent = (summary: string, type: string, body: string): Json => ({
  post: {
    summary,
    requestBody: { required: true, content: { [type]: { schema: ref(body) } } },
    responses: { "2XX": { description: "It is taken." } },
  },
});
/** What the service sends. */
const SENT: Json = {
  event: sent("An event to a webhook, signed as of Standard Webhooks", "application/cloudevents+json", "Event"),
  callback: sent("A callback to a peer that has subscribed", "application/json", "Callback"),
  permissions: sent("A callback to a peer whose permissions have changed", "application/json", "PermissionCallback"),
};
