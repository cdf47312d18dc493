import fc from "fast-check";
import { expect, it } from "vitest";
import { admitOne, type Rate } from "../../../../lib/domain/events/rate.ts";

const rate: fc.Arbitrary<Rate> = fc.record({
  limit: fc.integer({ min: 1, max: 60 }),
  periodSeconds: fc.integer({ min: 1, max: 60 }),
});

/** The times at which a sender that always has something to send does so, ms. */
function sentAt(limits: Rate, sends: number, delays: readonly number[] = [0]): readonly number[] {
  const times: number[] = [];
  let [now, state] = [1_000_000, 0];
  while (times.length < sends) {
    const result = admitOne(state, now, limits);
    if ("waitUntil" in result) {
      expect(result.waitUntil).toBeGreaterThan(now);
      now = result.waitUntil;
      continue;
    }
    ({ state } = result);
    times.push(now);
    now += delays[times.length % delays.length] ?? 0;
  }
  return times;
}

it("lets a burst of the limit through at once, and then one after another", () => {
  fc.assert(
    fc.property(rate, (limits) => {
      const times = sentAt(limits, limits.limit + 1);
      expect(new Set(times.slice(0, limits.limit)).size).toBe(1);
      expect(times[limits.limit]).toBeGreaterThan(times[0]!);
    }),
  );
});

it("never lets more than limit and burst through in a period, and uses almost all of the limit", () => {
  fc.assert(
    fc.property(
      rate,
      fc.array(fc.integer({ min: 0, max: 2_000 }), { minLength: 1, maxLength: 5 }),
      (limits, delays) => {
        const period = limits.periodSeconds * 1_000;
        const times = sentAt(limits, limits.limit * 4, delays);
        for (const [index, time] of times.entries()) {
          const inPeriod = times.slice(index).filter((other) => other < time + period).length;
          expect(inPeriod).toBeLessThanOrEqual(2 * limits.limit);
        }
        if (delays.every((delay) => delay === 0)) {
          const took = times.at(-1)! - times[0]!;
          // All but the burst are sent evenly; a wait ends on a whole ms.
          expect(took).toBeLessThanOrEqual(3 * period * 1.05 + 3 * limits.limit);
        }
      },
    ),
    { numRuns: 60 },
  );
});

it("delays by one step at most after a clock ahead or another rate left its state", () => {
  const result = admitOne(9e15, 1_000, { limit: 100, periodSeconds: 10 });
  expect(result).toEqual({ waitUntil: 1_100 });
});
