/** Which partition one change writes most to: it says how many changes a second one actor can take. */
import { afterAll, expect, it } from "vitest";
import { sized } from "../../support/sizes.ts";
import { WeighedTable } from "../../support/weighed-table.ts";
import { DeliveryWorld } from "../delivery/delivery-world.ts";

/** Write units that a partition takes in a second. */
const PARTITION = 1_000;
/** Heads in a bucket. */
const BUCKET = 100;
/** Writes that delivery takes for each head after a quiet while, and under a lease: soon after another change, or to many. */
const WRITES = { quiet: 1, leased: 2 } as const;
/** The most subscribers to whom a request delivers itself. */
const MOST_OF_A_REQUEST = 200;
/** Longer than a delivery can take, ms. */
const QUIET_MS = 16_000;

const lines: string[] = [];
afterAll(() => {
  process.stdout.write(`\n${lines.join("\n")}\n`);
});

it.each(sized([1, 10, 150], [1_000]))(
  "a change to %i subscribers writes to no partition more than a bucket's heads",
  async (count) => {
    const table = new WeighedTable();
    const world = await DeliveryWorld.begin({ table });
    const all = [];
    for (let n = 0; n < count; n += 1) all.push(await world.subscriber(`p${String(n)}`));
    const change = async (value: number): Promise<void> => {
      await world.set("n", value);
      // To more subscribers than a request serves, workers deliver: by messages, which slices send on.
      while (world.host.messages.some(({ dueAt }) => dueAt <= world.host.now)) await world.host.arriveMessages();
    };
    await change(0);
    world.host.now += QUIET_MS;
    for (const [number, pace] of (["quiet", "leased"] as const).entries()) {
      table.units.clear();
      await change(number + 1);
      expect(new Set(all.map(({ peer }) => peer.taken.length))).toEqual(new Set([number + 2]));
      const [busiest = ["", 0]] = [...table.units].sort(([, one], [, other]) => other - one);
      const [pk, units] = busiest;
      const name = pk.replace(world.actor.id, "<actor>");
      const perSecond = Math.floor(PARTITION / units);
      lines.push(
        `${String(count)} subscribers, ${pace}: ${String(units)} write units on ${name}, ${String(perSecond)} changes a second`,
      );
      const writes = count > MOST_OF_A_REQUEST ? WRITES.leased : WRITES[pace];
      // The actor's check, the log's head, a record and a property: one small item each, written in a transaction.
      expect(units).toBeLessThanOrEqual(Math.max(2, writes * Math.min(count, BUCKET)));
      expect(table.units.get(`H#${world.actor.id}`)).toBe(2);
    }
  },
);
