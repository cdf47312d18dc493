import type { Publisher } from "./publisher/publisher.ts";
import type { Json } from "./publisher/json.ts";
import type { Subscription } from "./publisher/subscriptions.ts";
import { ask, type Ask, type Answered } from "./publisher/wire.ts";

export interface SubscribeOptions {
  target?: string;
  subtarget?: string;
  resource?: string;
  granularity?: "high" | "low" | "none";
}

/** The sequencing state of an outbound subscription, as `…/state` gives it. */
export interface StreamState {
  lastSeq: number;
  pendingCount: number;
  pendingSequences: number[];
  resyncPending: boolean;
  gapSince?: string;
  epoch: number;
}

/** An actor of the service under test with its owner's credentials. */
export class OwnedActor {
  readonly id: string;
  readonly uri: string;
  readonly creator: string;
  readonly passphrase: string;

  constructor(url: string, made: { id: string; creator: string; passphrase: string }) {
    this.id = made.id;
    this.uri = `${url}/${made.id}`;
    this.creator = made.creator;
    this.passphrase = made.passphrase;
  }

  /** The owner's `Authorization`. */
  get basic(): string {
    return `Basic ${Buffer.from(`${this.creator}:${this.passphrase}`).toString("base64")}`;
  }

  /** A request below the actor, as its owner. */
  fetch(method: string, path: string, options: Ask = {}): Promise<Answered> {
    const headers = { authorization: this.basic, ...options.headers };
    return ask(`${this.uri}${path}`, { ...options, method, headers });
  }

  /** The same, failing on a status that was not expected; gives the parsed body. */
  async expect(method: string, path: string, status: number, json?: Json): Promise<Json | undefined> {
    const answer = await this.fetch(method, path, json === undefined ? {} : { json });
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** We trust the publisher's actor, and it approves us. */
  async trust(publisher: Publisher, relationship = "friend"): Promise<void> {
    await this.expect("POST", "/trust", 201, { url: publisher.baseUri, relationship });
    await publisher.settled();
    if (publisher.trusts.need(this.id).approved) return;
    const notified = await publisher.trusts.approve(this.id);
    if (notified !== 204) throw new Error(`the approval was answered with ${notified}`);
  }

  /** We subscribe at the publisher; gives the publisher's own record of it. */
  async subscribe(publisher: Publisher, options: SubscribeOptions = {}): Promise<Subscription> {
    const json = { peerid: publisher.id, target: "properties", granularity: "high", ...options };
    const answer = await this.fetch("POST", "/subscriptions", { json });
    if (answer.status !== 204) throw new Error(`subscribing: ${answer.status} ${answer.text}`);
    return publisher.subscription(answer.headers["location"]?.split("/").at(-1));
  }

  async unsubscribe(subscription: Subscription, publisher: Publisher): Promise<void> {
    await this.expect("DELETE", `/subscriptions/${publisher.id}/${subscription.id}`, 204);
  }

  async state(subscription: Subscription, publisher: Publisher): Promise<StreamState> {
    const path = `/subscriptions/${publisher.id}/${subscription.id}/state`;
    return (await this.expect("GET", path, 200)) as unknown as StreamState;
  }

  resync(subscription: Subscription, publisher: Publisher): Promise<Json | undefined> {
    return this.expect("POST", `/subscriptions/${publisher.id}/${subscription.id}/resync`, 200);
  }

  /** Everything held of that peer, all pages, name to value: comparable with the publisher's `state.snapshot()`. */
  async replica(peerId: string): Promise<Record<string, Json>> {
    const all: Record<string, Json> = {};
    let after: string | undefined;
    do {
      const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
      const page = (await this.expect("GET", `/peers/${peerId}/properties${query}`, 200)) as {
        data: Record<string, { value: Json }>;
        next?: string;
      };
      for (const [name, { value }] of Object.entries(page.data)) all[name] = value;
      after = page.next;
    } while (after !== undefined);
    return all;
  }

  /** The hook events that failed for good. */
  async failedEvents(): Promise<Json[]> {
    return ((await this.expect("GET", "/parked", 200)) as { data: Json[] }).data;
  }
}
