/** One service with scripted peers, all in this process. */
import type { FanOutResult } from "../../../lib/engine/fan-out-result.ts";
import { trustKey } from "../../../lib/dynamodb/keys/actors.ts";
import { logHeadKey } from "../../../lib/dynamodb/keys/publishing.ts";
import type { Item, Table } from "../../../lib/dynamodb/table.ts";
import { PeerFailure, type Json, type JsonObject, type PeerRequest } from "../../../lib/system/ports.ts";
import type { InboundHead } from "../../../lib/publishing/subscribers/inbound-head.ts";
import { Network, bearer, type Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

export interface Callback {
  readonly subscriptionId: string;
  readonly sequence: number;
  readonly body: JsonObject;
  readonly request: PeerRequest;
}

/** An answer with headers of its own. */
export interface MoodAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
}

/** The behaviour of a peer at a callback: a status, no answer until released, or no connection. */
export type Mood =
  | number
  | "hangs"
  | "refuses"
  | ((callback: Callback) => number | MoodAnswer | Promise<number | MoodAnswer>);

/** An answer that says when to come back: seconds, or a date. */
export const later = (status: number, retryAfter: string): MoodAnswer => ({
  status,
  headers: { "retry-after": retryAfter },
});

export class Peer {
  readonly id: string;
  readonly baseUri: string;
  readonly secret: string;
  mood: Mood = 200;
  answerHeaders: Record<string, string> = {};
  /** The answer to permission callbacks, and those that came. */
  permissionMood: number | MoodAnswer = 204;
  readonly permissions: JsonObject[] = [];
  /** Every callback as it arrived, whatever was answered. */
  readonly seen: Callback[] = [];
  /** Those answered with 2xx. */
  readonly taken: Callback[] = [];
  #release: () => void = () => undefined;
  #released = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  constructor(id: string) {
    this.id = id;
    this.baseUri = `https://${id}.example.com/${id}`;
    this.secret = `secret-of-${id}`;
  }

  /** Those that hang are answered 200 now. */
  letGo(): void {
    this.#release();
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  sequences(subscriptionId?: string): number[] {
    const mine = this.seen.filter((each) => subscriptionId === undefined || each.subscriptionId === subscriptionId);
    return mine.map(({ sequence }) => sequence);
  }

  async answer(request: PeerRequest): Promise<Answer> {
    const [, , , what, , subscriptionId = ""] = new URL(request.url).pathname.split("/");
    if (what === "permissions") {
      this.permissions.push(request.json as JsonObject);
      const { permissionMood: answered } = this;
      return typeof answered === "number" ? reply(answered) : reply(answered.status, answered.headers);
    }
    if (what !== "subscriptions") return reply(404);
    const body = request.json as JsonObject;
    const callback = { subscriptionId, sequence: Number(body["sequence"]), body, request };
    this.seen.push(callback);
    const mood = typeof this.mood === "function" ? await this.mood(callback) : this.mood;
    if (mood === "refuses") throw new PeerFailure("unreachable", "The peer could not be reached, or broke off.");
    if (mood === "hangs") await this.#released;
    const answered = typeof mood === "object" ? mood : { status: typeof mood === "number" ? mood : 200, headers: {} };
    if (answered.status >= 200 && answered.status < 300) this.taken.push(callback);
    return reply(answered.status, { ...this.answerHeaders, ...answered.headers });
  }
}

const reply = (status: number, headers: Record<string, string> = {}): Answer => ({
  ...{ status, headers, text: "", json: undefined },
});

export interface Subscribed {
  readonly peer: Peer;
  readonly id: string;
}

export class DeliveryWorld {
  readonly network = new Network();
  readonly host: WholeService;
  readonly table: Table;
  readonly origin = "https://publisher.example.com";
  readonly results: FanOutResult[] = [];
  actor!: Hosted;
  readonly #options: { readonly environment?: Record<string, string>; readonly table?: Table };

  constructor(options: { readonly environment?: Record<string, string>; readonly table?: Table } = {}) {
    this.#options = options;
    this.table = options.table ?? new MemoryTable();
    this.host = this.instance();
  }

  static async begin(options: ConstructorParameters<typeof DeliveryWorld>[0] = {}): Promise<DeliveryWorld> {
    const world = new DeliveryWorld(options);
    world.actor = await world.host.actor();
    return world;
  }

  /** Another instance over this table, or over one that fails. `results` gets those of its fan-outs to subscribers. */
  instance(table: Table = this.table): WholeService {
    const instance = new WholeService(this.network, this.origin, { ...this.#options, table });
    const { fanOut } = instance.service;
    const publish = fanOut.publish.bind(fanOut);
    fanOut.publish = async (...given) => {
      const result = await publish(...given);
      if (given[0].head.subscribers > 0) this.results.push(result);
      return result;
    };
    return instance;
  }

  async peer(id: string, capabilities?: readonly string[]): Promise<Peer> {
    const peer = new Peer(id);
    this.network.hosts.set(new URL(peer.baseUri).origin, (request) => peer.answer(request));
    await this.host.trusts(this.actor.id, id, peer.baseUri, peer.secret);
    if (capabilities !== undefined) {
      const cache = this.host.service.actorOf(this.actor.id).capabilityCache(id);
      await cache.read();
      await cache.save({ version: "1.4", supported: capabilities, fetchedAt: this.host.now });
    }
    return peer;
  }

  async subscribe(peer: Peer, scope: JsonObject = { target: "properties" }): Promise<Subscribed> {
    const answer = await this.host.ask("POST", `${this.actor.root}/subscriptions/${peer.id}`, {
      headers: bearer(peer.secret),
      json: { granularity: "high", ...scope },
    });
    if (answer.status !== 201) throw new Error(`not subscribed: ${String(answer.status)} ${answer.text}`);
    return { peer, id: (answer.json as { subscriptionid: string }).subscriptionid };
  }

  async subscriber(id: string, scope?: JsonObject): Promise<Subscribed> {
    return await this.subscribe(await this.peer(id), scope);
  }

  async set(name: string, value: Json, host = this.host): Promise<Answer> {
    return await host.ask("PUT", `${this.actor.root}/properties/${name}`, { headers: this.actor.as, json: value });
  }

  async head({ peer, id }: Subscribed): Promise<InboundHead> {
    const head = await this.host.service.inboundHeads.get({ actorId: this.actor.id, peerId: peer.id, id });
    if (head === undefined) throw new Error("no such subscription");
    return head;
  }

  async log(): Promise<Item | undefined> {
    return await this.table.get(logHeadKey(this.actor.id));
  }

  async trust(peer: Peer): Promise<Item | undefined> {
    return await this.table.get(trustKey(this.actor.id, peer.id));
  }

  /** The actor's subscriptions with a peer as the owner sees them. */
  async listed({ id }: Peer): Promise<readonly JsonObject[]> {
    const answer = await this.host.ask("GET", `${this.actor.root}/subscriptions/${id}`, { headers: this.actor.as });
    return (answer.json as { data: JsonObject[] }).data;
  }

  /** The breaker of a peer as the owner sees it. */
  async breaker({ id }: Peer): Promise<Json | undefined> {
    const answer = await this.host.ask("GET", `${this.actor.root}/peers`, { headers: this.actor.as });
    return (answer.json as { data: JsonObject[] }).data.find(({ peerid }) => peerid === id)?.["breaker"];
  }

  /** Lets time pass: messages arrive, and the sweep comes once. */
  async pass(ms: number, host = this.host): Promise<void> {
    host.now += ms;
    await host.arriveMessages();
    await host.sweep();
  }
}
