import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isObject, type Json, type JsonObject } from "../publisher/json.ts";
import { ask, type Answered, type Ask } from "../publisher/wire.ts";
import { answerCallback, takes, type Behaviour } from "./behaviour.ts";
import type { Incoming } from "./host.ts";
import { Stream, type StreamScope } from "./stream.ts";

export interface PeerOptions {
  readonly id?: string;
  /** The trust's secret and the token it is verified with [random]. */
  readonly secret?: string;
  readonly token?: string;
  /** The tags of its /meta. */
  readonly supported?: readonly string[];
  /** Says of every low callback, once it has fetched what that names, that it is here: PUT with its number. */
  readonly acknowledges?: boolean;
  /** Keeps no copy and no contents, only the numbers: for crowds. */
  readonly numbersOnly?: boolean;
}

/** A callback as it arrived. */
export interface Callback {
  /** When its first byte was here, milliseconds since 1970. */
  readonly at: number;
  readonly subscriptionId: string;
  readonly sequence: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes as they came over the wire. */
  readonly bytes: number;
  /** Undefined for who keeps only the numbers. */
  readonly body: JsonObject | undefined;
  /** What was answered; 0 for nothing. */
  readonly status: number;
}

/** Where an actor of the service is. */
export interface ActorAddress {
  readonly id: string;
  readonly uri: string;
}

const TYPE = "urn:actingweb:test:subscriber";
const SUPPORTED = [
  "callbackcompression",
  "callbacks",
  "listproperties",
  "subscriptionresync",
  "subscriptions",
  "trust",
];

/** One subscribing actor: it asks one publisher for trust, subscribes, takes callbacks and keeps copies. */
export class SubscriberPeer {
  readonly id: string;
  readonly baseUri: string;
  readonly secret: string;
  readonly token: string;
  /** Every request it got, callbacks included, in order of arrival; none for who keeps only the numbers. */
  readonly calls: Incoming[] = [];
  /** Every callback on a subscription, in order of arrival. */
  readonly callbacks: Callback[] = [];
  /** Every permission callback's body, in order. */
  readonly permissions: Json[] = [];
  readonly streams = new Map<string, Stream>();
  /** The behaviour at callbacks. */
  behaviour: Behaviour | undefined;
  /** The publisher has notified of its approval. */
  approved = false;
  readonly #options: PeerOptions;
  /** Subscribing whose answer is under way: a callback may be faster than it. */
  #subscribing: Promise<unknown> = Promise.resolve();
  #publisher: ActorAddress | undefined;
  #relationship = "friend";

  constructor(id: string, baseUri: string, options: PeerOptions) {
    this.id = id;
    this.baseUri = baseUri;
    this.#options = options;
    this.secret = options.secret ?? randomBytes(20).toString("hex");
    this.token = options.token ?? randomBytes(20).toString("hex");
  }

  get publisher(): ActorAddress {
    if (!this.#publisher) throw new Error(`${this.id} has not asked for trust`);
    return this.#publisher;
  }

  /** Asks the actor for trust. Gives the status: 201 when it was approved at once, else 202. */
  async trust(actor: ActorAddress, relationship = "friend"): Promise<number> {
    this.#publisher = actor;
    this.#relationship = relationship;
    const { id, baseUri: baseuri, secret, token: verify } = this;
    const json = { baseuri, id, type: TYPE, secret, desc: "", verify };
    const answer = await ask(`${actor.uri}/trust/${relationship}`, { method: "POST", json });
    if (answer.status !== 201 && answer.status !== 202) throw new Error(`trust: ${answer.status} ${answer.text}`);
    if (answer.status === 201) this.approved = true;
    return answer.status;
  }

  /** A request below the publisher's root with this trust's bearer. */
  ask(method: string, path: string, options: Ask = {}): Promise<Answered> {
    return ask(`${this.publisher.uri}${path}`, { bearer: this.secret, ...options, method });
  }

  /** Subscribes; what changes from here on is counted. */
  subscribe(scope: Partial<StreamScope> = {}): Promise<Stream> {
    const asked = this.#subscribe(scope);
    this.#subscribing = Promise.all([this.#subscribing, asked.catch(() => undefined)]);
    return asked;
  }

  async #subscribe(scope: Partial<StreamScope>): Promise<Stream> {
    const requested: StreamScope = { target: "properties", granularity: "high", ...scope };
    const path = `/subscriptions/${this.id}`;
    const answer = await this.ask("POST", path, { json: { ...requested } });
    if (answer.status !== 201 || !isObject(answer.json)) throw new Error(`subscribe: ${answer.status} ${answer.text}`);
    const id = String(answer.json["subscriptionid"]);
    // An existing subscription stays as it is.
    const known = this.streams.get(id);
    if (known) return known;
    return this.adopt(id, requested);
  }

  /** Counts the actor as its publisher although the trust was asked for by other means. */
  meets(actor: ActorAddress): void {
    this.#publisher = actor;
  }

  /** Takes callbacks of a subscription that was made by other means. */
  adopt(id: string, scope: Partial<StreamScope>): Stream {
    const whole: StreamScope = { target: "properties", granularity: "high", ...scope };
    const stream = new Stream(this, id, whole, this.#options.numbersOnly ?? false);
    this.streams.set(id, stream);
    return stream;
  }

  /** The callbacks of one subscription that were taken (not refused). */
  taken(stream: Stream): readonly Callback[] {
    return this.callbacks.filter((one) => one.subscriptionId === stream.id && one.status >= 200 && one.status < 300);
  }

  /** Answers the requests to this actor. */
  async serve(incoming: Incoming, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [area, ...rest] = incoming.parts;
    if (this.#options.numbersOnly !== true) this.calls.push(incoming);
    const send = (status: number, json?: Json, text?: string): void => {
      response.writeHead(status, json === undefined ? {} : { "content-type": "application/json" });
      response.end(json === undefined ? (text ?? "") : JSON.stringify(json));
    };
    if (area === "meta") return this.#meta(rest, send);
    if (incoming.headers["authorization"] !== `Bearer ${this.secret}`) return send(401);
    if (area === "trust") return this.#trust(incoming, send);
    if (area === "callbacks" && rest[0] === "permissions") {
      this.permissions.push(incoming.body ?? null);
      return send(204);
    }
    if (area === "callbacks" && rest[0] === "subscriptions") return this.#callback(incoming, request, response);
    if (area === "subscriptions" && incoming.method === "DELETE") {
      this.streams.delete(rest[1] ?? "");
      return send(204);
    }
    send(404);
  }

  #meta(rest: readonly string[], send: (status: number, json?: Json, text?: string) => void): void {
    const supported = (this.#options.supported ?? SUPPORTED).join(",");
    const leaves: Record<string, string> = {
      id: this.id,
      type: TYPE,
      "actingweb/version": "1.4",
      "actingweb/supported": supported,
      "actingweb/formats": "json",
    };
    const actingweb = { version: "1.4", supported, formats: "json" };
    if (rest.length === 0) send(200, { id: this.id, type: TYPE, version: "1", desc: "", info: "", actingweb });
    else if (leaves[rest.join("/")] === undefined) send(404);
    else send(200, undefined, leaves[rest.join("/")]);
  }

  #trust({ method, body }: Incoming, send: (status: number, json?: Json) => void): void {
    if (method === "DELETE") {
      this.approved = false;
      return send(204);
    }
    if (method === "POST") {
      this.approved = isObject(body) && body["approved"] === true;
      return send(204);
    }
    send(200, {
      ...{ id: this.id, peerid: this.publisher.id, baseuri: this.publisher.uri, type: TYPE, secret: this.secret },
      ...{ relationship: this.#relationship, desc: "", approved: true, peer_approved: this.approved, verified: true },
      ...{ verification_token: this.token, verificationToken: this.token },
    });
  }

  async #callback(incoming: Incoming, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { parts, body, headers, at, bytes } = incoming;
    const subscriptionId = parts[3] ?? "";
    if (!this.streams.has(subscriptionId)) await this.#subscribing;
    const stream = this.streams.get(subscriptionId);
    if (!isObject(body) || (incoming.method !== "POST" && incoming.method !== "PUT")) {
      response.writeHead(400).end();
      return;
    }
    const { behaviour } = this;
    const note = (status: number): void => {
      const sequence = Number(body["sequence"]);
      const kept = this.#options.numbersOnly === true ? undefined : body;
      this.callbacks.push({ at, subscriptionId, sequence, headers, bytes, body: kept, status });
    };
    if (!stream || parts[2] !== this.publisher.id) {
      note(404);
      response.writeHead(404).end();
      return;
    }
    if (!takes(behaviour)) return note(answerCallback(behaviour, request, response));
    if (!(await stream.take(body))) {
      note(503);
      response.writeHead(503, { "retry-after": "1" }).end();
      return;
    }
    note(answerCallback(behaviour, request, response));
    if (this.#options.acknowledges === true && body["data"] === undefined) {
      const status = await stream.clear(Number(body["sequence"]));
      if (status !== 204) stream.faults.push(`PUT of ${String(body["sequence"])}: ${status}`);
    }
  }
}
