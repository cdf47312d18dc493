import { expect, it } from "vitest";
import { PartitionLimits } from "../../support/limits/partition-limits.ts";
import { SimulatedTime } from "../../support/limits/simulated-time.ts";

it("runs timers in the order of their times, and none that was cancelled, after all that the last one set off", async () => {
  const time = new SimulatedTime(1_000);
  const seen: [number, number][] = [];
  const delays = [30, 10, 20, 10, 0, 40, 25];
  const cancels = delays.map((ms, at) => time.after(ms, () => seen.push([time.now, at])));
  cancels[5]?.();
  const worked = (async () => {
    await time.sleep(10);
    await Promise.resolve();
    await time.sleep(5);
    seen.push([time.now, 99]);
  })();
  await time.passUntil(() => seen.length === 7, 2_000);
  await worked;
  expect(seen).toEqual([
    [1_000, 4],
    [1_010, 1],
    [1_010, 3],
    [1_015, 99],
    [1_020, 2],
    [1_025, 6],
    [1_030, 0],
  ]);
  await time.passUntil(() => false, 2_000);
  expect(time.now).toBe(2_000);
});

it("takes a thousand write units a second of each partition, and no more of all than the table does", () => {
  let now = 0;
  const limits = new PartitionLimits(() => now, {});
  limits.isOn = true;
  /** Items of a kilobyte that are written to a partition until it refuses. */
  const written = (partition: string, transacted = false): number => {
    const demand = { is: "write", partition, transacted } as const;
    let count = 0;
    for (; limits.admits(demand); count += 1) limits.used(demand, 1_000);
    return count;
  };
  expect(written("a")).toBe(1_000);
  expect(written("a")).toBe(0);
  expect([written("b"), written("c", true), written("d"), written("e")]).toEqual([1_000, 500, 1_000, 0]);
  now += 500;
  expect([written("a"), written("b", true)]).toEqual([500, 250]);
  expect(limits.partitions.find(({ name }) => name === "a")).toEqual({
    name: "a",
    peak: { write: 1_500, read: 0 },
    units: { write: 1_500, read: 0 },
    throttled: 3,
  });
});

it("counts a write by its begun kilobytes, and a read by begun four", () => {
  const limits = new PartitionLimits(() => 0, {});
  limits.isOn = true;
  for (const bytes of [0, 1_024, 1_025]) {
    limits.used({ is: "write", partition: "a", transacted: false }, bytes);
    limits.used({ is: "read", partition: "a", transacted: true }, 4 * bytes);
  }
  expect(limits.table.units).toEqual({ write: 4, read: 4 });
});
