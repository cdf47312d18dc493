import { describe, expect, it } from "vitest";
import { flameSvg, framesOf, timesByOrigin, type CpuProfile } from "../bench/flame-svg.ts";
import { memoryCosts } from "../bench/memory-cost.ts";
import { median, paceOf } from "../bench/pace.ts";

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  ...{ id, children, callFrame: { functionName, url, lineNumber: id } },
});
const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(root)", "", [2, 5, 6]),
    node(2, "answer", "file:///a.mjs", [3, 4]),
    node(3, "send", "file:///a.mjs"),
    node(4, "send", "file:///a.mjs"),
    node(5, "(idle)", ""),
    node(6, "(garbage collector)", ""),
  ],
  samples: [2, 3, 5, 4, 6],
  timeDeltas: [10, 20, 1_000, 30, 40],
};
const frames = framesOf(PROFILE, (_, line) => (line === 2 ? "lib/http" : "@smithy/core"));

describe("a flame graph", () => {
  it("merges equal calls of one caller, and leaves out the time in which the thread waits", () => {
    expect(frames.time).toBe(100);
    const [answer] = frames.calls.values();
    expect([answer?.time, answer?.calls.size, answer?.calls.get("send @smithy/core")?.time]).toEqual([60, 1, 50]);
    expect(timesByOrigin(frames)).toEqual([
      ["@smithy/core", 50],
      ["V8", 40],
      ["lib/http", 10],
    ]);
  });

  it("draws each function as wide as its share", () => {
    const svg = flameSvg(frames, "a <title>");
    expect(svg).toContain("a &lt;title>");
    expect(svg).toMatch(/answer \(lib\/http\) 60\.0 %<\/title><rect x="0\.0" y="\d+" width="720\.0"/);
    expect(svg).toMatch(/send \(@smithy\/core\) 50\.0 %<\/title><rect x="0\.0" y="\d+" width="600\.0"/);
  });
});

describe("the numbers of the bench", () => {
  it("treat several rounds as one", () => {
    const rounds = [
      { times: [3, 1], durationMs: 10 },
      { times: [2], durationMs: 20 },
    ];
    expect(paceOf(1, rounds)).toEqual({ lanes: 1, count: 3, perSecond: 100, p50: 2, p99: 3 });
    expect([median([5, 1, 3]), median([1, 2]), median([])]).toEqual([3, 2, Number.NaN]);
  });

  it("cost a callback by its memory, its CPU time over its share of a processor, and its requests", () => {
    const costs = memoryCosts({ functionMs: 2, requests: 3, importMs: 80 });
    const [whole] = costs.slice(-1);
    expect(whole).toMatchObject({ memoryMb: 1_769, callbackMs: 17, importMs: 80 });
    // 17 ms of 1769 MB, a million times, at 0.0000133334 dollars for a second of 1024 MB.
    expect(whole?.dollars).toBeCloseTo(0.392, 3);
    expect(costs.find(({ memoryMb }) => memoryMb === 512)?.callbackMs).toBeCloseTo(15 + (2 * 1_769) / 512, 6);
  });
});
