import { expect, it } from "vitest";
import {
  MAX_AHEAD,
  MAX_ANCHORS,
  MAX_ENTRIES,
  MAX_SELECTIONS,
  MOST_GIVEN_UP,
  newKeeperState,
  type OrderedEvent,
} from "../../../../lib/domain/events/keeper-state.ts";
import type { KeeperRules, KeeperStep } from "../../../../lib/domain/events/keeper-steps.ts";
import { OrderKeeper } from "../../../../lib/domain/events/order-keeper.ts";

const DAY_MS = 86_400_000;
const RULES: KeeperRules = {
  ...{ order: "key", parallel: 16, maxAttempts: 10, onExhausted: "park", retryAmbiguous: true },
  ...{ breaker: { threshold: 1_000, recoveryMs: 60_000 }, room: 1_000, retentionMs: 7 * DAY_MS },
};

/** A log of one event for each key, read to its end, and the keeper of a listener that hears all of it. */
class OneLog {
  now = 0;
  readonly keeper: OrderKeeper<OrderedEvent, string>;
  readonly #events: readonly OrderedEvent[];

  constructor(keys: number, rules: Partial<KeeperRules> = {}) {
    this.#events = Array.from({ length: keys }, (_, at) => ({
      ...{ position: String(at + 1).padStart(4, "0"), key: `key${String(at)}`, barrier: false },
      expiresAt: 7 * DAY_MS,
    }));
    const state = newKeeperState("0000", { selection: "all", at: 0 });
    this.keeper = new OrderKeeper(state, { ...RULES, ...rules }, { selects: () => true, random: () => 0.5 });
  }

  /** The next step that sends, or for which there is nothing to do but to wait; reads and notes as it is asked. */
  next(noted: (givenUp: number) => void = () => undefined): KeeperStep<OrderedEvent> {
    for (;;) {
      const step = this.keeper.next(this.now);
      const { read, store } = step;
      if (read !== undefined) {
        const events = this.#events.filter(({ position }) => position > read.after && position <= (read.upTo ?? "9"));
        this.keeper.read({ after: read.after, upTo: events.at(-1)?.position ?? read.after, events, atEnd: true });
      } else if (store) {
        const note = this.keeper.note(this.now);
        noted(note.exhausted.length);
        this.keeper.stored(note);
      } else return step;
    }
  }
}

it("gives up no more events for one note than a transaction has room for, and all of them in the end", () => {
  const log = new OneLog(50);
  for (let { send } = log.next(); send[0] !== undefined; { send } = log.next()) {
    const [first] = send;
    log.keeper.begin(first, log.now);
    log.keeper.report(first, { is: "failed" }, log.now);
  }
  expect(log.keeper.note(log.now).state.entries).toHaveLength(50);
  log.now = 7 * DAY_MS - 1_000;
  const givenUp: number[] = [];
  log.next((count) => givenUp.push(count));
  expect(Math.max(...givenUp)).toBeLessThanOrEqual(MOST_GIVEN_UP);
  expect(givenUp.reduce((sum, count) => sum + count, 0)).toBe(50);
  expect(log.keeper.note(log.now).state.entries).toEqual([]);
});

it("stops without room for one more failed event, and gives up all that is to be as soon as there is room", () => {
  const log = new OneLog(3, { room: 0, retryAmbiguous: false });
  const begun = log.next().send;
  for (const each of begun) {
    const { send } = log.next();
    const same = send.find(({ number }) => number === each.number);
    if (same !== undefined) log.keeper.begin(same, log.now);
  }
  for (const each of begun) log.keeper.report(each, { is: "ambiguous" }, log.now);
  expect(log.keeper.isFull).toBe(true);
  expect(log.keeper.note(log.now).state.stopped).toMatchObject({ reason: "exhausted", key: "key0" });
  log.keeper.makeRoom(0);
  expect(log.keeper.note(log.now).state.stopped).toMatchObject({ reason: "exhausted" });
  log.keeper.makeRoom(1_000);
  const givenUp: number[] = [];
  log.next((count) => givenUp.push(count));
  expect(givenUp.reduce((sum, count) => sum + count, 0)).toBe(3);
  const { stopped, entries } = log.keeper.note(log.now).state;
  expect([stopped, entries]).toEqual([undefined, []]);
});

it("stores less than a kilobyte for a healthy listener, and less than half of an item at its worst", () => {
  const healthy = new OneLog(1);
  const [only] = healthy.next().send;
  if (only === undefined) throw new Error("there is nothing to send");
  healthy.keeper.begin(only, healthy.now);
  healthy.keeper.report(only, { is: "taken" }, healthy.now);
  expect(JSON.stringify(healthy.keeper.note(healthy.now).state).length).toBeLessThan(1_000);
  const text = "x".repeat(512);
  const position = "0001-0000000000000001-000001";
  const ahead = Array.from({ length: MAX_AHEAD / 2 }, (_, at) => [2 * at, 2 * at] as const);
  const front = { after: position, number: 1, ahead };
  const failing = {
    ...{ position, expiresAt: 1e13, attempts: 19, inRun: 19, run: true, evidence: "taken", endpoint: false },
    ...{ triedAt: 1e13, tryAt: 1e13, countsAt: 1e13, retryAfter: 1e13 },
  };
  const entry = { key: text, scope: "key", waiting: 1, failing, after: position, number: 1 };
  const selection = {
    topics: Array.from({ length: 20 }, () => text),
    types: Array.from({ length: 20 }, () => text.slice(0, 128)),
  };
  const worst = {
    ...{ floor: front, numbered: front, health: { failures: 1, openUntil: 1e13, cooldown: 1e6, pausedUntil: 1e13 } },
    entries: Array.from({ length: MAX_ENTRIES }, () => entry),
    selections: Array.from({ length: MAX_SELECTIONS }, () => ({ after: position, selection })),
    anchors: Array.from({ length: MAX_ANCHORS }, () => ({ after: position, number: 1e9, at: 1e13 })),
  };
  expect(JSON.stringify(worst).length).toBeLessThan(400_000 / 2);
});
