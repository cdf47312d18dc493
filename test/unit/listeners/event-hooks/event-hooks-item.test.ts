import { hash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { newKeeperState, type Entry } from "../../../../lib/domain/events/keeper-state.ts";
import {
  isUpToDate,
  printState,
  stateIn,
  stateName,
  type HookState,
} from "../../../../lib/listeners/event-hooks/event-hooks-item.ts";

const POSITION = "0001-0000000000000007-z";
const selection = { topics: ["properties.*"] };
const hook = { id: "all", selection, order: "key" } as const;
const idle: HookState = newKeeperState(POSITION, { selection, at: 1 });
const itemOf = (state: HookState) => ({ pk: "W#a", sk: "event-hooks#all", [stateName("all")]: printState(state) });
const read = (state: HookState) => stateIn(1, itemOf(state), hook);

const entry = (key: string): Entry => ({
  ...{ after: POSITION, number: 3, key, scope: "key", waiting: 2 },
  failing: {
    ...{ position: POSITION, expiresAt: 9e12, attempts: 2, inRun: 1, run: true, evidence: "none", endpoint: false },
    ...{ triedAt: 1e12, tryAt: 1e12, countsAt: 1e12 },
  },
});

describe("the state of an event hook", () => {
  it("for which nothing waits is its position and its number", () => {
    const state = { ...idle, floor: { after: POSITION, number: 3 }, numbered: { after: POSITION, number: 3 } };
    expect(printState(state)).toBe(`${POSITION} 3`);
    expect(read(state)).toEqual({ ...state, anchors: [], selections: [{ after: POSITION, selection }] });
  });

  it.each<[string, Partial<HookState>]>([
    ["an event waits", { entries: [entry("properties.a")] }],
    ["events were done ahead", { floor: { after: POSITION, number: 3, ahead: [[5, 5]] } }],
    ["numbers are further", { numbered: { after: "0001-0000000000000009-z", number: 5 } }],
    ["an event failed", { health: { failures: 1, pace: { at: 1, every: 2 } } }],
    ["it has stopped", { stopped: { reason: "position_gone" } }],
  ])("is whole where %s", (_, more) => {
    const state = { ...idle, ...more };
    expect(printState(state)).toMatch(/^\{/);
    expect(read(state)).toEqual({ ...state, anchors: [] });
  });

  it("with all the keys that can be blocked takes a small part of an item", () => {
    const keys = Array.from({ length: 64 }, (_, key) =>
      Array.from({ length: 8 }, (__, part) => hash("sha256", `${String(key)} ${String(part)}`, "hex")).join(""),
    );
    const state = { ...idle, entries: keys.map(entry) };
    const stored = printState(state);
    expect(stored).toBeInstanceOf(Uint8Array);
    expect(stored.length).toBeLessThan(30_000);
    expect(read(state)).toEqual({ ...state, anchors: [] });
  });

  it("is not there before the hook has begun", () => {
    expect(stateIn(1, itemOf(idle), { ...hook, id: "other" })).toBeUndefined();
  });

  it("says whether the log was heard up to a position", () => {
    expect(isUpToDate(1, itemOf(idle), { hooks: [hook], upTo: 7 })).toBe(true);
    expect(isUpToDate(1, itemOf(idle), { hooks: [hook, { ...hook, id: "other" }], upTo: 7 })).toBe(true);
    expect(isUpToDate(1, itemOf(idle), { hooks: [hook], upTo: 8 })).toBe(false);
    expect(isUpToDate(1, itemOf({ ...idle, entries: [entry("a")] }), { hooks: [hook], upTo: 7 })).toBe(false);
    expect(isUpToDate(1, { ...itemOf(idle), "paused-all": true }, { hooks: [hook], upTo: 8 })).toBe(true);
  });
});
