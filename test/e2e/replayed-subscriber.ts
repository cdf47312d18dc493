import type { OwnedActor } from "../support/owned-actor.ts";
import { isObject, type Json, type JsonObject } from "../support/publisher/json.ts";
import { ask, parsed, type Answered } from "../support/publisher/wire.ts";
import type { Service } from "../support/service.ts";
import type { SubscriberHost } from "../support/subscriber-peer/host.ts";
import type { Callback, SubscriberPeer } from "../support/subscriber-peer/peer.ts";
import type { StreamScope } from "../support/subscriber-peer/stream.ts";
import { RECORDED_HOSTS, type Exchange } from "../support/recorded/exchanges.ts";

/** The actors of one part of the record. */
export interface RecordedSubscriber {
  readonly publisher: string;
  readonly subscriber: string;
  readonly secret: string;
  /** The token that its request for trust carried. */
  readonly token: string;
  readonly creator: string;
  readonly passphrase: string;
}

/**
 * The recorded subscriber B, played again in front of our service as publisher: it sends what B and the owner's tool
 * sent, in today's words, and keeps what the service calls it with.
 */
export class ReplayedSubscriber {
  readonly actor: OwnedActor;
  readonly peer: SubscriberPeer;
  /** The exchanges that were played. */
  readonly played = new Set<number>();
  readonly #exchanges: readonly Exchange[];
  readonly #recorded: RecordedSubscriber;
  readonly #hostUrl: string;
  /** Recorded subscription ids and today's. */
  readonly #ids = new Map<string, string>();
  #compared = 0;

  constructor(exchanges: readonly Exchange[], recorded: RecordedSubscriber, host: SubscriberHost, actor: OwnedActor) {
    this.#exchanges = exchanges;
    this.#recorded = recorded;
    this.#hostUrl = host.url;
    this.actor = actor;
    const { subscriber: id, secret, token } = recorded;
    this.peer = host.add({ id, secret, token });
    this.peer.meets(actor);
  }

  /** The owner's actor is made with the recorded name; its passphrase is minted, because each check of a chosen one is slow. */
  static async begin(
    exchanges: readonly Exchange[],
    recorded: RecordedSubscriber,
    host: SubscriberHost,
    service: Service,
  ): Promise<ReplayedSubscriber> {
    const actor = await service.createActor(recorded.creator);
    return new ReplayedSubscriber(exchanges, recorded, host, actor);
  }

  /** The record's words in today's. */
  mapped(text: string): string {
    const today = text
      .replaceAll(RECORDED_HOSTS.A, this.actor.uri.slice(0, -this.actor.id.length - 1))
      .replaceAll(RECORDED_HOSTS.B, this.#hostUrl)
      .replaceAll(this.#recorded.publisher, this.actor.id);
    return [...this.#ids].reduce((sofar, [then, now]) => sofar.replaceAll(then, now), today);
  }

  /** The recorded answer's body, in today's words. */
  answered(index: number): Json | undefined {
    return parsed(this.mapped(this.#at(index).responseBody));
  }

  /** The recorded request's body, in today's words. */
  asked(index: number): Json | undefined {
    return parsed(this.mapped(this.#at(index).requestBody));
  }

  /** Sends the recorded request to the service. */
  async play(index: number): Promise<Answered> {
    const { method, path, query, requestHeaders, requestBody } = this.#at(index);
    this.played.add(index);
    const kept = Object.entries(requestHeaders).filter(([name]) => !DROPPED.has(name));
    const url = new URL(`${new URL(this.actor.uri).origin}${this.mapped(path)}`);
    url.search = query;
    const headers = Object.fromEntries(kept);
    if (headers["authorization"] === this.#recordedBasic) headers["authorization"] = this.actor.basic;
    const answer = await ask(url.href, {
      method,
      headers,
      ...(requestBody === "" ? {} : { raw: this.mapped(requestBody) }),
    });
    this.#put(index, answer);
    return answer;
  }

  /** The credentials of the owner's tool in the record. */
  get #recordedBasic(): string {
    const { creator, passphrase } = this.#recorded;
    return `Basic ${Buffer.from(`${creator}:${passphrase}`).toString("base64")}`;
  }

  /** The next callback on a subscription that came, once it has come. */
  next(): Callback | undefined {
    const callback = this.peer.callbacks[this.#compared];
    if (callback !== undefined) this.#compared += 1;
    return callback;
  }

  /** Callbacks that came and were not asked for. */
  get unheard(): number {
    return this.peer.callbacks.length - this.#compared;
  }

  /** A recorded subscription and the one of today that stands for it; its callbacks are taken. */
  stands(then: string, now: string, scope: Partial<StreamScope> = {}): void {
    this.#ids.set(then, now);
    this.peer.adopt(now, scope);
  }

  /** A new subscription's id stands for the recorded one from here on, and its callbacks are taken. */
  #put(index: number, answer: Answered): void {
    const { method, path, responseBody } = this.#at(index);
    const then = parsed(responseBody);
    if (method !== "POST" || !path.includes("/subscriptions/") || !isObject(then) || !isObject(answer.json)) return;
    const [was, is] = [then["subscriptionid"], answer.json["subscriptionid"]];
    const [subtarget, granularity] = [then["subtarget"], then["granularity"] as StreamScope["granularity"]];
    if (typeof was !== "string" || typeof is !== "string") return;
    this.stands(was, is, { granularity, ...(typeof subtarget === "string" ? { subtarget } : {}) });
  }

  #at(index: number): Exchange {
    const found = this.#exchanges[index];
    if (!found) throw new Error(`no exchange ${index}`);
    return found;
  }
}

/** Belong to the connection, not to what was said. */
const DROPPED = new Set(["host", "content-length", "connection", "accept-encoding", "accept", "user-agent"]);

/** The same in the words of today's contract: none is `""`, a moment is any moment. */
export function comparable(body: Json | undefined): JsonObject {
  if (!isObject(body)) return {};
  return Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => name !== "timestamp")
      .filter(([name, value]) => !(NOTHING.has(name) && (value === null || value === "")))
      .map(([name, value]) => [name, name === "data" && Array.isArray(value) ? value.map(comparable) : value]),
  );
}

const NOTHING = new Set(["subtarget", "resource"]);
