import { describe, expect, test } from "vitest";
import { CLOSED, breakerState, isToOpen, mayProbe, nextCooldown } from "../../../../lib/domain/policy/breaker.ts";

const POLICY = { threshold: 5, recoveryMs: 60_000 };

describe("a breaker", () => {
  test("opens at its threshold, once", () => {
    expect(isToOpen({ failures: 4 }, POLICY)).toBe(false);
    expect(isToOpen({ failures: 5 }, POLICY)).toBe(true);
    expect(isToOpen({ failures: 9, openUntil: 1 }, POLICY)).toBe(false);
  });

  test.each([
    [CLOSED, "closed", false],
    [{ failures: 5, openUntil: 101 }, "open", false],
    [{ failures: 5, openUntil: 100 }, "half_open", true],
    [{ failures: 5, openUntil: 101, probe: "someone" }, "half_open", false],
    [{ failures: 5, openUntil: 100, probe: "someone who died" }, "half_open", true],
  ] as const)("%j is %s at 100", (breaker, state, may) => {
    expect(breakerState(breaker, 100)).toBe(state);
    expect(mayProbe(breaker, 100)).toBe(may);
  });

  test.each([
    [undefined, 60_000, 60_000],
    [60_000, 60_000, 120_000],
    [480_000, 60_000, 900_000],
    [900_000, 60_000, 900_000],
    [1_800_000, 1_800_000, 1_800_000],
  ])("that was open for %s ms, with %i ms at first, opens for %i ms next", (cooldown, recoveryMs, next) => {
    const breaker = cooldown === undefined ? CLOSED : { failures: 5, cooldown };
    expect(nextCooldown(breaker, { threshold: 5, recoveryMs })).toBe(next);
  });
});
