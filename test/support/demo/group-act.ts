/** The third act: two workers share a group, one of them is killed with an order in hand, and the other takes it over. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Handling } from "../group-workers/employment.ts";
import { handlingsIn, WorkerProcess } from "../group-workers/worker-process.ts";
import type { OwnedActor } from "../owned-actor.ts";
import { until, type Service } from "../service.ts";
import { show, step } from "./lines.ts";
import { place, type Order } from "./orders.ts";

/** Every line says what happens, most with what the service or the workers answer. @throws when a step does not succeed */
export async function groupAct(service: Service): Promise<void> {
  const shop = await service.createActor("shop");
  const folder = await mkdtemp(join(tmpdir(), "actingweb-demo-workers-"));
  const settings = { topics: ["orders.*"], from: "earliest", lanes: 4, leaseSeconds: 1 };
  // One order at a time, so that there is one for each worker; Ann's and Eve's are in different lanes.
  const options = { max: 1, waitSeconds: 1 };
  const crew = { actor: shop, group: "packing", settings, file: join(folder, "handled"), options };
  await writeFile(crew.file, "");
  const workers = ["Kim", "Lee"].map((name) => new WorkerProcess({ ...crew, onHandling: () => undefined }, name));
  try {
    await play({ shop, workers, file: crew.file });
  } finally {
    await Promise.all(workers.map(async (worker) => await worker.kill()));
    await rm(folder, { recursive: true, force: true });
  }
}

interface Cast {
  readonly shop: OwnedActor;
  readonly workers: readonly WorkerProcess[];
  /** What the workers write. */
  readonly file: string;
}

async function play({ shop, workers, file }: Cast): Promise<void> {
  const placed: Order[] = [];
  const order = async (customer: string, number: number, more: Pick<Order, "endless"> = {}): Promise<void> => {
    placed.push({ customer, number, ...more });
    await place(shop, { customer, number, ...more });
  };
  const begun = async (number: number, attempt = 1): Promise<Handling> =>
    await until(`order ${String(number)}`, async () => {
      const all = await handlingsIn(file);
      return all.find((each) => orderIn(each).number === number && each.attempt >= attempt);
    });
  const showBegun = async (): Promise<void> => show("begun by the workers", (await handlingsIn(file)).map(line));
  /** Shows the group once so few orders are not done. */
  const showGroup = async (most: number): Promise<void> => {
    const { lag, parked, lanes } = await until(`a lag of ${String(most)}`, async () => {
      const group = (await shop.expect("GET", "/groups/packing", 200)) as unknown as Group;
      return group.lag <= most && group;
    });
    show("the group", { lag, parked, holders: lanes.flatMap(({ holder = [] }) => holder) });
  };

  step("A shop has two workers, Kim and Lee. They are programs without an address: they fetch the orders of a group.");
  await order("ann", 1);
  await order("eve", 2);
  for (const worker of workers) worker.start();
  await Promise.all([begun(1), begun(2)]);
  await showBegun();

  step("Ann's next order takes long. Her later one waits for it; Eve's goes to the other worker.");
  await order("ann", 3, { endless: true });
  const interrupted = await begun(3);
  await order("ann", 4);
  await order("eve", 5);
  const meanwhile = await begun(5);
  if (meanwhile.consumer === interrupted.consumer) throw new Error("One worker did both orders at the same time.");
  await showBegun();
  await showGroup(2);

  step(`${interrupted.consumer} is killed in the midst of Ann's order. The right to it ends within a second.`);
  const [dying] = workers.filter(({ consumer }) => consumer === interrupted.consumer);
  await dying?.kill();
  show(`${interrupted.consumer} ended by`, dying?.ends.at(-1));

  step(`${meanwhile.consumer} is given the order again, as its second attempt, and then Ann's later one.`);
  const again = await begun(3, 2);
  await begun(4);
  await showBegun();
  show("the same event", again.id === interrupted.id);

  step(`${interrupted.consumer} comes back, and both stop: what is in work is finished first.`);
  dying?.start();
  await order("ann", 6);
  await begun(6);
  await Promise.all(workers.map(async (worker) => await worker.stop()));
  show(
    "they ended with",
    workers.map(({ ends }) => ends.at(-1)),
  );
  await showGroup(0);
  check(placed, await handlingsIn(file));
  step("Every order was packed, in order for each customer, and what came twice was the same event.");
}

interface Group {
  readonly lag: number;
  readonly parked: number;
  readonly lanes: readonly { readonly holder?: string }[];
}

const orderIn = ({ data }: Handling): Order => data as Order;

const line = (handling: Handling): string => {
  const { customer, number } = orderIn(handling);
  return `${handling.consumer}: ${customer} ${String(number)}${handling.attempt > 1 ? " again" : ""}`;
};

/** @throws when an order is missing, is out of order, or came again under another id */
function check(placed: readonly Order[], handled: readonly Handling[]): void {
  const firsts = [...Map.groupBy(handled, ({ id }) => id).values()].flatMap(([first]) => first ?? []);
  const numbersOf = (orders: readonly Order[], of: string): string =>
    String(orders.filter(({ customer }) => customer === of).map(({ number }) => number));
  for (const { customer } of placed) {
    if (numbersOf(firsts.map(orderIn), customer) === numbersOf(placed, customer)) continue;
    throw new Error(`The orders of ${customer} were lost or out of order, or came again as others.`);
  }
}
