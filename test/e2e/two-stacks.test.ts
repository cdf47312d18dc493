import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sameJson, type Json } from "../support/publisher/json.ts";
import { stateOf, writeRandomly } from "../support/random-writers.ts";
import { until } from "../support/service.ts";
import { sized } from "../support/sizes.ts";
import type { Stream, StreamScope } from "../support/subscriber-peer/stream.ts";
import {
  caughtUp,
  openTwoStacks,
  pair,
  STORMY,
  subscribeTo,
  reversed,
  type Pair,
  type Subscribed,
  type TwoStacks,
} from "./two-stacks.ts";

/** The changes of a calm network, and of a bad one. */
const CALM = sized(100, 500);
const STORMED = sized(40, 500);
/** What the bad network does. */
const DEEDS = ["lost", "swallowed", "unanswered", "doubled", "late", "slow"] as const;
const LIST_KINDS = 10;
const CHANGES = sized(12, 500);
const SCOPES: readonly Partial<StreamScope>[] = [
  {},
  { subtarget: "p0" },
  { subtarget: "p1", resource: "deep" },
  { subtarget: "l0" },
  { subtarget: "p2", granularity: "low" },
];

let stacks: TwoStacks;
beforeAll(async () => {
  stacks = await openTwoStacks(20_261_121);
});
afterEach(() => stacks.part());
afterAll(() => stacks.close());

const numbers = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** The numbers of one of B's subscriptions as its hooks saw them. */
const hooked = (id: string) => stacks.b.hookRuns(id).filter(({ callbackType }) => callbackType === "diff");

async function expectSameState(both: Pair, subscribed: Subscribed): Promise<Map<string, number>> {
  const { publisher, subscriber } = both;
  const newest = await caughtUp(both, subscribed);
  const state = await stateOf(publisher);
  let replica: Record<string, Json> = {};
  const same = async (): Promise<boolean> => sameJson((replica = await subscriber.replica(publisher.id)), state);
  await until("an exact copy", same).catch(() => undefined);
  expect(replica).toEqual(state);
  expect(Object.keys(state).length, "something is there to compare").toBeGreaterThan(3);
  return newest;
}

/** Callbacks alone bring every number once, and together they make the state. */
async function expectWitnessed(stream: Stream, both: Pair): Promise<void> {
  const { newest } = await stream.poll();
  await until("all callbacks", () => stream.last === newest).catch(() => undefined);
  expect(stream.gaps(newest)).toEqual([]);
  expect(stream.faults).toEqual([]);
  expect(stream.copy).toEqual(await stateOf(both.publisher));
}

/** One witness for each scope, with nothing else subscribed. */
async function witnessEach(both: Pair): Promise<readonly Stream[]> {
  return await Promise.all(
    SCOPES.map(async ({ granularity: _low, ...scope }) => {
      const peer = stacks.witnesses.add();
      expect(await peer.trust(both.publisher)).toBe(201);
      return await peer.subscribe(scope);
    }),
  );
}

/** Every number of every scope was made and sent, and B's subscriptions skip a number only where they read the state. */
async function expectDense(streams: readonly Stream[], subscribed: Subscribed): Promise<void> {
  for (const stream of streams) {
    const { newest } = await stream.poll();
    expect(newest).toBeGreaterThan(0);
    await until("all callbacks", () => stream.last === newest).catch(() => undefined);
    expect(stream.gaps(newest)).toEqual([]);
    expect(stream.faults).toEqual([]);
  }
  for (const { id, scope } of subscribed) {
    let last = 0;
    for (const { sequence, callbackType } of stacks.b.hookRuns(id)) {
      if (callbackType === "diff") expect([scope, sequence]).toEqual([scope, last + 1]);
      else expect(sequence, JSON.stringify(scope)).toBeGreaterThanOrEqual(last);
      last = sequence;
    }
  }
}

describe("two services", () => {
  it(`agree after ${CALM} random changes from 8 writers, number by number`, async () => {
    const both = await pair(stacks);
    const stream = await both.witness.subscribe();
    const subscribed = await subscribeTo(both, SCOPES);
    const listKinds = (kinds: ReadonlyMap<string, number>) =>
      [...kinds.keys()].filter((kind) => kind.startsWith("list "));
    const enough = (kinds: ReadonlyMap<string, number>): boolean => listKinds(kinds).length === LIST_KINDS;
    const kinds = await writeRandomly(both.publisher, { seed: 1, changes: CALM, enough, mostRefused: 5 });
    expect(listKinds(kinds)).toHaveLength(LIST_KINDS);
    const newest = await expectSameState(both, subscribed);
    for (const { id, scope } of subscribed) {
      const last = newest.get(id) ?? 0;
      expect(last, JSON.stringify(scope)).toBeGreaterThan(0);
      await until("the hooks", () => hooked(id).length >= last);
      expect(
        hooked(id).map(({ sequence }) => sequence),
        JSON.stringify(scope),
      ).toEqual(numbers(last));
    }
    await expectWitnessed(stream, both);
    expect(stream.arrivals, "in order, each once").toEqual(numbers(stream.last));
  });

  it("keep each other up to date both ways at once", async () => {
    const there = await pair(stacks);
    const back = reversed(there);
    const [subscribedThere, subscribedBack] = [
      await subscribeTo(there, [{}, { subtarget: "p0" }]),
      await subscribeTo(back, [{}, { subtarget: "l1" }]),
    ];
    await Promise.all([
      writeRandomly(there.publisher, { seed: 21, changes: CHANGES / 5, writers: 4, mostRefused: 5 }),
      writeRandomly(back.publisher, { seed: 22, changes: CHANGES / 5, writers: 4, mostRefused: 5 }),
    ]);
    await expectSameState(there, subscribedThere);
    await expectSameState(back, subscribedBack);
    const all = (await there.publisher.expect("GET", "/subscriptions", 200)) as { data: { callback: boolean }[] };
    expect(all.data.map(({ callback }) => callback).toSorted(), "two of each direction").toEqual([
      ...[false, false, true, true],
    ]);
  });

  it("agree although the network loses, doubles, delays and reorders callbacks", async () => {
    const both = await pair(stacks);
    const streams = await witnessEach(both);
    const subscribed = await subscribeTo(both, SCOPES);
    stacks.network.meddling = STORMY;
    const enough = (): boolean => DEEDS.every((deed) => stacks.network.done.has(deed));
    await writeRandomly(both.publisher, { seed: 2, changes: STORMED, enough, mostRefused: 5 });
    await stacks.network.settled();
    await expectSameState(both, subscribed);
    stacks.network.meddling = {};
    await expectDense(streams, subscribed);
    expect([...stacks.network.done.keys()]).toEqual(expect.arrayContaining([...DEEDS]));
  });

  it("agree after the subscriber's side was down in the middle", async () => {
    const both = await pair(stacks);
    const streams = await witnessEach(both);
    const subscribed = await subscribeTo(both, SCOPES);
    await writeRandomly(both.publisher, { seed: 3, changes: CHANGES / 5, mostRefused: 5 });
    expect(await stacks.b.stop()).toBe(0);
    await writeRandomly(both.publisher, { seed: 4, changes: (3 * CHANGES) / 5, mostRefused: 5 });
    await stacks.b.start();
    await writeRandomly(both.publisher, { seed: 5, changes: CHANGES / 5, mostRefused: 5 });
    await expectSameState(both, subscribed);
    await expectDense(streams, subscribed);
  });

  it("agree after the publisher's side was killed in the middle", async () => {
    const both = await pair(stacks);
    const stream = await both.witness.subscribe();
    const subscribed = await subscribeTo(both, SCOPES);
    const reached = Promise.withResolvers<undefined>();
    const onChange = (made: number): void => {
      if (made === CHANGES / 2) reached.resolve(undefined);
    };
    const writing = writeRandomly(both.publisher, { seed: 6, changes: CHANGES, patient: true, onChange });
    await Promise.race([reached.promise, writing]);
    await stacks.a.kill();
    await stacks.a.start();
    await writing;
    await expectSameState(both, subscribed);
    await expectWitnessed(stream, both);
  });
});
