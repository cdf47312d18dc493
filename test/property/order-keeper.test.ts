import process from "node:process";
import { expect, it, vi } from "vitest";
import type * as KeeperStates from "../../lib/domain/events/keeper-state.ts";
import type { OrderedEvent } from "../../lib/domain/events/keeper-state.ts";
import { withRedrive, withSelection } from "../../lib/domain/events/keeper-changes.ts";
import { KeeperFronts } from "../../lib/domain/events/keeper-fronts.ts";
import { Earlier } from "../../lib/domain/events/keeper-order.ts";
import { EntryQueue, Queue } from "../../lib/domain/events/keeper-queue.ts";
import { RedriveQueue } from "../../lib/domain/events/keeper-redrive.ts";
import { OrderKeeper } from "../../lib/domain/events/order-keeper.ts";
import { KeeperSchedule, type Spoiled } from "../support/events-world/keeper-schedule.ts";
import { EventsViolation } from "../support/events-world/violation.ts";
import { countFrom } from "../support/sizes.ts";

// Short schedules meet short limits.
vi.mock("../../lib/domain/events/keeper-state.ts", async (original) => {
  const real = await original<typeof KeeperStates>();
  return { ...real, MAX_ENTRIES: 4, MAX_AHEAD: 5, MAX_QUEUE: 2, MAX_SELECTIONS: 3 };
});

/** Random schedules. */
const SCHEDULES = countFrom("KEEPER_SCHEDULES", 20_000, 1_000_000);
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

it(`keeps order, numbers and every event over ${String(SCHEDULES)} random schedules with crashes`, () => {
  let taken = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed += 1) {
    const schedule = new KeeperSchedule(seed);
    try {
      schedule.play();
    } catch (error) {
      const again = new KeeperSchedule(seed, { tracing: true });
      try {
        again.play();
      } catch {
        // The same as above.
      }
      throw new Error([...again.trace, `seed ${String(seed)}: ${String(error)}`].join("\n"), { cause: error });
    }
    taken += schedule.taken;
  }
  expect(taken).toBeGreaterThan(3 * SCHEDULES);
});

// Without order, entries of keys wait for no other entry, so that they need no room of their own.
it("does everything where entries of an earlier order have taken all room", () => {
  expect(() => new KeeperSchedule(484_467).play()).not.toThrow();
});

/** Conditions that make the order keeper and its session right, each left out in turn. */
const SABOTAGES: Readonly<Record<string, { readonly spoiled?: Spoiled; readonly breaks?: () => unknown }>> = {
  "what is in flight holds nothing back": {
    breaks: () => vi.spyOn(Earlier.prototype, "holdsBack").mockReturnValue(false),
  },
  "a barrier does not wait for what is in flight": {
    breaks: () => {
      const real: (this: Earlier, event: OrderedEvent) => boolean = Reflect.get(Earlier.prototype, "holdsBack");
      return vi.spyOn(Earlier.prototype, "holdsBack").mockImplementation(function (this: Earlier, event) {
        return real.call(this, { ...event, barrier: false });
      });
    },
  },
  "nothing waits for entries": {
    breaks: () =>
      vi.spyOn(KeeperFronts.prototype, "isBlocked").mockImplementation(function (
        this: KeeperFronts<never, never>,
        item,
      ) {
        return this.inFlight.holdsBack(item.event);
      }),
  },
  "there is always room for an entry": {
    breaks: () => vi.spyOn(KeeperFronts.prototype, "hasRoom").mockReturnValue(true),
  },
  "the owner of an event is not looked for": {
    breaks: () => vi.spyOn(KeeperFronts.prototype, "ownerOf").mockReturnValue(undefined),
  },
  "what is done beyond a front is not stored": {
    breaks: () =>
      vi.spyOn(Queue.prototype, "front").mockImplementation(function (this: Queue<never>) {
        return { after: this.after, number: this.number };
      }),
  },
  "an entry accepts every event of its key, where it is for one": {
    breaks: () =>
      vi.spyOn(EntryQueue.prototype, "accepts").mockImplementation(function (this: EntryQueue<never>, event) {
        return event.key === this.key;
      }),
  },
  "other selections are not adopted": {
    breaks: () => vi.spyOn(OrderKeeper.prototype, "adopt").mockReturnValue(undefined),
  },
  "newer events do not wait for redriven ones": {
    breaks: () => vi.spyOn(RedriveQueue.prototype, "holdsBack").mockReturnValue(false),
  },
  "an event begins before its number is stored": {
    spoiled: { pretends: ({ exhausted, state }) => exhausted.length === 0 && state.stopped === undefined },
  },
  "a key continues before its exhausted event is stored": {
    spoiled: { pretends: ({ exhausted }) => exhausted.length > 0 },
  },
  "an exhausted event is stored in another transaction than the note": { spoiled: { parted: true } },
  "an entry is not stored": { spoiled: { note: (state) => ({ ...state, entries: state.entries.slice(1) }) } },
  "the floor is stored where reading has come": { spoiled: { note: (state) => ({ ...state, floor: state.numbered }) } },
  "a stop is not stored": { spoiled: { note: ({ stopped: _, ...state }) => state } },
  "a selection holds from the floor on": {
    spoiled: { select: (state, selection) => withSelection({ ...state, numbered: state.floor }, selection) },
  },
  "only the newest selection is stored": {
    spoiled: { note: (state) => ({ ...state, selections: state.selections.slice(-1) }) },
  },
  "a redrive counts numbers from its beginning": {
    spoiled: {
      redrive: (state, range) => withRedrive({ ...state, anchors: [{ after: range.from, number: 0, at: 0 }] }, range),
    },
  },
};

/** For what few schedules show: one that does. The search begins there, and continues when it no longer does. */
const SHOWN_BY: Readonly<Record<string, number>> = {
  "there is always room for an entry": 10_086,
  "a redrive counts numbers from its beginning": 958,
};

/** What the first schedule that shows it throws. */
function firstSeen(what: string, spoiled: Spoiled): unknown {
  const first = SHOWN_BY[what] ?? 1;
  for (let seed = first; seed < first + 20_000; seed += 1) {
    try {
      new KeeperSchedule(seed, { spoiled }).play();
    } catch (error) {
      if (process.env["SIMULATION_SEEDS"] === "1") console.log(seed, String(error));
      return error;
    }
  }
  return undefined;
}

it.each(Object.entries(SABOTAGES))("would see it when %s", (what, { spoiled = {}, breaks }) => {
  breaks?.();
  try {
    expect(firstSeen(what, spoiled)).toBeInstanceOf(EventsViolation);
  } finally {
    vi.restoreAllMocks();
  }
});
