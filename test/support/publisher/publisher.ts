import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Callbacks, type Delivered, type DeliveryOptions, type SendOptions } from "./callbacks.ts";
import type { Style } from "./dialect.ts";
import { commit, Faults } from "./faults.ts";
import type { Json } from "./json.ts";
import { seeded, type Random } from "./random.ts";
import { answer, type Incoming, type Outgoing } from "./routes.ts";
import { PublishedState, type Change, type ListOperation } from "./state.ts";
import { SubscriptionBook, type Diff, type Subscription } from "./subscriptions.ts";
import { Trusts } from "./trusts.ts";
import { parsed } from "./wire.ts";

export interface PublisherOptions {
  /** 0 picks a free one. */
  port?: number;
  actorId?: string;
  style?: Style;
  /** Approves every request for trust: at once in our style, with a second call in the reference's. */
  autoApprove?: boolean;
  /** Sends callbacks as soon as something changes, in order per subscription, without a call of `deliver`. */
  autoDeliver?: boolean;
  seed?: number;
  /** The tags of /meta/actingweb/supported. */
  capabilities?: string[];
  /** Called before the protocol's routes; an answer here is final. For control routes of the command line peer. */
  before?: (request: Incoming) => Promise<Outgoing | undefined>;
}

/** One request this peer received. */
export interface Call {
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  bearer: string | undefined;
  body: Json | undefined;
  /** What was answered; 0 while under way or when a fault left it without. */
  status: number;
}

const CAPABILITIES = {
  reference: ["callbacks", "nestedproperties", "subscriptionresync", "subscriptions", "trust", "trustpermissions"],
  ours: [
    "callbackcompression",
    "callbacks",
    "listproperties",
    "nestedproperties",
    "subscriptionresync",
    "subscriptions",
    "trust",
  ],
};

/** A peer that publishes: it knows the protocol from outside and shares no code with the service. */
export class Publisher {
  readonly id: string;
  readonly style: Style;
  readonly random: Random;
  readonly state = new PublishedState();
  readonly trusts: Trusts;
  readonly subscriptions: SubscriptionBook;
  readonly callbacks: Callbacks;
  readonly faults = new Faults();
  /** Everything received, oldest first. */
  readonly calls: Call[] = [];
  /** The answers of subscribers to callbacks that were sent automatically, in order of arrival. */
  readonly delivered: Delivered[] = [];
  readonly #options: PublisherOptions;
  readonly #waiting = new Set<() => void>();
  readonly #lanes = new Map<string, Promise<unknown>>();
  readonly #background = new Set<Promise<unknown>>();
  #server: Server | undefined;
  #port = 0;
  #started = Date.now();
  #ticks = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.style = options.style ?? "reference";
    this.random = seeded(options.seed ?? 1);
    this.id = options.actorId ?? this.random.hex(32);
    const hex = (length: number): string => this.random.hex(length);
    this.trusts = new Trusts(() => this, this.style, hex);
    this.subscriptions = new SubscriptionBook(() => hex(32), this.style === "ours");
    this.callbacks = new Callbacks(() => this, this.style, this.trusts, this.random);
  }

  /** The actor's root URI. */
  get baseUri(): string {
    return `http://127.0.0.1:${this.#port}/${this.id}`;
  }

  async listen(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#options.port ?? 0, "127.0.0.1", resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Stops answering; resolves when nothing of it is open any more. */
  async close(): Promise<void> {
    await this.settled();
    const server = this.#server;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** Sets properties (or, with a path, a place inside one): one change, one diff per subscription. */
  set(values: Record<string, Json>): void {
    this.#changed(Object.entries(values).flatMap(([name, value]) => this.state.set([name], value)));
  }

  setAt(path: string[], value: Json): void {
    this.#changed(this.state.set(path, value));
  }

  delete(...path: string[]): void {
    this.#changed(this.state.set(path, undefined));
  }

  list(name: string, operation: ListOperation): void {
    this.#changed(this.state.list(name, operation));
  }

  /** The one subscription this actor has, or the one with that id. */
  subscription(id?: string): Subscription {
    const found = id === undefined ? [...this.subscriptions.all.values()].at(-1) : this.subscriptions.all.get(id);
    if (!found) throw new Error(`no subscription ${id ?? "at all"}`);
    return found;
  }

  /** A resync callback's number and body; send it with `send`. */
  makeResync(subscription = this.subscription()): Diff {
    return this.subscriptions.recordResync(subscription, this.#now(), this.state.snapshot());
  }

  /** Sends the callback with that number. */
  send(sequence: number, options: SendOptions & { subscription?: Subscription } = {}): Promise<Delivered> {
    const subscription = options.subscription ?? this.subscription();
    const diff = subscription.made.get(sequence);
    if (!diff) throw new Error(`subscription ${subscription.id} never made ${sequence}`);
    return this.callbacks.send(subscription, diff, options);
  }

  deliver(options: DeliveryOptions & { subscription?: Subscription } = {}): Promise<Delivered[]> {
    return this.callbacks.deliver(options.subscription ?? this.subscription(), options);
  }

  /** As after a restart that lost the numbering: sequences begin again, the process's start time is a new one. */
  resetSequence(): void {
    this.#started = Math.max(Date.now(), this.#started + 1);
    this.subscriptions.reset();
  }

  /** The calls received so far with that method and a path below the actor that matches. */
  received(method: string, path: RegExp): Call[] {
    return this.calls.filter((call) => call.method === method && path.test(call.path));
  }

  /** Resolves with the first call that matches, past or future; rejects after `timeoutMs`. */
  async waitForCall(method: string, path: RegExp, timeoutMs = 60_000): Promise<Call> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = this.received(method, path)[0];
      if (found) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${method} ${path.source} within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left);
        const waiting = this.#waiting;
        waiting.add(done);
        function done(): void {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        }
      });
    }
  }

  /** Resolves when the callbacks and approvals sent in the background are answered. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  /** A moment for a diff: the reference stamps every diff with its process's start, we with growing microseconds. */
  #now(): number {
    this.#ticks += 1;
    return this.style === "reference" ? this.#started : Date.now() + (this.#ticks % 1000) / 1000;
  }

  #changed(changes: Change[]): void {
    const made = this.subscriptions.record(changes, this.#now(), (path) => this.state.read(path));
    if (this.#options.autoDeliver !== true) return;
    for (const { subscription, diff } of made) {
      if (subscription.granularity === "none") continue;
      const before = this.#lanes.get(subscription.id) ?? Promise.resolve();
      const sent = before
        .then(() => this.callbacks.send(subscription, diff))
        .then((answered) => this.delivered.push(answered));
      this.#lanes.set(subscription.id, sent);
      this.#inBackground(sent);
    }
  }

  #inBackground(work: Promise<unknown>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const bearer = /^Bearer (.+)$/i.exec(headers["authorization"] ?? "")?.[1];
    const method = request.method ?? "GET";
    const text = Buffer.concat(chunks).toString();
    const call: Call = {
      method,
      path: url.pathname,
      query: url.search,
      headers,
      bearer,
      body: parsed(text),
      status: 0,
    };
    this.calls.push(call);
    for (const wake of this.#waiting) wake();
    const fault = this.faults.take(method, url.pathname);
    if (fault) {
      call.status = commit(fault, request, response);
      return;
    }
    const incoming = { method, query: url.searchParams, headers, bearer, body: call.body ?? text };
    const outgoing = await this.#answer(url.pathname.split("/").slice(1).map(decodeURIComponent), incoming);
    call.status = outgoing.status;
    write(response, outgoing);
  }

  async #answer([actorId, ...parts]: string[], request: Omit<Incoming, "parts">): Promise<Outgoing> {
    if (actorId !== this.id) return { status: 404 };
    const incoming = { ...request, parts };
    const approveSoon = (peerId: string): void =>
      this.#inBackground(new Promise((resolve) => setImmediate(resolve)).then(() => this.trusts.approve(peerId)));
    return (
      (await this.#options.before?.(incoming)) ??
      (await answer(
        {
          id: this.id,
          baseUri: () => this.baseUri,
          style: this.style,
          autoApprove: this.#options.autoApprove ?? false,
          state: this.state,
          trusts: this.trusts,
          subscriptions: this.subscriptions,
          capabilities: this.#options.capabilities ?? CAPABILITIES[this.style],
          approveSoon,
        },
        incoming,
      ))
    );
  }
}

function write(response: ServerResponse, { status, headers, json, text }: Outgoing): void {
  if (json !== undefined) {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(json));
  } else {
    response.writeHead(status, { ...(text === undefined ? {} : { "content-type": "text/plain" }), ...headers });
    response.end(text ?? "");
  }
}

/** Starts a publisher on a loopback port. */
export function startPublisher(options: PublisherOptions = {}): Promise<Publisher> {
  return new Publisher(options).listen();
}
