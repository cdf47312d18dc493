import { NoBus } from "../../../lib/bus/no-bus.ts";
import { AsyncLocalStorage } from "node:async_hooks";
import { inspect } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { routes as apiRoutes } from "../../../functions/api.ts";
import { routes as callbackRoutes } from "../../../lib/api/callbacks.ts";
import { LOCAL_CREDENTIALS } from "../../../infra/local/credentials.ts";
import type { Handler } from "../../../infra/local/functions.ts";
import { startLocalStack, type LocalStack } from "../../../infra/local/stack.ts";
import { functions, type FunctionName, type FunctionRights, type TableAction } from "../../../infra/functions.ts";
import type { Actor } from "../../../lib/application/actor.ts";
import { ActingWebApp } from "../../../lib/application/acting-web-app.ts";
import { queueWorker } from "../../../lib/scheduler/queue-worker.ts";
import { readConfig } from "../../../lib/system/config.ts";
import { createTableClient } from "../../../lib/dynamodb/client.ts";
import { DocumentTable } from "../../../lib/dynamodb/document-table.ts";
import { area } from "../../../lib/http/area.ts";
import { platform } from "../../../lib/system/platform.ts";
import { SqsDelayQueue } from "../../../lib/queue/sqs-delay-queue.ts";
import { PeerHttpClient } from "../../../lib/peers/http/peer-http-client.ts";
import { composeService, type Service } from "../../../lib/compose/service.ts";
import { OwnedActor } from "../../support/owned-actor.ts";
import { startPublisher, type Publisher } from "../../support/publisher/publisher.ts";
import { ask } from "../../support/publisher/wire.ts";

/** The rights that each function used. */
class Seen {
  readonly table = new Set<TableAction>();
  dueIndex = false;
  sends = false;
  readsDepth = false;
}

const seen = new Map<FunctionName, Seen>();
/** Errors the service logged: shown when something was answered otherwise than expected. */
const problems: string[] = [];
const running = new AsyncLocalStorage<FunctionName>();
let stack: LocalStack;
let publisher: Publisher;
let composed: Service | undefined;
/** How far the service's clock is ahead, ms: gaps grow old by it. */
let ahead = 0;
const GAP_MS = 100;
/** Longer than the first pause after a recovery that failed, ms. */
const RECOVERY_PAUSE_MS = 20_000;

const WITHOUT_TRANSACTION: ReadonlySet<string> = new Set<TableAction>([
  ...(["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"] as const),
]);

/** What IAM asks for each operation: a transaction needs the action of each of its writes. */
function actionsOf(operation: string, input: object): readonly TableAction[] {
  if (WITHOUT_TRANSACTION.has(operation)) return [operation as TableAction];
  if (operation !== "TransactWriteItems") fail(`an operation no function may use: ${operation}`);
  const { TransactItems: items = [] } = input as { TransactItems?: readonly object[] };
  return items.flatMap((item) => Object.keys(item).map((kind) => IN_TRANSACTION[kind] ?? fail(kind)));
}

const IN_TRANSACTION: Readonly<Record<string, TableAction>> = {
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};

function fail(message: string): never {
  throw new Error(message);
}

function note(): Seen {
  const name = running.getStore() ?? fail("something outside of any function used the table or the queue");
  const noted = seen.get(name) ?? new Seen();
  seen.set(name, noted);
  return noted;
}

/** The service over the stack's table, everything it does there noted under the function that is running. */
function compose(): Service {
  const app = new ActingWebApp({ awType: "urn:actingweb:example.com:due-work", desc: "Is watched" });
  app.subscriptionDataHook("*", async ({ actor, data }) => {
    const text = JSON.stringify(data);
    if (text.includes("trouble")) throw new Error("The hook does not like it.");
    if (text.includes("at work")) await work(actor);
  });
  const client = createTableClient({ region: "local", credentials: LOCAL_CREDENTIALS, endpoint: stack.endpoint });
  client.middlewareStack.add(
    (next, context) => (args) => {
      const noted = note();
      const { commandName = "" } = context as { commandName?: string };
      const actions = actionsOf(commandName.replace(/Command$/, ""), args.input);
      if ("IndexName" in args.input) noted.dueIndex = true;
      else for (const action of actions) noted.table.add(action);
      return next(args);
    },
    { step: "initialize" },
  );
  const queueUrl = stack.queueUrl ?? fail("the stack has no queue");
  const queue = new SqsDelayQueue({
    ...{ queueUrl, endpoint: new URL(queueUrl).origin, region: "local", credentials: LOCAL_CREDENTIALS },
    log: { warn: () => undefined },
  });
  return composeService(app, {
    ...platform,
    config: readConfig({
      ...{
        BASE_URL: stack.url,
        TABLE_NAME: stack.tableName,
        ACTOR_CREATION: "open",
        GAP_TIMEOUT_SECONDS: String(GAP_MS / 1000),
      },
      ...{ ALLOW_HTTP_PEERS: "true", ALLOW_PRIVATE_PEERS: "true", MAX_PENDING: "40" },
    }),
    table: new DocumentTable({ ...platform, client, tableName: stack.tableName }),
    http: new PeerHttpClient({ allowHttp: true, allowPrivate: true }),
    bus: new NoBus(),
    queue: {
      send: () => {
        note().sends = true;
        return Promise.resolve();
      },
      sendFound: async (messages) => {
        note().sends = true;
        return await queue.sendFound(messages);
      },
      depth: async () => {
        note().readsDepth = true;
        return await queue.depth();
      },
    },
    clock: { now: () => Date.now() + ahead },
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: (message, fields) => void problems.push(`${message} ${inspect(fields)}`),
    },
  });
}

/** The work of a deployer's hook for its actor: the function it runs in needs the rights for it. */
async function work({ properties }: Actor): Promise<void> {
  await properties.set("mine", { by: "a hook" });
  await properties.delete("mine");
  await properties.all();
  const list = properties.list("done");
  await list.append("this");
  await list.items();
  await list.clear();
}

const of = (): Service => (composed ??= compose());
const as =
  (name: FunctionName, handler: (event: never, context: never) => Promise<unknown>): Handler =>
  (event, context) =>
    running.run(name, () => handler(event as never, context as never));

const handlers: Readonly<Record<FunctionName, Handler>> = {
  callbacks: as("callbacks", area("callbacks", callbackRoutes, of)),
  api: as("api", area("api", apiRoutes, of)),
  scheduler: as("scheduler", async () => of().sweep.run({ remaining: () => 60_000 })),
  worker: as("worker", async (batch: { Records: { messageId: string; body: string }[] }) =>
    queueWorker(of)(batch, { getRemainingTimeInMillis: () => 60_000 }),
  ),
};

beforeAll(async () => {
  stack = await startLocalStack({ handlers, log: () => undefined });
  publisher = await startPublisher({ style: "ours" });
});
afterAll(async () => {
  await publisher.close();
  await stack.close();
});

async function actorOf(creator: string): Promise<OwnedActor> {
  const made = await ask(`${stack.url}/`, { method: "POST", json: { creator } });
  return new OwnedActor(stack.url, made.json as { id: string; creator: string; passphrase: string });
}

/** What an actor lives through: every request kind that touches the table in a way of its own. */
async function live(): Promise<void> {
  const actor = await actorOf("watched");
  await actor.expect("GET", "", 200);
  await ask(`${actor.uri}/meta`);
  await ask(`${stack.url}/healthz`);
  await ask(`${stack.url}/nowhere/at/all`);
  await actor.expect("POST", "/properties", 201, { color: "red", car: { wheels: 4 } });
  await actor.expect("PUT", "/properties/car/doors", 204, 5);
  await actor.expect("DELETE", "/properties/color", 204);
  await actor.expect("GET", "/properties", 200);
  await actor.expect("DELETE", "/properties", 204);
  await stack.runSweep();
  await actor.trust(publisher);
  await actor.expect("GET", "/trust", 200);
  await actor.expect("GET", `/trust/friend/${publisher.id}`, 200);
  await actor.expect("PUT", `/trust/friend/${publisher.id}`, 204, { desc: "described" });
  await actor.expect("PUT", `/trust/friend/${publisher.id}/permissions`, 201, { properties: { patterns: ["a/*"] } });
  await actor.expect("GET", `/trust/friend/${publisher.id}/permissions`, 200);
  await actor.expect("DELETE", `/trust/friend/${publisher.id}/permissions`, 204);

  publisher.set({ before: { it: "began" } });
  const subscription = await actor.subscribe(publisher);
  const narrow = await actor.subscribe(publisher, { subtarget: "color" });
  await actor.expect("GET", "/subscriptions", 200);
  await actor.expect("GET", `/subscriptions/${publisher.id}/${subscription.id}`, 200);

  // In order, doubled, out of order, drained by batches; lists; values too big for one item; hooks that fail.
  publisher.set({ a: 1 });
  publisher.setAt(["before", "it"], "goes on");
  publisher.set({ hook: "at work" });
  publisher.list("memo", { operation: "extend", items: Array.from({ length: 90 }, (_, n) => `item ${String(n)}`) });
  publisher.list("memo", { operation: "update", index: 3, item: "changed" });
  publisher.list("memo", { operation: "remove", item: "item 5" });
  publisher.list("memo", { operation: "clear" });
  await publisher.deliver({ subscription, times: 2 });
  for (let n = 0; n < 30; n += 1) publisher.set({ [`n${String(n)}`]: { n } });
  const made = [...subscription.made.keys()];
  await publisher.deliver({ subscription, sequences: made.slice(7) });
  await publisher.deliver({ subscription, sequences: made.slice(6, 7) });
  publisher.set({ hook: "trouble" });
  publisher.delete("a");
  publisher.set({ color: "red" });
  await publisher.deliver({ subscription, sequences: [...subscription.made.keys()].slice(-3) });
  await publisher.deliver({ subscription: narrow });
  const big = { text: "x".repeat(200_000) };
  publisher.set({ huge: { one: big } });
  publisher.setAt(["huge", "two"], big);
  await publisher.deliver({ subscription });
  publisher.delete("huge");
  await publisher.deliver({ subscription });

  // A gap that recovery closes: by the sweep and by a delayed message, each time at its second attempt, and by hand.
  for (const [close, attempts] of [
    [() => stack.runSweep(), 2],
    [() => message(actor, subscription.id), 2],
    [() => actor.resync(subscription, publisher), 1],
  ] as const) {
    for (let n = 0; n < 3; n += 1) publisher.set({ gap: { n, hook: "at work", at: publisher.random.hex(8) } });
    const last = [...subscription.made.keys()].at(-1) ?? 0;
    await publisher.deliver({ subscription, sequences: [last] });
    ahead += GAP_MS;
    publisher.faults.add({ path: /\/subscriptions\//, fault: { kind: "status", status: 503 }, times: attempts - 1 });
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      await close();
      ahead += RECOVERY_PAUSE_MS;
    }
    expect((await actor.state(subscription, publisher)).lastSeq).toBe(last);
  }
  await actor.expect("GET", "/peers", 200);
  expect(await actor.replica(publisher.id)).toMatchObject({ before: { it: "goes on" } });
  await actor.expect("GET", `/peers/${publisher.id}/properties/before`, 200);
  await actor.expect("DELETE", `/peers/${publisher.id}/breaker`, 204);
  const [event] = (await actor.failedEvents()) as { id: string }[];
  await actor.expect("POST", `/parked/${event?.id ?? "none"}`, 200, { action: "retry" });
  await actor.expect("POST", `/parked/${event?.id ?? "none"}`, 200, { action: "skip" });
  publisher.makeResync(subscription);
  await publisher.deliver({ subscription });
  await actor.expect("GET", `/subscriptions/${publisher.id}/${subscription.id}/state`, 200);
  await actor.expect("DELETE", `/subscriptions/${publisher.id}/${subscription.id}/state`, 204);
  await actor.resync(subscription, publisher);

  await actor.unsubscribe(narrow, publisher);
  await stack.runSweep();
  await actor.expect("DELETE", `/trust/friend/${publisher.id}`, 204);
  await stack.runSweep();
  await actor.expect("DELETE", "", 204);
}

/** One delayed message for the subscription's head, as the queue hands it over. */
async function message(actor: OwnedActor, subscriptionId: string): Promise<void> {
  const key = { pk: `A#${actor.id}`, sk: `OUT#${publisher.id}#${subscriptionId}` };
  const body = JSON.stringify({ kind: "due", ...key, dueAt: Date.now() + ahead });
  await handlers.worker({ Records: [{ messageId: "m1", body }] }, undefined as never);
}

it("grants every function what it and its hooks do, and nothing else", async () => {
  await live().catch((error: unknown) => {
    throw new Error(problems.join("\n"), { cause: error });
  });
  const rights = ({
    table,
    dueIndex,
    sends,
    readsDepth,
  }: Pick<FunctionRights, "dueIndex" | "sends" | "readsDepth"> & { table: Iterable<string> }) => ({
    table: [...table].sort(),
    dueIndex,
    sends,
    readsDepth,
  });
  const done = Object.fromEntries([...seen].map(([name, noted]) => [name, rights(noted)]));
  const granted = Object.fromEntries(Object.entries(functions).map(([name, given]) => [name, rights(given)]));
  expect(done).toEqual(granted);
});
