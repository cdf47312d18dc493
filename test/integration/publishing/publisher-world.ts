/** One publishing actor in this process, its peers known by their bearers, over a table that may fail. */
import {
  PEER_MARKER_PREFIX,
  logHeadKey,
  recordPartition,
  scopePartition,
} from "../../../lib/dynamodb/keys/publishing.ts";
import type { Item } from "../../../lib/dynamodb/table.ts";
import type { InboundHead } from "../../../lib/publishing/subscribers/inbound-head.ts";
import type { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { JsonObject } from "../../../lib/system/ports.ts";
import { FaultyTable, type Decide } from "../../support/faulty-table.ts";
import { bearer, Network, type Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

/** One of its diffs as a peer receives it. */
export interface Entry {
  readonly sequence: number;
  readonly timestamp: string;
  readonly type?: string;
  readonly data: unknown;
  readonly overwritten: readonly string[];
}

export class PublisherWorld {
  readonly network = new Network();
  readonly inner = new MemoryTable();
  readonly host: WholeService;
  decide: Decide = () => "ok";
  actor: Hosted = { id: "", root: "", as: {} };

  private constructor(options: { environment?: Record<string, string>; app?: ActingWebApp } = {}) {
    const table = new FaultyTable(this.inner, (...asked) => this.decide(...asked));
    this.host = new WholeService(this.network, "https://us.example", { ...options, table });
  }

  static async open(options: { environment?: Record<string, string>; app?: ActingWebApp } = {}) {
    const world = new PublisherWorld(options);
    world.actor = await world.host.actor();
    return world;
  }

  /** A trusted peer of that id; `permissions` are set for it. */
  async peer(id: string, relationship = "friend", permissions?: JsonObject): Promise<Peer> {
    const peer = new Peer(this, id);
    await this.host.trusts(this.actor.id, id, `https://${id}.example/${id}`, peer.secret, relationship);
    if (permissions !== undefined) await this.permit(id, permissions);
    return peer;
  }

  async permit(id: string, permissions: JsonObject): Promise<void> {
    const trust = await this.host.service.trusts.get(this.actor.id, id);
    if (trust !== undefined) await this.host.service.trust.trustCommits.setCustom(trust, permissions);
  }

  /** A request to the actor's routes; the owner's unless said otherwise. */
  async ask(method: string, path: string, json?: unknown, as: Record<string, string> = this.actor.as): Promise<Answer> {
    const body = json === undefined ? {} : { json };
    return await this.host.ask(method, `/${this.actor.id}/${path}`, { headers: as, ...body });
  }

  /** The owner sets a property. */
  async set(path: string, value: unknown): Promise<void> {
    const answer = await this.ask("PUT", `properties/${path}`, value);
    if (answer.status !== 204) throw new Error(`${String(answer.status)} ${answer.text}`);
  }

  /** The stored items of inbound heads, of the markers of scopes and peers, and the log's head. */
  stored() {
    const all = this.inner.all();
    const found = all.filter(({ pk }) => pk === scopePartition(this.actor.id));
    return {
      heads: all.filter(({ pk }) => pk.startsWith(`B#${this.actor.id}#`)),
      markers: found.filter(({ sk }) => !sk.startsWith(PEER_MARKER_PREFIX)),
      peers: found.filter(({ sk }) => sk.startsWith(PEER_MARKER_PREFIX)),
      log: this.inner.itemAt(logHeadKey(this.actor.id)),
    };
  }

  /** All inbound heads. */
  async heads(): Promise<readonly InboundHead[]> {
    const { changeLog, inboundHeads } = this.host.service;
    return await inboundHeads.all(this.actor.id, (await changeLog.head(this.actor.id)).buckets);
  }

  async records(): Promise<readonly Item[]> {
    return (await this.inner.query({ pk: recordPartition(this.actor.id), prefix: "" })).items;
  }
}

export class Peer {
  readonly id: string;
  readonly secret: string;
  readonly #world: PublisherWorld;

  constructor(world: PublisherWorld, id: string) {
    this.#world = world;
    this.id = id;
    this.secret = `secret-of-${id}`.padEnd(40, "-");
  }

  async ask(method: string, path = "", json?: unknown): Promise<Answer> {
    const below = path === "" ? "" : `/${path}`;
    return await this.#world.ask(method, `subscriptions/${this.id}${below}`, json, bearer(this.secret));
  }

  /** Subscribes; gives the subscription's id. */
  async subscribe(requested: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.ask("POST", "", { target: "properties", granularity: "none", ...requested });
    if (answer.status !== 201) throw new Error(`${String(answer.status)} ${answer.text}`);
    return String(answer.json.subscriptionid);
  }

  /** The whole backlog. */
  async poll(id: string, query = ""): Promise<{ sequence: number; data: Entry[]; next?: number }> {
    const answer = await this.ask("GET", `${id}${query}`);
    if (answer.status !== 200) throw new Error(`${String(answer.status)} ${answer.text}`);
    return answer.json as { sequence: number; data: Entry[]; next?: number };
  }

  /** What the diffs say, in order. */
  async diffsOf(id: string): Promise<readonly unknown[]> {
    return (await this.poll(id)).data.map(({ data }) => data);
  }
}
