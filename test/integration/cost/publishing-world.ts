import { actorItem } from "../../../lib/actors/actor-record.ts";
import { hashMinted } from "../../../lib/actors/passphrase.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { sweepAndWork } from "../../support/memory-queue.ts";
import { logHeadKey, recordPartition } from "../../../lib/dynamodb/keys/publishing.ts";
import { measure, type Cost, type Measurement } from "../../support/measured-table.ts";
import { always } from "../../../lib/dynamodb/table.ts";
import { routes as eventRoutes } from "../../../lib/api/events.ts";
import { routes as propertyRoutes } from "../../../lib/api/properties.ts";
import { routes as subscriptionRoutes } from "../../../lib/api/subscriptions.ts";
import { area, type AreaHandler } from "../../../lib/http/area.ts";
import type { Reply } from "../../../lib/http/reply.ts";
import { randomIds } from "../../../lib/system/ids.ts";
import type { Json, PeerAnswer, PeerRequest } from "../../../lib/system/ports.ts";
import type { Service } from "../../../lib/compose/service.ts";
import { ANY_TIME, askArea } from "../../support/area-request.ts";
import { startEmulatedTable, type EmulatedTable } from "../../support/emulated-table.ts";
import { Network } from "../../support/in-process.ts";
import { WholeService } from "../../support/whole-service.ts";

const PASSPHRASE_HASH = hashMinted("passphrase");
const OWNER = `Basic ${Buffer.from("creator:passphrase").toString("base64")}`;
const REQUEST_MS = 29_000;
/** Numbers that a peer that was away gets one by one. */
export const MOST_REPLAYED = 200;
/** Requests at once while subscribers are made. */
const AT_ONCE = 2;

/** One subscriber of the measured actor. */
export interface Follower {
  readonly peerId: string;
  readonly subscriptionId: string;
  readonly secret: string;
}

/** One actor and its subscribers over the local emulator, in this process, with every request to the table counted. */
export class PublishingCosts {
  readonly services: Service;
  /** Every callback that was sent. */
  readonly sent: PeerRequest[] = [];
  /** The status that answers callbacks. */
  answer = 204;
  readonly #host: WholeService;
  readonly #table: EmulatedTable;
  readonly #measurement: Measurement;
  readonly #areas: Readonly<Record<"properties" | "subscriptions" | "events", AreaHandler>>;

  private constructor(
    table: EmulatedTable,
    prepare: (app: ActingWebApp) => void,
    environment: Readonly<Record<string, string>>,
  ) {
    this.#table = table;
    this.#measurement = measure(table.client);
    const app = new ActingWebApp({ awType: "urn:actingweb:example.com:cost", desc: "Counts what publishing costs" });
    prepare(app);
    const callback = async (request: PeerRequest): Promise<PeerAnswer> => {
      if (request.method === "POST") this.sent.push(request);
      return await Promise.resolve(answerOf(request, this.answer));
    };
    const network = new (class extends Network {
      override readonly send = callback;
    })();
    this.#host = new WholeService(network, "https://cost.example", {
      app,
      table: table.table,
      environment: { TABLE_NAME: table.tableName, BACKLOG_REPLAY_MAX: String(MOST_REPLAYED), ...environment },
    });
    this.services = this.#host.service;
    // A reader that waits lets the clock pass.
    const sleep = async (ms: number): Promise<void> => {
      this.now += ms;
      await Promise.resolve();
    };
    const provide = () => ({ ...this.services, after: ANY_TIME, sleep });
    this.#areas = {
      properties: area("properties", propertyRoutes, provide),
      subscriptions: area("subscriptions", subscriptionRoutes, provide),
      events: area("events", eventRoutes, provide),
    };
  }

  get now(): number {
    return this.#host.now;
  }

  set now(now: number) {
    this.#host.now = now;
  }

  /** @param prepare registers hooks */
  static async start(
    prepare: (app: ActingWebApp) => void = () => undefined,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<PublishingCosts> {
    return new PublishingCosts(await startEmulatedTable(), prepare, environment);
  }

  async close(): Promise<void> {
    await this.#table.close();
  }

  /** A new actor with this many subscribers of its own. */
  async actor(followers: number): Promise<{ readonly actorId: string; readonly followers: readonly Follower[] }> {
    const actorId = randomIds.id();
    const actor = { id: actorId, creator: "creator", passphraseHash: PASSPHRASE_HASH, passphraseBits: 160 };
    await this.services.table.put(actorItem({ ...actor, createdAt: this.now }), always);
    const made: Follower[] = [];
    const waiting = Array.from({ length: followers }, (_, index) => index);
    const work = async (): Promise<void> => {
      while (waiting.pop() !== undefined) made.push(await this.#follower(actorId));
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, followers) }, work));
    return { actorId, followers: made };
  }

  async #follower(actorId: string): Promise<Follower> {
    const [peerId, secret] = [randomIds.id(), randomIds.secret()];
    await this.services.trusts.create({
      ...{
        actorId,
        peerId,
        baseUri: `https://peer.example/${peerId}`,
        type: "urn:peer",
        relationship: "friend",
        secret,
      },
      ...{ desc: "", approved: true, peerApproved: true, verified: true, verificationToken: "", createdAt: this.now },
      ...{ revision: 1, ending: false },
    });
    const follower = { peerId, subscriptionId: "", secret };
    const json = { target: "properties", granularity: "high" };
    const reply = await this.peer("POST /{actorId}/subscriptions/{peerId}", actorId, follower, { json });
    if (reply.status !== 201) throw new Error(`subscribing was answered with ${String(reply.status)}`);
    const { subscriptionid } = JSON.parse(String(reply.body)) as { subscriptionid: string };
    return { ...follower, subscriptionId: subscriptionid };
  }

  /** A request of the actor's owner. */
  async owner(route: string, actorId: string, more: Asking = {}): Promise<Reply> {
    return await this.#ask(route, actorId, OWNER, more);
  }

  /** A request of the operator for the events of all actors. */
  async operator(token: string, query: string): Promise<Reply> {
    return await askArea(this.#areas.events, {
      ...{ method: "GET", pattern: "/events", params: {}, remaining: () => REQUEST_MS },
      ...{ query, headers: { authorization: `Bearer ${token}` }, body: new Uint8Array() },
    });
  }

  /** A request of the operator to a group over all actors: `POST /fetch`, or `PUT ` without more. */
  async rootGroup(token: string, route: string, json: Json): Promise<Reply> {
    const [method = "", more = ""] = route.split(" ");
    return await askArea(this.#areas.events, {
      ...{ method, pattern: `/groups/{group}${more}`, params: { group: "all" }, remaining: () => REQUEST_MS },
      ...{ query: "", headers: { authorization: `Bearer ${token}`, "content-type": "application/json" } },
      body: Buffer.from(JSON.stringify(json)),
    });
  }

  /** A request of a subscriber. */
  async peer(route: string, actorId: string, follower: Follower, more: Asking = {}): Promise<Reply> {
    const { peerId, subscriptionId, secret } = follower;
    const params = { peerId, ...(subscriptionId === "" ? {} : { subscriptionId }), ...more.params };
    return await this.#ask(route, actorId, `Bearer ${secret}`, { ...more, params });
  }

  async #ask(route: string, actorId: string, authorization: string, more: Asking): Promise<Reply> {
    const [method = "", pattern = ""] = route.split(" ");
    const [, , first = ""] = pattern.split("/");
    const handler = this.#areas[areaOf(first)];
    const end = this.now + REQUEST_MS;
    return await askArea(handler, {
      ...{ method, pattern, params: { actorId, ...more.params }, remaining: () => end - this.now },
      query: new URLSearchParams(more.query).toString(),
      headers: { authorization, "content-type": "application/json", ...more.headers },
      body: more.json === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(more.json)),
    });
  }

  /** Runs the sweep's work for an actor's change log when it is due. */
  async maintenance(actorId: string): Promise<void> {
    await this.services.runDue(logHeadKey(actorId), { remaining: () => 600_000 });
  }

  /** The messages that are due arrive. */
  async arriveMessages(): Promise<void> {
    await this.#host.arriveMessages();
  }

  /** How many parts of records an actor's log has. */
  async records(actorId: string): Promise<number> {
    return (await this.services.table.query({ pk: recordPartition(actorId), prefix: "" })).items.length;
  }

  /** One sweep. */
  async sweep(): Promise<void> {
    await sweepAndWork(this.services, { remaining: () => 600_000 });
  }

  /** The requests to the table while `work` ran. */
  async costOf(work: () => Promise<unknown>): Promise<Cost> {
    this.#measurement.reset();
    await work();
    return this.#measurement.report();
  }
}

const areaOf = (first: string): "properties" | "subscriptions" | "events" =>
  first === "subscriptions" ? first : first === "events" || first === "groups" ? "events" : "properties";

/** Every peer says what it can. */
function answerOf({ method, url }: PeerRequest, callback: number): PeerAnswer {
  if (method === "POST") return { status: callback, headers: {}, body: new Uint8Array() };
  const text = url.endsWith("/version") ? "1.4" : "subscriptions,subscriptionresync";
  return { status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from(text) };
}

/** The options of a request. */
export interface Asking {
  readonly json?: Json;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
