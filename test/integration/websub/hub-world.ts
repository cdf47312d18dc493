/** A whole service with an actor, its public places, and subscribers of its hub that answer as a test says. */
import type { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { PeerFailure, type PeerRequest } from "../../../lib/system/ports.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { Network, type Answer } from "../../support/in-process.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

export const SUBSCRIBER = "https://s.example";
export const CALLBACK = `${SUBSCRIBER}/cb`;
export const MINUTE = 60_000;

/** A request that a subscriber got. */
export interface Got {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly type: string;
}

/** What a subscriber answers: a status and a body; undefined: it cannot be reached. */
export type Answering = (got: Got) => { status: number; text?: string; headers?: Record<string, string> } | undefined;

const answer = (status: number, text = "", headers: Record<string, string> = {}): Answer => ({
  ...{ status, headers, text, json: undefined },
});

interface WorldOptions {
  readonly table?: Table;
  readonly environment?: Record<string, string>;
  readonly app?: ActingWebApp;
}

/** Confirms what it is asked, and takes what it is sent. */
export const confirming: Answering = ({ method, url }) => ({
  status: 200,
  text: method === "GET" ? (url.searchParams.getAll("hub.challenge").at(-1) ?? "") : "",
});

export class HubWorld {
  readonly network = new Network();
  readonly #options: WorldOptions;
  world: WholeService;
  readonly got: Got[] = [];
  alice: Hosted = { id: "", root: "", as: {} };
  answering: Answering = confirming;

  constructor(options: WorldOptions = {}) {
    this.#options = { table: new MemoryTable(), ...options };
    this.world = this.instance();
    this.serve(SUBSCRIBER);
  }

  /** A further process of the service, over this table or another; its messages are its own. */
  instance(table = this.#options.table): WholeService {
    const made = new WholeService(this.network, "https://a.example", { ...this.#options, ...(table && { table }) });
    if (this.alice.id !== "") made.now = this.world.now;
    return made;
  }

  /** A further origin at which subscribers answer. */
  serve(origin: string): void {
    this.network.hosts.set(origin, async (request) => await Promise.resolve(this.#take(request)));
  }

  #take(request: PeerRequest): Answer {
    const { method, url, headers = {}, body } = request;
    const got: Got = {
      ...{ method, url: new URL(url), headers },
      ...{ text: body === undefined ? "" : Buffer.from(body.bytes).toString(), type: body?.type ?? "" },
    };
    this.got.push(got);
    const said = this.answering(got);
    if (said === undefined) throw new PeerFailure("unreachable", "The peer could not be reached.");
    return answer(said.status, said.text, said.headers);
  }

  /** An actor with the public property `blog`, which is "first". */
  async open(): Promise<this> {
    this.alice = await this.world.actor();
    await this.makePublic(["blog", "blog/*", "list"]);
    await this.put("blog", "first");
    await this.work();
    return this;
  }

  get now(): number {
    return this.world.now;
  }

  /** Moves the clock, and lets what is due by messages be done. */
  async pass(ms: number): Promise<void> {
    this.world.now += ms;
    await this.work();
  }

  /** Lets the messages that are due be done, and those that follow from them. */
  async work(): Promise<void> {
    while (this.world.messages.some(({ dueAt }) => dueAt <= this.world.now)) await this.world.arriveMessages();
  }

  /** The same without messages: all of them are lost, and the sweep finds the work. */
  async sweep(ms = 0): Promise<void> {
    this.world.now += ms;
    this.world.messages.splice(0);
    await this.world.sweep();
  }

  async owner(method: string, path: string, json?: unknown): Promise<Answer> {
    return await this.world.ask(method, `${this.alice.root}${path}`, {
      headers: this.alice.as,
      ...(json === undefined ? {} : { json }),
    });
  }

  async put(name: string, value: unknown): Promise<void> {
    const { status } = await this.owner("PUT", `/properties/${name}`, value);
    if (status !== 204) throw new Error(`the change was answered with ${String(status)}`);
  }

  async makePublic(properties: string[], targets: string[] = []): Promise<void> {
    const { status } = await this.owner("PUT", "/public", { properties, targets });
    if (status !== 204) throw new Error(`the settings were answered with ${String(status)}`);
  }

  topic(path = "properties/blog"): string {
    return `${this.alice.root}/${path}`;
  }

  /** A request to the hub; fields that are undefined are left out. */
  async ask(fields: Record<string, string | undefined> | string = {}): Promise<Answer> {
    const usual = { "hub.mode": "subscribe", "hub.topic": this.topic(), "hub.callback": CALLBACK };
    const all: Record<string, string | undefined> = { ...usual, ...(typeof fields === "string" ? {} : fields) };
    const form = Object.entries(all).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    );
    return await this.world.ask("POST", `${this.alice.root}/hub`, {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: typeof fields === "string" ? fields : new URLSearchParams(form).toString(),
    });
  }

  /** Subscribes, and verifies that. */
  async subscribe(fields: Record<string, string | undefined> = {}): Promise<void> {
    const { status, text } = await this.ask(fields);
    if (status !== 202) throw new Error(`the request was answered with ${String(status)} ${text}`);
    await this.work();
  }

  async unsubscribe(fields: Record<string, string | undefined> = {}): Promise<void> {
    await this.subscribe({ "hub.mode": "unsubscribe", ...fields });
  }

  /** The verifications and denials that subscribers got. */
  get asked(): URLSearchParams[] {
    return this.got.filter(({ method }) => method === "GET").map(({ url }) => url.searchParams);
  }

  /** What was distributed. */
  get sent(): Got[] {
    return this.got.filter(({ method }) => method === "POST");
  }

  /** The bodies that were distributed. */
  get bodies(): string[] {
    return this.sent.map(({ text }) => text);
  }

  /** The items of the hub whose sort keys begin so. */
  async items(prefix: string) {
    return (await this.world.table.query({ pk: `T#${this.alice.id}`, prefix })).items;
  }

  async counts(): Promise<{ subscriptions: number; pending: number }> {
    const [item] = await this.items("COUNTS");
    return { subscriptions: Number(item?.["subscriptions"] ?? 0), pending: Number(item?.["pending"] ?? 0) };
  }

  /** What contradicts itself in what the hub stores. */
  async contradictions(): Promise<readonly string[]> {
    const subscriptions = await this.items("SUB#");
    const isNew = subscriptions.filter(({ active }) => active === undefined);
    const { subscriptions: counted, pending } = await this.counts();
    const origins = (await this.items("ORIGIN#")).map((item) => Number(item["subscriptions"]));
    const topics = new Set((await this.items("TOPIC#")).map(({ path }) => String(path)));
    const head = await this.world.table.get({ pk: `H#${this.alice.id}`, sk: "LOG" });
    const active = subscriptions.filter(({ active: is }) => is !== undefined);
    return [
      ...(counted === subscriptions.length
        ? []
        : [`${String(counted)} of ${String(subscriptions.length)} are counted`]),
      ...(pending === isNew.length ? [] : [`${String(pending)} of ${String(isNew.length)} new ones are counted`]),
      ...(origins.reduce((sum, count) => sum + count, 0) === subscriptions.length ? [] : ["origins count others"]),
      ...active.filter(({ path }) => !topics.has(String(path))).map(({ path }) => `no topic ${String(path)}`),
      ...(active.length > 0 && head?.["hubJoins"] === undefined ? ["the log's head does not know"] : []),
      ...subscriptions.filter(({ dueAt }) => dueAt === undefined).map(() => "not due"),
    ];
  }
}
