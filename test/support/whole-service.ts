/** Whole services in this process that reach each other through their own handlers, routed as the gateway does. */
import { MemoryBus } from "../../lib/bus/memory-bus.ts";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { routes as actorRoutes } from "../../lib/api/actors.ts";
import { routes as callbackRoutes } from "../../lib/api/callbacks.ts";
import { routes as hubRoutes } from "../../lib/api/hub.ts";
import { routes as eventRoutes } from "../../lib/api/events.ts";
import { routes as peerRoutes } from "../../lib/api/peers.ts";
import { routes as propertyRoutes } from "../../lib/api/properties.ts";
import { routes as subscriptionRoutes } from "../../lib/api/subscriptions.ts";
import { routes as trustRoutes } from "../../lib/api/trust.ts";
import { DEFAULT_AREA, routes as listed } from "../../lib/api/route-table.ts";
import { gatewayPath } from "../../infra/local/gateway-path.ts";
import { RouteTable } from "../../infra/local/route-table.ts";
import { ActorFactory } from "../../lib/actors/factory.ts";
import { ActingWebApp } from "../../lib/application/acting-web-app.ts";
import { queueWorker } from "../../lib/scheduler/queue-worker.ts";
import { readConfig } from "../../lib/system/config.ts";
import { printJson } from "../../lib/domain/json/json-text.ts";
import type { Table } from "../../lib/dynamodb/table.ts";
import { area, type AreaHandler } from "../../lib/http/area.ts";
import { platform } from "../../lib/system/platform.ts";
import type { DelayedWork } from "../../lib/system/ports.ts";
import type { Ports } from "../../lib/compose/runtime.ts";
import { composeService, type Service } from "../../lib/compose/service.ts";
import { basic, bearer, type Answer, type Asking, type Network } from "./in-process.ts";
import { received } from "./lambda-result.ts";
import { MemoryQueue, sweepAndWork } from "./memory-queue.ts";
import { MemoryTable } from "./memory-table.ts";

const gateway = new RouteTable([
  ...[...new Map<string, string>(listed.map((route) => [route.path, route.area]))].map(([path, of]) => ({
    routeKey: `ANY ${path}`,
    functionName: of,
    timeoutMs: 29_000,
  })),
  { routeKey: "$default", functionName: DEFAULT_AREA, timeoutMs: 29_000 },
]);

/** The document of the routes is tested with the bundles. */
export const NO_DOCUMENT = (): Promise<string> => Promise.resolve("{}");

/** The gateway's own answer to a path it cannot decode. */
const REFUSED: Answer = {
  status: 400,
  headers: { "content-type": "application/json" },
  text: '{"message":"Bad Request"}',
  json: { message: "Bad Request" },
};

/** One request to services that have only some areas: a path of another area is nothing's. */
export async function askAreas(
  handlers: Readonly<Record<string, AreaHandler>>,
  method: string,
  { pathname: sent, search }: URL,
  asking: Asking,
): Promise<Answer> {
  const pathname = gatewayPath(sent);
  if (pathname === undefined) return REFUSED;
  const matched = gateway.match(method, pathname);
  const found = matched && handlers[matched.route.functionName] ? matched : undefined;
  const handler = handlers[found?.route.functionName ?? DEFAULT_AREA];
  if (handler === undefined) throw new Error("no such area here");
  const body = asking.json === undefined ? asking.body : printJson(asking.json);
  const type = asking.json === undefined ? {} : { "content-type": "application/json" };
  const event = {
    routeKey: found?.route.routeKey ?? "$default",
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: { ...type, ...asking.headers },
    requestContext: { http: { method, sourceIp: asking.from ?? "192.0.2.1" } },
    pathParameters: found?.pathParameters,
    isBase64Encoded: true,
    body: body === undefined ? undefined : Buffer.from(body).toString("base64"),
  } as unknown as APIGatewayProxyEventV2;
  const { remaining = () => 29_000 } = asking;
  return received(await handler(event, { getRemainingTimeInMillis: remaining } as Context));
}

export interface Hosted {
  readonly id: string;
  readonly root: string;
  /** Headers of its owner. */
  readonly as: Record<string, string>;
}

/** One deployment: its own table and clock, every area that answers requests. */
export class WholeService {
  readonly origin: string;
  readonly table: Table;
  readonly service: Service;
  readonly logged: { level: string; message: string; fields?: Readonly<Record<string, unknown>> }[] = [];
  now = Date.UTC(2026, 0, 1);
  readonly #queue = new MemoryQueue(() => this.now);
  readonly #handlers: Readonly<Record<string, AreaHandler>>;

  constructor(
    network: Network,
    origin: string,
    options: {
      environment?: Record<string, string>;
      app?: ActingWebApp;
      table?: Table;
      /** In place of the service's own clock, queue and so on. */
      ports?: Partial<Ports>;
    } = {},
  ) {
    this.origin = origin;
    this.table = options.table ?? new MemoryTable();
    const log = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
      void this.logged.push({ level, message, ...(fields === undefined ? {} : { fields }) });
    const app = options.app ?? new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
    this.service = composeService(app, {
      ...platform,
      config: readConfig({ BASE_URL: origin, TABLE_NAME: "t", ACTOR_CREATION: "open", ...options.environment }),
      table: this.table,
      http: network,
      bus: new MemoryBus(),
      queue: this.#queue,
      clock: { now: () => this.now },
      log: { info: log("info"), warn: log("warn"), error: log("error") },
      ...options.ports,
    });
    const provide = (): Service => this.service;
    this.#handlers = {
      actors: area("actors", actorRoutes, () => ({ ...provide(), openApi: NO_DOCUMENT })),
      trust: area("trust", trustRoutes, provide),
      properties: area("properties", propertyRoutes, provide),
      subscriptions: area("subscriptions", subscriptionRoutes, provide),
      callbacks: area("callbacks", callbackRoutes, provide),
      peers: area("peers", peerRoutes, provide),
      hub: area("hub", hubRoutes, provide),
      events: area("events", eventRoutes, provide),
    };
    network.hosts.set(origin, (request) => {
      const { credentials, headers = {}, json } = request;
      const auth = credentials === undefined ? {} : bearer(credentials.bearer);
      // As the client sends it, byte for byte.
      const body = request.jsonText ?? (json === undefined ? undefined : printJson(json));
      const type = body === undefined ? {} : { "content-type": "application/json" };
      return this.ask(request.method, request.url, {
        headers: { ...headers, ...auth, ...type },
        ...(body === undefined ? {} : { body }),
      });
    });
  }

  /** Messages that bring work forward, not arrived yet. */
  get messages(): DelayedWork[] {
    return this.#queue.messages;
  }

  /** One request, routed as the gateway would. */
  async ask(method: string, url: string, asking: Asking = {}): Promise<Answer> {
    return await askAreas(this.#handlers, method, new URL(url, this.origin), asking);
  }

  /** Makes an actor. */
  async actor(creator = "alice"): Promise<Hosted> {
    const creation = { creator, passphrase: undefined, trustee_root: undefined };
    const made = await new ActorFactory(this.service).create(creation);
    return { id: made.id, root: `${this.origin}/${made.id}`, as: basic(creator, String(made["passphrase"])) };
  }

  /** Puts one side of a trust that both approved into the table; give the other side the same secret. */
  async trusts(actorId: string, peerId: string, baseUri: string, secret: string, relationship = "friend") {
    await this.service.trusts.create({
      ...{ actorId, peerId, baseUri, type: "", relationship, secret },
      ...{ desc: "", approved: true, peerApproved: true, verified: true, verificationToken: "" },
      ...{ createdAt: this.now, revision: 1, ending: false },
    });
  }

  /** Lets the delayed messages that are due by now arrive. */
  async arriveMessages(): Promise<void> {
    const due = this.messages.filter((message) => message.dueAt <= this.now);
    this.messages.splice(0, this.messages.length, ...this.messages.filter((message) => message.dueAt > this.now));
    const Records = due.map((message, index) => ({ messageId: String(index), body: JSON.stringify(message) }));
    const deadline = this.deadline();
    await queueWorker(() => this.service)({ Records }, { getRemainingTimeInMillis: () => deadline.remaining() });
  }

  /** One sweep, and the worker's work on what it found. */
  async sweep(): Promise<void> {
    await sweepAndWork(this.service, this.deadline());
  }

  /** As long as a request has. */
  deadline(): { remaining(): number } {
    const end = this.now + 29_000;
    return { remaining: () => end - this.now };
  }
}
