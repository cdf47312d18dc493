/** What a group's state takes at most, whatever its consumers answer. */
import { expect, it } from "vitest";
import { lend } from "../../../../lib/domain/events/group-fetch.ts";
import { readFrom } from "../../../../lib/domain/events/group-lanes.ts";
import {
  groupFloor,
  MAX_BEHIND,
  MAX_OPEN,
  newGroupState,
  type GroupRules,
  type GroupState,
} from "../../../../lib/domain/events/group-state.ts";
import { acknowledged } from "../../../../lib/domain/events/group-verdicts.ts";
import { positionAfter } from "../../../../lib/domain/events/position.ts";

const LANES = 16;
const EVENTS = 4_000;
const RULES: GroupRules = { order: "key", leaseMs: 1_000, maxAttempts: 20, onExhausted: "park" };
const HOUR_MS = 3_600_000;
/** DynamoDB's limit of an item. */
const ITEM_BYTES = 400 * 1_024;
const logOf = (keyOf: (index: number) => string) =>
  Array.from({ length: EVENTS }, (_, index) => ({
    ...{ position: positionAfter(1, index + 1), key: keyOf(index), barrier: false, expiresAt: 10 ** 13 },
  }));

/** One fetch of 100 events, all of which get one answer. Undefined: there is nothing to fetch. */
function fetched(
  log: ReturnType<typeof logOf>,
  state: GroupState,
  { now, verdict }: { readonly now: number; readonly verdict: "retry" | "ack" },
): GroupState | undefined {
  const from = readFrom(state, RULES, { now, newest: positionAfter(1, EVENTS) });
  if (from === undefined) return undefined;
  const after = log.findIndex(({ position }) => position > from);
  const events = after < 0 ? [] : log.slice(after, after + 200);
  const stretch = { after: from, upTo: events.at(-1)?.position ?? from, events };
  const lease = { token: "t", consumer: "c", until: now + 1_000 };
  const lent = lend(state, stretch, { rules: RULES, selects: () => true, lease, now, max: 100 });
  expect(Buffer.byteLength(JSON.stringify(lent.state))).toBeLessThan(ITEM_BYTES);
  const items = lent.lent.map(({ event: { position } }) => ({ position, verdict, delayMs: HOUR_MS }));
  const said = { token: "t", items, extend: false, done: true };
  return acknowledged(lent.state, said, { rules: RULES, now, random: () => 0, room: 0 })?.state ?? lent.state;
}

it.each([
  // The longest topic that can be published, and no two have anything in common.
  ["keys that are long", LANES, (index: number) => `orders.${String(index)}.${"ä".repeat(245)}`],
  ["keys that come again", 1, (index: number) => `orders.${String(index % 150)}`],
])("stays within its bounds with %s while all is to come again, and continues when it is taken", (_, lanes, keyOf) => {
  const log = logOf(keyOf);
  let state = newGroupState(positionAfter(1, 0), { lanes, selection: { topics: [">"] } });
  for (let next: GroupState | undefined = state; next !== undefined;) {
    state = next;
    next = fetched(log, state, { now: 0, verdict: "retry" });
    for (const { open, behind } of state.lanes) {
      expect([open.length <= MAX_OPEN, behind.length <= MAX_BEHIND]).toEqual([true, true]);
    }
  }
  expect(groupFloor(state)).toBe(positionAfter(1, 0));
  expect(state.lanes.reduce((sum, lane) => sum + lane.open.length, 0)).toBeGreaterThan(100);
  for (let now = 2 * HOUR_MS; groupFloor(state) < positionAfter(1, EVENTS); now += 2 * HOUR_MS) {
    const next = fetched(log, state, { now, verdict: "ack" });
    expect(next).toBeDefined();
    if (next !== undefined) state = next;
  }
});

it("stops at an event that no person can be given any more", () => {
  const log = logOf((index) => `orders.${String(index)}`).slice(0, 2);
  const rules: GroupRules = { ...RULES, maxAttempts: 1 };
  const lease = { token: "t", consumer: "c", until: 1_000 };
  const begun = newGroupState(positionAfter(1, 0), { lanes: 1, selection: { topics: [">"] } });
  const stretch = { after: positionAfter(1, 0), upTo: positionAfter(1, 2), events: log };
  const { state } = lend(begun, stretch, { rules, selects: () => true, lease, now: 0, max: 10 });
  const items = log.map(({ position }) => ({ position, verdict: "retry" as const }));
  const said = { token: "t", items, extend: false, done: false };
  const acked = acknowledged(state, said, { rules, now: 0, random: () => 0, room: 1 });
  expect(acked?.outcomes.map(({ outcome }) => outcome)).toEqual(["parked", "stopped"]);
  expect(acked?.state.stopped).toEqual({ reason: "exhausted", position: log[1]?.position, key: log[1]?.key });
});
