import { expect, it } from "vitest";
import { DueIndexTable } from "../../../lib/dynamodb/keys/due-index.ts";
import { always, equals, type Key, type Table } from "../../../lib/dynamodb/table.ts";
import { updateIf } from "../../../lib/dynamodb/outcomes.ts";
import { runFound } from "../../../lib/scheduler/found-work.ts";
import { Sweep } from "../../../lib/scheduler/sweep.ts";
import type { FoundMessage, FoundWork } from "../../../lib/system/ports.ts";
import { MemoryTable } from "../../support/memory-table.ts";
import { seeded } from "../../support/simulation/scheduler.ts";

const MINUTE = 60_000;
const ITEMS = 200;
/** Minutes with faults, and the minutes after them in which all must get done. */
const [ROUGH, CALM] = [8, 4];
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Faults {
  /** Loses every message that has this item, without an end. */
  readonly loses?: string;
}

/**
 * Work becomes due while messages are lost, doubled and delayed, workers die halfway, the scheduler forgets, and the
 * queue counts wrongly.
 *
 * @returns the keys that are still due in the end, and how often each piece of work ran
 */
async function play(seed: number, { loses }: Faults = {}) {
  const random = seeded(seed);
  const chance = (probability: number): boolean => random() < probability;
  const memory = new MemoryTable();
  const table: Table = new DueIndexTable(memory, 8);
  const runs = new Map<string, number>();
  let now = Date.UTC(2026, 0, 1);
  let rough = true;
  let queue: { readonly work: FoundWork; readonly arrivesAt: number }[] = [];
  const put = ({ work, delaySeconds }: FoundMessage, late = 0): void => {
    if (rough && chance(0.3)) return;
    if (work.items.some(({ pk }) => pk === loses)) return;
    queue.push({ work, arrivesAt: now + delaySeconds * 1_000 + late });
  };
  const ports = {
    queue: {
      send: () => Promise.resolve(),
      sendFound: (messages: readonly FoundMessage[]) => {
        const refused = messages.filter(() => rough && chance(0.1));
        for (const message of messages) {
          if (refused.includes(message)) continue;
          put(message);
          if (rough && chance(0.2)) put(message, Math.floor(random() * 5 * MINUTE));
        }
        return Promise.resolve(refused);
      },
      depth: () => {
        if (rough && chance(0.1)) return Promise.reject(new Error("no answer"));
        const waiting = queue.filter(({ arrivesAt }) => arrivesAt <= now).length;
        return Promise.resolve({ waiting: rough && chance(0.3) ? 0 : waiting, inFlight: 0 });
      },
    },
    clock: { now: () => now },
    random,
    log: SILENT,
  };
  const sweeper = (): Sweep => new Sweep({ ...ports, table, dueShards: 8 });
  let sweep = sweeper();
  const runDue = async (key: Key): Promise<undefined> => {
    runs.set(key.pk, (runs.get(key.pk) ?? 0) + 1);
    if (rough && chance(0.1)) throw new Error("not foreseen");
    const seen = memory.itemAt(key)?.["dueAt"];
    if (typeof seen !== "number" || seen > now) return undefined;
    await updateIf(table, key, { remove: ["dueAt"] }, equals("dueAt", seen));
    return undefined;
  };
  for (let minute = 0; minute < ROUGH + CALM; minute += 1) {
    rough = minute < ROUGH;
    for (let at = 0; rough && at < ITEMS / ROUGH; at += 1) {
      const pk = `A#${String(minute * (ITEMS / ROUGH) + at)}`;
      await table.put({ pk, sk: "LOG", dueAt: now + Math.floor(random() * MINUTE) }, always);
    }
    now += MINUTE;
    if (rough && chance(0.2)) sweep = sweeper();
    await sweep.run({ remaining: () => MINUTE });
    // The messages of this minute, one after another, in any order.
    const until = now + MINUTE - 1;
    for (const message of queue.filter(({ arrivesAt }) => arrivesAt <= until).toSorted(() => random() - 0.5)) {
      queue = queue.filter((each) => each !== message);
      const dies = rough && chance(0.1);
      const items = dies ? message.work.items.slice(0, Math.floor(random() * 25)) : message.work.items;
      await runFound({ ...ports, table, runDue }, items, { remaining: () => MINUTE });
    }
  }
  const left = memory.all().filter(({ pk, dueAt }) => dueAt !== undefined && pk !== "DUE");
  return { left: left.map(({ pk }) => pk), runs };
}

it("everything that is due gets done, whatever becomes of the messages", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { left, runs } = await play(seed);
    expect([seed, left]).toEqual([seed, []]);
    expect(runs.size).toBe(ITEMS);
  }
});

it("would see a piece of work whose messages are all lost", async () => {
  const { left } = await play(1, { loses: "A#17" });
  expect(left).toContain("A#17");
});
