/** A consumer group named `g`, of one actor or of all, asked by the same names. */
import type { Answer } from "../../support/in-process.ts";
import type { Table } from "../../../lib/dynamodb/table.ts";
import { WebhookWorld } from "../webhooks/webhook-world.ts";
import { RootWorld } from "./root-world.ts";

export interface EitherGroup {
  /** A request to the group: what follows its path. */
  readonly ask: (method: string, path: string, json?: object) => Promise<Answer>;
  /** A request of the owner of the one actor that there is. */
  readonly own: (method: string, path: string, json?: object) => Promise<Answer>;
  readonly put: (name: string, value: unknown) => Promise<void>;
  readonly advance: (ms: number) => void;
  /** Lets `ms` pass, and everything that is due by then be done. */
  readonly pass: (ms: number) => Promise<void>;
  /** All changes of properties. */
  readonly topics: readonly string[];
  /** Where its failed events come from. */
  readonly source: string;
}

export async function ofOneActor(table: Table): Promise<EitherGroup> {
  const world = await WebhookWorld.begin({ table });
  const own: EitherGroup["own"] = async (method, path, json) =>
    await world.ask(method, path, json === undefined ? {} : { json });
  return {
    own,
    ask: async (method, path, json) => await own(method, `/groups/g${path}`, json),
    put: async (name, value) => await world.put(name, value),
    advance: (ms) => (world.whole.now += ms),
    pass: async (ms) => await world.pass(ms),
    topics: ["properties.>"],
    source: "group:g",
  };
}

export async function ofAllActors(table: Table): Promise<EitherGroup> {
  const world = await RootWorld.begin(1, { table });
  return {
    own: async (method, path, json) => await world.own(0, method, path, json),
    ask: async (method, path, json) => await world.ask(method, `/groups/g${path}`, json),
    put: async (name, value) => await world.put(0, name, value),
    advance: (ms) => (world.whole.now += ms),
    pass: async (ms) => await world.pass(ms),
    topics: ["*.properties.>"],
    source: "root-group:g",
  };
}
