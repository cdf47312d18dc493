import { expect, it } from "vitest";
import { retryOnConflict } from "../../../lib/system/retry-on-conflict.ts";

it("tries again on the state that was found, until an attempt succeeds", async () => {
  const seen: number[] = [];
  const done = await retryOnConflict(0, 5, (now) => {
    seen.push(now);
    return Promise.resolve(now < 2 ? { found: now + 1 } : { done: `at ${String(now)}` });
  });
  expect({ done, seen }).toEqual({ done: "at 2", seen: [0, 1, 2] });
});

it("gives up after the most attempts", async () => {
  let attempts = 0;
  const done = await retryOnConflict(0, 3, (now) => {
    attempts += 1;
    return Promise.resolve<{ done: string } | { found: number }>({ found: now });
  });
  expect({ done, attempts }).toEqual({ done: undefined, attempts: 3 });
});
