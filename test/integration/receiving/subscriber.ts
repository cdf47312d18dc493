/** A whole service in this process with one subscription to a scripted peer: for tests of what receiving answers. */
import { routes as callbackRoutes } from "../../../lib/api/callbacks.ts";
import { routes as peerRoutes } from "../../../lib/api/peers.ts";
import { routes as subscriptionRoutes } from "../../../lib/api/subscriptions.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { area, type AreaHandler } from "../../../lib/http/area.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import { actorItem } from "../../../lib/actors/actor-record.ts";
import { hashMinted } from "../../../lib/actors/passphrase.ts";
import { PeerReader } from "../../../lib/receiving/replica/peer-reader.ts";
import type { DelayedWork, Json, PeerAnswer, PeerRequest } from "../../../lib/system/ports.ts";
import type { Service } from "../../../lib/compose/service.ts";
import { ANY_TIME, askArea } from "../../support/area-request.ts";
import { Network } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WholeService } from "../../support/whole-service.ts";

export const ACTOR = "actor";
export const PEER = "peer";
export const SUB = "sub";
export const SECRET = "s".repeat(40);
const PEER_ROOT = "https://peer.example/peer";

/** One answer of the scripted peer: JSON, or a text that may be none. */
export interface Said {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

type AreaName = "callbacks" | "subscriptions" | "peers";

/** What the scripted peer answers: by `METHOD path` below its root; 404 for the rest. */
export type Script = Record<string, Said | undefined>;

export interface HookRun {
  readonly sequence: number;
  readonly callbackType: string;
  readonly data: Json;
}

export class Subscriber {
  readonly host: WholeService;
  readonly service: Service;
  readonly table = new MemoryTable();
  readonly script: Script = {};
  readonly asked: PeerRequest[] = [];
  readonly messages: DelayedWork[];
  readonly hookRuns: HookRun[] = [];
  readonly logged: WholeService["logged"];
  readonly app: ActingWebApp;
  readonly #areas: Readonly<Record<AreaName, AreaHandler>>;

  constructor(
    options: { environment?: Record<string, string>; table?: (inner: MemoryTable) => Table; app?: ActingWebApp } = {},
  ) {
    this.app = options.app ?? new ActingWebApp({ awType: "urn:test", desc: "test" });
    if (options.app === undefined) {
      this.app.subscriptionDataHook("*", ({ sequence, callbackType, data }) => {
        this.hookRuns.push({ sequence, callbackType, data });
      });
    }
    const peer = async (request: PeerRequest): Promise<PeerAnswer> => await this.#peer(request);
    const network = new (class extends Network {
      override readonly send = peer;
    })();
    this.host = new WholeService(network, "https://us.example", {
      app: this.app,
      table: options.table?.(this.table) ?? this.table,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
    ({ service: this.service, messages: this.messages, logged: this.logged } = this.host);
    const provide = () => ({ ...this.service, after: ANY_TIME });
    this.#areas = {
      callbacks: area("callbacks", callbackRoutes, provide),
      peers: area("peers", peerRoutes, provide),
      subscriptions: area("subscriptions", subscriptionRoutes, provide),
    };
  }

  get now(): number {
    return this.host.now;
  }

  set now(now: number) {
    this.host.now = now;
  }

  /** Makes the actor, an approved trust and a subscription on `scope`, without a baseline to read. */
  async subscribed(
    scope: { target?: string; subtarget?: string; resource?: string; granularity?: string } = {},
  ): Promise<this> {
    const passphraseHash = hashMinted("passphrase");
    await this.table.put(
      actorItem({ id: ACTOR, creator: "creator", passphraseHash, passphraseBits: 160, createdAt: this.now }),
      { is: "always" },
    );
    await this.service.trusts.create({
      ...{ actorId: ACTOR, peerId: PEER, baseUri: PEER_ROOT, type: "urn:test", relationship: "friend", secret: SECRET },
      ...{ desc: "", approved: true, peerApproved: true, verified: true, verificationToken: "v", createdAt: this.now },
      ...{ revision: 1, ending: false },
    });
    await this.subscribe(SUB, scope);
    return this;
  }

  async subscribe(
    id: string,
    {
      target = "properties",
      subtarget,
      resource,
      granularity = "high",
    }: { target?: string; subtarget?: string; resource?: string; granularity?: string } = {},
  ): Promise<Reply> {
    this.script[`POST /subscriptions/${ACTOR}`] = {
      status: 201,
      json: { subscriptionid: id, granularity, sequence: 0 },
    };
    this.script[`GET /subscriptions/${ACTOR}/${id}`] ??= { status: 200, json: { sequence: 0, data: [] } };
    this.script["GET /properties"] ??= { status: 200, json: {} };
    return await this.owner("POST /{actorId}/subscriptions", {
      json: { peerid: PEER, target, subtarget: subtarget ?? null, resource: resource ?? null, granularity },
    });
  }

  /** Sends one callback as the peer. */
  async callback(
    body: Json | Uint8Array,
    options: {
      bearer?: string | null;
      headers?: Record<string, string>;
      sub?: string;
      peer?: string;
      actor?: string;
    } = {},
  ): Promise<Reply> {
    const { bearer = SECRET, headers = {}, sub = SUB, peer = PEER, actor = ACTOR } = options;
    return await this.ask("callbacks", "POST /{actorId}/callbacks/subscriptions/{peerId}/{subscriptionId}", {
      params: { actorId: actor, peerId: peer, subscriptionId: sub },
      headers: { ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }), ...headers },
      body: body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)),
    });
  }

  /** One diff of `properties`, as a publisher of ours sends it. */
  async diff(sequence: number, data: Json, more: Record<string, Json> = {}): Promise<Reply> {
    return await this.callback({ sequence, target: "properties", data, overwritten: [], ...more });
  }

  /** A request of the owner. */
  async owner(
    route: string,
    options: {
      json?: unknown;
      params?: Record<string, string>;
      query?: string;
      area?: "subscriptions" | "peers";
    } = {},
  ): Promise<Reply> {
    const authorization = `Basic ${Buffer.from("creator:passphrase").toString("base64")}`;
    return await this.ask(options.area ?? "subscriptions", route, {
      params: { actorId: ACTOR, ...options.params },
      headers: { authorization, ...(options.json === undefined ? {} : { "content-type": "application/json" }) },
      body: options.json === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(options.json)),
      query: options.query ?? "",
    });
  }

  /** What is shown of one property of the peer. */
  async property(name: string): Promise<Record<string, unknown>> {
    const params = { peerId: PEER, name };
    return bodyOf(await this.owner("GET /{actorId}/peers/{peerId}/properties/{name}", { params, area: "peers" }));
  }

  /** What waits for a person. */
  async failedEvents(): Promise<readonly Record<string, unknown>[]> {
    const reply = await this.owner("GET /{actorId}/parked", { area: "peers" });
    return bodyOf(reply)["data"] as readonly Record<string, unknown>[];
  }

  /** Has a failed event or read tried again, or dropped. */
  async settle(eventId: string, action: "retry" | "skip"): Promise<Reply> {
    return await this.owner("POST /{actorId}/parked/{eventId}", {
      params: { eventId },
      json: { action },
      area: "peers",
    });
  }

  /** As the owner asks for it. */
  async resync(query = "", sub = SUB): Promise<Reply> {
    return await this.owner("POST /{actorId}/subscriptions/{peerId}/{subscriptionId}/resync", {
      params: { peerId: PEER, subscriptionId: sub },
      query,
    });
  }

  async ask(
    of: AreaName,
    route: string,
    request: { params: Record<string, string>; headers: Record<string, string>; body: Uint8Array; query?: string },
  ): Promise<Reply> {
    const [method = "", pattern = ""] = route.split(" ");
    const deadline = this.deadline();
    return await askArea(this.#areas[of], { method, pattern, ...request, remaining: () => deadline.remaining() });
  }

  /** Lets the delayed messages that are due by now arrive. */
  async arriveMessages(): Promise<void> {
    await this.host.arriveMessages();
  }

  async sweep(): Promise<void> {
    await this.host.sweep();
  }

  deadline(): { remaining(): number } {
    return this.host.deadline();
  }

  async state(sub = SUB): Promise<Record<string, unknown>> {
    const reply = await this.owner("GET /{actorId}/subscriptions/{peerId}/{subscriptionId}/state", {
      params: { peerId: PEER, subscriptionId: sub },
    });
    return bodyOf(reply);
  }

  /** What is stored of the peer. */
  async stored(): Promise<Record<string, Json>> {
    const page = await new PeerReader({ table: this.table, actorId: ACTOR, peerId: PEER }).page({ limit: 1_000 });
    return Object.fromEntries(page.properties.map(({ name, value }) => [name, value]));
  }

  async #peer(request: PeerRequest): Promise<PeerAnswer> {
    this.asked.push(request);
    const url = new URL(request.url);
    const below = url.pathname.slice("/peer".length) + url.search;
    const said = this.script[`${request.method} ${below}`] ?? { status: 404 };
    await Promise.resolve();
    const body = said.json === undefined ? (said.text ?? "") : JSON.stringify(said.json);
    return {
      status: said.status,
      headers: { "content-type": "application/json", ...said.headers },
      body: Buffer.from(body),
    };
  }
}

/** The JSON of a reply; an empty object when it has no body. */
export function bodyOf(reply: Reply): Record<string, unknown> {
  const { body } = reply;
  return body === undefined ? {} : (JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>);
}
