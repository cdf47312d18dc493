/** Services that consist of actors and trust alone, and note what a change of trust sets off. */
import { NoBus } from "../../lib/bus/no-bus.ts";
import { routes as actorRoutes } from "../../lib/api/actors.ts";
import { routes as trustRoutes } from "../../lib/api/trust.ts";
import type { Application } from "../../lib/actors/application.ts";
import { readConfig } from "../../lib/system/config.ts";
import type { Table } from "../../lib/dynamodb/table.ts";
import { area, type AreaHandler } from "../../lib/http/area.ts";
import { platform } from "../../lib/system/platform.ts";
import type { Log } from "../../lib/system/ports.ts";
import { composeRuntime, type Runtime } from "../../lib/compose/runtime.ts";
import type { LogCommits } from "../../lib/change-log/log-commits.ts";
import { ActorDeletion } from "../../lib/operations/deletion.ts";
import { PeerCalls } from "../../lib/trust/peer-calls.ts";
import { trustServices, type TrustServices, type TrustConsequences } from "../../lib/trust/trust-services.ts";
import { MemoryTable } from "../support/memory-table.ts";
import { basic, type Answer, type Asking, type Network } from "../support/in-process.ts";
import { quietCommits } from "../support/quiet-commits.ts";
import { askAreas, NO_DOCUMENT } from "../support/whole-service.ts";
import { MemoryQueue } from "../support/memory-queue.ts";

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
export class TrustWorld {
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
        bus: new NoBus(),
        queue: new MemoryQueue(),
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
      leaveGroups: () => Promise.resolve(),
    });
    this.services = { ...this.runtime, trust, deletion };
    const provide = () => this.services;
    this.#handlers = {
      actors: area("actors", actorRoutes, () => ({ ...provide(), openApi: NO_DOCUMENT })),
      trust: area("trust", trustRoutes, provide),
    };
    network.hosts.set(origin, (request) => {
      const { credentials, headers = {}, json } = request;
      const auth = credentials === undefined ? {} : { authorization: `Bearer ${credentials.bearer}` };
      const trace = request.requestId === undefined ? {} : { "x-request-id": request.requestId };
      return this.ask(request.method, request.url, {
        headers: { ...headers, ...auth, ...trace },
        ...(json === undefined ? {} : { json }),
      });
    });
  }

  /** One request, routed as the gateway would. */
  async ask(method: string, url: string, asking: Asking = {}): Promise<Answer> {
    return await askAreas(this.#handlers, method, new URL(url, this.origin), asking);
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
