import { isObject, type Json } from "../support/publisher/json.ts";
import { Publisher } from "../support/publisher/publisher.ts";
import type { Incoming, Outgoing } from "../support/publisher/routes.ts";
import type { Granularity, Subscription } from "../support/publisher/subscriptions.ts";
import { createdBody, textMember } from "../support/publisher/dialect.ts";
import { ask, parsed, type Answered } from "../support/publisher/wire.ts";
import type { OwnedActor } from "../support/owned-actor.ts";
import { RECORDED_HOSTS, type Exchange } from "../support/recorded/exchanges.ts";

/** The ids of one recorded relation: the two actors, their secret, A's subscription ids in order of creation. */
export interface RecordedPair {
  publisher: string;
  subscriber: string;
  secret: string;
  subscriptions: readonly string[];
}

/**
 * The recorded peer A, played again: it answers the service's calls with what A answered at that point of the record.
 * An answer that the record lacks (the reference asked less than we do) comes from the state that A's recorded
 * changes had made by then. `at` is the exchange being replayed.
 */
export class ReplayedPublisher {
  readonly publisher: Publisher;
  readonly actor: OwnedActor;
  readonly #recordedSubscriber: string;
  readonly #recordedSecret: string;
  readonly #subscriptionIds: string[];
  readonly #exchanges: readonly Exchange[];
  #at = 0;
  /** The exchanges whose recorded answers hold now: those since the one before, up to the current one. */
  #window: readonly [from: number, to: number] = [0, 0];

  constructor(exchanges: readonly Exchange[], recorded: RecordedPair, actor: OwnedActor) {
    this.#exchanges = exchanges;
    this.#recordedSubscriber = recorded.subscriber;
    this.#recordedSecret = recorded.secret;
    this.#subscriptionIds = [...recorded.subscriptions];
    this.actor = actor;
    this.publisher = new Publisher({
      actorId: recorded.publisher,
      style: "reference",
      before: async (request) => this.#fromRecord(request),
    });
  }

  /** Everything of the record that names the old ids, hosts and the secret, in today's words. */
  mapped(text: string): string {
    const secret = this.publisher.trusts.all.get(this.actor.id)?.secret;
    const old = /"secret":\s*"([0-9a-f]+)"/.exec(text)?.[1];
    const today = text
      .replaceAll(RECORDED_HOSTS.A, this.publisher.baseUri.slice(0, -this.publisher.id.length - 1))
      .replaceAll(RECORDED_HOSTS.B, this.actor.uri.slice(0, -this.actor.id.length - 1))
      .replaceAll(this.#recordedSubscriber, this.actor.id);
    return old === undefined || secret === undefined ? today : today.replaceAll(old, secret);
  }

  /** Moves to the exchange: changes that A's owner made before or by it are in the state, its callback in the backlog. */
  moveTo(exchange: Exchange): void {
    const next = this.#exchanges.find((one) => one.index > exchange.index && one.to === "B" && one.from === "peer");
    for (const one of this.#exchanges) {
      if (one.index >= this.#at && one.index < (next?.index ?? Number.POSITIVE_INFINITY)) this.#change(one);
    }
    // A late copy of something older does not turn the time back.
    this.#at = Math.max(this.#at, next?.index ?? this.#exchanges.length);
    this.#window = [this.#previousTo(exchange), exchange.index];
    this.#record(exchange);
  }

  /** Sends the exchange's request to the service as A (or the tool) sent it, in today's words. */
  async replay(exchange: Exchange): Promise<Answered> {
    this.moveTo(exchange);
    const { authorization, ...headers } = exchange.requestHeaders;
    const recorded = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
    const known = recorded !== undefined && recorded === this.#recordedSecret;
    const bearer = known ? this.publisher.trusts.all.get(this.actor.id)?.secret : recorded;
    delete headers["location"];
    return ask(`${this.actor.uri}${exchange.path.slice(1 + this.#recordedSubscriber.length)}`, {
      method: exchange.method,
      bearer: bearer ?? recorded,
      headers,
      ...(exchange.requestBody === "" ? {} : { raw: this.mapped(exchange.requestBody) }),
    });
  }

  /** A subscription that A gave out under this id, for a part of the record that begins after its creation. */
  adopt(id: string, about: Partial<Subscription> = {}): Subscription {
    const subscription: Subscription = {
      id,
      peerId: this.actor.id,
      target: "properties",
      subtarget: null,
      resource: null,
      granularity: "high",
      sequence: 0,
      backlog: new Map(),
      made: new Map(),
      ...about,
    };
    this.publisher.subscriptions.all.set(id, subscription);
    return subscription;
  }

  #previousTo(exchange: Exchange): number {
    return (
      this.#exchanges.findLast((one) => one.index < exchange.index && one.to === "B" && one.from === "peer")?.index ?? 0
    );
  }

  #change({ to, from, method, path, requestBody, status }: Exchange): void {
    const [, actorId, area, name, ...rest] = path.split("/");
    if (to !== "A" || from !== "client" || actorId !== this.publisher.id || area !== "properties" || status >= 300)
      return;
    const { state } = this.publisher;
    const body = parsed(requestBody) ?? requestBody;
    if (method === "POST" && name === undefined && isObject(body)) {
      for (const [key, value] of Object.entries(body)) this.#post(key, value);
    } else if (method === "POST" && name === "memo" && rest[0] === "items" && isObject(body)) {
      state.list(name, { operation: "append", item: body["item_value"] ?? null });
    } else if (method === "POST" && name === "memo") {
      // The reference read `?index=1` as a property of that name.
      state.set(["index"], 1);
    } else if (name !== undefined) state.set([name, ...rest], method === "DELETE" ? undefined : body);
  }

  #post(name: string, value: Json): void {
    if (isObject(value) && value["_type"] === "list") this.publisher.state.list(name, { operation: "metadata" });
    else this.publisher.state.set([name], value);
  }

  #record({ path, requestBody, method }: Exchange): void {
    const id = /\/callbacks\/subscriptions\/[^/]+\/([^/]+)$/.exec(path)?.[1];
    const subscription = this.publisher.subscriptions.all.get(id ?? "");
    const body = parsed(requestBody);
    if (!subscription || method !== "POST" || !isObject(body)) return;
    const sequence = Number(body["sequence"]);
    if (sequence <= subscription.sequence) return;
    subscription.sequence = sequence;
    const diff = { sequence, at: Date.parse("2026-11-20T23:57:18.530Z"), data: body["data"] ?? null, overwritten: [] };
    if (body["type"] === undefined) subscription.backlog.set(sequence, diff);
  }

  #fromRecord(request: Incoming): Outgoing | undefined {
    if (request.method === "POST" && request.parts[0] === "subscriptions") return this.#subscribe(request);
    const path = `/${this.publisher.id}/${request.parts.join("/")}`;
    const [from, to] = this.#window;
    const found = this.#exchanges.findLast(
      (one) =>
        one.index >= from &&
        one.index <= to &&
        one.to === "A" &&
        one.method === request.method &&
        one.method === "GET" &&
        one.path.replaceAll(this.#recordedSubscriber, this.actor.id) === path,
    );
    if (!found || request.query.get("metadata") !== null || found.status >= 400) return undefined;
    const headers = { "content-type": found.responseHeaders["content-type"] ?? "text/plain" };
    return { status: found.status, headers, text: this.mapped(found.responseBody) };
  }

  #subscribe({ body, bearer }: Incoming): Outgoing | undefined {
    const id = this.#subscriptionIds[0];
    const granularity = textMember(body, "granularity") as Granularity | null;
    const trust = this.publisher.trusts.byBearer(bearer);
    if (id === undefined || trust?.approved !== true) return undefined;
    this.#subscriptionIds.shift();
    const made = this.adopt(id, { subtarget: textMember(body, "subtarget"), granularity: granularity ?? "none" });
    const location = `${this.publisher.baseUri}/subscriptions/${this.actor.id}/${id}`;
    return { status: 201, headers: { location }, json: createdBody("reference", made) };
  }
}
