import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LEFT_OUT } from "../../infra/bundle.ts";
import { functions } from "../../infra/functions.ts";
import { ImportTimes, MOST_RATIO } from "../bench/import-time.ts";

const names = Object.keys(functions);
/** Far more bytes than a bundle has: a larger one contains something wrong. The budget itself is the cold import. */
const FAR_TOO_MANY_BYTES = 1_000_000;
/** Rounds are added until the medians keep to the budget, or this often: a busy machine only makes it take longer. */
const BATCHES = 9;
const ROUNDS = 3;

let times: ImportTimes;

beforeAll(async () => {
  times = await ImportTimes.open();
});
afterAll(() => times[Symbol.asyncDispose]());

describe("the bundles", () => {
  it(`are imported within ${String(MOST_RATIO)} times the CPU time of the bare document client`, async () => {
    for (let batch = 1; ; batch += 1) {
      const over = (await times.measure(ROUNDS)).filter(({ ratio }) => !(ratio <= MOST_RATIO));
      if (over.length === 0) return;
      if (batch === BATCHES) expect(over).toEqual([]);
    }
  });

  it.each(names)("of %s contains no code of building, testing or deploying", (name) => {
    const origins = Object.keys(times.weights[name]?.origins ?? {});
    expect(origins.length).toBeGreaterThan(0);
    expect(origins.filter((origin) => /^infra\/|^test\/|dynalite|aws-cdk|vitest|esbuild/.test(origin))).toEqual([]);
    expect(times.weights[name]?.bytes).toBeLessThan(FAR_TOO_MANY_BYTES);
  });

  it.each(names)("of %s leaves out only what the SDK loads late, if ever", (name) => {
    expect(times.weights[name]?.imports).toEqual(LEFT_OUT.map((module) => `dynamic-import ${module}`).sort());
  });
});
