/** The transition table of docs/stream-state.md, walked cell by cell against the engine. */
import { recoverStream } from "../../../../lib/receiving/recovery/recover-stream.ts";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { itemExists } from "../../../../lib/dynamodb/table.ts";
import { bufferedKey } from "../../../../lib/dynamodb/keys/streams.ts";
import type { HeadFields } from "../../../../lib/receiving/stream/stream-changes.ts";
import { markContradicted } from "../../../../lib/receiving/stream/contradiction.ts";
import { readHead } from "../../../../lib/receiving/stream/head.ts";
import { secretDigest } from "../../../../lib/domain/wire/secret-digest.ts";
import { ACTOR, PEER, SECRET, SUB } from "../../../integration/receiving/subscriber.ts";
import { KEY, STATES, StreamWorld, type Entry, type State } from "./stream-world.ts";

/** A state; `=`: it stays, with or without a write; `–`: nothing is written; `·`: the event cannot happen. */
type Outcome = State | "=" | "–" | "·";

const EVENTS = [
  "next",
  "later",
  "passed",
  "resync callback",
  "due",
  "part read",
  "recovery asked",
  "advance, kept",
  "advance, given back",
  "release",
  "lease over",
  "state written",
  "recovery requested",
  "contradicted",
  "cleared",
  "made",
  "made again",
  "ended",
  "trust changed",
] as const;
type Event = (typeof EVENTS)[number];

const TABLE: Record<State, Record<Event, readonly Outcome[]>> = {
  absent: {
    next: ["–"],
    later: ["–"],
    passed: ["–"],
    "resync callback": ["–"],
    due: ["–"],
    "part read": ["–"],
    "recovery asked": ["–"],
    "advance, kept": ["–"],
    "advance, given back": ["–"],
    release: ["–"],
    "lease over": ["·"],
    "state written": ["–"],
    "recovery requested": ["–"],
    contradicted: ["–"],
    cleared: ["–"],
    made: ["idle"],
    "made again": ["·"],
    ended: ["–"],
    "trust changed": ["–"],
  },
  idle: {
    next: ["leased"],
    later: ["gap"],
    passed: ["="],
    "resync callback": ["leased", "gap"],
    due: ["leased", "="],
    "part read": ["leased"],
    "recovery asked": ["leased"],
    "advance, kept": ["="],
    "advance, given back": ["="],
    release: ["="],
    "lease over": ["·"],
    "state written": ["interrupted"],
    "recovery requested": ["=", "gap"],
    contradicted: ["="],
    cleared: ["="],
    made: ["="],
    "made again": ["="],
    ended: ["ended"],
    "trust changed": ["="],
  },
  gap: {
    next: ["leased"],
    later: ["="],
    passed: ["="],
    "resync callback": ["leased", "="],
    due: ["leased", "="],
    "part read": ["leased"],
    "recovery asked": ["leased"],
    "advance, kept": ["="],
    "advance, given back": ["idle", "="],
    release: ["="],
    "lease over": ["·"],
    "state written": ["interrupted"],
    "recovery requested": ["="],
    contradicted: ["="],
    cleared: ["idle"],
    made: ["="],
    "made again": ["idle"],
    ended: ["ended"],
    "trust changed": ["="],
  },
  leased: {
    next: ["="],
    later: ["="],
    passed: ["="],
    "resync callback": ["="],
    due: ["="],
    "part read": ["–"],
    "recovery asked": ["–"],
    "advance, kept": ["="],
    "advance, given back": ["idle", "gap"],
    release: ["idle", "gap"],
    "lease over": ["idle", "gap"],
    "state written": ["replacing"],
    "recovery requested": ["="],
    contradicted: ["="],
    cleared: ["–"],
    made: ["="],
    "made again": ["idle"],
    ended: ["ended"],
    "trust changed": ["="],
  },
  replacing: {
    next: ["="],
    later: ["="],
    passed: ["="],
    "resync callback": ["="],
    due: ["="],
    "part read": ["–"],
    "recovery asked": ["–"],
    "advance, kept": ["·"],
    "advance, given back": ["idle", "gap", "interrupted"],
    release: ["interrupted"],
    "lease over": ["interrupted"],
    "state written": ["="],
    "recovery requested": ["="],
    contradicted: ["="],
    cleared: ["–"],
    made: ["="],
    "made again": ["idle"],
    ended: ["ended"],
    "trust changed": ["="],
  },
  interrupted: {
    next: ["="],
    later: ["="],
    passed: ["="],
    "resync callback": ["="],
    due: ["replacing", "="],
    "part read": ["–"],
    "recovery asked": ["replacing"],
    "advance, kept": ["·"],
    "advance, given back": ["idle", "gap", "="],
    release: ["="],
    "lease over": ["·"],
    "state written": ["="],
    "recovery requested": ["="],
    contradicted: ["="],
    cleared: ["idle"],
    made: ["="],
    "made again": ["idle"],
    ended: ["ended"],
    "trust changed": ["="],
  },
  ended: {
    next: ["–"],
    later: ["–"],
    passed: ["–"],
    "resync callback": ["–"],
    due: ["absent"],
    "part read": ["–"],
    "recovery asked": ["–"],
    "advance, kept": ["–"],
    "advance, given back": ["–"],
    release: ["–"],
    "lease over": ["·"],
    "state written": ["–"],
    "recovery requested": ["–"],
    contradicted: ["–"],
    cleared: ["–"],
    made: ["idle"],
    "made again": ["–"],
    ended: ["–"],
    "trust changed": ["–"],
  },
};

/** One way in which an event comes. */
interface Scenario {
  readonly entry?: Entry;
  /** What is so before, beside the state. */
  readonly before?: (world: StreamWorld) => Promise<void> | void;
  readonly fire: (world: StreamWorld) => Promise<unknown>;
  /** The states in which it comes like this [all]. */
  readonly in?: readonly State[];
}

const FREE: readonly State[] = ["idle", "gap"];
const LIVE: readonly State[] = ["idle", "gap", "leased", "replacing", "interrupted"];
const LEASED: readonly State[] = ["leased", "replacing"];

const HOUR_MS = 3_600_000;
const amend = async ({ streams }: StreamWorld, fields: HeadFields) =>
  await streams.amend(KEY, { fields, when: itemExists });
/** The stream is due now. */
const makeDue = async (world: StreamWorld): Promise<void> => {
  if (world.item !== undefined) await world.streams.requestRecovery(world.head, "catch_up", world.us.now);
};
const pause = async (world: StreamWorld): Promise<void> => {
  await amend(world, { pausedUntil: world.us.now + HOUR_MS });
};
/** Nothing is requested: what makes the stream due is its time alone. */
const rest = async (world: StreamWorld): Promise<void> => {
  await amend(world, { recoveryRequested: undefined, dueAt: world.us.now });
};
const resync = (world: StreamWorld) =>
  world.us.callback({ sequence: nextOf(world) + 3, target: "properties", type: "resync" });
const nextOf = ({ item }: StreamWorld): number => (item === undefined ? 2 : readHead(item).lastSeq + 1);
/** The replacement's commit. */
const COMMIT = { replacing: false, replacedFrom: undefined, recovery: undefined } as const;

/** A part of the copy could not be read, and is tried again. */
async function readPart({ us, leasedHead }: StreamWorld): Promise<void> {
  const { receiving, store } = us.service;
  const at = { stateVersion: leasedHead.stateVersion + us.now, sequence: 1 };
  const failed = { reason: "silent", again: us.now };
  const since = await store(ACTOR, PEER).markStale({ scope: [], excludedScopes: [] }, ["a"], at, failed);
  await receiving.stale.note(leasedHead, ["a"], { ...failed, status: "parked", since: since ?? us.now });
  const key = us.table.all().find((item) => item["kind"] === "read")!;
  await receiving.staleReads.again((await receiving.stale.at(key))!, us.deadline());
}

const SCENARIOS: Record<Event, readonly Scenario[]> = {
  next: [{ fire: (world) => world.us.diff(nextOf(world), { b: 2 }) }],
  later: [{ fire: (world) => world.us.diff(nextOf(world) + 2, { d: 4 }) }],
  passed: [{ fire: ({ us }) => us.diff(1, { a: 1 }) }, { fire: ({ us }) => us.diff(1, { a: "other" }) }],
  "resync callback": [{ fire: resync }, { in: FREE, before: pause, fire: resync }],
  due: [
    { before: makeDue, fire: (world) => world.due() },
    { in: FREE, before: rest, fire: (world) => world.due() },
    {
      in: ["interrupted"],
      before: async (world) => {
        await makeDue(world);
        await pause(world);
      },
      fire: (world) => world.due(),
    },
  ],
  "part read": [{ fire: readPart }],
  "recovery asked": [
    { fire: ({ us }) => recoverStream(us.service.receiving, KEY, { kind: "catch_up" }, us.deadline()) },
  ],
  "advance, kept": [true, false].map((lapsed) => ({
    entry: { lapsed },
    in: lapsed ? FREE : ["absent", "idle", "gap", "leased", "ended"],
    fire: ({ streams, leasedHead }) => streams.advance(leasedHead, { to: leasedHead.lastSeq + 1, keepLease: true }),
  })),
  "advance, given back": [
    {
      fire: ({ streams, leasedHead }) =>
        streams.advance(leasedHead, { to: leasedHead.lastSeq, keepLease: false, fields: {} }),
    },
    {
      in: [...LEASED, "interrupted", "gap"],
      entry: { buffered: true },
      fire: ({ streams, leasedHead }) =>
        streams.advance(leasedHead, { to: leasedHead.lastSeq, keepLease: false, fields: COMMIT }),
    },
    {
      in: [...LEASED, "interrupted"],
      fire: ({ streams, leasedHead }) =>
        streams.advance(leasedHead, { to: leasedHead.lastSeq + 1, keepLease: false, fields: COMMIT }),
    },
    {
      in: ["gap"],
      entry: { buffered: true, lapsed: true },
      fire: ({ streams, leasedHead }) => streams.advance(leasedHead, { to: 3, keepLease: false }),
    },
    {
      in: ["idle"],
      entry: { lapsed: true },
      fire: ({ streams, leasedHead }) => streams.advance(leasedHead, { to: 2, keepLease: false }),
    },
  ],
  release: [
    { fire: ({ streams, leasedHead }) => streams.release(leasedHead) },
    { in: ["leased"], entry: { buffered: true }, fire: ({ streams, leasedHead }) => streams.release(leasedHead) },
    { in: FREE, entry: { lapsed: true }, fire: ({ streams, leasedHead }) => streams.release(leasedHead) },
  ],
  "lease over": [false, true].map((buffered) => ({
    in: LEASED,
    entry: { buffered },
    fire: async (world) => {
      world.lapse();
      await Promise.resolve();
    },
  })),
  "state written": [
    { in: [...LEASED, "interrupted", "absent", "ended"], fire: (world) => world.streams.amend(KEY, world.replacing()) },
    { in: FREE, entry: { lapsed: true }, fire: (world) => world.streams.amend(KEY, world.replacing()) },
  ],
  "recovery requested": [
    { fire: ({ streams, us }) => streams.requestRecovery({ key: KEY }, "resync", us.now) },
    { fire: (world) => world.streams.markUnavailable(world.leasedHead, nextOf(world)) },
  ],
  contradicted: [
    {
      fire: ({ us, leasedHead }) =>
        markContradicted({ ...us.service.receiving, clock: { now: () => us.now } }, leasedHead),
    },
  ],
  cleared: [
    { fire: ({ us, leasedHead }) => us.service.outbound.clearState(leasedHead, us.deadline()).catch(() => undefined) },
  ],
  made: [
    {
      fire: async ({ us }) => {
        const auth = secretDigest(SECRET);
        const trusted = us.service.authenticator.approvedCheck({ actorId: ACTOR, peerId: PEER }, auth);
        await us.service.heads.make({
          ...{ actorId: ACTOR, peerId: PEER, subscriptionId: SUB, scope: { target: "properties" } },
          ...{ granularity: "high", auth, reconcileMs: 0, trusted },
        });
      },
    },
  ],
  "made again": [{ in: [...LIVE, "ended"], fire: ({ us, leasedHead }) => us.service.heads.beginAgain(leasedHead) }],
  ended: [{ fire: ({ us, leasedHead }) => us.service.heads.end(leasedHead, false) }],
  "trust changed": [
    { fire: ({ us }) => us.service.heads.authorize({ actorId: ACTOR, peerId: PEER }, undefined, 2) },
    { fire: ({ us }) => us.service.heads.authorize({ actorId: ACTOR, peerId: PEER }, secretDigest(SECRET), 3) },
  ],
};

/** Events of which the first write counts: work under the lease follows it, and gives the lease back in the end. */
const BEGUN: readonly Event[] = ["next", "due", "part read", "recovery asked", "resync callback"];

/** The result of one scenario, and every item that it wrote. */
async function play(state: State, event: Event, scenario: Scenario): Promise<Outcome> {
  const world = await StreamWorld.in(state, scenario.entry);
  await scenario.before?.(world);
  expect(world.state).toBe(state);
  world.watch();
  await scenario.fire(world);
  for (const item of world.written) if (item !== undefined) checkInvariants(readHead(item));
  const written = world.written.map((item) => world.stateOf(item));
  const became = (BEGUN.includes(event) ? written[0] : undefined) ?? world.state;
  if (became !== state) return became;
  return written.length === 0 ? "–" : "=";
}

function checkInvariants(head: ReturnType<typeof readHead>): void {
  const { lastSeq, buffered, live, dueAt, recovery, replacing } = head;
  for (const n of buffered) expect(n).toBeGreaterThan(lastSeq);
  if (live && buffered.size > 0) expect(dueAt).toBeDefined();
  if (recovery !== undefined) expect(replacing).toBe(true);
}

describe.each(STATES)("in the state %s", (state) => {
  it.each(EVENTS)("the event %s leads where the table says", async (event) => {
    const scenarios = SCENARIOS[event].filter((scenario) => scenario.in?.includes(state) ?? true);
    const expected = TABLE[state][event];
    if (expected[0] === "·") return;
    const outcomes = new Set<Outcome>();
    for (const scenario of scenarios) outcomes.add(await play(state, event, scenario));
    // Where a state stays, nothing need be written.
    if (expected.includes("=") && outcomes.delete("–")) outcomes.add("=");
    expect([...outcomes].sort()).toEqual([...expected].sort());
  });
});

it("is the table of the document", () => {
  const document = readFileSync(new URL("../../../../docs/stream-state.md", import.meta.url), "utf8");
  const section = document.slice(document.indexOf("## Transitions"), document.indexOf("### Beside the states"));
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [head = [], ...body] = rows;
  expect(head.slice(1)).toEqual([...STATES]);
  expect(body.map(([event]) => event)).toEqual([...EVENTS]);
  const withoutNotes = (cell: string): string[] => cell.replace(/( [a-z])+$/, "").split(", ");
  for (const [event = "", ...cells] of body) {
    const said = Object.fromEntries(STATES.map((state, index) => [state, withoutNotes(cells[index] ?? "")]));
    const tested = Object.fromEntries(STATES.map((state) => [state, [...TABLE[state][event as Event]]]));
    expect(said, event).toEqual(tested);
  }
});

it("has a body for every buffered number", async () => {
  const { head, us } = await StreamWorld.in("gap");
  for (const n of head.buffered) expect(us.table.itemAt(bufferedKey(KEY, head.epoch, n))).toBeDefined();
});
