/** One deployment whose releases have hooks on actors' own events; a release is another service over the same table. */
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import type { EventHook, EventHookOptions, OwnEvent } from "../../../lib/application/hooks.ts";
import type { Ports } from "../../../lib/compose/runtime.ts";
import { eventHooksKey } from "../../../lib/listeners/event-hooks/event-hooks-item.ts";
import type { Item, Table } from "../../../lib/dynamodb/table.ts";
import type { Json } from "../../../lib/system/ports.ts";
import { Network } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

export type Registration = readonly [EventHookOptions, EventHook];

/** What a hook was given, in short. */
export interface Attempt {
  readonly hook: string;
  readonly topic: string;
  readonly attempt: number;
  readonly sequence: string;
  readonly id: string;
  readonly data: unknown;
}

export class EventHookWorld {
  readonly table: Table;
  readonly network = new Network();
  /** Every attempt, in the order of their beginnings. */
  readonly attempts: Attempt[] = [];
  readonly #environment: Record<string, string>;
  readonly #ports: Partial<Ports>;
  release: WholeService;
  actor!: Hosted;

  private constructor(
    hooks: readonly Registration[],
    environment: Record<string, string>,
    { table, ports }: { readonly table: Table; readonly ports: Partial<Ports> },
  ) {
    this.table = table;
    this.#ports = ports;
    this.#environment = environment;
    this.release = this.#released(hooks);
  }

  static async open(
    hooks: readonly Registration[],
    environment: Record<string, string> = {},
    { table = new MemoryTable(), ports = {} }: { readonly table?: Table; readonly ports?: Partial<Ports> } = {},
  ): Promise<EventHookWorld> {
    const world = new EventHookWorld(hooks, { CALLBACK_MODE: "sync", ...environment }, { table, ports });
    world.actor = await world.release.actor();
    return world;
  }

  #released(hooks: readonly Registration[]): WholeService {
    const app = new ActingWebApp({ awType: "urn:actingweb:example.com:test", desc: "A test" });
    for (const [options, hook] of hooks) {
      app.eventHook(options, async (own) => {
        this.attempts.push(attemptOf(options.id, own));
        await hook(own);
      });
    }
    return new WholeService(this.network, "https://me.example", {
      ...{ app, environment: this.#environment, table: this.table, ports: this.#ports },
    });
  }

  /** The next release, over the same table and clock. */
  deploy(hooks: readonly Registration[]): void {
    const { now } = this.release;
    this.release = this.#released(hooks);
    this.release.now = now;
  }

  /** A change by a process that dies before it gives the change to anybody. */
  async putAndDie(target: string, data: Json): Promise<void> {
    await this.release.service.commits.commit(
      this.actor.id,
      [],
      () => ({ records: [{ kind: "change", changes: [{ do: "notify", target, data }] }], writes: [] }),
      { quiet: true },
    );
  }

  get own() {
    return this.release.service.actorOf(this.actor.id);
  }

  async put(name: string, value: unknown): Promise<void> {
    const { status } = await this.release.ask("PUT", `${this.actor.root}/properties/${name}`, {
      ...{ headers: this.actor.as, json: value },
    });
    if (status !== 204) throw new Error(`the change was answered with ${String(status)}`);
  }

  async item(): Promise<Item | undefined> {
    return await this.table.get(eventHooksKey(this.actor.id));
  }

  /** Lets time pass, and what is due by then run: delayed messages, and a sweep. */
  async later(ms: number): Promise<void> {
    this.release.now += ms;
    await this.release.arriveMessages();
    await this.release.sweep();
  }

  /** The parked events, as the owner sees them. */
  async parked(): Promise<readonly Record<string, unknown>[]> {
    const { json } = await this.release.ask("GET", `${this.actor.root}/parked`, { headers: this.actor.as });
    return (json as { data: Record<string, unknown>[] }).data;
  }

  async act(id: unknown, action: "retry" | "skip") {
    const url = `${this.actor.root}/parked/${String(id)}`;
    return await this.release.ask("POST", url, { headers: this.actor.as, json: { action } });
  }
}

function attemptOf(hook: string, { event, attempt }: OwnEvent): Attempt {
  const { subject, sequence, id, data } = event;
  return { hook, topic: String(subject), attempt, sequence: String(sequence), id: String(id), data };
}
