import { expect, it } from "vitest";
import { MOST_GIVEN_UP, newKeeperState, type OrderedEvent } from "../../../../lib/domain/events/keeper-state.ts";
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

  constructor(keys: number) {
    this.#events = Array.from({ length: keys }, (_, at) => ({
      ...{ position: String(at + 1).padStart(4, "0"), key: `key${String(at)}`, barrier: false },
      expiresAt: 7 * DAY_MS,
    }));
    const state = newKeeperState("0000", { selection: "all", at: 0 });
    this.keeper = new OrderKeeper(state, RULES, { selects: () => true, random: () => 0.5 });
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
