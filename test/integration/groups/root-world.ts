/** A whole service whose operator has a group over all actors. */
import type { FetchResult } from "../../../lib/listeners/groups/group-fetching.ts";
import { bearer, Network, type Answer } from "../../support/in-process.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { WholeService, type Hosted } from "../../support/whole-service.ts";

const ORIGIN = "https://us.example";
export const ALL_ACTORS = { ALL_EVENTS: "true", OPERATOR_TOKEN: "operator" };

export type Verdict = { readonly position: string; readonly verdict: string; readonly delaySeconds?: number };

/** An event that a consumer was lent, as a test compares it. */
export interface Taken {
  readonly actor: string;
  readonly name: string;
  readonly value: unknown;
  readonly attempt: number;
  readonly position: string;
}

export class RootWorld {
  whole: WholeService;
  readonly #options: { readonly environment: Readonly<Record<string, string>>; readonly table: Table };
  readonly #network = new Network();
  readonly actors: Hosted[] = [];
  /** What happens while a consumer waits. */
  meanwhile: () => Promise<void> = () => Promise.resolve();

  private constructor(table: Table, environment: Readonly<Record<string, string>>) {
    this.#options = { environment, table };
    this.whole = this.#begun(environment);
  }

  #begun(environment: Readonly<Record<string, string>>): WholeService {
    const sleep = async (ms: number): Promise<void> => {
      this.whole.now += ms;
      await this.meanwhile();
    };
    return new WholeService(this.#network, ORIGIN, { ...this.#options, environment, ports: { sleep } });
  }

  /** From now on another process answers, with more of an environment. */
  deploy(environment: Readonly<Record<string, string>>): void {
    const { now } = this.whole;
    this.whole = this.#begun({ ...this.#options.environment, ...environment });
    this.whole.now = now;
  }

  static async begin(
    actors = 3,
    { table, environment }: { readonly table?: Table; readonly environment?: Record<string, string> } = {},
  ): Promise<RootWorld> {
    const world = new RootWorld(table ?? new MemoryTable(), environment ?? ALL_ACTORS);
    for (let made = 0; made < actors; made += 1) world.actors.push(await world.whole.actor());
    return world;
  }

  /** One request of the operator's. */
  async ask(method: string, path: string, json?: object, headers: Record<string, string> = {}): Promise<Answer> {
    const asking = { headers: { ...bearer("operator"), ...headers }, ...(json !== undefined && { json }) };
    return await this.whole.ask(method, path, asking);
  }

  async group(json: object = {}, name = "all"): Promise<Answer> {
    return await this.ask("PUT", `/groups/${name}`, { topics: [">"], ...json });
  }

  async fetch(json: object = {}, name = "all"): Promise<Answer> {
    return await this.ask("POST", `/groups/${name}/fetch`, { consumer: "c", ...json });
  }

  async ack(json: object, name = "all"): Promise<Answer> {
    return await this.ask("POST", `/groups/${name}/ack`, json);
  }

  async seen(name = "all"): Promise<any> {
    return (await this.ask("GET", `/groups/${name}`)).json;
  }

  /** A property of the n-th actor. */
  async put(actor: number, name: string, value: unknown): Promise<void> {
    const { root, as } = this.actors[actor]!;
    const { status, text } = await this.whole.ask("PUT", `${root}/properties/${name}`, { headers: as, json: value });
    if (status >= 300) throw new Error(`PUT ${name}: ${String(status)} ${text}`);
  }

  /** One request of the n-th actor's owner. */
  async own(actor: number, method: string, path: string, json?: object): Promise<Answer> {
    const { root, as } = this.actors[actor]!;
    return await this.whole.ask(method, `${root}${path}`, { headers: as, ...(json !== undefined && { json }) });
  }

  /** Lets `ms` pass, and everything that is due by then be done. */
  async pass(ms: number): Promise<void> {
    this.whole.now += ms;
    for (let rounds = 0; rounds < 4; rounds += 1) {
      await this.whole.arriveMessages();
      await this.whole.sweep();
    }
  }

  taken(answer: Answer): readonly Taken[] {
    const events: FetchResult["events"] = answer.status === 200 ? answer.json.events : [];
    return events.map(({ event, attempt }) => {
      const { source, data, position } = event as any;
      const actor = String(this.actors.findIndex(({ root }) => root === source));
      return { actor, name: data.name, value: data.value, attempt, position };
    });
  }
}

export const tokenOf = (answer: Answer): string => answer.json.leases[0].token;
