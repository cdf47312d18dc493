/** Services in this process that reach each other through their own handlers: no network, no gateway, no emulator. */
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { routes as actorRoutes } from "../../lib/api/actors.ts";
import { routes as trustRoutes } from "../../lib/api/trust.ts";
import { routes as allRoutes } from "../../lib/api/route-table.ts";
import type { Application } from "../../lib/actors/application.ts";
import { readConfig } from "../../lib/system/config.ts";
import type { Table } from "../../lib/dynamodb/table.ts";
import { area } from "../../lib/http/area.ts";
import type { AreaHandler } from "../../lib/http/area.ts";
import { platform } from "../../lib/system/platform.ts";
import { PeerFailure } from "../../lib/system/ports.ts";
import type { Log, PeerAnswer, PeerHttp, PeerRequest } from "../../lib/system/ports.ts";
import { composeRuntime } from "../../lib/compose/runtime.ts";
import type { Runtime } from "../../lib/compose/runtime.ts";
import type { LogCommits } from "../../lib/change-log/log-commits.ts";
import { ActorDeletion } from "../../lib/operations/deletion.ts";
import { PeerCalls } from "../../lib/trust/peer-calls.ts";
import { trustServices } from "../../lib/trust/trust-services.ts";
import type { TrustServices } from "../../lib/trust/trust-services.ts";
import type { TrustConsequences } from "../../lib/trust/trust-services.ts";
import { received } from "./lambda-result.ts";
import { MemoryTable } from "./memory-table.ts";
import { withJson } from "./sent-json.ts";
import { quietCommits } from "./quiet-commits.ts";

/** What a request in a test may say. */
export interface Asking {
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  /** The address that it comes from. */
  readonly from?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  // Tests look into bodies of many shapes.
  readonly json: any;
}

/** Hosts by origin; every request that goes between them is kept. */
export class Network implements PeerHttp {
  readonly hosts = new Map<string, (request: PeerRequest) => Promise<Answer>>();
  readonly sent: PeerRequest[] = [];

  async send(given: PeerRequest): Promise<PeerAnswer> {
    const request = withJson(given);
    this.sent.push(request);
    const host = this.hosts.get(new URL(request.url).origin);
    if (host === undefined) throw new PeerFailure("unreachable", "No such host.");
    const answer = await host(request);
    return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.text) };
  }
}

export interface ConsequenceCall {
  readonly what: "approved" | "revoked" | "ended";
  readonly args: readonly unknown[];
}

/** An application without hooks. */
const plainApplication: Application = {
  awType: "urn:actingweb:actingweb-serverless:plain",
  desc: "An ActingWeb service",
  info: "http://actingweb.org/",
  version: "0.1.0",
  options: {},
  relationships: {},
  runTrustHook: () => Promise.resolve(),
  runActorHook: () => Promise.resolve(),
};

/** One service with its own table. */
export class InProcessService {
  readonly origin: string;
  readonly table: Table;
  readonly runtime: Runtime & { readonly commits: LogCommits; readonly calls: PeerCalls };
  readonly logged: { level: string; message: string; fields?: Readonly<Record<string, unknown>> }[] = [];
  readonly consequences: ConsequenceCall[] = [];
  readonly removed: string[] = [];
  now = Date.UTC(2026, 0, 1);
  readonly services: Runtime & { readonly trust: TrustServices; readonly deletion: ActorDeletion };
  readonly #handlers: Readonly<Record<string, AreaHandler>>;

  constructor(
    network: Network,
    origin: string,
    options: {
      environment?: Record<string, string>;
      application?: Partial<Application>;
      table?: Table;
      consequences?: TrustConsequences;
    } = {},
  ) {
    this.origin = origin;
    this.table = options.table ?? new MemoryTable();
    const log = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
      void this.logged.push({ level, message, ...(fields === undefined ? {} : { fields }) });
    const logger: Log = { info: log("info"), warn: log("warn"), error: log("error") };
    const runtime = composeRuntime(
      { ...plainApplication, ...options.application },
      {
        ...platform,
        config: readConfig({ BASE_URL: origin, TABLE_NAME: "t", ACTOR_CREATION: "open", ...options.environment }),
        table: this.table,
        http: network,
        queue: { send: () => Promise.resolve() },
        clock: { now: () => this.now },
        log: logger,
      },
    );
    this.runtime = {
      ...runtime,
      commits: quietCommits(runtime),
      calls: new PeerCalls(network, logger, runtime.clock),
    };
    const note =
      (what: ConsequenceCall["what"]) =>
      (...args: readonly unknown[]): Promise<void> => {
        this.consequences.push({ what, args });
        return Promise.resolve();
      };
    const consequences = options.consequences ?? {
      approved: note("approved"),
      revoked: note("revoked"),
      ended: note("ended"),
    };
    const remove = (actorId: string, peerId: string): Promise<void> => {
      this.removed.push(`${actorId} ${peerId}`);
      return Promise.resolve();
    };
    const trust = trustServices(this.runtime, consequences);
    const deletion = new ActorDeletion({
      ...this.runtime,
      trust,
      removePeerData: remove,
    });
    this.services = { ...this.runtime, trust, deletion };
    const provide = () => this.services;
    this.#handlers = {
      actors: area("actors", actorRoutes, provide),
      trust: area("trust", trustRoutes, provide),
    };
    network.hosts.set(origin, (request) => {
      const { credentials, headers = {}, json } = request;
      const auth = credentials === undefined ? {} : { authorization: `Bearer ${credentials.bearer}` };
      const trace = request.requestId === undefined ? {} : { "x-request-id": request.requestId };
      const area = matchRoute(new URL(request.url).pathname)?.area ?? "actors";
      // What a peer is told beside trust is none of these services' business.
      if (this.#handlers[area] === undefined)
        return Promise.resolve({ status: 404, headers: {}, text: "", json: undefined });
      return this.ask(request.method, request.url, {
        headers: { ...headers, ...auth, ...trace },
        ...(json === undefined ? {} : { json }),
      });
    });
  }

  /** One request, routed as the gateway would. */
  async ask(method: string, url: string, asking: Asking = {}): Promise<Answer> {
    const { pathname, search } = new URL(url, this.origin);
    const found = matchRoute(pathname);
    const area = found?.area ?? "actors";
    const handler = this.#handlers[area];
    if (handler === undefined) throw new Error(`no area ${area} here`);
    const body = asking.json === undefined ? asking.body : JSON.stringify(asking.json);
    const type = asking.json === undefined ? {} : { "content-type": "application/json" };
    const event = {
      routeKey: found === undefined ? "$default" : `ANY ${found.path}`,
      rawPath: pathname,
      rawQueryString: search.slice(1),
      headers: { ...type, ...asking.headers },
      requestContext: { http: { method } },
      pathParameters: found?.params,
      isBase64Encoded: true,
      body: body === undefined ? undefined : Buffer.from(body).toString("base64"),
    } as unknown as APIGatewayProxyEventV2;
    const result = await handler(event, { getRemainingTimeInMillis: () => 29_000 } as Context);
    return received(result);
  }

  /** Makes an actor; `as` is its owner's header. */
  async actor(
    creator = "alice",
    passphrase?: string,
  ): Promise<{ id: string; root: string; as: Record<string, string> }> {
    const made = await this.ask("POST", "/", {
      json: { creator, ...(passphrase === undefined ? {} : { passphrase }) },
    });
    const { id, passphrase: shown } = made.json as { id: string; passphrase: string };
    return { id, root: `${this.origin}/${id}`, as: basic(creator, shown) };
  }
}

/** Headers of Basic credentials. */
export function basic(user: string, passphrase: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${passphrase}`).toString("base64")}` };
}

/** Headers of a bearer. */
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

function matchRoute(pathname: string) {
  const segments = pathname.split("/").slice(1);
  let best: { path: string; area: string; params: Record<string, string>; fixed: number } | undefined;
  for (const { path, area } of allRoutes) {
    // Nobody registers own targets here: such a path is nothing's.
    if (path.includes("{target}")) continue;
    const params = matchPath(path.split("/").slice(1), segments);
    const fixed = path.split("/").filter((part) => part !== "" && !part.startsWith("{")).length;
    if (params !== undefined && (best === undefined || fixed > best.fixed)) best = { path, area, params, fixed };
  }
  return best;
}

function matchPath(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const greedy = /^\{(.+)\+\}$/.exec(part)?.[1];
    if (greedy !== undefined) {
      if (segments.length <= index) return undefined;
      params[greedy] = segments.slice(index).join("/");
      return params;
    }
    const segment = segments[index];
    if (segment === undefined) return undefined;
    const name = /^\{(.+)\}$/.exec(part)?.[1];
    if (name === undefined ? part !== segment : segment === "") return undefined;
    if (name !== undefined) params[name] = decodeURIComponent(segment);
  }
  return pattern.length === segments.length ? params : undefined;
}
