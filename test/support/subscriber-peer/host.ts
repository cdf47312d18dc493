import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { reservedPort } from "../ports.ts";
import type { Json } from "../publisher/json.ts";
import { parsed } from "../publisher/wire.ts";
import { EventReceiver } from "./event-receiver.ts";
import { SubscriberPeer, type PeerOptions } from "./peer.ts";

/** A request to one of the subscribers, its path split below the actor and decoded. */
export interface Incoming {
  readonly at: number;
  readonly method: string;
  readonly parts: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes as they came over the wire. */
  readonly bytes: number;
  readonly body: Json | undefined;
}

/**
 * Any number of subscribing actors behind one loopback port. Written from the protocol alone; shares no code with the
 * service.
 */
export class SubscriberHost {
  readonly peers = new Map<string, SubscriberPeer>();
  readonly receivers = new Map<string, EventReceiver>();
  #server: Server | undefined;
  #port = 0;
  #made = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Another subscriber. Ids are `s0001`, `s0002`, … unless one is given. */
  add(options: PeerOptions = {}): SubscriberPeer {
    this.#made += 1;
    const id = options.id ?? `s${String(this.#made).padStart(4, "0")}`;
    const peer = new SubscriberPeer(id, `${this.url}/${id}`, options);
    this.peers.set(id, peer);
    return peer;
  }

  /** A receiver of webhooks. */
  receiver(id: string): EventReceiver {
    const receiver = new EventReceiver(`${this.url}/${id}`);
    this.receivers.set(id, receiver);
    return receiver;
  }

  /** Listens: on the port it had before, after the first time. */
  async listen(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    this.#port ||= await reservedPort();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    return this;
  }

  /** Ends every connection, hung ones too. What the subscribers know stays. @throws when a webhook was sent what is none */
  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    const faults = [...this.receivers.values()].flatMap((receiver) => receiver.faults);
    if (faults.length > 0) throw new Error(`not every event was one: ${faults.join("; ")}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The publisher went away in the middle, as when it is killed: nothing was said.
      return;
    }
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const [actorId = "", ...parts] = url.pathname.split("/").slice(1).map(decodeURIComponent);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const sent = Buffer.concat(chunks);
    const receiver = this.receivers.get(actorId);
    if (receiver) {
      receiver.serve(sent, request, response);
      return;
    }
    const text = (headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent).toString();
    const peer = this.peers.get(actorId);
    if (!peer) {
      response.writeHead(404).end();
      return;
    }
    const body = text === "" ? undefined : parsed(text);
    const incoming = { at, method: request.method ?? "GET", parts, headers, bytes: sent.length, body };
    await peer.serve(incoming, request, response);
  }
}
