/** Which partition one change writes most to: it says how many changes a second one actor can take. */
import { afterAll, expect, it } from "vitest";
import { sized } from "../../support/sizes.ts";
import { WeighedTable } from "../../support/weighed-table.ts";
import { DeliveryWorld } from "../delivery/delivery-world.ts";

/** Write units that a partition takes in a second. */
const PARTITION = 1_000;
/** Heads in a bucket, and the writes that delivery takes for each. */
const [BUCKET, WRITES] = [100, 2];

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
    await world.set("n", 0);
    table.units.clear();
    await world.set("n", 1);
    expect(new Set(all.map(({ peer }) => peer.taken.length))).toEqual(new Set([2]));
    const [busiest = ["", 0]] = [...table.units].sort(([, one], [, other]) => other - one);
    const [pk, units] = busiest;
    const name = pk.replace(world.actor.id, "<actor>");
    const perSecond = Math.floor(PARTITION / units);
    lines.push(
      `${String(count)} subscribers: ${String(units)} write units on ${name}, ${String(perSecond)} changes a second`,
    );
    // The actor's check, the log's head, a record and a property: one small item each, written in a transaction.
    expect(units).toBeLessThanOrEqual(Math.max(2, WRITES * Math.min(count, BUCKET)));
    expect(table.units.get(`H#${world.actor.id}`)).toBe(2);
  },
);
