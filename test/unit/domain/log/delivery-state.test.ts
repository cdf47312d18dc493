import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  MAX_LEAVES,
  NOTHING_DELIVERED,
  countOf,
  delivered,
  effectiveCleared,
  isDelivered,
  nextLeaving,
  withoutCleared,
  tried,
  undelivered,
  type DeliveryState,
} from "../../../../lib/domain/log/delivery-state.ts";

const KEEP = 1_000;
const NEWEST = 30;

/** One thing that happens to a number: taken whole, taken without its data, failed, or cleared up to it. */
const event = fc.record({
  what: fc.constantFrom("whole", "low", "tried", "cleared"),
  sequence: fc.integer({ min: 1, max: NEWEST }),
  after: fc.integer({ min: 0, max: 400 }),
});

/** What the state stands for, number by number. */
interface Model {
  readonly taken: Map<number, number | undefined>;
  cleared: number;
  newestTried: number;
}

/** The newest number that is gone: each before it was taken whole, and every time up to it has come. */
function gone(model: Model, now: number): number {
  let last = model.cleared;
  for (let number = last + 1; number <= NEWEST; number += 1) {
    const leaves = model.taken.get(number);
    if (leaves === undefined || leaves > now) return last;
    last = number;
  }
  return last;
}

describe("the state of a delivery", () => {
  test("stands for what happened to every number", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const model: Model = { taken: new Map(), cleared: 0, newestTried: 0 };
        let state: DeliveryState = NOTHING_DELIVERED;
        let now = 0;
        for (const { what, sequence, after } of events) {
          now += after;
          if (what === "cleared") {
            model.cleared = Math.max(model.cleared, sequence);
            state = withoutCleared(state, model.cleared);
          } else {
            state = what === "tried" ? tried(state, sequence) : delivered(state, sequence, leavesAt(what, now));
            if (what !== "tried" && sequence > model.cleared && !model.taken.has(sequence)) {
              model.taken.set(sequence, leavesAt(what, now));
            }
          }
          model.newestTried = Math.max(model.newestTried, model.cleared, sequence);
          for (let number = 1; number <= NEWEST; number += 1) {
            const taken = number <= model.cleared || model.taken.has(number);
            expect(isDelivered(state, number)).toBe(taken);
          }
          const open = undelivered(state, NEWEST);
          expect(countOf(open)).toBe(
            Array.from({ length: NEWEST }, (_, index) => index + 1).filter((number) => !isDelivered(state, number))
              .length,
          );
          expect(state.tried).toBe(model.newestTried);
          expect(state.leaves.length).toBeLessThanOrEqual(MAX_LEAVES);
          // Never early, and in the end everything that may leave has left.
          const left = effectiveCleared(state, now, model.cleared);
          expect(left).toBeLessThanOrEqual(gone(model, now));
          expect(effectiveCleared(state, now + KEEP, model.cleared)).toBe(gone(model, now + KEEP));
          const next = nextLeaving(state, left);
          if (next === undefined) expect(gone(model, now + KEEP)).toBe(left);
          else expect(effectiveCleared(state, next, model.cleared)).toBeGreaterThan(left);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("stays small with a steady stream, which keeps leaving", () => {
    let state: DeliveryState = NOTHING_DELIVERED;
    let cleared = 0;
    for (let now = 1; now <= 10_000; now += 1) {
      state = delivered(state, now, now + KEEP);
      cleared = effectiveCleared(state, now, cleared);
      state = withoutCleared(state, cleared);
      expect(cleared).toBeLessThanOrEqual(Math.max(0, now - KEEP));
      if (now > 2 * KEEP) expect(now - cleared).toBeLessThan(1.5 * KEEP);
    }
    expect(JSON.stringify(state).length).toBeLessThan(400);
  });
});

const leavesAt = (what: string, now: number): number | undefined => (what === "whole" ? now + KEEP : undefined);
