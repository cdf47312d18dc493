/** The second act: a webhook whose receiver dies, an event that the receiver never takes, and the recovery of both. */
import { createServer, type Server } from "node:http";
import type { OwnedActor } from "../owned-actor.ts";
import { reservedPort } from "../ports.ts";
import { until, type Service } from "../service.ts";
import { EventReceiver } from "../subscriber-peer/event-receiver.ts";
import { show, step } from "./lines.ts";
import { place } from "./orders.ts";

/** A receiver that can die: connections to it are refused then. */
class MortalReceiver {
  readonly events: EventReceiver;
  readonly #port: number;
  #server: Server | undefined;

  constructor(port: number) {
    this.#port = port;
    this.events = new EventReceiver(`http://127.0.0.1:${String(port)}/orders`);
  }

  async live(): Promise<void> {
    const server = createServer((request, response) => {
      void request.toArray().then((chunks: Buffer[]) => this.events.serve(Buffer.concat(chunks), request, response));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#server = server;
  }

  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  /** The orders that were taken, in the order of their arrival. */
  get orders(): readonly string[] {
    return this.events.taken.map(({ data: { customer, number } }) => `${String(customer)} ${String(number)}`);
  }
}

interface Webhook {
  readonly status: string;
  readonly lag: number;
  readonly blocked: readonly { readonly key: string; readonly attempts: number; readonly held: number }[];
}

/** Every line says what happens, most with what the service answers. @throws when a step does not succeed */
export async function webhookAct(service: Service): Promise<void> {
  const receiver = new MortalReceiver(await reservedPort());
  await receiver.live();
  try {
    await play(await service.createActor("shop"), receiver);
  } finally {
    await receiver.die();
  }
}

async function play(shop: OwnedActor, receiver: MortalReceiver): Promise<void> {
  const { events } = receiver;
  const order = async (customer: string, number: number): Promise<void> => await place(shop, { customer, number });
  const webhook = async (): Promise<Webhook> =>
    (await shop.expect("GET", "/webhooks/warehouse", 200)) as unknown as Webhook;
  const arrived = async (count: number): Promise<void> => {
    await until(`order ${String(count)}`, () => receiver.orders.length >= count, 60_000);
    show("orders at the warehouse", receiver.orders);
  };

  step("A shop tells its warehouse of orders by a webhook. An order is tried twice.");
  const settings = { url: events.url, topics: ["orders.*"], maxAttempts: 2 };
  const made = (await shop.expect("PUT", "/webhooks/warehouse", 201, settings)) as { secret: string };
  events.secret = made.secret;
  await order("ann", 1);
  await arrived(1);

  step("The warehouse dies, and three orders come in. The shop is answered as always.");
  await receiver.die();
  for (const [customer, number] of [
    ["ann", 2],
    ["bob", 3],
    ["ann", 4],
  ] as const)
    await order(customer, number);
  const { status, lag } = await webhook();
  show("the webhook", { status, lag });

  step("The warehouse is back. The shop finds it within seconds, and sends what has waited, in order.");
  await receiver.live();
  await arrived(4);

  step("The warehouse refuses Ann's next order, whatever the shop does. Bob's goes through, Ann's later one waits.");
  events.behaviour = ({ data }) => (data.number === 5 ? { kind: "refuse", status: 400 } : undefined);
  for (const [customer, number] of [
    ["ann", 5],
    ["ann", 6],
    ["bob", 7],
  ] as const)
    await order(customer, number);
  await arrived(5);
  const [{ key, attempts, held } = { key: "", attempts: 0, held: 0 }] = (await webhook()).blocked;
  show("what is blocked", { key, attempts, held });

  step("After its second attempt the order is set aside for a person, and Ann's later one arrives.");
  await arrived(6);
  const { data } = (await shop.expect("GET", "/parked", 200)) as { data: { id: string; source: string }[] };
  const [failed = { id: "", source: "" }] = data;
  show(
    "set aside, of",
    data.map(({ source }) => source),
  );

  step("The warehouse is mended, and the shop's owner sends the order again.");
  events.behaviour = () => undefined;
  await shop.expect("POST", `/parked/${failed.id}`, 200, { action: "retry" });
  await arrived(7);
  if (events.faults.length > 0) throw new Error(`The warehouse could not verify a request: ${String(events.faults)}`);
  step("Every order arrived, signed, and in order for each customer that had none set aside.");
}
