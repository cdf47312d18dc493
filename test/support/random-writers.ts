import type { OwnedActor } from "./owned-actor.ts";
import { isObject, type Json } from "./publisher/json.ts";
import { seeded, type Random } from "./publisher/random.ts";
import { ask, type Answered } from "./publisher/wire.ts";
import { plainState } from "./subscriber-peer/plain-state.ts";

/** The lists and the other properties that the writers change. */
export const LISTS = ["l0", "l1", "l2"] as const;
export const VALUES = ["p0", "p1", "p2", "p3", "p4", "p5"] as const;

export interface Writing {
  readonly seed: number;
  /** How many changes must have been made [500]. */
  readonly changes?: number;
  /**
   * Says whether enough was seen, given how often each kind was made [always]. What is random need not come among the first
   * `changes`: they continue until it has, up to ten times as many.
   */
  readonly enough?: (kinds: ReadonlyMap<string, number>) => boolean;
  /** [8] */
  readonly writers?: number;
  /** Continues although there is no answer, as when the service is down; otherwise that fails. */
  readonly patient?: boolean;
  /**
   * How often a writer may be answered 503 because others were always faster [one change in four: a busy machine makes
   * them slow].
   */
  readonly mostRefused?: number;
  /** Called after each change. */
  readonly onChange?: (made: number) => void;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly json?: Json;
}

/** The answers to a change when another writer was faster: the thing is gone, or is of another kind now. */
const OVERTAKEN = new Set([404, 409]);
/** The fields of a list operation that may name an item which is not there any more. */
const ITEM_FIELDS: readonly Json[] = ["index", "item", "old_item"];

/**
 * Random changes of every kind from several writers at once: set, overwrite, nested, several at once, delete, and all
 * list operations. Resolves when that many have been made. Gives how often each kind was.
 */
export async function writeRandomly(actor: OwnedActor, writing: Writing): Promise<Map<string, number>> {
  const { seed, changes = 500, enough, writers = 8, patient = false, mostRefused = 0, onChange } = writing;
  const kinds = new Map<string, number>();
  let made = 0;
  let refused = 0;
  const isDone = (): boolean => made >= changes && (enough?.(kinds) !== false || made >= 10 * changes);
  for (const list of LISTS) await create(actor, list);
  const write = async (random: Random): Promise<void> => {
    for (let round = 0; !isDone(); round++) {
      const [kind, request] = draw(random, round);
      const answer = await ask(`${actor.uri}/properties${request.path}`, {
        method: request.method,
        headers: { authorization: actor.basic },
        ...(request.json === undefined ? {} : { json: request.json }),
      });
      if (answer.status >= 200 && answer.status < 300) {
        made += 1;
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        onChange?.(made);
      } else if (answer.status === 503 && refused < Math.max(mostRefused, changes / 4)) {
        refused += 1;
        // As the answer's `Retry-After` asks. A client has no condition to wait for: only another attempt shows more.
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      } else await failed(actor, request, answer, patient);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, lane) => write(seeded(seed * 100 + lane))));
  return kinds;
}

/** Everything the actor has, lists as arrays. */
export async function stateOf(actor: OwnedActor): Promise<Record<string, Json>> {
  return plainState(await actor.expect("GET", "/properties?format=full", 200));
}

function namesNoItem({ status, json }: Answered): boolean {
  const error = isObject(json) ? json["error"] : undefined;
  return status === 400 && isObject(error) && ITEM_FIELDS.includes(error["field"] ?? null);
}

async function failed(actor: OwnedActor, request: Request, answer: Answered, patient: boolean): Promise<void> {
  if (patient && (answer.status === 0 || answer.status >= 500)) {
    // The writer is a client of a service that is down or starts: it tries again, without taking the machine's time.
    await new Promise((resolve) => setTimeout(resolve, 50));
    return;
  }
  if (!OVERTAKEN.has(answer.status) && !namesNoItem(answer)) {
    throw new Error(
      `${request.method} ${request.path} ${JSON.stringify(request.json)}: ${answer.status} ${answer.text}`,
    );
  }
  const [, name = ""] = request.path.split("/");
  if (answer.status === 404 && LISTS.some((list) => list === name)) await create(actor, name);
}

async function create(actor: OwnedActor, list: string): Promise<void> {
  await actor.fetch("POST", "/properties", { json: { [list]: { _type: "list" } } });
}

function draw(random: Random, round: number): [kind: string, Request] {
  const name = VALUES[random.below(VALUES.length)] ?? "p0";
  const other = VALUES[random.below(VALUES.length)] ?? "p0";
  const n = random.below(1000);
  const key = `k${random.below(3)}`;
  switch (random.below(14)) {
    case 0:
      return ["text", { method: "PUT", path: `/${name}`, json: `text ${n}` }];
    case 1:
    case 2:
      return ["object", { method: "PUT", path: `/${name}`, json: { n, deep: { k0: n, k1: { x: [n] } } } }];
    case 3:
      return ["two at once", { method: "POST", path: "", json: { [name]: { n }, [other]: [n, { n }] } }];
    case 4:
    case 5:
      return ["nested", { method: "PUT", path: `/${name}/deep/${key}`, json: random.below(2) === 0 ? n : { n } }];
    case 6:
      return ["nested whole", { method: "PUT", path: `/${name}/deep`, json: random.below(3) === 0 ? {} : { only: n } }];
    case 7:
      return ["delete", { method: "DELETE", path: random.below(2) === 0 ? `/${name}` : `/${name}/deep/${key}` }];
    default:
      return drawList(random, round, n);
  }
}

function drawList(random: Random, round: number, n: number): [kind: string, Request] {
  const list = LISTS[random.below(LISTS.length)] ?? "l0";
  const index = random.below(3);
  // Few different ones, so that one to remove is often there.
  const item = { v: random.below(3) };
  const operations: Record<string, Json> = {
    append: { item },
    insert: { index, item },
    update: { index, item: { n } },
    delete: { index },
    pop: random.below(2) === 0 ? {} : { index },
    extend: { items: [n, item, [n]] },
    clear: {},
    remove: { item },
    delete_all: {},
    metadata: { description: `at ${n}`, explanation: "why" },
  };
  const emptying = ["clear", "delete_all"];
  const changing = Object.keys(operations).filter((one) => !emptying.includes(one));
  const growing = round % 3 === 0 ? ["append", "extend", "insert"] : changing;
  const names = round % 3 === 1 && random.below(6) === 0 ? emptying : growing;
  const operation = names[random.below(names.length)] ?? "append";
  const json = { operation, ...(operations[operation] as object) };
  return [`list ${operation}`, { method: "POST", path: `/${list}/items`, json }];
}
