/** One simulated instance of the service: all its functions over a table that fails, a network of scripted peers, a queue. */
import { NoBus } from "../../../lib/bus/no-bus.ts";
import { AsyncLocalStorage } from "node:async_hooks";
import { routes as peerRoutes } from "../../../lib/api/peers.ts";
import { routes as propertyRoutes } from "../../../lib/api/properties.ts";
import { routes as subscriptionRoutes } from "../../../lib/api/subscriptions.ts";
import { routes as trustRoutes } from "../../../lib/api/trust.ts";
import { routes as allRoutes } from "../../../lib/api/route-table.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { Config } from "../../../lib/system/config.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { platform } from "../../../lib/system/platform.ts";
import { area, type AreaHandler } from "../../../lib/http/area.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import type { RouteMap } from "../../../lib/api/handler.ts";
import type {
  DelayedWork,
  FoundMessage,
  FoundWork,
  Json,
  PeerAnswer,
  PeerRequest,
  QueueDepth,
} from "../../../lib/system/ports.ts";
import { composeService, type Service } from "../../../lib/compose/service.ts";
import { ANY_TIME, askArea } from "../area-request.ts";
import { FaultyTable, type Effect } from "../faulty-table.ts";
import { work } from "../memory-queue.ts";
import { withJson } from "../sent-json.ts";

/** The dependencies of an instance. */
export interface InstanceWorld {
  readonly table: Table;
  readonly config: Config;
  readonly now: () => number;
  readonly id: () => string;
  /** Waits until it is this step's turn. */
  readonly step: () => Promise<void>;
  readonly effect: () => Effect;
  readonly send: (request: PeerRequest) => Promise<PeerAnswer>;
  readonly message: (work: DelayedWork) => void;
  readonly found: (messages: readonly FoundMessage[]) => void;
  readonly depth: () => QueueDepth;
  readonly note: (line: string) => void;
  /** A warning or an error of the service. */
  readonly log: (level: string, message: string, error: unknown) => void;
}

/** A request as the gateway hands it over. */
export interface Asking {
  readonly json?: Json;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly auth: string;
}

/** The record that was the newest when the work now running began. */
export const begun = new AsyncLocalStorage<number>();

const ROUTES: Readonly<Record<string, (services: Service) => RouteMap>> = {
  peers: peerRoutes,
  properties: propertyRoutes,
  subscriptions: subscriptionRoutes,
  trust: trustRoutes,
};

/** The longest that one request may take, ms, as the gateway allows. */
const REQUEST_MS = 29_000;

export class Instance {
  dead = false;
  readonly services: Service;
  /** Settles when the instance dies. */
  readonly death: Promise<"dead">;
  readonly #world: InstanceWorld;
  /** The handlers of the areas that were asked so far. */
  readonly #areas = new Map<string, AreaHandler>();
  #die: () => void = () => undefined;

  constructor(world: InstanceWorld) {
    this.#world = world;
    this.death = new Promise((resolve) => {
      this.#die = () => {
        this.dead = true;
        resolve("dead");
      };
    });
    const app = new ActingWebApp({ awType: "urn:actingweb:example.com:world", desc: "Publishes" });
    const log = (level: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
      if (level !== "info") world.log(level, message, fields?.["error"]);
    };
    this.services = composeService(app, {
      ...platform,
      config: world.config,
      table: new FaultyTable(world.table, async (operation, keys) => {
        await this.#step();
        const effect = world.effect();
        world.note(
          `  ${operation} ${keys
            .map(({ pk, sk }) => `${pk} ${sk}`)
            .join(", ")
            .slice(0, 120)} ${effect}`,
        );
        if (effect === "crash" || effect === "crash_after") this.#die();
        return effect;
      }),
      http: {
        send: async (request) => {
          await this.#step();
          try {
            return await world.send(withJson(request));
          } finally {
            await this.#step();
          }
        },
      },
      bus: new NoBus(),
      queue: {
        send: async (work) => {
          await this.#step();
          world.message(work);
        },
        sendFound: async (messages) => {
          await this.#step();
          world.found(messages);
          return [];
        },
        depth: async () => {
          await this.#step();
          return world.depth();
        },
      },
      clock: { now: world.now },
      ids: { id: world.id, secret: world.id },
      log: { info: log("info"), warn: log("warn"), error: log("error") },
    });
  }

  /** Ends the instance with all its work. */
  kill(): void {
    this.#die();
  }

  /** One request to a route, as its area answers it. */
  async ask(route: string, params: Readonly<Record<string, string>>, asking: Asking): Promise<Reply> {
    const [method = "", pattern = ""] = route.split(" ");
    const deadline = this.deadline();
    return await askArea(this.#handlerOf(allRoutes.find((each) => each.path === pattern)?.area ?? "actors"), {
      ...{ method, pattern, params, remaining: () => deadline.remaining(), query: asking.query },
      headers: {
        authorization: asking.auth,
        ...(asking.json === undefined ? {} : { "content-type": "application/json" }),
        ...asking.headers,
      },
      body: asking.json === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(asking.json)),
    });
  }

  #handlerOf(name: string): AreaHandler {
    const routes = ROUTES[name] ?? (() => ({}));
    const known = this.#areas.get(name) ?? area(name, routes, () => ({ ...this.services, after: ANY_TIME }));
    this.#areas.set(name, known);
    return known;
  }

  async sweep(): Promise<void> {
    await this.services.sweep.run(this.deadline(60_000));
  }

  async take(message: DelayedWork | FoundWork): Promise<void> {
    await work(this.services, message, this.deadline(60_000));
  }

  deadline(ms = REQUEST_MS): { remaining(): number } {
    const end = this.#world.now() + ms;
    return { remaining: () => Math.max(0, end - this.#world.now()) };
  }

  async #step(): Promise<void> {
    await this.#world.step();
    if (this.dead) await new Promise<never>(() => undefined);
  }
}
