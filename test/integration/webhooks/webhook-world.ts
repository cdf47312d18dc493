/** A whole service with one actor, and receivers of its webhooks that verify and answer as a test says. */
import { Webhook } from "standardwebhooks";
import { vi } from "vitest";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { PeerFailure, type PeerRequest } from "../../../lib/system/ports.ts";
import { strictEvent } from "../../support/strict-event.ts";
import { Network, type Answer, type Asking } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

const ORIGIN = "https://us.example";

/** What a receiver was given. */
export interface Received {
  readonly id: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  // Tests look into events of many shapes.
  readonly event: any;
}

/** How a receiver answers an event: a status, headers with it, or no answer. */
export type Answering = (
  received: Received,
) => number | { readonly status: number; readonly headers: Record<string, string> } | PeerFailure;

export class WebhookWorld {
  readonly network = new Network();
  /** The process that answers, over the table. */
  whole: WholeService;
  readonly #options: NonNullable<ConstructorParameters<typeof WholeService>[2]> & { readonly table: Table };
  readonly received: Received[] = [];
  owner!: Hosted;
  /** By host; 204 without one. */
  readonly answering = new Map<string, Answering>();
  /** The secrets by which the receivers verify, by webhook host. */
  readonly secrets = new Map<string, string>();

  private constructor(options: ConstructorParameters<typeof WholeService>[2]) {
    this.#options = { table: new MemoryTable(), ...options };
    this.whole = new WholeService(this.network, ORIGIN, this.#options);
  }

  get table(): Table {
    return this.#options.table;
  }

  /** A further process of the service, over this table or another; its messages are its own. */
  instance(table = this.table): WholeService {
    const made = new WholeService(this.network, ORIGIN, { ...this.#options, table });
    made.now = this.whole.now;
    return made;
  }

  /** From now on another process answers, with another environment: its messages are its own, those of the last one are lost. */
  deploy(environment: Record<string, string>): void {
    const { now } = this.whole;
    this.whole = new WholeService(this.network, ORIGIN, { ...this.#options, environment });
    this.whole.now = now;
  }

  static async begin(options: ConstructorParameters<typeof WholeService>[2] = {}): Promise<WebhookWorld> {
    const world = new WebhookWorld(options);
    world.owner = await world.whole.actor();
    return world;
  }

  /** A receiver at `https://<host>`. */
  receiver(host: string, answering: Answering = () => 204): string {
    this.answering.set(host, answering);
    this.network.hosts.set(`https://${host}`, (request) => this.#answer(host, request));
    return `https://${host}/hook`;
  }

  async #answer(host: string, request: PeerRequest): Promise<Answer> {
    const headers = { ...request.headers };
    const text = Buffer.from(request.body?.bytes ?? []).toString();
    const secret = this.secrets.get(host);
    const event: unknown = secret === undefined ? JSON.parse(text) : this.#verified(secret, text, headers);
    strictEvent(event);
    const received: Received = { id: headers["webhook-id"] ?? "", url: request.url, headers, event };
    this.received.push(received);
    const said = this.answering.get(host)?.(received) ?? 204;
    if (said instanceof PeerFailure) throw said;
    const { status, headers: more } = typeof said === "number" ? { status: said, headers: {} } : said;
    return { status, headers: more, text: "", json: undefined };
  }

  /** The library compares the time of a signature with the machine's clock, which here is the service's. */
  #verified(secret: string, text: string, headers: Record<string, string>): unknown {
    const clock = vi.spyOn(Date, "now").mockReturnValue(this.whole.now);
    try {
      return new Webhook(secret).verify(text, headers);
    } finally {
      clock.mockRestore();
    }
  }

  /** One request of the owner's, below the actor. */
  async ask(method: string, path: string, asking: Asking = {}): Promise<Answer> {
    const headers = { ...this.owner.as, ...asking.headers };
    return await this.whole.ask(method, `${this.owner.root}${path}`, { ...asking, headers });
  }

  /** Makes a webhook whose receiver verifies what it gets. */
  async webhook(id: string, json: Record<string, unknown> & { readonly url: string }): Promise<Answer> {
    const made = await this.ask("PUT", `/webhooks/${id}`, { json });
    const secret: unknown = made.json?.secret ?? json["secret"];
    if (typeof secret === "string") this.secrets.set(new URL(json.url).host, secret);
    return made;
  }

  async put(name: string, value: unknown): Promise<void> {
    const { status, text } = await this.ask("PUT", `/properties/${name}`, { json: value });
    if (status >= 300) throw new Error(`PUT ${name}: ${String(status)} ${text}`);
  }

  /** Lets `ms` pass, and everything that is due by then be done, also what that makes due. */
  async pass(ms: number): Promise<void> {
    this.whole.now += ms;
    for (let rounds = 0; rounds < 5; rounds += 1) {
      await this.whole.arriveMessages();
      await this.whole.sweep();
    }
  }

  /** The webhook as its owner sees it. */
  async seen(id: string): Promise<any> {
    return (await this.ask("GET", `/webhooks/${id}`)).json;
  }
}
