import { describe, expect, it } from "vitest";
import { longPoll, type Finding } from "../../../lib/listeners/long-poll.ts";

/** A clock that only waiting lets pass. */
function machine() {
  const clock = { at: 0, now: () => clock.at };
  const sleeps: number[] = [];
  const sleep = (ms: number): Promise<void> => {
    sleeps.push(ms);
    clock.at += ms;
    return Promise.resolve();
  };
  return { clock, sleep, sleeps };
}

const NEVER = { remaining: () => Number.MAX_SAFE_INTEGER };
const NOTHING: Finding<string> = { is: "nothing", result: "nothing" };

describe("a long poll", () => {
  it("looks once where it is not to wait", async () => {
    const { clock, sleep, sleeps } = machine();
    const looks: boolean[] = [];
    const result = await longPoll({ clock, sleep }, { waitMs: 0, deadline: NEVER }, (isLast) => {
      looks.push(isLast);
      return Promise.resolve(NOTHING);
    });
    expect([result, looks, sleeps]).toEqual(["nothing", [true], []]);
  });

  it("looks each second, and a last time when the time is over", async () => {
    const { clock, sleep } = machine();
    const looks: (readonly [number, boolean])[] = [];
    await longPoll({ clock, sleep }, { waitMs: 2_500, deadline: NEVER }, (isLast) => {
      looks.push([clock.at, isLast]);
      return Promise.resolve(NOTHING);
    });
    expect(looks).toEqual([
      [0, false],
      [1_000, false],
      [2_000, false],
      [2_500, true],
    ]);
  });

  it("ends with what it finds, and goes on at once where it has not seen everything", async () => {
    const { clock, sleep, sleeps } = machine();
    const all: Finding<string>[] = [NOTHING, { is: "more", result: "" }, { is: "found", result: "it" }];
    const wait = { waitMs: 20_000, deadline: NEVER };
    expect(await longPoll({ clock, sleep }, wait, () => Promise.resolve(all.shift() ?? NOTHING))).toBe("it");
    expect([all, sleeps]).toEqual([[], [1_000]]);
  });

  it("leaves time for the answer before the deadline", async () => {
    const { clock, sleep } = machine();
    const deadline = { remaining: () => 10_000 - clock.at };
    await longPoll({ clock, sleep }, { waitMs: 20_000, deadline }, () => Promise.resolve(NOTHING));
    expect(clock.at).toBe(6_000);
  });

  it("ends a second after the deadline has come nearer, in a long pause too", async () => {
    const { clock, sleep } = machine();
    const deadline = { remaining: () => (clock.at < 2_000 ? 30_000 : 3_000) };
    const wait = { waitMs: 20_000, deadline };
    await longPoll({ clock, sleep }, wait, () => Promise.resolve(NOTHING), 5_000);
    expect(clock.at).toBe(2_000);
  });
});
