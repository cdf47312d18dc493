import { beforeEach, describe, expect, it } from "vitest";
import { CommitLine } from "../../../lib/change-log/commit-line.ts";
import { TimedWorld } from "./timed-world.ts";

let world: TimedWorld;
let line: CommitLine;
let begun: string[];
beforeEach(() => {
  world = new TimedWorld(0);
  line = new CommitLine(world.after);
  begun = [];
});

const work =
  (name: string, ms: number): (() => Promise<string>) =>
  async () => {
    begun.push(`${name} at ${world.now}`);
    await world.pause(ms);
    return name;
  };

describe("calls for one actor", () => {
  it("run one after another in order of arrival, and beside calls for other actors", async () => {
    const all = ["a", "b", "c"].map(async (name) => await line.oneByOne("actor", 4_000, work(name, 100)));
    const other = line.oneByOne("other", 4_000, work("other", 100));
    expect(await world.play(Promise.all([...all, other]))).toEqual(
      ["a", "b", "c", "other"].map((result) => ({ result })),
    );
    expect(begun).toEqual(["a at 0", "other at 0", "b at 100", "c at 200"]);
    await world.play(line.oneByOne("actor", 4_000, work("later", 0)));
    expect(begun.at(-1)).toBe("later at 300");
  });

  it("give up without beginning when they cannot begin in time, and the others keep their places", async () => {
    const patience = [4_000, 50, 4_000];
    const all = patience.map(async (ms, index) => await line.oneByOne("actor", ms, work(String(index), 100)));
    expect(await world.play(Promise.all(all))).toEqual([{ result: "0" }, undefined, { result: "2" }]);
    expect(begun).toEqual(["0 at 0", "2 at 100"]);
  });

  it("let the next call begin when they fail", async () => {
    const failing = line.oneByOne("actor", 4_000, () => Promise.reject(new Error("no")));
    const next = line.oneByOne("actor", 4_000, work("next", 0));
    await expect(failing).rejects.toThrow("no");
    expect(await world.play(next)).toEqual({ result: "next" });
  });

  it("delay the next call for a second at most, because they may never end", async () => {
    void line.oneByOne("actor", 4_000, () => new Promise(() => undefined));
    const late = line.oneByOne("actor", 4_000, work("slow", 1_500));
    const last = line.oneByOne("actor", 4_000, work("last", 0));
    await world.play(Promise.all([late, last]));
    expect(begun).toEqual(["slow at 1000", "last at 2000"]);
  });

  it("are refused at once when too many wait", async () => {
    const first = line.oneByOne("actor", 4_000, work("first", 100));
    const all = Array.from({ length: 300 }, async () => await line.oneByOne("actor", 50, work("never", 0)));
    let refused = 0;
    for (const each of all) void each.then(() => (refused += 1));
    await new Promise((resolve) => setImmediate(resolve));
    expect([refused, world.now]).toEqual([300 - 256, 0]);
    await world.play(Promise.all([first, ...all]));
    expect(begun).toEqual(["first at 0"]);
  });
});

describe("a call from within an actor's commit", () => {
  it("runs at once for the same actor, and waits in line for another actor", async () => {
    const elsewhere = line.oneByOne("other", 4_000, work("elsewhere", 100));
    const outer = line.oneByOne("actor", 4_000, async () => {
      await line.oneByOne("actor", 4_000, work("inner", 10));
      await line.oneByOne("other", 4_000, async () => await line.oneByOne("actor", 4_000, work("innermost", 0)));
    });
    const next = line.oneByOne("actor", 4_000, work("next", 0));
    await world.play(Promise.all([elsewhere, outer, next]));
    expect(begun).toEqual(["elsewhere at 0", "inner at 0", "innermost at 100", "next at 100"]);
  });

  it("waits in line again once the outer commit has ended, and is not delayed either", async () => {
    let late: Promise<unknown> = Promise.resolve();
    await world.play(
      line.oneByOne("actor", 4_000, () => {
        late = world.pause(50).then(async () => await line.oneByOne("actor", 4_000, work("late", 0)));
        return Promise.resolve();
      }),
    );
    await world.play(Promise.all([late, line.oneByOne("actor", 4_000, work("other", 100))]));
    expect(begun).toEqual(["other at 0", "late at 50"]);
  });
});
