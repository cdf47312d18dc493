/** An actor's properties over HTTP events, in this process, over an in-memory table that may fail. */
import { NoBus } from "../../../lib/bus/no-bus.ts";
import type { APIGatewayProxyEventV2, Context } from "aws-lambda";
import { routes } from "../../../lib/api/properties.ts";
import { ActorFactory } from "../../../lib/actors/factory.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { readConfig } from "../../../lib/system/config.ts";
import type { Item, Key, Table } from "../../../lib/dynamodb/table.ts";
import { area, type AreaHandler } from "../../../lib/http/area.ts";
import { randomIds } from "../../../lib/system/ids.ts";
import { platform } from "../../../lib/system/platform.ts";
import { PeerFailure, type Json, type JsonObject } from "../../../lib/system/ports.ts";
import type { NumberedRecord } from "../../../lib/change-log/change-log.ts";
import { composeService, type Service } from "../../../lib/compose/service.ts";
import { basic, bearer, type Answer } from "../../support/in-process.ts";
import { FaultyTable, type Decide } from "../../support/faulty-table.ts";
import { received } from "../../support/lambda-result.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { MemoryQueue } from "../../support/memory-queue.ts";

/** A batch of reads is no snapshot: this table reads the items one by one, the log's head last, with pauses between. */
class TornTable extends MemoryTable {
  override async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
    const found: Item[] = [];
    for (const key of keys.toReversed()) {
      const item = await this.get(key);
      if (item !== undefined) found.push(item);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return found;
  }
}

/** The parts of a request. */
export interface Sent {
  readonly query?: string;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly json?: unknown;
  readonly as?: Record<string, string>;
  readonly headers?: Record<string, string>;
  /** The instance that answers [the same one for all requests]. */
  readonly on?: AreaHandler;
}

/** One service with one actor, and requests of its owner and peers to its properties. */
export class PropertyWorld {
  readonly table: Table;
  readonly services: Service;
  now = Date.UTC(2026, 0, 1);
  actorId = "";
  owner: Record<string, string> = {};
  /** The effect of each operation of the table. */
  decide: Decide = () => "ok";
  readonly #handler: AreaHandler;

  private constructor() {
    this.table = new FaultyTable(new TornTable(), (...asked) => this.decide(...asked));
    this.services = this.#compose();
    this.#handler = area("properties", routes, () => this.services);
  }

  /** Another instance over the same table, with a memory of its own. */
  instance(): AreaHandler {
    const services = this.#compose();
    return area("properties", routes, () => services);
  }

  #compose(): Service {
    const quiet = (): void => undefined;
    const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
    return composeService(app, {
      ...platform,
      config: readConfig({ BASE_URL: "https://us.example", TABLE_NAME: "t", ACTOR_CREATION: "open" }),
      table: this.table,
      http: { send: () => Promise.reject(new PeerFailure("unreachable", "No network here.")) },
      bus: new NoBus(),
      queue: new MemoryQueue(),
      clock: { now: () => this.now },
      log: { info: quiet, warn: quiet, error: quiet },
    });
  }

  static async open(): Promise<PropertyWorld> {
    const world = new PropertyWorld();
    const creation = { creator: "alice", passphrase: undefined, trustee_root: undefined };
    const made = await new ActorFactory(world.services).create(creation);
    world.actorId = made.id;
    world.owner = basic("alice", String(made["passphrase"]));
    return world;
  }

  /** A trusted peer's bearer. */
  async peer(relationship: string, permissions?: JsonObject): Promise<Record<string, string>> {
    const [peerId, secret] = [randomIds.id(), randomIds.secret()];
    await this.services.trusts.create({
      ...{ actorId: this.actorId, peerId, baseUri: `https://peer.example/${peerId}`, type: "", relationship, secret },
      ...{ desc: "", approved: true, peerApproved: true, verified: true, verificationToken: "" },
      ...{ createdAt: this.now, revision: 1, ending: false },
    });
    if (permissions !== undefined) {
      const trust = await this.services.trusts.get(this.actorId, peerId);
      if (trust !== undefined) await this.services.trust.trustCommits.setCustom(trust, permissions);
    }
    return bearer(secret);
  }

  /** A request to `/{actorId}/properties` and the path after it, by default of the owner. */
  async ask(method: string, path = "", sent: Sent = {}): Promise<Answer> {
    const [name, ...rest] = path.split("/").filter((part, index) => index > 0 || part !== "");
    const pattern = name === undefined ? "" : rest.length === 0 ? "/{name}" : "/{name}/{path+}";
    const body = sent.json === undefined ? sent.body : JSON.stringify(sent.json);
    const type = sent.type ?? (sent.json === undefined ? undefined : "application/json");
    const event = {
      routeKey: `ANY /{actorId}/properties${pattern}`,
      rawPath: `/${this.actorId}/properties/${path}`,
      rawQueryString: sent.query ?? "",
      headers: { ...(type === undefined ? {} : { "content-type": type }), ...sent.headers, ...(sent.as ?? this.owner) },
      requestContext: { http: { method } },
      pathParameters: {
        actorId: this.actorId,
        ...(name === undefined ? {} : { name: decodeURIComponent(name) }),
        ...(rest.length === 0 ? {} : { path: rest.map(decodeURIComponent).join("/") }),
      },
      isBase64Encoded: true,
      body: body === undefined ? undefined : Buffer.from(body).toString("base64"),
    };
    const result = await (sent.on ?? this.#handler)(
      event as unknown as APIGatewayProxyEventV2,
      { getRemainingTimeInMillis: () => 29_000 } as Context,
    );
    return received(result);
  }

  /** The same; resolves with the status only. */
  async status(method: string, path = "", sent: Sent = {}): Promise<number> {
    return (await this.ask(method, path, sent)).status;
  }

  /** All properties as the owner sees them. */
  async state(): Promise<Record<string, Json>> {
    return (await this.ask("GET")).json as Record<string, Json>;
  }

  /** The whole log. */
  async records(): Promise<readonly NumberedRecord[]> {
    const { changeLog } = this.services;
    const stretch = await changeLog.read(this.actorId, 0, await changeLog.newest(this.actorId));
    if (stretch.lost !== undefined) throw new Error(`record ${stretch.lost} is not there`);
    return stretch.records;
  }
}
